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
Suite *chunked_random_suite(void);
Suite *chunked_suite(void);
Suite *differential_suite(void);
Suite *fidelity_suite(void);
Suite *framing_suite(void);
Suite *head_suite(void);
Suite *hop_suite(void);
Suite *passage_suite(void);
Suite *reply_suite(void);
Suite *response_suite(void);
Suite *status_suite(void);
Suite *target_suite(void);
Suite *writer_suite(void);

#endif
