/* SPDX-License-Identifier: MIT */
/*
 * reply_page.h - the page in an answer of the proxy's own, HTML or plain text.
 *
 * It says what happened, that the proxy says so and not the origin, what was
 * asked for and which request id to tell. No script, nothing to fetch.
 *
 * Writes into the caller's writer; keeps no state. Threads: any.
 */
#ifndef PROXY_HTTP_REPLY_PAGE_H
#define PROXY_HTTP_REPLY_PAGE_H

#include "proxy/http/reply.h"
#include "proxy/http/writer.h"

/* Longer texts are cut to this many bytes before they are escaped. */
#define REPLY_PAGE_HOST_MAX 253
#define REPLY_PAGE_DETAILS_MAX 200
#define REPLY_PAGE_TEXT_MAX 200
#define REPLY_PAGE_ID_MAX 64
#define REPLY_PAGE_WORD_MAX 64 /* title, reason, error */

void reply_page_html(const struct reply *r, struct writer *w);
void reply_page_text(const struct reply *r, struct writer *w);

/* The first max bytes of text. */
struct str reply_page_cut(struct str text, size_t max);

#endif
