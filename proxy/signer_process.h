/* SPDX-License-Identifier: MIT */
/*
 * signer_process.h - the process of a signer: its start, its socket, its end.
 *
 *   signer_process_start -> fd ... -> signer_process_end
 *
 * It is spawned with one end of a pair of SOCK_SEQPACKET at SIGNER_FD (certs/signer_wire.h),
 * our standard error, our environment (where OpenSSL and the modules of tokens find their
 * configuration) and no other descriptor. It leads a group of its own, so that a ^C at the
 * terminal leaves it to serve while the proxy drains.
 *
 * Owns process and socket. Threads: one at a time for each; fork(2) is not used, so the
 * locks of other threads do not matter.
 */
#ifndef PROXY_SIGNER_PROCESS_H
#define PROXY_SIGNER_PROCESS_H

#include <sys/types.h>

#include "util/attr.h"

#define SIGNER_PROCESS_STATUS_SIZE 48

struct signer_process {
    pid_t pid; /* 0: none */
    int fd;    /* our end: close-on-exec and non-blocking; -1: none */
};

/* program NULL: this very one. 0, or an errno and no process. */
MUST_CHECK int signer_process_start(struct signer_process *p, const char *program);

/* Closes the socket, which tells it to end; it is killed where it has not after grace_ms.
 * text: "has ended with status 1" or the like. One that does not run is fine. */
void signer_process_end(struct signer_process *p, unsigned grace_ms,
                        char text[SIGNER_PROCESS_STATUS_SIZE]);

#endif
