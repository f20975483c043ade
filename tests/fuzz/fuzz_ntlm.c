/* SPDX-License-Identifier: MIT */
/* fuzz_ntlm.c - any bytes as NTLMSSP messages. Input: two bytes, the length of the first
 * message, low byte first; the first message; the second. Beyond what the sanitizers see,
 * these must hold:
 *   - what was begun has a CHALLENGE that names the flags agreed upon;
 *   - no answer passes, for its challenge is random;
 *   - an answer is judged once, and signs nothing unless it passed;
 *   - what a parser found lies inside of the message;
 *   - a name that could be read is UTF-8 without control characters. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/ntlm.h"
#include "auth/ntlm_message.h"
#include "auth/utf16.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly these bytes, so that one step beyond is seen. */
static struct str copy_exactly(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);
    ASSERT(copy);
    memcpy(copy, bytes, len);
    return (struct str){copy, len};
}

static const struct ntlm *one_account(void)
{
    static struct ntlm *n;
    struct errlist faults;
    if (n == NULL) {
        errlist_init(&faults);
        n = ntlm_new(&(struct ntlm_settings){.domain = "CORP", .computer = "PROXY"},
                     STR_LIT("User:1:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:"
                             "A4F49C406510BDCAB6824EE7C30FD852:[U          ]:LCT-0:\n"),
                     "users", &faults);
        ASSERT(n != NULL);
        errlist_fini(&faults);
    }
    return n;
}

static bool is_inside(struct str part, struct str whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_name(const char *user)
{
    unsigned char units[2 * ACCOUNT_NAME_MAX];
    size_t len;
    ASSERT(strlen(user) <= ACCOUNT_NAME_MAX);
    ASSERT(utf16_from_utf8(str_of(user), units, sizeof(units), &len) == 0);
    for (const char *p = user; *p != '\0'; p++)
        ASSERT((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void check_parts(struct str message)
{
    struct ntlm_authenticate a;
    char user[ACCOUNT_NAME_MAX + 1];
    enum ntlm_result result = ntlm_message_authenticate(&a, message, NTLM_FLAG_UNICODE);
    ASSERT(result == NTLM_OK || result == NTLM_OLD || result == NTLM_BAD);
    ASSERT(is_inside(a.nt, message) && is_inside(a.domain, message) && is_inside(a.user, message) &&
           is_inside(a.session_key, message));
    if (result == NTLM_OK) {
        ASSERT(a.proof.len == NTLM_PROOF_SIZE && a.proof.ptr == a.nt.ptr);
        ASSERT(is_inside(a.blob, a.nt) && a.blob.len + NTLM_PROOF_SIZE == a.nt.len);
        ASSERT(!a.has_mic || a.mic_offset + NTLM_KEY_SIZE <= message.len);
    }
    if (ntlm_claimed_user(message, user))
        check_name(user);
    else /* one of the oldest form is not judged, so nobody is claimed */
        ASSERT(result == NTLM_BAD || (result == NTLM_OK && !a.has_flags) ||
               !ntlm_message_user(&a, user));
}

static void check_handshake(struct str first, struct str second)
{
    const struct ntlm *n = one_account();
    struct ntlm_session *s;
    char user[ACCOUNT_NAME_MAX + 1];
    unsigned char nonce[NTLM_SERVER_CHALLENGE_SIZE], mac[NTLM_MAC_SIZE];
    uint32_t asked;
    bool is_negotiate = ntlm_message_negotiate(first, &asked) == 0;
    ASSERT((ntlm_begin(n, first, 0, &s) == NTLM_OK) == is_negotiate);
    if (!is_negotiate)
        return;
    struct str challenge = ntlm_challenge(s);
    ASSERT(challenge.len <= NTLM_CHALLENGE_MAX && ntlm_kind(challenge) == 2);
    ASSERT(ntlm_message_agreed(challenge, nonce) == ntlm_message_agree(asked, true));
    ASSERT(ntlm_finish(n, s, second, user) != NTLM_OK && user[0] == '\0');
    ASSERT(ntlm_finish(n, s, second, user) == NTLM_BAD);
    ASSERT(!ntlm_sign(s, true, second, mac));
    ntlm_session_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t len = data[0] | (size_t)data[1] << 8;
    if (len > size - 2)
        len = size - 2;
    struct str first = copy_exactly(data + 2, len);
    struct str second = copy_exactly(data + 2 + len, size - 2 - len);
    (void)ntlm_kind(first);
    check_parts(second);
    check_handshake(first, second);
    free((char *)first.ptr);
    free((char *)second.ptr);
    return 0;
}
