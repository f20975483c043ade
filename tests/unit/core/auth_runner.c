/* SPDX-License-Identifier: MIT */
/* auth_runner.c - runs the suites of the core that need a worker and an authority. */
#include <signal.h>
#include <stdlib.h>

#include "tests/unit/core/suites.h"

int main(void)
{
    /* As in a worker's thread: splice(2) to a socket that broke raises it. */
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(auth_basic_suite());
    srunner_add_suite(runner, auth_errand_suite());
    srunner_add_suite(runner, auth_content_suite());
    srunner_add_suite(runner, auth_handshake_suite());
    srunner_add_suite(runner, auth_helper_suite());
    srunner_add_suite(runner, auth_memory_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
