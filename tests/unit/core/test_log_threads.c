/* SPDX-License-Identifier: MIT */
/* test_log_threads.c - the log ring, the log writer and the table of clients, used
 * by several threads at once. */
#include "tests/unit/core/suites.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/clients.h"
#include "proxy/ops/logwriter.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"

#define PRODUCERS 4
#define LINES 5000 /* of each */

/* ---- one ring, two threads ---- */

static struct logring ring;
static atomic_bool is_over;

/* Lines of random length: "producer number letters\n". */
static size_t write_line(char *out, unsigned producer, unsigned number, uint64_t *state)
{
    size_t len = (size_t)snprintf(out, 32, "%u %u ", producer, number);
    size_t more = flow_random(state) % 60;
    memset(out + len, 'a' + (int)(number % 26), more);
    out[len + more] = '\n';
    return len + more + 1;
}

static void *produce(void *arg)
{
    uint64_t state = 1;
    (void)arg;
    for (unsigned i = 0; i < 100000; i++) {
        char line[128];
        size_t len = write_line(line, 0, i, &state);
        while (!logring_put(&ring, (struct str){line, len}))
            ;
    }
    atomic_store(&is_over, true);
    return NULL;
}

/* One line of the ring's bytes against what must be there. */
struct follower {
    char line[128];
    size_t at, len;
    unsigned next;
    uint64_t state;
};

static void follow(struct follower *f, struct str piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        if (f->at == f->len) {
            f->len = write_line(f->line, 0, f->next++, &f->state);
            f->at = 0;
        }
        MUST(piece.ptr[i] == f->line[f->at]);
        f->at++;
    }
}

START_TEST(a_ring_between_two_threads_keeps_every_line)
{
    static struct follower f;
    pthread_t thread;
    uint64_t state = 3;
    memset(&f, 0, sizeof(f));
    f.state = 1;
    atomic_store(&is_over, false);
    ck_assert_int_eq(logring_init(&ring, 1024), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, produce, NULL), 0);
    for (;;) {
        struct str pieces[2];
        bool was_over = atomic_load(&is_over);
        unsigned count = logring_peek(&ring, pieces);
        for (unsigned i = 0; i < count; i++) {
            /* Now and then a part only, as after a short write. */
            size_t len = flow_random(&state) % 4 == 0 ? pieces[i].len / 2 : pieces[i].len;
            follow(&f, (struct str){pieces[i].ptr, len});
            logring_take(&ring, len);
            if (len < pieces[i].len)
                break;
        }
        if (count == 0 && was_over)
            break;
    }
    pthread_join(thread, NULL);
    ck_assert_uint_eq(f.next, 100000);
    ck_assert_uint_eq(f.at, f.len);
    logring_fini(&ring);
}
END_TEST

/* ---- the writer ---- */

struct producer {
    pthread_t thread;
    struct logwriter *writer;
    unsigned number;
    unsigned pause_usec; /* between bursts; 0: none */
};

static void *produce_lines(void *arg)
{
    struct producer *p = arg;
    struct logring *own = logwriter_ring(p->writer, p->number);
    uint64_t state = p->number, pauses = p->number;
    for (unsigned i = 0; i < LINES; i++) {
        char line[128];
        size_t len = write_line(line, p->number, i, &state);
        while (!logring_put(own, (struct str){line, len}))
            usleep(100);
        logwriter_wake(p->writer);
        if (p->pause_usec != 0 && flow_random(&pauses) % 64 == 0)
            usleep(p->pause_usec + (unsigned)(flow_random(&pauses) % 3000));
    }
    return NULL;
}

static void start_producers(struct producer *producers, struct logwriter *w, unsigned pause_usec)
{
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.writer = w, .number = i, .pause_usec = pause_usec};
        ck_assert_int_eq(pthread_create(&producers[i].thread, NULL, produce_lines, &producers[i]),
                         0);
    }
}

static void join_producers(struct producer *producers)
{
    for (unsigned i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i].thread, NULL);
}

static char folder[64];

static const char *path_of(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void set_up(void)
{
    snprintf(folder, sizeof(folder), "/tmp/sallyport-log-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
    rmdir(folder);
}

struct reading {
    unsigned next[PRODUCERS];
    uint64_t states[PRODUCERS];
};

/* Every line of the file is the next of its producer; the file is removed. */
static void read_lines(struct reading *r, const char *path)
{
    char got[256], want[256];
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(got, sizeof(got), file) != NULL) {
        unsigned producer = (unsigned)(got[0] - '0');
        MUST(producer < PRODUCERS);
        size_t len = write_line(want, producer, r->next[producer]++, &r->states[producer]);
        want[len] = '\0';
        if (strcmp(got, want) != 0)
            ck_abort_msg("'%s' where '%s' belongs", got, want);
    }
    fclose(file);
    unlink(path);
}

static void begin_reading(struct reading *r)
{
    for (unsigned i = 0; i < PRODUCERS; i++) {
        r->next[i] = 0;
        r->states[i] = i;
    }
}

static void check_all_read(const struct reading *r)
{
    for (unsigned i = 0; i < PRODUCERS; i++)
        ck_assert_uint_eq(r->next[i], LINES);
}

/* In one go, and with pauses in which the writer falls asleep. */
START_TEST(all_lines_of_all_producers_arrive)
{
    struct producer producers[PRODUCERS];
    struct reading reading;
    struct err e;
    struct logwriter *w = logwriter_new(path_of("log"), PRODUCERS, &e);
    ck_assert_ptr_nonnull(w);
    start_producers(producers, w, _i == 0 ? 0 : 15000);
    join_producers(producers);
    ck_assert_uint_eq(logwriter_dropped(w), 0);
    logwriter_free(w);
    begin_reading(&reading);
    read_lines(&reading, path_of("log"));
    check_all_read(&reading);
}
END_TEST

/* Each line is in the file before the next is put: the writer has to wake for each. */
START_TEST(a_sleeping_writer_wakes_for_one_line)
{
    struct err e;
    struct stat st = {.st_size = 0};
    struct logwriter *w = logwriter_new(path_of("log"), 1, &e);
    uint64_t state = 11;
    off_t size = 0;
    ck_assert_ptr_nonnull(w);
    for (unsigned i = 0; i < 150; i++) {
        usleep((useconds_t)(flow_random(&state) % 25000));
        ck_assert(logring_put(logwriter_ring(w, 0), STR_LIT("line\n")));
        logwriter_wake(w);
        size += 5;
        for (unsigned ms = 0; ms < 5000 && st.st_size < size; ms++) {
            usleep(1000);
            ck_assert_int_eq(stat(path_of("log"), &st), 0);
        }
        ck_assert_int_eq(st.st_size, size);
    }
    logwriter_free(w);
    unlink(path_of("log"));
}
END_TEST

START_TEST(reopening_loses_no_line)
{
    enum { REOPENS = 40 };
    struct producer producers[PRODUCERS];
    struct reading reading;
    struct err e;
    char name[32];
    struct logwriter *w = logwriter_new(path_of("log"), PRODUCERS, &e);
    ck_assert_ptr_nonnull(w);
    start_producers(producers, w, 8000);
    for (unsigned i = 0; i < REOPENS; i++) {
        usleep(10000);
        snprintf(name, sizeof(name), "log.%u", i);
        ck_assert_int_eq(rename(path_of("log"), path_of(name)), 0);
        ck_assert_int_eq(logwriter_reopen(w, path_of("log"), &e), 0);
    }
    ck_assert_int_eq(logwriter_reopen(w, "/nonexistent/log", &e), -1); /* the old goes on */
    join_producers(producers);
    logwriter_free(w);
    begin_reading(&reading);
    for (unsigned i = 0; i < REOPENS; i++) {
        snprintf(name, sizeof(name), "log.%u", i);
        read_lines(&reading, path_of(name));
    }
    read_lines(&reading, path_of("log"));
    check_all_read(&reading);
}
END_TEST

START_TEST(a_log_that_cannot_be_written_counts_its_lines)
{
    struct err e;
    struct logwriter *w = logwriter_new("/dev/full", 1, &e);
    ck_assert_ptr_nonnull(w);
    for (unsigned i = 0; i < 100; i++)
        ck_assert(logring_put(logwriter_ring(w, 0), STR_LIT("line\n")));
    logwriter_wake(w);
    for (unsigned ms = 0; ms < 5000 && logwriter_dropped(w) < 100; ms++)
        usleep(1000);
    ck_assert_uint_eq(logwriter_dropped(w), 100);
    logwriter_free(w);
    ck_assert_ptr_null(logwriter_new("/nonexistent/log", 1, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/log"));
}
END_TEST

/* ---- clients ---- */

static struct clients *clients;
static atomic_int inside;
static atomic_uint refused, entered;

/* In and out, for an address that all share and one of its own. */
static void *come_and_go(void *arg)
{
    unsigned number = *(unsigned *)arg;
    struct addr shared = {{1}}, own = {{2, (uint8_t)number}};
    for (unsigned i = 0; i < 20000; i++) {
        MUST(clients_enter(clients, &own, 1) == CLIENTS_OK);
        if (clients_enter(clients, &shared, 2) == CLIENTS_OK) {
            MUST(atomic_fetch_add(&inside, 1) < 2);
            atomic_fetch_add(&entered, 1);
            atomic_fetch_sub(&inside, 1);
            clients_leave(clients, &shared);
        } else {
            atomic_fetch_add(&refused, 1);
        }
        clients_leave(clients, &own);
    }
    return NULL;
}

START_TEST(clients_from_four_threads)
{
    pthread_t threads[PRODUCERS];
    unsigned numbers[PRODUCERS];
    struct addr shared = {{1}};
    clients = clients_new();
    ck_assert_ptr_nonnull(clients);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &numbers[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(entered + refused, 20000 * PRODUCERS);
    ck_assert_uint_gt(entered, 0);
    ck_assert_int_eq(clients_enter(clients, &shared, 1), CLIENTS_OK); /* none is left inside */
    clients_leave(clients, &shared);
    clients_free(clients);
}
END_TEST

Suite *log_threads_suite(void)
{
    Suite *suite = suite_create("log_threads");
    TCase *tc = tcase_create("log_threads");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_ring_between_two_threads_keeps_every_line);
    tcase_add_loop_test(tc, all_lines_of_all_producers_arrive, 0, 2);
    tcase_add_test(tc, a_sleeping_writer_wakes_for_one_line);
    tcase_add_test(tc, reopening_loses_no_line);
    tcase_add_test(tc, a_log_that_cannot_be_written_counts_its_lines);
    tcase_add_test(tc, clients_from_four_threads);
    suite_add_tcase(suite, tc);
    return suite;
}
