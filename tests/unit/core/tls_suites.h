/* SPDX-License-Identifier: MIT */
/*
 * tls_suites.h - the test suites of TLS.
 *
 * The caller owns what is returned. Threads: one.
 */
#ifndef TESTS_UNIT_CORE_TLS_SUITES_H
#define TESTS_UNIT_CORE_TLS_SUITES_H

#include <check.h>

Suite *sessions_suite(void);
Suite *stream_tls_suite(void);
Suite *tickets_suite(void);
Suite *tls_nested_suite(void);
Suite *tls_relay_suite(void);

#endif
