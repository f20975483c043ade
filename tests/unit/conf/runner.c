/* SPDX-License-Identifier: MIT */
/* runner.c - runs the suites of conf; fails when one check fails. */
#include <stdio.h>
#include <stdlib.h>

#include "conf/file.h"
#include "tests/unit/conf/suites.h"

const char *project_path(const char *path)
{
    static char full[4096];
    const char *root = getenv("SALLYPORT_ROOT");
    snprintf(full, sizeof(full), "%s/%s", root ? root : ".", path);
    return full;
}

char *read_project_file(const char *path, size_t *len)
{
    char *text = NULL;
    struct err e;
    if (file_read(project_path(path), (size_t)64 << 20, NULL, &text, len, &e) != 0)
        ck_abort_msg("%s: %s", path, e.text);
    return text;
}

int main(void)
{
    SRunner *runner = srunner_create(cases_suite());
    srunner_add_suite(runner, auth_suite());
    srunner_add_suite(runner, config_suite());
    srunner_add_suite(runner, exemptions_suite());
    srunner_add_suite(runner, file_suite());
    srunner_add_suite(runner, hosts_suite());
    srunner_add_suite(runner, inspect_decision_suite());
    srunner_add_suite(runner, keys_suite());
    srunner_add_suite(runner, products_suite());
    srunner_add_suite(runner, source_suite());
    srunner_add_suite(runner, suggest_suite());
    srunner_add_suite(runner, units_suite());
    srunner_add_suite(runner, webex_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
