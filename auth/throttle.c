/* SPDX-License-Identifier: MIT */
/* throttle.c - how often somebody may be wrong; see throttle.h. */
#include "auth/throttle.h"

#include <nettle/hmac.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "auth/accounts.h"
#include "auth/utf16.h"
#include "util/mem.h"

#define SHARDS 16
#define SETS 32 /* of a shard */
#define WAYS 32 /* buckets of a set: 16,384 in all, 384 KiB */
#define KEY_SIZE 16

/* A bucket is nothing but the time at which it will be full again: a token taken moves
 * it on by what one token takes to come back. So there is nothing to refill, and a
 * bucket whose time has come is a free place. */
struct bucket {
    unsigned char key[KEY_SIZE];
    uint64_t full_at_us; /* 0: free */
};

struct shard {
    pthread_mutex_t lock;
    struct bucket sets[SETS][WAYS];
};

struct throttle {
    struct hmac_sha256_ctx keyed; /* read-only: each use works on a copy */
    struct shard shards[SHARDS];
};

enum kind { KIND_USER_AT_ADDRESS, KIND_ADDRESS, KIND_USER, KINDS };

/* One of the buckets that a try takes from. */
struct share {
    unsigned char key[KEY_SIZE];
    uint64_t token_us; /* until one token is back */
    uint64_t span_us;  /* until all are */
};

struct try {
    struct share shares[KINDS];
    size_t count;
    bool locks[SHARDS]; /* the shards that they are in */
};

struct throttle *throttle_new(void)
{
    unsigned char key[SHA256_DIGEST_SIZE];
    struct throttle *t = mem_zalloc(sizeof(*t));
    if (t == NULL)
        return NULL;
    if (RAND_priv_bytes(key, sizeof(key)) != 1) {
        mem_free(t);
        return NULL;
    }
    hmac_sha256_set_key(&t->keyed, sizeof(key), key);
    OPENSSL_cleanse(key, sizeof(key));
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&t->shards[i].lock, NULL);
    return t;
}

void throttle_free(struct throttle *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_destroy(&t->shards[i].lock);
    OPENSSL_cleanse(t, sizeof(*t));
    mem_free(t);
}

/* How a directory reads a name: "CORP\alice", "CORP/alice" and "alice@corp.example" are
 * alice, and blanks around her are nothing. */
static struct str account_of(struct str user)
{
    struct str name = user;
    for (size_t i = 0; i < user.len; i++)
        if (user.ptr[i] == '\\' || user.ptr[i] == '/')
            name = (struct str){user.ptr + i + 1, user.len - i - 1};
    name.len = str_find(name, '@');
    name = str_trim(name);
    return name.len > 0 ? name : user;
}

/* Capitals, as NTLM and directories form them; of what is no UTF-8 those of ASCII. */
static void add_folded(struct hmac_sha256_ctx *context, struct str user)
{
    uint8_t piece[64];
    unsigned char units[2 * ACCOUNT_NAME_MAX];
    size_t units_len;
    if (utf16_from_utf8(user, units, sizeof(units), &units_len) == 0) {
        utf16_upper(units, units_len);
        hmac_sha256_update(context, units_len, units);
        return;
    }
    for (size_t at = 0; at < user.len;) {
        size_t len = 0;
        while (len < sizeof(piece) && at < user.len)
            piece[len++] = (uint8_t)str_lower(user.ptr[at++]);
        hmac_sha256_update(context, len, piece);
    }
}

/* HMAC-SHA-256, cut: three of them take about a microsecond, a hash that a client must
 * not be able to steer is needed, and this one is at hand without an allocation. */
static void make_key(const struct throttle *t, enum kind kind, const struct addr *client,
                     struct str user, unsigned char key[KEY_SIZE])
{
    struct hmac_sha256_ctx context = t->keyed;
    uint8_t head[1 + sizeof(client->bytes)] = {(uint8_t)kind};
    if (kind != KIND_USER) /* an IPv6 client has a whole /64 to choose its address from */
        memcpy(head + 1, client->bytes, addr_is_v4(client) ? sizeof(client->bytes) : 8);
    hmac_sha256_update(&context, sizeof(head), head);
    if (kind != KIND_ADDRESS)
        add_folded(&context, user);
    hmac_sha256_digest(&context, KEY_SIZE, key);
}

static struct shard *find_shard(struct throttle *t, const unsigned char *key)
{
    return &t->shards[key[0] % SHARDS];
}

/* The product, or as much as a counter holds with ease. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
    return a != 0 && b > (UINT64_MAX / 4) / a ? UINT64_MAX / 4 : a * b;
}

static void add_share(struct throttle *t, struct try *try, const struct throttle_limits *limits,
                      enum kind kind, const struct addr *client, struct str user)
{
    struct share *share = &try->shares[try->count++];
    make_key(t, kind, client, user, share->key);
    share->span_us = multiply(multiply(limits->refill_ms, 1000), limits->burst);
    share->token_us =
        share->span_us / (kind == KIND_ADDRESS ? limits->address_burst : limits->burst);
    try->locks[find_shard(t, share->key) - t->shards] = true;
}

/* All buckets have the same span: those of an address have more tokens, which come back
 * as much faster. */
static void begin(struct throttle *t, struct try *try, const struct throttle_limits *limits,
                  const struct addr *client, struct str user)
{
    *try = (struct try){.count = 0};
    if (limits->is_per_user)
        user = account_of(user);
    add_share(t, try, limits, KIND_USER_AT_ADDRESS, client, user);
    if (limits->address_burst > 0)
        add_share(t, try, limits, KIND_ADDRESS, client, user);
    if (limits->is_per_user)
        add_share(t, try, limits, KIND_USER, client, user);
    for (size_t i = 0; i < SHARDS; i++) /* always in this order: nobody waits in a circle */
        if (try->locks[i])
            pthread_mutex_lock(&t->shards[i].lock);
}

static void end(struct throttle *t, struct try *try)
{
    for (size_t i = SHARDS; i-- > 0;)
        if (try->locks[i])
            pthread_mutex_unlock(&t->shards[i].lock);
    OPENSSL_cleanse(try, sizeof(*try));
}

/* Its bucket, or NULL: then it is full. *spare (where not NULL) becomes the place for a
 * new one, of the fullest. */
static struct bucket *find(struct throttle *t, const struct share *share, struct bucket **spare)
{
    struct bucket *set = find_shard(t, share->key)->sets[share->key[1] % SETS], *fullest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].full_at_us != 0 && memcmp(set[i].key, share->key, KEY_SIZE) == 0)
            return &set[i];
        if (set[i].full_at_us < fullest->full_at_us)
            fullest = &set[i];
    }
    if (spare != NULL)
        *spare = fullest;
    return NULL;
}

/* How long until it is full again; not more than its span, for limits may have changed. */
static uint64_t missing_us(const struct bucket *b, const struct share *share, uint64_t now_us)
{
    if (b == NULL || b->full_at_us <= now_us)
        return 0;
    uint64_t missing = b->full_at_us - now_us;
    return missing < share->span_us ? missing : share->span_us;
}

/* How long until a token can be taken; 0: now. */
static uint64_t wait_us(struct throttle *t, const struct share *share, uint64_t now_us)
{
    uint64_t missing = missing_us(find(t, share, NULL), share, now_us);
    return missing + share->token_us > share->span_us
               ? missing + share->token_us - share->span_us : 0;
}

static void take(struct throttle *t, const struct share *share, uint64_t now_us)
{
    struct bucket *spare, *b = find(t, share, &spare);
    uint64_t missing = missing_us(b, share, now_us);
    if (b == NULL) {
        b = spare;
        memcpy(b->key, share->key, KEY_SIZE);
    }
    b->full_at_us = now_us + missing + share->token_us;
}

/* How long until each bucket of the try has a token; 0: now. */
static uint64_t longest_wait_us(struct throttle *t, const struct try *try, uint64_t now_us)
{
    uint64_t longest = 0;
    for (size_t i = 0; i < try->count; i++) {
        uint64_t wait = wait_us(t, &try->shares[i], now_us);
        longest = wait > longest ? wait : longest;
    }
    return longest;
}

static unsigned seconds_of(uint64_t us)
{
    uint64_t seconds = (us + 999999) / 1000000;
    return seconds < UINT32_MAX ? (unsigned)seconds : UINT32_MAX;
}

bool throttle_has(struct throttle *t, const struct throttle_limits *limits,
                  const struct addr *client, struct str user, uint64_t now_ms, unsigned *retry_s)
{
    struct try try;
    if (limits->burst == 0)
        return true;
    begin(t, &try, limits, client, user);
    uint64_t longest = longest_wait_us(t, &try, now_ms * 1000);
    end(t, &try);
    *retry_s = seconds_of(longest);
    return longest == 0;
}

bool throttle_take(struct throttle *t, const struct throttle_limits *limits,
                   const struct addr *client, struct str user, uint64_t now_ms, unsigned *retry_s)
{
    struct try try;
    uint64_t now_us = now_ms * 1000;
    *retry_s = 1;
    if (limits->burst == 0)
        return true;
    begin(t, &try, limits, client, user);
    uint64_t longest = longest_wait_us(t, &try, now_us);
    for (size_t i = 0; longest == 0 && i < try.count; i++)
        take(t, &try.shares[i], now_us);
    end(t, &try);
    if (longest > 0)
        *retry_s = seconds_of(longest);
    return longest == 0;
}

void throttle_give_back(struct throttle *t, const struct throttle_limits *limits,
                        const struct addr *client, struct str user, uint64_t now_ms)
{
    struct try try;
    uint64_t now_us = now_ms * 1000;
    if (limits->burst == 0)
        return;
    begin(t, &try, limits, client, user);
    for (size_t i = 0; i < try.count; i++) {
        struct bucket *b = find(t, &try.shares[i], NULL);
        uint64_t missing = missing_us(b, &try.shares[i], now_us);
        if (b != NULL && missing > try.shares[i].token_us)
            b->full_at_us = now_us + missing - try.shares[i].token_us;
        else if (b != NULL)
            b->full_at_us = 0;
    }
    end(t, &try);
}
