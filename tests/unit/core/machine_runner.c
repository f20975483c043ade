/* SPDX-License-Identifier: MIT */
/* machine_runner.c - runs the suites of the core that need a worker. */
#include <signal.h>
#include <stdlib.h>

#include "tests/unit/core/suites.h"

int main(void)
{
    /* As in a worker's thread: splice(2) to a socket that broke raises it. */
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(phases_suite());
    srunner_add_suite(runner, connect_suite());
    srunner_add_suite(runner, failures_suite());
    srunner_add_suite(runner, limits_suite());
    srunner_add_suite(runner, accesslog_suite());
    srunner_add_suite(runner, tunnel_hello_suite());
    srunner_add_suite(runner, memory_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
