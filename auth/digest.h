/* SPDX-License-Identifier: MIT */
/*
 * digest.h - the Digest scheme on the side of the proxy (RFC 7616): challenges out,
 * credentials judged against an htdigest file.
 *
 * A line of the file is user:realm:HA1, with an HA1 of 32 hexadecimal digits for MD5,
 * as htdigest(1) writes it, or of 64 for SHA-256; a user may have a line of each.
 *
 *   digest_new -> digest_challenge, digest_check ... -> digest_free
 *
 * Invariants: an unknown user takes the same steps as a known one; nothing that a
 * client sends is kept. Threads: read-only and shared once built.
 */
#ifndef AUTH_DIGEST_H
#define AUTH_DIGEST_H

#include "auth/accounts.h"
#include "auth/nonce.h"
#include "util/err.h"

#define DIGEST_CHALLENGE_MAX 1024

enum digest_algorithm { DIGEST_SHA256, DIGEST_MD5, DIGEST_ALGORITHMS };

struct digest_settings {
    const char *realm; /* printable, at most 255 bytes; '"' and '\' are escaped */
    /* In the order of the offer. It matters: curl takes the first line, Java and
     * openconnect take the last one, and openconnect knows MD5 alone. */
    enum digest_algorithm algorithms[DIGEST_ALGORITHMS];
    size_t algorithm_count;
    struct str secret;         /* for nonces; len 0: the process's own */
    uint64_t nonce_lifetime_s;
};

struct digest;

/* Of a request: what its digest must be of. */
struct digest_request {
    struct str method;
    struct str target; /* as sent in the request line */
};

enum digest_result {
    DIGEST_OK,
    DIGEST_STALE,  /* the password is right, the nonce is not good any more */
    DIGEST_WRONG,  /* unknown user or wrong password */
    DIGEST_REPLAY, /* the password is right, the count was used before */
    DIGEST_BAD,    /* malformed, without qop=auth, or of another realm, target or algorithm */
};

/* text: the content of the htdigest file named file. Lines of other realms are left
 * out, with a warning where none is left. Every fault goes to faults; returns NULL
 * where there was an error. */
MUST_CHECK struct digest *digest_new(const struct digest_settings *settings, struct str text,
                                     const char *file, struct errlist *faults);
void digest_free(struct digest *d); /* NULL is fine */

/* The algorithms to offer: of those in the settings the ones that every account has a
 * line for, so that nobody is asked for what he cannot answer. digest_new warns of
 * those that are left out and names a user; where none would be left, it is the first
 * that any account has a line for. digest_check takes all in the settings. */
size_t digest_offered(const struct digest *d, enum digest_algorithm out[DIGEST_ALGORITHMS]);

/* The value of one Proxy-Authenticate line, "Digest realm=...", of which each
 * algorithm has one (RFC 7616 section 3.7). Returns its length; it fits into
 * DIGEST_CHALLENGE_MAX. */
size_t digest_challenge(const struct digest *d, struct nonces *nonces, uint64_t now_s,
                        enum digest_algorithm algorithm, bool is_stale,
                        char out[DIGEST_CHALLENGE_MAX]);

/* The name that the credentials claim, for the count of failures: as in the file for a
 * userhash that is known, else as sent. params: what follows "Digest ". Returns false
 * where it cannot be read. out has ACCOUNT_NAME_MAX + 1 bytes. */
MUST_CHECK bool digest_claimed_user(const struct digest *d, struct str params,
                                    char out[ACCOUNT_NAME_MAX + 1]);

/* Judges credentials. On DIGEST_OK user is the account's name; else it is not touched.
 * uri must be what the request line has: for CONNECT but for ASCII case; for an absolute
 * URI also its path and query alone, as most clients send it. A nonce of another secret
 * is DIGEST_STALE, too, with the right password: nobody is asked for that again after a
 * restart. */
MUST_CHECK enum digest_result digest_check(const struct digest *d, struct nonces *nonces,
                                           uint64_t now_s, const struct digest_request *request,
                                           struct str params, char user[ACCOUNT_NAME_MAX + 1]);

#endif
