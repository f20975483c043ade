/* SPDX-License-Identifier: MIT */
/* test_origin_staple.c - stapled OCSP responses: which of them refuse an origin. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "certs/staple.h"
#include "tests/unit/certs/test_origin_pair.h"

#define HOST "www.example.com"
#define CA "critical,CA:TRUE"
#define SIGNS "critical,keyCertSign,cRLSign"
#define GOOD V_OCSP_CERTSTATUS_GOOD
#define REVOKED V_OCSP_CERTSTATUS_REVOKED

enum signer { ISSUER, DELEGATE, PLAIN_LEAF, STRANGER, ROOT, ITSELF, FOREIGN_DELEGATE, SIGNERS };

/* All that take part, the root first. */
struct cast {
    struct issued root, middle, leaf, other;
    struct issued signers[SIGNERS];
};

static const struct {
    const char *what;
    enum signer signer;
    int status, from_days, to_days; /* 0 and 0: -1 to 3 */
    bool is_of_other, is_garbage, is_cut, is_signature_broken;
    enum staple expected;
} cases[] = {
    {.what = "good", .status = GOOD, .expected = STAPLE_GOOD},
    {.what = "revoked", .status = REVOKED, .expected = STAPLE_REVOKED},
    {.what = "unknown", .status = V_OCSP_CERTSTATUS_UNKNOWN},
    {.what = "good by a delegate", .signer = DELEGATE, .status = GOOD, .expected = STAPLE_GOOD},
    {.what = "revoked by a delegate", .signer = DELEGATE, .status = REVOKED,
     .expected = STAPLE_REVOKED},
    {.what = "revoked by another leaf", .signer = PLAIN_LEAF, .status = REVOKED},
    {.what = "revoked by a stranger", .signer = STRANGER, .status = REVOKED},
    {.what = "revoked by a stranger's delegate", .signer = FOREIGN_DELEGATE, .status = REVOKED},
    {.what = "revoked by the root", .signer = ROOT, .status = REVOKED},
    {.what = "revoked by itself", .signer = ITSELF, .status = REVOKED},
    {.what = "expired", .status = REVOKED, .from_days = -9, .to_days = -1},
    {.what = "early", .status = REVOKED, .from_days = 1, .to_days = 9},
    {.what = "without end", .status = REVOKED, .from_days = -6, .expected = STAPLE_REVOKED},
    {.what = "old without end", .status = REVOKED, .from_days = -8},
    {.what = "of another", .status = REVOKED, .is_of_other = true},
    {.what = "garbage", .is_garbage = true},
    {.what = "cut", .status = REVOKED, .is_cut = true},
    {.what = "broken signature", .status = REVOKED, .is_signature_broken = true},
};
#define CASES ((int)(sizeof(cases) / sizeof(cases[0])))

static struct issued copy_of(const struct issued *from)
{
    X509_up_ref(from->cert);
    EVP_PKEY_up_ref(from->key);
    return *from;
}

static void make_cast(struct cast *c)
{
    struct issuer_spec ca = {.subject = "Root", .basic = CA, .usage = SIGNS};
    struct issuer_spec end = {.subject = "leaf", .names = "DNS:" HOST};
    struct issuer_spec delegate = {.subject = "Responder", .extended = "OCSPSigning"};
    struct issued *by = c->signers;
    issuer_make(&c->root, &ca, NULL);
    ca.subject = "Middle";
    issuer_make(&c->middle, &ca, &c->root);
    issuer_make(&c->leaf, &end, &c->middle);
    issuer_make(&c->other, &end, &c->middle);
    issuer_make(&by[STRANGER], &ca, NULL);
    issuer_make(&by[DELEGATE], &delegate, &c->middle);
    issuer_make(&by[FOREIGN_DELEGATE], &delegate, &by[STRANGER]);
    by[ISSUER] = copy_of(&c->middle);
    by[PLAIN_LEAF] = copy_of(&c->other);
    by[ROOT] = copy_of(&c->root);
    by[ITSELF] = copy_of(&c->leaf);
}

static void fini_cast(struct cast *c)
{
    for (int i = 0; i < SIGNERS; i++)
        issuer_fini(&c->signers[i]);
    issuer_fini(&c->root);
    issuer_fini(&c->middle);
    issuer_fini(&c->leaf);
    issuer_fini(&c->other);
}

static unsigned char *make_case(int i, struct cast *c, size_t *len)
{
    static const unsigned char GARBAGE[] = "\x30\x82\x7f\xff\x0a\x01\x00 not a response";
    bool has_days = cases[i].from_days != 0 || cases[i].to_days != 0;
    if (cases[i].is_garbage) {
        *len = sizeof(GARBAGE);
        return OPENSSL_memdup(GARBAGE, sizeof(GARBAGE));
    }
    struct issued *signer = &c->signers[cases[i].signer];
    unsigned char *der = issuer_make_staple(
        &(struct issuer_staple){
            .about = cases[i].is_of_other ? c->other.cert : c->leaf.cert,
            .issuer = c->middle.cert,
            .signer = signer,
            .enclosed = cases[i].signer != ISSUER ? signer->cert : NULL,
            .status = cases[i].status,
            .from_days = has_days ? cases[i].from_days : -1,
            .to_days = has_days ? cases[i].to_days : 3,
        },
        len);
    if (cases[i].is_cut)
        *len -= 9;
    if (cases[i].is_signature_broken)
        der[*len - 1] ^= 1;
    return der;
}

struct bytes {
    const unsigned char *ptr;
    size_t len;
};

static int on_status(SSL *ssl, void *arg)
{
    const struct bytes *staple = arg;
    SSL_set_tlsext_status_ocsp_resp(ssl, OPENSSL_memdup(staple->ptr, staple->len),
                                    (long)staple->len);
    return SSL_TLSEXT_ERR_OK;
}

static void shake(struct cast *c, struct bytes *staple, int version, bool is_refused)
{
    struct origin_pair pair;
    char text[ORIGIN_FAULT_SIZE];
    SSL_CTX *client = origin_pair_trusting(&c->root.cert, 1);
    SSL_CTX *origin = origin_pair_origin(&c->leaf, &c->middle.cert, 1, version);
    SSL_CTX_set_tlsext_status_cb(origin, on_status);
    SSL_CTX_set_tlsext_status_arg(origin, staple);
    origin_pair_init(&pair, client, origin, HOST);
    origin_pair_shake(&pair);
    ck_assert_int_eq(origin_pair_judge(&pair, text), is_refused ? ORIGIN_REVOKED : ORIGIN_FINE);
    ck_assert_int_eq(pair.check.is_revoked, is_refused);
    if (is_refused)
        ck_assert_ptr_nonnull(strstr(text, "has a certificate that was revoked on 20"));
    origin_pair_fini(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(origin);
}

START_TEST(refuses_what_is_revoked)
{
    struct cast c;
    size_t len;
    char day[STAPLE_DAY_SIZE];
    make_cast(&c);
    unsigned char *der = make_case(_i, &c, &len);
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509_STORE_add_cert(store, c.root.cert);
    sk_X509_push(chain, c.leaf.cert);
    sk_X509_push(chain, c.middle.cert);
    sk_X509_push(chain, c.root.cert);
    enum staple got = staple_judge(der, len, chain, store, day);
    ck_assert_msg(got == cases[_i].expected, "%s: %d", cases[_i].what, got);
    shake(&c, &(struct bytes){der, len}, TLS1_2_VERSION, got == STAPLE_REVOKED);
    shake(&c, &(struct bytes){der, len}, TLS1_3_VERSION, got == STAPLE_REVOKED);
    sk_X509_free(chain);
    X509_STORE_free(store);
    OPENSSL_free(der);
    fini_cast(&c);
}
END_TEST

Suite *origin_staple_suite(void);

Suite *origin_staple_suite(void)
{
    Suite *s = suite_create("origin_staple");
    TCase *t = tcase_create("staples");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, refuses_what_is_revoked, 0, CASES);
    suite_add_tcase(s, t);
    return s;
}
