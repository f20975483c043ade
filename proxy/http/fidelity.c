/* SPDX-License-Identifier: MIT */
/* fidelity.c - compares what would be sent with what was received; see fidelity.h. */
#include "proxy/http/fidelity.h"

#include <stdbool.h>
#include <string.h>

/* One message, as it came in and as it would go out. */
struct check {
    const struct head_field *in;
    size_t in_count;
    bool is_request;
    unsigned minor, status; /* status 0 in a request */
    struct str method, target;
    struct str line; /* the first one of what would be sent */
    size_t out_count;
    struct head_field out[HEAD_MAX_FIELDS + 8];
};

enum fault { DELETED, ADDED, MOVED, RESPELLED, ALTERED, FAULT_COUNT };

#define PHRASES(name)                                                                              \
    {                                                                                              \
        name,                                                                                      \
        {                                                                                          \
            "a head without its " name " field", "an added " name " field",                        \
                "a " name " field out of its order", "a respelled " name " field",                 \
                "an altered " name " field",                                                       \
        }                                                                                          \
    }

/* What a fault is called; the last row is for every other field. */
static const struct {
    const char *name, *phrases[FAULT_COUNT];
} WORDS[] = {
    PHRASES("Accept"),
    PHRASES("Accept-Charset"),
    PHRASES("Accept-Encoding"),
    PHRASES("Accept-Language"),
    PHRASES("Alt-Svc"),
    PHRASES("Authorization"),
    PHRASES("Cache-Control"),
    PHRASES("Connection"),
    PHRASES("Content-Encoding"),
    PHRASES("Content-Length"),
    PHRASES("Content-Type"),
    PHRASES("Cookie"),
    PHRASES("Date"),
    PHRASES("ETag"),
    PHRASES("Expect"),
    PHRASES("Host"),
    PHRASES("Keep-Alive"),
    PHRASES("Location"),
    PHRASES("Max-Forwards"),
    PHRASES("Origin"),
    PHRASES("Proxy-Authenticate"),
    PHRASES("Proxy-Authorization"),
    PHRASES("Range"),
    PHRASES("Referer"),
    PHRASES("Server"),
    PHRASES("Set-Cookie"),
    PHRASES("TE"),
    PHRASES("Trailer"),
    PHRASES("Transfer-Encoding"),
    PHRASES("Upgrade"),
    PHRASES("User-Agent"),
    PHRASES("Vary"),
    PHRASES("Via"),
    PHRASES("WWW-Authenticate"),
    PHRASES("Warning"),
    PHRASES("X-Forwarded-For"),
    PHRASES("unknown"),
};

static bool is(struct str name, const char *text)
{
    return str_ieq(name, str_of(text));
}

static const char *say(enum fault fault, struct str name)
{
    size_t last = ARRAY_LEN(WORDS) - 1, i = 0;
    while (i < last && !is(name, WORDS[i].name))
        i++;
    return WORDS[i].phrases[fault];
}

static bool is_same(const struct head_field *a, const struct head_field *b)
{
    return str_eq(a->name, b->name) && str_eq(a->value, b->value);
}

/* Cuts a line with its CR LF off *rest. */
static bool take_line(struct str *rest, struct str *line)
{
    size_t at = str_find(*rest, '\n');
    if (at == rest->len || at == 0 || rest->ptr[at - 1] != '\r')
        return false;
    *line = (struct str){rest->ptr, at - 1};
    *rest = (struct str){rest->ptr + at + 1, rest->len - at - 1};
    return str_find(*line, '\r') == line->len && str_find(*line, '\0') == line->len;
}

static const char *read_out(struct check *c, struct str rest)
{
    struct str line;
    if (!take_line(&rest, &c->line))
        return "a head that has no first line";
    for (c->out_count = 0; take_line(&rest, &line); c->out_count++) {
        if (line.len == 0)
            return rest.len == 0 ? NULL : "a head with an empty line in it";
        if (c->out_count == ARRAY_LEN(c->out))
            return "a head with more fields than it had";
        size_t colon = str_find(line, ':');
        struct head_field *f = &c->out[c->out_count];
        f->name = (struct str){line.ptr, colon};
        if (colon == 0 || colon == line.len || str_trim(f->name).len != colon)
            return "a line that is no field";
        f->value = str_trim((struct str){line.ptr + colon + 1, line.len - colon - 1});
    }
    return "a head without an end";
}

/* Fields for the neighbour, whatever Connection says. */
static bool is_for_neighbour(struct str name)
{
    static const char *const NAMES[] = {"connection",         "keep-alive",
                                        "proxy-connection",   "te",
                                        "transfer-encoding",  "upgrade",
                                        "http2-settings",     "proxy-authorization",
                                        "proxy-authenticate", "proxy-authentication-info"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (is(name, NAMES[i]))
            return true;
    return false;
}

static bool connection_names(const struct check *c, struct str name)
{
    for (size_t i = 0; i < c->in_count; i++) {
        if (!is(c->in[i].name, "connection"))
            continue;
        struct str rest = c->in[i].value;
        while (rest.ptr)
            if (str_ieq(str_trim(str_cut(&rest, ',')), name))
                return true;
    }
    return false;
}

/* Whether a received field must arrive. */
static bool is_end_to_end(const struct check *c, const struct head_field *f)
{
    if (is_for_neighbour(f->name) || (c->is_request && is(f->name, "host")))
        return false;
    return !connection_names(c, f->name);
}

static bool has_in(const struct check *c, size_t from, struct str name)
{
    for (size_t i = from; i < c->in_count; i++)
        if (str_ieq(c->in[i].name, name) && is_end_to_end(c, &c->in[i]))
            return true;
    return false;
}

static size_t count_out(const struct check *c, size_t from, const char *name)
{
    size_t count = 0;
    for (size_t i = from; i < c->out_count; i++)
        count += is(c->out[i].name, name);
    return count;
}

static bool has_out(const struct check *c, size_t from, struct str name)
{
    for (size_t i = from; i < c->out_count; i++)
        if (str_ieq(c->out[i].name, name))
            return true;
    return false;
}

/* Whether out is one that may be new; the first ones that were received are behind
 * in number i. */
static bool may_add(const struct check *c, size_t i, size_t o)
{
    const struct head_field *f = &c->out[o];
    const char *version = c->minor ? "1.1 " : "1.0 ";
    if (has_in(c, i, f->name) || has_out(c, o + 1, f->name) || f->value.len == 0)
        return false;
    if (is(f->name, "via"))
        return str_starts(f->value, str_of(version));
    if (c->is_request)
        return is(f->name, "x-forwarded-for");
    return is(f->name, "date") && !has_in(c, 0, f->name) && c->status >= 200;
}

/* Max-Forwards, counted down. */
static bool may_differ(const struct check *c, const struct head_field *in,
                       const struct head_field *out)
{
    uint64_t before, after;
    bool counts = str_eq(c->method, STR_LIT("OPTIONS")) || str_eq(c->method, STR_LIT("TRACE"));
    return c->is_request && counts && is(in->name, "max-forwards") && str_eq(in->name, out->name) &&
           str_to_u64(out->value, UINT64_MAX, &after) == 0 &&
           (str_to_u64(in->value, UINT64_MAX, &before) != 0 || after < before);
}

static bool may_delete(const struct check *c, const struct head_field *in)
{
    bool has_no_length = c->status < 200 || c->status == 204;
    return !c->is_request && is(in->name, "content-length") &&
           (has_no_length || count_out(c, 0, "transfer-encoding") > 0);
}

/* What makes in number i and out number o differ. */
static const char *explain(const struct check *c, size_t i, size_t o)
{
    const struct head_field *in = &c->in[i], *out = &c->out[o];
    if (i < c->in_count && o < c->out_count && str_ieq(in->name, out->name))
        return say(str_eq(in->name, out->name) ? ALTERED : RESPELLED, in->name);
    if (o < c->out_count && !has_in(c, i, out->name))
        return say(ADDED, out->name);
    if (i < c->in_count && has_out(c, o, in->name))
        return say(MOVED, in->name);
    return i < c->in_count ? say(DELETED, in->name) : say(ADDED, out->name);
}

/* Walks through the end-to-end fields on both sides. */
static const char *compare_fields(const struct check *c)
{
    size_t i = 0, o = 0;
    for (;;) {
        while (i < c->in_count && !is_end_to_end(c, &c->in[i]))
            i++;
        while (o < c->out_count &&
               (is_for_neighbour(c->out[o].name) || (c->is_request && is(c->out[o].name, "host"))))
            o++;
        bool has_both = i < c->in_count && o < c->out_count;
        if (has_both && (is_same(&c->in[i], &c->out[o]) || may_differ(c, &c->in[i], &c->out[o]))) {
            i++;
            o++;
        } else if (i < c->in_count && may_delete(c, &c->in[i]))
            i++;
        else if (o < c->out_count && may_add(c, i, o))
            o++;
        else
            return i < c->in_count || o < c->out_count ? explain(c, i, o) : NULL;
    }
}

static bool is_own_connection(struct str value)
{
    while (value.ptr) {
        struct str option = str_trim(str_cut(&value, ','));
        if (!is(option, "close") && !is(option, "keep-alive") && !is(option, "upgrade"))
            return false;
    }
    return true;
}

/* Whether a Transfer-Encoding may be sent here at all, and says chunked. */
static bool is_own_coding(const struct check *c, struct str value)
{
    bool may_have = c->status >= 200 && c->status != 204 && c->status != 304;
    if (c->is_request) {
        may_have = false;
        for (size_t i = 0; i < c->in_count; i++)
            may_have |= is(c->in[i].name, "transfer-encoding");
    }
    return may_have && str_eq(value, STR_LIT("chunked")) && count_out(c, 0, "content-length") == 0;
}

/* Fields for the neighbour that may go on: a line must have been received as well,
 * behind the one before it. */
static bool is_relayed(const struct check *c, const struct head_field *out, size_t *from)
{
    bool may_relay = is(out->name, "upgrade");
    if (!c->is_request)
        may_relay |=
            is(out->name, "proxy-authenticate") || is(out->name, "proxy-authentication-info");
    while (may_relay && *from < c->in_count)
        if (is_same(&c->in[(*from)++], out))
            return true;
    return false;
}

static const char *check_neighbour_fields(const struct check *c)
{
    size_t from = 0;
    for (size_t o = 0; o < c->out_count; o++) {
        const struct head_field *f = &c->out[o];
        bool is_fine = true, is_single = true;
        if (!is_for_neighbour(f->name))
            continue;
        if (is(f->name, "connection"))
            is_fine = is_own_connection(f->value);
        else if (is(f->name, "transfer-encoding"))
            is_fine = is_own_coding(c, f->value);
        else if (!c->is_request || !is(f->name, "proxy-authorization")) {
            is_fine = is_relayed(c, f, &from);
            is_single = false;
        }
        if (!is_fine || (is_single && has_out(c, o + 1, f->name)))
            return say(ADDED, f->name);
    }
    return NULL;
}

/* Splits scheme://authority off what is behind; false where target is no URL. */
static bool split_url(struct str target, struct str *authority, struct str *path)
{
    size_t colon = str_find(target, ':');
    if (target.len < colon + 3 || memcmp(target.ptr + colon, "://", 3) != 0)
        return false;
    struct str rest = {target.ptr + colon + 3, target.len - colon - 3};
    size_t at = 0;
    while (at < rest.len && rest.ptr[at] != '/' && rest.ptr[at] != '?')
        at++;
    *authority = (struct str){rest.ptr, at};
    *path = (struct str){rest.ptr + at, rest.len - at};
    return true;
}

static bool is_fair_target(const struct check *c, struct str out)
{
    struct str authority, path;
    if (str_eq(out, c->target))
        return true;
    if (c->target.ptr[0] == '/' || !split_url(c->target, &authority, &path))
        return false;
    if (path.len == 0)
        return str_eq(out, str_eq(c->method, STR_LIT("OPTIONS")) ? STR_LIT("*") : STR_LIT("/"));
    if (path.ptr[0] == '/')
        return str_eq(out, path);
    return out.len == path.len + 1 && out.ptr[0] == '/' &&
           str_eq((struct str){out.ptr + 1, out.len - 1}, path);
}

static const char *check_request_line(const struct check *c)
{
    struct str rest = c->line;
    struct str method = str_cut(&rest, ' ');
    struct str target = str_cut(&rest, ' ');
    if (!str_eq(method, c->method))
        return "another method";
    if (!is_fair_target(c, target))
        return "another target";
    return str_eq(rest, STR_LIT("HTTP/1.1")) ? NULL : "another version than HTTP/1.1";
}

/* One Host, which is what the target says or, where it says nothing, as received. */
static const char *check_host(const struct check *c)
{
    struct str wanted = {NULL, 0}, path, sent = {NULL, 0}, name = STR_LIT("Host");
    bool has_wanted = c->target.ptr[0] != '/' && split_url(c->target, &wanted, &path);
    for (size_t i = 0; i < c->in_count && !has_wanted; i++)
        if (str_ieq(c->in[i].name, name)) {
            wanted = c->in[i].value;
            has_wanted = true;
        }
    for (size_t o = 0; o < c->out_count; o++)
        if (str_ieq(c->out[o].name, name))
            sent = c->out[o].value;
    switch (count_out(c, 0, "host")) {
    case 0:
        return say(DELETED, name);
    case 1:
        return !has_wanted || str_ieq(wanted, sent) ? NULL : say(ALTERED, name);
    default:
        return say(ADDED, name);
    }
}

const char *fidelity_check_request(const struct request_head *in, struct str out)
{
    struct check c;
    c.in = in->fields;
    c.in_count = in->field_count;
    c.is_request = true;
    c.minor = in->minor;
    c.status = 0;
    c.method = in->method;
    c.target = in->target;
    const char *fault = read_out(&c, out);
    if (!fault)
        fault = check_request_line(&c);
    if (!fault)
        fault = check_host(&c);
    if (!fault)
        fault = compare_fields(&c);
    return fault ? fault : check_neighbour_fields(&c);
}

static const char *check_status_line(const struct check *c, struct str reason)
{
    uint64_t status;
    struct str rest = c->line;
    struct str version = str_cut(&rest, ' ');
    struct str code = str_cut(&rest, ' ');
    if (!str_eq(version, STR_LIT("HTTP/1.1")))
        return "another version than HTTP/1.1";
    if (code.len != 3 || str_to_u64(code, 999, &status) != 0 || status != c->status)
        return "another status";
    return str_eq(rest, reason) ? NULL : "another reason phrase";
}

const char *fidelity_check_response(const struct response_head *in, struct str out)
{
    struct check c;
    c.in = in->fields;
    c.in_count = in->field_count;
    c.is_request = false;
    c.minor = in->minor;
    c.status = in->status;
    c.method = c.target = (struct str){NULL, 0};
    const char *fault = read_out(&c, out);
    if (!fault)
        fault = check_status_line(&c, in->reason);
    if (!fault)
        fault = compare_fields(&c);
    return fault ? fault : check_neighbour_fields(&c);
}
