/* SPDX-License-Identifier: MIT */
/* chain_cache.c - chains of origins that were verified a moment ago; see chain_cache.h. */
#include "certs/chain_cache.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <string.h>

#include "certs/facts.h"
#include "certs/tls_library.h"
#include "util/clock.h"
#include "util/list.h"
#include "util/mem.h"

#define BUCKETS 256 /* one for each first octet of a key */
#define NUMBER_BYTES 4
#define NUMBERS 7 /* that stand in the text of a key beside those of the certificates */

/* The verified chain, the leaf first. */
struct route {
    int count;
    struct {
        X509 *trusted; /* NULL: not the trust's own, but what was sent */
        int sent;      /* its place there */
    } links[CHAIN_CACHE_LINKS];
};

struct entry {
    struct list_node by_key, by_age;
    struct chain_key key;
    int64_t kept_wall_s, kept_steady_s;
    int64_t from_s, to_s; /* good from the one, no more at the other; by the wall clock */
    struct route route;
};

struct chain_cache {
    struct chain_clock clock;
    EVP_MD *sha256;
    pthread_mutex_t lock; /* of all that follows */
    struct list buckets[BUCKETS], by_age; /* the oldest first */
    struct chain_figures figures;
};

static int64_t read_wall_s(void)
{
    return (int64_t)(clock_wall_ms() / 1000);
}

static int64_t read_steady_s(void)
{
    return (int64_t)(clock_usec() / 1000000);
}

static void drop_entry(struct chain_cache *c, struct entry *e)
{
    list_remove(&e->by_key);
    list_remove(&e->by_age);
    c->figures.entries--;
    for (int i = 0; i < e->route.count; i++)
        X509_free(e->route.links[i].trusted);
    mem_free(e);
}

struct chain_cache *chain_cache_new(const struct chain_clock *clock)
{
    struct chain_cache *c = mem_zalloc(sizeof(*c));
    if (c == NULL)
        return NULL;
    c->sha256 = EVP_MD_fetch(tls_library(), "SHA256", NULL);
    if (c->sha256 == NULL) {
        mem_free(c);
        return NULL;
    }
    c->clock = clock != NULL ? *clock : (struct chain_clock){read_wall_s, read_steady_s};
    pthread_mutex_init(&c->lock, NULL);
    list_init(&c->by_age);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&c->buckets[i]);
    return c;
}

void chain_cache_free(struct chain_cache *c)
{
    if (c == NULL)
        return;
    while (!list_is_empty(&c->by_age))
        drop_entry(c, LIST_ITEM(list_first(&c->by_age), struct entry, by_age));
    pthread_mutex_destroy(&c->lock);
    EVP_MD_free(c->sha256);
    mem_free(c);
}

/* The one name or address that ctx expects. */
struct expected {
    const char *text;
    uint32_t is_address;
    char *owned; /* by OpenSSL */
};

static bool read_expected(X509_VERIFY_PARAM *param, struct expected *out)
{
    const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
    char *address = X509_VERIFY_PARAM_get1_ip_asc(param);
    *out = (struct expected){host != NULL ? host : address, host == NULL, address};
    return (host == NULL) != (address == NULL) && X509_VERIFY_PARAM_get0_host(param, 1) == NULL;
}

static unsigned char *put_number(unsigned char *at, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (unsigned char)(number >> shift);
    return at;
}

/* How long each certificate is, all together with room for its length; 0: cannot be encoded. */
static size_t measure_certificates(const STACK_OF(X509) *sent)
{
    size_t total = 0;
    for (int i = 0; i < sk_X509_num(sent); i++) {
        int len = i2d_X509(sk_X509_value(sent, i), NULL);
        if (len <= 0)
            return 0;
        total += NUMBER_BYTES + (size_t)len;
    }
    return total;
}

/* OpenSSL keeps what it has read of a certificate: this copies, and encodes little. */
static unsigned char *put_certificates(unsigned char *at, const STACK_OF(X509) *sent)
{
    for (int i = 0; i < sk_X509_num(sent); i++) {
        unsigned char *start = at + NUMBER_BYTES, *end = start;
        if (i2d_X509(sk_X509_value(sent, i), &end) <= 0)
            return NULL;
        put_number(at, (uint32_t)(end - start));
        at = end;
    }
    return at;
}

/* All that a verdict follows from; every part has a fixed size or its length before it. */
static unsigned char *put_all(unsigned char *at, X509_STORE_CTX *ctx, const struct expected *name)
{
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
    size_t len = strlen(name->text);
    at = put_number(at, (uint32_t)X509_VERIFY_PARAM_get_flags(param));
    at = put_number(at, X509_VERIFY_PARAM_get_hostflags(param));
    at = put_number(at, (uint32_t)X509_VERIFY_PARAM_get_depth(param));
    at = put_number(at, (uint32_t)X509_VERIFY_PARAM_get_auth_level(param));
    at = put_number(at, name->is_address);
    at = put_number(at, (uint32_t)len);
    memcpy(at, name->text, len);
    at = put_number(at + len, (uint32_t)sk_X509_num(sent));
    return put_certificates(at, sent);
}

bool chain_cache_key(const struct chain_cache *c, X509_STORE_CTX *ctx, struct chain_key *key)
{
    const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
    struct expected name;
    unsigned char *text = NULL;
    bool is_made = false;
    if (!read_expected(X509_STORE_CTX_get0_param(ctx), &name) ||
        sk_X509_value(sent, 0) != X509_STORE_CTX_get0_cert(ctx)) /* NULL is not */
        goto out;
    size_t certificates = measure_certificates(sent);
    size_t size = NUMBERS * NUMBER_BYTES + strlen(name.text) + certificates;
    text = certificates > 0 ? mem_alloc(size) : NULL;
    is_made = text != NULL && put_all(text, ctx, &name) == text + size &&
              EVP_Digest(text, size, key->hash, NULL, c->sha256, NULL) == 1;
out:
    mem_free(text);
    OPENSSL_free(name.owned);
    if (!is_made)
        ERR_clear_error();
    return is_made;
}

static struct list *bucket_of(struct chain_cache *c, const struct chain_key *key)
{
    return &c->buckets[key->hash[0]];
}

static struct entry *find_entry(struct chain_cache *c, const struct chain_key *key)
{
    const struct list *bucket = bucket_of(c, key);
    struct list_node *node = list_first(bucket);
    for (; node != NULL; node = list_next(bucket, node)) {
        struct entry *e = LIST_ITEM(node, struct entry, by_key);
        if (memcmp(&e->key, key, sizeof(*key)) == 0)
            return e;
    }
    return NULL;
}

/* Both clocks must say that little time has passed: one of them can be set, and the other may
 * stand still while a machine sleeps. */
static bool is_good(const struct entry *e, int64_t wall_s, int64_t steady_s)
{
    return wall_s >= e->kept_wall_s && wall_s - e->kept_wall_s < CHAIN_CACHE_LIFE_S &&
           steady_s - e->kept_steady_s < CHAIN_CACHE_LIFE_S && wall_s >= e->from_s &&
           wall_s < e->to_s;
}

/* The route, with references of the caller's. What is good no more goes. */
static bool look_up(struct chain_cache *c, const struct chain_key *key, struct route *out)
{
    int64_t wall_s = c->clock.wall_s(), steady_s = c->clock.steady_s();
    pthread_mutex_lock(&c->lock);
    struct entry *e = find_entry(c, key);
    if (e != NULL && !is_good(e, wall_s, steady_s)) {
        drop_entry(c, e);
        e = NULL;
    }
    if (e != NULL) {
        *out = e->route;
        for (int i = 0; i < out->count; i++)
            if (out->links[i].trusted != NULL)
                X509_up_ref(out->links[i].trusted);
    }
    pthread_mutex_unlock(&c->lock);
    return e != NULL;
}

/* The chain that the route is in what was sent this time; NULL without memory. References of
 * the route go into it, or away. */
static STACK_OF(X509) *follow(const struct route *route, const STACK_OF(X509) *sent)
{
    STACK_OF(X509) *chain = sk_X509_new_reserve(NULL, route->count);
    bool is_whole = chain != NULL;
    for (int i = 0; i < route->count; i++) {
        X509 *cert = route->links[i].trusted;
        if (cert == NULL && (cert = sk_X509_value(sent, route->links[i].sent)) != NULL)
            X509_up_ref(cert);
        if (cert != NULL && is_whole && sk_X509_push(chain, cert) > 0)
            continue;
        X509_free(cert);
        is_whole = false;
    }
    if (is_whole)
        return chain;
    sk_X509_pop_free(chain, X509_free);
    ERR_clear_error();
    return NULL;
}

static void count_look_up(struct chain_cache *c, bool is_hit)
{
    pthread_mutex_lock(&c->lock);
    if (is_hit)
        c->figures.hits++;
    else
        c->figures.misses++;
    pthread_mutex_unlock(&c->lock);
}

bool chain_cache_find(struct chain_cache *c, const struct chain_key *key, X509_STORE_CTX *ctx)
{
    struct route route;
    STACK_OF(X509) *chain = NULL;
    if (look_up(c, key, &route))
        chain = follow(&route, X509_STORE_CTX_get0_untrusted(ctx));
    count_look_up(c, chain != NULL);
    if (chain == NULL)
        return false;
    X509_STORE_CTX_set0_verified_chain(ctx, chain);
    X509_STORE_CTX_set_error(ctx, X509_V_OK);
    X509_STORE_CTX_set_error_depth(ctx, 0);
    return true;
}

/* Where chain goes: by the same objects, for what the trust has is its own even where the same
 * certificate was sent. References are the route's. */
static void make_route(struct route *out, const STACK_OF(X509) *chain, const STACK_OF(X509) *sent)
{
    out->count = sk_X509_num(chain);
    for (int i = 0; i < out->count; i++) {
        X509 *cert = sk_X509_value(chain, i);
        int at = sk_X509_num(sent);
        while (--at >= 0 && sk_X509_value(sent, at) != cert)
            ;
        out->links[i].sent = at;
        out->links[i].trusted = at < 0 ? cert : NULL;
        if (at < 0)
            X509_up_ref(cert);
    }
}

/* The time that all certificates are good for. OpenSSL takes a certificate no more in the very
 * second of its notAfter. One whose times cannot be read was not verified. */
static void read_limits(struct entry *e, const STACK_OF(X509) *chain)
{
    e->from_s = INT64_MIN;
    e->to_s = INT64_MAX;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const X509 *cert = sk_X509_value(chain, i);
        int64_t from_s = facts_time(X509_get0_notBefore(cert));
        int64_t to_s = facts_time(X509_get0_notAfter(cert));
        e->from_s = from_s > e->from_s ? from_s : e->from_s;
        e->to_s = to_s < e->to_s ? to_s : e->to_s;
    }
}

/* NULL where it is good for nothing, or without memory. */
static struct entry *make_entry(struct chain_cache *c, const struct chain_key *key,
                                X509_STORE_CTX *ctx)
{
    const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
    const STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(ctx);
    int count = chain != NULL ? sk_X509_num(chain) : 0;
    if (X509_STORE_CTX_get_error(ctx) != X509_V_OK || count < 1 || count > CHAIN_CACHE_LINKS)
        return NULL;
    struct entry *e = mem_zalloc(sizeof(*e));
    if (e == NULL)
        return NULL;
    e->key = *key;
    e->kept_wall_s = c->clock.wall_s();
    e->kept_steady_s = c->clock.steady_s();
    read_limits(e, chain);
    if (is_good(e, e->kept_wall_s, e->kept_steady_s)) {
        make_route(&e->route, chain, sent);
        return e;
    }
    mem_free(e);
    return NULL;
}

void chain_cache_keep(struct chain_cache *c, const struct chain_key *key, X509_STORE_CTX *ctx)
{
    struct entry *e = make_entry(c, key, ctx);
    if (e == NULL)
        return;
    pthread_mutex_lock(&c->lock);
    struct entry *before = find_entry(c, key); /* of another thread */
    if (before != NULL)
        drop_entry(c, before);
    else if (c->figures.entries == CHAIN_CACHE_MAX)
        drop_entry(c, LIST_ITEM(list_first(&c->by_age), struct entry, by_age));
    list_prepend(bucket_of(c, key), &e->by_key);
    list_append(&c->by_age, &e->by_age);
    c->figures.entries++;
    pthread_mutex_unlock(&c->lock);
}

void chain_cache_figures(struct chain_cache *c, struct chain_figures *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->figures;
    pthread_mutex_unlock(&c->lock);
}
