/* SPDX-License-Identifier: MIT */
/*
 * suites.h - the suites of the conf tests, and where their data are.
 *
 * The caller owns the suite until it hands it to a runner, which frees it.
 * Threads: one.
 */
#ifndef TESTS_UNIT_CONF_SUITES_H
#define TESTS_UNIT_CONF_SUITES_H

#include <check.h>
#include <stddef.h>

#include "util/str.h"

Suite *auth_suite(void);
Suite *cases_suite(void);
Suite *config_suite(void);
Suite *exemptions_suite(void);
Suite *file_suite(void);
Suite *hosts_suite(void);
Suite *inspect_decision_suite(void);
Suite *keys_suite(void);
Suite *products_suite(void);
Suite *source_suite(void);
Suite *suggest_suite(void);
Suite *units_suite(void);
Suite *webex_suite(void);

/* The content of a file below the root of the project; the test fails where it
 * cannot be read. Freed with mem_free. */
char *read_project_file(const char *path, size_t *len);

/* The same path as it can be opened, in a buffer that the next call reuses. */
const char *project_path(const char *path);

#endif
