/* SPDX-License-Identifier: MIT */
/*
 * server.h - the whole process: configuration, workers, signals, the end.
 *
 * The calling thread becomes the control thread. It reads and compiles
 * configurations, opens listeners, answers the administrator, and handles
 * signals; the workers serve.
 *
 *   server_run: start -> (HUP: reload, USR1: reopen logs) -> TERM: drain -> return
 *
 * Threads: called once, by the main thread.
 */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include "util/err.h"

/* Runs until it is told to end. Returns 0 after a drain, or -1 where it could not
 * start: faults then has every reason. */
MUST_CHECK int server_run(const char *config_path, struct errlist *faults);

#endif
