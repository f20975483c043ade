/* SPDX-License-Identifier: MIT */
/*
 * inspect_runner.c - runs the suites of a worker that inspects, with a memory of OpenSSL's
 * that can run out. As `signer` it is a signer that does what a test wants of it.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core/fake_signer.h"
#include "tests/unit/core/inspect_suites.h"
#include "tests/unit/core/tls_peer.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "signer") == 0)
        return fake_signer_run();
    tls_hook_memory();
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(inspect_machine_suite());
    srunner_add_suite(runner, inspect_faults_suite());
    srunner_add_suite(runner, inspect_ends_suite());
    srunner_add_suite(runner, inspect_inside_suite());
    srunner_add_suite(runner, inspect_parents_suite());
    srunner_add_suite(runner, inspect_memory_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
