/* SPDX-License-Identifier: MIT */
/*
 * account_file.h - one account put into the text of a file of accounts, or taken out;
 * every other line stays byte for byte.
 *
 * Owns nothing; the texts are secrets of the caller's. Threads: any. Setup: ends the
 * process without memory.
 */
#ifndef CLI_ACCOUNT_FILE_H
#define CLI_ACCOUNT_FILE_H

#include "util/err.h"
#include "util/str.h"

enum account_format {
    ACCOUNT_HTPASSWD,
    ACCOUNT_HTDIGEST,
    ACCOUNT_SMBPASSWD,
    ACCOUNT_FORMATS, /* none of these */
};

/* "htpasswd"; ACCOUNT_FORMATS has no name. */
const char *account_format_name(enum account_format format);
enum account_format account_format_parse(const char *name);

/* By the first line that is one of an account; ACCOUNT_FORMATS where there is none.
 * *has_lines: whether there is anything but comments. */
enum account_format account_format_of_text(struct str text, bool *has_lines);

/* By the format's name in that of the file. */
enum account_format account_format_of_path(const char *path);

/* The realm that all lines of an htdigest file have. 0; -1: *realm is empty where there
 * is none, else the second one. */
MUST_CHECK int account_realm(struct str text, struct str *realm);

/* Whether such a name or realm can be written, with a sentence where not. */
MUST_CHECK int account_check_user(enum account_format format, struct str user, struct err *e);
MUST_CHECK int account_check_realm(struct str realm, struct err *e);

/* The lines of a user. */
struct account_lines {
    char text[2][1024]; /* without ends; the second of htdigest alone */
    size_t count;       /* 0: the account goes */
};

/* Hashes the password. now_s: of the wall clock, for smbpasswd. 0, or -1 where the format
 * cannot have such a password. */
MUST_CHECK int account_lines_make(struct account_lines *l, enum account_format format,
                                  struct str user, struct str realm, struct str password,
                                  uint64_t now_s, struct err *e);
void account_lines_fini(struct account_lines *l); /* cleanses */

struct account_change {
    enum account_format format;
    struct str user, realm;
    const struct account_lines *lines;
    const char *file;  /* for messages */
    bool was_there;    /* set: the account had a line */
};

/* The new text, of mem_alloc; NULL where two lines of the file are for the same account
 * and lines->count is not 0. A line that is replaced keeps its end, and what its format
 * has besides name and hash; smbpasswd keeps the user's number and the flags, but for N
 * (no password). */
MUST_CHECK char *account_change_apply(struct account_change *c, struct str text, size_t *len,
                                      struct err *e);

#endif
