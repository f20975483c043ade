/* SPDX-License-Identifier: MIT */
/* runner.c - runs the suites of proxy/http. */
#include <stdlib.h>

#include "tests/unit/http/suites.h"

int main(void)
{
    SRunner *runner = srunner_create(chars_suite());
    srunner_add_suite(runner, writer_suite());
    srunner_add_suite(runner, accept_suite());
    srunner_add_suite(runner, head_suite());
    srunner_add_suite(runner, target_suite());
    srunner_add_suite(runner, response_suite());
    srunner_add_suite(runner, framing_suite());
    srunner_add_suite(runner, hop_suite());
    srunner_add_suite(runner, passage_suite());
    srunner_add_suite(runner, fidelity_suite());
    srunner_add_suite(runner, differential_suite());
    srunner_add_suite(runner, chunked_suite());
    srunner_add_suite(runner, chunked_random_suite());
    srunner_add_suite(runner, reply_suite());
    srunner_add_suite(runner, status_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
