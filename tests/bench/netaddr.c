/* SPDX-License-Identifier: MIT */
/*
 * netaddr.c - reads host:port ranges.
 */
#include "tests/bench/netaddr.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static int parse_port(const char *text, char stop, const char **end)
{
    char *after = NULL;
    unsigned long port = 0;

    if (*text < '0' || *text > '9')
        return -1;
    port = strtoul(text, &after, 10);
    if (port == 0 || port > UINT16_MAX || (*after != stop && *after != '\0'))
        return -1;
    *end = after;
    return (int)port;
}

int netaddr_parse(const char *text, struct netaddr_range *range)
{
    const char *colon = strrchr(text, ':');
    const char *end = NULL;
    int first = 0, last = 0;

    if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof(range->host))
        return -1;
    first = last = parse_port(colon + 1, '-', &end);
    if (first > 0 && *end == '-')
        last = parse_port(end + 1, '\0', &end);
    if (first < 0 || last < first)
        return -1;
    memcpy(range->host, text, (size_t)(colon - text));
    range->host[colon - text] = '\0';
    range->first = (uint16_t)first;
    range->count = (uint16_t)(last - first + 1);
    return 0;
}

int netaddr_resolve(const struct netaddr_range *range, unsigned index, struct sockaddr_in *address)
{
    memset(address, 0, sizeof(*address));
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)(range->first + index % range->count));
    if (inet_pton(AF_INET, range->host, &address->sin_addr) != 1)
        return -1;
    return (ntohl(address->sin_addr.s_addr) >> 24) == 127 ? 0 : -1;
}
