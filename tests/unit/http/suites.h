/* SPDX-License-Identifier: MIT */
/*
 * suites.h - the test suites of proxy/http, one for each module.
 *
 * The caller owns what is returned. Threads: one.
 */
#ifndef TESTS_UNIT_HTTP_SUITES_H
#define TESTS_UNIT_HTTP_SUITES_H

#include <check.h>

Suite *accept_suite(void);
Suite *chars_suite(void);
Suite *head_suite(void);
Suite *reply_suite(void);
Suite *status_suite(void);
Suite *target_suite(void);
Suite *writer_suite(void);

#endif
