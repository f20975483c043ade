/* SPDX-License-Identifier: MIT */
/*
 * login.h - the credentials that a CONNECT of the load generator carries.
 *
 * Basic goes with every request. Digest and NTLM answer a 407 on the same connection: NTLM each
 * time, Digest when it has no nonce yet or a stale one. Wrong passwords are wanted, too: each one
 * of another user, and none twice. The accounts are the bench's own, and no secret; the script
 * that writes the files of accounts has them as well.
 *
 *   login_init -> login_write, for each request
 *
 * A plain value without resources, shared by all tunnels. Threads: one.
 */
#ifndef BENCH_LOGIN_H
#define BENCH_LOGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/digest_client.h"
#include "tests/bench/ntlm_client.h"
#include "util/attr.h"

#define LOGIN_USER "alice"
#define LOGIN_PASSWORD "Secret-1"
#define LOGIN_DOMAIN "PROXY"
#define LOGIN_ACCOUNTS 1000 /* user0 .. user999: those with wrong passwords */
#define LOGIN_FIELD_SIZE (NTLM_CLIENT_TEXT + 64)

enum login_scheme { LOGIN_NONE, LOGIN_BASIC, LOGIN_WRONG, LOGIN_DIGEST, LOGIN_NTLM };

struct login {
    enum login_scheme scheme;
    unsigned long count; /* of wrong passwords */
    uint64_t salt;       /* so that those of two runs differ */
    struct digest_client digest;
    struct ntlm_client ntlm;
};

void login_init(struct login *login, enum login_scheme scheme);

/* Whether a 407 is to be answered, once on a connection. */
bool login_has_legs(const struct login *login);

/* Writes the Proxy-Authorization line for a CONNECT to `target`, with CR LF, or nothing where
 * there is none. `refusal` is the head of the 407 that this answers, or NULL. Returns its length,
 * or -1: the 407 is not what the scheme expects, or the line is too long. */
MUST_CHECK int login_write(struct login *login, const char *target, const char *refusal,
                           char out[LOGIN_FIELD_SIZE]);

#endif
