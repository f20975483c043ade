/* SPDX-License-Identifier: MIT */
/* test_wheel.c - deadlines: never early, at most a tick late. */
#include "tests/unit/core/suites.h"

#include "proxy/wheel.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "util/attr.h"

#define NODES 60

struct watched {
    struct wheel_node node;
    bool is_set;
    unsigned expired, checked;
};

static struct wheel wheel;
static struct watched nodes[NODES];
static uint64_t now;
static void (*on_call)(struct watched *w, enum wheel_call call); /* NULL: nothing more */

static void on_node(struct wheel_node *n, enum wheel_call call)
{
    struct watched *w = LIST_ITEM(n, struct watched, node);
    MUST(w->is_set);
    if (call == WHEEL_EXPIRED) {
        MUST(now >= n->deadline_ms); /* never early */
        w->is_set = false;
        w->expired++;
    } else {
        MUST(now < n->deadline_ms);
        w->checked++;
    }
    if (on_call != NULL)
        on_call(w, call);
}

static void set_up(void)
{
    now = 123456789;
    on_call = NULL;
    memset(nodes, 0, sizeof(nodes));
    wheel_init(&wheel, now, on_node);
}

static void set(struct watched *w, uint64_t deadline)
{
    wheel_set(&wheel, &w->node, deadline);
    w->is_set = true;
}

static void clear(struct watched *w)
{
    wheel_clear(&wheel, &w->node);
    w->is_set = false;
}

/* Turns the wheel and compares with what must be set now. */
static void turn_to(uint64_t ms)
{
    size_t count = 0;
    now = ms;
    wheel_turn(&wheel, now);
    for (unsigned i = 0; i < NODES; i++) {
        count += nodes[i].is_set;
        if (nodes[i].is_set) /* at most a tick late */
            MUST(now < nodes[i].node.deadline_ms + WHEEL_TICK_MS);
    }
    MUST(wheel.count == count);
}

START_TEST(one_deadline_of_any_length)
{
    static const uint64_t LENGTHS[] = {0,     1,     49,    50,     51,      99,     100,
                                       12700, 12749, 12750, 12800,  12801,   12850,  25600,
                                       60000, 64000, 99999, 600000, 3600000, 604800000};
    uint64_t from = now + (unsigned)_i;
    uint64_t deadline = from + LENGTHS[(unsigned)_i % ARRAY_LEN(LENGTHS)];
    turn_to(from);
    set(&nodes[0], deadline);
    uint64_t step = deadline - from > 1000000 ? 997 : 1 + (unsigned)_i % 7;
    while (nodes[0].is_set)
        turn_to(now + step);
    MUST(nodes[0].expired == 1);
    MUST(now < deadline + WHEEL_TICK_MS + step);
    turn_to(now + 100000);
    MUST(nodes[0].expired == 1);
}
END_TEST

START_TEST(a_deadline_moves_later_by_a_store)
{
    set(&nodes[0], now + 1000);
    for (unsigned i = 0; i < 500; i++) {
        turn_to(now + 400);
        MUST(nodes[0].is_set);
        nodes[0].node.deadline_ms = now + 1000;
    }
    MUST(nodes[0].checked > 10);
    turn_to(now + 999);
    MUST(nodes[0].is_set);
    turn_to(now + 1 + WHEEL_TICK_MS);
    MUST(nodes[0].expired == 1);
}
END_TEST

START_TEST(a_deadline_moves_earlier_by_set)
{
    set(&nodes[0], now + 3600000);
    set(&nodes[0], now + 100);
    MUST(wheel.count == 1);
    turn_to(now + 100 + WHEEL_TICK_MS);
    MUST(nodes[0].expired == 1);
}
END_TEST

START_TEST(a_quiet_node_is_checked_once_a_round)
{
    set(&nodes[0], now + 3600000);
    uint64_t round = (uint64_t)WHEEL_SLOTS * WHEEL_TICK_MS, until = now + 100 * round;
    while (now < until)
        turn_to(now + WHEEL_TICK_MS);
    MUST(nodes[0].checked >= 99);
    MUST(nodes[0].checked <= 102);
    clear(&nodes[0]);
    clear(&nodes[0]); /* harmless */
    MUST(wheel.count == 0);
    turn_to(now + 4000000);
    MUST(nodes[0].expired == 0);
}
END_TEST

/* The first that is called clears all others. */
static void clear_others(struct watched *w, enum wheel_call call)
{
    (void)call;
    for (unsigned i = 0; i < NODES; i++)
        if (&nodes[i] != w)
            clear(&nodes[i]);
}

START_TEST(nodes_are_cleared_while_visiting)
{
    unsigned expired = 0;
    on_call = clear_others;
    for (unsigned i = 0; i < NODES; i++)
        set(&nodes[i], now + 500);
    turn_to(now + 1000);
    for (unsigned i = 0; i < NODES; i++)
        expired += nodes[i].expired;
    MUST(expired == 1);
    MUST(wheel.count == 0);
}
END_TEST

/* Each that expires is set anew, and so is its neighbour. */
static void set_again(struct watched *w, enum wheel_call call)
{
    size_t at = (size_t)(w - nodes);
    if (call != WHEEL_EXPIRED || w->expired > 20)
        return;
    set(w, now + 70);
    set(&nodes[(at + 1) % NODES], now + 30);
}

START_TEST(nodes_are_set_while_visiting)
{
    on_call = set_again;
    for (unsigned i = 0; i < NODES; i++)
        set(&nodes[i], now + 10 * i);
    while (wheel.count > 0)
        turn_to(now + 10);
    for (unsigned i = 0; i < NODES; i++)
        MUST(nodes[i].expired >= 20);
}
END_TEST

START_TEST(a_wheel_turned_hours_late_expires_all_at_once)
{
    for (unsigned i = 0; i < NODES; i++)
        set(&nodes[i], now + (uint64_t)i * i * 5000);
    turn_to(now + 5 * 3600 * 1000); /* the last was due after 17,405 s */
    for (unsigned i = 0; i < NODES; i++)
        MUST(nodes[i].expired == 1);
    set(&nodes[0], now + 20);
    turn_to(now + 20 + WHEEL_TICK_MS);
    MUST(nodes[0].expired == 2);
}
END_TEST

START_TEST(a_wheel_turned_late_keeps_what_is_not_due)
{
    for (unsigned i = 0; i < NODES; i++)
        set(&nodes[i], now + 3600000 + i * 40);
    turn_to(now + 3600000 - 1);
    for (unsigned i = 0; i < NODES; i++)
        MUST(nodes[i].expired == 0);
    for (unsigned i = 0; i < 300; i++)
        turn_to(now + 10); /* turn_to sees that none is late */
    for (unsigned i = 0; i < NODES; i++)
        MUST(nodes[i].expired == 1);
}
END_TEST

static uint64_t random_length(uint64_t *state)
{
    static const uint64_t SCALES[] = {10, 100, 1000, 13000, 60000, 7200000};
    return flow_random(state) % SCALES[flow_random(state) % ARRAY_LEN(SCALES)];
}

START_TEST(any_row_of_sets_clears_moves_and_turns)
{
    uint64_t state = (uint64_t)_i;
    for (unsigned i = 0; i < 30000; i++) {
        struct watched *w = &nodes[flow_random(&state) % NODES];
        switch (flow_random(&state) % 6) {
        case 0:
        case 1:
            set(w, now + random_length(&state));
            break;
        case 2:
            clear(w);
            break;
        case 3:
            if (w->is_set)
                w->node.deadline_ms += random_length(&state);
            break;
        default:
            turn_to(now + (flow_random(&state) % 50 == 0 ? random_length(&state)
                                                          : flow_random(&state) % 120));
        }
    }
}
END_TEST

Suite *wheel_suite(void)
{
    Suite *suite = suite_create("wheel");
    TCase *tc = tcase_create("wheel");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, one_deadline_of_any_length, 0, 60);
    tcase_add_test(tc, a_deadline_moves_later_by_a_store);
    tcase_add_test(tc, a_deadline_moves_earlier_by_set);
    tcase_add_test(tc, a_quiet_node_is_checked_once_a_round);
    tcase_add_test(tc, nodes_are_cleared_while_visiting);
    tcase_add_test(tc, nodes_are_set_while_visiting);
    tcase_add_test(tc, a_wheel_turned_hours_late_expires_all_at_once);
    tcase_add_test(tc, a_wheel_turned_late_keeps_what_is_not_due);
    tcase_add_loop_test(tc, any_row_of_sets_clears_moves_and_turns, 0, 10);
    suite_add_tcase(suite, tc);
    return suite;
}
