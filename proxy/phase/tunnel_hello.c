/* SPDX-License-Identifier: MIT */
/* tunnel_hello.c - finds the name in the ClientHello that passes through a tunnel. */
#include "proxy/phase/tunnel_hello.h"

#include <string.h>

#include "certs/hello.h"
#include "util/mem.h"

#define LEAST_BYTES 1024 /* room at first: most hellos need no more than one step up */

struct tunnel_hello {
    struct hello_scanner scanner;
    size_t len, size;
    char bytes[];
};

void tunnel_hello_drop(struct tunnel_hello **kept)
{
    mem_free(*kept);
    *kept = NULL;
}

/* The room grows with what has really come, whatever length the hello claims. */
static int keep(struct tunnel_hello **kept, struct str bytes)
{
    struct tunnel_hello *h = *kept;
    size_t len = h != NULL ? h->len : 0, size = h != NULL ? h->size : 0;
    if (bytes.len > HELLO_MAX - len)
        bytes.len = HELLO_MAX - len;
    if (h == NULL || len + bytes.len > size) {
        size = size == 0 ? LEAST_BYTES : 2 * size;
        if (size < len + bytes.len)
            size = len + bytes.len;
        if (size > HELLO_MAX)
            size = HELLO_MAX;
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

bool tunnel_hello_see(struct tunnel_hello **kept, struct txn_tail *tail, struct str bytes)
{
    struct hello_scanner first = {0}, *scanner = &first;
    struct hello hello;
    enum parse rc = PARSE_BAD;
    if (*kept != NULL) {
        if (keep(kept, bytes) != 0)
            goto out;
        scanner = &(*kept)->scanner;
        bytes = (struct str){(*kept)->bytes, (*kept)->len};
    }
    rc = hello_read(scanner, bytes, &hello);
    if (rc == PARSE_MORE && *kept == NULL && keep(kept, bytes) == 0)
        (*kept)->scanner = first;
    if (rc == PARSE_MORE && *kept != NULL)
        return true;
    if (rc == PARSE_OK && hello.sni == HELLO_SNI_NAME)
        txn_tail_name(tail, hello_name(&hello));
out:
    tunnel_hello_drop(kept);
    return false;
}
