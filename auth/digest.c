/* SPDX-License-Identifier: MIT */
/* digest.c - the Digest scheme on the side of the proxy; see digest.h. */
#include "auth/digest.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "auth/digest_file.h"
#include "auth/digest_hash.h"
#include "auth/digest_params.h"
#include "util/attr.h"
#include "util/mem.h"

#define REALM_MAX 255
#define CNONCE_MAX 256
#define NC_LEN 8

struct digest {
    char *realm;
    char *realm_quoted; /* with backslashes, for challenges */
    char *secret;
    size_t secret_len;
    uint64_t nonce_lifetime_s;
    enum digest_algorithm algorithms[DIGEST_ALGORITHMS]; /* accepted */
    size_t algorithm_count;
    enum digest_algorithm offered[DIGEST_ALGORITHMS];
    size_t offered_count;
    struct accounts *accounts;                     /* of struct digest_account */
    struct accounts *by_hash[DIGEST_ALGORITHMS];   /* userhash to index in accounts */
    struct digest_account nobody;                  /* random: what unknown users are checked by */
};

static void check_settings(const struct digest_settings *s, const struct place *place,
                           struct errlist *faults)
{
    size_t len = strlen(s->realm);
    ASSERT(s->algorithm_count > 0 && s->algorithm_count <= DIGEST_ALGORITHMS);
    if (len == 0 || len > REALM_MAX)
        errlist_add(faults, place, "a realm has 1 to %d bytes", REALM_MAX);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s->realm[i];
        if (c < 0x20 || c == 0x7f) {
            errlist_add(faults, place, "a realm has no control characters");
            break;
        }
    }
    if (s->secret.len > 0 && s->secret.len < NONCE_SECRET_MIN)
        errlist_add(faults, place, "a secret has at least %d bytes", NONCE_SECRET_MIN);
}

static char *quote(const char *text)
{
    char *out = mem_must_zalloc(2 * strlen(text) + 1), *at = out;
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            *at++ = '\\';
        *at++ = *text;
    }
    return out;
}

/* Accounts without a line of the algorithm; *name becomes one of them. */
static size_t count_lacking(const struct accounts *accounts, enum digest_algorithm algorithm,
                            const char **name)
{
    size_t lacking = 0;
    for (size_t i = 0; i < accounts_count(accounts); i++) {
        const struct digest_account *account = accounts_value(accounts, i);
        if (!account->has[algorithm] && lacking++ == 0)
            *name = accounts_name(accounts, i);
    }
    return lacking;
}

static void choose_offers(struct digest *d, const struct place *place, struct errlist *faults)
{
    const char *name = NULL;
    size_t count = accounts_count(d->accounts);
    for (size_t i = 0; i < d->algorithm_count; i++) {
        if (count_lacking(d->accounts, d->algorithms[i], &name) == 0)
            d->offered[d->offered_count++] = d->algorithms[i];
    }
    for (size_t i = 0; i < d->algorithm_count && d->offered_count == 0; i++) {
        if (count_lacking(d->accounts, d->algorithms[i], &name) < count)
            d->offered[d->offered_count++] = d->algorithms[i];
    }
    if (d->offered_count == 0) /* the file has lines of other algorithms only */
        d->offered[d->offered_count++] = d->algorithms[0];
    for (size_t i = 0; i < d->algorithm_count; i++) {
        const char *algorithm = digest_algorithm_name(d->algorithms[i]).ptr;
        size_t lacking = count_lacking(d->accounts, d->algorithms[i], &name);
        bool is_offered = false;
        for (size_t k = 0; k < d->offered_count; k++)
            is_offered |= d->offered[k] == d->algorithms[i];
        if (!is_offered)
            errlist_warn(faults, place, "%s has no %s line: %s is not offered", name, algorithm,
                         algorithm);
        else if (lacking > 0)
            errlist_warn(faults, place, "%s has no %s line and cannot log in: no algorithm has "
                         "a line of every user, %s is offered", name, algorithm, algorithm);
    }
}

/* H(user:realm) of every account (RFC 7616 section 3.4.4), for each algorithm. */
static void index_hashes(struct digest *d)
{
    for (size_t i = 0; i < d->algorithm_count; i++) {
        enum digest_algorithm algorithm = d->algorithms[i];
        struct accounts *by_hash = accounts_new(sizeof(size_t), true);
        for (size_t k = 0; k < accounts_count(d->accounts); k++) {
            struct str parts[] = {str_of(accounts_name(d->accounts, k)), str_of(d->realm)};
            char hex[DIGEST_HEX_MAX];
            bool is_new;
            size_t *index = accounts_add(by_hash, digest_hash(algorithm, parts, 2, hex), &is_new);
            *index = k;
        }
        accounts_seal(by_hash);
        d->by_hash[algorithm] = by_hash;
    }
}

static int make_nobody(struct digest *d)
{
    unsigned char bytes[DIGEST_HEX_MAX];
    static const char DIGITS[] = "0123456789abcdef";
    for (size_t a = 0; a < DIGEST_ALGORITHMS; a++) {
        if (RAND_bytes(bytes, sizeof(bytes)) != 1)
            return -1;
        for (size_t i = 0; i < DIGEST_HEX_MAX; i++)
            d->nobody.ha1[a][i] = DIGITS[bytes[i] & 15];
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return 0;
}

struct digest *digest_new(const struct digest_settings *settings, struct str text,
                          const char *file, struct errlist *faults)
{
    struct place place = {.file = file};
    size_t errors = faults->errors;
    struct digest *d = mem_must_zalloc(sizeof(*d));
    check_settings(settings, &place, faults);
    d->realm = mem_must_dup(settings->realm, strlen(settings->realm));
    d->realm_quoted = quote(settings->realm);
    d->secret = mem_must_dup(settings->secret.len ? settings->secret.ptr : "",
                             settings->secret.len);
    d->secret_len = settings->secret.len;
    d->nonce_lifetime_s = settings->nonce_lifetime_s;
    d->algorithm_count = settings->algorithm_count;
    memcpy(d->algorithms, settings->algorithms, sizeof(d->algorithms));
    d->accounts = digest_file_read(text, file, str_of(d->realm), faults);
    if (make_nobody(d))
        errlist_add(faults, &place, "no random bytes");
    if (faults->errors != errors) {
        digest_free(d);
        return NULL;
    }
    choose_offers(d, &place, faults);
    index_hashes(d);
    return d;
}

void digest_free(struct digest *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < DIGEST_ALGORITHMS; i++)
        accounts_free(d->by_hash[i]);
    accounts_free(d->accounts);
    if (d->secret_len > 0)
        OPENSSL_cleanse(d->secret, d->secret_len);
    mem_free(d->secret);
    mem_free(d->realm_quoted);
    mem_free(d->realm);
    mem_free(d);
}

size_t digest_offered(const struct digest *d, enum digest_algorithm out[DIGEST_ALGORITHMS])
{
    memcpy(out, d->offered, sizeof(d->offered));
    return d->offered_count;
}

static struct str secret_of(const struct digest *d)
{
    return (struct str){d->secret, d->secret_len};
}

/* What came with RFC 7616 stands last, for readers that stop at what they do not know.
 * MD5 is there for clients that are older than that: userhash would mean nothing to
 * them, or worse. */
size_t digest_challenge(const struct digest *d, struct nonces *nonces, uint64_t now_s,
                        enum digest_algorithm algorithm, bool is_stale,
                        char out[DIGEST_CHALLENGE_MAX])
{
    char nonce[NONCE_TEXT_MAX];
    size_t nonce_len = nonce_make(nonces, secret_of(d), now_s, nonce);
    int len = snprintf(out, DIGEST_CHALLENGE_MAX,
                       "Digest realm=\"%s\", nonce=\"%.*s\", qop=\"auth\", algorithm=%s%s, "
                       "charset=UTF-8%s",
                       d->realm_quoted, (int)nonce_len, nonce,
                       digest_algorithm_name(algorithm).ptr, is_stale ? ", stale=true" : "",
                       algorithm == DIGEST_MD5 ? "" : ", userhash=true");
    ASSERT(len > 0 && len < DIGEST_CHALLENGE_MAX);
    return (size_t)len;
}

/* Without the parameter it is MD5 (RFC 7616 section 3.4). */
static bool find_algorithm(const struct digest *d, struct str name, enum digest_algorithm *found)
{
    if (name.ptr == NULL)
        name = digest_algorithm_name(DIGEST_MD5);
    for (size_t i = 0; i < d->algorithm_count; i++) {
        if (str_ieq(name, digest_algorithm_name(d->algorithms[i]))) {
            *found = d->algorithms[i];
            return true;
        }
    }
    return false;
}

/* The account's name where it is known. NULL where it is not: the work is the same. */
static const char *find_account(const struct digest *d, struct str name, bool is_hash,
                                enum digest_algorithm algorithm,
                                const struct digest_account **account)
{
    const char *written = NULL;
    *account = NULL;
    if (is_hash) {
        const size_t *index = accounts_find(d->by_hash[algorithm], name, NULL);
        if (index != NULL) {
            written = accounts_name(d->accounts, *index);
            *account = accounts_value(d->accounts, *index);
        }
    } else {
        *account = accounts_find(d->accounts, name, &written);
    }
    return written;
}

bool digest_claimed_user(const struct digest *d, struct str params,
                         char out[ACCOUNT_NAME_MAX + 1])
{
    const struct digest_account *account;
    enum digest_algorithm algorithm;
    struct digest_params p;
    char room[ACCOUNT_NAME_MAX];
    struct str name;
    bool is_hash;
    if (digest_params_parse(&p, params) || !digest_params_user(&p, room, &name, &is_hash) ||
        !find_algorithm(d, p.values[DIGEST_ALGORITHM], &algorithm))
        return false;
    const char *written = find_account(d, name, is_hash, algorithm, &account);
    if (written != NULL)
        name = str_of(written);
    memcpy(out, name.ptr, name.len);
    out[name.len] = '\0';
    return true;
}

/* What stands behind the authority of an absolute-form target (RFC 9112 section 3.2.2). */
static bool is_path_of(struct str uri, struct str target)
{
    size_t colon = str_find(target, ':');
    struct str rest = {target.ptr + colon, target.len - colon};
    if (str_find(target, '/') < colon || !str_starts(rest, STR_LIT("://")))
        return false;
    if (uri.len == 0 || uri.ptr[0] != '/')
        return false;
    rest = (struct str){rest.ptr + 3, rest.len - 3};
    while (rest.len > 0 && rest.ptr[0] != '/' && rest.ptr[0] != '?') {
        rest.ptr++;
        rest.len--;
    }
    if (rest.len == 0 || rest.ptr[0] == '?') { /* an empty path is "/" */
        uri.ptr++;
        uri.len--;
    }
    return str_eq(uri, rest);
}

/* RFC 7616 section 3.4.6: the uri must be of the request that it came with. */
static bool is_target(struct str uri, const struct digest_request *request)
{
    if (str_eq(request->method, STR_LIT("CONNECT"))) /* host:port */
        return uri.len > 0 && str_ieq(uri, request->target);
    return uri.len > 0 && (str_eq(uri, request->target) || is_path_of(uri, request->target));
}

static bool parse_count(struct str text, uint32_t *nc)
{
    char folded[NC_LEN];
    uint32_t value = 0;
    if (text.len != NC_LEN || !digest_hex_fold(text, folded))
        return false;
    for (size_t i = 0; i < NC_LEN; i++) {
        int digit = folded[i] <= '9' ? folded[i] - '0' : folded[i] - 'a' + 10;
        value = value << 4 | (uint32_t)digit;
    }
    *nc = value;
    return value != 0;
}

/* qop must be there: without it nothing tells a replay (RFC 7616 section 3.4). */
static bool is_well_formed(const struct digest *d, const struct digest_params *p,
                           const struct digest_request *request)
{
    const struct str *v = p->values;
    return str_eq(v[DIGEST_REALM], str_of(d->realm)) &&
           str_ieq(v[DIGEST_QOP], STR_LIT("auth")) && v[DIGEST_NONCE].ptr != NULL &&
           v[DIGEST_CNONCE].len > 0 && v[DIGEST_CNONCE].len <= CNONCE_MAX &&
           is_target(v[DIGEST_URI], request);
}

/* KD(H(A1), nonce:nc:cnonce:qop:H(A2)), sections 3.4.1 to 3.4.3. */
static bool is_right(const struct digest_params *p, struct str method,
                     enum digest_algorithm algorithm, const char *ha1, const char *response)
{
    char ha2[DIGEST_HEX_MAX], want[DIGEST_HEX_MAX];
    const struct str *v = p->values;
    size_t len = digest_hex_len(algorithm);
    struct str a2[] = {method, v[DIGEST_URI]};
    struct str parts[] = {
        {ha1, len},       v[DIGEST_NONCE], v[DIGEST_NC],
        v[DIGEST_CNONCE], v[DIGEST_QOP],   digest_hash(algorithm, a2, ARRAY_LEN(a2), ha2),
    };
    digest_hash(algorithm, parts, ARRAY_LEN(parts), want);
    bool is_same = CRYPTO_memcmp(want, response, len) == 0;
    OPENSSL_cleanse(want, sizeof(want)); /* the right answer to a request that was not made */
    return is_same;
}

enum digest_result digest_check(const struct digest *d, struct nonces *nonces, uint64_t now_s,
                                const struct digest_request *request, struct str params,
                                char user[ACCOUNT_NAME_MAX + 1])
{
    const struct digest_account *account;
    enum digest_algorithm algorithm;
    struct digest_params p;
    char room[ACCOUNT_NAME_MAX], response[DIGEST_HEX_MAX];
    struct str name, nonce, sent;
    uint32_t nc;
    bool is_hash;
    if (digest_params_parse(&p, params) || !digest_params_user(&p, room, &name, &is_hash) ||
        !find_algorithm(d, p.values[DIGEST_ALGORITHM], &algorithm) ||
        !is_well_formed(d, &p, request) || !parse_count(p.values[DIGEST_NC], &nc))
        return DIGEST_BAD;
    sent = p.values[DIGEST_RESPONSE];
    if (sent.len != digest_hex_len(algorithm) || !digest_hex_fold(sent, response))
        return DIGEST_BAD;
    nonce = p.values[DIGEST_NONCE];
    const char *written = find_account(d, name, is_hash, algorithm, &account);
    bool is_known = account != NULL && account->has[algorithm];
    const char *ha1 = is_known ? account->ha1[algorithm] : d->nobody.ha1[algorithm];
    enum nonce_state state = nonce_check(nonces, secret_of(d), nonce, now_s,
                                         d->nonce_lifetime_s);
    if (!is_right(&p, request->method, algorithm, ha1, response) || !is_known)
        return DIGEST_WRONG;
    if (state != NONCE_GOOD)
        return DIGEST_STALE;
    if (!nonce_use(nonces, nonce, nc, now_s))
        return DIGEST_REPLAY;
    memcpy(user, written, strlen(written) + 1);
    return DIGEST_OK;
}
