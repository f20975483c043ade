/* SPDX-License-Identifier: MIT */
/* writer.c - appends text to a buffer of fixed size; see writer.h. */
#include "proxy/http/writer.h"

#include <inttypes.h>
#include <stdio.h>

void writer_put(struct writer *w, struct str text)
{
    if (text.len > w->size - w->len) {
        w->is_cut = true;
        return;
    }
    if (text.len > 0)
        memcpy(w->buf + w->len, text.ptr, text.len);
    w->len += text.len;
}

void writer_put_u64(struct writer *w, uint64_t value)
{
    char digits[21];
    int len = snprintf(digits, sizeof(digits), "%" PRIu64, value);
    writer_put(w, (struct str){digits, (size_t)len});
}

static char printable(char c)
{
    return c >= 0x20 && c <= 0x7e ? c : '?';
}

static void put_byte(struct writer *w, char c)
{
    if (w->len < w->size)
        w->buf[w->len++] = c;
    else
        w->is_cut = true;
}

void writer_put_plain(struct writer *w, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        put_byte(w, printable(text.ptr[i]));
}

void writer_put_html(struct writer *w, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '&':
            writer_put(w, STR_LIT("&amp;"));
            break;
        case '<':
            writer_put(w, STR_LIT("&lt;"));
            break;
        case '>':
            writer_put(w, STR_LIT("&gt;"));
            break;
        case '"':
            writer_put(w, STR_LIT("&#34;"));
            break;
        case '\'':
            writer_put(w, STR_LIT("&#39;"));
            break;
        default:
            put_byte(w, printable(text.ptr[i]));
        }
    }
}

void writer_put_quoted(struct writer *w, struct str text)
{
    put_byte(w, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            put_byte(w, '\\');
        put_byte(w, printable(text.ptr[i]));
    }
    put_byte(w, '"');
}
