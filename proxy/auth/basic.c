/* SPDX-License-Identifier: MIT */
/*
 * basic.c - a request with Basic credentials; see exchange.h.
 *
 * What was verified a short while ago is found again without a hash. Everything else
 * goes to a thread that may take its time, or to a helper.
 */
#include "auth/basic.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "proxy/auth/asking.h"
#include "proxy/conn.h"
#include "proxy/worker.h"
#include "util/list.h"
#include "util/mem.h"

#define LINE_BYTES (6 * (ACCOUNT_NAME_MAX + BASIC_PASSWORD_MAX) + 16)

/* A password on its way through a thread. */
struct hashing {
    struct errand errand;
    struct job job;
    struct authority *authority;
    struct throttle_limits limits;
    uint64_t cache_ms;
    struct addr client;
    struct pending_node pending;
    enum htpasswd_verdict verdict;
    struct basic_secret secret;
    char hash[];
};

static struct str user_of(const struct basic_secret *secret)
{
    return str_of(secret->user);
}

static struct str password_of(const struct basic_secret *secret)
{
    return str_of(secret->password);
}

static bool is_cached(struct authority *a, const unsigned char *key, char *value, int *len)
{
    *len = auth_cache_find(a->cache, key, worker_now_ms(), value);
    return *len >= 0;
}

static void free_hashing(struct hashing *h)
{
    pending_leave(h->authority->pending, &h->pending);
    basic_secret_fini(&h->secret);
    OPENSSL_cleanse(h->hash, strlen(h->hash));
    mem_free(h);
}

/* On a thread. */
static void hash_password(struct job *job)
{
    struct hashing *h = LIST_ITEM(job, struct hashing, job);
    h->verdict = htpasswd_check(h->hash, password_of(&h->secret));
    if (h->verdict != HTPASSWD_NO_MEMORY)
        asking_remember(h->authority, h->pending.key, h->verdict == HTPASSWD_RIGHT,
                        user_of(&h->secret), "", h->cache_ms);
}

static void on_hashed(struct job *job)
{
    struct hashing *h = LIST_ITEM(job, struct hashing, job);
    struct exchange *x = h->errand.exchange;
    enum htpasswd_verdict verdict = h->verdict;
    if (verdict != HTPASSWD_WRONG)
        throttle_give_back(h->authority->throttle, &h->limits, &h->client,
                           user_of(&h->secret), worker_now_ms());
    if (x != NULL)
        snprintf(x->user, sizeof(x->user), "%.*s", STR_ARG(user_of(&h->secret)));
    free_hashing(h);
    if (x == NULL)
        return;
    if (verdict == HTPASSWD_RIGHT)
        exchange_settle(x, EXCHANGE_OK, COUNT_AUTH_OK);
    else if (verdict == HTPASSWD_WRONG)
        exchange_settle(x, EXCHANGE_REFUSED, COUNT_AUTH_WRONG);
    else
        exchange_settle(x, EXCHANGE_NO_MEMORY, COUNT_AUTH_UNAVAILABLE);
}

static void on_drop(struct job *job)
{
    free_hashing(LIST_ITEM(job, struct hashing, job));
}

static struct hashing *new_hashing(struct exchange *x, const struct basic_secret *secret,
                                   const char *hash, const unsigned char *key)
{
    size_t size = strlen(hash) + 1;
    struct hashing *h = mem_zalloc(sizeof(*h) + size);
    if (h == NULL)
        return NULL;
    h->errand.exchange = x;
    h->job.inbox = &x->conn->worker->inbox;
    h->job.work = hash_password;
    h->job.done = on_hashed;
    h->job.drop = on_drop;
    h->authority = x->authority;
    h->limits = x->auth->failures;
    h->cache_ms = x->auth->basic_cache_ms;
    h->client = x->conn->client_addr.addr;
    h->secret = *secret;
    memcpy(h->pending.key, key, sizeof(h->pending.key));
    memcpy(h->hash, hash, size);
    return h;
}

static void send_to_thread(struct exchange *x, const struct basic_secret *secret, const char *hash,
                           const unsigned char *key)
{
    struct hashing *h = new_hashing(x, secret, hash, key);
    if (h == NULL) {
        x->state = EXCHANGE_NO_MEMORY;
        return;
    }
    if (!pending_enter(x->authority->pending, &h->pending)) {
        x->state = EXCHANGE_PENDING;
        free_hashing(h);
        return;
    }
    if (!exchange_may_try(x, user_of(secret))) {
        free_hashing(h);
        return;
    }
    if (jobs_submit(x->authority->hashing, &h->job)) {
        x->errand = &h->errand;
        return;
    }
    free_hashing(h);
    exchange_was_no_failure(x, user_of(secret));
    x->state = EXCHANGE_BUSY;
    x->result = COUNT_AUTH_BUSY;
}

/* A character that shows as a blank or not at all: the length of its UTF-8, or 0. */
static size_t blank_len(const char *text)
{
    static const struct {
        const char *first, *last;
    } RANGES[] = {
        {"\xc2\xa0", "\xc2\xa0"},         {"\xc2\xad", "\xc2\xad"},
        {"\xe1\x9a\x80", "\xe1\x9a\x80"}, {"\xe2\x80\x80", "\xe2\x80\x8f"},
        {"\xe2\x80\xa8", "\xe2\x80\xaf"}, {"\xe2\x81\x9f", "\xe2\x81\xaf"},
        {"\xe3\x80\x80", "\xe3\x80\x80"}, {"\xef\xbb\xbf", "\xef\xbb\xbf"},
    };
    for (size_t i = 0; i < ARRAY_LEN(RANGES); i++) {
        size_t len = strlen(RANGES[i].first);
        if (strncmp(text, RANGES[i].first, len) >= 0 && strncmp(text, RANGES[i].last, len) <= 0)
            return len;
    }
    return 0;
}

/* A directory takes " alice", "alice " and "al  ice" with a blank too many, or one that
 * does not show, for the name without (RFC 4518 section 2.6.1). A rule does not. */
static bool has_odd_blank(const char *user)
{
    bool was_blank = true;
    for (; *user != '\0'; user++) {
        if ((*user == ' ' && was_blank) || blank_len(user) != 0)
            return true;
        was_blank = *user == ' ';
    }
    return was_blank;
}

static void send_to_helper(struct exchange *x, const struct basic_secret *secret,
                           const unsigned char *key)
{
    if (has_odd_blank(secret->user)) {
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
        return;
    }
    struct asking *a = asking_new(x, LINE_BYTES);
    if (a == NULL) {
        x->state = EXCHANGE_NO_MEMORY;
        return;
    }
    size_t len = helper_line_basic(asking_line(a), LINE_BYTES, user_of(secret),
                                   password_of(secret));
    ASSERT(len != 0); /* every byte becomes three at most */
    if (!asking_keep(a, key)) {
        x->state = EXCHANGE_PENDING;
        asking_free(a);
        return;
    }
    if (!exchange_may_try(x, user_of(secret))) {
        asking_free(a);
        return;
    }
    asking_send(a, x->auth->basic_helper, user_of(secret), len);
}

/* The stored hash is part of the key: with another password the old one is not found. So
 * is the address, as the throttle sees it: who may not try any more could else go on
 * guessing at somebody who was let in elsewhere, for only the right guess would be found. */
static void make_key(struct exchange *x, const struct basic_secret *secret, const char *hash,
                     unsigned char key[AUTH_CACHE_KEY_SIZE])
{
    const struct addr *client = &x->conn->client_addr.addr;
    const struct str parts[] = {
        {(const char *)client->bytes, addr_is_v4(client) ? sizeof(client->bytes) : 8},
        hash != NULL ? STR_LIT("file") : STR_LIT("helper"),
        str_of(hash != NULL ? hash : x->auth->basic_helper->command),
        user_of(secret),
        password_of(secret),
    };
    auth_cache_key(x->authority->cache, parts, ARRAY_LEN(parts), key);
}

/* Wrong credentials that come again are another failure, but for those that waited for
 * this very check. */
static void use_cached(struct exchange *x, const struct basic_secret *secret, struct str value)
{
    count_add(&x->conn->worker->counters.auth_cached, 1);
    if (asking_recall(x, value)) {
        x->state = EXCHANGE_OK;
        x->result = COUNT_AUTH_OK;
        return;
    }
    if (x->has_waited || exchange_may_try(x, user_of(secret)))
        exchange_refuse(x, COUNT_AUTH_WRONG);
}

static void check(struct exchange *x, const struct basic_secret *secret)
{
    unsigned char key[AUTH_CACHE_KEY_SIZE];
    char value[AUTH_CACHE_VALUE_MAX];
    bool is_known = false;
    int len;
    const char *hash = x->auth->htpasswd != NULL
                           ? htpasswd_find(x->auth->htpasswd, user_of(secret), &is_known)
                           : NULL;
    make_key(x, secret, hash, key);
    if (is_cached(x->authority, key, value, &len))
        use_cached(x, secret, (struct str){value, (size_t)len});
    else if (hash != NULL)
        send_to_thread(x, secret, hash, key);
    else
        send_to_helper(x, secret, key);
}

void basic_check(struct exchange *x)
{
    struct basic_secret secret;
    if (basic_parse(x->credentials, &secret) != 0)
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
    else
        check(x, &secret);
    basic_secret_fini(&secret);
}
