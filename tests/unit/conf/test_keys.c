/* SPDX-License-Identifier: MIT */
/* test_keys.c - the table of keys is sound: what the parser and the documents rely on. */
#include "tests/unit/conf/suites.h"

#include <string.h>

#include "conf/keys.h"

static size_t check_group(const struct key_group *group)
{
    size_t count = 0;
    for (size_t i = 0; i < group->count; i++) {
        const struct key *k = &group->keys[i];
        ck_assert_msg(k->name != NULL && k->doc != NULL, "%s: a key without name or line",
                      group->title);
        ck_assert_ptr_eq(keys_find(group, k->name), k); /* no name twice */
        if (k->type == KEY_MISSING)
            continue;
        count++;
        ck_assert_msg(k->offset < group->size, "%s.%s", group->title, k->name);
        ck_assert_msg(k->doc[strlen(k->doc) - 1] == '.', "%s.%s: no sentence", group->title,
                      k->name);
        bool has_group = k->type == KEY_GROUP || k->type == KEY_LIST || k->type == KEY_MAP;
        ck_assert_msg(has_group == (k->group != NULL), "%s.%s", group->title, k->name);
        ck_assert_msg((k->type == KEY_CHOICE) == (k->choices != NULL), "%s", k->name);
        bool has_range =
            k->type == KEY_NUMBER || k->type == KEY_DURATION || k->type == KEY_SIZE;
        ck_assert_msg(has_range == (k->max > k->min), "%s.%s", group->title, k->name);
        ck_assert_msg(!k->is_required || k->fallback == NULL, "%s.%s", group->title, k->name);
        if (k->group != NULL)
            count += check_group(k->group);
    }
    return count;
}

START_TEST(every_key_is_complete)
{
    ck_assert_uint_gt(check_group(&keys_root), 50);
}
END_TEST

START_TEST(an_unknown_key_is_none)
{
    struct errlist faults;
    errlist_init(&faults);
    ck_assert_ptr_null(keys_find(&keys_root, "listener"));
    ck_assert_ptr_null(keys_find(&keys_root, ""));
    keys_report_unknown(&keys_root, "listener", &(struct place){"a.conf", 3}, &faults);
    ck_assert_uint_eq(faults.errors, 1);
    ck_assert_str_eq(faults.items[0].text, "unknown key 'listener', did you mean 'listeners'?");
    ck_assert_uint_eq(faults.items[0].line, 3);
    errlist_fini(&faults);
}
END_TEST

Suite *keys_suite(void)
{
    Suite *s = suite_create("keys");
    TCase *t = tcase_create("table");
    tcase_add_test(t, every_key_is_complete);
    tcase_add_test(t, an_unknown_key_is_none);
    suite_add_tcase(s, t);
    return s;
}
