/* SPDX-License-Identifier: MIT */
/*
 * pipes.h - a worker's pool of kernel pipes, through which splice(2) moves bytes
 * from socket to socket without copying them.
 *
 *   pipes_init -> pipes_get ... pipes_put -> pipes_fini
 *
 * A pipe belongs to whoever got it until it is put back; a relay holds one only
 * while bytes are in it. A pipe that is put back with bytes in it is closed.
 * Invariants: at most PIPES_MAX exist; every one holds at least PIPES_LEAST_BYTES
 * (the kernel gives less to a user who has many: copying is then faster).
 * Threads: the worker's own only.
 */
#ifndef PROXY_NET_PIPES_H
#define PROXY_NET_PIPES_H

#include <stddef.h>

#include "util/attr.h"

#define PIPES_MAX 256
#define PIPES_KEPT 16
#define PIPES_WANTED_BYTES (1024 * 1024)
#define PIPES_LEAST_BYTES (64 * 1024)

struct pipe {
    int read_fd, write_fd;
    size_t filled; /* bytes in it; kept by whoever holds it */
    struct pipe *next;
};

struct pipes {
    struct pipe *free;
    unsigned free_count, count;
    unsigned refused; /* asked for in vain: copied instead */
    unsigned pause;   /* requests to refuse at once after the kernel gave too little */
};

void pipes_init(struct pipes *p);

/* An empty pipe, or NULL: none to be had now, copy instead. */
MUST_CHECK struct pipe *pipes_get(struct pipes *p);

/* NULL is fine. */
void pipes_put(struct pipes *p, struct pipe *pipe);

/* All pipes must have been put back. */
void pipes_fini(struct pipes *p);

#endif
