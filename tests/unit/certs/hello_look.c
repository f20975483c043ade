/* SPDX-License-Identifier: MIT */
/* hello_look.c - looks at bytes with certs/hello.h; see hello_look.h. */
#include "tests/unit/certs/hello_look.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum parse hello_look(struct hello_scanner *s, struct str bytes, struct hello *h)
{
    char *copy = malloc(bytes.len ? bytes.len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    enum parse rc = hello_read(s, (struct str){copy, bytes.len}, h);
    free(copy);
    return rc;
}

enum parse hello_look_once(struct str bytes, struct hello *h)
{
    struct hello_scanner s = {0};
    return hello_look(&s, bytes, h);
}

enum parse hello_look_bytewise(struct str bytes, struct hello *h, size_t *used)
{
    struct hello_scanner s = {0};
    enum parse rc = PARSE_MORE;
    for (*used = 0; rc == PARSE_MORE && *used <= bytes.len; ++*used)
        rc = hello_look(&s, (struct str){bytes.ptr, *used}, h);
    --*used;
    return rc;
}
