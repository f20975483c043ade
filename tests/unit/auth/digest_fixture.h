/* SPDX-License-Identifier: MIT */
/*
 * digest_fixture.h - what the tests of Digest share: accounts, a client that computes
 * its answers with OpenSSL (nothing of the code under test), and checks.
 *
 *   digest_setup -> digest_load, digest_judge ... -> digest_teardown
 *
 * One fixture for the process. Threads: one.
 */
#ifndef UNIT_AUTH_DIGEST_FIXTURE_H
#define UNIT_AUTH_DIGEST_FIXTURE_H

#include "auth/digest.h"

#define NOW 1700000000U
#define LIFETIME 300
#define REALM "Corporate proxy"
#define CONNECT "CONNECT", "host.example:443"

/* MD5 lines as htdigest(1) made them: Secret1, "pass word", "Müller"; SHA-256 lines by
 * sha256sum(1). */
#define ALICE_MD5 "alice:" REALM ":e7fc8173824cb19f1e2da75acc9824d6\n"
#define ALICE_SHA                                                                                  \
    "alice:" REALM ":e32b0c5e431b97dacdff916e398a31974d04d0e60a743f89857f15f9481d09c7\n"
#define BOB_MD5 "bob:" REALM ":868eb8f270214b08accbfe45e4887ec0\n"
#define BOB_SHA "bob:" REALM ":f6916de6fb5b4cc862604b71ff3f7184eeaa931df3a6017264ecc56985465609\n"
#define JOES_MD5 "jös:" REALM ":9f6f74f18b09717ec1fd4529e0c16064\n"
#define JOES_SHA "jös:" REALM ":5e150c04dc636b6d87fd7736d073baf737d9a57486ca87c2d98b6053dc7fbe04\n"
#define EVERYBODY ALICE_MD5 ALICE_SHA BOB_MD5 BOB_SHA JOES_MD5 JOES_SHA

struct digest_fixture {
    struct nonces *nonces;
    struct digest *digest;
    struct errlist faults;
    char user[ACCOUNT_NAME_MAX + 1]; /* whom the last check let in */
};

extern struct digest_fixture fixture;

/* What a client has and sends. */
struct digest_client {
    const char *user, *password, *method, *uri;
    enum digest_algorithm algorithm;
    unsigned nc;
    bool is_hashed; /* userhash */
    char nonce[NONCE_TEXT_MAX + 1];
};

/* For tcase_add_checked_fixture: EVERYBODY in REALM. */
void digest_setup(void);
void digest_teardown(void);

/* Makes fixture.digest anew, with both algorithms; returns it, NULL where it failed. */
struct digest *digest_load(const char *realm, const char *text);

/* The result for these parameters; touches fixture.user on DIGEST_OK only. */
enum digest_result digest_judge_at(const char *method, const char *target, const char *params,
                                   uint64_t now_s);
enum digest_result digest_judge(const char *method, const char *target, const char *params);

/* H of a formatted text, in out, which it returns. */
const char *digest_hash_by_evp(enum digest_algorithm algorithm, char out[65], const char *format,
                               ...) PRINTF_LIKE(3, 4);

/* alice with the right password, a CONNECT and a fresh nonce. */
struct digest_client digest_alice(enum digest_algorithm algorithm);
void digest_take_nonce(struct digest_client *c);

/* The parameters that the client sends: RFC 7616 section 3.4. Good until the next call. */
const char *digest_answer(const struct digest_client *c);

/* The same parameters with one piece of text replaced. Good until the next call. */
const char *digest_alter(const char *params, const char *from, const char *to);

#endif
