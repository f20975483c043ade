/* SPDX-License-Identifier: MIT */
/* test_origin_pair.c - an origin and the proxy's client side of TLS; see test_origin_pair.h. */
#include "tests/unit/certs/test_origin_pair.h"

#include <check.h>
#include <openssl/err.h>

#include "certs/pem.h"
#include "util/mem.h"

SSL_CTX *origin_pair_trusting(X509 *const *roots, size_t count)
{
    static const struct place at = {"sallyport.conf", 7};
    struct errlist faults;
    size_t len;
    char *pem = pem_write_certificates(roots, count, &len);
    errlist_init(&faults);
    SSL_CTX *ctx = origin_tls_new(
        &(struct origin_tls_settings){
            .trust = {pem, len}, .trust_path = "roots.pem", .trust_at = &at},
        &faults);
    ck_assert_ptr_nonnull(ctx);
    ck_assert_uint_eq(faults.count, 0);
    errlist_fini(&faults);
    mem_free(pem);
    return ctx;
}

SSL_CTX *origin_pair_origin(const struct issued *leaf, X509 *const *behind, size_t count,
                            int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
    ck_assert_int_eq(SSL_CTX_use_certificate(ctx, leaf->cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, leaf->key), 1);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(SSL_CTX_add1_chain_cert(ctx, behind[i]), 1);
    return ctx;
}

void origin_pair_init(struct origin_pair *p, SSL_CTX *client, SSL_CTX *origin, const char *name)
{
    struct addr address = {{0}};
    BIO *ours;
    p->client = SSL_new(client);
    p->origin = SSL_new(origin);
    ck_assert(p->client != NULL && p->origin != NULL);
    ck_assert_int_eq(BIO_new_bio_pair(&ours, 1 << 18, &p->wire, 1 << 18), 1);
    SSL_set_bio(p->client, ours, ours);
    SSL_set_bio(p->origin, p->wire, p->wire);
    SSL_set_connect_state(p->client);
    SSL_set_accept_state(p->origin);
    struct str host = addr_parse(&address, str_of(name)) == 0 ? (struct str){0} : str_of(name);
    ck_assert_int_eq(origin_tls_expect(p->client, &p->check, host, &address, host), 0);
}

void origin_pair_fini(struct origin_pair *p)
{
    SSL_free(p->client);
    SSL_free(p->origin);
    ERR_clear_error();
}

/* Whether it can go on when the other end has said more. */
static bool step(SSL *ssl)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(ssl);
    return rc != 1 && SSL_get_error(ssl, rc) == SSL_ERROR_WANT_READ;
}

void origin_pair_shake(struct origin_pair *p)
{
    for (int i = 0; i < 8; i++) {
        bool is_client_waiting = step(p->client), is_origin_waiting = step(p->origin);
        if (!is_client_waiting && !is_origin_waiting)
            break;
    }
    ERR_clear_error();
}

static void assert_nothing_passes(struct origin_pair *p)
{
    char byte;
    ck_assert(!SSL_is_init_finished(p->client));
    ck_assert_int_le(SSL_write(p->client, "GET / HTTP/1.1\r\n", 16), 0);
    ck_assert_int_le(SSL_read(p->origin, &byte, 1), 0);
    ERR_clear_error();
}

enum origin_fault origin_pair_judge(struct origin_pair *p, char text[ORIGIN_FAULT_SIZE])
{
    enum origin_fault fault = origin_tls_judge(p->client, &p->check, text);
    ck_assert_int_eq(text[0] == '\0', fault == ORIGIN_FINE);
    for (const char *at = text; *at != '\0'; at++)
        ck_assert_msg(*at >= ' ' && *at < 127, "%s", text);
    if (fault != ORIGIN_FINE)
        assert_nothing_passes(p);
    return fault;
}
