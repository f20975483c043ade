/* SPDX-License-Identifier: MIT */
/* jobs.c - a few threads for work that computes or blocks; see jobs.h. */
#include "proxy/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"

#define NICEST 19
#define SLICE_NS (10 * 1000 * 1000)

/* The first form of struct sched_attr (sched_setattr(2)): its header cannot be included
 * beside <sched.h> of this glibc. */
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

struct jobs {
    pthread_mutex_t lock;
    pthread_cond_t has_work; /* or the end has come */
    struct job *first, *last;
    unsigned waiting, queue_max;
    int nice;
    bool is_ending;
    unsigned thread_count;
    pthread_t threads[];
};

static struct job *job_of(struct letter *letter)
{
    return LIST_ITEM(letter, struct job, letter);
}

static void open_job(struct letter *letter)
{
    struct job *job = job_of(letter);
    job->done(job);
}

static void drop_job(struct letter *letter)
{
    struct job *job = job_of(letter);
    job->drop(job);
}

/* The oldest job; the caller holds the lock. NULL: none. */
static struct job *take_first(struct jobs *j)
{
    struct job *job = j->first;
    if (job == NULL)
        return NULL;
    j->first = job->next;
    if (j->first == NULL)
        j->last = NULL;
    j->waiting--;
    return job;
}

/* Waits for a job. NULL: this is the end, whatever still queues. */
static struct job *await(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    while (j->first == NULL && !j->is_ending)
        pthread_cond_wait(&j->has_work, &j->lock);
    struct job *job = j->is_ending ? NULL : take_first(j);
    pthread_mutex_unlock(&j->lock);
    return job;
}

/* On Linux a nice value belongs to the thread, whatever POSIX says. Since 6.12 a thread
 * that wakes up may put off one with a longer slice before that is used up, so a worker
 * need not wait for a hash; older kernels leave the slice out of account. */
static void stand_back(int by)
{
    errno = 0;
    int now = getpriority(PRIO_PROCESS, 0);
    if (by <= 0 || (now == -1 && errno != 0))
        return;
    struct scheduling attr = {
        .size = sizeof(attr),
        .policy = SCHED_OTHER,
        .nice = now + by < NICEST ? now + by : NICEST,
        .runtime_ns = SLICE_NS,
    };
    if (syscall(SYS_sched_setattr, 0, &attr, 0) == 0)
        return;
    if (setpriority(PRIO_PROCESS, (id_t)gettid(), attr.nice) != 0)
        log_line(LOG_WARNING, "cannot lower the priority of a thread: %s", strerror(errno));
}

static void *run(void *arg)
{
    struct jobs *j = arg;
    struct job *job;
    stand_back(j->nice);
    while ((job = await(j)) != NULL) {
        job->work(job);
        inbox_return(job->inbox, &job->letter);
    }
    return NULL;
}

static int start_threads(struct jobs *j, unsigned count)
{
    sigset_t all, old;
    int rc = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (rc == 0 && j->thread_count < count) {
        rc = pthread_create(&j->threads[j->thread_count], NULL, run, j);
        if (rc == 0)
            j->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

struct jobs *jobs_new(unsigned threads, unsigned queue_max, int nice, struct err *e)
{
    ASSERT(threads > 0);
    struct jobs *j = mem_zalloc(sizeof(*j) + threads * sizeof(j->threads[0]));
    if (j == NULL) {
        err_set(e, NULL, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->has_work, NULL);
    j->queue_max = queue_max;
    j->nice = nice;
    int rc = start_threads(j, threads);
    if (rc == 0)
        return j;
    err_set(e, NULL, "cannot start a thread for slow work: %s", strerror(rc));
    jobs_free(j);
    return NULL;
}

bool jobs_submit(struct jobs *j, struct job *job)
{
    job->next = NULL;
    job->letter = (struct letter){.open = open_job, .drop = drop_job};
    pthread_mutex_lock(&j->lock);
    bool has_room = j->waiting < j->queue_max && !j->is_ending;
    if (has_room) {
        if (j->last != NULL)
            j->last->next = job;
        else
            j->first = job;
        j->last = job;
        j->waiting++;
        pthread_cond_signal(&j->has_work);
    }
    pthread_mutex_unlock(&j->lock);
    return has_room;
}

unsigned jobs_waiting(struct jobs *j)
{
    pthread_mutex_lock(&j->lock);
    unsigned waiting = j->waiting;
    pthread_mutex_unlock(&j->lock);
    return waiting;
}

void jobs_free(struct jobs *j)
{
    struct job *job;
    if (j == NULL)
        return;
    pthread_mutex_lock(&j->lock);
    j->is_ending = true;
    pthread_cond_broadcast(&j->has_work);
    pthread_mutex_unlock(&j->lock);
    for (unsigned i = 0; i < j->thread_count; i++)
        pthread_join(j->threads[i], NULL);
    while ((job = take_first(j)) != NULL)
        job->drop(job);
    pthread_cond_destroy(&j->has_work);
    pthread_mutex_destroy(&j->lock);
    mem_free(j);
}
