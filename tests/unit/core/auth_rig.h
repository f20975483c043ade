/* SPDX-License-Identifier: MIT */
/*
 * auth_rig.h - the rig with authentication: accounts in files, an authority, and a gate
 * that holds up the threads that hash.
 *
 *   auth_rig_start(schemes) -> auth_rig_send, auth_rig_expect ... -> auth_rig_stop
 *
 * Requests to origin.test need no user; those to 127.0.0.1 do. There are alice with
 * Secret1 in every file, and bob with Secret2 for Basic.
 * Owns all it makes, a folder for its files too. Threads: the test's own.
 */
#ifndef TESTS_UNIT_CORE_AUTH_RIG_H
#define TESTS_UNIT_CORE_AUTH_RIG_H

#include "proxy/auth/authority.h"
#include "tests/unit/core/rig.h"

#define ALICE "Basic YWxpY2U6U2VjcmV0MQ=="
#define ALICE_WRONG "Basic YWxpY2U6V3Jvbmcx"
#define BOB "Basic Ym9iOlNlY3JldDI="
#define NOBODY "Basic bm9ib2R5OlNlY3JldDE="

/* A CHALLENGE of NTLM in base64: MS-NLMP section 4.2.4.3. */
#define NTLM_CHALLENGE                                                                             \
    "TlRMTVNTUAACAAAADAAMADgAAAAzgoriASNFZ4mrze8AAAAAAAAAACQAJABEAAAABgBwFwAAAA9TAGUAcgB2AGUAcgAC" \
    "AAwARABvAG0AYQBpAG4AAQAMAFMAZQByAHYAZQByAAAAAAA="

/* Members of `auth`; $D in them is the folder of the files. */
#define BASIC_OF_FILE "basic = { htpasswd = \"$D/users\"; };\n"
#define DIGEST_OF_FILE "digest = { htdigest = \"$D/digests\"; };\n"
#define NTLM_OF_FILE "ntlm = { smbpasswd = \"$D/hashes\"; domain = \"CORP\"; };\n"
#define KERBEROS "negotiate = { keytab = \"$D/keytab\"; };\n"
#define BASIC_HELPER "basic = { helper = \"/bin/sh $D/basic\"; };\n"
#define NTLM_HELPER "ntlm = { helper = \"/bin/sh $D/ntlm\"; domain = \"CORP\"; };\n"
#define NEGOTIATE "negotiate = { };\n"
#define ONE_FAILURE "failures = { burst = 1; };\n"

/* members: of `auth`. The realm is Test. */
void auth_rig_start(const char *members);

/* Another configuration with other members, for worker_use_config. */
struct config *auth_rig_config(const char *members);
void auth_rig_stop(void);

/* Ends the authority when no connection is left; and makes another one. */
void auth_rig_drop_authority(void);
void auth_rig_renew_authority(void);

/* A file of the folder: "basic" and "ntlm" are the helpers' scripts. */
void auth_rig_write(const char *name, const char *text);

/* CONNECT to the origin by address; credentials: the value of Proxy-Authorization, or
 * NULL. Returns the length of the text. */
size_t auth_rig_request(const char *credentials, char *out, size_t size);
void auth_rig_send(int fd, const char *credentials);

/* A client over TCP that sends that. */
int auth_rig_open(const char *credentials);

/* Turns until the next answer is whole; it must have that status. Nothing may follow it. */
void auth_rig_expect(int fd, const char *status);

/* The answer that was read last has it. */
void auth_rig_expect_in(const char *needle);
void auth_rig_expect_not_in(const char *needle);

/* 200, from the origin's side too; closes both. */
void auth_rig_expect_tunnel(int fd);

/* The value behind "Proxy-Authenticate: SCHEME " in the last answer; good until the next
 * call. */
const char *auth_rig_token(const char *scheme);

uint64_t auth_rig_count(enum auth_scheme scheme, enum count_auth result);

/* Holds the threads of jobs from now on; count: how many there are, at most 64. */
void gate_close(struct jobs *jobs, unsigned count);
void gate_open(void);

/* The threads that hash. */
void gate_close_hashing(void);

/* Makes its queue full, with at most room jobs in more; returns how many it took. */
unsigned gate_fill(struct job *more, unsigned room);

/* Turns until so many jobs wait behind the gate. */
void gate_await(unsigned jobs);

/* Letters of the gate that were dropped instead of opened. */
extern unsigned gate_dropped;

#endif
