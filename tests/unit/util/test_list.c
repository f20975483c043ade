/* SPDX-License-Identifier: MIT */
/* test_list.c - the linked list: order, removal, membership. */
#include "tests/unit/util/suites.h"

#include <string.h>

#include "util/attr.h"
#include "util/list.h"

struct item {
    char name;
    struct list_node node;
};

/* The names in order, and the back links checked on the way. */
static const char *names(const struct list *list)
{
    static char out[16];
    size_t len = 0;
    const struct list_node *before = &list->root;
    for (struct list_node *n = list_first(list); n != NULL; n = list_next(list, n)) {
        ck_assert_ptr_eq(n->prev, before);
        ck_assert_uint_lt(len, sizeof(out) - 1);
        out[len++] = LIST_ITEM(n, struct item, node)->name;
        before = n;
    }
    ck_assert_ptr_eq(list->root.prev, before);
    out[len] = '\0';
    return out;
}

START_TEST(an_empty_list_has_no_first)
{
    struct list list;
    list_init(&list);
    ck_assert(list_is_empty(&list));
    ck_assert_ptr_null(list_first(&list));
    ck_assert_str_eq(names(&list), "");
}
END_TEST

START_TEST(append_keeps_order)
{
    struct list list;
    struct item items[3] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
    list_init(&list);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        ck_assert(!list_has_node(&items[i].node));
        list_append(&list, &items[i].node);
        ck_assert(list_has_node(&items[i].node));
    }
    ck_assert(!list_is_empty(&list));
    ck_assert_str_eq(names(&list), "abc");
}
END_TEST

static const struct {
    const char *order; /* of removal */
    const char *left[3];
} REMOVALS[] = {
    {"abc", {"bc", "c", ""}}, {"acb", {"bc", "b", ""}}, {"bac", {"ac", "c", ""}},
    {"bca", {"ac", "a", ""}}, {"cab", {"ab", "b", ""}}, {"cba", {"ab", "a", ""}},
};

START_TEST(remove_in_every_order)
{
    struct list list;
    struct item items[3] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
    list_init(&list);
    for (size_t i = 0; i < ARRAY_LEN(items); i++)
        list_append(&list, &items[i].node);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        struct list_node *node = &items[REMOVALS[_i].order[i] - 'a'].node;
        list_remove(node);
        ck_assert(!list_has_node(node));
        ck_assert_str_eq(names(&list), REMOVALS[_i].left[i]);
    }
    ck_assert(list_is_empty(&list));
}
END_TEST

START_TEST(remove_twice_is_harmless)
{
    struct list list;
    struct item a = {.name = 'a'}, b = {.name = 'b'};
    list_init(&list);
    list_remove(&a.node);
    list_append(&list, &a.node);
    list_append(&list, &b.node);
    list_remove(&a.node);
    list_remove(&a.node);
    ck_assert_str_eq(names(&list), "b");
    list_append(&list, &a.node);
    ck_assert_str_eq(names(&list), "ba");
}
END_TEST

START_TEST(a_node_can_move_between_lists)
{
    struct list from, to;
    struct item a = {.name = 'a'}, b = {.name = 'b'};
    list_init(&from);
    list_init(&to);
    list_append(&from, &a.node);
    list_append(&to, &b.node);
    list_remove(&a.node);
    list_append(&to, &a.node);
    ck_assert(list_is_empty(&from));
    ck_assert_str_eq(names(&to), "ba");
}
END_TEST

Suite *list_suite(void)
{
    Suite *suite = suite_create("list");
    TCase *tc = tcase_create("all");
    tcase_add_test(tc, an_empty_list_has_no_first);
    tcase_add_test(tc, append_keeps_order);
    tcase_add_loop_test(tc, remove_in_every_order, 0, ARRAY_LEN(REMOVALS));
    tcase_add_test(tc, remove_twice_is_harmless);
    tcase_add_test(tc, a_node_can_move_between_lists);
    suite_add_tcase(suite, tc);
    return suite;
}
