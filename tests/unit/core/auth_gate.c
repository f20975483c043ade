/* SPDX-License-Identifier: MIT */
/* auth_gate.c - holds up the threads of jobs, for auth_rig.h. */
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/core/auth_rig.h"
#include "tests/unit/core/must.h"
#include "util/clock.h"

#define THREADS_MAX 64

static struct {
    pthread_mutex_t lock;
    pthread_cond_t is_opened;
    bool is_closed;
    unsigned inside;
    struct jobs *held;
    struct job jobs[THREADS_MAX];
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .is_opened = PTHREAD_COND_INITIALIZER};

unsigned gate_dropped;

static void wait_inside(struct job *job)
{
    (void)job;
    pthread_mutex_lock(&gate.lock);
    gate.inside++;
    while (gate.is_closed)
        pthread_cond_wait(&gate.is_opened, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void on_done(struct job *job)
{
    (void)job;
}

static void on_drop(struct job *job)
{
    (void)job;
    gate_dropped++;
}

static unsigned count_inside(void)
{
    pthread_mutex_lock(&gate.lock);
    unsigned inside = gate.inside;
    pthread_mutex_unlock(&gate.lock);
    return inside;
}

void gate_close(struct jobs *jobs, unsigned count)
{
    uint64_t until = clock_usec() + 10000000;
    ck_assert_uint_le(count, THREADS_MAX);
    gate.is_closed = true;
    gate.inside = 0;
    gate.held = jobs;
    gate_dropped = 0;
    for (unsigned i = 0; i < count; i++) {
        gate.jobs[i] = (struct job){.inbox = &rig.worker->inbox, .work = wait_inside,
                                    .done = on_done, .drop = on_drop};
        ck_assert(jobs_submit(jobs, &gate.jobs[i]));
    }
    while (count_inside() < count) {
        MUST(clock_usec() < until);
        usleep(100);
    }
}

void gate_close_hashing(void)
{
    cpu_set_t cpus;
    ck_assert_int_eq(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
    gate_close(rig.shared.authority->hashing, (unsigned)CPU_COUNT(&cpus));
}

unsigned gate_fill(struct job *more, unsigned room)
{
    struct job one = {.inbox = &rig.worker->inbox, .work = wait_inside, .done = on_done,
                      .drop = on_drop};
    unsigned count = 0;
    while (count < room) {
        more[count] = one;
        if (!jobs_submit(gate.held, &more[count]))
            break;
        count++;
    }
    return count;
}

void gate_open(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_closed = false;
    pthread_cond_broadcast(&gate.is_opened);
    pthread_mutex_unlock(&gate.lock);
}

void gate_await(unsigned jobs)
{
    uint64_t until = clock_usec() + 10000000;
    while (jobs_waiting(gate.held) != jobs) {
        MUST(clock_usec() < until);
        rig_turn();
    }
}
