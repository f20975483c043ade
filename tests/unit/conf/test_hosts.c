/* SPDX-License-Identifier: MIT */
/* test_hosts.c - fixed names from a file in the form of hosts(5). */
#include "tests/unit/conf/suites.h"

#include <stdio.h>

#include "conf/hosts.h"
#include "util/mem.h"

static const char text[] = "# a comment\n"
                           "127.0.0.1 localhost\n"
                           "::1\tlocalhost ip6-localhost # another\n"
                           "\n"
                           "  10.0.0.2   Web.Corp.EXAMPLE. web  \r\n"
                           "10.0.0.1 web.corp.example\n"
                           "192.0.2.7 b\xc3\xbc" "cher.example\n"
                           "10.0.0.9 last";

/* The addresses as "a b", in order; "" for none. */
static void check_name(const struct hosts *h, const char *name, const char *expected)
{
    char found[256] = "", addr[ADDR_TEXT_SIZE];
    size_t count, used = 0;
    const struct addr *addrs = hosts_find(h, str_of(name), &count);
    ck_assert((addrs == NULL) == (count == 0));
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(found + used, sizeof(found) - used, "%s%s", i ? " " : "",
                                 addr_format(&addrs[i], addr));
    ck_assert_str_eq(found, expected);
}

START_TEST(names_are_found_as_host_parse_spells_them)
{
    struct errlist faults;
    errlist_init(&faults);
    struct hosts *h = hosts_read(STR_LIT(text), "hosts", false, &faults);
    ck_assert_uint_eq(faults.count, 0);
    check_name(h, "localhost", "127.0.0.1 ::1");
    check_name(h, "ip6-localhost", "::1");
    check_name(h, "web.corp.example", "10.0.0.2 10.0.0.1");
    check_name(h, "web", "10.0.0.2");
    check_name(h, "xn--bcher-kva.example", "192.0.2.7");
    check_name(h, "last", "10.0.0.9");
    check_name(h, "we", "");
    check_name(h, "web.corp", "");
    check_name(h, "web.corp.example.test", "");
    check_name(h, "zzz", "");
    check_name(h, "", "");
    check_name(h, "comment", "");
    hosts_free(h);
    errlist_fini(&faults);
}
END_TEST

static const char faulty[] = "300.0.0.1 a\n127.0.0.1\nfe80::1%lo b\n10.0.0.1 good -..- 10.0.0.2\n";

START_TEST(faults_are_named_with_their_line)
{
    static const unsigned lines[] = {1, 2, 3, 4, 4};
    struct errlist faults;
    errlist_init(&faults);
    struct hosts *h = hosts_read(STR_LIT(faulty), "hosts", false, &faults);
    ck_assert_uint_eq(faults.errors, ARRAY_LEN(lines));
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        ck_assert_str_eq(faults.items[i].file, "hosts");
        ck_assert_uint_eq(faults.items[i].line, lines[i]);
    }
    check_name(h, "good", "10.0.0.1");
    hosts_free(h);
    errlist_fini(&faults);
}
END_TEST

START_TEST(the_system_s_own_file_never_stops_a_start)
{
    struct errlist faults;
    errlist_init(&faults);
    struct hosts *h = hosts_read(STR_LIT(faulty), "/etc/hosts", true, &faults);
    ck_assert_uint_eq(faults.count, 0);
    check_name(h, "good", "10.0.0.1");
    check_name(h, "a", "");
    hosts_free(h);
    errlist_fini(&faults);
}
END_TEST

START_TEST(nothing_is_a_table_too)
{
    struct errlist faults;
    errlist_init(&faults);
    struct hosts *h = hosts_read((struct str){NULL, 0}, "hosts", false, &faults);
    ck_assert_uint_eq(faults.count, 0);
    check_name(h, "localhost", "");
    hosts_free(h);
    hosts_free(NULL);
    errlist_fini(&faults);
}
END_TEST

START_TEST(many_names_are_all_found)
{
    enum { NAMES = 20000, ROOM = NAMES * 40 };
    char *many = mem_must_zalloc(ROOM), name[40], addr[40];
    size_t used = 0;
    struct errlist faults;
    for (unsigned i = 0; i < NAMES; i++)
        used += (size_t)snprintf(many + used, ROOM - used, "10.0.%u.%u host-%u.test\n", i / 256,
                                 i % 256, i);
    errlist_init(&faults);
    struct hosts *h = hosts_read((struct str){many, used}, "hosts", false, &faults);
    ck_assert_uint_eq(faults.count, 0);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "host-%u.test", i);
        snprintf(addr, sizeof(addr), "10.0.%u.%u", i / 256, i % 256);
        check_name(h, name, addr);
    }
    hosts_free(h);
    errlist_fini(&faults);
    mem_free(many);
}
END_TEST

Suite *hosts_suite(void)
{
    Suite *s = suite_create("hosts");
    TCase *t = tcase_create("names");
    tcase_add_test(t, names_are_found_as_host_parse_spells_them);
    tcase_add_test(t, faults_are_named_with_their_line);
    tcase_add_test(t, the_system_s_own_file_never_stops_a_start);
    tcase_add_test(t, nothing_is_a_table_too);
    tcase_add_test(t, many_names_are_all_found);
    suite_add_tcase(s, t);
    return s;
}
