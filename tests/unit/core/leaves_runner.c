/* SPDX-License-Identifier: MIT */
/*
 * leaves_runner.c - runs the suites of signer and leaves. As `signer`, which is how a signer
 * starts the program that it is in, it is a signer that does what a test wants of it.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core/fake_signer.h"
#include "tests/unit/core/leaves_suites.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "signer") == 0)
        return fake_signer_run();
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(signer_suite());
    srunner_add_suite(runner, leaves_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
