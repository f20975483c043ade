/* SPDX-License-Identifier: MIT */
/* local.c - requests that the proxy answers itself; see local.h. */
#include "proxy/http/local.h"

#include "proxy/http/head.h"
#include "proxy/http/writer.h"

#define LINES_MAX 65536

/* Fields that may carry secrets of the client (RFC 9110 section 9.3.8). */
static bool is_secret(struct str name)
{
    static const char *const NAMES[] = {"Authorization", "Proxy-Authorization", "Cookie",
                                        "Cookie2"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (str_ieq(name, str_of(NAMES[i])))
            return true;
    return false;
}

/* The request line without the query, and every field that is no secret. */
static void write_seen(struct writer *w, const struct request_head *h)
{
    struct str rest = h->target;
    writer_put(w, h->method);
    writer_put(w, STR_LIT(" "));
    writer_put(w, str_cut(&rest, '?'));
    writer_put(w, h->minor == 0 ? STR_LIT(" HTTP/1.0\r\n") : STR_LIT(" HTTP/1.1\r\n"));
    for (size_t i = 0; i < h->field_count; i++) {
        const struct head_field *f = &h->fields[i];
        if (is_secret(f->name))
            continue;
        writer_put(w, f->name);
        writer_put(w, STR_LIT(": "));
        writer_put(w, f->value);
        writer_put(w, STR_LIT("\r\n"));
    }
    writer_put(w, STR_LIT("\r\n"));
}

static void write_trace(struct writer *w, struct str head)
{
    struct request_head h;
    const char *fault;
    char lines[LINES_MAX];
    struct writer seen = {.buf = lines, .size = sizeof(lines)};
    if (head_parse(&h, head, &fault) == PARSE_OK)
        write_seen(&seen, &h);
    writer_put(w, STR_LIT("HTTP/1.1 200 OK\r\nContent-Type: message/http\r\nContent-Length: "));
    writer_put_u64(w, seen.len);
    writer_put(w, STR_LIT("\r\nConnection: close\r\n\r\n"));
    writer_put(w, (struct str){lines, seen.len});
}

size_t local_write(enum local_answer kind, struct str head, char *out, size_t size)
{
    struct writer w = {.buf = out, .size = size};
    if (kind == LOCAL_TRACE)
        write_trace(&w, head);
    else
        writer_put(&w, STR_LIT("HTTP/1.1 200 OK\r\n"
                               "Allow: CONNECT, GET, HEAD, POST, PUT, DELETE, OPTIONS, TRACE, "
                               "PATCH\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    return w.len;
}
