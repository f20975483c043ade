/* SPDX-License-Identifier: MIT */
/* sessions.c - TLS sessions with origins; see sessions.h. */
#include "proxy/net/sessions.h"

#include <openssl/rand.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "util/list.h"
#include "util/mem.h"

struct kept {
    struct list_node in_bucket, in_age;
    SSL_SESSION *session;
    int64_t until; /* seconds since 1970; not given out from then on */
    int64_t chain_end;
    uint64_t hash;
    size_t key_len;
    char key[];
};

struct sessions {
    uint64_t seed;
    uint32_t generation;
    unsigned count, max, mask;
    struct list by_age; /* the one that was not used for the longest time first */
    struct list buckets[];
};

struct sessions *sessions_new(unsigned max)
{
    unsigned buckets = 16;
    while (buckets < max && buckets < 65536)
        buckets *= 2;
    struct sessions *s = mem_zalloc(sizeof(*s) + buckets * sizeof(s->buckets[0]));
    if (s == NULL)
        return NULL;
    s->max = max;
    s->mask = buckets - 1;
    list_init(&s->by_age);
    for (unsigned i = 0; i < buckets; i++)
        list_init(&s->buckets[i]);
    if (RAND_bytes((unsigned char *)&s->seed, sizeof(s->seed)) == 1)
        return s;
    mem_free(s);
    return NULL;
}

static void drop(struct sessions *s, struct kept *k)
{
    list_remove(&k->in_bucket);
    list_remove(&k->in_age);
    s->count--;
    SSL_SESSION_free(k->session);
    mem_free(k);
}

void sessions_free(struct sessions *s)
{
    if (s == NULL)
        return;
    sessions_clear(s);
    mem_free(s);
}

uint32_t sessions_generation(const struct sessions *s)
{
    return s->generation;
}

void sessions_clear(struct sessions *s)
{
    struct list_node *node;
    while ((node = list_first(&s->by_age)) != NULL)
        drop(s, LIST_ITEM(node, struct kept, in_age));
    s->generation++;
}

/* 0 where there is none to trust any more. */
static int64_t certificate_end(const X509 *cert)
{
    struct tm end;
    if (cert == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) != 1)
        return 0;
    return (int64_t)timegm(&end);
}

int64_t sessions_end_of(const STACK_OF(X509) *chain)
{
    int64_t first = sk_X509_num(chain) > 0 ? INT64_MAX : 0;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t end = certificate_end(sk_X509_value(chain, i));
        first = end < first ? end : first;
    }
    return first;
}

/* What was agreed, what the origin's ticket is good for (RFC 8446 section 4.6.1, RFC 5077
 * section 3.3: no hint is no limit), and its certificate: the first of them to end. */
static int64_t end_of(SSL_SESSION *session)
{
    int64_t life = SSL_SESSION_get_timeout(session);
    unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(session);
    if (hint != 0 && (int64_t)hint < life)
        life = (int64_t)hint;
    int64_t end = SSL_SESSION_get_time(session) + life;
    int64_t certificate = certificate_end(SSL_SESSION_get0_peer(session));
    return certificate < end ? certificate : end;
}

static struct kept *find(const struct sessions *s, struct str key, uint64_t hash)
{
    const struct list *bucket = &s->buckets[hash & s->mask];
    struct list_node *node = list_first(bucket);
    for (; node != NULL; node = list_next(bucket, node)) {
        struct kept *k = LIST_ITEM(node, struct kept, in_bucket);
        if (k->hash == hash && str_eq((struct str){k->key, k->key_len}, key))
            return k;
    }
    return NULL;
}

static uint64_t hash_key(const struct sessions *s, struct str key)
{
    return XXH3_64bits_withSeed(key.ptr, key.len, s->seed);
}

static struct kept *add(struct sessions *s, struct str key, uint64_t hash)
{
    struct kept *k = mem_alloc(sizeof(*k) + key.len);
    if (k == NULL)
        return NULL;
    while (s->count >= s->max)
        drop(s, LIST_ITEM(list_first(&s->by_age), struct kept, in_age));
    k->session = NULL;
    k->hash = hash;
    k->key_len = key.len;
    if (key.len != 0)
        memcpy(k->key, key.ptr, key.len);
    list_append(&s->buckets[hash & s->mask], &k->in_bucket);
    list_append(&s->by_age, &k->in_age);
    s->count++;
    return k;
}

static void note_use(struct sessions *s, struct kept *k)
{
    list_remove(&k->in_age);
    list_append(&s->by_age, &k->in_age);
}

void sessions_put(struct sessions *s, uint32_t generation, struct str key, SSL_SESSION *session,
                  int64_t chain_end)
{
    int64_t own_end = end_of(session), until = chain_end < own_end ? chain_end : own_end;
    if (s->max == 0 || generation != s->generation || until <= (int64_t)time(NULL) ||
        !SSL_SESSION_is_resumable(session))
        return;
    uint64_t hash = hash_key(s, key);
    struct kept *k = find(s, key, hash);
    if (k == NULL)
        k = add(s, key, hash);
    if (k == NULL || SSL_SESSION_up_ref(session) != 1)
        return;
    SSL_SESSION_free(k->session);
    k->session = session;
    k->until = until;
    k->chain_end = chain_end;
    note_use(s, k);
}

SSL_SESSION *sessions_find(struct sessions *s, struct str key, int64_t *chain_end)
{
    struct kept *k = find(s, key, hash_key(s, key));
    if (k == NULL)
        return NULL;
    if (k->until <= (int64_t)time(NULL)) {
        drop(s, k);
        return NULL;
    }
    note_use(s, k);
    *chain_end = k->chain_end;
    return SSL_SESSION_up_ref(k->session) == 1 ? k->session : NULL;
}
