/* SPDX-License-Identifier: MIT */
/* leaf.c - makes the certificate that stands for an origin; see leaf.h. */
#include "certs/leaf.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "certs/constraint.h"
#include "certs/facts.h"
#include "certs/fault.h"
#include "certs/leaf_order.h"
#include "util/attr.h"
#include "util/mem.h"

#define SERIAL_LEN 16
#define COMMON_NAME_MAX 64 /* RFC 5280 appendix A.1, ub-common-name */
#define SECONDS_PER_DAY 86400

struct leaf_maker {
    const struct leaf_signer *signer;
    X509 *leaf; /* what is the same in all is in it; the rest is set anew each time */
    EVP_MD *digest;
    bool has_no_subject; /* constraints on directory names could forbid ours */
    int64_t not_before, not_after; /* of the CA */
};

/* Edwards curves have a digest of their own. */
static int set_digest(struct leaf_maker *m)
{
    const EVP_PKEY *key = m->signer->ca_key;
    if (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448"))
        return 0;
    m->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    return m->digest != NULL ? 0 : -1;
}

/* The CA's subjectKeyIdentifier; RFC 5280 section 4.2.1.2 (1) where it has none. */
static int add_issuer_id(X509 *leaf, X509 *ca)
{
    unsigned char hash[SHA_DIGEST_LENGTH];
    unsigned len;
    const ASN1_OCTET_STRING *known = X509_get0_subject_key_id(ca);
    AUTHORITY_KEYID *id = AUTHORITY_KEYID_new();
    int is_set = 0;
    if (id != NULL && known != NULL)
        is_set = (id->keyid = ASN1_OCTET_STRING_dup(known)) != NULL;
    else if (id != NULL && X509_pubkey_digest(ca, EVP_sha1(), hash, &len))
        is_set = (id->keyid = ASN1_OCTET_STRING_new()) != NULL &&
                 ASN1_OCTET_STRING_set(id->keyid, hash, (int)len);
    int result = is_set && X509_add1_ext_i2d(leaf, NID_authority_key_identifier, id, 0,
                                             X509V3_ADD_DEFAULT) == 1 ? 0 : -1;
    AUTHORITY_KEYID_free(id);
    return result;
}

/* Those that are the same in all leaves; the public key is set. */
static int add_extensions(X509 *leaf, const struct leaf_signer *s)
{
    bool is_rsa = EVP_PKEY_is_a(s->leaf_key, "RSA");
    const struct {
        int nid;
        const char *value;
    } rows[] = {
        {NID_basic_constraints, "critical,CA:FALSE"},
        {NID_key_usage, is_rsa ? "critical,digitalSignature,keyEncipherment"
                               : "critical,digitalSignature"},
        {NID_ext_key_usage, "serverAuth"},
        {NID_subject_key_identifier, "hash"},
    };
    X509V3_CTX context;
    X509V3_set_ctx(&context, s->ca, leaf, NULL, NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        X509_EXTENSION *one = X509V3_EXT_nconf_nid(NULL, &context, rows[i].nid, rows[i].value);
        int is_added = one != NULL && X509_add_ext(leaf, one, -1);
        X509_EXTENSION_free(one);
        if (!is_added)
            return -1;
    }
    return add_issuer_id(leaf, s->ca);
}

static bool has_directory_names(const STACK_OF(GENERAL_SUBTREE) *list)
{
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(list); i++)
        if (sk_GENERAL_SUBTREE_value(list, i)->base->type == GEN_DIRNAME)
            return true;
    return false;
}

static int prepare(struct leaf_maker *m)
{
    const struct leaf_signer *s = m->signer;
    m->not_before = facts_time(X509_get0_notBefore(s->ca));
    m->not_after = facts_time(X509_get0_notAfter(s->ca));
    m->has_no_subject = s->constraints != NULL &&
                        (has_directory_names(s->constraints->permittedSubtrees) ||
                         has_directory_names(s->constraints->excludedSubtrees));
    m->leaf = X509_new();
    if (m->leaf == NULL || set_digest(m) < 0 || !X509_set_version(m->leaf, X509_VERSION_3) ||
        !X509_set_issuer_name(m->leaf, X509_get_subject_name(s->ca)) ||
        !X509_set_pubkey(m->leaf, s->leaf_key))
        return -1;
    return add_extensions(m->leaf, s);
}

struct leaf_maker *leaf_maker_new(const struct leaf_signer *s, struct err *e)
{
    struct leaf_maker *m = mem_zalloc(sizeof(*m));
    if (m != NULL) {
        m->signer = s;
        if (prepare(m) == 0)
            return m;
    }
    fault_set(e, NULL, "cannot prepare leaves of this CA");
    leaf_maker_free(m);
    return NULL;
}

void leaf_maker_free(struct leaf_maker *m)
{
    if (m == NULL)
        return;
    X509_free(m->leaf);
    EVP_MD_free(m->digest);
    mem_free(m);
}

/* Takes the name over, also where it fails. */
static int push_name(GENERAL_NAMES *names, enum leaf_name_kind kind, struct str text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value =
        kind == LEAF_DNS ? ASN1_IA5STRING_new() : (ASN1_STRING *)ASN1_OCTET_STRING_new();
    if (name == NULL || value == NULL || !ASN1_STRING_set(value, text.ptr, (int)text.len)) {
        ASN1_STRING_free(value);
        GENERAL_NAME_free(name);
        return -1;
    }
    GENERAL_NAME_set0_value(name, kind == LEAF_DNS ? GEN_DNS : GEN_IPADD, value);
    if (sk_GENERAL_NAME_push(names, name) > 0)
        return 0;
    GENERAL_NAME_free(name);
    return -1;
}

static GENERAL_NAMES *collect_names(struct leaf_names order)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_reserve(NULL, (int)order.count);
    enum leaf_name_kind kind;
    struct str text;
    while (names != NULL && leaf_names_next(&order, &kind, &text))
        if (push_name(names, kind, text) < 0) {
            GENERAL_NAMES_free(names);
            return NULL;
        }
    return names;
}

static bool is_name_permitted(GENERAL_NAME *name, NAME_CONSTRAINTS *constraints)
{
    GENERAL_NAMES *alone = sk_GENERAL_NAME_new_null();
    bool result = alone != NULL && sk_GENERAL_NAME_push(alone, name) > 0 &&
                  constraint_allows(constraints, alone);
    sk_GENERAL_NAME_free(alone);
    return result;
}

static void leave_out_forbidden(GENERAL_NAMES *names, NAME_CONSTRAINTS *constraints)
{
    if (constraint_allows(constraints, names))
        return;
    int kept = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (is_name_permitted(name, constraints))
            sk_GENERAL_NAME_set(names, kept++, name);
        else
            GENERAL_NAME_free(name);
    }
    while (sk_GENERAL_NAME_num(names) > kept)
        (void)sk_GENERAL_NAME_pop(names);
}

static int set_serial(X509 *leaf)
{
    unsigned char serial[SERIAL_LEN];
    if (RAND_bytes(serial, sizeof(serial)) != 1)
        return -1;
    /* Positive and never shorter, as DER asks of integers. */
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
    return ASN1_STRING_set(X509_get_serialNumber(leaf), serial, sizeof(serial)) ? 0 : -1;
}

/* A date of an order that waited, or that came before the clock was set. */
static bool is_of_now(const struct leaf_names *order, time_t now)
{
    return order->not_before >= now - SECONDS_PER_DAY - LEAF_CLOCK_SECONDS &&
           order->not_before <= now + LEAF_CLOCK_SECONDS;
}

static int set_dates(const struct leaf_maker *m, const struct leaf_names *order, time_t now,
                     struct err *e)
{
    time_t from = order->not_before > m->not_before ? order->not_before : m->not_before;
    time_t to = order->not_after < m->not_after ? order->not_after : m->not_after;
    if (!is_of_now(order, now))
        return err_set(e, NULL, "the order's dates are not of today");
    if (to < now || to <= from)
        return err_set(e, NULL, "%s has expired",
                       m->not_after <= order->not_after ? "the CA" : "what the order asks for");
    if (ASN1_TIME_set(X509_getm_notBefore(m->leaf), from) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(m->leaf), to) != NULL)
        return 0;
    return fault_set(e, NULL, "cannot set the dates of a leaf");
}

/* The first host name where there is one that fits; *is_empty: there is none. */
static int set_subject(const struct leaf_maker *m, const GENERAL_NAMES *names, bool *is_empty)
{
    X509_NAME *subject = X509_get_subject_name(m->leaf);
    const ASN1_STRING *first = NULL;
    X509_NAME_ENTRY_free(X509_NAME_delete_entry(subject, 0));
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && first == NULL; i++)
        if (sk_GENERAL_NAME_value(names, i)->type == GEN_DNS)
            first = sk_GENERAL_NAME_value(names, i)->d.dNSName;
    *is_empty =
        first == NULL || ASN1_STRING_length(first) > COMMON_NAME_MAX || m->has_no_subject;
    if (*is_empty)
        return 0;
    return X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING,
                                      ASN1_STRING_get0_data(first), ASN1_STRING_length(first),
                                      -1, 0) ? 0 : -1;
}

static int set_names(X509 *leaf, const GENERAL_NAMES *names, bool is_critical)
{
    int old = X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1);
    if (old >= 0)
        X509_EXTENSION_free(X509_delete_ext(leaf, old));
    return X509_add1_ext_i2d(leaf, NID_subject_alt_name, (void *)(uintptr_t)names, is_critical,
                             X509V3_ADD_APPEND) == 1 ? 0 : -1;
}

static int fill(const struct leaf_maker *m, const GENERAL_NAMES *names, struct err *e)
{
    bool is_empty;
    if (set_serial(m->leaf) == 0 && set_subject(m, names, &is_empty) == 0 &&
        set_names(m->leaf, names, is_empty) == 0 &&
        X509_sign(m->leaf, m->signer->ca_key, m->digest) > 0)
        return 0;
    return fault_set(e, NULL, "cannot make a leaf");
}

X509 *leaf_maker_make(struct leaf_maker *m, struct str order, time_t now, struct err *e)
{
    struct leaf_names wanted;
    int result = -1;
    if (leaf_order_read(&wanted, order) < 0) {
        err_set(e, NULL, "the order is malformed");
        return NULL;
    }
    if (set_dates(m, &wanted, now, e) < 0)
        return NULL;
    GENERAL_NAMES *names = collect_names(wanted);
    if (names != NULL && m->signer->constraints != NULL)
        leave_out_forbidden(names, m->signer->constraints);
    if (names == NULL)
        fault_set(e, NULL, "cannot make a leaf");
    else if (sk_GENERAL_NAME_num(names) == 0)
        err_set(e, NULL, "the CA's name constraints forbid every name of the order");
    else
        result = fill(m, names, e);
    GENERAL_NAMES_free(names);
    return result == 0 ? m->leaf : NULL;
}

X509 *leaf_make(const struct leaf_signer *s, struct str order, time_t now, struct err *e)
{
    struct leaf_maker *m = leaf_maker_new(s, e);
    X509 *leaf = m != NULL ? leaf_maker_make(m, order, now, e) : NULL;
    if (leaf != NULL)
        m->leaf = NULL; /* it is the caller's now */
    leaf_maker_free(m);
    return leaf;
}
