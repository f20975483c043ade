/* SPDX-License-Identifier: MIT */
/*
 * leaves.c - the leaves of inspection; see leaves.h.
 *
 * An order's id is the address of its entry, which is there until the order is answered. When
 * an issuer is replaced, its signer answers what it still had with faults: those go to the
 * new one.
 */
#include "proxy/leaves.h"

#include <openssl/rsa.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "certs/fault.h"
#include "certs/pem.h"
#include "certs/tls_library.h"
#include "proxy/leaf_issuer.h"
#include "proxy/leaf_table.h"
#include "util/mem.h"

#define LAST_SECONDS 60
#define RSA_BITS 2048

struct leaves {
    EVP_PKEY *keys[2]; /* EC, RSA; of the control thread */
    pthread_mutex_t lock;
    /* Under the lock; issuer and max are changed by the control thread alone. */
    struct leaf_issuer *issuer; /* NULL: inspection is off */
    struct leaf_table table;
    unsigned max;
    bool is_ending;
    struct leaves_counts counts; /* but kept */
};

void leaf_ref(struct leaf *leaf)
{
    atomic_fetch_add_explicit(&leaf->refs, 1, memory_order_relaxed);
}

void leaf_unref(struct leaf *leaf)
{
    if (leaf == NULL || atomic_fetch_sub_explicit(&leaf->refs, 1, memory_order_acq_rel) != 1)
        return;
    X509_free(leaf->cert);
    EVP_PKEY_free(leaf->key);
    pem_free_certificates(leaf->chain);
    mem_free(leaf);
}

static struct leaf_ask *ask_of(struct letter *letter)
{
    return LIST_ITEM(letter, struct leaf_ask, letter);
}

static void open_ask(struct letter *letter)
{
    struct leaf_ask *ask = ask_of(letter);
    ask->done(ask);
}

/* The worker has ended with the answer in its inbox. */
static void drop_ask(struct letter *letter)
{
    struct leaf_ask *ask = ask_of(letter);
    leaf_unref(ask->leaf);
    ask->leaf = NULL;
    ask->drop(ask);
}

/* leaf: with a reference for the ask, or NULL. The ask may be gone when this returns. */
static void send_back(struct leaf_ask *ask, struct leaf *leaf, const char *fault)
{
    ask->leaf = leaf;
    snprintf(ask->fault, sizeof(ask->fault), "%s", leaf != NULL ? "" : fault);
    inbox_return(ask->inbox, &ask->letter);
}

static bool is_in_time(const struct leaf *leaf)
{
    return (int64_t)time(NULL) + LAST_SECONDS < leaf->not_after;
}

/* The caller holds the lock, as for all that follow. The entry of that key; one whose leaf is
 * in its last minute is removed. */
static struct leaf_entry *look_up(struct leaves *l, const unsigned char key[LEAVES_KEY_SIZE])
{
    struct leaf_entry *entry = leaf_table_find(&l->table, key);
    if (entry == NULL || entry->leaf == NULL || is_in_time(entry->leaf))
        return entry;
    leaf_table_remove(&l->table, entry);
    return NULL;
}

/* NULL where it is still being made. */
static struct leaf *take_leaf(struct leaves *l, struct leaf_entry *entry)
{
    if (entry == NULL || entry->leaf == NULL)
        return NULL;
    leaf_table_touch(&l->table, entry);
    l->counts.found++;
    leaf_ref(entry->leaf);
    return entry->leaf;
}

static void add_ask(struct leaf_entry *entry, struct leaf_ask *ask)
{
    if (entry->last != NULL)
        entry->last->next = ask;
    else
        entry->first = ask;
    entry->last = ask;
}

/* Makes room for what comes over max. */
static void trim(struct leaves *l)
{
    while (l->table.kept_count > l->max) {
        leaf_table_remove(&l->table, leaf_table_oldest(&l->table));
        l->counts.evicted++;
    }
}

static void forget_all(struct leaves *l)
{
    struct leaf_entry *entry;
    while ((entry = leaf_table_oldest(&l->table)) != NULL)
        leaf_table_remove(&l->table, entry);
}

static int order(struct leaves *l, struct leaf_entry *entry)
{
    return leaf_issuer_order(l->issuer, (uint64_t)(uintptr_t)entry, entry->first->order);
}

/* The first ask of a key. NULL: it waits now; else why it cannot. */
static const char *begin_making(struct leaves *l, struct leaf_ask *ask)
{
    if (l->issuer == NULL)
        return "inspection is off";
    struct leaf_entry *entry = leaf_table_add(&l->table, ask->key);
    if (entry == NULL)
        return "out of memory";
    add_ask(entry, ask);
    if (order(l, entry) == 0)
        return NULL;
    leaf_table_remove(&l->table, entry);
    return "too many wait for the signer, or there is no memory";
}

struct leaf *leaves_find(struct leaves *l, const unsigned char key[LEAVES_KEY_SIZE])
{
    pthread_mutex_lock(&l->lock);
    struct leaf *leaf = take_leaf(l, look_up(l, key));
    pthread_mutex_unlock(&l->lock);
    return leaf;
}

void leaves_ask(struct leaves *l, struct leaf_ask *ask)
{
    const char *fault = NULL;
    ask->next = NULL;
    ask->leaf = NULL;
    ask->fault[0] = '\0';
    ask->letter = (struct letter){.open = open_ask, .drop = drop_ask};
    pthread_mutex_lock(&l->lock);
    struct leaf_entry *entry = look_up(l, ask->key);
    struct leaf *leaf = take_leaf(l, entry);
    if (entry == NULL) {
        fault = begin_making(l, ask);
        if (fault != NULL)
            l->counts.failed++;
    } else if (leaf == NULL) {
        add_ask(entry, ask);
        l->counts.waited++;
    }
    pthread_mutex_unlock(&l->lock); /* from here on it may be back already */
    if (leaf != NULL || fault != NULL)
        send_back(ask, leaf, fault);
}

/* Ends the making: the asks of the entry, which is kept or removed. */
static struct leaf_ask *settle(struct leaves *l, struct leaf_entry *entry, struct leaf *leaf,
                               bool is_kept)
{
    struct leaf_ask *first = entry->first;
    for (struct leaf_ask *ask = first; ask != NULL; ask = ask->next) {
        if (leaf != NULL)
            leaf_ref(leaf);
        else
            l->counts.failed++;
    }
    if (leaf != NULL)
        l->counts.forged++;
    if (is_kept) {
        entry->first = entry->last = NULL;
        leaf_table_keep(&l->table, entry, leaf);
        trim(l);
    } else {
        leaf_table_remove(&l->table, entry);
    }
    return first;
}

static void on_leaf(struct leaf_issuer *issuer, uint64_t id, struct str der, const char *fault)
{
    struct leaves *l = leaf_issuer_owner(issuer);
    struct leaf_entry *entry = (struct leaf_entry *)(uintptr_t)id;
    struct leaf_ask *ask = NULL, *next;
    struct leaf *leaf = der.ptr != NULL ? leaf_issuer_read(issuer, der, &fault) : NULL;
    pthread_mutex_lock(&l->lock);
    bool is_current = issuer == l->issuer;
    bool is_asked_again = leaf == NULL && !is_current && l->issuer != NULL && !l->is_ending &&
                          order(l, entry) == 0;
    if (!is_asked_again && !l->is_ending) /* at the end leaves_free drops them */
        ask = settle(l, entry, leaf, leaf != NULL && is_current && is_in_time(leaf) &&
                                          !entry->first->is_passing);
    pthread_mutex_unlock(&l->lock);
    for (; ask != NULL; ask = next) {
        next = ask->next;
        send_back(ask, leaf, fault);
    }
    leaf_unref(leaf);
}

static void on_restart(struct leaf_issuer *issuer)
{
    struct leaves *l = leaf_issuer_owner(issuer);
    pthread_mutex_lock(&l->lock);
    l->counts.restarts++;
    pthread_mutex_unlock(&l->lock);
}

struct leaves *leaves_new(struct err *e)
{
    struct leaves *l = mem_zalloc(sizeof(*l));
    if (l == NULL || leaf_table_init(&l->table) != 0) {
        mem_free(l);
        err_set(e, NULL, "no memory or no randomness for the leaves of inspection");
        return NULL;
    }
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

/* The key that all leaves of that kind have as long as this process lives. */
static EVP_PKEY *get_key(struct leaves *l, const struct inspection_config *inspection,
                         struct err *e)
{
    EVP_PKEY **key = &l->keys[inspection->is_leaf_rsa];
    if (*key == NULL)
        *key = inspection->is_leaf_rsa
                   ? EVP_PKEY_Q_keygen(tls_library(), NULL, "RSA", (size_t)RSA_BITS)
                   : EVP_PKEY_Q_keygen(tls_library(), NULL, "EC", "P-256");
    if (*key == NULL)
        fault_set(e, &inspection->ca_key_at, "a key for leaves cannot be made");
    return *key;
}

static struct leaf_issuer *make_issuer(struct leaves *l,
                                       const struct inspection_config *inspection, struct err *e)
{
    EVP_PKEY *key = get_key(l, inspection, e);
    if (key == NULL)
        return NULL;
    struct leaf_issuer_calls calls = {.on_leaf = on_leaf, .on_restart = on_restart, .owner = l};
    return leaf_issuer_new(inspection, key, &calls, e);
}

int leaves_use(struct leaves *l, const struct inspection_config *inspection, struct err *e)
{
    struct leaf_issuer *old = l->issuer, *issuer = NULL;
    if (inspection->is_enabled && old != NULL && leaf_issuer_is_for(old, inspection))
        issuer = old;
    else if (inspection->is_enabled && (issuer = make_issuer(l, inspection, e)) == NULL)
        return -1;
    pthread_mutex_lock(&l->lock);
    l->issuer = issuer;
    l->max = inspection->leaves_max;
    if (issuer == NULL || old == NULL || !leaf_issuer_is_alike(old, issuer))
        forget_all(l);
    trim(l);
    pthread_mutex_unlock(&l->lock);
    if (old != issuer)
        leaf_issuer_free(old);
    return 0;
}

void leaves_count(struct leaves *l, struct leaves_counts *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->counts;
    out->kept = l->table.kept_count;
    pthread_mutex_unlock(&l->lock);
}

static void drop_asks(struct leaf_ask *ask)
{
    while (ask != NULL) {
        struct leaf_ask *next = ask->next;
        ask->drop(ask);
        ask = next;
    }
}

void leaves_free(struct leaves *l)
{
    struct leaf_entry *entry;
    if (l == NULL)
        return;
    pthread_mutex_lock(&l->lock);
    l->is_ending = true;
    pthread_mutex_unlock(&l->lock);
    leaf_issuer_free(l->issuer); /* no thread but ours knows of l from here on */
    while ((entry = leaf_table_first_making(&l->table)) != NULL) {
        struct leaf_ask *first = entry->first;
        leaf_table_remove(&l->table, entry);
        drop_asks(first);
    }
    forget_all(l);
    leaf_table_fini(&l->table);
    EVP_PKEY_free(l->keys[0]);
    EVP_PKEY_free(l->keys[1]);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}
