/* SPDX-License-Identifier: MIT */
/*
 * stream_tls.h - TLS over a stream: another table of operations on the same struct.
 *
 * Either side of the handshake; whoever moves bytes then calls stream_recv and
 * stream_send as ever. What TLS waits for becomes the stream's facts: a read that must
 * first write is not readable until the socket is writable. Both go on until the socket
 * says no, so that no byte waits in TLS while an event is awaited.
 *
 *   stream_open -> stream_tls_start -> stream_tls_handshake ... -> stream_recv, stream_send,
 *   stream_shut -> stream_close (or stream_tls_drop)
 *
 * Records go out several at a time. What of them the socket does not take is kept, at most
 * 320 KiB, and goes out by itself; meanwhile the stream is not writable, and stream_shut says
 * IO_AGAIN. stream_close drops it.
 *
 * stream_shut sends close_notify and then the FIN; the other direction goes on. An end of
 * the peer without close_notify is IO_EOF with is_cut set. A stream that is closed without
 * stream_shut says nothing, so the peer can tell that it was cut; with ends_cut set
 * stream_shut says nothing but the FIN either.
 *
 * TLS may be started inside of TLS. Then is_cut, ends_cut, alerts and faults tell of the upper
 * layer, which alone is dropped by stream_tls_drop; stream_shut ends both.
 * Errors: stream.error is an errno, EPROTO where the peer broke the protocol.
 * Invariants: OpenSSL's queue of errors is empty between calls; a quiet stream holds no
 * buffers.
 * The stream owns what is here and frees it when it is closed, and takes it along when it
 * is moved. Threads: the worker's own only.
 */
#ifndef PROXY_NET_STREAM_TLS_H
#define PROXY_NET_STREAM_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "proxy/net/sessions.h"
#include "proxy/net/stream.h"
#include "util/str.h"

#define STREAM_TLS_FAULT_SIZE 128

enum stream_tls_side { STREAM_TLS_SERVER, STREAM_TLS_CLIENT };

/* What all streams of a worker share: how OpenSSL reaches their sockets, and the buffers
 * between them, whose contents are valid within one call only. It must outlive the streams.
 * NULL without memory. */
struct stream_tls_pool;
MUST_CHECK struct stream_tls_pool *stream_tls_pool_new(void);
void stream_tls_pool_free(struct stream_tls_pool *p); /* NULL is fine */

/* Once for each context that streams of the client's side will use with stream_tls_resume, by
 * who made it and before anybody uses it: sessions that origins give then come to their stream. */
void stream_tls_prepare(SSL_CTX *ctx);

/* TLS from here on; where there is TLS already, inside of that. early: what was read of the peer
 * already; it comes first. ctx is referenced. 0, or -1 without memory: then the stream is as it
 * was. */
MUST_CHECK int stream_tls_start(struct stream *s, struct stream_tls_pool *pool, SSL_CTX *ctx,
                                enum stream_tls_side side, struct str early);

/* What OpenSSL knows of it, to be set up before the handshake and read behind it. The stream
 * owns it. */
SSL *stream_tls_ssl(const struct stream *s);

/* Client side, before the handshake: offers the session that is kept under key, and keeps those
 * that the origin gives, for as long as the stream lives. The store must outlive the stream.
 * 0, or -1 without memory. */
MUST_CHECK int stream_tls_resume(struct stream *s, struct sessions *store, struct str key);

/* The last fatal alert that the peer sent, by its number (RFC 8446 section 6); -1: none. */
int stream_tls_peer_alert(const struct stream *s);

/* The peer has asked for a new handshake (HelloRequest, RFC 5246 section 7.4.1.1) and was refused
 * one, which it may end the connection for. */
bool stream_tls_is_asked_anew(const struct stream *s);

/* The peer has broken the protocol, or sent a fatal alert. */
bool stream_tls_is_at_fault(const struct stream *s);

/* Goes on with the handshake. IO_OK it is done (also when asked again), IO_AGAIN, IO_EOF the peer
 * went in the middle, IO_ERR it has failed: an alert was sent where there is one to send. */
MUST_CHECK enum io stream_tls_handshake(struct stream *s);

/* What went wrong, for a log: nothing in it was chosen by the peer but by number. */
const char *stream_tls_fault(const struct stream *s, char out[STREAM_TLS_FAULT_SIZE]);

/* Sealed bytes that the socket has not taken yet. 0 without TLS. */
size_t stream_tls_unsent(const struct stream *s);

/* For whoever moves bytes between two TLS streams of one worker, in pieces of some records:
 * what was read ahead and what was sealed waits in the worker's buffers from one call to the
 * next. Until stream_tls_release no other stream may be used, and of these two nothing but
 * stream_recv(from) and stream_send(to). to is writable. */
void stream_tls_hold(struct stream *from, struct stream *to);

/* Whether more was read ahead: go on. */
bool stream_tls_has_ahead(const struct stream *from);

/* What was gathered goes out. Where it cannot, to->is_send_broken says so. */
void stream_tls_release(struct stream *from, struct stream *to);

/* Back to the bare stream, or to the layer below, without a word to the peer: behind a failed
 * handshake. */
void stream_tls_drop(struct stream *s);

#endif
