/* SPDX-License-Identifier: MIT */
/* runner.c - runs the suite that the build names in SUITE: one program a module. */
#include <check.h>
#include <stdlib.h>

Suite *SUITE(void);

int main(void)
{
    SRunner *runner = srunner_create(SUITE());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
