/* SPDX-License-Identifier: MIT */
/* check_ca.c - can the CA of inspection sign? See check_ca.h. */
#include "cli/check_ca.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "certs/tls_library.h"
#include "proxy/signer.h"

#define RSA_BITS ((size_t)2048)

/* Nothing is ordered. */
static void on_leaf(void *arg, uint64_t id, struct str leaf, const char *fault)
{
}

static void on_restart(void *arg)
{
}

/* The public half of a key that nobody will use, DER, for OPENSSL_free; its length, or -1. */
static int make_leaf_key(bool is_rsa, unsigned char **der)
{
    EVP_PKEY *key = is_rsa ? EVP_PKEY_Q_keygen(tls_library(), NULL, "RSA", RSA_BITS)
                           : EVP_PKEY_Q_keygen(tls_library(), NULL, "EC", "P-256");
    int len = key != NULL ? i2d_PUBKEY(key, der) : -1;
    EVP_PKEY_free(key);
    return len;
}

void check_ca(const struct inspection_config *i, struct errlist *faults)
{
    unsigned char *der = NULL;
    struct err e;
    if (!i->is_enabled)
        return;
    int len = make_leaf_key(i->is_leaf_rsa, &der);
    if (len <= 0) {
        errlist_add(faults, &i->ca_key_at, "OpenSSL cannot make a key");
        return;
    }
    struct signer_settings settings = {
        .certificate = str_of(i->ca_certificate),
        .key = i->ca_key,
        .leaf_key = {(const char *)der, (size_t)len},
        .on_leaf = on_leaf,
        .on_restart = on_restart,
    };
    struct signer *signer = signer_new(&settings, &e);
    if (signer == NULL)
        errlist_add(faults, &i->ca_key_at, "ca_key: %s", e.text);
    signer_free(signer);
    OPENSSL_free(der);
}
