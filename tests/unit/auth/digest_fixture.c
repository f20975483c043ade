/* SPDX-License-Identifier: MIT */
/* digest_fixture.c - what the tests of Digest share; see digest_fixture.h. */
#include "tests/unit/auth/digest_fixture.h"

#include <check.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct digest_fixture fixture;

struct digest *digest_load(const char *realm, const char *text)
{
    struct digest_settings settings = {
        .realm = realm,
        .algorithms = {DIGEST_SHA256, DIGEST_MD5},
        .algorithm_count = 2,
        .secret = STR_LIT("a secret of many bytes"),
        .nonce_lifetime_s = LIFETIME,
    };
    digest_free(fixture.digest);
    fixture.digest = digest_new(&settings, str_of(text), "users.htdigest", &fixture.faults);
    return fixture.digest;
}

void digest_setup(void)
{
    errlist_init(&fixture.faults);
    fixture.digest = NULL;
    fixture.nonces = nonces_new();
    ck_assert_ptr_nonnull(fixture.nonces);
    ck_assert_ptr_nonnull(digest_load(REALM, EVERYBODY));
    ck_assert_uint_eq(fixture.faults.count, 0);
}

void digest_teardown(void)
{
    digest_free(fixture.digest);
    nonces_free(fixture.nonces);
    errlist_fini(&fixture.faults);
}

enum digest_result digest_judge_at(const char *method, const char *target, const char *params,
                                   uint64_t now_s)
{
    struct digest_request request = {str_of(method), str_of(target)};
    memset(fixture.user, 'x', sizeof(fixture.user));
    enum digest_result result =
        digest_check(fixture.digest, fixture.nonces, now_s, &request, str_of(params), fixture.user);
    if (result == DIGEST_OK)
        ck_assert_ptr_nonnull(memchr(fixture.user, '\0', sizeof(fixture.user)));
    else
        ck_assert_int_eq(fixture.user[0], 'x');
    return result;
}

enum digest_result digest_judge(const char *method, const char *target, const char *params)
{
    return digest_judge_at(method, target, params, NOW);
}

const char *digest_hash_by_evp(enum digest_algorithm algorithm, char out[65], const char *format,
                               ...)
{
    char text[4096];
    unsigned char bytes[EVP_MAX_MD_SIZE];
    size_t len = 0;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    ck_assert_int_eq(EVP_Q_digest(NULL, algorithm == DIGEST_MD5 ? "MD5" : "SHA256", NULL, text,
                                  strlen(text), bytes, &len),
                     1);
    for (size_t i = 0; i < len; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return out;
}

void digest_take_nonce(struct digest_client *c)
{
    char challenge[DIGEST_CHALLENGE_MAX];
    size_t len =
        digest_challenge(fixture.digest, fixture.nonces, NOW, c->algorithm, false, challenge);
    ck_assert_uint_lt(len, DIGEST_CHALLENGE_MAX);
    ck_assert_int_eq(sscanf(strstr(challenge, "nonce=\""), "nonce=\"%80[^\"]", c->nonce), 1);
}

const char *digest_answer(const struct digest_client *c)
{
    static char params[4096];
    char ha1[65], ha2[65], response[65], name[65];
    enum digest_algorithm a = c->algorithm;
    digest_hash_by_evp(a, ha1, "%s:%s:%s", c->user, REALM, c->password);
    digest_hash_by_evp(a, ha2, "%s:%s", c->method, c->uri);
    digest_hash_by_evp(a, response, "%s:%s:%08x:c0ffee:auth:%s", ha1, c->nonce, c->nc, ha2);
    digest_hash_by_evp(a, name, "%s:%s", c->user, REALM);
    snprintf(params, sizeof(params),
             "username=\"%s\", realm=\"" REALM "\", nonce=\"%s\", uri=\"%s\", cnonce=\"c0ffee\", "
             "nc=%08x, qop=auth, response=\"%s\", algorithm=%s%s",
             c->is_hashed ? name : c->user, c->nonce, c->uri, c->nc, response,
             a == DIGEST_MD5 ? "MD5" : "SHA-256", c->is_hashed ? ", userhash=true" : "");
    return params;
}

struct digest_client digest_alice(enum digest_algorithm algorithm)
{
    struct digest_client c = {.user = "alice",
                              .password = "Secret1",
                              .method = "CONNECT",
                              .uri = "host.example:443",
                              .algorithm = algorithm,
                              .nc = 1};
    digest_take_nonce(&c);
    return c;
}

const char *digest_alter(const char *params, const char *from, const char *to)
{
    static char altered[8192];
    const char *at = strstr(params, from);
    ck_assert_msg(at != NULL, "no %s in %s", from, params);
    snprintf(altered, sizeof(altered), "%.*s%s%s", (int)(at - params), params, to,
             at + strlen(from));
    return altered;
}
