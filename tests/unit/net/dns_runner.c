/* SPDX-License-Identifier: MIT */
/* dns_runner.c - runs the suites of dns.h; fails when one check fails. */
#include <stdlib.h>

#include "tests/unit/net/dns_suites.h"

int main(void)
{
    SRunner *runner = srunner_create(dns_message_suite());
    srunner_add_suite(runner, dns_cache_suite());
    srunner_add_suite(runner, dns_channel_suite());
    srunner_add_suite(runner, dns_suite());
    srunner_add_suite(runner, dns_askers_suite());
    srunner_add_suite(runner, dns_faults_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
