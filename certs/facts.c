/* SPDX-License-Identifier: MIT */
/* facts.c - what a person wants to know of a CA certificate; see facts.h. */
#include "certs/facts.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "util/mem.h"

/* Octets as "AB:CD", into out of 3 * count characters (1 for none). */
static void format_octets(const unsigned char *octets, size_t count, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < count; i++) {
        out[3 * i] = digits[octets[i] >> 4];
        out[3 * i + 1] = digits[octets[i] & 15];
        out[3 * i + 2] = ':';
    }
    out[count > 0 ? 3 * count - 1 : 0] = '\0';
}

static char *format_name(const X509_NAME *name)
{
    /* UTF-8 stays readable; control characters and what has a meaning are escaped. */
    const unsigned long flags = XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL, *text;
    long count = 0;
    if (bio != NULL && X509_NAME_print_ex(bio, name, 0, flags) >= 0)
        count = BIO_get_mem_data(bio, &bytes);
    text = mem_must_dup(bytes != NULL ? bytes : "", (size_t)count);
    BIO_free(bio);
    return text;
}

static char *format_serial(X509 *cert)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
    size_t count = (size_t)ASN1_STRING_length(serial);
    char *text = mem_must_zalloc(3 * count + 1);
    format_octets(ASN1_STRING_get0_data(serial), count, text);
    return text;
}

static void format_fingerprint(X509 *cert, const EVP_MD *digest,
                               char out[FACTS_FINGERPRINT_SIZE])
{
    unsigned char octets[EVP_MAX_MD_SIZE];
    unsigned count = 0;
    out[0] = '\0';
    if (X509_digest(cert, digest, octets, &count) && 3 * count <= FACTS_FINGERPRINT_SIZE)
        format_octets(octets, count, out);
}

static const char *curve_name(const char *group)
{
    int nid = OBJ_sn2nid(group);
    const char *name = nid != NID_undef ? EC_curve_nid2nist(nid) : NULL;
    return name != NULL ? name : group;
}

static void format_key(X509 *cert, char *out, size_t size)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    char group[48];
    if (key == NULL)
        snprintf(out, size, "unknown");
    else if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
        snprintf(out, size, "EC %s", curve_name(group));
    else
        snprintf(out, size, "%s %d", EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
}

time_t facts_time(const ASN1_TIME *when)
{
    struct tm parts;
    return ASN1_TIME_to_tm(when, &parts) ? timegm(&parts) : 0;
}

char *facts_format_time(const ASN1_TIME *when, char out[FACTS_TIME_SIZE])
{
    struct tm parts;
    if (!ASN1_TIME_to_tm(when, &parts) ||
        strftime(out, FACTS_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(out, FACTS_TIME_SIZE, "?");
    return out;
}

char *facts_subject_part(const X509 *cert, int nid)
{
    const X509_NAME *name = X509_get_subject_name(cert);
    int i = X509_NAME_get_index_by_NID(name, nid, -1);
    unsigned char *bytes = NULL;
    int len = -1;
    if (i >= 0)
        len = ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
    char *text = len >= 0 ? mem_must_dup((const char *)bytes, (size_t)len) : NULL;
    OPENSSL_free(bytes);
    ERR_clear_error();
    return text;
}

void facts_read(struct facts *f, X509 *cert)
{
    *f = (struct facts){
        .subject = format_name(X509_get_subject_name(cert)),
        .issuer = format_name(X509_get_issuer_name(cert)),
        .serial = format_serial(cert),
        .is_self_issued = (X509_get_extension_flags(cert) & EXFLAG_SI) != 0,
        .is_ca = (X509_get_extension_flags(cert) & EXFLAG_CA) != 0,
        .path_length = X509_get_pathlen(cert),
        .constraints = X509_get_ext_d2i(cert, NID_name_constraints, NULL, NULL),
    };
    format_fingerprint(cert, EVP_sha256(), f->sha256);
    format_fingerprint(cert, EVP_sha1(), f->sha1);
    facts_format_time(X509_get0_notBefore(cert), f->not_before);
    facts_format_time(X509_get0_notAfter(cert), f->not_after);
    format_key(cert, f->key, sizeof(f->key));
    ERR_clear_error();
}

void facts_fini(struct facts *f)
{
    mem_free(f->subject);
    mem_free(f->issuer);
    mem_free(f->serial);
    NAME_CONSTRAINTS_free(f->constraints);
    *f = (struct facts){0};
}
