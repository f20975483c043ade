/* SPDX-License-Identifier: MIT */
/* test_domain.c - the table of names and suffixes: many of them, repeated ones, long
 * ones, and more in one line of it than fit. */
#include "tests/unit/policy/suites.h"

#include <stdio.h>
#include <string.h>

#include "policy/domain.h"
#include "policy/note.h"

static void add(struct domain_table *t, const char *key, bool is_suffix, uint16_t set,
                uint32_t line)
{
    struct domain_entry entry = {.key = str_of(key),
                                 .is_suffix = is_suffix,
                                 .set = set,
                                 .line = line,
                                 .file = NOTE_NO_FILE,
                                 .url = NOTE_NO_URL};
    domain_add(t, &entry);
}

/* What a lookup found. */
struct found {
    const struct domain_table *table;
    size_t count;
    uint64_t lines; /* their sum */
    struct domain_entry last;
};

static void on_match(void *context, const struct domain_match *match)
{
    struct found *f = context;
    domain_read(f->table, match->ref, &f->last);
    ck_assert_uint_eq(match->set, f->last.set);
    ck_assert_uint_eq(match->key_len, f->last.key.len);
    ck_assert(match->is_suffix == f->last.is_suffix);
    ck_assert(match->is_whole || match->is_suffix);
    ck_assert_uint_eq(match->url, f->last.url);
    f->count++;
    f->lines += f->last.line;
}

static struct found find(const struct domain_table *t, const char *name)
{
    struct found f = {.table = t};
    struct domain_search search;
    domain_prepare(t, str_of(name), &search);
    domain_find(t, &search, on_match, &f);
    return f;
}

static size_t count_all(const struct domain_table *t, uint64_t *lines)
{
    size_t count = 0;
    *lines = 0;
    for (domain_ref ref = domain_walk(t, 0); ref != 0; ref = domain_walk(t, ref)) {
        struct domain_entry entry;
        domain_read(t, ref, &entry);
        *lines += entry.line;
        count++;
    }
    return count;
}

START_TEST(each_of_many_is_found_and_nothing_else)
{
    enum { COUNT = 50000 };
    struct domain_table t = {0};
    uint64_t lines;
    char name[64];
    for (uint32_t i = 1; i <= COUNT; i++) {
        snprintf(name, sizeof(name), "name%u.zone%u.test", i, i % 97);
        add(&t, name, i % 2, (uint16_t)(i % 7), i);
    }
    domain_finish(&t);
    ck_assert_uint_eq(t.count, COUNT);
    for (uint32_t i = 1; i <= COUNT; i++) {
        snprintf(name, sizeof(name), "name%u.zone%u.test", i, i % 97);
        struct found f = find(&t, name);
        ck_assert_uint_eq(f.count, 1);
        ck_assert_uint_eq(f.lines, i);
        ck_assert_uint_eq(f.last.set, i % 7);
        snprintf(name, sizeof(name), "www.name%u.zone%u.test", i, i % 97);
        ck_assert_uint_eq(find(&t, name).count, i % 2);
        snprintf(name, sizeof(name), "name%u.zone%u.test", i, i % 97 + 97);
        ck_assert_uint_eq(find(&t, name).count, 0);
        snprintf(name, sizeof(name), "xname%u.zone%u.test", i, i % 97);
        ck_assert_uint_eq(find(&t, name).count, 0);
    }
    ck_assert_uint_eq(count_all(&t, &lines), COUNT);
    ck_assert_uint_eq(lines, (uint64_t)COUNT * (COUNT + 1) / 2);
    domain_fini(&t);
}
END_TEST

START_TEST(repeated_patterns_of_a_set_are_kept_once)
{
    struct domain_table t = {0};
    for (uint32_t i = 1; i <= 1000; i++) {
        add(&t, "a.test", true, 1, i);
        add(&t, "a.test", false, 1, i);
        add(&t, "a.test", true, 2, i);
    }
    domain_finish(&t);
    ck_assert_uint_eq(t.count, 3);
    struct found f = find(&t, "a.test");
    ck_assert_uint_eq(f.count, 3);
    ck_assert_uint_eq(f.lines, 3);
    ck_assert_uint_eq(find(&t, "b.a.test").count, 2);
    domain_fini(&t);
}
END_TEST

/* One key in as many sets as there may be: nearly all hang behind its line. */
START_TEST(one_key_in_thousands_of_sets)
{
    enum { COUNT = 4096 };
    struct domain_table t = {0};
    uint64_t lines;
    for (uint32_t i = 0; i < COUNT; i++)
        add(&t, "busy.test", true, (uint16_t)i, i);
    domain_finish(&t);
    struct found f = find(&t, "x.busy.test");
    ck_assert_uint_eq(f.count, COUNT);
    ck_assert_uint_eq(f.lines, (uint64_t)COUNT * (COUNT - 1) / 2);
    ck_assert_uint_eq(find(&t, "x.idle.test").count, 0);
    ck_assert_uint_eq(count_all(&t, &lines), COUNT);
    domain_fini(&t);
}
END_TEST

START_TEST(long_texts_urls_and_other_spellings)
{
    struct domain_table t = {0};
    char written[4096];
    char key[HOST_MAX + 1];
    memset(written, 'w', sizeof(written));
    memset(key, 'k', sizeof(key));
    for (size_t i = 50; i < HOST_MAX; i += 50)
        key[i] = '.';
    struct domain_entry entry = {.key = {key, HOST_MAX},
                                 .is_suffix = true,
                                 .set = 4095,
                                 .line = UINT32_MAX,
                                 .file = 64999,
                                 .url = 7,
                                 .written = {written, sizeof(written)}};
    domain_add(&t, &entry);
    add(&t, "k", true, 0, 1);
    domain_finish(&t);
    key[HOST_MAX] = '\0';
    struct found f = find(&t, key);
    ck_assert_uint_eq(f.count, 1);
    ck_assert(str_eq(f.last.written, entry.written) && str_eq(f.last.key, entry.key));
    ck_assert_uint_eq(f.last.file, 64999);
    ck_assert_uint_eq(f.last.line, UINT32_MAX);
    f = find(&t, "x.k");
    ck_assert_uint_eq(f.count, 1);
    ck_assert(str_eq(f.last.written, STR_LIT("*.k")));
    domain_fini(&t);
}
END_TEST

START_TEST(depth_is_no_matter)
{
    struct domain_table t = {0};
    char name[HOST_MAX + 1];
    for (size_t i = 0; i < HOST_MAX; i++)
        name[i] = i % 2 ? '.' : 'a';
    name[HOST_MAX] = '\0';
    add(&t, "a", true, 0, 1);
    add(&t, "a.a", true, 0, 10);
    add(&t, name + 2, true, 0, 100);
    add(&t, name, false, 0, 1000);
    add(&t, name + 4, false, 0, 10000);
    domain_finish(&t);
    ck_assert_uint_eq(find(&t, name).lines, 1111);
    ck_assert_uint_eq(find(&t, name + 2).lines, 111);
    ck_assert_uint_eq(find(&t, name + 4).lines, 10011);
    ck_assert_uint_eq(find(&t, "a").lines, 1);
    domain_fini(&t);
}
END_TEST

START_TEST(an_empty_table_has_nothing)
{
    struct domain_table t = {0};
    domain_finish(&t);
    ck_assert_uint_eq(find(&t, "a.test").count, 0);
    ck_assert_uint_eq(domain_walk(&t, 0), 0);
    domain_fini(&t);
}
END_TEST

Suite *domain_suite(void)
{
    Suite *s = suite_create("domain");
    TCase *t = tcase_create("domain");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, each_of_many_is_found_and_nothing_else);
    tcase_add_test(t, repeated_patterns_of_a_set_are_kept_once);
    tcase_add_test(t, one_key_in_thousands_of_sets);
    tcase_add_test(t, long_texts_urls_and_other_spellings);
    tcase_add_test(t, depth_is_no_matter);
    tcase_add_test(t, an_empty_table_has_nothing);
    suite_add_tcase(s, t);
    return s;
}
