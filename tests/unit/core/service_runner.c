/* SPDX-License-Identifier: MIT */
/* service_runner.c - runs the suites of what serves the workers from threads of its
 * own; CK_FORK as for thread_runner.c. */
#include <signal.h>
#include <stdlib.h>

#include "tests/unit/core/suites.h"

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(jobs_suite());
    srunner_add_suite(runner, helpers_suite());
    srunner_add_suite(runner, helper_lines_suite());
    srunner_add_suite(runner, helper_ends_suite());
    srunner_add_suite(runner, proposals_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
