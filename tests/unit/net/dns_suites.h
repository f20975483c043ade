/* SPDX-License-Identifier: MIT */
/*
 * dns_suites.h - the suites of the tests of dns.h and its parts.
 *
 * The caller owns a suite until it hands it to a runner, which frees it.
 * Threads: one.
 */
#ifndef TESTS_UNIT_NET_DNS_SUITES_H
#define TESTS_UNIT_NET_DNS_SUITES_H

#include <check.h>

Suite *dns_suite(void);
Suite *dns_askers_suite(void);
Suite *dns_faults_suite(void);
Suite *dns_message_suite(void);
Suite *dns_cache_suite(void);
Suite *dns_channel_suite(void);

#endif
