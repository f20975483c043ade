/* SPDX-License-Identifier: MIT */
/*
 * inspect.c - the phase that gets a leaf and shakes hands with the client of an inspected
 * tunnel.
 *
 * The leaf stands for the origin's certificate, and is found by it; for an origin that has
 * failed, or a name that is denied, it is one for a page of ours, with the name that the
 * client asked for and none of the origin's. A client that does not take the leaf is counted
 * by host.
 */
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "certs/tls_server.h"
#include "proxy/conn.h"
#include "proxy/inspected.h"
#include "proxy/leaves.h"
#include "proxy/net/stream_tls.h"
#include "proxy/phase/tls_alert.h"
#include "proxy/proposals.h"
#include "proxy/worker.h"
#include "util/log.h"
#include "util/mem.h"

/* An ask that is under way; it outlives a client that goes meanwhile. */
struct errand {
    struct leaf_ask ask;
    struct conn *conn; /* NULL: it has gone */
};

struct inspect {
    struct errand *errand; /* NULL: none is under way */
    struct leaf *leaf;     /* NULL: not there yet */
    char fault[sizeof(((struct leaf_ask *)0)->fault)]; /* why there is none; empty: it comes */
    bool is_own;           /* the leaf was asked for this host alone */
    bool is_begun;         /* the handshake */
};

static void free_errand(struct errand *e)
{
    leaf_unref(e->ask.leaf);
    leaf_order_free(e->ask.order);
    mem_free(e);
}

static void on_drop(struct leaf_ask *ask)
{
    free_errand(LIST_ITEM(ask, struct errand, ask));
}

static void on_done(struct leaf_ask *ask)
{
    struct errand *e = LIST_ITEM(ask, struct errand, ask);
    struct conn *c = e->conn;
    if (c != NULL) {
        struct inspect *i = c->state;
        i->errand = NULL;
        i->leaf = ask->leaf;
        ask->leaf = NULL;
        memcpy(i->fault, ask->fault, sizeof(i->fault));
    }
    free_errand(e);
    if (c != NULL)
        conn_run(c);
}

/* ---- the leaf ---- */

/* The name that a leaf must have: that of the CONNECT, which the origin has proved. For a page of
 * ours, and where the CONNECT has an address, it is the one that the client expects. */
static struct str leaf_name(const struct inspected *i)
{
    bool is_proved = i->has_leaf && !i->host.is_address;
    return is_proved || i->sni[0] == '\0' ? host_str(&i->host) : str_of(i->sni);
}

static int digest(struct str first, struct str second, unsigned char out[LEAVES_KEY_SIZE])
{
    unsigned len;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
             EVP_DigestUpdate(md, first.ptr, first.len) &&
             EVP_DigestUpdate(md, second.ptr, second.len) && EVP_DigestFinal_ex(md, out, &len);
    EVP_MD_CTX_free(md);
    return ok ? 0 : -1;
}

static int key_of_leaf(struct conn *c, X509 *origin, unsigned char key[LEAVES_KEY_SIZE])
{
    unsigned len;
    if (origin == NULL)
        return digest(STR_LIT("page "), leaf_name(c->inspected), key);
    return X509_digest(origin, EVP_sha256(), key, &len) == 1 ? 0 : -1;
}

static struct leaf_order *make_order(const struct inspected *i, X509 *origin)
{
    time_t now = time(NULL);
    if (origin == NULL)
        return leaf_order_of_page(leaf_name(i), (struct str){NULL, 0}, now);
    return leaf_order_of_origin(origin, leaf_name(i), now);
}

static int ask_for_leaf(struct conn *c, struct inspect *i, X509 *origin,
                        const unsigned char key[LEAVES_KEY_SIZE])
{
    struct errand *e = mem_zalloc(sizeof(*e));
    if (e == NULL)
        return -1;
    e->conn = c;
    e->ask.inbox = &c->worker->inbox;
    e->ask.done = on_done;
    e->ask.drop = on_drop;
    memcpy(e->ask.key, key, LEAVES_KEY_SIZE);
    e->ask.is_passing = origin == NULL;
    e->ask.order = make_order(c->inspected, origin);
    if (e->ask.order == NULL) { /* a name in numbers that is no address, say */
        free_errand(e);
        snprintf(i->fault, sizeof(i->fault), "there can be none for that name");
        return 0;
    }
    i->errand = e;
    leaves_ask(c->worker->shared->leaves, &e->ask);
    return 0;
}

/* NULL for a page. The stream has it for as long as it lives. */
static X509 *origin_certificate(struct conn *c)
{
    if (c->inspected->fault != END_DONE)
        return NULL;
    return SSL_get0_peer_certificate(stream_tls_ssl(&c->origin));
}

static int inspect_enter(struct conn *c)
{
    struct inspect *i = mem_zalloc(sizeof(*i));
    unsigned char key[LEAVES_KEY_SIZE];
    X509 *origin = origin_certificate(c);
    c->state = i;
    conn_set_deadline(c, c->txn->pin->config->limits.header_timeout_ms);
    c->inspected->has_leaf = origin != NULL;
    if (i == NULL || key_of_leaf(c, origin, key) != 0)
        return -1;
    i->leaf = leaves_find(c->worker->shared->leaves, key);
    return i->leaf != NULL ? 0 : ask_for_leaf(c, i, origin, key);
}

static void inspect_leave(struct conn *c)
{
    struct inspect *i = c->state;
    if (i == NULL)
        return;
    if (i->errand != NULL)
        i->errand->conn = NULL;
    leaf_unref(i->leaf);
    mem_free(i);
    c->state = NULL;
}

/* A CA with name constraints leaves out what it may not sign for; a leaf without the name that
 * was asked for would look like an attack to the client, and like pinning to us. */
static bool has_name(const struct inspected *in, X509 *cert)
{
    struct addr address;
    struct str name = leaf_name(in);
    if (addr_parse(&address, name) != 0)
        return X509_check_host(cert, name.ptr, name.len, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                               NULL) == 1;
    bool is_v4 = addr_is_v4(&address);
    return X509_check_ip(cert, address.bytes + (is_v4 ? 12 : 0), is_v4 ? 4 : 16, 0) == 1;
}

/* The leaf of an origin with more names than a leaf can have was made for another of its
 * hosts. One more, with the names of this host first. */
static enum next ask_for_own(struct conn *c, struct inspect *i)
{
    unsigned char all[LEAVES_KEY_SIZE], key[LEAVES_KEY_SIZE];
    X509 *origin = origin_certificate(c);
    struct str first = {(const char *)all, sizeof(all)};
    i->is_own = true;
    leaf_unref(i->leaf);
    i->leaf = NULL;
    if (origin == NULL || key_of_leaf(c, origin, all) != 0 ||
        digest(first, leaf_name(c->inspected), key) != 0)
        return conn_end(c, END_NO_MEMORY);
    i->leaf = leaves_find(c->worker->shared->leaves, key);
    if (i->leaf == NULL && ask_for_leaf(c, i, origin, key) != 0)
        return conn_end(c, END_NO_MEMORY);
    return NEXT_PHASE; /* PHASE: here once more */
}

/* ---- the handshake ---- */

/* A session is for this host under this CA, at whatever certificate of the origin's. */
static int session_id(const struct inspected *in, const struct leaf *leaf,
                      unsigned char id[LEAVES_KEY_SIZE])
{
    char place[HOST_MAX + 16];
    int len = snprintf(place, sizeof(place), "%s %u %d", in->host.name, (unsigned)in->port,
                       in->has_leaf);
    return digest((struct str){(const char *)leaf->ca_id, sizeof(leaf->ca_id)},
                  (struct str){place, (size_t)len}, id);
}

/* Alerts by which a client says that it does not like the certificate (RFC 8446 section
 * 6.2): bad_certificate to unknown_ca, and access_denied. */
static bool is_about_certificate(int alert)
{
    return (alert >= 42 && alert <= 46) || alert == 48 || alert == 49;
}

/* The close line is written here; what the client was told last still arrives. */
static enum next let_go(struct conn *c, enum end_reason reason)
{
    inspected_close(c, reason);
    if (c->client.tls != NULL)
        stream_tls_drop(&c->client);
    return conn_enter(c, &PHASE_LINGER);
}

static enum next refused(struct conn *c, enum io rc)
{
    const struct inspected *in = c->inspected;
    int alert = stream_tls_peer_alert(&c->client);
    bool is_alert = is_about_certificate(alert);
    bool is_close = alert < 0 && (rc == IO_EOF || c->client.error == ECONNRESET);
    count_add(&c->worker->counters.tls_handshakes[COUNT_TLS_FAILED], 1);
    if (in->has_leaf && (is_alert || is_close))
        proposals_note(c->worker->shared->proposals, host_str(&in->host), in->port,
                       is_alert ? PROPOSAL_ALERT : PROPOSAL_CLOSED,
                       is_alert ? str_of(SSL_alert_desc_string_long(alert))
                                : (struct str){NULL, 0},
                       &c->client_addr.addr, clock_wall_ms());
    return let_go(c, is_alert || is_close ? END_LEAF_REFUSED : END_TLS_HANDSHAKE_FAILED);
}

static enum next shake_hands(struct conn *c)
{
    struct inspected *in = c->inspected;
    enum io rc = stream_tls_handshake(&c->client);
    if (rc == IO_AGAIN)
        return NEXT_AGAIN;
    if (rc != IO_OK)
        return refused(c, rc);
    count_add(&c->worker->counters.tls_handshakes[COUNT_TLS_OK], 1);
    in->is_open = true;
    in->opened_ms = worker_now_ms();
    txn_free(c->txn);
    c->txn = NULL;
    c->is_new = true;
    c->is_logged = false;
    conn_set_deadline(c, c->worker->pin->config->limits.header_timeout_ms);
    conn_watch(c);
    return conn_enter(c, &PHASE_REQUEST);
}

static enum next lack_leaf(struct conn *c, const char *why)
{
    log_line(LOG_WARNING, "no leaf for %s: %s", c->inspected->host.name, why);
    tls_alert_send(&c->client, TLS_ALERT_INTERNAL_ERROR);
    return let_go(c, END_LEAF_FAILED);
}

/* TLS with the leaf; the client's hello is in it already. */
static enum next begin(struct conn *c, struct inspect *i)
{
    SSL_CTX *ctx = c->txn->pin->config->inspection.client_tls;
    unsigned char id[LEAVES_KEY_SIZE];
    struct err e = {.line = 0};
    if (session_id(c->inspected, i->leaf, id) != 0 ||
        stream_tls_start(&c->client, c->worker->tls_pool, ctx, STREAM_TLS_SERVER,
                         (struct str){c->early, c->early_len}) != 0)
        return conn_end(c, END_NO_MEMORY);
    switch (tls_server_use_leaf(stream_tls_ssl(&c->client), i->leaf->cert, i->leaf->key,
                                i->leaf->chain, id, &e)) {
    case TLS_SERVER_LEAF_NO_MEMORY:
        return conn_end(c, END_NO_MEMORY);
    case TLS_SERVER_LEAF_REFUSED:
        stream_tls_drop(&c->client);
        return lack_leaf(c, e.text);
    case TLS_SERVER_LEAF_USED:
        break;
    }
    conn_drop_early(c);
    i->is_begun = true;
    return NEXT_PHASE; /* PHASE: here once more */
}

static enum next inspect_step(struct conn *c)
{
    struct inspect *i = c->state;
    if (c->has_client_stirred && !i->is_begun && stream_is_broken(&c->client))
        return conn_end(c, END_CLIENT_RESET);
    if (c->client.is_ending && !i->is_begun) /* it has not seen a leaf that it could refuse */
        return conn_end(c, END_CLIENT_GONE);
    c->has_client_stirred = false;
    if (c->is_expired && i->is_begun) {
        count_add(&c->worker->counters.tls_handshakes[COUNT_TLS_TIMEOUT], 1);
        return let_go(c, END_TLS_HANDSHAKE_FAILED);
    }
    if (i->leaf == NULL && i->fault[0] != '\0')
        return lack_leaf(c, i->fault);
    if (i->leaf == NULL && c->is_expired)
        return lack_leaf(c, "the signer does not answer");
    if (i->leaf == NULL)
        return NEXT_AGAIN;
    bool has_host = i->is_begun || has_name(c->inspected, i->leaf->cert);
    if (!has_host && !i->is_own && c->inspected->has_leaf)
        return ask_for_own(c, i);
    if (!has_host)
        return lack_leaf(c, "the CA's name constraints forbid the name that was asked for");
    return i->is_begun ? shake_hands(c) : begin(c, i);
}

static void inspect_check_up(struct conn *c)
{
    stream_probe(&c->client);
    conn_run(c);
}

const struct phase PHASE_INSPECT = {"inspect", inspect_enter, inspect_step, inspect_leave,
                                    inspect_check_up};
