/* SPDX-License-Identifier: MIT */
/* runner.c - runs the suites of policy; fails when one check fails. */
#include <stdlib.h>

#include "tests/unit/policy/suites.h"

int main(void)
{
    SRunner *runner = srunner_create(bulk_suite());
    srunner_add_suite(runner, host_suite());
    srunner_add_suite(runner, namehash_suite());
    srunner_add_suite(runner, nameset_suite());
    srunner_add_suite(runner, pattern_suite());
    srunner_add_suite(runner, url_suite());
    srunner_add_suite(runner, netset_suite());
    srunner_add_suite(runner, domain_suite());
    srunner_add_suite(runner, glob_suite());
    srunner_add_suite(runner, regex_suite());
    srunner_add_suite(runner, build_suite());
    srunner_add_suite(runner, policy_suite());
    srunner_add_suite(runner, random_suite());
    srunner_add_suite(runner, users_suite());
    srunner_add_suite(runner, lint_suite());
    srunner_add_suite(runner, guard_suite());
    srunner_add_suite(runner, inspection_suite());
    srunner_add_suite(runner, prove_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
