/* SPDX-License-Identifier: MIT */
/* test_chain_cache.c - which chains are believed without another verification, and which not. */
#include "certs/chain_cache.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/facts.h"
#include "certs/origin_chain.h"
#include "certs/tls_library.h"
#include "tests/unit/certs/test_origin_pair.h"
#include "util/mem.h"

#define HOST "www.example.com"
#define CA "critical,CA:TRUE"
#define SIGNS "critical,keyCertSign,cRLSign"
#define THREADS 4

/* The twin has the name and key of the middle: either verifies the leaf. */
static struct issued root, middle, twin, leaf;
static X509_STORE *store;
static struct chain_cache *cache;
static int64_t wall_s, steady_s;

static int64_t read_wall_s(void)
{
    return wall_s;
}

static int64_t read_steady_s(void)
{
    return steady_s;
}

static const struct chain_clock ours = {read_wall_s, read_steady_s};

/* Certificates as a handshake has them: read from their bytes. */
static X509 *reread(X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    ck_assert_int_gt(len, 0);
    X509 *result = tls_library_read(der, (size_t)len);
    ck_assert_ptr_nonnull(result);
    OPENSSL_free(der);
    return result;
}

static void make_chain(int root_days, int middle_days, int leaf_days)
{
    issuer_make(&root,
                &(struct issuer_spec){.subject = "Root", .basic = CA, .usage = SIGNS,
                                      .from_days = -2, .to_days = root_days},
                NULL);
    struct issuer_spec between = {.subject = "Middle", .basic = CA, .usage = SIGNS,
                                  .from_days = -2, .to_days = middle_days};
    issuer_make(&middle, &between, &root);
    issuer_make(&leaf,
                &(struct issuer_spec){.subject = "leaf", .names = "DNS:" HOST
                                      ",DNS:other.example.com,IP:127.0.0.1",
                                      .from_days = -1, .to_days = leaf_days},
                &middle);
    store = X509_STORE_new();
    X509 *anchor = reread(root.cert);
    ck_assert_int_eq(X509_STORE_add_cert(store, anchor), 1);
    X509_free(anchor);
}

/* The same name and key, another number. */
static void make_twin(void)
{
    twin.key = middle.key;
    twin.cert = X509_dup(middle.cert);
    EVP_PKEY_up_ref(twin.key);
    ASN1_INTEGER_set(X509_get_serialNumber(twin.cert), 4711);
    ck_assert_int_gt(X509_sign(twin.cert, root.key, EVP_sha256()), 0);
}

static void start(void)
{
    cache = chain_cache_new(&ours);
    ck_assert_ptr_nonnull(cache);
    wall_s = time(NULL);
    steady_s = 1000;
}

static void set_up(void)
{
    make_chain(30, 30, 30);
    make_twin();
    start();
}

static void tear_down(void)
{
    chain_cache_free(cache);
    X509_STORE_free(store);
    issuer_fini(&root);
    issuer_fini(&middle);
    issuer_fini(&twin);
    issuer_fini(&leaf);
}

/* What is verified: the certificates that are sent, and what for. */
struct asked {
    X509 *first, *second, *third;
    const char *host, *address; /* both NULL: HOST */
    int level;                  /* 0: 2 */
};

static STACK_OF(X509) *make_sent(const struct asked *a)
{
    STACK_OF(X509) *sent = sk_X509_new_null();
    X509 *all[] = {a->first, a->second, a->third};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i] != NULL)
            sk_X509_push(sent, reread(all[i]));
    return sent;
}

/* As a handshake of origin_tls.c would have it. */
static X509_STORE_CTX *make_ctx(const struct asked *a, STACK_OF(X509) *sent)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new_ex(tls_library(), NULL);
    ck_assert_int_eq(X509_STORE_CTX_init(ctx, store, sk_X509_value(sent, 0), sent), 1);
    ck_assert_int_eq(X509_STORE_CTX_set_default(ctx, "ssl_server"), 1);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_VERIFY_PARAM_set_auth_level(param, a->level != 0 ? a->level : 2);
    if (a->address != NULL)
        ck_assert_int_eq(X509_VERIFY_PARAM_set1_ip_asc(param, a->address), 1);
    else
        X509_VERIFY_PARAM_set1_host(param, a->host != NULL ? a->host : HOST, 0);
    return ctx;
}

/* The verified chain goes from what was sent to the store's own. */
static void assert_whole(X509_STORE_CTX *ctx, const STACK_OF(X509) *sent)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    ck_assert_int_eq(X509_STORE_CTX_get_error(ctx), X509_V_OK);
    ck_assert_int_eq(sk_X509_num(chain), 3);
    ck_assert_ptr_eq(sk_X509_value(chain, 0), sk_X509_value(sent, 0));
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(X509_verify(sk_X509_value(chain, i),
                                     X509_get0_pubkey(sk_X509_value(chain, i + 1))),
                         1);
    ck_assert_int_eq(X509_cmp(sk_X509_value(chain, 2), root.cert), 0);
    for (int i = 0; i < sk_X509_num(sent); i++)
        ck_assert_ptr_ne(sk_X509_value(chain, 2), sk_X509_value(sent, i));
}

static bool verify(const struct asked *a)
{
    STACK_OF(X509) *sent = make_sent(a);
    X509_STORE_CTX *ctx = make_ctx(a, sent);
    bool is_fine = origin_chain_verify(ctx, cache) == 1;
    if (is_fine)
        assert_whole(ctx, sent);
    X509_STORE_CTX_free(ctx);
    sk_X509_pop_free(sent, X509_free);
    return is_fine;
}

static uint64_t count_hits(void)
{
    struct chain_figures figures;
    chain_cache_figures(cache, &figures);
    return figures.hits;
}

static unsigned count_entries(void)
{
    struct chain_figures figures;
    chain_cache_figures(cache, &figures);
    return figures.entries;
}

/* That it is fine, and whether it was found. */
static bool is_found(const struct asked *a)
{
    uint64_t before = count_hits();
    ck_assert(verify(a));
    return count_hits() > before;
}

#define USUAL (&(struct asked){.first = leaf.cert, .second = middle.cert})

START_TEST(finds_what_was_verified)
{
    struct chain_figures figures;
    ck_assert(!is_found(USUAL));
    for (int i = 0; i < 5; i++)
        ck_assert(is_found(USUAL));
    chain_cache_figures(cache, &figures);
    ck_assert_uint_eq(figures.hits, 5);
    ck_assert_uint_eq(figures.misses, 1);
    ck_assert_uint_eq(figures.entries, 1);
}
END_TEST

START_TEST(finds_for_the_same_alone)
{
    struct asked others[] = {
        {.first = leaf.cert, .second = middle.cert, .host = "other.example.com"},
        {.first = leaf.cert, .second = middle.cert, .address = "127.0.0.1"},
        {.first = leaf.cert, .second = middle.cert, .level = 1},
        {.first = leaf.cert, .second = twin.cert},
        {.first = leaf.cert, .second = middle.cert, .third = twin.cert},
        {.first = leaf.cert, .second = twin.cert, .third = middle.cert},
        {.first = leaf.cert, .second = middle.cert, .third = root.cert},
        {.first = leaf.cert, .second = middle.cert, .third = middle.cert},
    };
    ck_assert(!is_found(USUAL));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        ck_assert_msg(!is_found(&others[i]), "%zu", i);
        ck_assert_msg(is_found(&others[i]), "%zu", i);
    }
    ck_assert(is_found(USUAL));
    /* What is known for a name says nothing of one that the certificate has not. */
    ck_assert(!verify(&(struct asked){leaf.cert, middle.cert, NULL, "www.example.net", NULL, 0}));
    ck_assert(!verify(&(struct asked){leaf.cert, middle.cert, NULL, NULL, "127.0.0.2", 0}));
    ck_assert(!verify(&(struct asked){leaf.cert, NULL, NULL, NULL, NULL, 0}));
}
END_TEST

static bool has_key(const struct asked *a, struct chain_key *key)
{
    STACK_OF(X509) *sent = make_sent(a);
    X509_STORE_CTX *ctx = make_ctx(a, sent);
    bool result = chain_cache_key(cache, ctx, key);
    X509_STORE_CTX_free(ctx);
    sk_X509_pop_free(sent, X509_free);
    return result;
}

/* The key of the usual chain with a certificate changed by one bit; false where that is none. */
static bool has_broken_key(X509 *victim, int at, struct chain_key *key)
{
    unsigned char *der = NULL;
    int len = i2d_X509(victim, &der);
    ck_assert_int_lt(at, len);
    der[at] ^= 1;
    X509 *broken = tls_library_read(der, (size_t)len);
    OPENSSL_free(der);
    if (broken == NULL)
        return false;
    struct asked a = {.first = victim == leaf.cert ? broken : leaf.cert,
                      .second = victim == leaf.cert ? middle.cert : broken};
    bool result = has_key(&a, key);
    X509_free(broken);
    return result;
}

START_TEST(sees_each_octet)
{
    X509 *victim = _i == 0 ? leaf.cert : middle.cert;
    struct chain_key key, other;
    int len = i2d_X509(victim, NULL), compared = 0;
    ck_assert(has_key(USUAL, &key));
    for (int i = 0; i < len; i++) {
        if (!has_broken_key(victim, i, &other))
            continue;
        ck_assert_msg(memcmp(&key, &other, sizeof(key)) != 0, "octet %d", i);
        compared++;
    }
    ck_assert_int_gt(compared, len / 2);
}
END_TEST

/* Another signature over the same is refused, whatever is known. */
START_TEST(refuses_a_broken_signature)
{
    unsigned char *der = NULL;
    ck_assert(!is_found(USUAL));
    int len = i2d_X509(leaf.cert, &der);
    der[len - 1] ^= 1;
    X509 *broken = tls_library_read(der, (size_t)len);
    ck_assert(!verify(&(struct asked){.first = broken, .second = middle.cert}));
    X509_free(broken);
    OPENSSL_free(der);
}
END_TEST

START_TEST(forgets_after_five_minutes)
{
    ck_assert(!is_found(USUAL));
    wall_s += 299, steady_s += 299;
    ck_assert(is_found(USUAL));
    wall_s += 1, steady_s += 1; /* being found a second ago has not helped */
    ck_assert(!is_found(USUAL));
    ck_assert(is_found(USUAL));
}
END_TEST

START_TEST(trusts_neither_clock_alone)
{
    ck_assert(!is_found(USUAL));
    wall_s -= 1; /* set back */
    ck_assert(!is_found(USUAL));
    wall_s += 10;
    ck_assert(is_found(USUAL));
    steady_s += 300; /* set back all the while */
    ck_assert(!is_found(USUAL));
    wall_s += 300; /* the machine slept, and the other clock with it */
    ck_assert(!is_found(USUAL));
    ck_assert(is_found(USUAL));
}
END_TEST

/* The first to expire, wherever in the chain, ends it; OpenSSL refuses in that very second. */
START_TEST(ends_with_the_first_certificate)
{
    static const int days[][3] = {{1, 30, 30}, {30, 1, 30}, {30, 30, 1}};
    const struct issued *first[] = {&root, &middle, &leaf};
    make_chain(days[_i][0], days[_i][1], days[_i][2]);
    start();
    int64_t end_s = facts_time(X509_get0_notAfter(first[_i]->cert));
    wall_s = end_s - 2;
    ck_assert(!is_found(USUAL));
    ck_assert(is_found(USUAL));
    wall_s = end_s - 1;
    ck_assert(is_found(USUAL));
    wall_s = end_s;
    ck_assert(!is_found(USUAL));
    ck_assert_uint_eq(count_entries(), 0);
}
END_TEST

/* The leaf is the youngest of the three. */
START_TEST(begins_with_the_last_certificate)
{
    int64_t from_s = facts_time(X509_get0_notBefore(leaf.cert));
    wall_s = from_s - 1;
    ck_assert(!is_found(USUAL));
    ck_assert_uint_eq(count_entries(), 0);
    wall_s = from_s;
    ck_assert(!is_found(USUAL));
    ck_assert(is_found(USUAL));
}
END_TEST

START_TEST(keeps_no_refusal)
{
    for (int i = 0; i < 3; i++) {
        ck_assert(!verify(&(struct asked){.first = leaf.cert}));
        ck_assert(!verify(&(struct asked){leaf.cert, middle.cert, NULL, "a.example", NULL, 0}));
    }
    ck_assert_uint_eq(count_hits(), 0);
    ck_assert_uint_eq(count_entries(), 0);
}
END_TEST

/* All keys of one certificate; the cache does not know how they were come by. */
START_TEST(forgets_the_oldest)
{
    STACK_OF(X509) *sent = make_sent(USUAL);
    X509_STORE_CTX *ctx = make_ctx(USUAL, sent);
    struct chain_key key = {{0}};
    ck_assert_int_eq(origin_chain_verify(ctx, NULL), 1);
    for (uint32_t i = 0; i < CHAIN_CACHE_MAX + 10; i++) {
        memcpy(key.hash + 1, &i, sizeof(i)); /* all in one bucket */
        ck_assert(!chain_cache_find(cache, &key, ctx));
        chain_cache_keep(cache, &key, ctx);
        chain_cache_keep(cache, &key, ctx); /* of another thread: one entry all the same */
    }
    ck_assert_uint_eq(count_entries(), CHAIN_CACHE_MAX);
    for (uint32_t i = 0; i < CHAIN_CACHE_MAX + 10; i++) {
        memcpy(key.hash + 1, &i, sizeof(i));
        ck_assert_msg(chain_cache_find(cache, &key, ctx) == (i >= 10), "%u", i);
    }
    X509_STORE_CTX_free(ctx);
    sk_X509_pop_free(sent, X509_free);
}
END_TEST

START_TEST(does_without_memory)
{
    mem_fail_at(1, 1);
    ck_assert_ptr_null(chain_cache_new(NULL));
    ck_assert(!is_found(USUAL)); /* no key */
    mem_fail_at(2, 0);
    ck_assert(!is_found(USUAL)); /* a key, and no entry */
    mem_fail_at(0, 0);
    ck_assert_uint_eq(count_entries(), 0);
    ck_assert(!is_found(USUAL));
    ck_assert(is_found(USUAL));
    mem_fail_at(1, 1);
    ck_assert(!is_found(USUAL));
    mem_fail_at(0, 0);
    ck_assert(is_found(USUAL));
}
END_TEST

static void *run_thread(void *arg)
{
    static const char *const hosts[] = {HOST, "other.example.com"};
    for (int i = 0; i < 100; i++) {
        struct asked a = {leaf.cert, i % 3 == 0 ? twin.cert : middle.cert, NULL,
                          hosts[i / 2 % 2], NULL, 0};
        if (!verify(&a))
            return arg;
    }
    return NULL;
}

START_TEST(serves_many_threads)
{
    struct chain_figures figures;
    pthread_t threads[THREADS];
    chain_cache_free(cache);
    cache = chain_cache_new(NULL); /* the system's clocks */
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_thread, &threads), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    chain_cache_figures(cache, &figures);
    ck_assert_uint_eq(figures.hits + figures.misses, THREADS * 100);
    ck_assert_uint_le(figures.misses, THREADS * 4);
    ck_assert_uint_eq(figures.entries, 4);
}
END_TEST

Suite *chain_cache_suite(void);

Suite *chain_cache_suite(void)
{
    Suite *s = suite_create("chain_cache");
    TCase *t = tcase_create("chains");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, finds_what_was_verified);
    tcase_add_test(t, finds_for_the_same_alone);
    tcase_add_loop_test(t, sees_each_octet, 0, 2);
    tcase_add_test(t, refuses_a_broken_signature);
    tcase_add_test(t, forgets_after_five_minutes);
    tcase_add_test(t, trusts_neither_clock_alone);
    tcase_add_test(t, begins_with_the_last_certificate);
    tcase_add_test(t, keeps_no_refusal);
    tcase_add_test(t, forgets_the_oldest);
    tcase_add_test(t, does_without_memory);
    tcase_add_test(t, serves_many_threads);
    suite_add_tcase(s, t);
    t = tcase_create("times");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, NULL, tear_down);
    tcase_add_loop_test(t, ends_with_the_first_certificate, 0, 3);
    suite_add_tcase(s, t);
    return s;
}
