/* SPDX-License-Identifier: MIT */
/* runner.c - runs the suites of the core that need no worker. */
#include <signal.h>
#include <stdlib.h>

#include "tests/unit/core/suites.h"

int main(void)
{
    /* As in a worker's thread: splice(2) to a socket that broke raises it. */
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(stream_suite());
    srunner_add_suite(runner, relay_suite());
    srunner_add_suite(runner, relay_script_suite());
    srunner_add_suite(runner, relay_ends_suite());
    srunner_add_suite(runner, relay_bulk_suite());
    srunner_add_suite(runner, relay_message_suite());
    srunner_add_suite(runner, pipes_suite());
    srunner_add_suite(runner, connector_suite());
    srunner_add_suite(runner, connector_faults_suite());
    srunner_add_suite(runner, wheel_suite());
    srunner_add_suite(runner, clients_suite());
    srunner_add_suite(runner, logring_suite());
    srunner_add_suite(runner, table_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
