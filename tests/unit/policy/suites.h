/* SPDX-License-Identifier: MIT */
/*
 * suites.h - the suites of the policy tests.
 *
 * The caller owns the suite until it hands it to a runner, which frees it.
 * Threads: one.
 */
#ifndef TESTS_UNIT_POLICY_SUITES_H
#define TESTS_UNIT_POLICY_SUITES_H

#include <check.h>

Suite *bulk_suite(void);
Suite *host_suite(void);
Suite *namehash_suite(void);
Suite *nameset_suite(void);
Suite *pattern_suite(void);
Suite *url_suite(void);
Suite *netset_suite(void);
Suite *domain_suite(void);
Suite *glob_suite(void);
Suite *regex_suite(void);
Suite *build_suite(void);
Suite *policy_suite(void);
Suite *random_suite(void);
Suite *users_suite(void);
Suite *lint_suite(void);
Suite *guard_suite(void);
Suite *inspection_suite(void);
Suite *prove_suite(void);

#endif
