/* SPDX-License-Identifier: MIT */
/*
 * suites.h - the test suites of the core: proxy/net (but for names), the machine of
 * a connection, and what they stand on.
 *
 * The caller owns what is returned. Threads: one.
 */
#ifndef TESTS_UNIT_CORE_SUITES_H
#define TESTS_UNIT_CORE_SUITES_H

#include <check.h>

/* runner.c: parts that need no worker. */
Suite *clients_suite(void);
Suite *connector_suite(void);
Suite *connector_faults_suite(void);
Suite *logring_suite(void);
Suite *pipes_suite(void);
Suite *relay_suite(void);
Suite *relay_bulk_suite(void);
Suite *relay_ends_suite(void);
Suite *relay_message_suite(void);
Suite *relay_script_suite(void);
Suite *stream_suite(void);
Suite *table_suite(void);
Suite *wheel_suite(void);

/* machine_runner.c: a worker without its thread. */
Suite *accesslog_suite(void);
Suite *connect_suite(void);
Suite *failures_suite(void);
Suite *limits_suite(void);
Suite *memory_suite(void);
Suite *phases_suite(void);
Suite *tunnel_hello_suite(void);

/* auth_runner.c: a worker without its thread, and an authority. */
Suite *auth_basic_suite(void);
Suite *auth_content_suite(void);
Suite *auth_errand_suite(void);
Suite *auth_handshake_suite(void);
Suite *auth_helper_suite(void);
Suite *auth_memory_suite(void);

/* thread_runner.c: several threads. */
Suite *log_threads_suite(void);
Suite *worker_threads_suite(void);

/* service_runner.c: threads that serve the workers. */
Suite *helper_ends_suite(void);
Suite *helper_lines_suite(void);
Suite *helpers_suite(void);
Suite *jobs_suite(void);
Suite *proposals_suite(void);

#endif
