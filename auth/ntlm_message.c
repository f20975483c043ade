/* SPDX-License-Identifier: MIT */
/* ntlm_message.c - NTLMSSP messages; see ntlm_message.h. */
#include "auth/ntlm_message.h"

#include "auth/utf16.h"

#define KIND_NEGOTIATE 1
#define KIND_CHALLENGE 2
#define KIND_AUTHENTICATE 3

/* Of a NEGOTIATE: up to its flags. Of an AUTHENTICATE: up to the workstation; up to the
 * flags; up to the MIC, with the version before it; all of it. */
#define NEGOTIATE_LEAST 16
#define AUTHENTICATE_LEAST 52
#define AUTHENTICATE_FLAGS 64
#define AUTHENTICATE_MIC 72
#define AUTHENTICATE_FULL 88
#define CHALLENGE_HEADER 56

/* NTLMv2_CLIENT_CHALLENGE without its AV pairs (MS-NLMP section 2.2.2.7). */
#define BLOB_HEADER 28
#define NTLM1_RESPONSE 24

enum av_id {
    AV_EOL,
    AV_COMPUTER,
    AV_DOMAIN,
    AV_DNS_COMPUTER,
    AV_DNS_DOMAIN,
    AV_FLAGS = 6,
    AV_TIMESTAMP = 7,
};
#define AV_FLAG_MIC 2U

static const char signature[8] = "NTLMSSP";

static uint32_t get16(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return u[0] | (uint32_t)u[1] << 8;
}

static uint32_t get32(const char *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static void put16(unsigned char *p, size_t value)
{
    p[0] = (unsigned char)(value & 0xff);
    p[1] = (unsigned char)(value >> 8 & 0xff);
}

static void put32(unsigned char *p, uint32_t value)
{
    put16(p, value & 0xffff);
    put16(p + 2, value >> 16);
}

unsigned ntlm_kind(struct str message)
{
    if (message.len < 12 || memcmp(message.ptr, signature, sizeof(signature)) != 0)
        return 0;
    uint32_t kind = get32(message.ptr + 8);
    return kind >= KIND_NEGOTIATE && kind <= KIND_AUTHENTICATE ? kind : 0;
}

int ntlm_message_negotiate(struct str message, uint32_t *flags)
{
    if (message.len < NEGOTIATE_LEAST || message.len > NTLM_NEGOTIATE_MAX ||
        ntlm_kind(message) != KIND_NEGOTIATE)
        return -1;
    *flags = get32(message.ptr + 12);
    return 0;
}

uint32_t ntlm_message_agree(uint32_t asked, bool is_domain)
{
    const uint32_t echoed = NTLM_FLAG_REQUEST_TARGET | NTLM_FLAG_SIGN | NTLM_FLAG_SEAL |
                            NTLM_FLAG_ALWAYS_SIGN | NTLM_FLAG_EXTENDED | NTLM_FLAG_VERSION |
                            NTLM_FLAG_128 | NTLM_FLAG_KEY_EXCH | NTLM_FLAG_56;
    uint32_t flags = (asked & echoed) | NTLM_FLAG_NTLM | NTLM_FLAG_TARGET_INFO;
    flags |= is_domain ? NTLM_FLAG_TARGET_DOMAIN : NTLM_FLAG_TARGET_SERVER;
    /* One that asks for neither gets Unicode, which needs no code page. */
    if ((asked & NTLM_FLAG_UNICODE) || !(asked & NTLM_FLAG_OEM))
        return flags | NTLM_FLAG_UNICODE;
    return flags | NTLM_FLAG_OEM;
}

static size_t put_pair(unsigned char *out, enum av_id id, const void *value, size_t len)
{
    put16(out, id);
    put16(out + 2, len);
    if (len > 0)
        memcpy(out + 4, value, len);
    return 4 + len;
}

static size_t put_target_info(const struct ntlm_target *t, uint64_t now_100ns, unsigned char *out)
{
    unsigned char now[8];
    size_t len = put_pair(out, AV_DOMAIN, t->domain.units, t->domain.len);
    len += put_pair(out + len, AV_COMPUTER, t->computer.units, t->computer.len);
    len += put_pair(out + len, AV_DNS_DOMAIN, t->dns_domain.units, t->dns_domain.len);
    len += put_pair(out + len, AV_DNS_COMPUTER, t->dns_computer.units, t->dns_computer.len);
    put32(now, (uint32_t)(now_100ns & 0xffffffffU));
    put32(now + 4, (uint32_t)(now_100ns >> 32));
    len += put_pair(out + len, AV_TIMESTAMP, now, sizeof(now));
    return len + put_pair(out + len, AV_EOL, NULL, 0);
}

/* The target's name, as the client can read it. */
static size_t put_target_name(const struct ntlm_target *t, bool is_unicode, unsigned char *out)
{
    const struct ntlm_name *name = t->is_domain ? &t->domain : &t->computer;
    if (is_unicode) {
        memcpy(out, name->units, name->len);
        return name->len;
    }
    for (size_t i = 0; i < name->len; i += 2)
        out[i / 2] = name->units[i + 1] == 0 && name->units[i] < 0x80 ? name->units[i] : '?';
    return name->len / 2;
}

static void put_field(unsigned char *field, size_t offset, size_t len)
{
    put16(field, len);
    put16(field + 2, len);
    put32(field + 4, (uint32_t)offset);
}

size_t ntlm_message_challenge(const struct ntlm_target *target, uint32_t flags,
                              const unsigned char challenge[NTLM_SERVER_CHALLENGE_SIZE],
                              uint64_t now_100ns, unsigned char out[NTLM_CHALLENGE_MAX])
{
    /* 6.1, and the revision that every NTLMSSP names (MS-NLMP section 2.2.2.10). */
    static const unsigned char version[8] = {6, 1, 0, 0, 0, 0, 0, 15};
    _Static_assert(CHALLENGE_HEADER + 3 * sizeof(struct ntlm_name) + 32 +
                           2 * sizeof(struct ntlm_name) <=
                       NTLM_CHALLENGE_MAX,
                   "five names and a timestamp fit");
    memset(out, 0, CHALLENGE_HEADER);
    memcpy(out, signature, sizeof(signature));
    put32(out + 8, KIND_CHALLENGE);
    put32(out + 20, flags);
    memcpy(out + 24, challenge, NTLM_SERVER_CHALLENGE_SIZE);
    if (flags & NTLM_FLAG_VERSION)
        memcpy(out + 48, version, sizeof(version));
    size_t len = CHALLENGE_HEADER;
    size_t size = put_target_name(target, flags & NTLM_FLAG_UNICODE, out + len);
    put_field(out + 12, len, size);
    len += size;
    size = put_target_info(target, now_100ns, out + len);
    put_field(out + 40, len, size);
    return len + size;
}

uint32_t ntlm_message_agreed(struct str message,
                             unsigned char challenge[NTLM_SERVER_CHALLENGE_SIZE])
{
    ASSERT(message.len >= CHALLENGE_HEADER && ntlm_kind(message) == KIND_CHALLENGE);
    memcpy(challenge, message.ptr + 24, NTLM_SERVER_CHALLENGE_SIZE);
    return get32(message.ptr + 20);
}

uint32_t ntlm_challenge_flags(struct str message)
{
    bool is_challenge = message.len >= 24 && ntlm_kind(message) == KIND_CHALLENGE;
    return is_challenge ? get32(message.ptr + 20) : 0;
}

/* The bytes of the field whose header stands at that place. *lowest: where the first
 * byte outside the header is. -1: the field is not inside of the message. */
static int take_field(struct str message, size_t header, struct str *field, size_t *lowest)
{
    size_t len = get16(message.ptr + header);
    size_t offset = get32(message.ptr + header + 4);
    *field = (struct str){NULL, 0};
    if (len == 0)
        return 0;
    if (offset > message.len || len > message.len - offset)
        return -1;
    *field = (struct str){message.ptr + offset, len};
    if (offset < *lowest)
        *lowest = offset;
    return 0;
}

/* The AV pairs of the blob: whether they promise a MIC. A list that is cut off, or a pair
 * of flags of the wrong size, is refused; one without its end mark is not. */
static int take_pairs(struct str pairs, bool *has_mic)
{
    *has_mic = false;
    while (pairs.len >= 4) {
        uint32_t id = get16(pairs.ptr);
        size_t len = get16(pairs.ptr + 2);
        if (id == AV_EOL)
            return 0;
        if (len > pairs.len - 4 || (id == AV_FLAGS && len != 4))
            return -1;
        if (id == AV_FLAGS && (get32(pairs.ptr + 4) & AV_FLAG_MIC))
            *has_mic = true;
        pairs.ptr += 4 + len;
        pairs.len -= 4 + len;
    }
    return 0;
}

static enum ntlm_result take_response(struct ntlm_authenticate *a, size_t message_len)
{
    if (a->nt.len == 0 || a->nt.len == NTLM1_RESPONSE || (a->flags & NTLM_FLAG_ANONYMOUS))
        return NTLM_OLD;
    if (a->nt.len < NTLM_PROOF_SIZE + BLOB_HEADER)
        return NTLM_BAD;
    a->proof = (struct str){a->nt.ptr, NTLM_PROOF_SIZE};
    a->blob = (struct str){a->nt.ptr + NTLM_PROOF_SIZE, a->nt.len - NTLM_PROOF_SIZE};
    if (a->blob.ptr[0] != 1 || a->blob.ptr[1] != 1) /* RespType, HiRespType */
        return NTLM_BAD;
    struct str pairs = {a->blob.ptr + BLOB_HEADER, a->blob.len - BLOB_HEADER};
    if (take_pairs(pairs, &a->has_mic) != 0)
        return NTLM_BAD;
    a->mic_offset = AUTHENTICATE_MIC;
    return a->has_mic && message_len < AUTHENTICATE_FULL ? NTLM_BAD : NTLM_OK;
}

enum ntlm_result ntlm_message_authenticate(struct ntlm_authenticate *a, struct str message,
                                           uint32_t challenge_flags)
{
    struct str lm, workstation;
    size_t lowest = message.len;
    *a = (struct ntlm_authenticate){.flags = challenge_flags};
    if (message.len < AUTHENTICATE_LEAST || message.len > NTLM_MESSAGE_MAX ||
        ntlm_kind(message) != KIND_AUTHENTICATE)
        return NTLM_BAD;
    if (take_field(message, 12, &lm, &lowest) != 0 ||
        take_field(message, 20, &a->nt, &lowest) != 0 ||
        take_field(message, 28, &a->domain, &lowest) != 0 ||
        take_field(message, 36, &a->user, &lowest) != 0 ||
        take_field(message, 44, &workstation, &lowest) != 0)
        return NTLM_BAD;
    /* The oldest clients have neither key nor flags: their payload starts here. */
    if (lowest >= AUTHENTICATE_FLAGS && message.len >= AUTHENTICATE_FLAGS) {
        if (take_field(message, 52, &a->session_key, &lowest) != 0)
            return NTLM_BAD;
        a->flags = get32(message.ptr + 60);
        a->has_flags = true;
    }
    if (a->domain.len > NTLM_DOMAIN_MAX)
        return NTLM_BAD;
    return take_response(a, message.len);
}

bool ntlm_message_user(const struct ntlm_authenticate *a, char user[ACCOUNT_NAME_MAX + 1])
{
    unsigned char units[2 * ACCOUNT_NAME_MAX];
    size_t len = a->user.len;
    user[0] = '\0';
    if (a->flags & NTLM_FLAG_UNICODE) {
        if (utf16_to_utf8(a->user, user, ACCOUNT_NAME_MAX, &len) != 0)
            len = 0;
    } else if (utf16_from_utf8(a->user, units, sizeof(units), &len) == 0 &&
               a->user.len <= ACCOUNT_NAME_MAX) {
        len = a->user.len;
        if (len > 0)
            memcpy(user, a->user.ptr, len);
    } else {
        len = 0;
    }
    user[len] = '\0';
    if (len == 0)
        return a->user.len == 0;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)user[i] < 0x20 || user[i] == 0x7f)
            return false;
    return true;
}
