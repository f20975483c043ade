/* SPDX-License-Identifier: MIT */
/*
 * ca_print.h - a CA certificate as text and as JSON, and what to do with it.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CA_PRINT_H
#define CLI_CA_PRINT_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "util/err.h"

struct ca_printed {
    X509 *cert;
    const char *path;  /* of the file that it is in */
    const char *role;  /* "signs"; NULL: not told */
    const char *state; /* of the folder, for JSON; NULL: not told */
    int has_key;       /* 1 its private key is there, 0 it is not, -1 not looked for */
    bool is_past;      /* it signs no more: nobody minds what is wrong with it */
    time_t now;
    const struct errlist *faults; /* its own, for JSON; NULL: none */
};

/* Aligned rows on standard output. */
void ca_print_text(const struct ca_printed *p);

/* One object on a line of standard output. */
void ca_print_json(const struct ca_printed *p);

/* Where clients keep what they trust. path: the certificate that they are to trust. */
void ca_print_where(const char *path);

/* Whole days until the certificate expires; negative when it has. */
long ca_print_days_left(const X509 *cert, time_t now);

#endif
