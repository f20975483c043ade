/* SPDX-License-Identifier: MIT */
/* test_origin_tls.c - which certificates of origins are believed, in the manner of badssl and
 * BetterTLS; and what a failed handshake is called. */
#include <check.h>
#include <stdlib.h>

#include "tests/unit/certs/test_origin_pair.h"

#define HOST "www.example.com"
#define DNS "DNS:www.example.com"
#define CA "critical,CA:TRUE"
#define SIGNS "critical,keyCertSign,cRLSign"

enum way { WHOLE_CHAIN, LEAF_ALONE, SELF_SIGNED, OTHER_ROOT, LEAF_ISSUES, TWO_BETWEEN };

static const struct {
    const char *what, *name; /* name NULL: HOST */
    struct issuer_spec leaf, middle;
    enum way way;
    enum origin_fault fault;
    const char *text;
} cases[] = {
    {.what = "good", .leaf.names = DNS},
    {.what = "good RSA", .leaf = {.key = "rsa2048", .names = DNS}},
    {.what = "serverAuth", .leaf = {.names = DNS, .extended = "serverAuth,clientAuth"}},
    {.what = "expired", .leaf = {.names = DNS, .from_days = -9, .to_days = -1},
     .fault = ORIGIN_EXPIRED, .text = "has a certificate that expired on 20"},
    {.what = "early", .leaf = {.names = DNS, .from_days = 2, .to_days = 9},
     .fault = ORIGIN_NOT_YET_VALID, .text = "has a certificate that is not valid before 20"},
    {.what = "expired intermediate", .leaf.names = DNS,
     .middle = {.from_days = -9, .to_days = -1}, .fault = ORIGIN_EXPIRED,
     .text = "of an authority (Middle) whose own expired on 20"},
    {.what = "self-signed", .leaf.names = DNS, .way = SELF_SIGNED, .fault = ORIGIN_SELF_SIGNED,
     .text = "signed itself"},
    {.what = "unknown CA", .leaf.names = DNS, .way = OTHER_ROOT, .fault = ORIGIN_UNKNOWN_CA,
     .text = "is not trusted here (Stranger)"},
    {.what = "no intermediate", .leaf.names = DNS, .way = LEAF_ALONE,
     .fault = ORIGIN_UNKNOWN_CA, .text = "(Middle), and sent no intermediate"},

    {.what = "wrong name", .leaf.names = "DNS:a.example,DNS:b.example",
     .fault = ORIGIN_WRONG_NAME,
     .text = "has a certificate for other names (a.example, b.example), not for " HOST},
    {.what = "common name", .leaf.subject = HOST, .fault = ORIGIN_WRONG_NAME,
     .text = "without names in its subjectAltName"},
    {.what = "common name beside others", .leaf = {.subject = HOST, .names = "DNS:a.example"},
     .fault = ORIGIN_WRONG_NAME},
    {.what = "signs in names", .leaf.names = "DNS:<b>a\033]0;x\007",
     .fault = ORIGIN_WRONG_NAME, .text = "(?b?a??0?x?)"},
    {.what = "upper case", .leaf.names = "DNS:WWW.Example.COM"},
    {.what = "final dot", .name = HOST ".", .leaf.names = DNS},
    {.what = "wildcard", .leaf.names = "DNS:*.example.com"},
    {.what = "wildcard too deep", .name = "a.www.example.com", .leaf.names = "DNS:*.example.com",
     .fault = ORIGIN_WRONG_NAME},
    {.what = "wildcard and its parent", .name = "example.com", .leaf.names = "DNS:*.example.com",
     .fault = ORIGIN_WRONG_NAME},
    {.what = "partial wildcard", .leaf.names = "DNS:w*.example.com", .fault = ORIGIN_WRONG_NAME},
    {.what = "partial wildcard behind", .leaf.names = "DNS:*w.example.com",
     .fault = ORIGIN_WRONG_NAME},
    {.what = "wildcard inside", .leaf.names = "DNS:www.*.com", .fault = ORIGIN_WRONG_NAME},
    {.what = "wildcard of all", .name = "example.com", .leaf.names = "DNS:*.com",
     .fault = ORIGIN_WRONG_NAME},
    {.what = "wildcard of everything", .name = "localhost", .leaf.names = "DNS:*",
     .fault = ORIGIN_WRONG_NAME},
    {.what = "IDN", .name = "xn--bcher-kva.example", .leaf.names = "DNS:xn--bcher-kva.example"},
    {.what = "IDN under a wildcard", .name = "xn--bcher-kva.example.com",
     .leaf.names = "DNS:*.example.com"},
    {.what = "part of an IDN", .name = "xn--bcher-kva.example.com",
     .leaf.names = "DNS:xn--*.example.com", .fault = ORIGIN_WRONG_NAME},
    {.what = "IPv4", .name = "127.0.0.1", .leaf.names = "IP:127.0.0.1"},
    {.what = "other IPv4", .name = "127.0.0.2", .leaf.names = "IP:127.0.0.1",
     .fault = ORIGIN_WRONG_NAME, .text = "(127.0.0.1), not for 127.0.0.2"},
    {.what = "IPv6", .name = "::1", .leaf.names = "IP:::1"},
    {.what = "other IPv6", .name = "::2", .leaf.names = "IP:::1", .fault = ORIGIN_WRONG_NAME,
     .text = "(::1), not for ::2"},
    {.what = "address as a host", .name = "127.0.0.1", .leaf.names = "DNS:127.0.0.1",
     .fault = ORIGIN_WRONG_NAME},
    {.what = "address as a common name", .name = "127.0.0.1", .leaf.subject = "127.0.0.1",
     .fault = ORIGIN_WRONG_NAME},

    {.what = "SHA-1", .leaf = {.names = DNS, .digest = EVP_sha1}, .fault = ORIGIN_WEAK,
     .text = "hash that is too weak (ecdsa-with-SHA1)"},
    {.what = "SHA-1 above", .leaf.names = DNS, .middle.digest = EVP_sha1, .fault = ORIGIN_WEAK},
    {.what = "RSA 1024", .leaf = {.key = "rsa1024", .names = DNS}, .fault = ORIGIN_WEAK,
     .text = "key that is too weak (RSA, 1024 bits)"},
    {.what = "RSA 1024 above", .leaf.names = DNS, .middle.key = "rsa1024", .fault = ORIGIN_WEAK,
     .text = "has a certificate of an authority with a key that is too weak"},

    {.what = "issued by a leaf", .leaf.names = DNS, .way = LEAF_ISSUES, .fault = ORIGIN_INVALID},
    {.what = "issuer is no CA", .leaf.names = DNS, .middle = {.basic = "critical,CA:FALSE"},
     .fault = ORIGIN_INVALID, .text = "is not valid: invalid CA certificate"},
    {.what = "issuer by its keyUsage", .leaf.names = DNS, .middle.basic = "",
     .fault = ORIGIN_INVALID, .text = "is not valid: invalid CA certificate"},
    {.what = "issuer may not sign", .leaf.names = DNS, .middle.usage = "critical,digitalSignature",
     .fault = ORIGIN_INVALID},
    {.what = "two between", .leaf.names = DNS, .middle.basic = CA, .way = TWO_BETWEEN},
    {.what = "path too long", .leaf.names = DNS, .middle.basic = CA ",pathlen:0",
     .way = TWO_BETWEEN, .fault = ORIGIN_INVALID, .text = "path length"},
    {.what = "for clients", .leaf = {.names = DNS, .extended = "clientAuth"},
     .fault = ORIGIN_INVALID, .text = "is not valid: unsuitable certificate purpose"},
    {.what = "for anything", .leaf = {.names = DNS, .extended = "anyExtendedKeyUsage"},
     .fault = ORIGIN_INVALID},
    {.what = "issuer for clients", .leaf.names = DNS, .middle.extended = "clientAuth",
     .fault = ORIGIN_INVALID},

    {.what = "may sign", .leaf = {.names = DNS, .usage = "critical,digitalSignature"}},
    {.what = "may sign and more",
     .leaf = {.names = DNS, .usage = "digitalSignature,keyAgreement"}},
    {.what = "may encipher alone",
     .leaf = {.key = "rsa2048", .names = DNS, .usage = "keyEncipherment"},
     .fault = ORIGIN_INVALID, .text = "may not sign handshakes (its keyUsage has no digitalS"},
    {.what = "may encipher and sign certificates",
     .leaf = {.key = "rsa2048", .names = DNS, .usage = "keyEncipherment,keyCertSign"},
     .fault = ORIGIN_INVALID},

    {.what = "permitted", .leaf.names = DNS,
     .middle.constraints = "critical,permitted;DNS:example.com"},
    {.what = "permitted itself", .name = "example.com", .leaf.names = "DNS:example.com",
     .middle.constraints = "critical,permitted;DNS:example.com"},
    {.what = "permitted, another", .leaf.names = DNS, .fault = ORIGIN_INVALID,
     .middle.constraints = "critical,permitted;DNS:example.net"},
    {.what = "permitted, another beside", .leaf.names = DNS ",DNS:www.example.net",
     .middle.constraints = "critical,permitted;DNS:example.com", .fault = ORIGIN_INVALID},
    {.what = "permitted, a longer label", .name = "wwwexample.com",
     .leaf.names = "DNS:wwwexample.com", .fault = ORIGIN_INVALID,
     .middle.constraints = "critical,permitted;DNS:example.com"},
    {.what = "excluded", .leaf.names = DNS, .fault = ORIGIN_INVALID,
     .middle.constraints = "critical,excluded;DNS:example.com"},
    {.what = "not critical", .leaf.names = DNS, .fault = ORIGIN_INVALID,
     .middle.constraints = "excluded;DNS:example.com"},
    {.what = "excluded, another", .leaf.names = DNS,
     .middle.constraints = "critical,excluded;DNS:example.net"},
    {.what = "excluded inside permitted", .leaf.names = DNS, .fault = ORIGIN_INVALID,
     .middle.constraints = "critical,permitted;DNS:example.com,excluded;DNS:www.example.com"},
    {.what = "excluded under a wildcard", .leaf.names = "DNS:*.example.com",
     .middle.constraints = "critical,excluded;DNS:www.example.com", .fault = ORIGIN_INVALID,
     .text = "is not valid: excluded subtree violation"},
    {.what = "beside excluded, wildcard", .leaf.names = "DNS:*.example.com",
     .middle.constraints = "critical,excluded;DNS:ftp.example.com"},
    {.what = "address beside permitted hosts", .name = "127.0.0.1", .leaf.names = "IP:127.0.0.1",
     .middle.constraints = "critical,permitted;DNS:example.com"},
    {.what = "permitted address", .name = "127.0.0.1", .leaf.names = "IP:127.0.0.1",
     .middle.constraints = "critical,permitted;IP:127.0.0.0/255.0.0.0"},
    {.what = "address not permitted", .name = "127.0.0.1", .leaf.names = "IP:127.0.0.1",
     .middle.constraints = "critical,permitted;IP:10.0.0.0/255.0.0.0", .fault = ORIGIN_INVALID},
    {.what = "excluded address", .name = "127.0.0.1", .leaf.names = "IP:127.0.0.1",
     .middle.constraints = "critical,excluded;IP:127.0.0.0/255.0.0.0", .fault = ORIGIN_INVALID},
    {.what = "permitted IPv6", .name = "::1", .leaf.names = "IP:::1",
     .middle.constraints = "critical,permitted;IP:::/ffff:ffff:ffff:ffff::"},
    {.what = "excluded IPv6", .name = "::1", .leaf.names = "IP:::1", .fault = ORIGIN_INVALID,
     .middle.constraints = "critical,excluded;IP:::/ffff:ffff:ffff:ffff::"},
    {.what = "IPv4 and permitted IPv6", .name = "127.0.0.1", .leaf.names = "IP:127.0.0.1",
     .middle.constraints = "critical,permitted;IP:::/ffff:ffff:ffff:ffff::",
     .fault = ORIGIN_INVALID},
};
#define CASES ((int)(sizeof(cases) / sizeof(cases[0])))

/* Certificates from the top: a root, those between, the leaf. */
struct made {
    struct issued root, stranger, middle, lower, leaf;
};

static void make_chain(struct made *m, const struct issuer_spec *leaf,
                       const struct issuer_spec *middle, enum way way)
{
    struct issuer_spec top = {.subject = "Root", .basic = CA, .usage = SIGNS}, between = *middle;
    struct issuer_spec end = *leaf;
    *m = (struct made){0};
    issuer_make(&m->root, &top, NULL);
    top.subject = "Stranger";
    issuer_make(&m->stranger, &top, NULL);
    between.subject = "Middle";
    between.basic = middle->basic != NULL ? middle->basic : CA ",pathlen:0";
    between.usage = middle->usage != NULL ? middle->usage : SIGNS;
    if (way == LEAF_ISSUES)
        between = (struct issuer_spec){.subject = "Neighbour", .names = "DNS:other.example.com"};
    issuer_make(&m->middle, &between, way == OTHER_ROOT ? &m->stranger : &m->root);
    top.subject = "Lower";
    issuer_make(&m->lower, &top, &m->middle);
    if (end.subject == NULL)
        end.subject = "leaf";
    issuer_make(&m->leaf, &end, way == SELF_SIGNED ? NULL
                                : way == TWO_BETWEEN ? &m->lower : &m->middle);
}

static void fini_chain(struct made *m)
{
    issuer_fini(&m->root);
    issuer_fini(&m->stranger);
    issuer_fini(&m->middle);
    issuer_fini(&m->lower);
    issuer_fini(&m->leaf);
}

static void run(int i, int version)
{
    struct origin_pair pair;
    struct made m;
    char text[ORIGIN_FAULT_SIZE];
    make_chain(&m, &cases[i].leaf, &cases[i].middle, cases[i].way);
    X509 *two[] = {m.lower.cert, m.middle.cert};
    bool is_two = cases[i].way == TWO_BETWEEN;
    bool is_alone = cases[i].way == LEAF_ALONE || cases[i].way == SELF_SIGNED;
    SSL_CTX *client = origin_pair_trusting(&m.root.cert, 1);
    SSL_CTX *origin = origin_pair_origin(&m.leaf, is_two ? two : two + 1,
                                         is_two ? 2 : is_alone ? 0 : 1, version);
    origin_pair_init(&pair, client, origin, cases[i].name != NULL ? cases[i].name : HOST);
    origin_pair_shake(&pair);
    enum origin_fault fault = origin_pair_judge(&pair, text);
    ck_assert_msg(fault == cases[i].fault, "%s: %s: %s", cases[i].what,
                  origin_fault_token(fault), text);
    ck_assert_msg(cases[i].text == NULL || strstr(text, cases[i].text) != NULL, "%s: %s",
                  cases[i].what, text);
    origin_pair_fini(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(origin);
    fini_chain(&m);
}

START_TEST(judges_certificates_in_1_2)
{
    run(_i, TLS1_2_VERSION);
}
END_TEST

START_TEST(judges_certificates_in_1_3)
{
    run(_i, TLS1_3_VERSION);
}
END_TEST

/* The name that is asked for is the last of a hundred; a text of all others would be long. */
START_TEST(finds_one_of_a_hundred_names)
{
    char names[4096];
    size_t used = 0;
    for (int i = 0; i < 100; i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%sDNS:host-%d.example.com",
                                 i > 0 ? "," : "", i);
    static const struct {
        const char *name;
        enum origin_fault fault;
    } asked[] = {{"host-99.example.com", ORIGIN_FINE}, {"host-100.example.com", ORIGIN_WRONG_NAME}};
    struct made m;
    char text[ORIGIN_FAULT_SIZE];
    make_chain(&m, &(struct issuer_spec){.names = names}, &(struct issuer_spec){0}, WHOLE_CHAIN);
    SSL_CTX *client = origin_pair_trusting(&m.root.cert, 1);
    SSL_CTX *origin = origin_pair_origin(&m.leaf, &m.middle.cert, 1, TLS1_3_VERSION);
    for (int i = 0; i < 2; i++) {
        struct origin_pair pair;
        origin_pair_init(&pair, client, origin, asked[i].name);
        origin_pair_shake(&pair);
        ck_assert_int_eq(origin_pair_judge(&pair, text), asked[i].fault);
        origin_pair_fini(&pair);
    }
    ck_assert_str_eq(text, "has a certificate for other names (host-0.example.com, "
                           "host-1.example.com, ...), not for host-100.example.com");
    SSL_CTX_free(client);
    SSL_CTX_free(origin);
    fini_chain(&m);
}
END_TEST

/* An intermediate that stands in the trust file is believed without its root. */
START_TEST(trusts_what_is_no_root)
{
    struct made m;
    struct origin_pair pair;
    char text[ORIGIN_FAULT_SIZE];
    make_chain(&m, &(struct issuer_spec){.names = DNS}, &(struct issuer_spec){0}, WHOLE_CHAIN);
    SSL_CTX *client = origin_pair_trusting(&m.middle.cert, 1);
    SSL_CTX *origin = origin_pair_origin(&m.leaf, NULL, 0, TLS1_3_VERSION);
    origin_pair_init(&pair, client, origin, HOST);
    origin_pair_shake(&pair);
    ck_assert_int_eq(origin_pair_judge(&pair, text), ORIGIN_FINE);
    origin_pair_fini(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(origin);
    fini_chain(&m);
}
END_TEST

Suite *origin_tls_suite(void);

Suite *origin_tls_suite(void)
{
    Suite *s = suite_create("origin_tls");
    TCase *t = tcase_create("certificates");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, judges_certificates_in_1_2, 0, CASES);
    tcase_add_loop_test(t, judges_certificates_in_1_3, 0, CASES);
    tcase_add_test(t, finds_one_of_a_hundred_names);
    tcase_add_test(t, trusts_what_is_no_root);
    suite_add_tcase(s, t);
    return s;
}
