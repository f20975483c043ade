/* SPDX-License-Identifier: MIT */
/* headers.c - the section `headers` of a specification; see headers.h. */
#include "conf/headers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/mem.h"

#define VIA_MAX 64

/* RFC 9110 section 7.6.3: a pseudonym is a token. */
static bool is_pseudonym(const char *text)
{
    size_t len = strspn(text, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return len > 0 && len <= VIA_MAX && text[len] == '\0';
}

/* One for the life of the process, so that a reload does not make it a stranger to
 * itself; another for each instance, so that two can stand in a chain. */
static char *invent_pseudonym(void)
{
    char text[VIA_MAX];
    snprintf(text, sizeof(text), "sallyport-%lx%lx", (long)getpid(), (long)gethostid() & 0xffff);
    return mem_must_dup(text, strlen(text));
}

void headers_build(const struct spec *spec, struct config *c, struct errlist *faults)
{
    const struct spec_text *via = &spec->headers.via;
    c->headers.forwarded_for = spec->headers.forwarded_for.value != 0;
    c->headers.strict = spec->headers.strict.value != 0;
    if (via->text == NULL) {
        c->headers.via = invent_pseudonym();
        return;
    }
    if (!is_pseudonym(via->text))
        errlist_add(faults, &via->at,
                    "via: '%s' is not a pseudonym: letters, digits and '-', at most %d", via->text,
                    VIA_MAX);
    c->headers.via = mem_must_dup(via->text, strlen(via->text));
}
