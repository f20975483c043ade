/* SPDX-License-Identifier: MIT */
/* negotiate_fixture.c - the NTLM and the Kerberos of this test, and a client's tokens. */
#include "tests/unit/auth/negotiate_fixture.h"

#include <check.h>

#include "util/mem.h"

struct ntlm {
    char unused;
};
struct ntlm_session {
    bool can_sign;
};

static const struct ntlm one_ntlm;
const struct ntlm *const some_ntlm = &one_ntlm;
int sessions_alive, contexts_alive; /* global: what the functions below make and free */

struct str authenticate_as(char message[MESSAGE_SIZE], enum ntlm_result result, bool can_sign)
{
    static const char whole[MESSAGE_SIZE] = "NTLMSSP\0\3\0\1carol";
    memcpy(message, whole, MESSAGE_SIZE);
    message[9] = (char)result;
    message[10] = (char)can_sign;
    return (struct str){message, MESSAGE_SIZE};
}

unsigned ntlm_kind(struct str message)
{
    return message.len > 8 && memcmp(message.ptr, "NTLMSSP", 8) == 0 ? (unsigned)message.ptr[8] : 0;
}

enum ntlm_result ntlm_begin(const struct ntlm *n, struct str message, uint64_t now_100ns,
                            struct ntlm_session **s)
{
    ck_assert_ptr_eq(n, some_ntlm);
    ck_assert_uint_eq(now_100ns, 77);
    *s = NULL;
    if (message.ptr[9] != NTLM_OK)
        return (enum ntlm_result)message.ptr[9];
    *s = mem_zalloc(sizeof(**s));
    sessions_alive += *s ? 1 : 0;
    return *s ? NTLM_OK : NTLM_NO_MEMORY;
}

struct str ntlm_challenge(const struct ntlm_session *s)
{
    return STR_LIT(CHALLENGE);
}

bool ntlm_claimed_user(struct str message, char user[ACCOUNT_NAME_MAX + 1])
{
    memcpy(user, "carol", 6);
    return true;
}

enum ntlm_result ntlm_finish(const struct ntlm *n, struct ntlm_session *s, struct str message,
                             char user[ACCOUNT_NAME_MAX + 1])
{
    ck_assert_ptr_eq(n, some_ntlm);
    s->can_sign = message.ptr[10] != 0;
    memcpy(user, "carol", 6);
    return (enum ntlm_result)message.ptr[9];
}

/* The side, and the last bytes of the list that is signed. */
bool ntlm_sign(const struct ntlm_session *s, bool is_client, struct str bytes,
               unsigned char mac[NTLM_MAC_SIZE])
{
    memset(mac, is_client ? 'C' : 'S', NTLM_MAC_SIZE);
    memcpy(mac + 1, bytes.ptr + bytes.len - 12, 12);
    return s->can_sign;
}

void ntlm_session_free(struct ntlm_session *s)
{
    sessions_alive -= s ? 1 : 0;
    mem_free(s);
}

void kerberos_context_free(void *context)
{
    contexts_alive -= context ? 1 : 0;
}

struct str str_token(const struct token *t)
{
    return (struct str){t->bytes, t->len};
}

static void put(struct token *t, struct str s)
{
    if (s.len > 0)
        memcpy(t->bytes + t->len, s.ptr, s.len);
    t->len += s.len;
}

/* Everything from `from` becomes the content of one element. */
static void wrap(struct token *t, size_t from, unsigned char tag)
{
    unsigned char header[3] = {tag, 0x81, (unsigned char)(t->len - from)};
    size_t len = t->len - from < 128 ? 2 : 3;
    ck_assert_uint_lt(t->len - from, 256);
    memmove(t->bytes + from + len, t->bytes + from, t->len - from);
    header[1] = len == 2 ? header[2] : header[1];
    memcpy(t->bytes + from, header, len);
    t->len += len;
}

static void put_octets(struct token *t, unsigned char field, struct str s)
{
    size_t from = t->len;
    if (s.len == 0)
        return;
    put(t, s);
    wrap(t, from, 0x04);
    wrap(t, from, field);
}

struct token make_init(struct str mechanisms, struct str inner)
{
    struct token t = {.len = 0};
    put(&t, STR_LIT("\x06\x06\x2b\x06\x01\x05\x05\x02"));
    size_t from = t.len;
    put(&t, mechanisms);
    wrap(&t, from, 0x30);
    wrap(&t, from, 0xa0);
    put_octets(&t, 0xa2, inner);
    wrap(&t, from, 0x30);
    wrap(&t, from, 0xa0);
    wrap(&t, 0, 0x60);
    return t;
}

struct token make_resp(struct str inner, struct str mic)
{
    struct token t = {.len = 0};
    put(&t, STR_LIT("\xa0\x03\x0a\x01\x01"));
    put_octets(&t, 0xa2, inner);
    put_octets(&t, 0xa3, mic);
    wrap(&t, 0, 0x30);
    wrap(&t, 0, 0xa1);
    return t;
}
