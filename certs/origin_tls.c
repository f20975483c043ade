/* SPDX-License-Identifier: MIT */
/* origin_tls.c - TLS towards origins; see origin_tls.h. */
#include "certs/origin_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "certs/origin_chain.h"
#include "certs/origin_fault.h"
#include "certs/origin_trust.h"
#include "certs/staple.h"
#include "certs/tls_library.h"

/* The order of Webex's own servers, each kind with ECDSA beside RSA. */
#define SUITES                                                       \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384:"     \
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:"     \
    "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-CHACHA20-POLY1305:"     \
    "ECDHE-RSA-AES256-SHA384:ECDHE-ECDSA-AES256-SHA384:"             \
    "ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA256"
#define SUITES_13 "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
#define GROUPS "X25519:P-256:P-384"
#define ALPN "\x08http/1.1"
#define SECURITY_LEVEL 2
#define DEPTH_MAX 10 /* of intermediates */

/* Where the check of a connection hangs at its SSL; slot 0 is the stream's own. */
static int check_slot = -1; /* global: OpenSSL gives the number once in a process */
static int cache_slot = -1; /* global: likewise, of contexts: their verified chains */
static pthread_once_t slots_once = PTHREAD_ONCE_INIT; /* global: likewise */

static void on_context_freed(void *context, void *cache, CRYPTO_EX_DATA *data, int slot,
                             long number, void *arg)
{
    chain_cache_free(cache);
}

static void make_slots(void)
{
    check_slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    cache_slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_freed);
}

struct chain_cache *origin_tls_chains(const SSL_CTX *ctx)
{
    return SSL_CTX_get_ex_data(ctx, cache_slot);
}

static struct origin_check *check_of(const SSL *ssl)
{
    return SSL_get_ex_data(ssl, check_slot);
}

static int on_chain(X509_STORE_CTX *ctx, void *cache)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct origin_check *check = check_of(ssl);
    if (check == NULL) { /* nobody said what to expect */
        X509_STORE_CTX_set_error(ctx, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    if (origin_chain_verify(ctx, cache) == 1)
        return 1;
    check->fault = origin_fault_of_chain(ctx, check->expected, check->text);
    return 0;
}

/* Called behind the verification, with a staple or without. 0 ends the handshake. */
static int on_staple(SSL *ssl, void *arg)
{
    char day[STAPLE_DAY_SIZE];
    const unsigned char *der = NULL;
    long len = SSL_get_tlsext_status_ocsp_resp(ssl, &der);
    struct origin_check *check = check_of(ssl);
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    X509_STORE *store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    if (der == NULL || len <= 0 || chain == NULL || check == NULL ||
        staple_judge(der, (size_t)len, chain, store, day) != STAPLE_REVOKED)
        return 1;
    check->is_revoked = true;
    snprintf(check->text, sizeof(check->text),
             "has a certificate that was revoked on %s, as its own OCSP response says", day);
    return 0;
}

/* Called on a client's side where the peer has asked for a certificate, and only there. 0 ends
 * the handshake. */
static int on_certificate_request(SSL *ssl, void *arg)
{
    struct origin_check *check = check_of(ssl);
    if (check != NULL)
        check->wants_certificate = true;
    return 0;
}

/* Sees each message until the judgement: an alert, or a record that is none. */
static void on_message(int is_sent, int version, int type, const void *bytes, size_t len,
                       SSL *ssl, void *arg)
{
    struct origin_check *check = arg;
    const unsigned char *at = bytes;
    if (type == SSL3_RT_ALERT && len == 2 && at[1] != SSL_AD_CLOSE_NOTIFY)
        *(is_sent ? &check->alert_sent : &check->alert_received) = at[1];
    else if (type == SSL3_RT_HEADER && !is_sent && len >= 2 && at[1] != SSL3_VERSION_MAJOR)
        check->is_not_tls = true;
}

static bool set_trust(SSL_CTX *ctx, const struct origin_tls_settings *s, struct errlist *faults)
{
    X509_STORE *store = origin_trust_read(s->trust, s->trust_path, s->trust_at, faults);
    if (store == NULL)
        return false;
    /* For chains that OCSP responses bring along; handshakes set their own. */
    X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(store), SECURITY_LEVEL);
    SSL_CTX_set_cert_store(ctx, store);
    return true;
}

/* Lives as long as ctx: whoever shakes hands holds that. */
static struct chain_cache *add_cache(SSL_CTX *ctx)
{
    struct chain_cache *cache = chain_cache_new(NULL);
    if (cache != NULL && SSL_CTX_set_ex_data(ctx, cache_slot, cache) == 1)
        return cache;
    chain_cache_free(cache);
    return NULL;
}

static void set_verification(SSL_CTX *ctx)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
                                               X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify_depth(ctx, DEPTH_MAX);
    SSL_CTX_set_cert_verify_callback(ctx, on_chain, origin_tls_chains(ctx));
    SSL_CTX_set_cert_cb(ctx, on_certificate_request, NULL);
    SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
    SSL_CTX_set_tlsext_status_cb(ctx, on_staple);
}

static bool set_protocol(SSL_CTX *ctx, bool is_13_only)
{
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF); /* see stream_tls.c */
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    return SSL_CTX_set_min_proto_version(ctx, is_13_only ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, SUITES) == 1 &&
           SSL_CTX_set_ciphersuites(ctx, SUITES_13) == 1 &&
           SSL_CTX_set1_groups_list(ctx, GROUPS) == 1 &&
           SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)ALPN, sizeof(ALPN) - 1) == 0;
}

SSL_CTX *origin_tls_new(const struct origin_tls_settings *s, struct errlist *faults)
{
    pthread_once(&slots_once, make_slots);
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new_ex(tls_library(), NULL, TLS_client_method());
    bool is_fine = false;
    if (check_slot < 0 || cache_slot < 0 || ctx == NULL || !set_protocol(ctx, s->is_13_only) ||
        add_cache(ctx) == NULL) {
        const char *why = ERR_reason_error_string(ERR_peek_last_error());
        errlist_add(faults, s->trust_at, "trust: TLS towards origins cannot be set up%s%s",
                    why != NULL ? ": " : "", why != NULL ? why : "");
    } else if (set_trust(ctx, s, faults)) {
        set_verification(ctx);
        is_fine = true;
    }
    ERR_clear_error();
    if (is_fine)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

/* Without the dot that ends an absolute name: certificates and SNI have none (RFC 6066 section
 * 3). -1 where it is longer than a name can be. */
static int copy_name(char out[256], struct str name)
{
    if (name.len > 0 && name.ptr[name.len - 1] == '.')
        name.len--;
    if (name.len > 255 || (name.len > 0 && memchr(name.ptr, '\0', name.len) != NULL))
        return -1;
    if (name.len > 0)
        memcpy(out, name.ptr, name.len);
    out[name.len] = '\0';
    return 0;
}

static bool expect_address(SSL *ssl, const struct addr *address)
{
    bool is_v4 = addr_is_v4(address);
    return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), address->bytes + (is_v4 ? 12 : 0),
                                     is_v4 ? 4 : 16) == 1;
}

int origin_tls_expect(SSL *ssl, struct origin_check *check, struct str name,
                      const struct addr *address, struct str sni)
{
    char text[256];
    *check = (struct origin_check){
        .alert_sent = -1,
        .alert_received = -1,
        .is_13_only = SSL_get_min_proto_version(ssl) == TLS1_3_VERSION,
    };
    int rc = -1;
    if (copy_name(check->expected, name) != 0 || copy_name(text, sni) != 0 ||
        SSL_set_ex_data(ssl, check_slot, check) != 1)
        goto out;
    if (check->expected[0] != '\0') {
        if (SSL_set1_host(ssl, check->expected) != 1)
            goto out;
    } else {
        addr_format(address, check->expected);
        if (!expect_address(ssl, address))
            goto out;
    }
    if (text[0] != '\0' && SSL_set_tlsext_host_name(ssl, text) != 1)
        goto out;
    SSL_set_msg_callback(ssl, on_message);
    SSL_set_msg_callback_arg(ssl, check);
    rc = 0;
out:
    ERR_clear_error();
    return rc;
}

/* Who chose something else than what was offered speaks it, whatever we say. */
static bool has_our_protocol(const SSL *ssl)
{
    const unsigned char *chosen;
    unsigned len;
    SSL_get0_alpn_selected(ssl, &chosen, &len);
    return len == 0 || str_eq((struct str){(const char *)chosen, len}, STR_LIT("http/1.1"));
}

/* Of a handshake that is done: abbreviated ones saw no certificate, only that of their session. */
static enum origin_fault judge_done(SSL *ssl, const struct origin_check *check,
                                    char text[ORIGIN_FAULT_SIZE])
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    if (leaf == NULL || SSL_get_verify_result(ssl) != X509_V_OK) {
        snprintf(text, ORIGIN_FAULT_SIZE, "has a certificate that was not verified");
        return ORIGIN_INVALID;
    }
    if (!has_our_protocol(ssl)) {
        snprintf(text, ORIGIN_FAULT_SIZE, "insists on a protocol that is not HTTP/1.1");
        return ORIGIN_NO_TLS;
    }
    if (!SSL_session_reused(ssl))
        return ORIGIN_FINE;
    return origin_fault_of_leaf(leaf, SSL_get0_param(ssl), check->expected, text);
}

static enum origin_fault judge_failed(const struct origin_check *check,
                                      char text[ORIGIN_FAULT_SIZE])
{
    snprintf(text, ORIGIN_FAULT_SIZE, "%s", check->text);
    if (check->is_revoked)
        return ORIGIN_REVOKED;
    if (check->fault != ORIGIN_FINE)
        return check->fault;
    if (check->wants_certificate) {
        snprintf(text, ORIGIN_FAULT_SIZE, "asks for a certificate of the client");
        return ORIGIN_WANTS_CERTIFICATE;
    }
    origin_fault_of_tls(check, text);
    return ORIGIN_NO_TLS;
}

enum origin_fault origin_tls_judge(SSL *ssl, const struct origin_check *check,
                                   char text[ORIGIN_FAULT_SIZE])
{
    text[0] = '\0';
    SSL_set_msg_callback(ssl, NULL);
    enum origin_fault fault =
        SSL_is_init_finished(ssl) ? judge_done(ssl, check, text) : judge_failed(check, text);
    SSL_set_ex_data(ssl, check_slot, NULL);
    ERR_clear_error();
    return fault;
}
