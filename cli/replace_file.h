/* SPDX-License-Identifier: MIT */
/*
 * replace_file.h - changes a file so that whoever reads it finds the old content or the
 * new, and no third thing, whatever happens in between.
 *
 *   replace_file_open -> [replace_file_lock] -> replace_file_read ... ->
 *   [replace_file_write] -> replace_file_fini
 *
 * The new content is written beside the file, synced, and renamed over it. A symbolic
 * link is followed first: the file that it leads to is replaced, the link stays. A new
 * file has mode 0600. One that was there keeps its owner and group; where the group could
 * read it and nobody else could, the group goes on reading it; else it gets 0600 too.
 *
 * Owns the content, which is a secret: replace_file_fini cleanses it. Threads: the main
 * one. Setup: ends the process without memory.
 */
#ifndef CLI_REPLACE_FILE_H
#define CLI_REPLACE_FILE_H

#include <sys/types.h>

#include "util/err.h"
#include "util/str.h"

#define REPLACE_FILE_MAX (64 * 1024 * 1024)

struct replace_file {
    const char *path; /* as given, for messages; borrowed */
    int folder;       /* the descriptor of the folder that the file is in */
    char *name;       /* in there */
    char *text;
    size_t len;
    bool is_there;
    mode_t mode;     /* while is_there */
    mode_t new_mode; /* that replace_file_write gives */
    uid_t owner;
    gid_t group;
};

/* Finds the folder. 0, or -1 with an error; replace_file_fini either way. */
MUST_CHECK int replace_file_open(struct replace_file *f, const char *path, struct err *e);

/* Waits at most ten seconds for others that change files of this folder. 0 or -1. */
MUST_CHECK int replace_file_lock(struct replace_file *f, struct err *e);

/* Reads text and attributes, anew on each call. A file that is not there is no error. */
MUST_CHECK int replace_file_read(struct replace_file *f, struct err *e);

/* Only with the lock, which may be that of another file of the folder. 0, or -1: nothing
 * has changed. */
MUST_CHECK int replace_file_write(struct replace_file *f, struct str text, struct err *e);
void replace_file_fini(struct replace_file *f);

#endif
