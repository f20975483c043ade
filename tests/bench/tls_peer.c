/* SPDX-License-Identifier: MIT */
/*
 * tls_peer.c - answers requests inside TLS.
 */
#include "tests/bench/tls_peer.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HELD_SIZE 4096

struct tls_peer {
    SSL *ssl;
    const struct response *response;
    bool is_sending; /* a response is under way */
    bool last;       /* the connection ends after it */
    size_t sent;     /* of the response */
    size_t held_len; /* the start of a request */
    char held[HELD_SIZE];
};

struct tls_peer *tls_peer_new(SSL_CTX *ctx, int fd, const struct response *response)
{
    struct tls_peer *peer = calloc(1, sizeof(*peer));

    if (peer == NULL)
        return NULL;
    peer->response = response;
    peer->ssl = SSL_new(ctx);
    if (peer->ssl != NULL && SSL_set_fd(peer->ssl, fd) == 1) {
        SSL_set_accept_state(peer->ssl);
        return peer;
    }
    tls_peer_free(peer);
    return NULL;
}

void tls_peer_free(struct tls_peer *peer)
{
    if (peer == NULL)
        return;
    SSL_free(peer->ssl);
    free(peer);
}

static enum tls_peer_wish judge(struct tls_peer *peer, int rc)
{
    switch (SSL_get_error(peer->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return TLS_PEER_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_PEER_WRITE;
    default:
        ERR_clear_error();
        return TLS_PEER_END;
    }
}

/* Sends what the socket takes. TLS_PEER_READ: the response is sent, or OpenSSL waits for the
 * other side. Of a response without an end one call sends one piece, so that others get theirs. */
static enum tls_peer_wish send_response(struct tls_peer *peer)
{
    const struct response *response = peer->response;
    size_t moved = 0;
    int rc = 0;

    do {
        rc = SSL_write_ex(peer->ssl, response->bytes + peer->sent, response->len - peer->sent,
                          &moved);
        if (rc <= 0)
            return judge(peer, rc);
        peer->sent += moved;
    } while (peer->sent < response->len);
    if (response->is_endless) {
        peer->sent = response->body_at;
        return TLS_PEER_WRITE;
    }
    peer->sent = 0;
    peer->is_sending = false;
    return peer->last ? TLS_PEER_END : TLS_PEER_READ;
}

/* Takes a request out of the buffer. */
static bool take_request(struct tls_peer *peer)
{
    size_t len = response_find_request(peer->held, peer->held_len, &peer->last);

    if (len == 0)
        return false;
    peer->held_len -= len;
    memmove(peer->held, peer->held + len, peer->held_len);
    peer->is_sending = true;
    return true;
}

enum tls_peer_wish tls_peer_run(struct tls_peer *peer)
{
    enum tls_peer_wish wish = TLS_PEER_READ;
    size_t got = 0;
    int rc = 0;

    for (;;) {
        if (peer->is_sending || take_request(peer)) {
            wish = send_response(peer);
            if (wish != TLS_PEER_READ || peer->is_sending)
                return wish;
            continue;
        }
        if (peer->held_len == HELD_SIZE)
            return TLS_PEER_END;
        rc = SSL_read_ex(peer->ssl, peer->held + peer->held_len, HELD_SIZE - peer->held_len, &got);
        if (rc <= 0)
            return judge(peer, rc);
        peer->held_len += got;
    }
}
