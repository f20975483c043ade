/* SPDX-License-Identifier: MIT */
/*
 * kerberos.h - Kerberos through MIT's GSSAPI: accepts a client's token with the keys of
 * a keytab, any principal in it.
 *
 *   kerberos_new -> kerberos_accept ... -> kerberos_free
 *
 * Threads: kerberos_accept may block (replay cache, files) and is called by threads
 * that may; several at once are fine. The rest: any.
 */
#ifndef AUTH_KERBEROS_H
#define AUTH_KERBEROS_H

#include "auth/accounts.h"
#include "util/err.h"

#define KERBEROS_TOKEN_MAX (64 * 1024)  /* a longer one is refused unread */
#define KERBEROS_REPLY_MAX 4096

struct kerberos;

enum kerberos_result {
    KERBEROS_OK,
    KERBEROS_CONTINUE, /* another leg is needed: reply goes to the client */
    KERBEROS_REFUSED,  /* ticket for another service, expired, replayed, malformed */
    KERBEROS_FAILED,   /* the fault is on this side: no keytab, no memory */
};

struct kerberos_reply {
    char user[ACCOUNT_NAME_MAX + 1]; /* "alice" for a realm of the keytab's, else "alice@OTHER" */
    char service[256];               /* the principal that the ticket was for; may be empty */
    char fault[256];                 /* what GSSAPI says; for our own log, not for clients */
    char token[KERBEROS_REPLY_MAX];  /* for the client */
    size_t token_len;
};

/* Reads the keytab once, to report what is wrong with it: every fault goes to faults
 * with the place where it is configured. NULL where there was an error. */
MUST_CHECK struct kerberos *kerberos_new(const char *keytab, const struct place *at,
                                         struct errlist *faults);
void kerberos_free(struct kerberos *k); /* NULL is fine */

/* How many principals the keytab has, and their names, for check and messages. */
size_t kerberos_principals(const struct kerberos *k);
const char *kerberos_principal(const struct kerberos *k, size_t index);

/* token: SPNEGO or raw Kerberos, decoded. *context is NULL for a first token, and
 * what KERBEROS_CONTINUE left otherwise; on every other result it is gone. */
MUST_CHECK enum kerberos_result kerberos_accept(const struct kerberos *k, struct str token,
                                                void **context, struct kerberos_reply *reply);

/* Frees a context that KERBEROS_CONTINUE left. NULL is fine. */
void kerberos_context_free(void *context);

#endif
