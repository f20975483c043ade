/* SPDX-License-Identifier: MIT */
/* leaf_origin.c - certificates of origins; see leaf_origin.h. */
#include "tests/unit/certs/leaf_origin.h"

#include <check.h>

static GENERAL_NAME *make_name(const struct origin_name *from)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = from->type == GEN_IPADD ? (ASN1_STRING *)ASN1_OCTET_STRING_new()
                                                 : ASN1_IA5STRING_new();
    ck_assert_int_eq(ASN1_STRING_set(value, from->value.ptr, (int)from->value.len), 1);
    GENERAL_NAME_set0_value(name, from->type, value);
    return name;
}

X509 *leaf_origin_make(const struct origin_name *names, size_t count, time_t from, time_t to)
{
    X509 *cert = X509_new();
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
    X509_set_version(cert, X509_VERSION_3);
    ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notBefore(cert), from));
    ck_assert_ptr_nonnull(ASN1_TIME_set(X509_getm_notAfter(cert), to));
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                                                (const unsigned char *)"common.example", -1, -1,
                                                0), 1);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_gt(sk_GENERAL_NAME_push(list, make_name(&names[i])), 0);
    if (count > 0)
        ck_assert_int_eq(X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, 0), 1);
    GENERAL_NAMES_free(list);
    return cert;
}
