/* SPDX-License-Identifier: MIT */
/*
 * head_cases.h - heads with the outcome that each must have, however it arrives.
 *
 * Constant data. Threads: any.
 */
#ifndef TESTS_UNIT_HTTP_HEAD_CASES_H
#define TESTS_UNIT_HTTP_HEAD_CASES_H

#include <check.h>
#include <stddef.h>

struct head_case {
    const char *bytes;
    size_t len;
    const char *fault; /* NULL: the head is taken */
};

extern const struct head_case HEAD_GOOD[];
extern const size_t HEAD_GOOD_COUNT;

/* Feeds the head whole, in two pieces at every place, and byte by byte, to the
 * scanner and what it finds to the parser: the outcome is that of the row each
 * time. What is in front of an end of head found too early is an error. */
void head_case_run(const struct head_case *row, size_t limit);

/* The heads that are refused, in a test case of their own. */
TCase *head_faults_case(void);

#endif
