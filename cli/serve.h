/* SPDX-License-Identifier: MIT */
/*
 * serve.h - `sallyport serve`: runs the proxy.
 *
 * Threads: the main thread.
 */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include "util/attr.h"

/* argv[0] is "serve". Returns the exit status. */
MUST_CHECK int serve_command(int argc, char **argv);

#endif
