/* SPDX-License-Identifier: MIT */
/* thread_runner.c - runs the suites that need several threads; see CK_FORK in
 * meson.build: a forked test has only one, and ThreadSanitizer must see them all. */
#include <signal.h>
#include <stdlib.h>

#include "tests/unit/core/suites.h"

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(log_threads_suite());
    srunner_add_suite(runner, worker_threads_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
