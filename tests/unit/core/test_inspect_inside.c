/* SPDX-License-Identifier: MIT */
#include "tests/unit/core/inspect_suites.h"
Suite *inspect_inside_suite(void)
{
    return suite_create("inspect_inside");
}
