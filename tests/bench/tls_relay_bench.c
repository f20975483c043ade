/* SPDX-License-Identifier: MIT */
/*
 * tls_relay_bench.c - what it costs to decrypt a flow of bytes and to encrypt it again.
 *
 * Each flow has a process that sends, one that receives, and both speak TLS 1.3 by OpenSSL
 * alone over 127.0.0.1; in between, this process moves the bytes with a relay between two TLS
 * streams. Its CPU time for each GB (10^9 bytes) stands beside that of the same flows
 * untouched (a plain tunnel), and of AES-GCM alone on blocks of 16 KiB, one way and back.
 *
 *   tls_relay_bench [FLOWS [GB [SUITE]]]
 */
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/net/relay.h"
#include "proxy/net/stream_tls.h"
#include "util/attr.h"
#include "util/str.h"

#define MOST_FLOWS 16
#define BLOCK (16 * 1024)

struct bench_flow {
    struct stream from, to;
    struct relay relay;
    bool is_tls, is_over;
    pid_t sender, receiver;
};

struct bench {
    struct event_base *base;
    struct relay_pool pool;
    struct stream_tls_pool *tls;
    SSL_CTX *server, *client;
    unsigned flow_count, left;
    struct bench_flow flows[MOST_FLOWS];
};

static struct bench bench; /* global: the callbacks of streams have no other way to it */

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- contexts ---- */

static void show_certificate(SSL_CTX *ctx)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    if (X509_sign(cert, key, EVP_sha256()) <= 0 || SSL_CTX_use_certificate(ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, key) != 1)
        die("certificate");
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void make_contexts(const char *suite)
{
    bench.server = SSL_CTX_new(TLS_server_method());
    bench.client = SSL_CTX_new(TLS_client_method());
    show_certificate(bench.server);
    SSL_CTX_set_min_proto_version(bench.server, TLS1_3_VERSION);
    if (SSL_CTX_set_ciphersuites(bench.server, suite) != 1)
        die(suite);
}

/* ---- the ends, each a process of its own ---- */

static void connect_pair(int fds[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &size) != 0 ||
        connect(fds[0], (struct sockaddr *)&at, size) != 0)
        die("socket");
    fds[1] = accept(listener, NULL, NULL);
    close(listener);
    evutil_make_socket_nonblocking(fds[0]);
}

static SSL *begin_end(int fd, bool is_tls, bool is_server)
{
    if (!is_tls)
        return NULL;
    SSL *ssl = SSL_new(is_server ? bench.server : bench.client);
    SSL_set_fd(ssl, fd);
    if ((is_server ? SSL_accept(ssl) : SSL_connect(ssl)) != 1)
        die("handshake");
    return ssl;
}

static _Noreturn void run_sender(int fd, bool is_tls, uint64_t left)
{
    static char bytes[4 * BLOCK];
    SSL *ssl = begin_end(fd, is_tls, true);
    while (left != 0) {
        size_t size = left < sizeof(bytes) ? (size_t)left : sizeof(bytes);
        ssize_t put = ssl != NULL ? SSL_write(ssl, bytes, (int)size) : write(fd, bytes, size);
        if (put <= 0)
            die("send");
        left -= (uint64_t)put;
    }
    if (ssl != NULL)
        SSL_shutdown(ssl);
    _exit(0);
}

static _Noreturn void run_receiver(int fd, bool is_tls, uint64_t wanted)
{
    static char bytes[4 * BLOCK];
    SSL *ssl = begin_end(fd, is_tls, false);
    uint64_t all = 0;
    ssize_t got;
    while ((got = ssl != NULL ? SSL_read(ssl, bytes, sizeof(bytes))
                              : read(fd, bytes, sizeof(bytes))) > 0)
        all += (uint64_t)got;
    _exit(all == wanted ? 0 : 1);
}

static pid_t start_end(int fds[2], bool is_tls, bool is_sender, uint64_t bytes)
{
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        close(fds[0]);
        if (is_sender)
            run_sender(fds[1], is_tls, bytes);
        run_receiver(fds[1], is_tls, bytes);
    }
    close(fds[1]);
    return pid;
}

/* ---- in between ---- */

static void run_flow(struct bench_flow *f)
{
    if (f->is_over)
        return;
    if (f->is_tls) {
        enum io from = stream_tls_handshake(&f->from), to = stream_tls_handshake(&f->to);
        if (from == IO_ERR || to == IO_ERR)
            die("handshake of the relay");
        if (from != IO_OK || to != IO_OK)
            return;
        f->is_tls = false;
    }
    enum io rc = relay_run(&f->relay);
    if (rc == IO_YIELD)
        stream_wake(&f->from);
    f->is_over = relay_is_over(&f->relay);
    if (f->is_over && --bench.left == 0)
        event_base_loopbreak(bench.base);
}

static void on_ready(struct stream *s)
{
    for (unsigned i = 0; i < bench.flow_count; i++)
        if (s == &bench.flows[i].from || s == &bench.flows[i].to)
            run_flow(&bench.flows[i]);
}

static void open_flow(struct bench_flow *f, bool is_tls, uint64_t bytes)
{
    int in[2], out[2];
    struct str none = {NULL, 0};
    connect_pair(in);
    connect_pair(out);
    f->sender = start_end(in, is_tls, true, bytes);
    f->receiver = start_end(out, is_tls, false, bytes);
    f->is_tls = is_tls;
    f->is_over = false;
    stream_init(&f->from);
    stream_init(&f->to);
    if (stream_open(&f->from, bench.base, in[0], true, on_ready) != 0 ||
        stream_open(&f->to, bench.base, out[0], true, on_ready) != 0)
        die("stream");
    if (is_tls && (stream_tls_start(&f->from, bench.tls, bench.client, STREAM_TLS_CLIENT,
                                    none) != 0 ||
                   stream_tls_start(&f->to, bench.tls, bench.server, STREAM_TLS_SERVER,
                                    none) != 0))
        die("TLS");
    relay_init(&f->relay, &bench.pool, &f->from, &f->to);
    run_flow(f);
}

static void close_flow(struct bench_flow *f)
{
    int status[2];
    relay_fini(&f->relay);
    stream_close(&f->from);
    stream_close(&f->to);
    if (waitpid(f->sender, &status[0], 0) < 0 || waitpid(f->receiver, &status[1], 0) < 0 ||
        status[0] != 0 || status[1] != 0)
        die("an end did not get its bytes");
}

static double run_flows(bool is_tls, double gb)
{
    uint64_t bytes = (uint64_t)(gb * 1e9 / bench.flow_count);
    double before = cpu_s();
    bench.left = bench.flow_count;
    for (unsigned i = 0; i < bench.flow_count; i++)
        open_flow(&bench.flows[i], is_tls, bytes);
    if (bench.left != 0)
        event_base_dispatch(bench.base);
    double cost = (cpu_s() - before) / gb;
    for (unsigned i = 0; i < bench.flow_count; i++)
        close_flow(&bench.flows[i]);
    return cost;
}

/* ---- the cipher alone ---- */

/* As `openssl speed -evp` does it: one context, one block after the other. */
static double run_cipher(const EVP_CIPHER *cipher, bool encrypts, double gb)
{
    static unsigned char in[BLOCK], out[BLOCK], key[32], iv[12];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len;
    if (EVP_CipherInit_ex(ctx, cipher, NULL, key, iv, encrypts) != 1)
        die("cipher");
    double before = cpu_s();
    for (uint64_t done = 0; done < (uint64_t)(gb * 1e9); done += BLOCK)
        if (EVP_CipherUpdate(ctx, out, &len, in, BLOCK) != 1)
            die("cipher");
    double cost = (cpu_s() - before) / gb;
    EVP_CIPHER_CTX_free(ctx);
    return cost;
}

int main(int argc, char **argv)
{
    double gb = argc > 2 ? strtod(argv[2], NULL) : 4;
    const char *suite = argc > 3 ? argv[3] : "TLS_AES_256_GCM_SHA384";
    const EVP_CIPHER *cipher = strstr(suite, "128") != NULL ? EVP_aes_128_gcm()
                                                            : EVP_aes_256_gcm();
    bench.flow_count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 4;
    if (bench.flow_count == 0 || bench.flow_count > MOST_FLOWS || gb <= 0)
        return fprintf(stderr, "usage: tls_relay_bench [FLOWS [GB [SUITE]]]\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    struct event_config *config = event_config_new();
    event_config_require_features(config, EV_FEATURE_ET);
    bench.base = event_base_new_with_config(config);
    event_config_free(config);
    bench.tls = stream_tls_pool_new();
    if (bench.base == NULL || bench.tls == NULL || relay_pool_init(&bench.pool) != 0)
        die("memory");
    make_contexts(suite);
    double crypt = run_cipher(cipher, true, gb) + run_cipher(cipher, false, gb);
    double plain = run_flows(false, gb), tls = run_flows(true, gb);
    printf("CPU seconds for each GB: AES-GCM %.3f, plain %.3f, TLS to TLS %.3f: %.2f x their sum\n",
           crypt, plain, tls, tls / (crypt + plain));
    SSL_CTX_free(bench.server);
    SSL_CTX_free(bench.client);
    relay_pool_fini(&bench.pool);
    stream_tls_pool_free(bench.tls);
    event_base_free(bench.base);
    return 0;
}
