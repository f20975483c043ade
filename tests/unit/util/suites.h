/* SPDX-License-Identifier: MIT */
/*
 * suites.h - the suites of the util tests, one for each module.
 *
 * The caller owns the suite until it hands it to a runner, which frees it.
 * Threads: one.
 */
#ifndef TESTS_UNIT_UTIL_SUITES_H
#define TESTS_UNIT_UTIL_SUITES_H

#include <check.h>

Suite *addr_suite(void);
Suite *attr_suite(void);
Suite *base64_suite(void);
Suite *clock_suite(void);
Suite *err_suite(void);
Suite *json_suite(void);
Suite *list_suite(void);
Suite *log_suite(void);
Suite *mem_suite(void);
Suite *str_suite(void);

#endif
