/* SPDX-License-Identifier: MIT */
/* parents.c - the parent proxies of a specification; see parents.h. */
#include "conf/parents.h"

#include <openssl/crypto.h>
#include <string.h>

#include "auth/basic.h"
#include "conf/file.h"
#include "util/mem.h"
#include "util/str.h"

#define SCHEME "http://"
#define MAX_PASSWORD_FILE 4096

/* "http://host:port", perhaps with a '/' behind. NULL, or what is wrong with it. */
static const char *parse_url(const char *url, struct parent_config *p)
{
    struct str rest = str_of(url);
    uint64_t port;
    if (rest.len <= sizeof(SCHEME) - 1 ||
        !str_ieq((struct str){rest.ptr, sizeof(SCHEME) - 1}, STR_LIT(SCHEME)))
        return "must begin with \"http://\"";
    rest = (struct str){rest.ptr + sizeof(SCHEME) - 1, rest.len - (sizeof(SCHEME) - 1)};
    if (rest.ptr[rest.len - 1] == '/')
        rest.len--;
    if (str_find(rest, '@') != rest.len)
        return "must not hold an account: use user and password_file";
    size_t colon = rest.len;
    while (colon > 0 && rest.ptr[colon - 1] != ':' && rest.ptr[colon - 1] != ']')
        colon--;
    if (colon == 0 || rest.ptr[colon - 1] != ':')
        return "must name a port";
    if (str_to_u64((struct str){rest.ptr + colon, rest.len - colon}, 65535, &port) != 0 ||
        port == 0)
        return "must end with a port from 1 to 65535";
    p->port = (uint16_t)port;
    return host_parse(&p->host, (struct str){rest.ptr, colon - 1});
}

static void read_password(struct parent_config *p, const struct spec_parent *s,
                          struct errlist *faults)
{
    struct err e;
    size_t len;
    char *path = file_relative(s->password_file.at.file, s->password_file.text);
    char *text;
    int rc = file_read(path, MAX_PASSWORD_FILE, &s->password_file.at, &text, &len, &e);
    mem_free(path);
    if (rc != 0) {
        errlist_add_err(faults, &e);
        return;
    }
    struct str rest = {text, len};
    struct str line = str_cut(&rest, '\n');
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    p->authorization = basic_credentials(str_of(s->user.text), line);
    if (p->authorization == NULL)
        errlist_add(faults, &s->user.at,
                    "user: a name must not hold ':', and with the password be at most %d bytes",
                    BASIC_MAX - 1);
    OPENSSL_cleanse(text, len);
    mem_free(text);
}

static bool is_name_taken(const struct config *c, const char *name)
{
    for (size_t i = 0; i < c->parent_count; i++)
        if (strcmp(c->parents[i].name, name) == 0)
            return true;
    return false;
}

static void add_parent(const struct spec_parent *s, struct config *c, struct errlist *faults)
{
    struct parent_config *p = &c->parents[c->parent_count];
    if (s->name.text == NULL || s->url.text == NULL)
        return; /* reported as missing */
    if (is_name_taken(c, s->name.text))
        errlist_add(faults, &s->name.at, "two parents are named '%s'", s->name.text);
    p->name = mem_must_dup(s->name.text, strlen(s->name.text));
    c->parent_count++;
    const char *fault = parse_url(s->url.text, p);
    if (fault != NULL)
        errlist_add(faults, &s->url.at, "url: '%s' %s", s->url.text, fault);
    if ((s->user.text == NULL) != (s->password_file.text == NULL))
        errlist_add(faults, &s->head.at, "user and password_file belong together");
    else if (s->user.text != NULL)
        read_password(p, s, faults);
}

void parents_build(const struct spec *spec, struct config *c, struct errlist *faults)
{
    const struct spec_parent *parents = spec->parents.items;
    c->parents = mem_must_zalloc((spec->parents.count + 1) * sizeof(*c->parents));
    for (size_t i = 0; i < spec->parents.count; i++)
        add_parent(&parents[i], c, faults);
}

void parents_free(struct config *c)
{
    for (size_t i = 0; i < c->parent_count; i++) {
        char *secret = c->parents[i].authorization;
        if (secret != NULL)
            OPENSSL_cleanse(secret, strlen(secret));
        mem_free(secret);
        mem_free(c->parents[i].name);
    }
    mem_free(c->parents);
}
