/* SPDX-License-Identifier: MIT */
/* tls_runner.c - runs the suites of TLS, with a memory of OpenSSL's that can run out. */
#include <signal.h>
#include <stdlib.h>

#include "tests/unit/core/tls_peer.h"
#include "tests/unit/core/tls_suites.h"

int main(void)
{
    tls_hook_memory();
    signal(SIGPIPE, SIG_IGN);
    SRunner *runner = srunner_create(tickets_suite());
    srunner_add_suite(runner, sessions_suite());
    srunner_add_suite(runner, stream_tls_suite());
    srunner_add_suite(runner, tls_nested_suite());
    srunner_add_suite(runner, tls_relay_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
