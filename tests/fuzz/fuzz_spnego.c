/* SPDX-License-Identifier: MIT */
/* fuzz_spnego.c - any bytes as SPNEGO tokens. Input: two bytes, big-endian, that say
 * where the first token ends, then two tokens. Beyond what the sanitizers see, these
 * must hold:
 *   - what was found lies in the token, and only where its kind has it;
 *   - a cut token is none, but one that is not SPNEGO's to judge may be;
 *   - a reply with the same parts is read as these parts;
 *   - nobody who has no password is somebody. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/negotiate.h"
#include "auth/spnego.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A block of exactly these bytes, so that one step beyond is seen. */
static struct str copy_exactly(const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1);
    ASSERT(copy);
    memcpy(copy, bytes, len);
    return (struct str){copy, len};
}

static bool is_inside(struct str part, struct str whole)
{
    return part.len == 0 || (part.ptr > whole.ptr && part.len < whole.len &&
                             part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_parts(const struct spnego_token *t, struct str token)
{
    ASSERT(is_inside(t->inner, token) && is_inside(t->mic, token));
    ASSERT(is_inside(t->mechanism_list, token));
    ASSERT((t->kind == SPNEGO_INIT) == (t->mechanism_count > 0));
    ASSERT((t->kind == SPNEGO_INIT) == (t->mechanism_list.len > 0));
    ASSERT(t->mechanism_count <= SPNEGO_MECHANISMS_MAX);
    ASSERT(t->mechanism_list.len == 0 || t->mechanism_list.ptr[0] == 0x30);
    if (t->kind != SPNEGO_INIT && t->kind != SPNEGO_RESP)
        ASSERT(t->inner.len == 0 && t->mic.len == 0);
    if (t->kind == SPNEGO_NONE)
        ASSERT(token.len == 0 || (token.ptr[0] != 0x60 && (unsigned char)token.ptr[0] != 0xa1));
}

static void check_cut(const struct spnego_token *whole, struct str token)
{
    struct spnego_token t;
    if (token.len < 2 || whole->kind == SPNEGO_NONE || whole->kind == SPNEGO_BAD)
        return;
    struct str cut = copy_exactly((const uint8_t *)token.ptr, token.len - 1);
    spnego_parse(&t, cut);
    ASSERT(t.kind == SPNEGO_BAD);
    free((char *)(uintptr_t)cut.ptr);
}

static void check_reply(const struct spnego_token *found)
{
    struct spnego_token t;
    char *out = malloc(found->inner.len + found->mic.len + SPNEGO_REPLY_OVERHEAD);
    ASSERT(out);
    size_t len = spnego_write_reply(SPNEGO_INCOMPLETE, SPNEGO_NTLM, found->inner, found->mic, out);
    spnego_parse(&t, (struct str){out, len});
    ASSERT(t.kind == SPNEGO_RESP);
    ASSERT(str_eq(t.inner, found->inner) && str_eq(t.mic, found->mic));
    free(out);
}

static void check_token(struct str token)
{
    struct spnego_token t;
    char user[ACCOUNT_NAME_MAX + 1] = "";
    spnego_parse(&t, token);
    check_parts(&t, token);
    check_cut(&t, token);
    check_reply(&t);
    if (negotiate_claimed_user(token, user))
        ASSERT(strlen(user) <= ACCOUNT_NAME_MAX);
}

/* One account, with a hash that is nobody's password. */
static struct ntlm *make_ntlm(void)
{
    const struct ntlm_settings settings = {"CORP", "PROXY"};
    struct errlist faults;
    errlist_init(&faults);
    struct ntlm *n = ntlm_new(&settings,
                              STR_LIT("carol:1000:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:"
                                      "0123456789ABCDEF0123456789ABCDEF:[U          ]:\n"),
                              "smbpasswd", &faults);
    ASSERT(n);
    errlist_fini(&faults);
    return n;
}

static void check_handshake(struct str first, struct str second, bool has_kerberos)
{
    static struct ntlm *ntlm;
    struct negotiate_session *s = NULL;
    const struct str tokens[] = {first, second};
    if (!ntlm)
        ntlm = make_ntlm();
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        enum negotiate_result result = negotiate_step(ntlm, has_kerberos, &s, tokens[i], 1);
        ASSERT(s && result != NEGOTIATE_OK && result != NEGOTIATE_NO_MEMORY);
        ASSERT(negotiate_user(s)[0] == '\0');
        ASSERT((result == NEGOTIATE_TOKEN) == (negotiate_token(s).len > 0));
        ASSERT(result != NEGOTIATE_KERBEROS || (has_kerberos && negotiate_is_kerberos(s)));
        if (result == NEGOTIATE_KERBEROS)
            break;
    }
    negotiate_session_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t len = size - 2, cut = (size_t)data[0] << 8 | data[1];
    cut = cut < len ? cut : len;
    struct str first = copy_exactly(data + 2, cut);
    struct str second = copy_exactly(data + 2 + cut, len - cut);
    check_token(first);
    check_token(second);
    check_handshake(first, second, false);
    check_handshake(first, second, true);
    free((char *)(uintptr_t)first.ptr);
    free((char *)(uintptr_t)second.ptr);
    return 0;
}
