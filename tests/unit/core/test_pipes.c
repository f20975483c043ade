/* SPDX-License-Identifier: MIT */
/* test_pipes.c - the pool of pipes. */
#include "tests/unit/core/suites.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proxy/net/pipes.h"
#include "tests/unit/core/flow.h"
#include "util/mem.h"

static struct pipes pool;
static unsigned fds_before;

static void set_up(void)
{
    fds_before = flow_open_fds();
    pipes_init(&pool);
}

static void tear_down(void)
{
    pipes_fini(&pool);
    ck_assert_uint_eq(pool.count, 0);
    ck_assert_uint_eq(flow_open_fds(), fds_before);
}

START_TEST(a_pipe_is_empty_non_blocking_and_large)
{
    char byte;
    struct pipe *pipe = pipes_get(&pool);
    ck_assert_ptr_nonnull(pipe);
    ck_assert_uint_eq(pipe->filled, 0);
    ck_assert_int_eq(read(pipe->read_fd, &byte, 1), -1);
    ck_assert_int_ne(fcntl(pipe->read_fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(pipe->write_fd, F_GETFL) & O_NONBLOCK, 0);
    ck_assert_int_ne(fcntl(pipe->read_fd, F_GETFD) & FD_CLOEXEC, 0);
    ck_assert_int_ge(fcntl(pipe->write_fd, F_GETPIPE_SZ), PIPES_LEAST_BYTES);
    pipes_put(&pool, pipe);
}
END_TEST

START_TEST(an_empty_pipe_is_kept_and_a_filled_one_closed)
{
    struct pipe *pipe = pipes_get(&pool);
    pipes_put(&pool, pipe);
    ck_assert_uint_eq(pool.count, 1);
    ck_assert_ptr_eq(pipes_get(&pool), pipe);
    ck_assert_int_eq(write(pipe->write_fd, "x", 1), 1);
    pipe->filled = 1;
    pipes_put(&pool, pipe);
    ck_assert_uint_eq(pool.count, 0);
    ck_assert_uint_eq(flow_open_fds(), fds_before);
    pipes_put(&pool, NULL); /* harmless */
}
END_TEST

START_TEST(no_more_than_the_most_and_few_are_kept)
{
    static struct pipe *got[PIPES_MAX];
    for (unsigned i = 0; i < PIPES_MAX; i++) {
        got[i] = pipes_get(&pool);
        if (got[i] == NULL)
            break; /* the kernel gives a user only so much, see pipes.h */
        for (unsigned k = 0; k < i; k++)
            ck_assert_ptr_ne(got[k], got[i]);
    }
    unsigned count = pool.count, refused = pool.refused;
    ck_assert_uint_le(count, PIPES_MAX);
    ck_assert_uint_gt(count, PIPES_KEPT);
    ck_assert_ptr_null(pipes_get(&pool));
    ck_assert_uint_eq(pool.refused, refused + 1);
    ck_assert_uint_eq(pool.count, count);
    for (unsigned i = 0; i < count; i++)
        pipes_put(&pool, got[i]);
    ck_assert_uint_eq(pool.count, PIPES_KEPT);
    ck_assert_uint_eq(pool.free_count, PIPES_KEPT);
    ck_assert_uint_eq(flow_open_fds(), fds_before + 2 * PIPES_KEPT);
}
END_TEST

START_TEST(without_memory_or_descriptors_there_is_none)
{
    struct rlimit old, none;
    (void)mem_fail_at(1, 1);
    struct pipe *pipe = pipes_get(&pool);
    (void)mem_fail_at(0, 0);
    ck_assert_ptr_null(pipe);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){1, old.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    pipe = pipes_get(&pool);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
    ck_assert_ptr_null(pipe);
    ck_assert_uint_eq(pool.count, 0);
    ck_assert_uint_eq(pool.refused, 2);
    pipe = pipes_get(&pool);
    ck_assert_ptr_nonnull(pipe);
    pipes_put(&pool, pipe);
}
END_TEST

/* After a small pipe the kernel is left alone for a while, and then asked again. */
START_TEST(a_pause_ends)
{
    unsigned vain = 0;
    pool.pause = 5;
    struct pipe *pipe;
    while ((pipe = pipes_get(&pool)) == NULL)
        ck_assert_uint_le(++vain, 5);
    ck_assert_uint_eq(vain, 5);
    ck_assert_uint_eq(pool.refused, 5);
    pipes_put(&pool, pipe);
    pool.pause = 5; /* one that is kept is given whatever the kernel would do */
    ck_assert_ptr_eq(pipes_get(&pool), pipe);
    pipes_put(&pool, pipe);
}
END_TEST

Suite *pipes_suite(void)
{
    Suite *suite = suite_create("pipes");
    TCase *tc = tcase_create("pipes");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_pipe_is_empty_non_blocking_and_large);
    tcase_add_test(tc, an_empty_pipe_is_kept_and_a_filled_one_closed);
    tcase_add_test(tc, no_more_than_the_most_and_few_are_kept);
    tcase_add_test(tc, without_memory_or_descriptors_there_is_none);
    tcase_add_test(tc, a_pause_ends);
    suite_add_tcase(suite, tc);
    return suite;
}
