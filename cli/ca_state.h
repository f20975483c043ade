/* SPDX-License-Identifier: MIT */
/*
 * ca_state.h - how far the change-over of a CA has come, in words, and what comes next.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CA_STATE_H
#define CLI_CA_STATE_H

#include "cli/ca_folder.h"

/* A step that could strand somebody is taken by itself only so many days after the one
 * before it: machines that were switched off meanwhile have been on again. */
#define CA_STATE_DAYS 30

/* For JSON: "steady", "published", "changed", "interrupted". */
const char *ca_state_word(enum ca_state state);

/* "current", "next", "previous", or a phrase for people. */
const char *ca_state_role(enum ca_role role, bool is_word);

/* Days since the step that led to this state; negative where the clock went back. */
long ca_state_days(const struct ca_folder *f, time_t now);

/* Whether the next step can strand nobody: enough days have passed, or the certificate
 * that would be given up has expired. */
bool ca_state_is_due(const struct ca_folder *f, time_t now);

/* State and next step on standard output. */
void ca_state_print(const struct ca_folder *f, time_t now);

#endif
