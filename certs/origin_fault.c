/* SPDX-License-Identifier: MIT */
/* origin_fault.c - what is wrong with an origin's certificate; see origin_fault.h. */
#include "certs/origin_fault.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "certs/facts.h"

#define NAME_SIZE 44  /* of one name, with the NUL */
#define NAMES_SIZE 44 /* of all names that a certificate has, with the NUL */
#define DAY_SIZE 11   /* "2026-01-01" with the NUL */

/* text as far as there is room, with dots where it was cut; signs that are in no name of a
 * host or of a company become question marks. Room for four at least. */
static void copy_clean(char *out, size_t size, const char *text, size_t len)
{
    static const char FINE[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._:* ,/+()@";
    size_t kept = len < size ? len : size - 4;
    for (size_t i = 0; i < kept; i++)
        out[i] = text[i] != '\0' && strchr(FINE, text[i]) != NULL ? text[i] : '?';
    snprintf(out + kept, size - kept, "%s", kept < len ? "..." : "");
}

static void format_day(const ASN1_TIME *when, char day[DAY_SIZE])
{
    char text[FACTS_TIME_SIZE];
    snprintf(day, DAY_SIZE, "%.10s", facts_format_time(when, text));
}

/* The common name, else the organisation. */
static void format_holder(const X509_NAME *name, char out[NAME_SIZE])
{
    int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at < 0)
        at = X509_NAME_get_index_by_NID(name, NID_organizationName, -1);
    unsigned char *bytes = NULL;
    int len = -1;
    if (at >= 0)
        len = ASN1_STRING_to_UTF8(&bytes,
                                  X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (len > 0)
        copy_clean(out, NAME_SIZE, (const char *)bytes, (size_t)len);
    else
        snprintf(out, NAME_SIZE, "without a name");
    OPENSSL_free(bytes);
}

/* One subjectAltName, unless it is neither host nor address: then empty. */
static void format_alternative(const GENERAL_NAME *name, char out[NAME_SIZE])
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    out[0] = '\0';
    if (type == GEN_DNS)
        copy_clean(out, NAME_SIZE, (const char *)ASN1_STRING_get0_data(value),
                   (size_t)ASN1_STRING_length(value));
    else if (type == GEN_IPADD && ASN1_STRING_length(value) == 4)
        inet_ntop(AF_INET, ASN1_STRING_get0_data(value), out, NAME_SIZE);
    else if (type == GEN_IPADD && ASN1_STRING_length(value) == 16)
        inet_ntop(AF_INET6, ASN1_STRING_get0_data(value), out, NAME_SIZE);
}

/* "a.example, b.example, ..."; empty where there is none. */
static void format_alternatives(X509 *leaf, char out[NAMES_SIZE])
{
    GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        char one[NAME_SIZE];
        format_alternative(sk_GENERAL_NAME_value(names, i), one);
        size_t need = strlen(one) + (used > 0 ? 2 : 0);
        if (one[0] == '\0')
            continue;
        if (used + need > NAMES_SIZE - sizeof(", ...")) {
            snprintf(out + used, NAMES_SIZE - used, "%s", used > 0 ? ", ..." : one);
            break;
        }
        used += (size_t)snprintf(out + used, NAMES_SIZE - used, "%s%s", used > 0 ? ", " : "", one);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}

static enum origin_fault tell_name(X509 *leaf, const char *expected, char text[ORIGIN_FAULT_SIZE])
{
    char names[NAMES_SIZE], wanted[NAME_SIZE - 8];
    format_alternatives(leaf, names);
    copy_clean(wanted, sizeof(wanted), expected, strlen(expected));
    if (names[0] == '\0')
        snprintf(text, ORIGIN_FAULT_SIZE,
                 "has a certificate without names in its subjectAltName, so not for %s", wanted);
    else
        snprintf(text, ORIGIN_FAULT_SIZE, "has a certificate for other names (%s), not for %s",
                 names, wanted);
    return ORIGIN_WRONG_NAME;
}

/* depth: 0 for the origin's own certificate. */
static enum origin_fault tell_time(X509 *cert, int depth, bool is_over,
                                   char text[ORIGIN_FAULT_SIZE])
{
    char day[DAY_SIZE], holder[NAME_SIZE];
    format_day(is_over ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert), day);
    format_holder(X509_get_subject_name(cert), holder);
    const char *what = is_over ? "expired on" : "is not valid before";
    if (depth == 0)
        snprintf(text, ORIGIN_FAULT_SIZE, "has a certificate that %s %s", what, day);
    else
        snprintf(text, ORIGIN_FAULT_SIZE, "has a certificate of an authority (%s) whose own %s %s",
                 holder, what, day);
    return is_over ? ORIGIN_EXPIRED : ORIGIN_NOT_YET_VALID;
}

static enum origin_fault tell_authority(X509 *cert, bool is_alone, char text[ORIGIN_FAULT_SIZE])
{
    char holder[NAME_SIZE];
    format_holder(X509_get_issuer_name(cert), holder);
    snprintf(text, ORIGIN_FAULT_SIZE,
             "has a certificate of an authority that is not trusted here (%.30s)%s", holder,
             is_alone ? ", and sent no intermediate" : "");
    return ORIGIN_UNKNOWN_CA;
}

static enum origin_fault tell_weak_key(X509 *cert, int depth, char text[ORIGIN_FAULT_SIZE])
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    const char *whose = depth == 0 ? "" : " of an authority";
    if (key != NULL)
        snprintf(text, ORIGIN_FAULT_SIZE,
                 "has a certificate%s with a key that is too weak (%s, %d bits)", whose,
                 EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
    else
        snprintf(text, ORIGIN_FAULT_SIZE, "has a certificate%s with a key of an unknown kind",
                 whose);
    return ORIGIN_WEAK;
}

static enum origin_fault tell_weak_hash(X509 *cert, char text[ORIGIN_FAULT_SIZE])
{
    snprintf(text, ORIGIN_FAULT_SIZE,
             "has a certificate that is signed with a hash that is too weak (%s)",
             OBJ_nid2sn(X509_get_signature_nid(cert)));
    return ORIGIN_WEAK;
}

static enum origin_fault tell_invalid(int error, char text[ORIGIN_FAULT_SIZE])
{
    snprintf(text, ORIGIN_FAULT_SIZE, "has a certificate that is not valid: %s",
             X509_verify_cert_error_string(error));
    return ORIGIN_INVALID;
}

static enum origin_fault tell_usage(char text[ORIGIN_FAULT_SIZE])
{
    snprintf(text, ORIGIN_FAULT_SIZE, "has a certificate whose key may not sign handshakes (its "
                                      "keyUsage has no digitalSignature)");
    return ORIGIN_INVALID;
}

static enum origin_fault tell_self_signed(char text[ORIGIN_FAULT_SIZE])
{
    snprintf(text, ORIGIN_FAULT_SIZE, "has a certificate that it signed itself");
    return ORIGIN_SELF_SIGNED;
}

/* Nothing but the leaf came: the commonest mistake of those who run origins. */
static bool is_without_intermediate(X509_STORE_CTX *ctx)
{
    return sk_X509_num(X509_STORE_CTX_get0_untrusted(ctx)) <= 1;
}

enum origin_fault origin_fault_of_chain(X509_STORE_CTX *ctx, const char *expected,
                                        char text[ORIGIN_FAULT_SIZE])
{
    int error = X509_STORE_CTX_get_error(ctx), depth = X509_STORE_CTX_get_error_depth(ctx);
    X509 *cert = X509_STORE_CTX_get_current_cert(ctx);
    if (cert == NULL)
        return tell_invalid(error, text);
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return tell_time(cert, depth, true, text);
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return tell_time(cert, depth, false, text);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return tell_self_signed(text);
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return tell_authority(cert, is_without_intermediate(ctx), text);
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return tell_name(X509_STORE_CTX_get0_cert(ctx), expected, text);
    case X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE:
        return tell_usage(text);
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return tell_weak_hash(cert, text);
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
        return tell_weak_key(cert, depth, text);
    default:
        return tell_invalid(error, text);
    }
}

static bool has_name(X509 *leaf, X509_VERIFY_PARAM *param)
{
    const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
    if (host != NULL)
        return X509_check_host(leaf, host, 0, X509_VERIFY_PARAM_get_hostflags(param), NULL) == 1;
    char *address = X509_VERIFY_PARAM_get1_ip_asc(param);
    bool result = address != NULL && X509_check_ip_asc(leaf, address, 0) == 1;
    OPENSSL_free(address);
    return result;
}

enum origin_fault origin_fault_of_leaf(X509 *leaf, X509_VERIFY_PARAM *param,
                                       const char *expected, char text[ORIGIN_FAULT_SIZE])
{
    if (X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
        return tell_time(leaf, 0, true, text);
    if (X509_cmp_current_time(X509_get0_notBefore(leaf)) > 0)
        return tell_time(leaf, 0, false, text);
    return has_name(leaf, param) ? ORIGIN_FINE : tell_name(leaf, expected, text);
}

static const char *alert_name(int alert)
{
    return SSL_alert_desc_string_long(alert);
}

void origin_fault_of_tls(const struct origin_check *check, char text[ORIGIN_FAULT_SIZE])
{
    int received = check->alert_received, sent = check->alert_sent;
    if (check->is_not_tls)
        snprintf(text, ORIGIN_FAULT_SIZE, "answers with something that is no TLS");
    else if (received == SSL_AD_PROTOCOL_VERSION || sent == SSL_AD_PROTOCOL_VERSION)
        snprintf(text, ORIGIN_FAULT_SIZE, "speaks no TLS 1.%d%s", check->is_13_only ? 3 : 2,
                 check->is_13_only ? "" : " or later");
    else if (received == SSL_AD_NO_APPLICATION_PROTOCOL)
        snprintf(text, ORIGIN_FAULT_SIZE, "speaks no HTTP/1.1 (no_application_protocol)");
    else if (received == SSL_AD_HANDSHAKE_FAILURE)
        snprintf(text, ORIGIN_FAULT_SIZE, "refuses the handshake (handshake failure): it may have "
                                          "no cipher suite that is safe");
    else if (received > 0)
        snprintf(text, ORIGIN_FAULT_SIZE, "refuses the handshake (alert %d, %s)", received,
                 alert_name(received));
    else if (sent > 0)
        snprintf(text, ORIGIN_FAULT_SIZE, "breaks the rules of TLS (our alert %d, %s)", sent,
                 alert_name(sent));
    else
        snprintf(text, ORIGIN_FAULT_SIZE, "closed in the middle of the handshake");
}

const char *origin_fault_token(enum origin_fault fault)
{
    switch (fault) {
    case ORIGIN_FINE:
        return "fine";
    case ORIGIN_EXPIRED:
        return "expired";
    case ORIGIN_NOT_YET_VALID:
        return "not_yet_valid";
    case ORIGIN_SELF_SIGNED:
        return "self_signed";
    case ORIGIN_UNKNOWN_CA:
        return "unknown_ca";
    case ORIGIN_WRONG_NAME:
        return "wrong_name";
    case ORIGIN_REVOKED:
        return "revoked";
    case ORIGIN_WEAK:
        return "weak";
    case ORIGIN_INVALID:
        return "invalid";
    case ORIGIN_WANTS_CERTIFICATE:
        return "wants_certificate";
    case ORIGIN_NO_TLS:
        return "no_tls";
    }
    return "no_tls";
}
