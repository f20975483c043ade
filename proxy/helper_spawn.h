/* SPDX-License-Identifier: MIT */
/*
 * helper_spawn.h - a child process with three pipes, in a group of its own.
 *
 * Threads: any; fork(2) is not used, so other threads' locks do not matter.
 */
#ifndef PROXY_HELPER_SPAWN_H
#define PROXY_HELPER_SPAWN_H

#include <sys/types.h>

#include "util/attr.h"

/* Our ends; close-on-exec and non-blocking. */
struct helper_child {
    pid_t pid;
    int in, out, err; /* to its standard input, from its output and its error output */
};

/* Splits a command at spaces; "..." and '...' keep them. One block, mem_free frees it.
 * NULL without memory, or where there is no word. */
MUST_CHECK char **helper_split(const char *command);

/* Starts argv[0], looked up in PATH, with no signal blocked or ignored and no descriptor
 * but its pipes. 0, or an errno. */
MUST_CHECK int helper_spawn(char *const *argv, struct helper_child *child);

#endif
