/* SPDX-License-Identifier: MIT */
/* reply_page.c - the page in an answer of the proxy's own; see reply_page.h. */
#include "proxy/http/reply_page.h"

/* No rule in the style sheet fetches anything. */
static const char PAGE_STYLE[] =
    ":root{--b:#eef1f5;--c:#fff;--t:#16202c;--m:#566474;--l:#dde3ea;--a:#0b6b6f;--w:#b4381d;"
    "--s:#fbece8}"
    "@media(prefers-color-scheme:dark){:root{--b:#0e141b;--c:#17202a;--t:#e8edf3;--m:#9aa8b7;"
    "--l:#2a3643;--a:#5cc4c4;--w:#ff9d82;--s:#3a211b}}"
    "*{box-sizing:border-box}"
    "body{margin:0;min-height:100vh;display:grid;place-items:center;padding:24px;"
    "background:var(--b);color:var(--t);font:16px/1.55 system-ui,sans-serif}"
    "main{width:100%;max-width:620px;border:1px solid var(--l);border-radius:12px;"
    "padding:32px 36px 28px;background:linear-gradient(var(--a) 4px,var(--c) 0);"
    "box-shadow:0 12px 32px #0a14201a}"
    "header{display:flex;align-items:center;gap:10px;font-weight:600;color:var(--a)}"
    "svg{width:26px;fill:none;stroke:currentColor;stroke-width:2}"
    "b{margin-left:auto;padding:2px 12px;border-radius:99px;font-size:14px;color:var(--w);"
    "background:var(--s)}"
    "h1{margin:26px 0 6px;font-size:29px;line-height:1.2}"
    "p{margin:0;color:var(--m);font-size:17px}"
    "dl{display:grid;grid-template-columns:auto 1fr;gap:10px 24px;margin:26px 0;padding:18px 0;"
    "border:solid var(--l);border-width:1px 0}"
    "dt{color:var(--m)}dd{margin:0;overflow-wrap:anywhere}code{font:14px ui-monospace,monospace}"
    "footer{font-size:14px;color:var(--m)}";

static const char PAGE_GATE[] = "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\">"
                                "<path d=\"M4 21V11a8 8 0 0 1 16 0v10M9 21v-9a3 3 0 0 1 6 0v9"
                                "M2 21h20\"/></svg>";

struct str reply_page_cut(struct str text, size_t max)
{
    return text.len > max ? (struct str){text.ptr, max} : text;
}

static void put_html(struct writer *w, struct str text, size_t max)
{
    writer_put_html(w, reply_page_cut(text, max));
}

/* One row of the list; none where there is nothing to say. */
static void put_row(struct writer *w, const char *name, struct str value, size_t max)
{
    if (value.len == 0)
        return;
    writer_put(w, STR_LIT("<dt>"));
    writer_put(w, str_of(name));
    writer_put(w, STR_LIT("<dd>"));
    put_html(w, value, max);
}

/* When another try makes sense, in the coarsest unit that says it well enough. */
static void put_wait(struct writer *w, const char *before, unsigned seconds, const char *after)
{
    unsigned unit = seconds >= 7200 ? 3600 : seconds >= 120 ? 60 : 1;
    unsigned count = seconds / unit + (seconds % unit != 0);
    if (seconds == 0)
        return;
    writer_put(w, str_of(before));
    writer_put_u64(w, count);
    writer_put(w, str_of(unit == 3600 ? " hours" : unit == 60 ? " minutes"
                         : count == 1 ? " second" : " seconds"));
    writer_put(w, str_of(after));
}

static void put_head(const struct reply *r, struct writer *w)
{
    writer_put(w, STR_LIT("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
                          "<meta name=\"viewport\" content=\"width=device-width\">"
                          "<meta name=\"color-scheme\" content=\"light dark\"><title>"));
    writer_put_u64(w, r->status);
    writer_put(w, STR_LIT(" "));
    put_html(w, str_of(r->reason), REPLY_PAGE_WORD_MAX);
    writer_put(w, STR_LIT("</title><style>"));
    writer_put(w, str_of(PAGE_STYLE));
    writer_put(w, STR_LIT("</style>\n"));
}

void reply_page_html(const struct reply *r, struct writer *w)
{
    put_head(r, w);
    writer_put(w, STR_LIT("<main><header>"));
    writer_put(w, str_of(PAGE_GATE));
    writer_put(w, STR_LIT("Sallyport<b>"));
    writer_put_u64(w, r->status);
    writer_put(w, STR_LIT("</b></header>\n<h1>"));
    put_html(w, str_of(r->title), REPLY_PAGE_WORD_MAX);
    writer_put(w, STR_LIT("</h1>\n<p>"));
    put_html(w, str_of(r->text), REPLY_PAGE_TEXT_MAX);
    writer_put(w, STR_LIT("</p>\n<dl>"));
    put_row(w, "Asked for", r->host, REPLY_PAGE_HOST_MAX);
    put_row(w, "Details", r->details, REPLY_PAGE_DETAILS_MAX);
    put_row(w, "Error", str_of(r->error), REPLY_PAGE_WORD_MAX);
    put_wait(w, "<dt>Try again<dd>in ", r->retry_after, "");
    writer_put(w, STR_LIT("<dt>Request id<dd><code>"));
    put_html(w, r->id, REPLY_PAGE_ID_MAX);
    writer_put(w, STR_LIT("</code></dl>\n<footer>This answer comes from the proxy of your "
                          "network, not from the site. If it looks wrong, tell the request id "
                          "to those who run the network.</footer></main>\n</html>\n"));
}

static void put_line(struct writer *w, struct str name, struct str value, size_t max)
{
    if (value.len == 0)
        return;
    writer_put(w, name);
    writer_put_plain(w, reply_page_cut(value, max));
    writer_put(w, STR_LIT("\n"));
}

void reply_page_text(const struct reply *r, struct writer *w)
{
    writer_put_u64(w, r->status);
    writer_put(w, STR_LIT(" "));
    put_line(w, STR_LIT(""), str_of(r->title), REPLY_PAGE_WORD_MAX);
    put_line(w, STR_LIT(""), str_of(r->text), REPLY_PAGE_TEXT_MAX);
    writer_put(w, STR_LIT("\n"));
    put_line(w, STR_LIT("Asked for:  "), r->host, REPLY_PAGE_HOST_MAX);
    put_line(w, STR_LIT("Details:    "), r->details, REPLY_PAGE_DETAILS_MAX);
    put_line(w, STR_LIT("Error:      "), str_of(r->error), REPLY_PAGE_WORD_MAX);
    put_wait(w, "Try again:  in ", r->retry_after, "\n");
    put_line(w, STR_LIT("Request id: "), r->id, REPLY_PAGE_ID_MAX);
    writer_put(w, STR_LIT("\nThis answer comes from the proxy of your network (Sallyport), "
                          "not from the site.\n"));
}
