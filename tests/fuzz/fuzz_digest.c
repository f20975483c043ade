/* SPDX-License-Identifier: MIT */
/* fuzz_digest.c - any bytes as Digest credentials. Input: a line "METHOD target", then
 * the parameters. Beyond what the sanitizers see, these must hold:
 *   - a value that was read lies in the text or in the room for it, and has no control
 *     character but tabs;
 *   - a claimed name is what the parameters have, and where there is none, the
 *     credentials are malformed;
 *   - where the response is missing and the right one is put in, the password is right:
 *     only the nonce can be at fault. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/digest.h"
#include "auth/digest_hash.h"
#include "auth/digest_params.h"

#define NOW 1700000000U
#define REALM "Corporate proxy"
#define HA1_MD5 "e7fc8173824cb19f1e2da75acc9824d6"
#define HA1_SHA256 "e32b0c5e431b97dacdff916e398a31974d04d0e60a743f89857f15f9481d09c7"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct setup {
    struct nonces *nonces;
    struct digest *digest;
};

static struct setup make_setup(void)
{
    struct digest_settings settings = {.realm = REALM,
                                       .algorithms = {DIGEST_SHA256, DIGEST_MD5},
                                       .algorithm_count = 2,
                                       .secret = STR_LIT("a secret of many bytes"),
                                       .nonce_lifetime_s = 300};
    struct errlist faults;
    errlist_init(&faults);
    struct setup s = {
        .nonces = nonces_new(),
        .digest = digest_new(&settings,
                             STR_LIT("alice:" REALM ":" HA1_MD5 "\nalice:" REALM ":" HA1_SHA256),
                             "users", &faults),
    };
    ASSERT(s.nonces != NULL && s.digest != NULL && faults.count == 0);
    errlist_fini(&faults);
    return s;
}

/* A block of exactly these bytes, so that one step beyond is seen. */
static struct str copy_exactly(struct str bytes)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    ASSERT(copy);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    return (struct str){copy, bytes.len};
}

static void check_value(const struct digest_params *p, struct str text, struct str value)
{
    bool is_in_text = value.ptr >= text.ptr && value.ptr + value.len <= text.ptr + text.len;
    bool is_in_room =
        value.ptr >= p->escaped && value.ptr + value.len <= p->escaped + p->escaped_len;
    ASSERT(is_in_text || is_in_room);
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        ASSERT(c == '\t' || (c >= 0x20 && c != 0x7f));
    }
}

static void check_params(struct str text)
{
    struct digest_params p;
    char room[ACCOUNT_NAME_MAX];
    struct str name;
    bool is_hash;
    if (digest_params_parse(&p, text))
        return;
    ASSERT(p.escaped_len <= sizeof(p.escaped));
    for (size_t i = 0; i < DIGEST_PARAM_COUNT; i++) {
        if (p.values[i].ptr != NULL)
            check_value(&p, text, p.values[i]);
    }
    if (digest_params_user(&p, room, &name, &is_hash))
        ASSERT(name.len > 0 && name.len <= ACCOUNT_NAME_MAX &&
               memchr(name.ptr, 0, name.len) == NULL);
}

static enum digest_result judge(const struct setup *s, const struct digest_request *request,
                                struct str params, char user[ACCOUNT_NAME_MAX + 1])
{
    struct str exact = copy_exactly(params);
    char claimed[ACCOUNT_NAME_MAX + 1];
    bool is_named = digest_claimed_user(s->digest, exact, claimed);
    enum digest_result result = digest_check(s->digest, s->nonces, NOW, request, exact, user);
    ASSERT(is_named || result == DIGEST_BAD);
    ASSERT(!is_named || (strlen(claimed) > 0 && strlen(claimed) <= ACCOUNT_NAME_MAX));
    if (is_named && (result == DIGEST_STALE || result == DIGEST_OK))
        ASSERT(strcmp(claimed, "alice") == 0);
    free((char *)exact.ptr);
    return result;
}

/* What alice would have answered, behind the parameters that are there. */
static void complete(const struct setup *s, const struct digest_request *request, struct str params)
{
    static const char LABEL[] = ", response=";
    char user[ACCOUNT_NAME_MAX + 1], ha2[DIGEST_HEX_MAX], hex[DIGEST_HEX_MAX];
    struct digest_params p;
    if (digest_params_parse(&p, params) || p.values[DIGEST_RESPONSE].ptr != NULL)
        return;
    const struct str *v = p.values;
    bool is_md5 = !str_ieq(v[DIGEST_ALGORITHM], STR_LIT("SHA-256"));
    enum digest_algorithm algorithm = is_md5 ? DIGEST_MD5 : DIGEST_SHA256;
    struct str a2[] = {request->method, v[DIGEST_URI]};
    struct str parts[] = {
        is_md5 ? STR_LIT(HA1_MD5) : STR_LIT(HA1_SHA256),
        v[DIGEST_NONCE],
        v[DIGEST_NC],
        v[DIGEST_CNONCE],
        v[DIGEST_QOP],
        digest_hash(algorithm, a2, 2, ha2),
    };
    struct str response = digest_hash(algorithm, parts, ARRAY_LEN(parts), hex);
    size_t len = params.len + sizeof(LABEL) - 1 + response.len;
    char *text = malloc(len);
    ASSERT(text);
    memcpy(text, params.ptr, params.len);
    memcpy(text + params.len, LABEL, sizeof(LABEL) - 1);
    memcpy(text + len - response.len, response.ptr, response.len);
    enum digest_result result = judge(s, request, (struct str){text, len}, user);
    if (result == DIGEST_WRONG) { /* then it is not alice's */
        char claimed[ACCOUNT_NAME_MAX + 1];
        ASSERT(digest_claimed_user(s->digest, params, claimed));
        ASSERT(strcmp(claimed, "alice") != 0 || str_ieq(v[DIGEST_USERHASH], STR_LIT("true")));
    } else {
        ASSERT(result == DIGEST_BAD || result == DIGEST_STALE);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct setup s;
    char user[ACCOUNT_NAME_MAX + 1];
    if (s.digest == NULL)
        s = make_setup();
    struct str rest = {(const char *)data, size};
    struct str target = str_cut(&rest, '\n');
    struct str method = str_cut(&target, ' ');
    target = copy_exactly(target);
    struct str params = copy_exactly(rest);
    struct digest_request request = {method, target};
    check_params(params);
    ASSERT(judge(&s, &request, params, user) != DIGEST_OK);
    complete(&s, &request, params);
    free((char *)params.ptr);
    free((char *)target.ptr);
    return 0;
}
