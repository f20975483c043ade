/* SPDX-License-Identifier: MIT */
/* identity.c - who a client has proved to be; see identity.h. */
#include "auth/identity.h"

#include "util/mem.h"

static struct str copy_text(char **room, struct str text)
{
    struct str copy = {*room, text.len};
    if (text.len != 0)
        memcpy(*room, text.ptr, text.len);
    *room += text.len;
    return copy;
}

struct identity *identity_new(enum auth_scheme scheme, struct str user, const struct str *groups,
                              size_t count)
{
    size_t size = sizeof(struct identity) + count * sizeof(*groups) + user.len;
    for (size_t i = 0; i < count; i++)
        size += groups[i].len;
    struct identity *identity = mem_alloc(size);
    if (identity == NULL)
        return NULL;
    identity->refs = 1;
    identity->scheme = scheme;
    identity->groups = (struct str *)(identity + 1);
    identity->group_count = count;
    char *room = (char *)(identity->groups + count);
    identity->user = copy_text(&room, user);
    for (size_t i = 0; i < count; i++)
        identity->groups[i] = copy_text(&room, groups[i]);
    return identity;
}

struct identity *identity_ref(struct identity *i)
{
    i->refs++;
    return i;
}

void identity_unref(struct identity *i)
{
    if (i != NULL && --i->refs == 0)
        mem_free(i);
}
