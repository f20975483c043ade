/* SPDX-License-Identifier: MIT */
/* test_jobs.c - threads for slow work: order, bound, where done and drop run, the end. */
#include "tests/unit/core/suites.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proxy/jobs.h"
#include "proxy/worker.h"
#include "tests/unit/core/must.h"
#include "util/list.h"

#define JOBS 64

/* A job that waits at a gate, and notes what became of it. */
struct errand {
    struct job job;
    unsigned number;
    sem_t *gate; /* NULL: no waiting */
    sem_t *begun;
    unsigned done_count, drop_count, work_order;
    bool is_worked, is_off_loop, has_signals_blocked;
    int nice;
};

static struct worker worker; /* its loop and inbox alone */
static struct errand errands[JOBS];
static unsigned done_order[JOBS], done_total, drop_total;
static atomic_uint work_total;
static pthread_t loop_thread;
static sem_t gate, begun;

static struct errand *errand_of(struct job *job)
{
    return LIST_ITEM(job, struct errand, job);
}

static bool are_signals_blocked(void)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    return sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGHUP) == 1 &&
           sigismember(&now, SIGINT) == 1;
}

static void do_work(struct job *job)
{
    struct errand *a = errand_of(job);
    if (a->begun != NULL)
        sem_post(a->begun);
    while (a->gate != NULL && sem_wait(a->gate) != 0)
        MUST(errno == EINTR);
    a->work_order = atomic_fetch_add(&work_total, 1);
    a->is_worked = true;
    a->is_off_loop = pthread_equal(pthread_self(), loop_thread) == 0;
    a->has_signals_blocked = are_signals_blocked();
    a->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
}

static void on_done(struct job *job)
{
    struct errand *a = errand_of(job);
    MUST(pthread_equal(pthread_self(), loop_thread) != 0);
    MUST(a->is_worked);
    a->done_count++;
    done_order[done_total++] = a->number;
}

static void on_drop(struct job *job)
{
    errand_of(job)->drop_count++;
    drop_total++;
}

static void set_up(void)
{
    worker = (struct worker){.spare_fd = -1};
    worker.base = event_base_new();
    inbox_init(&worker.inbox);
    MUST(inbox_open(&worker.inbox, &worker) == 0);
    for (unsigned i = 0; i < JOBS; i++) {
        errands[i] = (struct errand){.number = i};
        errands[i].job = (struct job){.inbox = &worker.inbox, .work = do_work, .done = on_done,
                                      .drop = on_drop};
    }
    done_total = drop_total = 0;
    atomic_store(&work_total, 0);
    loop_thread = pthread_self();
    sem_init(&gate, 0, 0);
    sem_init(&begun, 0, 0);
}

static void end_inbox(void)
{
    inbox_fini(&worker.inbox);
    event_base_free(worker.base);
    sem_destroy(&gate);
    sem_destroy(&begun);
}

static void run_until_done(unsigned count)
{
    while (done_total < count)
        MUST(event_base_loop(worker.base, EVLOOP_ONCE) == 0);
}

static struct jobs *start(unsigned threads, unsigned queue_max, int nice)
{
    struct err e = {.line = 0};
    struct jobs *j = jobs_new(threads, queue_max, nice, &e);
    ck_assert_msg(j != NULL, "%s", e.text);
    return j;
}

static void wait_at_gate(struct errand *a)
{
    a->gate = &gate;
    a->begun = &begun;
}

START_TEST(each_job_is_worked_and_comes_back_once)
{
    set_up();
    int own = getpriority(PRIO_PROCESS, 0);
    struct jobs *j = start(3, JOBS, 5);
    for (unsigned i = 0; i < JOBS; i++)
        ck_assert(jobs_submit(j, &errands[i].job));
    run_until_done(JOBS);
    ck_assert_uint_eq(jobs_waiting(j), 0);
    jobs_free(j);
    end_inbox();
    ck_assert_uint_eq(done_total, JOBS);
    ck_assert_uint_eq(drop_total, 0);
    for (unsigned i = 0; i < JOBS; i++) {
        ck_assert_uint_eq(errands[i].done_count, 1);
        ck_assert(errands[i].is_off_loop);
        ck_assert(errands[i].has_signals_blocked);
        ck_assert_int_eq(errands[i].nice, own + 5 < 19 ? own + 5 : 19);
    }
    ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), own);
    ck_assert(!are_signals_blocked());
}
END_TEST

START_TEST(one_thread_keeps_the_order)
{
    set_up();
    struct jobs *j = start(1, JOBS, 0);
    for (unsigned i = 0; i < JOBS; i++)
        ck_assert(jobs_submit(j, &errands[i].job));
    run_until_done(JOBS);
    jobs_free(j);
    end_inbox();
    for (unsigned i = 0; i < JOBS; i++) {
        ck_assert_uint_eq(done_order[i], i);
        ck_assert_uint_eq(errands[i].work_order, i);
    }
}
END_TEST

START_TEST(a_full_queue_leaves_the_job_with_its_owner)
{
    set_up();
    struct jobs *j = start(1, 2, 0);
    wait_at_gate(&errands[0]);
    ck_assert(jobs_submit(j, &errands[0].job));
    sem_wait(&begun); /* it is out of the queue */
    ck_assert_uint_eq(jobs_waiting(j), 0);
    ck_assert(jobs_submit(j, &errands[1].job));
    ck_assert(jobs_submit(j, &errands[2].job));
    ck_assert_uint_eq(jobs_waiting(j), 2);
    ck_assert(!jobs_submit(j, &errands[3].job));
    ck_assert_uint_eq(jobs_waiting(j), 2);
    sem_post(&gate);
    run_until_done(3);
    ck_assert(jobs_submit(j, &errands[3].job)); /* room again, and the job is whole */
    run_until_done(4);
    jobs_free(j);
    end_inbox();
    ck_assert_uint_eq(drop_total, 0);
    ck_assert_uint_eq(errands[3].done_count, 1);
}
END_TEST

/* Two at work, both held: a third is not begun, and two threads really run side by side. */
START_TEST(as_many_at_once_as_there_are_threads)
{
    int waiting_for_gate = 0;
    set_up();
    struct jobs *j = start(2, JOBS, 0);
    for (unsigned i = 0; i < 3; i++) {
        wait_at_gate(&errands[i]);
        ck_assert(jobs_submit(j, &errands[i].job));
    }
    sem_wait(&begun);
    sem_wait(&begun);
    usleep(20000);
    sem_getvalue(&begun, &waiting_for_gate);
    ck_assert_int_eq(waiting_for_gate, 0);
    ck_assert_uint_eq(jobs_waiting(j), 1);
    for (unsigned i = 0; i < 3; i++)
        sem_post(&gate);
    run_until_done(3);
    jobs_free(j);
    end_inbox();
}
END_TEST

static void *open_gate_later(void *arg)
{
    (void)arg;
    usleep(200000);
    sem_post(&gate);
    return NULL;
}

/* What is under way comes to its end and lies in the inbox; what queues is dropped
 * without having been begun. Nobody runs the loop any more, as when a proxy ends. */
START_TEST(the_end_waits_for_the_work_and_drops_the_queue)
{
    pthread_t opener;
    set_up();
    struct jobs *j = start(1, JOBS, 0);
    wait_at_gate(&errands[0]);
    ck_assert(jobs_submit(j, &errands[0].job));
    sem_wait(&begun);
    for (unsigned i = 1; i < 5; i++)
        ck_assert(jobs_submit(j, &errands[i].job));
    MUST(pthread_create(&opener, NULL, open_gate_later, NULL) == 0);
    jobs_free(j);
    pthread_join(opener, NULL);
    ck_assert(errands[0].is_worked);
    ck_assert_uint_eq(errands[0].drop_count, 0);
    ck_assert_uint_eq(drop_total, 4);
    end_inbox();
    ck_assert_uint_eq(done_total, 0);
    ck_assert_uint_eq(drop_total, 5);
    for (unsigned i = 0; i < 5; i++)
        ck_assert_uint_eq(errands[i].drop_count, 1);
    for (unsigned i = 1; i < 5; i++)
        ck_assert(!errands[i].is_worked);
}
END_TEST

static struct jobs *shared_jobs;
static atomic_uint refused;

static void *submit_share(void *arg)
{
    struct errand *first = arg;
    for (unsigned i = 0; i < JOBS / 4; i++) {
        while (!jobs_submit(shared_jobs, &first[i].job)) {
            atomic_fetch_add(&refused, 1);
            usleep(100);
        }
    }
    return NULL;
}

/* Several threads submit to a queue that is too short for them. */
START_TEST(submitted_from_many_threads)
{
    pthread_t threads[4];
    set_up();
    shared_jobs = start(2, 3, 1);
    for (unsigned i = 0; i < 4; i++)
        MUST(pthread_create(&threads[i], NULL, submit_share, &errands[i * (JOBS / 4)]) == 0);
    run_until_done(JOBS);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    jobs_free(shared_jobs);
    end_inbox();
    for (unsigned i = 0; i < JOBS; i++)
        ck_assert_uint_eq(errands[i].done_count, 1);
}
END_TEST

START_TEST(nothing_asked_and_nothing_there)
{
    for (unsigned i = 0; i < 20; i++)
        jobs_free(start(1 + i % 4, 1, 19));
    jobs_free(NULL);
}
END_TEST

Suite *jobs_suite(void)
{
    Suite *suite = suite_create("jobs");
    TCase *tc = tcase_create("jobs");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, each_job_is_worked_and_comes_back_once);
    tcase_add_test(tc, one_thread_keeps_the_order);
    tcase_add_test(tc, a_full_queue_leaves_the_job_with_its_owner);
    tcase_add_test(tc, as_many_at_once_as_there_are_threads);
    tcase_add_test(tc, the_end_waits_for_the_work_and_drops_the_queue);
    tcase_add_test(tc, submitted_from_many_threads);
    tcase_add_test(tc, nothing_asked_and_nothing_there);
    suite_add_tcase(suite, tc);
    return suite;
}
