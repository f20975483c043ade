/* SPDX-License-Identifier: MIT */
/* test_relay_message.c - relays that end before their source does: so many bytes,
 * what a filter makes of them, and bytes that were read before. */
#include "tests/unit/core/suites.h"

#include <stdlib.h>

#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "util/clock.h"
#include "util/mem.h"

static struct event_base *base;
static struct flow f;
static char got[4 << 20]; /* what the origin has received */
static size_t got_len;

static void set_up(void)
{
    base = flow_base();
    got_len = 0;
}

static void tear_down(void)
{
    flow_stop(&f);
    event_base_free(base);
}

static void receive(void)
{
    ssize_t n;
    while ((n = recv(f.origin.fd, got + got_len, sizeof(got) - got_len, 0)) > 0)
        got_len += (size_t)n;
}

/* Until the relay upwards is over; the client sends what it has meanwhile. */
static void run_up(struct str *rest)
{
    uint64_t until = clock_usec() + 20000000;
    while (!relay_is_over(&f.up) || f.up_rc == IO_YIELD) {
        if (clock_usec() > until)
            ck_abort_msg("no end in 20 s");
        ssize_t put = rest->len == 0 ? 0 : send(f.client.fd, rest->ptr, rest->len, MSG_NOSIGNAL);
        if (put > 0)
            *rest = (struct str){rest->ptr + put, rest->len - (size_t)put};
        flow_turn(&f);
        receive();
    }
    for (unsigned i = 0; i < 50; i++) {
        flow_turn(&f);
        receive();
    }
}

static char *random_bytes(size_t len, uint64_t seed)
{
    char *bytes = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)flow_random(&seed);
    return bytes;
}

static void expect_got(const char *bytes, size_t len)
{
    ck_assert_uint_eq(got_len, len);
    ck_assert(len == 0 || memcmp(got, bytes, len) == 0);
    ck_assert_uint_eq(f.up.bytes, len);
}

/* Not a byte too many is taken from the source, and there is no FIN. */
START_TEST(so_many_bytes_and_no_more)
{
    static const size_t LENGTHS[] = {0, 1, 1000, 262144, 262145, 3000000};
    size_t len = LENGTHS[_i / FLOW_KINDS];
    char *bytes = random_bytes(len + 7, (uint64_t)_i), behind[8], byte;
    struct str rest = {bytes, len + 7};
    flow_start(&f, base, (enum flow_kind)(_i % FLOW_KINDS), 0);
    relay_limit(&f.up, len);
    run_up(&rest);
    ck_assert_int_eq(f.up.state, RELAY_DONE);
    ck_assert_int_eq(f.up_rc, IO_OK);
    expect_got(bytes, len);
    ck_assert_int_eq(recv(f.origin.fd, &byte, 1, 0), -1); /* no end */
    ck_assert(!f.right.is_shut);
    if (rest.len > 0)
        ck_assert_int_eq(send(f.client.fd, rest.ptr, rest.len, 0), (ssize_t)rest.len);
    flow_turn(&f);
    size_t behind_len = 0;
    for (unsigned i = 0; i < 1000 && behind_len < 7; i++) {
        size_t step;
        enum io rc = stream_recv(&f.left, behind + behind_len, 7 - behind_len, &step);
        behind_len += rc == IO_OK ? step : 0;
        flow_turn(&f);
    }
    ck_assert_uint_eq(behind_len, 7);
    ck_assert_mem_eq(behind, bytes + len, 7);
    flow_check_quiet(&f);
    free(bytes);
}
END_TEST

START_TEST(an_end_that_comes_too_early)
{
    char *bytes = random_bytes(300000, 5), byte;
    struct str rest = {bytes, 300000};
    flow_start(&f, base, (enum flow_kind)_i, 0);
    relay_limit(&f.up, 300001);
    while (rest.len > 0) {
        ssize_t put = send(f.client.fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        if (put > 0)
            rest = (struct str){rest.ptr + put, rest.len - (size_t)put};
        flow_turn(&f);
        receive();
    }
    ck_assert_int_eq(f.up.state, RELAY_OPEN);
    shutdown(f.client.fd, SHUT_WR);
    run_up(&rest);
    ck_assert_int_eq(f.up.state, RELAY_CUT);
    ck_assert_int_eq(f.up_rc, IO_EOF);
    expect_got(bytes, 300000); /* what came before was delivered */
    ck_assert_int_eq(recv(f.origin.fd, &byte, 1, 0), -1);
    flow_check_quiet(&f);
    free(bytes);
}
END_TEST

START_TEST(to_the_end_without_a_fin)
{
    char byte;
    struct str rest = STR_LIT("all of it");
    flow_start(&f, base, (enum flow_kind)_i, 0);
    relay_keep_open(&f.up);
    ck_assert_int_eq(send(f.client.fd, rest.ptr, rest.len, 0), (ssize_t)rest.len);
    shutdown(f.client.fd, SHUT_WR);
    rest.len = 0;
    run_up(&rest);
    ck_assert_int_eq(f.up.state, RELAY_DONE);
    expect_got("all of it", 9);
    ck_assert_int_eq(recv(f.origin.fd, &byte, 1, 0), -1);
}
END_TEST

/* Puts a '-' behind each 'a' until a '.', which is the end; refuses a '!'. */
static enum parse mark(void *arg, struct str in, size_t *used, char *out, size_t size, size_t *len)
{
    unsigned *calls = arg;
    (*calls)++;
    *len = 0;
    MUST(in.len > 0 && in.len <= RELAY_BUFFER_BYTES && size >= RELAY_OUT_BYTES);
    for (*used = 0; *used < in.len;) {
        char c = in.ptr[(*used)++];
        if (c == '!')
            return PARSE_BAD;
        out[(*len)++] = c;
        if (c == 'a')
            out[(*len)++] = '-';
        if (c == '.')
            return PARSE_OK;
    }
    return PARSE_MORE;
}

START_TEST(a_filter_says_where_the_end_is)
{
    unsigned calls = 0;
    struct str rest = STR_LIT("abcdefghij.next request");
    flow_start(&f, base, (enum flow_kind)_i, 0);
    relay_set_filter(&f.up, mark, &calls);
    run_up(&rest);
    ck_assert_int_eq(f.up.state, RELAY_DONE);
    expect_got("a-bcdefghij.", 12);
    uint32_t len;
    char *behind = relay_take_carry(&f.up, &len); /* what was read behind the end */
    ck_assert_uint_eq(len, 12);
    ck_assert_mem_eq(behind, "next request", 12);
    mem_free(behind);
    ck_assert_ptr_null(relay_take_carry(&f.up, &len));
    ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(a_filter_refuses)
{
    unsigned calls = 0;
    struct str rest = STR_LIT("abc!def");
    flow_start(&f, base, (enum flow_kind)_i, 0);
    relay_set_filter(&f.up, mark, &calls);
    run_up(&rest);
    ck_assert_int_eq(f.up.state, RELAY_CUT);
    ck_assert_int_eq(relay_run(&f.up), IO_EOF);
    ck_assert_uint_eq(calls, 1);
    expect_got("", 0);
}
END_TEST

START_TEST(a_source_that_ends_within_a_filter)
{
    unsigned calls = 0;
    struct str rest = STR_LIT("");
    flow_start(&f, base, (enum flow_kind)_i, 0);
    relay_set_filter(&f.up, mark, &calls);
    ck_assert_int_eq(send(f.client.fd, "ab", 2, 0), 2);
    shutdown(f.client.fd, SHUT_WR);
    run_up(&rest);
    ck_assert_int_eq(f.up.state, RELAY_CUT);
    expect_got("a-b", 3);
}
END_TEST

/* A filter whose output is more than its input, to an origin that takes little. */
START_TEST(a_long_body_through_a_filter)
{
    unsigned calls = 0;
    size_t len = 1500000, want_len = 0;
    char *bytes = random_bytes(len, 9), *want = malloc(2 * len);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = i == len - 1 ? '.' : (char)('a' + (unsigned char)bytes[i] % 4);
        want[want_len++] = bytes[i];
        if (bytes[i] == 'a')
            want[want_len++] = '-';
    }
    flow_start(&f, base, (enum flow_kind)_i, 65536);
    relay_set_filter(&f.up, mark, &calls);
    struct str rest = {bytes, len};
    run_up(&rest);
    ck_assert_int_eq(f.up.state, RELAY_DONE);
    expect_got(want, want_len);
    ck_assert(!f.up.is_bulk); /* what goes through a filter is never spliced */
    flow_check_quiet(&f);
    free(want);
    free(bytes);
}
END_TEST

/* Input that was read before comes first and counts as input does. */
START_TEST(bytes_carried_over_come_first)
{
    struct str rest = STR_LIT("FGHIJ");
    flow_start(&f, base, FLOW_UNIX, 0);
    relay_carry(&f.up, mem_dup("abcde", 5), 5);
    uint32_t len;
    if (_i == 0) { /* all of it, and more from the source */
        relay_limit(&f.up, 8);
        run_up(&rest);
        expect_got("abcdeFGH", 8);
        ck_assert_ptr_null(relay_take_carry(&f.up, &len));
    } else { /* less than that: the source is not touched */
        relay_limit(&f.up, 3);
        run_up(&rest);
        expect_got("abc", 3);
        char *behind = relay_take_carry(&f.up, &len);
        ck_assert_uint_eq(len, 2);
        ck_assert_mem_eq(behind, "de", 2);
        mem_free(behind);
    }
    ck_assert_int_eq(f.up.state, RELAY_DONE);
}
END_TEST

START_TEST(puts_add_up_to_the_most)
{
    static char block[RELAY_MAX_PENDING];
    flow_start(&f, base, FLOW_UNIX, 0);
    ck_assert_int_eq(relay_put(&f.up, STR_LIT("one")), 0);
    ck_assert_int_eq(relay_put(&f.up, STR_LIT("two")), 0);
    ck_assert_int_eq(relay_put(&f.up, (struct str){block, sizeof(block) - 5}), -1);
    ck_assert_int_eq(relay_put(&f.up, STR_LIT("three")), 0);
    ck_assert_int_eq(relay_flush(&f.up), IO_OK);
    receive();
    expect_got("onetwothree", 11);
    ck_assert_ptr_null(f.up.pending);
}
END_TEST

Suite *relay_message_suite(void)
{
    Suite *suite = suite_create("relay_message");
    TCase *tc = tcase_create("relay_message");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, so_many_bytes_and_no_more, 0, 6 * FLOW_KINDS);
    tcase_add_loop_test(tc, an_end_that_comes_too_early, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, to_the_end_without_a_fin, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_filter_says_where_the_end_is, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_filter_refuses, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_source_that_ends_within_a_filter, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, a_long_body_through_a_filter, 0, FLOW_KINDS);
    tcase_add_loop_test(tc, bytes_carried_over_come_first, 0, 2);
    tcase_add_test(tc, puts_add_up_to_the_most);
    suite_add_tcase(suite, tc);
    return suite;
}
