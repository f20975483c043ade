/* SPDX-License-Identifier: MIT */
/* runner.c - runs the suites of util; fails when one check fails. */
#include <stdlib.h>

#include "tests/unit/util/suites.h"

int main(void)
{
    SRunner *runner = srunner_create(addr_suite());
    srunner_add_suite(runner, attr_suite());
    srunner_add_suite(runner, base64_suite());
    srunner_add_suite(runner, clock_suite());
    srunner_add_suite(runner, err_suite());
    srunner_add_suite(runner, json_suite());
    srunner_add_suite(runner, list_suite());
    srunner_add_suite(runner, log_suite());
    srunner_add_suite(runner, mem_suite());
    srunner_add_suite(runner, str_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
