/* SPDX-License-Identifier: MIT */
/*
 * tls_client.c - handshakes and bytes over OpenSSL.
 */
#include "tests/bench/tls_client.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "tests/bench/certificates.h"

SSL_CTX *tls_client_new(void)
{
    static const unsigned char protocols[] = "\x08http/1.1";
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_ciphersuites(ctx, CERTIFICATES_SUITE_13) == 1 &&
        SSL_CTX_set_cipher_list(ctx, CERTIFICATES_SUITES_12) == 1 &&
        SSL_CTX_set1_groups_list(ctx, CERTIFICATES_GROUPS) == 1 &&
        SSL_CTX_set_alpn_protos(ctx, protocols, sizeof(protocols) - 1) == 0)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

SSL *tls_client_open(SSL_CTX *ctx, int fd, const char *name)
{
    SSL *ssl = SSL_new(ctx);

    if (ssl == NULL)
        return NULL;
    SSL_set_connect_state(ssl);
    if (SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set_fd(ssl, fd) == 1)
        return ssl;
    SSL_free(ssl);
    return NULL;
}

void tls_client_close(SSL *ssl)
{
    if (ssl == NULL)
        return;
    if (SSL_is_init_finished(ssl))
        (void)SSL_shutdown(ssl);
    SSL_free(ssl);
    ERR_clear_error();
}

/* Whether somebody stands between the origin and us. */
static bool is_inspected(const SSL *ssl)
{
    const X509 *leaf = SSL_get0_peer_certificate(ssl);
    char issuer[128] = "";

    if (leaf == NULL)
        return false;
    (void)X509_NAME_get_text_by_NID(X509_get_issuer_name(leaf), NID_commonName, issuer,
                                    sizeof(issuer));
    return strcmp(issuer, CERTIFICATES_CA_NAME) != 0;
}

/* -1 with errno, or 0 at the end. */
static ssize_t translate(const SSL *ssl, int rc)
{
    int error = SSL_get_error(ssl, rc);

    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = error == SSL_ERROR_WANT_READ ? EAGAIN : EPROTO;
    return -1;
}

int tls_client_shake(SSL *ssl)
{
    int rc = SSL_do_handshake(ssl);

    if (rc == 1)
        return is_inspected(ssl) ? 1 : -1;
    return translate(ssl, rc) < 0 && errno == EAGAIN ? 0 : -1;
}

ssize_t tls_client_read(SSL *ssl, void *bytes, size_t size)
{
    size_t got = 0;
    int rc = SSL_read_ex(ssl, bytes, size, &got);

    return rc == 1 ? (ssize_t)got : translate(ssl, rc);
}

ssize_t tls_client_write(SSL *ssl, const void *bytes, size_t len)
{
    size_t sent = 0;
    int rc = SSL_write_ex(ssl, bytes, len, &sent);

    return rc == 1 ? (ssize_t)sent : translate(ssl, rc);
}

bool tls_client_has_more(const SSL *ssl)
{
    return SSL_pending(ssl) > 0;
}

size_t tls_client_hello(const char *name, unsigned char *out, size_t size)
{
    SSL_CTX *ctx = tls_client_new();
    BIO *sent = BIO_new(BIO_s_mem());
    BIO *received = BIO_new(BIO_s_mem());
    SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;
    size_t len = 0;

    if (ssl != NULL && sent != NULL && received != NULL &&
        SSL_set_tlsext_host_name(ssl, name) == 1) {
        BIO_up_ref(sent);
        BIO_up_ref(received);
        SSL_set_bio(ssl, received, sent);
        if (SSL_connect(ssl) != 1 && BIO_ctrl_pending(sent) <= size &&
            BIO_read_ex(sent, out, size, &len) != 1)
            len = 0;
    }
    ERR_clear_error();
    SSL_free(ssl);
    BIO_free(sent);
    BIO_free(received);
    SSL_CTX_free(ctx);
    return len;
}
