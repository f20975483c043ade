/* SPDX-License-Identifier: MIT */
/* pem.c - certificates and private keys as text; see pem.h. */
#include "certs/pem.h"

#include <openssl/pem.h>

#include "certs/fault.h"
#include "util/mem.h"

void pem_free_certificates(STACK_OF(X509) *certs)
{
    sk_X509_pop_free(certs, X509_free);
}

/* OpenSSL says by this error that there is no further block in the text. */
static bool is_at_end(void)
{
    unsigned long last = ERR_peek_last_error();
    return ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
}

static int read_certificates(BIO *bio, STACK_OF(X509) *certs, const struct place *at,
                             struct err *e)
{
    X509 *cert;
    while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (sk_X509_push(certs, cert) <= 0) {
            X509_free(cert);
            return fault_set(e, at, "cannot be read");
        }
        if (sk_X509_num(certs) > PEM_CERTIFICATES_MAX)
            return err_set(e, at, "holds more than %d certificates", PEM_CERTIFICATES_MAX);
    }
    if (!is_at_end())
        return fault_set(e, at, "holds a certificate that cannot be read");
    if (sk_X509_num(certs) == 0)
        return err_set(e, at, "holds no certificate in PEM form");
    return 0;
}

STACK_OF(X509) *pem_read_certificates(struct str text, const struct place *at, struct err *e)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    BIO *bio = BIO_new_mem_buf(text.len > 0 ? text.ptr : "", (int)text.len);
    int result = -1;
    if (certs == NULL || bio == NULL)
        fault_set(e, at, "cannot be read");
    else
        result = read_certificates(bio, certs, at, e);
    ERR_clear_error();
    BIO_free(bio);
    if (result == 0)
        return certs;
    pem_free_certificates(certs);
    return NULL;
}

/* Notes that a passphrase was wanted, and gives none. */
static int on_passphrase(char *buf, int size, int is_writing, void *is_encrypted)
{
    *(bool *)is_encrypted = true;
    return -1;
}

EVP_PKEY *pem_read_key(struct str text, const struct place *at, struct err *e)
{
    bool is_encrypted = false;
    BIO *bio = BIO_new_mem_buf(text.len > 0 ? text.ptr : "", (int)text.len);
    EVP_PKEY *key =
        bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &is_encrypted) : NULL;
    BIO_free(bio);
    if (key == NULL && is_encrypted)
        err_set(e, at, "the key is encrypted; a key without a passphrase is needed");
    else if (key == NULL)
        err_set(e, at, "holds no private key in PEM form that can be read");
    ERR_clear_error();
    return key;
}

/* What was written, as a text of our own; cleansed in the bio, which may hold a key. */
static char *take_text(BIO *bio, size_t *len)
{
    char *bytes;
    long count = BIO_get_mem_data(bio, &bytes);
    char *text = mem_dup(bytes, (size_t)count);
    OPENSSL_cleanse(bytes, (size_t)count);
    *len = (size_t)count;
    return text;
}

char *pem_write_certificates(X509 *const *certs, size_t count, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool is_written = bio != NULL;
    for (size_t i = 0; i < count && is_written; i++)
        is_written = PEM_write_bio_X509(bio, certs[i]);
    char *text = is_written ? take_text(bio, len) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return text;
}

char *pem_write_key(const EVP_PKEY *key, size_t *len)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
        text = take_text(bio, len);
    BIO_free(bio);
    ERR_clear_error();
    return text;
}
