/* SPDX-License-Identifier: MIT */
/* fuzz_leaf_order.c - any bytes as an order and as a message between proxy and signer. Beyond
 * what the sanitizers see, these must hold:
 *   - as many names come as were counted, they fill the order, and each is what it says;
 *   - one byte less is another order or none, and an order of its parts is the same order;
 *   - what a message says lies in it, and written again it is the same bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "certs/leaf_order.h"
#include "certs/signer_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(enum leaf_name_kind kind, struct str name)
{
    static const char FINE[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.*";
    if (kind == LEAF_IP) {
        ASSERT(name.len == 4 || name.len == 16);
        return;
    }
    ASSERT(kind == LEAF_DNS && name.len >= 1 && name.len <= 253);
    for (size_t i = 0; i < name.len; i++) {
        ASSERT(memchr(FINE, name.ptr[i], sizeof(FINE) - 1));
        ASSERT(name.ptr[i] != '*' || (i == 0 && name.ptr[1] == '.'));
        ASSERT(name.ptr[i] != '.' || (i > 0 && i + 1 < name.len && name.ptr[i + 1] != '.'));
    }
}

/* A name of an order is one that the other side could have put there. */
static void check_made(enum leaf_name_kind kind, struct str name)
{
    if (kind != LEAF_DNS || name.ptr[0] == '*')
        return;
    struct leaf_order *o = leaf_order_of_page(name, (struct str){NULL, 0}, 1764000000);
    ASSERT(o != NULL && o->len == 16 + 2 + name.len && o->bytes[16] == LEAF_DNS);
    ASSERT(memcmp(o->bytes + 18, name.ptr, name.len) == 0);
    leaf_order_free(o);
}

static void check_order(struct str bytes)
{
    struct leaf_names names, cut;
    enum leaf_name_kind kind;
    struct str name;
    size_t count = 0, len = 16;
    if (leaf_order_read(&names, bytes) < 0)
        return;
    ASSERT(bytes.len <= LEAF_ORDER_MAX);
    ASSERT(names.count >= 1 && names.count <= LEAF_NAMES_MAX);
    ASSERT(names.not_before >= 0 && names.not_before < names.not_after);
    ASSERT(names.not_after - names.not_before < (int64_t)LEAF_DAYS_MAX * 86400);
    size_t want = names.count;
    while (leaf_names_next(&names, &kind, &name)) {
        check_name(kind, name);
        check_made(kind, name);
        len += 2 + name.len;
        count++;
    }
    ASSERT(count == want && len == bytes.len);
    ASSERT(leaf_order_read(&cut, (struct str){bytes.ptr, bytes.len - 1}) < 0);
}

static bool is_inside(struct str part, struct str whole)
{
    return part.len == 0 ||
           (part.ptr >= whole.ptr + 9 && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_message(struct str bytes)
{
    struct signer_message m;
    if (signer_read(&m, bytes) < 0)
        return;
    ASSERT(m.kind >= SIGNER_SETUP && m.kind <= SIGNER_REFUSED);
    ASSERT(is_inside(m.body, bytes) && is_inside(m.certificate, bytes));
    ASSERT(is_inside(m.key, bytes) && is_inside(m.leaf_key, bytes));
    unsigned char *again = malloc(bytes.len);
    ASSERT(again);
    ASSERT(signer_write(&m, again, bytes.len) == bytes.len);
    ASSERT(memcmp(again, bytes.ptr, bytes.len) == 0);
    ASSERT(signer_write(&m, again, bytes.len - 1) == 0);
    free(again);
    if (m.kind == SIGNER_ORDER)
        check_order(m.body);
}

/* In a block of exactly these bytes, so that one step beyond is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size ? size : 1);
    ASSERT(copy);
    memcpy(copy, data, size);
    check_order((struct str){copy, size});
    check_message((struct str){copy, size});
    free(copy);
    return 0;
}
