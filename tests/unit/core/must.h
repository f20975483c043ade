/* SPDX-License-Identifier: MIT */
/*
 * must.h - a check for places that are reached a million times: Check's own
 * assertions write to a pipe each time they hold.
 *
 * Threads: any that may call Check.
 */
#ifndef TESTS_UNIT_CORE_MUST_H
#define TESTS_UNIT_CORE_MUST_H

#include <check.h>

#define MUST(cond)                                  \
    do {                                            \
        if (!(cond))                                \
            ck_abort_msg("'%s' is false", #cond);   \
    } while (0)

#endif
