/* SPDX-License-Identifier: MIT */
/* test_host.c - hosts.tsv: every spelling of a name or an address, and what is none. */
#include "tests/unit/policy/suites.h"

#include <stdlib.h>
#include <string.h>

#include "policy/host.h"
#include "tests/unit/policy/data.h"

/* From a block of exactly these bytes, so that a sanitizer sees a step beyond. */
static const char *parse_exactly(struct host *h, struct str text)
{
    char *copy = malloc(text.len ? text.len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text.ptr, text.len);
    memset(h, 0x5a, sizeof(*h));
    const char *fault = host_parse(h, (struct str){copy, text.len});
    free(copy);
    return fault;
}

static void check_row(const struct data *d)
{
    struct host h;
    struct str kind = d->fields[1];
    const char *fault = parse_exactly(&h, d->fields[0]);
    if (str_eq(kind, STR_LIT("fault"))) {
        ck_assert_msg(fault != NULL, "%s: taken as '%s'", data_where(d), fault ? "" : h.name);
        ck_assert_msg(memmem(fault, strlen(fault), d->fields[2].ptr, d->fields[2].len) != NULL,
                      "%s: the fault is '%s'", data_where(d), fault);
        return;
    }
    ck_assert_msg(fault == NULL, "%s: %s", data_where(d), fault);
    ck_assert_msg(str_eq(host_str(&h), d->fields[2]), "%s: got '%s'", data_where(d), h.name);
    ck_assert_msg(h.is_address == str_eq(kind, STR_LIT("address")), "%s", data_where(d));
    ck_assert_uint_eq(h.name[h.len], '\0');
    struct addr a = {{0}};
    if (h.is_address)
        ck_assert_int_eq(addr_parse(&a, host_str(&h)), 0);
    ck_assert(addr_eq(&a, &h.addr));
}

START_TEST(spellings)
{
    struct data d;
    size_t rows = 0;
    for (data_open(&d, "hosts.tsv", 4); data_next_row(&d); rows++)
        check_row(&d);
    data_close(&d);
    ck_assert_uint_ge(rows, 120);
}
END_TEST

START_TEST(the_one_spelling_is_its_own)
{
    struct data d;
    struct host h;
    struct host again;
    for (data_open(&d, "hosts.tsv", 4); data_next_row(&d);) {
        if (host_parse(&h, d.fields[0]) != NULL)
            continue;
        ck_assert_msg(host_parse(&again, host_str(&h)) == NULL, "%s", data_where(&d));
        ck_assert_msg(str_eq(host_str(&h), host_str(&again)), "%s", data_where(&d));
        ck_assert_msg(h.is_address == again.is_address, "%s", data_where(&d));
    }
    data_close(&d);
}
END_TEST

Suite *host_suite(void)
{
    Suite *s = suite_create("host");
    TCase *t = tcase_create("host");
    tcase_add_test(t, spellings);
    tcase_add_test(t, the_one_spelling_is_its_own);
    suite_add_tcase(s, t);
    return s;
}
