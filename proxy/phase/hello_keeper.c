/* SPDX-License-Identifier: MIT */
/* hello_keeper.c - collects a ClientHello that may come in pieces; see hello_keeper.h. */
#include "proxy/phase/hello_keeper.h"

#include <string.h>

#include "util/mem.h"

#define LEAST_BYTES 1024 /* room at first: most hellos need no more than one step up */

struct hello_keeper {
    struct hello_scanner scanner;
    size_t len, size;
    char bytes[];
};

void hello_keeper_drop(struct hello_keeper **kept)
{
    mem_free(*kept);
    *kept = NULL;
}

struct str hello_keeper_bytes(const struct hello_keeper *kept)
{
    return kept != NULL ? (struct str){kept->bytes, kept->len} : (struct str){NULL, 0};
}

static int keep(struct hello_keeper **kept, struct str bytes)
{
    struct hello_keeper *h = *kept;
    size_t len = h != NULL ? h->len : 0, size = h != NULL ? h->size : 0;
    if (h == NULL || len + bytes.len > size) {
        size = size == 0 ? LEAST_BYTES : 2 * size;
        if (size < len + bytes.len)
            size = len + bytes.len;
        h = mem_resize(h, sizeof(*h) + size);
        if (h == NULL)
            return -1;
        *kept = h;
        h->size = size;
    }
    memcpy(h->bytes + len, bytes.ptr, bytes.len);
    h->len = len + bytes.len;
    return 0;
}

enum hello_seen hello_keeper_see(struct hello_keeper **kept, struct str bytes,
                                 struct hello *hello, struct str *all)
{
    struct hello_scanner first = {0}, *scanner = &first;
    *all = bytes;
    if (*kept != NULL) {
        if (keep(kept, bytes) != 0)
            return HELLO_SEEN_NO_MEMORY;
        scanner = &(*kept)->scanner;
        *all = hello_keeper_bytes(*kept);
    }
    enum parse rc = hello_read(scanner, *all, hello);
    if (rc == PARSE_OK)
        return HELLO_SEEN_WHOLE;
    if (rc != PARSE_MORE)
        return HELLO_SEEN_NONE;
    if (*kept == NULL) {
        if (keep(kept, bytes) != 0)
            return HELLO_SEEN_NO_MEMORY;
        (*kept)->scanner = first;
    }
    return HELLO_SEEN_MORE;
}
