/* SPDX-License-Identifier: MIT */
/* token.c - talks PKCS#11 (version 2.40); see token.h. */
#include "tests/pkcs11/token.h"

#include <dlfcn.h>
#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <p11-kit/pkcs11.h>
#include <string.h>

#define SLOTS_MAX 16
#define VALUE_MAX 1024

struct token {
    struct provider *provider;
    CK_FUNCTION_LIST *functions;
    CK_SESSION_HANDLE session;
    size_t refs;
};

struct value {
    unsigned char bytes[VALUE_MAX];
    size_t len;
};

/* ---- the module ---- */

static void close_module(struct token *t)
{
    struct provider *p = t->provider;
    if (--p->tokens > 0)
        return;
    if (t->functions != NULL)
        (void)t->functions->C_Finalize(NULL);
    if (p->module != NULL)
        dlclose(p->module);
    p->module = NULL;
}

static bool open_module(struct token *t)
{
    struct provider *p = t->provider;
    CK_C_GetFunctionList get = NULL;
    CK_RV rv = CKR_GENERAL_ERROR;
    if (p->tokens++ == 0)
        p->module = dlopen(p->path, RTLD_NOW | RTLD_LOCAL);
    if (p->module != NULL) /* POSIX's way to say that this is a function */
        *(void **)&get = dlsym(p->module, "C_GetFunctionList");
    if (get != NULL && (rv = get(&t->functions)) == CKR_OK)
        rv = t->functions->C_Initialize(NULL);
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
        return true;
    provider_raise(p, REASON_MODULE, rv);
    return false;
}

/* ---- sessions ---- */

/* PKCS#11 pads with blanks. */
static bool is_label(const CK_TOKEN_INFO *info, const char *label)
{
    size_t len = sizeof(info->label);
    while (len > 0 && info->label[len - 1] == ' ')
        len--;
    return label[0] == '\0' || (strlen(label) == len && memcmp(info->label, label, len) == 0);
}

static CK_RV find_slot(struct token *t, const char *label, CK_SLOT_ID *found)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    CK_TOKEN_INFO info;
    CK_RV rv = t->functions->C_GetSlotList(CK_TRUE, slots, &count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        *found = slots[i];
        if (t->functions->C_GetTokenInfo(slots[i], &info) == CKR_OK && is_label(&info, label) &&
            (info.flags & CKF_TOKEN_INITIALIZED) != 0)
            return CKR_OK;
    }
    return rv != CKR_OK ? rv : CKR_TOKEN_NOT_PRESENT;
}

static bool log_in(struct token *t, const struct uri *u)
{
    CK_RV rv = CKR_OK;
    if (u->pin[0] != '\0')
        rv = t->functions->C_Login(t->session, CKU_USER, (unsigned char *)(uintptr_t)u->pin,
                                   strlen(u->pin));
    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
        return true;
    provider_raise(t->provider, REASON_LOGIN, rv);
    return false;
}

static bool open_session(struct token *t, const struct uri *u)
{
    CK_SLOT_ID slot = 0;
    CK_RV rv = find_slot(t, u->token, &slot);
    if (rv == CKR_OK)
        rv = t->functions->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &t->session);
    if (rv == CKR_OK)
        return true;
    provider_raise(t->provider, REASON_TOKEN, rv);
    return false;
}

struct token *token_open(struct provider *p, const struct uri *u)
{
    struct token *t = OPENSSL_zalloc(sizeof(*t));
    if (t == NULL)
        return NULL;
    t->provider = p;
    t->refs = 1;
    if (open_module(t) && open_session(t, u) && log_in(t, u))
        return t;
    token_unref(t);
    return NULL;
}

void token_unref(struct token *t)
{
    if (t == NULL || --t->refs > 0)
        return;
    if (t->session != CK_INVALID_HANDLE)
        (void)t->functions->C_CloseSession(t->session);
    close_module(t);
    OPENSSL_free(t);
}

/* ---- objects ---- */

static size_t find(struct token *t, CK_ATTRIBUTE *wanted, CK_ULONG count, unsigned long *handles,
                   size_t max)
{
    CK_ULONG found = 0;
    CK_RV rv = t->functions->C_FindObjectsInit(t->session, wanted, count);
    if (rv == CKR_OK) {
        rv = t->functions->C_FindObjects(t->session, handles, max, &found);
        (void)t->functions->C_FindObjectsFinal(t->session);
    }
    if (rv != CKR_OK)
        provider_raise(t->provider, REASON_OBJECT, rv);
    return rv == CKR_OK ? found : 0;
}

size_t token_find(struct token *t, bool is_private, const char *label, unsigned long *handles,
                  size_t max)
{
    CK_OBJECT_CLASS class = is_private ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof(class)},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
    };
    return find(t, wanted, label[0] != '\0' ? 2 : 1, handles, max);
}

static bool get(const struct token *t, unsigned long handle, CK_ATTRIBUTE_TYPE type,
                struct value *out)
{
    CK_ATTRIBUTE attribute = {type, out->bytes, sizeof(out->bytes)};
    CK_RV rv = t->functions->C_GetAttributeValue(t->session, handle, &attribute, 1);
    out->len = attribute.ulValueLen;
    return rv == CKR_OK && out->len <= sizeof(out->bytes);
}

/* The public key that has the same CKA_ID. */
static bool find_public(struct token *t, unsigned long handle, unsigned long *found)
{
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    struct value id;
    if (!get(t, handle, CKA_ID, &id))
        return false;
    CK_ATTRIBUTE wanted[] = {
        {CKA_CLASS, &class, sizeof(class)},
        {CKA_ID, id.bytes, id.len},
    };
    return find(t, wanted, 2, found, 1) == 1;
}

/* ---- public halves ---- */

static bool push_number(OSSL_PARAM_BLD *build, const char *name, const struct value *value,
                        BIGNUM **number)
{
    *number = BN_bin2bn(value->bytes, (int)value->len, NULL);
    return *number != NULL && OSSL_PARAM_BLD_push_BN(build, name, *number) == 1;
}

static OSSL_PARAM *read_rsa(const struct token *t, unsigned long handle)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    struct value modulus, exponent;
    BIGNUM *n = NULL, *e = NULL;
    if (build != NULL && get(t, handle, CKA_MODULUS, &modulus) &&
        get(t, handle, CKA_PUBLIC_EXPONENT, &exponent) &&
        push_number(build, OSSL_PKEY_PARAM_RSA_N, &modulus, &n) &&
        push_number(build, OSSL_PKEY_PARAM_RSA_E, &exponent, &e))
        params = OSSL_PARAM_BLD_to_param(build);
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(build);
    return params;
}

/* CKA_EC_PARAMS is the curve's OID, CKA_EC_POINT an OCTET STRING, both DER. */
static OSSL_PARAM *read_ec(const struct token *t, unsigned long handle)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    struct value curve, point;
    ASN1_OBJECT *oid = NULL;
    ASN1_OCTET_STRING *octets = NULL;
    const unsigned char *at = curve.bytes, *point_at = point.bytes;
    if (build != NULL && get(t, handle, CKA_EC_PARAMS, &curve) &&
        get(t, handle, CKA_EC_POINT, &point) &&
        (oid = d2i_ASN1_OBJECT(NULL, &at, (long)curve.len)) != NULL &&
        (octets = d2i_ASN1_OCTET_STRING(NULL, &point_at, (long)point.len)) != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME,
                                        OBJ_nid2sn(OBJ_obj2nid(oid)), 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY,
                                         ASN1_STRING_get0_data(octets),
                                         (size_t)ASN1_STRING_length(octets)) == 1)
        params = OSSL_PARAM_BLD_to_param(build);
    ASN1_OBJECT_free(oid);
    ASN1_OCTET_STRING_free(octets);
    OSSL_PARAM_BLD_free(build);
    return params;
}

static EVP_PKEY *read_public(const struct token *t, unsigned long handle, bool is_rsa)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context =
        EVP_PKEY_CTX_new_from_name(t->provider->library, is_rsa ? "RSA" : "EC", NULL);
    OSSL_PARAM *params = is_rsa ? read_rsa(t, handle) : read_ec(t, handle);
    if (context == NULL || params == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* ---- keys ---- */

struct key *key_new(struct token *t, unsigned long handle, bool is_private)
{
    struct value type;
    CK_KEY_TYPE kind = 0;
    unsigned long public = handle;
    struct key *k = OPENSSL_zalloc(sizeof(*k));
    if (k != NULL && get(t, handle, CKA_KEY_TYPE, &type) && type.len == sizeof(kind) &&
        (!is_private || find_public(t, handle, &public))) {
        memcpy(&kind, type.bytes, sizeof(kind));
        *k = (struct key){.token = t, .handle = handle, .is_private = is_private,
                          .is_rsa = kind == CKK_RSA};
        k->public = read_public(t, public, k->is_rsa);
        t->refs++;
        if (k->public != NULL)
            return k;
    }
    provider_raise(t->provider, REASON_OBJECT, 0);
    key_free(k);
    return NULL;
}

void key_free(struct key *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->public);
    token_unref(k->token);
    OPENSSL_free(k);
}

bool key_sign(const struct key *k, unsigned char *input, size_t input_len, unsigned char *out,
              size_t *len)
{
    const struct token *t = k->token;
    CK_MECHANISM mechanism = {k->is_rsa ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0};
    CK_ULONG size = *len;
    CK_RV rv = t->functions->C_SignInit(t->session, &mechanism, k->handle);
    if (rv == CKR_OK)
        rv = t->functions->C_Sign(t->session, input, input_len, out, &size);
    *len = size;
    if (rv == CKR_OK)
        return true;
    provider_raise(t->provider, REASON_SIGN, rv);
    return false;
}

struct provider *key_provider(const struct key *k)
{
    return k->token->provider;
}
