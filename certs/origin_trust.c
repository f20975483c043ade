/* SPDX-License-Identifier: MIT */
/* origin_trust.c - the certificates by which origins are believed; see origin_trust.h. */
#include "certs/origin_trust.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "certs/tls_library.h"

/* What one reading of the file came to. */
struct harvest {
    unsigned seen, bad, first_bad; /* first_bad: counts from 1 */
    char reason[64];               /* why that one was not taken */
};

static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text != NULL ? text : "OpenSSL does not take it";
}

/* At the end of a text the reader finds no further beginning. */
static bool is_at_end(void)
{
    unsigned long last = ERR_peek_last_error();
    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

static void note_bad(struct harvest *h)
{
    if (h->bad++ > 0)
        return;
    h->first_bad = h->seen;
    snprintf(h->reason, sizeof(h->reason), "%s", reason());
}

/* In the library that the certificates of origins are read in, for one is verified by the key
 * of the other. */
static X509 *read_one(BIO *bio)
{
    X509 *cert = X509_new_ex(tls_library(), NULL), *made = cert;
    if (cert != NULL && PEM_read_bio_X509(bio, &cert, NULL, NULL) != NULL)
        return cert;
    if (cert == made) /* else it was freed */
        X509_free(cert);
    return NULL;
}

/* Goes on behind a block that cannot be read: its lines are no beginning of another. */
static void read_all(BIO *bio, X509_STORE *store, struct harvest *h)
{
    for (;;) {
        ERR_clear_error();
        X509 *cert = read_one(bio);
        if (cert == NULL && is_at_end())
            break;
        h->seen++;
        if (cert == NULL || X509_STORE_add_cert(store, cert) != 1)
            note_bad(h);
        X509_free(cert);
    }
    ERR_clear_error();
}

X509_STORE *origin_trust_read(struct str text, const char *path, const struct place *at,
                              struct errlist *faults)
{
    struct harvest h = {0};
    ASSERT(text.len <= INT_MAX);
    X509_STORE *store = X509_STORE_new();
    BIO *bio = BIO_new_mem_buf(text.len > 0 ? text.ptr : "", (int)text.len);
    if (store != NULL && bio != NULL)
        read_all(bio, store, &h);
    BIO_free(bio);
    ERR_clear_error();
    if (h.seen > h.bad) {
        if (h.bad > 0)
            errlist_warn(faults, at, "trust: %u of %u certificates in %s cannot be read, "
                         "the first of them is number %u: %s",
                         h.bad, h.seen, path, h.first_bad, h.reason);
        return store;
    }
    if (h.bad > 0)
        errlist_add(faults, at, "trust: no certificate in %s can be read: %s", path, h.reason);
    else
        errlist_add(faults, at, "trust: %s holds no certificate in PEM form", path);
    X509_STORE_free(store);
    return NULL;
}
