/* SPDX-License-Identifier: MIT */
/*
 * ca_steps.h - the steps of a change-over, each from one state of the folder to another.
 *
 * They want the lock of a folder that is loaded and in the state they begin with, and
 * leave it to be loaded anew. Each returns 0 or -1.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CA_STEPS_H
#define CLI_CA_STEPS_H

#include "cli/ca_folder.h"
#include "cli/ca_options.h"

/* Steady to published: a new CA like the current one, but for what the options say. */
MUST_CHECK int ca_steps_publish(const struct ca_folder *f, const struct ca_options *o, time_t now,
                                struct err *e);

/* Published to changed. */
MUST_CHECK int ca_steps_commit(const struct ca_folder *f, time_t now, struct err *e);

/* Interrupted to changed. */
MUST_CHECK int ca_steps_complete(const struct ca_folder *f, struct err *e);

/* Published to steady, with the CA as it was. */
MUST_CHECK int ca_steps_cancel(const struct ca_folder *f, struct err *e);

/* Changed to steady (or to published, where somebody has put a next CA there). */
MUST_CHECK int ca_steps_finish(const struct ca_folder *f, struct err *e);

#endif
