/* SPDX-License-Identifier: MIT */
/* logwriter.c - the thread that writes the access log; see logwriter.h. */
#include "proxy/ops/logwriter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"
#include "util/mem.h"

#define RING_BYTES (1024 * 1024)

struct logwriter {
    atomic_int fd; /* -1: no log. A reopened file takes the same number (dup3) */
    int wake_fd;
    unsigned count;
    struct logring *rings;
    pthread_t thread;
    atomic_bool is_asleep, is_stopping;
    atomic_uint_fast64_t lost; /* lines that write(2) refused */
    bool is_failing;           /* said so already */
};

static int open_log(const char *path, struct err *e)
{
    int fd = strcmp(path, "-") == 0 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                                    : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        err_set(e, NULL, "access log '%s': %s", path, strerror(errno));
    return fd;
}

static uint64_t count_lines(struct str text)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines;
}

static void note_failure(struct logwriter *w, struct str text, int error)
{
    atomic_fetch_add(&w->lost, count_lines(text));
    if (!w->is_failing)
        log_line(LOG_ERROR, "access log: cannot write: %s; lines are lost", strerror(error));
    w->is_failing = true;
}

/* Standard output may be a pipe that somebody made non-blocking. */
static bool can_wait(struct logwriter *w)
{
    struct pollfd full = {.fd = w->fd, .events = POLLOUT};
    return poll(&full, 1, 1000) == 1;
}

static void write_all(struct logwriter *w, struct str text)
{
    while (text.len > 0) {
        ssize_t put = write(w->fd, text.ptr, text.len);
        if (put < 0 && (errno == EINTR || (errno == EAGAIN && can_wait(w))))
            continue;
        if (put <= 0) {
            note_failure(w, text, errno);
            return;
        }
        w->is_failing = false;
        text.ptr += put;
        text.len -= (size_t)put;
    }
}

/* True where any ring had something. */
static bool write_rings(struct logwriter *w)
{
    bool had_lines = false;
    for (unsigned i = 0; i < w->count; i++) {
        struct str pieces[2];
        unsigned count = logring_peek(&w->rings[i], pieces);
        for (unsigned k = 0; k < count; k++) {
            if (w->fd >= 0)
                write_all(w, pieces[k]);
            logring_take(&w->rings[i], pieces[k].len);
            had_lines = true;
        }
    }
    return had_lines;
}

static void sleep_until_woken(struct logwriter *w)
{
    uint64_t count;
    atomic_store(&w->is_asleep, true);
    /* A line that was put just before must not wait for the next one. */
    for (unsigned i = 0; i < w->count; i++) {
        struct str pieces[2];
        if (logring_peek(&w->rings[i], pieces) != 0) {
            atomic_store(&w->is_asleep, false);
            return;
        }
    }
    while (!atomic_load(&w->is_stopping) && read(w->wake_fd, &count, sizeof(count)) < 0 &&
           errno == EINTR)
        ;
    atomic_store(&w->is_asleep, false);
}

static void *run(void *arg)
{
    struct logwriter *w = arg;
    struct timespec delay = {0, LOGWRITER_DELAY_MS * 1000000L};
    while (!atomic_load(&w->is_stopping)) {
        if (!write_rings(w))
            sleep_until_woken(w);
        if (!atomic_load(&w->is_stopping))
            nanosleep(&delay, NULL);
    }
    (void)write_rings(w);
    return NULL;
}

static int start_thread(struct logwriter *w)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

static void destroy(struct logwriter *w)
{
    for (unsigned i = 0; i < w->count; i++)
        logring_fini(&w->rings[i]);
    mem_free(w->rings);
    if (w->fd >= 0)
        close(w->fd);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    mem_free(w);
}

struct logwriter *logwriter_new(const char *path, unsigned count, struct err *e)
{
    struct logwriter *w = mem_must_zalloc(sizeof(*w));
    w->fd = -1;
    w->count = count;
    w->rings = aligned_alloc(64, count * sizeof(*w->rings));
    w->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (w->rings != NULL)
        memset(w->rings, 0, count * sizeof(*w->rings));
    bool ok = w->rings != NULL && w->wake_fd >= 0;
    for (unsigned i = 0; ok && i < count; i++)
        ok = logring_init(&w->rings[i], RING_BYTES) == 0;
    if (!ok) {
        err_set(e, NULL, "access log: %s", strerror(errno));
    } else if (path != NULL) {
        int fd = open_log(path, e);
        w->fd = fd;
        ok = fd >= 0;
    }
    if (ok && start_thread(w) != 0) {
        err_set(e, NULL, "access log: cannot start its thread");
        ok = false;
    }
    if (!ok) {
        destroy(w);
        return NULL;
    }
    return w;
}

struct logring *logwriter_ring(struct logwriter *w, unsigned worker)
{
    return &w->rings[worker];
}

void logwriter_wake(struct logwriter *w)
{
    uint64_t one = 1;
    /* Pairs with the store and the second look in sleep_until_woken. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(&w->is_asleep, memory_order_relaxed))
        return;
    if (atomic_exchange(&w->is_asleep, false))
        (void)!write(w->wake_fd, &one, sizeof(one));
}

int logwriter_reopen(struct logwriter *w, const char *path, struct err *e)
{
    int fd = open_log(path, e);
    if (fd < 0)
        return -1;
    if (w->fd < 0) {
        w->fd = fd;
        return 0;
    }
    int rc = dup3(fd, w->fd, O_CLOEXEC);
    close(fd);
    return rc < 0 ? err_set(e, NULL, "access log '%s': %s", path, strerror(errno)) : 0;
}

uint64_t logwriter_dropped(struct logwriter *w)
{
    uint64_t sum = atomic_load(&w->lost);
    for (unsigned i = 0; i < w->count; i++)
        sum += atomic_load(&w->rings[i].dropped);
    return sum;
}

void logwriter_free(struct logwriter *w)
{
    uint64_t one = 1;
    if (w == NULL)
        return;
    atomic_store(&w->is_stopping, true);
    (void)!write(w->wake_fd, &one, sizeof(one));
    pthread_join(w->thread, NULL);
    destroy(w);
}
