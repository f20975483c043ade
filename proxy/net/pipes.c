/* SPDX-License-Identifier: MIT */
/* pipes.c - a worker's pool of kernel pipes; see pipes.h. */
#include "proxy/net/pipes.h"

#include <fcntl.h>
#include <unistd.h>

#include "util/mem.h"

/* After the kernel has given a small pipe it will again: ask it seldom. */
#define PAUSE_REQUESTS 1000

void pipes_init(struct pipes *p)
{
    *p = (struct pipes){0};
}

static void destroy(struct pipes *p, struct pipe *pipe)
{
    close(pipe->read_fd);
    close(pipe->write_fd);
    mem_free(pipe);
    p->count--;
}

static struct pipe *create(struct pipes *p)
{
    int fds[2];
    struct pipe *pipe = mem_zalloc(sizeof(*pipe));
    if (pipe == NULL)
        return NULL;
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0) {
        mem_free(pipe);
        return NULL;
    }
    pipe->read_fd = fds[0];
    pipe->write_fd = fds[1];
    p->count++;
    int size = fcntl(fds[1], F_SETPIPE_SZ, PIPES_WANTED_BYTES);
    if (size < 0)
        size = fcntl(fds[1], F_GETPIPE_SZ);
    if (size < PIPES_LEAST_BYTES) {
        destroy(p, pipe);
        p->pause = PAUSE_REQUESTS;
        return NULL;
    }
    return pipe;
}

struct pipe *pipes_get(struct pipes *p)
{
    struct pipe *pipe = p->free;
    if (pipe != NULL) {
        p->free = pipe->next;
        p->free_count--;
        return pipe;
    }
    if (p->pause > 0)
        p->pause--;
    else if (p->count < PIPES_MAX)
        pipe = create(p);
    if (pipe == NULL)
        p->refused++;
    return pipe;
}

void pipes_put(struct pipes *p, struct pipe *pipe)
{
    if (pipe == NULL)
        return;
    if (pipe->filled != 0 || p->free_count >= PIPES_KEPT) {
        destroy(p, pipe);
        return;
    }
    pipe->next = p->free;
    p->free = pipe;
    p->free_count++;
}

void pipes_fini(struct pipes *p)
{
    while (p->free != NULL) {
        struct pipe *pipe = p->free;
        p->free = pipe->next;
        destroy(p, pipe);
    }
}
