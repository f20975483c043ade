/* SPDX-License-Identifier: MIT */
/* rewrite.c - the head to send for a head received; see rewrite.h. */
#include "proxy/http/rewrite.h"

#include <string.h>

#include "proxy/http/fields.h"
#include "proxy/http/hop.h"
#include "proxy/http/writer.h"

static const struct str CHUNKED_LINE = {"Transfer-Encoding: chunked\r\n", 28};

/* One head on its way out. Lines that are kept and stand side by side are copied at
 * once: they wait in the run. */
struct pass {
    struct writer w;
    const char *run, *run_end;
    struct header_ledger *ledger;
    struct hop_names named;
};

static void flush(struct pass *p)
{
    if (p->run_end > p->run)
        writer_put(&p->w, str_range(p->run, p->run_end));
    p->run = p->run_end = NULL;
}

static void put(struct pass *p, struct str text)
{
    flush(p);
    writer_put(&p->w, text);
}

static void keep_bytes(struct pass *p, const char *from, const char *to)
{
    if (p->run_end != from) {
        flush(p);
        p->run = from;
    }
    p->run_end = to;
}

/* The line as received but for white space in front of the colon, which only a
 * response can have. */
static void keep(struct pass *p, const struct head_field *f, enum header_field field)
{
    const char *name_end = f->name.ptr + f->name.len;
    const char *line_end = fields_line_end(f);
    if (*name_end == ':') {
        keep_bytes(p, f->name.ptr, line_end);
        return;
    }
    keep_bytes(p, f->name.ptr, name_end);
    keep_bytes(p, chars_skip(name_end, line_end, CHARS_BLANK), line_end);
    ledger_add(p->ledger, field, HEADER_REPAIRED);
}

/* The line as received with another value. */
static void replace_value(struct pass *p, const struct head_field *f, struct str value)
{
    keep_bytes(p, f->name.ptr, f->value.ptr);
    put(p, value);
    keep_bytes(p, f->value.ptr + f->value.len, fields_line_end(f));
}

/* A line of our own; prefix ends with ": " or with the first part of the value. */
static void add_line(struct pass *p, enum header_field field, struct str prefix, struct str value)
{
    put(p, prefix);
    writer_put(&p->w, value);
    writer_put(&p->w, STR_LIT("\r\n"));
    ledger_add(p->ledger, field, HEADER_ADDED);
}

static void add_via(struct pass *p, unsigned minor, struct str via)
{
    add_line(p, HEADER_VIA, minor ? STR_LIT("Via: 1.1 ") : STR_LIT("Via: 1.0 "), via);
}

/* Transfer-Encoding: chunked where the received field stands. */
static void regenerate_chunked(struct pass *p, const struct head_field *f)
{
    struct str line = str_range(f->name.ptr, fields_line_end(f));
    if (str_eq(line, CHUNKED_LINE)) {
        keep_bytes(p, line.ptr, line.ptr + line.len);
        return;
    }
    put(p, CHUNKED_LINE);
    ledger_add(p->ledger, HEADER_TRANSFER_ENCODING, HEADER_FRAMING);
}

static bool is_dropped(struct pass *p, const struct head_field *f, enum header_field field)
{
    if (hop_is_fixed(field)) {
        ledger_add(p->ledger, field, hop_reason(field));
        return true;
    }
    if (p->named.count == 0 || !hop_is_named(&p->named, f->name))
        return false;
    ledger_add(p->ledger, field, HEADER_NAMED);
    return true;
}

static size_t finish(struct pass *p)
{
    put(p, STR_LIT("\r\n"));
    return p->w.is_cut ? 0 : p->w.len;
}

static void add_host(struct pass *p, struct str host)
{
    put(p, STR_LIT("Host: "));
    writer_put(&p->w, host);
    writer_put(&p->w, STR_LIT("\r\n"));
    ledger_add(p->ledger, HEADER_HOST, HEADER_FROM_TARGET);
}

static void pass_request_field(struct pass *p, const struct head_field *f,
                               const struct request_rewrite *r)
{
    enum header_field field = hop_field(f->name);
    if (field == HEADER_HOST) {
        if (str_ieq(f->value, r->host))
            keep(p, f, field);
        else
            add_host(p, r->host);
        return;
    }
    if (field == HEADER_TRANSFER_ENCODING) {
        regenerate_chunked(p, f);
        return;
    }
    if (field == HEADER_CONTENT_LENGTH || (field == HEADER_UPGRADE && r->is_upgrade)) {
        keep(p, f, field);
        return;
    }
    if (is_dropped(p, f, field))
        return;
    if (field == HEADER_MAX_FORWARDS && r->max_forwards.len > 0) {
        replace_value(p, f, r->max_forwards);
        ledger_add(p->ledger, field, HEADER_COUNTED_DOWN);
        return;
    }
    keep(p, f, field);
}

static void add_connection(struct pass *p, bool is_upgrade, struct str option)
{
    if (!is_upgrade && option.len == 0)
        return;
    struct str prefix = STR_LIT("Connection: ");
    if (is_upgrade)
        prefix = option.len > 0 ? STR_LIT("Connection: Upgrade, ") : STR_LIT("Connection: Upgrade");
    add_line(p, HEADER_CONNECTION, prefix, option);
}

size_t rewrite_request(const struct request_head *h, const struct request_rewrite *r, char *out,
                       size_t size, struct header_ledger *ledger)
{
    struct pass p;
    p.w = (struct writer){out, 0, size, false};
    p.run = p.run_end = NULL;
    p.ledger = ledger;
    if (hop_collect(&p.named, h->fields, h->field_count) != 0)
        return 0;
    writer_put(&p.w, h->method);
    writer_put(&p.w, STR_LIT(" "));
    writer_put(&p.w, r->target);
    writer_put(&p.w, STR_LIT(" HTTP/1.1\r\n"));
    if (!head_find(h, STR_LIT("host")))
        add_host(&p, r->host);
    for (size_t i = 0; i < h->field_count; i++)
        pass_request_field(&p, &h->fields[i], r);
    if (r->adds_forwarded_for)
        add_line(&p, HEADER_X_FORWARDED_FOR, STR_LIT("X-Forwarded-For: "), r->client);
    add_via(&p, h->minor, r->via);
    if (r->parent_authorization)
        add_line(&p, HEADER_PROXY_AUTHORIZATION, STR_LIT("Proxy-Authorization: "),
                 str_of(r->parent_authorization));
    add_connection(&p, r->is_upgrade, r->closes ? STR_LIT("close") : STR_LIT(""));
    return finish(&p);
}

static bool keeps_length(const struct response_head *h, const struct response_rewrite *r)
{
    if (r->body == BODY_NONE)
        return h->status >= 200 && h->status != 204; /* RFC 9110 section 8.6 */
    return r->body == BODY_LENGTH;
}

static void pass_response_field(struct pass *p, const struct head_field *f,
                                const struct response_head *h, const struct response_rewrite *r,
                                enum header_field field)
{
    bool is_kept = false;
    switch (field) {
    case HEADER_TRANSFER_ENCODING:
        if (r->body == BODY_CHUNKED) {
            regenerate_chunked(p, f);
            return;
        }
        break;
    case HEADER_CONTENT_LENGTH:
        is_kept = keeps_length(h, r);
        if (!is_kept) {
            ledger_add(p->ledger, field, HEADER_FRAMING);
            return;
        }
        break;
    case HEADER_UPGRADE:
        is_kept = r->is_upgrade;
        break;
    case HEADER_PROXY_AUTHENTICATE:
    case HEADER_PROXY_AUTHENTICATION_INFO:
        is_kept = r->relays_proxy_auth;
        break;
    default:
        break;
    }
    if (is_kept || !is_dropped(p, f, field))
        keep(p, f, field);
}

static void add_response_lines(struct pass *p, const struct response_head *h,
                               const struct response_rewrite *r)
{
    struct str option = STR_LIT("");
    if (!r->is_interim && r->closes)
        option = STR_LIT("close");
    else if (!r->is_interim && r->keeps_alive_10)
        option = STR_LIT("keep-alive");
    add_via(p, h->minor, r->via);
    add_connection(p, r->is_upgrade, option);
}

size_t rewrite_response(const struct response_head *h, const struct response_rewrite *r, char *out,
                        size_t size, struct header_ledger *ledger)
{
    struct pass p;
    bool has_date = false, has_coding = false;
    p.w = (struct writer){out, 0, size, false};
    p.run = p.run_end = NULL;
    p.ledger = ledger;
    if (hop_collect(&p.named, h->fields, h->field_count) != 0)
        return 0;
    writer_put(&p.w, STR_LIT("HTTP/1.1 "));
    writer_put_u64(&p.w, h->status);
    writer_put(&p.w, STR_LIT(" "));
    writer_put(&p.w, h->reason);
    writer_put(&p.w, STR_LIT("\r\n"));
    for (size_t i = 0; i < h->field_count; i++) {
        enum header_field field = hop_field(h->fields[i].name);
        has_date |= field == HEADER_DATE && !hop_is_named(&p.named, h->fields[i].name);
        has_coding |= field == HEADER_TRANSFER_ENCODING;
        pass_response_field(&p, &h->fields[i], h, r, field);
    }
    if (!has_date && r->date.len > 0 && !r->is_interim)
        add_line(&p, HEADER_DATE, STR_LIT("Date: "), r->date);
    if (!has_coding && r->body == BODY_CHUNKED) {
        put(&p, CHUNKED_LINE);
        ledger_add(ledger, HEADER_TRANSFER_ENCODING, HEADER_FRAMING);
    }
    add_response_lines(&p, h, r);
    return finish(&p);
}
