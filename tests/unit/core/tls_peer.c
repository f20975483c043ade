/* SPDX-License-Identifier: MIT */
/* tls_peer.c - OpenSSL itself at the other end of a stream; see tls_peer.h. */
#include "tests/unit/core/tls_peer.h"

#include <check.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/tls_server.h"
#include "tests/unit/core/must.h"
#include "util/mem.h"

atomic_bool tls_is_failing;

static void *on_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return tls_is_failing ? mem_alloc(size) : malloc(size != 0 ? size : 1);
}

static void *on_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return tls_is_failing ? mem_resize(old, size) : realloc(old, size != 0 ? size : 1);
}

static void on_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

void tls_hook_memory(void)
{
    ASSERT(CRYPTO_set_mem_functions(on_malloc, on_realloc, on_free) == 1);
}

static void take_text(BIO *bio, char *out, size_t size)
{
    int len = BIO_read(bio, out, (int)size - 1);
    ck_assert_int_gt(len, 0);
    out[len] = '\0';
    BIO_free(bio);
}

void tls_pair_make(struct tls_pair *p)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"proxy.test", -1, -1, 0);
    X509_set_issuer_name(cert, X509_get_subject_name(cert));
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                                                "DNS:proxy.test");
    X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    X509_set_pubkey(cert, key);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
    ck_assert_int_eq(PEM_write_bio_X509(bio, cert), 1);
    take_text(bio, p->certificate, sizeof(p->certificate));
    bio = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    take_text(bio, p->key, sizeof(p->key));
    X509_free(cert);
    EVP_PKEY_free(key);
}

SSL_CTX *tls_server_context(const struct tls_pair *p, struct str id)
{
    const struct place at = {"test", 1};
    struct tls_server_settings s = {str_of(p->certificate), str_of(p->key), "cert", "key", &at, &at,
                                    id, false};
    struct errlist faults;
    errlist_init(&faults);
    SSL_CTX *ctx = tls_server_new(&s, &faults);
    ck_assert_msg(faults.count == 0, "%s", faults.count != 0 ? faults.items[0].text : "");
    errlist_fini(&faults);
    return ctx;
}

SSL_CTX *tls_client_context(int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    ck_assert_ptr_nonnull(ctx);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    return ctx;
}

static void begin_tls(struct tls_peer *p, SSL_CTX *ctx, bool is_server)
{
    p->ssl = SSL_new(ctx);
    p->in = BIO_new(BIO_s_mem());
    p->out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(p->in, -1);
    SSL_set_bio(p->ssl, p->in, p->out);
    if (is_server)
        SSL_set_accept_state(p->ssl);
    else
        SSL_set_connect_state(p->ssl);
}

void tls_peer_open(struct tls_peer *p, int fd, SSL_CTX *ctx, bool is_server)
{
    *p = (struct tls_peer){.fd = fd};
    begin_tls(p, ctx, is_server);
}

void tls_peer_nest(struct tls_peer *p, SSL_CTX *ctx, bool is_server)
{
    p->outer = p->ssl;
    p->outer_in = p->in;
    p->outer_out = p->out;
    begin_tls(p, ctx, is_server);
}

static void skip(BIO *bio, size_t len)
{
    char bytes[4096];
    while (len > 0) {
        int got = BIO_read(bio, bytes, (int)(len < sizeof(bytes) ? len : sizeof(bytes)));
        MUST(got > 0);
        len -= (size_t)got;
    }
}

/* Between the two layers. */
static void pump_layers(struct tls_peer *p)
{
    char bytes[20000], *waiting;
    size_t len;
    long there = BIO_get_mem_data(p->out, &waiting);
    if (there > 0 && BIO_pending(p->outer_out) < 65536 &&
        SSL_write_ex(p->outer, waiting, (size_t)there, &len) == 1)
        skip(p->out, len);
    while (SSL_read_ex(p->outer, bytes, sizeof(bytes), &len) == 1)
        MUST(BIO_write(p->in, bytes, (int)len) == (int)len);
    ERR_clear_error();
}

void tls_peer_pump(struct tls_peer *p, size_t most)
{
    BIO *in = p->outer != NULL ? p->outer_in : p->in;
    BIO *out = p->outer != NULL ? p->outer_out : p->out;
    char bytes[65536], *waiting;
    if (p->outer != NULL)
        pump_layers(p);
    long there = BIO_get_mem_data(out, &waiting);
    size_t size = (size_t)there < most ? (size_t)there : most;
    if (size > sizeof(bytes))
        size = sizeof(bytes);
    if (size > 0) {
        ssize_t put = send(p->fd, waiting, size, MSG_NOSIGNAL);
        if (put > 0)
            MUST(BIO_read(out, bytes, (int)put) == (int)put);
    }
    ssize_t got = recv(p->fd, bytes, most < sizeof(bytes) ? most : sizeof(bytes), 0);
    if (got > 0)
        MUST(BIO_write(in, bytes, (int)got) == (int)got);
    p->is_fd_eof = p->is_fd_eof || got == 0;
    if (p->outer != NULL)
        pump_layers(p);
}

void tls_peer_close(struct tls_peer *p)
{
    SSL_free(p->ssl);
    SSL_free(p->outer);
    p->ssl = p->outer = NULL;
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}
