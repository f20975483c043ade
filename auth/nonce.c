/* SPDX-License-Identifier: MIT */
/* nonce.c - Digest's nonces: made, recognised, and counted; see nonce.h.
 *
 * A nonce is 36 bytes in base64: the second it was made (8, big-endian), a number that
 * no other has (12), and HMAC-SHA-256 over both, cut to 16. The number comes from a
 * counter under a key of the process, so that making one cannot fail. */
#include "auth/nonce.h"

#include <nettle/hmac.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>

#include "util/attr.h"
#include "util/base64.h"
#include "util/mem.h"

#define KEY_SIZE 32
#define TIME_SIZE 8
#define NUMBER_SIZE 12
#define BODY_SIZE (TIME_SIZE + NUMBER_SIZE)
#define CODE_SIZE 16
#define RAW_SIZE (BODY_SIZE + CODE_SIZE) /* a multiple of 3: no padding */
#define AHEAD_S 60 /* how far the clocks of instances may be apart */

/* The table: a nonce belongs into one part, by its number, and anywhere in it. */
#define PARTS 512
#define PART_SIZE 32
#define WORDS (NONCE_WINDOW / 64)

/* Of a nonce: its highest count so far, and which of the NONCE_WINDOW before that were
 * used. Count c has the bit c % NONCE_WINDOW. */
struct window {
    uint64_t made_s;
    uint64_t seen[WORDS];
    uint32_t highest; /* 0: free */
};

struct part {
    pthread_mutex_t lock;
    uint64_t tags[PART_SIZE]; /* of the number: what the search goes by */
    struct window windows[PART_SIZE];
};

struct nonces {
    unsigned char secret[KEY_SIZE];     /* where the configuration has none */
    unsigned char number_key[KEY_SIZE]; /* makes numbers of the counter */
    atomic_uint_fast64_t counter;
    struct part parts[PARTS];
};

_Static_assert(sizeof(struct nonces) <= 1024 * 1024, "the table is at most 1 MiB");
_Static_assert(BASE64_SIZE(RAW_SIZE) <= NONCE_TEXT_MAX && RAW_SIZE % 3 == 0, "fits");
_Static_assert(NONCE_WINDOW % 64 == 0, "whole words");

struct nonces *nonces_new(void)
{
    struct nonces *n = mem_zalloc(sizeof(*n));
    if (n == NULL)
        return NULL;
    if (RAND_bytes(n->secret, KEY_SIZE) != 1 || RAND_bytes(n->number_key, KEY_SIZE) != 1) {
        mem_free(n);
        return NULL;
    }
    for (size_t i = 0; i < PARTS; i++)
        ASSERT(pthread_mutex_init(&n->parts[i].lock, NULL) == 0);
    return n;
}

void nonces_free(struct nonces *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < PARTS; i++)
        pthread_mutex_destroy(&n->parts[i].lock);
    OPENSSL_cleanse(n->secret, KEY_SIZE);
    OPENSSL_cleanse(n->number_key, KEY_SIZE);
    mem_free(n);
}

static void store(unsigned char *out, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--, value >>= 8)
        out[i - 1] = (unsigned char)value;
}

static uint64_t load(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* The label keeps the codes of a secret apart from those made with it elsewhere. */
static void make_code(struct str key, const char *label, const unsigned char *bytes, size_t len,
                      unsigned char *out, size_t size)
{
    struct hmac_sha256_ctx ctx;
    hmac_sha256_set_key(&ctx, key.len, (const uint8_t *)key.ptr);
    hmac_sha256_update(&ctx, strlen(label) + 1, (const uint8_t *)label);
    hmac_sha256_update(&ctx, len, bytes);
    hmac_sha256_digest(&ctx, size, out);
    OPENSSL_cleanse(&ctx, sizeof(ctx));
}

static struct str choose_secret(const struct nonces *n, struct str secret)
{
    return secret.len > 0 ? secret : (struct str){(const char *)n->secret, KEY_SIZE};
}

size_t nonce_make(struct nonces *n, struct str secret, uint64_t now_s, char out[NONCE_TEXT_MAX])
{
    unsigned char raw[RAW_SIZE], count[8];
    store(raw, now_s, TIME_SIZE);
    store(count, atomic_fetch_add_explicit(&n->counter, 1, memory_order_relaxed), sizeof(count));
    make_code((struct str){(const char *)n->number_key, KEY_SIZE}, "digest number", count,
              sizeof(count), raw + TIME_SIZE, NUMBER_SIZE);
    make_code(choose_secret(n, secret), "digest nonce", raw, BODY_SIZE, raw + BODY_SIZE,
              CODE_SIZE);
    return base64_encode((struct str){(const char *)raw, RAW_SIZE}, out);
}

/* base64_decode is strict, so a nonce has one spelling. */
static bool decode(struct str nonce, unsigned char raw[RAW_SIZE])
{
    size_t len;
    return nonce.len == BASE64_SIZE(RAW_SIZE) &&
           base64_decode(nonce, (char *)raw, &len) == 0 && len == RAW_SIZE;
}

enum nonce_state nonce_check(const struct nonces *n, struct str secret, struct str nonce,
                             uint64_t now_s, uint64_t lifetime_s)
{
    unsigned char raw[RAW_SIZE], code[CODE_SIZE];
    if (!decode(nonce, raw))
        return NONCE_ALIEN;
    make_code(choose_secret(n, secret), "digest nonce", raw, BODY_SIZE, code, CODE_SIZE);
    bool is_ours = CRYPTO_memcmp(code, raw + BODY_SIZE, CODE_SIZE) == 0;
    OPENSSL_cleanse(code, sizeof(code)); /* a code for a nonce that was never made */
    if (!is_ours)
        return NONCE_ALIEN;
    uint64_t made_s = load(raw, TIME_SIZE);
    if (made_s > now_s)
        return made_s - now_s > AHEAD_S ? NONCE_ALIEN : NONCE_GOOD;
    return now_s - made_s > lifetime_s ? NONCE_STALE : NONCE_GOOD;
}

static bool is_seen(const struct window *w, uint32_t nc)
{
    return w->seen[nc % NONCE_WINDOW / 64] >> nc % 64 & 1;
}

static void set_seen(struct window *w, uint32_t nc, bool is_used)
{
    uint64_t bit = (uint64_t)1 << nc % 64, *word = &w->seen[nc % NONCE_WINDOW / 64];
    *word = is_used ? *word | bit : *word & ~bit;
}

/* The window ends before the highest count, which itself is always used. */
static bool use_count(struct window *w, uint32_t nc)
{
    if (nc <= w->highest) {
        uint32_t behind = w->highest - nc;
        if (behind == 0 || behind > NONCE_WINDOW || is_seen(w, nc))
            return false;
        set_seen(w, nc, true);
        return true;
    }
    if (nc - w->highest > NONCE_WINDOW) {
        memset(w->seen, 0, sizeof(w->seen));
    } else {
        set_seen(w, w->highest, true);
        for (uint32_t c = w->highest + 1; c < nc; c++)
            set_seen(w, c, false);
    }
    w->highest = nc;
    return true;
}

/* How soon a window may go: a free one first, then one whose nonce is from the future
 * (the clock was set back), then the oldest. Lifetimes are the same for all, so the
 * expired ones are among the oldest. */
static uint64_t age_of(const struct window *w, uint64_t now_s)
{
    if (w->highest == 0)
        return UINT64_MAX;
    if (w->made_s > now_s)
        return w->made_s - now_s > AHEAD_S ? UINT64_MAX - 1 : 0;
    return now_s - w->made_s;
}

static struct window *find_window(struct part *part, uint64_t tag, uint64_t made_s)
{
    for (size_t i = 0; i < PART_SIZE; i++) {
        struct window *w = &part->windows[i];
        if (part->tags[i] == tag && w->made_s == made_s && w->highest > 0)
            return w;
    }
    return NULL;
}

static void open_window(struct part *part, uint64_t tag, uint64_t made_s, uint32_t nc,
                        uint64_t now_s)
{
    size_t oldest = 0;
    for (size_t i = 1; i < PART_SIZE; i++) {
        if (age_of(&part->windows[i], now_s) > age_of(&part->windows[oldest], now_s))
            oldest = i;
    }
    part->tags[oldest] = tag;
    part->windows[oldest] = (struct window){.made_s = made_s, .highest = nc};
}

bool nonce_use(struct nonces *n, struct str nonce, uint32_t nc, uint64_t now_s)
{
    unsigned char raw[RAW_SIZE];
    if (nc == 0 || !decode(nonce, raw))
        return false;
    uint64_t made_s = load(raw, TIME_SIZE);
    uint64_t tag = load(raw + TIME_SIZE + 4, 8);
    struct part *part = &n->parts[load(raw + TIME_SIZE, 4) % PARTS];
    bool is_new = true;
    ASSERT(pthread_mutex_lock(&part->lock) == 0);
    struct window *w = find_window(part, tag, made_s);
    if (w != NULL)
        is_new = use_count(w, nc);
    else
        open_window(part, tag, made_s, nc, now_s);
    ASSERT(pthread_mutex_unlock(&part->lock) == 0);
    return is_new;
}
