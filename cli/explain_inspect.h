/* SPDX-License-Identifier: MIT */
/*
 * explain_inspect.h - what becomes of an allowed CONNECT in 'explain': exempt, passed on,
 * decrypted or refused, and the request inside.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_EXPLAIN_INSPECT_H
#define CLI_EXPLAIN_INSPECT_H

#include "cli/explain_print.h"

/* For an answer whose CONNECT (q) is allowed: asks what live traffic asks when it has seen a
 * hello with that SNI (NULL: without one), and the rules once more about a GET inside where
 * that can be seen. Fills verdict, is_allowed, stage and details. */
void explain_inspect(struct explain_answer *a, const struct policy_query *q, const char *sni,
                     struct policy_scratch *scratch);

#endif
