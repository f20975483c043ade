/* SPDX-License-Identifier: MIT */
/* status.c - the status codes that the proxy gives itself, in words. */
#include "proxy/http/status.h"

#include <stddef.h>

#include "util/attr.h"

static const struct status_words WORDS[] = {
    {500, "Internal Server Error", "The proxy failed"},
    {400, "Bad Request", "The proxy could not read the request"},
    {403, "Forbidden", "Not allowed from this network"},
    {407, "Proxy Authentication Required", "You are not signed in"},
    {408, "Request Timeout", "The request came too slowly"},
    {431, "Request Header Fields Too Large", "The request is too large"},
    {501, "Not Implemented", "The proxy does not do that"},
    {502, "Bad Gateway", "The site could not be reached"},
    {503, "Service Unavailable", "The proxy is busy"},
    {504, "Gateway Timeout", "The site did not answer in time"},
    {508, "Loop Detected", "The request leads back to the proxy"},
};

const struct status_words *status_words(unsigned status)
{
    for (size_t i = 1; i < ARRAY_LEN(WORDS); i++)
        if (WORDS[i].status == status)
            return &WORDS[i];
    return &WORDS[0];
}
