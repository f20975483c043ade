/* SPDX-License-Identifier: MIT */
/*
 * leaves_suites.h - the suites of leaves_runner.c: the signer's process seen from the proxy,
 * and the cache of leaves.
 *
 * The caller owns what is returned. Threads: one.
 */
#ifndef TESTS_UNIT_CORE_LEAVES_SUITES_H
#define TESTS_UNIT_CORE_LEAVES_SUITES_H

#include <check.h>

Suite *signer_suite(void);
Suite *leaves_suite(void);

#endif
