/* SPDX-License-Identifier: MIT */
/* test_clients.c - how many tunnels each address has. */
#include "tests/unit/core/suites.h"

#include "proxy/clients.h"
#include "util/mem.h"

static struct clients *clients;

static void set_up(void)
{
    clients = clients_new();
    ck_assert_ptr_nonnull(clients);
}

static void tear_down(void)
{
    clients_free(clients);
}

static struct addr address(const char *text)
{
    struct addr a;
    ck_assert_int_eq(addr_parse(&a, str_of(text)), 0);
    return a;
}

START_TEST(the_limit_holds_for_each_address)
{
    struct addr a = address("192.0.2.1"), b = address("2001:db8::1");
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(clients_enter(clients, &a, 3), CLIENTS_OK);
    ck_assert_int_eq(clients_enter(clients, &a, 3), CLIENTS_OVER_LIMIT);
    ck_assert_int_eq(clients_enter(clients, &b, 3), CLIENTS_OK);
    ck_assert_int_eq(clients_enter(clients, &a, 4), CLIENTS_OK); /* after a reload */
    ck_assert_int_eq(clients_enter(clients, &a, 2), CLIENTS_OVER_LIMIT);
    clients_leave(clients, &a);
    ck_assert_int_eq(clients_enter(clients, &a, 3), CLIENTS_OVER_LIMIT);
    clients_leave(clients, &a);
    ck_assert_int_eq(clients_enter(clients, &a, 3), CLIENTS_OK);
}
END_TEST

START_TEST(both_spellings_of_an_address_are_one)
{
    struct addr v4 = address("192.0.2.1"), mapped = address("::ffff:192.0.2.1");
    ck_assert_int_eq(clients_enter(clients, &v4, 1), CLIENTS_OK);
    ck_assert_int_eq(clients_enter(clients, &mapped, 1), CLIENTS_OVER_LIMIT);
    clients_leave(clients, &mapped);
    ck_assert_int_eq(clients_enter(clients, &v4, 1), CLIENTS_OK);
}
END_TEST

static struct addr numbered(unsigned n)
{
    struct addr a = {{0x20, 0x01, 0x0d, 0xb8}};
    a.bytes[12] = (uint8_t)(n >> 16);
    a.bytes[13] = (uint8_t)(n >> 8);
    a.bytes[15] = (uint8_t)n;
    return a;
}

/* More than there are buckets: chains of several, freed from every place. */
START_TEST(many_addresses_keep_their_counts)
{
    enum { ADDRESSES = 70000 };
    for (unsigned i = 0; i < ADDRESSES; i++) {
        struct addr a = numbered(i);
        for (unsigned k = 0; k <= i % 3; k++)
            ck_assert_int_eq(clients_enter(clients, &a, 5), CLIENTS_OK);
    }
    for (unsigned i = 0; i < ADDRESSES; i += 7) {
        struct addr a = numbered(i);
        for (unsigned k = 0; k <= i % 3; k++)
            clients_leave(clients, &a);
    }
    for (unsigned i = 0; i < ADDRESSES; i++) {
        struct addr a = numbered(i);
        unsigned now = i % 7 == 0 ? 0 : i % 3 + 1;
        if (now > 0)
            ck_assert_int_eq(clients_enter(clients, &a, now), CLIENTS_OVER_LIMIT);
        ck_assert_int_eq(clients_enter(clients, &a, now + 1), CLIENTS_OK);
    }
}
END_TEST

START_TEST(an_address_without_tunnels_takes_no_memory)
{
    struct addr a = address("192.0.2.1");
    (void)mem_fail_at(1, 1);
    enum clients_result rc = clients_enter(clients, &a, 1);
    (void)mem_fail_at(0, 0);
    ck_assert_int_eq(rc, CLIENTS_NO_MEMORY);
    ck_assert_int_eq(clients_enter(clients, &a, 1), CLIENTS_OK);
    (void)mem_fail_at(1, 1);
    rc = clients_enter(clients, &a, 2); /* a known one needs none */
    ck_assert_int_eq(rc, CLIENTS_OK);
    clients_leave(clients, &a);
    clients_leave(clients, &a);
    rc = clients_enter(clients, &a, 1); /* it was freed with the last tunnel */
    (void)mem_fail_at(0, 0);
    ck_assert_int_eq(rc, CLIENTS_NO_MEMORY);
}
END_TEST

START_TEST(without_memory_there_is_no_table)
{
    (void)mem_fail_at(1, 0);
    struct clients *none = clients_new();
    (void)mem_fail_at(0, 0);
    ck_assert_ptr_null(none);
    clients_free(none);
}
END_TEST

Suite *clients_suite(void)
{
    Suite *suite = suite_create("clients");
    TCase *tc = tcase_create("clients");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_limit_holds_for_each_address);
    tcase_add_test(tc, both_spellings_of_an_address_are_one);
    tcase_add_test(tc, many_addresses_keep_their_counts);
    tcase_add_test(tc, an_address_without_tunnels_takes_no_memory);
    tcase_add_test(tc, without_memory_there_is_no_table);
    suite_add_tcase(suite, tc);
    return suite;
}
