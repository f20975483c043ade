/* SPDX-License-Identifier: MIT */
/* tickets.c - the keys of session tickets; see tickets.h. */
#include "certs/tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>

#include "util/mem.h"

#define NAME_BYTES 16 /* RFC 5077 section 4 */
#define KEY_BYTES 32
#define KEY_LIFE_S (TICKETS_KEY_S + TICKETS_SESSION_S)
#define KEYS (KEY_LIFE_S / TICKETS_KEY_S + 1)

enum { NOT_OURS = 0, FINE = 1, FINE_BUT_OLD = 2, BROKEN = -1 }; /* what OpenSSL is told */

struct ticket_key {
    unsigned char name[NAME_BYTES], cipher[KEY_BYTES], mac[KEY_BYTES];
    uint64_t made_s;
};

struct tickets {
    pthread_mutex_t lock;
    uint64_t (*now_s)(void);
    unsigned count; /* keys[0] is the one that seals */
    struct ticket_key keys[KEYS];
};

/* 0, or -1 without randomness. */
static int make_key(struct ticket_key *k, uint64_t now_s)
{
    k->made_s = now_s;
    if (RAND_bytes(k->name, sizeof(k->name)) != 1 ||
        RAND_priv_bytes(k->cipher, sizeof(k->cipher)) != 1 ||
        RAND_priv_bytes(k->mac, sizeof(k->mac)) != 1)
        return -1;
    return 0;
}

/* The oldest key is forgotten where there is no place for another. */
static int add_key(struct tickets *t, uint64_t now_s)
{
    struct ticket_key fresh;
    int rc = make_key(&fresh, now_s);
    if (rc == 0) {
        unsigned kept = t->count < KEYS ? t->count : KEYS - 1;
        memmove(&t->keys[1], &t->keys[0], kept * sizeof(t->keys[0]));
        t->keys[0] = fresh;
        t->count = kept + 1;
    }
    OPENSSL_cleanse(&fresh, sizeof(fresh));
    return rc;
}

struct tickets *tickets_new(uint64_t (*now_s)(void))
{
    struct tickets *t = mem_zalloc(sizeof(*t));
    if (t == NULL)
        return NULL;
    t->now_s = now_s;
    pthread_mutex_init(&t->lock, NULL);
    if (add_key(t, now_s()) == 0)
        return t;
    tickets_free(t);
    return NULL;
}

void tickets_free(struct tickets *t)
{
    if (t == NULL)
        return;
    pthread_mutex_destroy(&t->lock);
    OPENSSL_cleanse(t, sizeof(*t));
    mem_free(t);
}

static void forget_old(struct tickets *t, uint64_t now_s)
{
    while (t->count > 0 && now_s - t->keys[t->count - 1].made_s >= KEY_LIFE_S)
        OPENSSL_cleanse(&t->keys[--t->count], sizeof(t->keys[0]));
}

static int sealing_key(struct tickets *t, struct ticket_key *out)
{
    uint64_t now_s = t->now_s();
    int rc = FINE;
    pthread_mutex_lock(&t->lock);
    forget_old(t, now_s);
    if ((t->count == 0 || now_s - t->keys[0].made_s >= TICKETS_KEY_S) && add_key(t, now_s) != 0)
        rc = BROKEN;
    else
        *out = t->keys[0];
    pthread_mutex_unlock(&t->lock);
    return rc;
}

static int find_key(struct tickets *t, const unsigned char name[NAME_BYTES],
                    struct ticket_key *out)
{
    uint64_t now_s = t->now_s();
    int rc = NOT_OURS;
    pthread_mutex_lock(&t->lock);
    forget_old(t, now_s);
    for (unsigned i = 0; rc == NOT_OURS && i < t->count; i++) {
        if (CRYPTO_memcmp(t->keys[i].name, name, NAME_BYTES) != 0)
            continue;
        *out = t->keys[i];
        rc = now_s - out->made_s >= TICKETS_KEY_S ? FINE_BUT_OLD : FINE;
    }
    pthread_mutex_unlock(&t->lock);
    return rc;
}

static int set_up(const struct ticket_key *k, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                  EVP_MAC_CTX *mac, int seals)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)"SHA256", 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_init(mac, k->mac, sizeof(k->mac), params) == 1 &&
           EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv, seals) == 1;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int seals)
{
    struct tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key key;
    int rc = seals ? sealing_key(t, &key) : find_key(t, name, &key);
    if (rc == NOT_OURS || rc == BROKEN)
        return rc;
    /* Tickets of TLS 1.3 are for one use each (RFC 8446 appendix C.4). */
    if (!seals && SSL_version(ssl) == TLS1_3_VERSION)
        rc = FINE_BUT_OLD;
    if (seals) {
        memcpy(name, key.name, NAME_BYTES);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
            rc = BROKEN;
    }
    if (rc != BROKEN && !set_up(&key, iv, cipher, mac, seals))
        rc = BROKEN;
    OPENSSL_cleanse(&key, sizeof(key));
    return rc;
}

void tickets_use(struct tickets *t, SSL_CTX *ctx)
{
    SSL_CTX_set_app_data(ctx, t);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}
