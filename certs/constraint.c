/* SPDX-License-Identifier: MIT */
/* constraint.c - what a CA may issue certificates for; see constraint.h. */
#include "certs/constraint.h"

#include <limits.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

static STACK_OF(GENERAL_SUBTREE) *subtrees(const NAME_CONSTRAINTS *set, enum constraint_kind kind)
{
    return kind == CONSTRAINT_PERMIT ? set->permittedSubtrees : set->excludedSubtrees;
}

/* Takes the bytes as the name of a new entry. */
static int add_entry(NAME_CONSTRAINTS *set, enum constraint_kind kind, int type,
                     ASN1_STRING *value, const void *bytes, size_t len)
{
    STACK_OF(GENERAL_SUBTREE) **list =
        kind == CONSTRAINT_PERMIT ? &set->permittedSubtrees : &set->excludedSubtrees;
    GENERAL_SUBTREE *entry = GENERAL_SUBTREE_new();
    if (*list == NULL)
        *list = sk_GENERAL_SUBTREE_new_null();
    if (entry == NULL || value == NULL || *list == NULL ||
        !ASN1_STRING_set(value, bytes, (int)len))
        goto fail;
    if (entry->base == NULL && (entry->base = GENERAL_NAME_new()) == NULL)
        goto fail;
    if (sk_GENERAL_SUBTREE_push(*list, entry) <= 0)
        goto fail;
    GENERAL_NAME_set0_value(entry->base, type, value);
    return 0;
fail:
    GENERAL_SUBTREE_free(entry);
    ASN1_STRING_free(value);
    return -1;
}

int constraint_add_name(NAME_CONSTRAINTS *set, enum constraint_kind kind, struct str name)
{
    return add_entry(set, kind, GEN_DNS, ASN1_IA5STRING_new(), name.len > 0 ? name.ptr : "",
                     name.len);
}

/* RFC 5280: the address and then the mask, 8 octets for IPv4 and 32 for IPv6. */
static int add_range(NAME_CONSTRAINTS *set, enum constraint_kind kind, const uint8_t *address,
                     size_t len, unsigned bits)
{
    uint8_t range[32] = {0};
    memcpy(range, address, len);
    for (unsigned i = 0; i < bits; i++)
        range[len + i / 8] |= (uint8_t)(0x80u >> (i % 8));
    return add_entry(set, kind, GEN_IPADD, ASN1_OCTET_STRING_new(), range, 2 * len);
}

int constraint_add_prefix(NAME_CONSTRAINTS *set, enum constraint_kind kind,
                          const struct addr *prefix, unsigned bits)
{
    if (addr_is_v4(prefix) && bits >= 96)
        return add_range(set, kind, prefix->bytes + 12, 4, bits - 96);
    return add_range(set, kind, prefix->bytes, 16, bits);
}

static bool has_type(const NAME_CONSTRAINTS *set, enum constraint_kind kind, int type)
{
    STACK_OF(GENERAL_SUBTREE) *list = subtrees(set, kind);
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(list); i++)
        if (sk_GENERAL_SUBTREE_value(list, i)->base->type == type)
            return true;
    return false;
}

int constraint_close(NAME_CONSTRAINTS *set)
{
    static const uint8_t zero[16];
    bool has_names = has_type(set, CONSTRAINT_PERMIT, GEN_DNS);
    bool has_addresses = has_type(set, CONSTRAINT_PERMIT, GEN_IPADD);
    if (has_addresses && !has_names)
        return constraint_add_name(set, CONSTRAINT_EXCLUDE, STR_LIT(""));
    if (has_names && !has_addresses)
        return add_range(set, CONSTRAINT_EXCLUDE, zero, 4, 0) < 0 ||
               add_range(set, CONSTRAINT_EXCLUDE, zero, 16, 0) < 0 ? -1 : 0;
    return 0;
}

/* A certificate with nothing else will do, once what is in its extensions was noted in it. */
bool constraint_allows(NAME_CONSTRAINTS *set, const GENERAL_NAMES *names)
{
    X509 *probe = X509_new();
    bool result = false;
    if (probe != NULL && X509_add1_ext_i2d(probe, NID_subject_alt_name, (void *)(uintptr_t)names,
                                           0, X509V3_ADD_DEFAULT) == 1) {
        X509_check_purpose(probe, -1, 0);
        result = NAME_CONSTRAINTS_check(probe, set) == X509_V_OK;
    }
    X509_free(probe);
    ERR_clear_error();
    return result;
}

static GENERAL_NAME *make_name(struct str host)
{
    struct addr a;
    bool is_address = addr_parse(&a, host) == 0;
    size_t len = is_address && addr_is_v4(&a) ? 4 : 16;
    ASN1_STRING *value = ASN1_STRING_type_new(is_address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    GENERAL_NAME *name = GENERAL_NAME_new();
    struct str bytes = host;
    if (is_address)
        bytes = (struct str){(const char *)a.bytes + sizeof(a.bytes) - len, len};
    if (value == NULL || name == NULL || !ASN1_STRING_set(value, bytes.ptr, (int)bytes.len)) {
        ASN1_STRING_free(value);
        GENERAL_NAME_free(name);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, is_address ? GEN_IPADD : GEN_DNS, value);
    return name;
}

bool constraint_allows_host(NAME_CONSTRAINTS *set, struct str host)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    GENERAL_NAME *name = make_name(host);
    bool result = name != NULL && names != NULL && sk_GENERAL_NAME_push(names, name) > 0 &&
                  constraint_allows(set, names);
    GENERAL_NAME_free(name);
    sk_GENERAL_NAME_free(names);
    return result;
}

size_t constraint_count(const NAME_CONSTRAINTS *set, enum constraint_kind kind)
{
    int count = sk_GENERAL_SUBTREE_num(subtrees(set, kind)); /* -1 without a list */
    return count > 0 ? (size_t)count : 0;
}

/* The length of a mask of ones and then zeros; -1 where it is none. */
static int mask_bits(const uint8_t *mask, size_t len)
{
    size_t bits = 0;
    while (bits < len * 8 && (mask[bits / 8] & (0x80u >> (bits % 8))) != 0)
        bits++;
    for (size_t i = bits; i < len * 8; i++)
        if ((mask[i / 8] & (0x80u >> (i % 8))) != 0)
            return -1;
    return (int)bits;
}

static void format_range(const ASN1_OCTET_STRING *value, char *out, size_t size)
{
    const uint8_t *bytes = ASN1_STRING_get0_data(value);
    size_t len = (size_t)ASN1_STRING_length(value) / 2;
    int bits = len == 4 || len == 16 ? mask_bits(bytes + len, len) : -1;
    struct addr a = {{0}};
    char text[ADDR_TEXT_SIZE];
    if (bits < 0) {
        snprintf(out, size, "(a malformed range of addresses)");
        return;
    }
    if (len == 4)
        memset(a.bytes + 10, 0xff, 2);
    memcpy(a.bytes + 16 - len, bytes, len);
    snprintf(out, size, "%s/%d", addr_format(&a, text), bits);
}

/* A certificate of others may hold any bytes: those that could reach a terminal do not. */
static void format_name(const ASN1_IA5STRING *value, char *out, size_t size)
{
    const uint8_t *bytes = ASN1_STRING_get0_data(value);
    size_t len = (size_t)ASN1_STRING_length(value), used = 0;
    if (len == 0) {
        snprintf(out, size, "every name");
        return;
    }
    for (size_t i = 0; i < len && used + 1 < size; i++)
        out[used++] = bytes[i] > ' ' && bytes[i] < 0x7f ? (char)bytes[i] : '?';
    out[used] = '\0';
}

char *constraint_format(const NAME_CONSTRAINTS *set, enum constraint_kind kind, size_t index,
                        char *out, size_t size)
{
    const GENERAL_NAME *base =
        sk_GENERAL_SUBTREE_value(subtrees(set, kind), (int)index)->base;
    if (base->type == GEN_DNS)
        format_name(base->d.dNSName, out, size);
    else if (base->type == GEN_IPADD)
        format_range(base->d.iPAddress, out, size);
    else
        snprintf(out, size, "(names of type %d)", base->type);
    return out;
}
