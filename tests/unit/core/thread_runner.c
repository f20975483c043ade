/* SPDX-License-Identifier: MIT */
/* thread_runner.c - runs the suites that need several threads; see CK_FORK in
 * meson.build: a forked test has only one, and ThreadSanitizer must see them all. As
 * `signer` it is a signer that does what a test wants of it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core/fake_signer.h"
#include "tests/unit/core/inspect_suites.h"
#include "tests/unit/core/suites.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "signer") == 0)
        return fake_signer_run();
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(log_threads_suite());
    srunner_add_suite(runner, worker_threads_suite());
    srunner_add_suite(runner, inspect_threads_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
