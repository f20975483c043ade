/* SPDX-License-Identifier: MIT */
/*
 * accept.h - reads an Accept value to choose between HTML and plain text.
 *
 * Pure. Threads: any.
 */
#ifndef PROXY_HTTP_ACCEPT_H
#define PROXY_HTTP_ACCEPT_H

#include <stdbool.h>

#include "util/str.h"

/* True where the value names text/html itself with a weight above 0 that is not
 * below that of text/plain, which may come from a wildcard (RFC 9110 sections
 * 12.4.2 and 12.5.1). A wildcard alone does not ask for HTML: that is how tools
 * say that they do not care. Members that are faulty, or that ask for a parameter
 * other than charset=utf-8, count as absent; an empty value is false. */
bool accept_prefers_html(struct str value);

#endif
