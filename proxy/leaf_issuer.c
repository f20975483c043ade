/* SPDX-License-Identifier: MIT */
/* leaf_issuer.c - one CA with its running signer; see leaf_issuer.h. */
#include "proxy/leaf_issuer.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

#include "certs/facts.h"
#include "certs/fault.h"
#include "certs/key.h"
#include "certs/pem.h"
#include "certs/tls_library.h"
#include "util/mem.h"

/* What tells that a file was written anew; all 0 for a key in a token. */
struct key_file {
    uint64_t device, inode, size;
    int64_t seconds, nanoseconds;
};

struct leaf_issuer {
    struct leaf_issuer_calls calls;
    struct signer *signer;
    EVP_PKEY *key;
    STACK_OF(X509) *chain;
    unsigned char ca_id[32];
    /* What it was made of. */
    char *certificate, *key_place; /* the place may have a PIN in it */
    struct key_file file;
    bool is_leaf_rsa;
};

/* A file that is not there is unlike any other: the signer will say so. */
static struct key_file look_at(const char *place)
{
    struct stat st;
    if (key_is_uri(place) || stat(place, &st) != 0)
        return (struct key_file){.device = 0};
    return (struct key_file){.device = st.st_dev, .inode = st.st_ino, .size = (uint64_t)st.st_size,
                             .seconds = st.st_mtim.tv_sec, .nanoseconds = st.st_mtim.tv_nsec};
}

static bool is_same_file(const struct key_file *a, const struct key_file *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

static bool is_self_issued(const X509 *cert)
{
    return X509_NAME_cmp(X509_get_subject_name(cert), X509_get_issuer_name(cert)) == 0;
}

/* Workers use it at once: what OpenSSL finds out when first asked it finds out here. 0 or -1. */
static int settle(X509 *cert)
{
    return X509_check_purpose(cert, -1, 0) == 1 && X509_get0_pubkey(cert) != NULL ? 0 : -1;
}

static int add_to_chain(struct leaf_issuer *issuer, X509 *cert)
{
    if (issuer->chain == NULL)
        issuer->chain = sk_X509_new_null();
    if (issuer->chain == NULL || settle(cert) != 0 || X509_up_ref(cert) != 1)
        return -1;
    if (sk_X509_push(issuer->chain, cert) > 0)
        return 0;
    X509_free(cert);
    return -1;
}

/* A root is what clients have themselves, and they need no more; below it they need all that
 * the file has. */
static int read_chain(struct leaf_issuer *issuer, const struct place *at, struct err *e)
{
    unsigned len = 0;
    int rc = 0;
    STACK_OF(X509) *certs = pem_read_certificates(str_of(issuer->certificate), at, e);
    if (certs == NULL)
        return -1;
    X509 *ca = sk_X509_value(certs, 0);
    if (X509_digest(ca, EVP_sha256(), issuer->ca_id, &len) != 1)
        rc = -1;
    for (int i = 0; rc == 0 && !is_self_issued(ca) && i < sk_X509_num(certs); i++)
        if (!is_self_issued(sk_X509_value(certs, i)))
            rc = add_to_chain(issuer, sk_X509_value(certs, i));
    pem_free_certificates(certs);
    return rc == 0 ? 0 : fault_set(e, at, "the CA's certificates cannot be used");
}

static void on_leaf(void *arg, uint64_t id, struct str leaf, const char *fault)
{
    struct leaf_issuer *issuer = arg;
    issuer->calls.on_leaf(issuer, id, leaf, fault);
}

static void on_restart(void *arg)
{
    struct leaf_issuer *issuer = arg;
    issuer->calls.on_restart(issuer);
}

static int start_signer(struct leaf_issuer *issuer, const struct place *at, struct err *e)
{
    struct err why = {.line = 0};
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(issuer->key, &der);
    if (len <= 0)
        return fault_set(e, at, "the key of leaves cannot be written");
    struct signer_settings settings = {
        .certificate = str_of(issuer->certificate),
        .key = issuer->key_place,
        .leaf_key = {(const char *)der, (size_t)len},
        .on_leaf = on_leaf,
        .on_restart = on_restart,
        .arg = issuer,
    };
    issuer->signer = signer_new(&settings, &why);
    OPENSSL_free(der);
    return issuer->signer != NULL ? 0 : err_set(e, at, "%s", why.text);
}

struct leaf_issuer *leaf_issuer_new(const struct inspection_config *inspection, EVP_PKEY *key,
                                    const struct leaf_issuer_calls *calls, struct err *e)
{
    const struct place *at = &inspection->ca_key_at;
    struct leaf_issuer *issuer = mem_zalloc(sizeof(*issuer));
    if (issuer == NULL) {
        err_set(e, at, "out of memory");
        return NULL;
    }
    issuer->calls = *calls;
    issuer->is_leaf_rsa = inspection->is_leaf_rsa;
    issuer->file = look_at(inspection->ca_key); /* before it is read: a later change shows */
    issuer->certificate = mem_dup(inspection->ca_certificate, strlen(inspection->ca_certificate));
    issuer->key_place = mem_dup(inspection->ca_key, strlen(inspection->ca_key));
    if (issuer->certificate == NULL || issuer->key_place == NULL ||
        EVP_PKEY_up_ref(key) != 1) {
        err_set(e, at, "out of memory");
    } else {
        issuer->key = key;
        if (read_chain(issuer, at, e) == 0 && start_signer(issuer, at, e) == 0)
            return issuer;
    }
    leaf_issuer_free(issuer);
    return NULL;
}

void leaf_issuer_free(struct leaf_issuer *issuer)
{
    if (issuer == NULL)
        return;
    signer_free(issuer->signer);
    if (issuer->key_place != NULL)
        OPENSSL_cleanse(issuer->key_place, strlen(issuer->key_place));
    EVP_PKEY_free(issuer->key);
    pem_free_certificates(issuer->chain);
    mem_free(issuer->certificate);
    mem_free(issuer->key_place);
    mem_free(issuer);
}

bool leaf_issuer_is_for(const struct leaf_issuer *issuer,
                        const struct inspection_config *inspection)
{
    struct key_file file = look_at(inspection->ca_key);
    return issuer->is_leaf_rsa == inspection->is_leaf_rsa &&
           strcmp(issuer->certificate, inspection->ca_certificate) == 0 &&
           strcmp(issuer->key_place, inspection->ca_key) == 0 && is_same_file(&issuer->file, &file);
}

bool leaf_issuer_is_alike(const struct leaf_issuer *a, const struct leaf_issuer *b)
{
    return a->key == b->key && strcmp(a->certificate, b->certificate) == 0;
}

struct leaves *leaf_issuer_owner(const struct leaf_issuer *issuer)
{
    return issuer->calls.owner;
}

int leaf_issuer_order(struct leaf_issuer *issuer, uint64_t id, const struct leaf_order *order)
{
    return signer_order(issuer->signer, id, order);
}

static struct leaf *make_leaf(const struct leaf_issuer *issuer, X509 *cert)
{
    STACK_OF(X509) *chain = NULL;
    struct leaf *leaf = mem_zalloc(sizeof(*leaf));
    if (leaf == NULL)
        return NULL;
    if (issuer->chain != NULL)
        chain = X509_chain_up_ref(issuer->chain);
    if ((issuer->chain != NULL && chain == NULL) || EVP_PKEY_up_ref(issuer->key) != 1) {
        pem_free_certificates(chain);
        mem_free(leaf);
        return NULL;
    }
    atomic_init(&leaf->refs, 1);
    leaf->cert = cert;
    leaf->key = issuer->key;
    leaf->chain = chain;
    memcpy(leaf->ca_id, issuer->ca_id, sizeof(leaf->ca_id));
    leaf->not_after = facts_time(X509_get0_notAfter(cert));
    return leaf;
}

struct leaf *leaf_issuer_read(const struct leaf_issuer *issuer, struct str der,
                              const char **fault)
{
    struct leaf *leaf = NULL;
    X509 *cert = tls_library_read((const unsigned char *)der.ptr, der.len);
    if (cert == NULL || settle(cert) != 0)
        *fault = "what the signer made is no certificate";
    else if (X509_check_private_key(cert, issuer->key) != 1)
        *fault = "what the signer made is not for our key";
    else if ((leaf = make_leaf(issuer, cert)) == NULL)
        *fault = "out of memory";
    ERR_clear_error();
    if (leaf == NULL)
        X509_free(cert);
    return leaf;
}
