/* SPDX-License-Identifier: MIT */
/*
 * status.h - the status codes that the proxy gives itself, in words.
 *
 * Constant data. Threads: any.
 */
#ifndef PROXY_HTTP_STATUS_H
#define PROXY_HTTP_STATUS_H

struct status_words {
    unsigned status;
    const char *phrase; /* reason phrase (RFC 9110 section 15, RFC 6585) */
    const char *title;  /* of the page */
};

/* Never NULL: an unknown status has the words of 500. */
const struct status_words *status_words(unsigned status);

#endif
