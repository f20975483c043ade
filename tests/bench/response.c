/* SPDX-License-Identifier: MIT */
/*
 * response.c - builds the response and finds the ends of requests.
 */
#include "tests/bench/response.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HEAD_SIZE 512

/* Promises a body of `promised` bytes, and holds `body_size` of them. */
static struct response *make_response(uint64_t promised, size_t body_size)
{
    struct response *response = calloc(1, sizeof(*response));
    char head[HEAD_SIZE];
    char date[64];
    time_t now = time(NULL);
    struct tm utc;
    int len = 0;

    if (response == NULL || gmtime_r(&now, &utc) == NULL ||
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &utc) == 0)
        goto fail;
    len = snprintf(head, sizeof(head),
                   "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/octet-stream\r\n"
                   "Content-Length: %" PRIu64 "\r\n\r\n",
                   date, promised);
    if (len < 0 || (size_t)len >= sizeof(head) || body_size > SIZE_MAX - (size_t)len)
        goto fail;
    response->body_at = (size_t)len;
    response->len = (size_t)len + body_size;
    response->bytes = malloc(response->len);
    if (response->bytes == NULL)
        goto fail;
    memcpy(response->bytes, head, (size_t)len);
    memset(response->bytes + len, 'x', body_size);
    return response;
fail:
    free(response);
    return NULL;
}

struct response *response_new(size_t body_size)
{
    return make_response(body_size, body_size);
}

struct response *response_new_endless(uint64_t body_size, size_t piece)
{
    struct response *response = make_response(body_size, piece);

    if (response != NULL)
        response->is_endless = true;
    return response;
}

/* Whether the head asks for the end of the connection. Every line of it ends with CR LF. */
static bool is_last_request(const char *head, const char *end)
{
    static const char version[] = " HTTP/1.0\r\n";
    static const char close_field[] = "Connection: close\r\n";
    const char *line = memchr(head, '\n', (size_t)(end - head));

    if (line - head >= (ptrdiff_t)sizeof(version) - 2 &&
        memcmp(line + 2 - sizeof(version), version, sizeof(version) - 1) == 0)
        return true;
    while (line != NULL) {
        line++;
        if (end - line >= (ptrdiff_t)sizeof(close_field) - 1 &&
            strncasecmp(line, close_field, sizeof(close_field) - 1) == 0)
            return true;
        line = memchr(line, '\n', (size_t)(end - line));
    }
    return false;
}

size_t response_find_request(const char *bytes, size_t len, bool *last)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);

    if (end == NULL)
        return 0;
    *last = is_last_request(bytes, end + 2);
    return (size_t)(end + 4 - bytes);
}
