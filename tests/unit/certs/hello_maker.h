/* SPDX-License-Identifier: MIT */
/*
 * hello_maker.h - writes ClientHellos, good and bad ones, and cuts them into records.
 *
 *   maker_start -> maker_number, maker_text, maker_open ... maker_close -> maker_finish
 *
 * A block that is open has its length written when it is closed. Everything lies in the
 * struct; what does not fit fails the test. Threads: one.
 */
#ifndef UNIT_CERTS_HELLO_MAKER_H
#define UNIT_CERTS_HELLO_MAKER_H

#include <stddef.h>

#include "util/str.h"

#define MAKER_BYTES (512 * 1024)

struct maker {
    unsigned char message[96 * 1024];
    size_t len;
    unsigned char wire[MAKER_BYTES]; /* in records */
    size_t wire_len;
    size_t extensions; /* where their block begins */
};

/* The message up to the extensions: version 3.3, one suite, null compression. */
void maker_start(struct maker *m);

void maker_number(struct maker *m, unsigned width, size_t number);
void maker_text(struct maker *m, struct str text);

/* A block behind a length of width bytes. Returns what maker_close takes. */
size_t maker_open(struct maker *m, unsigned width);
void maker_close(struct maker *m, size_t at, unsigned width);

/* A whole extension with this content. */
void maker_extension(struct maker *m, size_t type, struct str content);
void maker_server_name(struct maker *m, struct str name);

/* Closes the extensions and the message and cuts it into records of at most size bytes.
 * The result lies in m->wire. */
struct str maker_finish(struct maker *m, size_t size);

/* The same for a message that is whole. */
struct str maker_cut(struct maker *m, struct str message, size_t size);

/* One record more at the end of m->wire. */
struct str maker_record(struct maker *m, unsigned type, struct str content);

#endif
