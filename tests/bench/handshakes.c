/* SPDX-License-Identifier: MIT */
/*
 * handshakes.c - what the two handshakes of an inspected connection cost OpenSSL alone: no
 * sockets, no proxy, nothing else.
 *
 * Both are full handshakes of TLS 1.3 in memory, with the suite and the group of all the
 * benchmark's TLS. Towards an origin: chain and name verified against the origins' CA read from
 * a file. Towards a client: with a P-256 leaf, and OpenSSL's two tickets. Each counts from the
 * making of the connection to its end, and only the steps of our own side. Prints key=value lines,
 * microseconds of CPU.
 *
 * usage: handshakes TRUST-FILE [COUNT]; the file is written, and stays.
 */
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/bench/certificates.h"
#include "tests/bench/tls_client.h"
#include "util/attr.h"

#define NAME "h1.bench.webex.com"
#define DEFAULT_COUNT 3000
#define MAX_COUNT 1000000UL
#define WARM_COUNT 200
#define MAX_STEPS 10
#define CLOCK_COUNT 1000

/* Two sides with memory between them, and the CPU that each has used. */
struct pair {
    SSL_CTX *client_ctx, *server_ctx;
    SSL *client, *server;
    BIO *up, *down;
    bool is_verifying;
    uint64_t client_ns, server_ns;
    uint64_t clock_ns; /* what looking at the clock costs, which is in no figure */
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* The CPU since `start`, without that of the clock. */
static uint64_t since(const struct pair *pair, uint64_t start)
{
    uint64_t spent = now_ns() - start;

    return spent > pair->clock_ns ? spent - pair->clock_ns : 0;
}

/* Each connection owns both BIOs, as it would own its socket. */
static SSL *open_side(SSL_CTX *ctx, BIO *in, BIO *out)
{
    SSL *ssl = SSL_new(ctx);

    if (ssl == NULL)
        return NULL;
    BIO_up_ref(in);
    BIO_up_ref(out);
    SSL_set_bio(ssl, in, out);
    return ssl;
}

static int open_client(struct pair *pair)
{
    uint64_t start = now_ns();
    int rc = -1;

    pair->client = open_side(pair->client_ctx, pair->down, pair->up);
    if (pair->client != NULL) {
        SSL_set_connect_state(pair->client);
        if (SSL_set_tlsext_host_name(pair->client, NAME) == 1 &&
            (!pair->is_verifying || SSL_set1_host(pair->client, NAME) == 1))
            rc = 0;
    }
    pair->client_ns += since(pair, start);
    return rc;
}

static int open_server(struct pair *pair)
{
    uint64_t start = now_ns();

    pair->server = open_side(pair->server_ctx, pair->up, pair->down);
    if (pair->server != NULL)
        SSL_set_accept_state(pair->server);
    pair->server_ns += since(pair, start);
    return pair->server != NULL ? 0 : -1;
}

/* 1: done; 0: waits for the other side; -1: failed. */
static int step(const struct pair *pair, SSL *ssl, uint64_t *spent_ns)
{
    uint64_t start = now_ns();
    int rc = SSL_do_handshake(ssl);
    int error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl, rc);

    *spent_ns += since(pair, start);
    if (error == SSL_ERROR_NONE)
        return 1;
    return error == SSL_ERROR_WANT_READ ? 0 : -1;
}

static int shake_hands(struct pair *pair)
{
    for (int i = 0; i < MAX_STEPS; i++) {
        int client = step(pair, pair->client, &pair->client_ns);
        int server = client < 0 ? -1 : step(pair, pair->server, &pair->server_ns);

        if (server < 0)
            return -1;
        if (client > 0 && server > 0)
            return 0;
    }
    return -1;
}

static void close_side(const struct pair *pair, SSL **ssl, uint64_t *spent_ns)
{
    uint64_t start = now_ns();

    SSL_free(*ssl);
    *ssl = NULL;
    *spent_ns += since(pair, start);
}

static int run_one(struct pair *pair)
{
    int rc = -1;

    pair->up = BIO_new(BIO_s_mem());
    pair->down = BIO_new(BIO_s_mem());
    if (pair->up != NULL && pair->down != NULL && open_client(pair) == 0 && open_server(pair) == 0)
        rc = shake_hands(pair);
    if (rc == 0 && (SSL_version(pair->client) != TLS1_3_VERSION ||
                    SSL_session_reused(pair->client) == 1))
        rc = -1;
    close_side(pair, &pair->client, &pair->client_ns);
    close_side(pair, &pair->server, &pair->server_ns);
    BIO_free(pair->up);
    BIO_free(pair->down);
    return rc;
}

static int run_many(struct pair *pair, unsigned long count)
{
    uint64_t start = now_ns();

    for (int i = 0; i < CLOCK_COUNT; i++)
        (void)now_ns();
    pair->clock_ns = (now_ns() - start) / (CLOCK_COUNT + 1);
    for (unsigned long i = 0; i < WARM_COUNT + count; i++) {
        if (i == WARM_COUNT)
            pair->client_ns = pair->server_ns = 0;
        if (run_one(pair) != 0)
            return -1;
    }
    return 0;
}

/* As a proxy is towards origins. */
static SSL_CTX *new_verifying(const char *trust)
{
    SSL_CTX *ctx = tls_client_new();

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_file(ctx, trust) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* As a proxy is towards clients: sessions are handed out. */
static SSL_CTX *new_forged(struct certificates *certificates)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    X509 *leaf = certificates_leaf(certificates, NAME);

    if (ctx == NULL || leaf == NULL)
        return ctx;
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_use_certificate(ctx, leaf) == 1 &&
        SSL_CTX_use_PrivateKey(ctx, certificates_key(certificates)) == 1)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static int measure(struct certificates *certificates, const char *trust, unsigned long count)
{
    struct pair to_origin = {.client_ctx = new_verifying(trust),
                             .server_ctx = certificates_server(certificates),
                             .is_verifying = true};
    struct pair to_client = {.client_ctx = tls_client_new(),
                             .server_ctx = new_forged(certificates)};
    int rc = -1;

    if (to_origin.client_ctx != NULL && to_origin.server_ctx != NULL &&
        to_client.client_ctx != NULL && to_client.server_ctx != NULL &&
        run_many(&to_origin, count) == 0 && run_many(&to_client, count) == 0) {
        printf("to_origin_us=%.3f\n", (double)to_origin.client_ns / (double)count / 1000.0);
        printf("to_client_us=%.3f\n", (double)to_client.server_ns / (double)count / 1000.0);
        rc = 0;
    }
    SSL_CTX_free(to_origin.client_ctx);
    SSL_CTX_free(to_origin.server_ctx);
    SSL_CTX_free(to_client.client_ctx);
    SSL_CTX_free(to_client.server_ctx);
    return rc;
}

int main(int argc, char **argv)
{
    unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : DEFAULT_COUNT;
    struct certificates *certificates = NULL;
    int rc = 1;

    if (argc < 2 || argc > 3 || count == 0 || count > MAX_COUNT) {
        fputs("usage: handshakes TRUST-FILE [COUNT]\n", stderr);
        return 2;
    }
    certificates = certificates_new();
    if (certificates != NULL && certificates_write_ca(certificates, argv[1]) == 0 &&
        measure(certificates, argv[1], count) == 0)
        rc = 0;
    else
        fputs("handshakes: failed\n", stderr);
    certificates_free(certificates);
    return rc;
}
