/* SPDX-License-Identifier: MIT */
/* tls_server.c - the context with which a listener takes TLS; see tls_server.h. */
#include "certs/tls_server.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "certs/fault.h"
#include "certs/tickets.h"
#include "certs/tls_library.h"

/* Mozilla's intermediate list of TLS 1.2 without finite-field Diffie-Hellman. Those of
 * TLS 1.3 are OpenSSL's own three. */
#define SUITES                                                       \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"     \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"     \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define GROUPS "X25519:P-256:P-384"

/* Inside inspected tunnels every connection that uses up a ticket of TLS 1.3 brings the next
 * one, so a client has as many as it had connections at once. A second one would cost each
 * handshake another seal and another record for nothing. */
#define TICKETS_EACH 1

/* Nobody is there to be asked. */
static int on_password(char *out, int size, int is_writing, void *was_asked)
{
    (void)out;
    (void)size;
    (void)is_writing;
    *(bool *)was_asked = true;
    return -1;
}

/* What OpenSSL has to say, and no more of it later. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return text != NULL ? text : "OpenSSL does not take it";
}

static void format_date(const ASN1_TIME *at, char out[16])
{
    struct tm tm;
    if (ASN1_TIME_to_tm(at, &tm) != 1 || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
        snprintf(out, 16, "a date");
}

static void check_leaf(const struct tls_server_settings *s, const X509 *leaf,
                       struct errlist *faults)
{
    char day[16];
    if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0) {
        format_date(X509_get0_notAfter(leaf), day);
        errlist_warn(faults, s->certificate_at,
                     "certificate: %s has expired on %s: clients will refuse it",
                     s->certificate_path, day);
    }
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0) {
        format_date(X509_get0_notBefore(leaf), day);
        errlist_warn(faults, s->certificate_at,
                     "certificate: %s is valid from %s on only: clients will refuse it",
                     s->certificate_path, day);
    }
    if (X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) < 0)
        errlist_warn(faults, s->certificate_at,
                     "certificate: %s names no host in its subjectAltName: clients will refuse it",
                     s->certificate_path);
}

/* The certificates behind the leaf, each the issuer of the one before. */
static int add_issuers(SSL_CTX *ctx, const struct tls_server_settings *s, BIO *bio,
                       struct errlist *faults)
{
    X509 *before = SSL_CTX_get0_certificate(ctx), *cert;
    bool was_asked = false;
    while ((cert = PEM_read_bio_X509(bio, NULL, on_password, &was_asked)) != NULL) {
        if (X509_check_issued(cert, before) != X509_V_OK)
            errlist_warn(faults, s->certificate_at,
                         "certificate: in %s a certificate is followed by one that is not its "
                         "issuer's: clients may refuse it",
                         s->certificate_path);
        if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
            X509_free(cert);
            break;
        }
        before = cert;
    }
    /* At the end of a good file the reader finds no further beginning. */
    if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        ERR_clear_error();
        return 0;
    }
    errlist_add(faults, s->certificate_at, "certificate: an issuer in %s cannot be used: %s",
                s->certificate_path, reason());
    return -1;
}

static int use_chain(SSL_CTX *ctx, const struct tls_server_settings *s, struct errlist *faults)
{
    bool was_asked = false;
    int rc = -1;
    BIO *bio = BIO_new_mem_buf(s->certificate.ptr, (int)s->certificate.len);
    X509 *leaf = bio != NULL ? PEM_read_bio_X509(bio, NULL, on_password, &was_asked) : NULL;
    if (leaf == NULL) {
        ERR_clear_error();
        errlist_add(faults, s->certificate_at, "certificate: %s holds no certificate in PEM",
                    s->certificate_path);
    } else if (SSL_CTX_use_certificate(ctx, leaf) != 1) {
        errlist_add(faults, s->certificate_at, "certificate: %s cannot be used: %s",
                    s->certificate_path, reason());
    } else {
        check_leaf(s, leaf, faults);
        rc = add_issuers(ctx, s, bio, faults);
    }
    X509_free(leaf);
    BIO_free(bio);
    return rc;
}

static EVP_PKEY *read_key(const struct tls_server_settings *s, struct errlist *faults)
{
    bool was_asked = false;
    BIO *bio = BIO_new_mem_buf(s->key.ptr, (int)s->key.len);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, on_password, &was_asked)
                                : NULL;
    BIO_free(bio);
    ERR_clear_error();
    if (key == NULL && was_asked)
        errlist_add(faults, s->key_at,
                    "key: %s is encrypted, and nobody can type its password; openssl pkey -in FILE "
                    "-out NEW decrypts it",
                    s->key_path);
    else if (key == NULL)
        errlist_add(faults, s->key_at, "key: %s holds no private key in PEM", s->key_path);
    return key;
}

static int use_key(SSL_CTX *ctx, const struct tls_server_settings *s, struct errlist *faults)
{
    EVP_PKEY *key = read_key(s, faults);
    int rc = -1;
    if (key == NULL)
        return -1;
    if (X509_check_private_key(SSL_CTX_get0_certificate(ctx), key) != 1)
        errlist_add(faults, s->key_at, "key: %s does not belong to the certificate in %s",
                    s->key_path, s->certificate_path);
    else if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
        errlist_add(faults, s->key_at, "key: %s cannot be used: %s", s->key_path, reason());
    else
        rc = 0;
    ERR_clear_error();
    EVP_PKEY_free(key);
    return rc;
}

/* One protocol is spoken here. Who offers others only would not understand us
 * (RFC 7301 section 3.2). */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *len,
                   const unsigned char *offered, unsigned offered_len, void *arg)
{
    static const unsigned char OURS[] = "\x08http/1.1";
    unsigned char *chosen;
    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, len, OURS, sizeof(OURS) - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int set_protocol(SSL_CTX *ctx, bool is_13_only)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF); /* see stream_tls.c */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold it all */
    SSL_CTX_set_timeout(ctx, TICKETS_SESSION_S);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    return SSL_CTX_set_min_proto_version(ctx, is_13_only ? TLS1_3_VERSION : TLS1_2_VERSION) &&
           SSL_CTX_set_cipher_list(ctx, SUITES) && SSL_CTX_set1_groups_list(ctx, GROUPS);
}

SSL_CTX *tls_server_new(const struct tls_server_settings *s, struct errlist *faults)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    ASSERT(s->certificate.len <= INT_MAX && s->key.len <= INT_MAX);
    if (ctx == NULL || !set_protocol(ctx, s->is_13_only) ||
        !SSL_CTX_set_session_id_context(ctx, (const unsigned char *)s->id.ptr,
                                        (unsigned)s->id.len)) {
        errlist_add(faults, s->certificate_at, "TLS cannot be set up: %s", reason());
        SSL_CTX_free(ctx);
        return NULL;
    }
    if (use_chain(ctx, s, faults) == 0 && use_key(ctx, s, faults) == 0)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

SSL_CTX *tls_server_new_inspecting(struct errlist *faults)
{
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new_ex(tls_library(), NULL, TLS_server_method());
    if (ctx != NULL && set_protocol(ctx, false) && SSL_CTX_set_num_tickets(ctx, TICKETS_EACH))
        return ctx;
    errlist_add(faults, NULL, "TLS inside inspected tunnels cannot be set up: %s", reason());
    SSL_CTX_free(ctx);
    return NULL;
}

enum tls_server_leaf tls_server_use_leaf(SSL *ssl, X509 *leaf, EVP_PKEY *key,
                                         STACK_OF(X509) *chain, const unsigned char id[32],
                                         struct err *e)
{
    enum tls_server_leaf result = TLS_SERVER_LEAF_USED;
    if (SSL_use_cert_and_key(ssl, leaf, key, chain, 1) != 1 ||
        SSL_set_session_id_context(ssl, id, 32) != 1) {
        bool has_reason = ERR_peek_error() != 0 && !fault_is_memory();
        result = has_reason ? TLS_SERVER_LEAF_REFUSED : TLS_SERVER_LEAF_NO_MEMORY;
        fault_set(e, NULL, "it cannot be shown");
    }
    ERR_clear_error();
    return result;
}
