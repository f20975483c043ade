/* SPDX-License-Identifier: MIT */
/*
 * child.h - starts a child with the default signals, none of them blocked, and in a process
 * group of its own, so that what is typed at a terminal is not meant for it.
 *
 * Which descriptors it gets is the caller's to say. Keeps nothing. Threads: any.
 */
#ifndef PROXY_CHILD_H
#define PROXY_CHILD_H

#include <spawn.h>
#include <sys/types.h>

#include "util/attr.h"

/* 0 with *pid, or an errno. program is looked for in PATH where it has no '/'. */
MUST_CHECK int child_start(const char *program, char *const *argv,
                           const posix_spawn_file_actions_t *files, pid_t *pid);

/* The descriptor, or another for it where it is not above `least`: what the child's are made of
 * must not be in their place. -1 with errno: fd is closed. */
MUST_CHECK int child_lift(int fd, int least);

#endif
