/* SPDX-License-Identifier: MIT */
/*
 * end_reason.h - the named reason with which every request and connection ends.
 *
 * One row of end_reason.def gives the enum, the answer to the client, the word
 * in the log and the counter. Constant data. Threads: any.
 */
#ifndef PROXY_END_REASON_H
#define PROXY_END_REASON_H

enum end_reason {
#define X(name, token, status, error, text) END_##name,
#include "proxy/end_reason.def"
#undef X
    END_REASON_COUNT
};

struct end_row {
    const char *token;
    unsigned status;   /* 0: no answer is given */
    const char *error; /* Proxy-Status token; NULL: none */
    const char *text;
};

/* The row of a reason; never NULL. */
const struct end_row *end_row(enum end_reason reason);

#endif
