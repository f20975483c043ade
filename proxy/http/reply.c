/* SPDX-License-Identifier: MIT */
/* reply.c - answers of the proxy's own; see reply.h. */
#include "proxy/http/reply.h"

#include <stdio.h>
#include <time.h>

#include "proxy/http/accept.h"
#include "proxy/http/reply_page.h"
#include "proxy/http/writer.h"

/* IMF-fixdate (RFC 9110 section 5.6.7), whatever the locale. */
static void put_date(struct writer *w)
{
    static const char DAYS[] = "SunMonTueWedThuFriSat";
    static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm utc;
    char text[64];
    time_t now = time(NULL);
    gmtime_r(&now, &utc);
    int len = snprintf(text, sizeof(text), "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
                       DAYS + 3 * utc.tm_wday, utc.tm_mday, MONTHS + 3 * utc.tm_mon,
                       utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    writer_put(w, (struct str){text, (size_t)len});
}

static void put_proxy_status(const struct reply *r, struct writer *w)
{
    if (!r->error)
        return;
    writer_put(w, STR_LIT("Proxy-Status: sallyport; error="));
    writer_put_plain(w, reply_page_cut(str_of(r->error), REPLY_PAGE_WORD_MAX));
    if (r->details.len > 0) {
        writer_put(w, STR_LIT("; details="));
        writer_put_quoted(w, reply_page_cut(r->details, REPLY_PAGE_DETAILS_MAX));
    }
    writer_put(w, STR_LIT("\r\n"));
}

static void put_status_line(const struct reply *r, struct writer *w)
{
    writer_put(w, STR_LIT("HTTP/1.1 "));
    writer_put_u64(w, r->status);
    writer_put(w, STR_LIT(" "));
    writer_put_plain(w, reply_page_cut(str_of(r->reason), REPLY_PAGE_WORD_MAX));
    writer_put(w, STR_LIT("\r\n"));
}

/* A field with a number for its value. */
static void put_number(struct writer *w, struct str name, uint64_t value)
{
    writer_put(w, name);
    writer_put(w, STR_LIT(": "));
    writer_put_u64(w, value);
    writer_put(w, STR_LIT("\r\n"));
}

static void put_content_fields(struct writer *w, bool is_html, size_t page_len)
{
    if (is_html)
        writer_put(w, STR_LIT("Content-Type: text/html; charset=utf-8\r\n"));
    else
        writer_put(w, STR_LIT("Content-Type: text/plain; charset=utf-8\r\n"));
    put_number(w, STR_LIT("Content-Length"), page_len);
    writer_put(w, STR_LIT("Content-Language: en\r\n"
                          "Cache-Control: no-store\r\n"
                          "X-Content-Type-Options: nosniff\r\n"));
    if (is_html)
        writer_put(w, STR_LIT("Content-Security-Policy: "
                              "default-src 'none'; style-src 'unsafe-inline'\r\n"));
}

size_t reply_write(const struct reply *r, char *out, size_t size)
{
    char page_buf[REPLY_PAGE_MAX];
    struct writer page = {page_buf, 0, sizeof(page_buf), false};
    struct writer w = {out, 0, size, false};
    bool is_html = accept_prefers_html(r->accept);
    ASSERT(size >= REPLY_MAX && r->fields.len <= REPLY_FIELDS_MAX);
    if (is_html)
        reply_page_html(r, &page);
    else
        reply_page_text(r, &page);
    put_status_line(r, &w);
    put_date(&w);
    put_proxy_status(r, &w);
    writer_put(&w, STR_LIT("X-Request-Id: "));
    writer_put_plain(&w, reply_page_cut(r->id, REPLY_PAGE_ID_MAX));
    writer_put(&w, STR_LIT("\r\n"));
    writer_put(&w, r->fields);
    put_content_fields(&w, is_html, page.len);
    if (r->retry_after > 0)
        put_number(&w, STR_LIT("Retry-After"), r->retry_after);
    if (r->keeps_connection)
        writer_put(&w, STR_LIT("Connection: keep-alive\r\n\r\n"));
    else
        writer_put(&w, STR_LIT("Connection: close\r\n\r\n"));
    if (!r->is_head)
        writer_put(&w, (struct str){page_buf, page.len});
    /* The caps of reply_page.h leave room for the longest of everything, whatever
     * a peer sent: the unit test writes it. */
    ASSERT(!page.is_cut && !w.is_cut);
    return w.len;
}
