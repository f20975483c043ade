/* SPDX-License-Identifier: MIT */
/*
 * inspect_suites.h - the suites of inspect_runner.c, a worker that inspects; and one of
 * thread_runner.c.
 *
 * The caller owns what is returned. Threads: one.
 */
#ifndef TESTS_UNIT_CORE_INSPECT_SUITES_H
#define TESTS_UNIT_CORE_INSPECT_SUITES_H

#include <check.h>

Suite *inspect_machine_suite(void);
Suite *inspect_ends_suite(void);
Suite *inspect_faults_suite(void);
Suite *inspect_inside_suite(void);
Suite *inspect_memory_suite(void);
Suite *inspect_parents_suite(void);

/* thread_runner.c */
Suite *inspect_threads_suite(void);

#endif
