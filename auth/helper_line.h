/* SPDX-License-Identifier: MIT */
/*
 * helper_line.h - the lines that are spoken with an authentication helper, in the
 * protocols of Squid's helpers: basic, with or without channel numbers, and ntlmssp.
 *
 * Pure text in, text out; keeps no state. Threads: any.
 */
#ifndef AUTH_HELPER_LINE_H
#define AUTH_HELPER_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/accounts.h"
#include "util/str.h"

#define HELPER_LINE_MAX (96 * 1024) /* with the line feed; ntlm_auth takes what fits a token */
#define HELPER_GROUPS_MAX 1024
#define HELPER_TOKEN_MAX 4096 /* of an answer, base64 */
#define HELPER_NO_CHANNEL (-1)

enum helper_protocol { HELPER_BASIC, HELPER_NTLMSSP };

/* A kind of helper, as configured; two that are equal in every member share their
 * processes. */
struct helper_config {
    char *command; /* program and arguments, split at spaces; "..." and '...' keep them */
    enum helper_protocol protocol;
    unsigned children;    /* processes at most; at least 1 */
    unsigned concurrency; /* asks at once in one process, by channel; 0: one, no channels */
    unsigned queue;       /* asks that wait, at most */
    uint64_t timeout_ms;  /* for one answer; a lease that nobody uses has 3 s at most */
};

enum helper_kind {
    HELPER_OK,     /* OK or AF: user, groups may be set */
    HELPER_ERR,    /* ERR or NA: the credentials are wrong */
    HELPER_TOKEN,  /* TT: token goes to the client */
    HELPER_BROKEN, /* BH: the helper could not find out */
    HELPER_STRANGE, /* nothing that the protocol has */
};

struct helper_answer {
    enum helper_kind kind;
    int64_t channel;               /* HELPER_NO_CHANNEL: none */
    struct str token;              /* base64, as sent; into the line */
    char user[ACCOUNT_NAME_MAX + 1]; /* decoded; empty: none given */
    char groups[HELPER_GROUPS_MAX];  /* of all group= keys, with spaces between */
    char message[256];             /* why, for the log; printable */
};

/* "user password\n", both escaped as Squid does (RFC 1738, and every control
 * character); whoever sends it puts a channel number in front where there are channels.
 * Returns its length; 0: too long for out, or nothing that a helper should be asked: an
 * empty user, which would make the password the user, or a NUL byte in either, where a
 * helper written in C would cut. */
size_t helper_line_basic(char *out, size_t size, struct str user, struct str password);

/* "YR base64\n" for a first message, "KK base64\n" for the last. 0: too long, or not
 * base64. */
size_t helper_line_ntlm(char *out, size_t size, bool is_first, struct str base64);

/* One line of an answer, without its line feed: "OK", "ERR", "BH" with key=value pairs
 * or a message of the old form behind them; with HELPER_NTLMSSP also "TT token",
 * "AF user" and "NA message". What cannot be used whole is not used: a user name that is
 * too long or has control characters is HELPER_STRANGE, groups that do not fit (or
 * have a space in them, which could not be told apart) are HELPER_BROKEN, both with a
 * message. */
void helper_parse_answer(struct helper_answer *a, enum helper_protocol protocol,
                         bool has_channels, struct str line);

#endif
