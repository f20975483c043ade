/* SPDX-License-Identifier: MIT */
/*
 * log.h - the error log: what the administrator must know about the proxy.
 *
 * One line a message, one write a line, so lines of several threads never mix.
 * On a terminal or any standard error there is no timestamp of files' kind to
 * miss: every line has one.
 *
 *   log_open (once, and again to reopen) -> log_line ...
 *
 * Before log_open, and wherever the file cannot be written, lines go to
 * standard error. Nothing that a client sent belongs in here but its address.
 * Threads: any. log_open may be called while others write.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include "util/attr.h"
#include "util/err.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE };

/* path: a file, or "stderr". The old file, if any, is closed. 0 or -1. */
MUST_CHECK int log_open(const char *path, struct err *e);

/* Adds timestamp, level and newline; cut at 1,000 bytes. */
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
