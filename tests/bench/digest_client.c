/* SPDX-License-Identifier: MIT */
/*
 * digest_client.c - challenges in, responses out.
 */
#include "tests/bench/digest_client.h"

#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What a client makes up for each request; here the same one every time, as nobody attacks. */
#define CNONCE "0a4f113b"

void digest_client_init(struct digest_client *client, const char *user, const char *password)
{
    memset(client, 0, sizeof(*client));
    client->user = user;
    client->password = password;
}

/* H of the parts with colons between them. */
static void hash(const char *const *parts, size_t count, char out[DIGEST_CLIENT_HEX])
{
    struct sha256_ctx context;
    unsigned char digest[SHA256_DIGEST_SIZE];

    sha256_init(&context);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            sha256_update(&context, 1, (const unsigned char *)":");
        sha256_update(&context, strlen(parts[i]), (const unsigned char *)parts[i]);
    }
    sha256_digest(&context, sizeof(digest), digest);
    base16_encode_update(out, sizeof(digest), digest);
    out[DIGEST_CLIENT_HEX - 1] = '\0';
}

/* Copies the quoted value of a parameter of the line. Values with a backslash are not taken:
 * the bench's have none. */
static bool read_quoted(const char *line, size_t len, const char *name, char *out)
{
    const char *at = memmem(line, len, name, strlen(name));
    const char *end = NULL;

    if (at == NULL)
        return false;
    at += strlen(name);
    end = memchr(at, '"', len - (size_t)(at - line));
    if (end == NULL || end - at >= DIGEST_CLIENT_TEXT || memchr(at, '\\', (size_t)(end - at)))
        return false;
    memcpy(out, at, (size_t)(end - at));
    out[end - at] = '\0';
    return true;
}

int digest_client_take(struct digest_client *client, const char *head)
{
    static const char start[] = "Proxy-Authenticate: Digest ";
    const char *line = head;

    while ((line = strchr(line, '\n')) != NULL) {
        size_t len = strcspn(++line, "\r\n");
        const char *parts[] = {client->user, client->realm, client->password};

        if (strncasecmp(line, start, sizeof(start) - 1) != 0 ||
            memmem(line, len, "algorithm=SHA-256", 17) == NULL)
            continue;
        if (!read_quoted(line, len, " realm=\"", client->realm) ||
            !read_quoted(line, len, " nonce=\"", client->nonce))
            return -1;
        hash(parts, 3, client->ha1);
        client->count = 0;
        return 0;
    }
    return -1;
}

int digest_client_answer(struct digest_client *client, const char *target, char *out, size_t size)
{
    const char *const request[] = {"CONNECT", target};
    char ha2[DIGEST_CLIENT_HEX];
    char response[DIGEST_CLIENT_HEX];
    char nc[9];
    int len = 0;

    (void)snprintf(nc, sizeof(nc), "%08x", ++client->count);
    hash(request, 2, ha2);
    const char *const all[] = {client->ha1, client->nonce, nc, CNONCE, "auth", ha2};
    hash(all, 6, response);
    len = snprintf(out, size,
                   "Proxy-Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", "
                   "uri=\"%s\", algorithm=SHA-256, qop=auth, nc=%s, cnonce=\"" CNONCE "\", "
                   "response=\"%s\"\r\n",
                   client->user, client->realm, client->nonce, target, nc, response);
    return len > 0 && (size_t)len < size ? len : -1;
}
