/* SPDX-License-Identifier: MIT */
/*
 * cases.h - judges of whole policies against a file of cases below tests/data/policy.
 *
 * "case TITLE" begins one; "warn TEXT" and "error TEXT" are what must be found, in this
 * order, and nothing else may. All other lines are statements of sets.h. '#' in front is a
 * comment. Threads: one.
 */
#ifndef TESTS_UNIT_POLICY_CASES_H
#define TESTS_UNIT_POLICY_CASES_H

#include "policy/policy.h"

typedef void (*cases_judge_fn)(const struct policy *p, struct errlist *faults);

/* The test fails at the first case that differs. Returns how many there are. */
size_t cases_run(const char *file, cases_judge_fn judge);

#endif
