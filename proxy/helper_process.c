/* SPDX-License-Identifier: MIT */
/* helper_process.c - one process of a helper; see helper_process.h. */
#include "proxy/helper_process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proxy/helper_spawn.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

#define BUFFER_FIRST 4096
#define READS_MAX 16           /* of one process before others have their turn */
#define LOG_WINDOW_MS 10000    /* in which a process may have so many lines logged: */
#define LOG_LINES_MAX 20
#define UNASKED "it said what nobody had asked for"
#define SECRET_TELLING 6       /* bytes that give a secret away: a line with them is not logged */

/* Whether the line repeats what the word of an ask has, or how it begins: a helper may
 * cut it as well. */
static bool repeats(struct str line, struct str word)
{
    size_t len = word.len < SECRET_TELLING ? word.len : SECRET_TELLING;
    return len > 0 && memmem(line.ptr, line.len, word.ptr, len) != NULL;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The secret of an ask's line is its last word: the password, or a message of NTLM. The
 * helper may repeat it as it was sent, or decoded. */
static bool repeats_secret(struct str line, const struct helper_ask *ask)
{
    struct str rest = {ask->line, ask->line_len - 1}, word;
    char plain[SECRET_TELLING];
    size_t len = 0;
    (void)str_cut(&rest, ' ');
    word = rest;
    for (size_t i = 0; i < word.len && len < sizeof(plain); i++) {
        plain[len] = word.ptr[i];
        if (word.ptr[i] == '%' && i + 2 < word.len) {
            plain[len] = (char)(hex_digit(word.ptr[i + 1]) * 16 + hex_digit(word.ptr[i + 2]));
            i += 2;
        }
        len++;
    }
    bool found = repeats(line, word) || repeats(line, (struct str){plain, len});
    explicit_bzero(plain, sizeof(plain));
    return found;
}

static bool has_secret(const struct helper_process *p, struct str line)
{
    for (unsigned i = 0; i < p->slot_count; i++)
        if (p->slots[i] != NULL && repeats_secret(line, p->slots[i]))
            return true;
    return false;
}

static void log_err_line(struct helper_process *p)
{
    uint64_t now_ms = clock_usec() / 1000;
    struct str line = {p->err_line, p->err_len};
    p->err_len = 0;
    if (now_ms - p->err_window_ms >= LOG_WINDOW_MS) {
        p->err_window_ms = now_ms;
        p->err_lines = 0;
    }
    if (line.len == 0 || p->err_lines > LOG_LINES_MAX)
        return;
    if (p->err_lines++ == LOG_LINES_MAX) {
        log_line(LOG_WARNING, "helper '%s' (%d) writes much to its error output: some is left out",
                 p->name, (int)p->pid);
        return;
    }
    if (has_secret(p, line)) {
        log_line(LOG_WARNING, "helper '%s' (%d) repeats a secret in its error output: left out",
                 p->name, (int)p->pid);
        return;
    }
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.ptr[i] < ' ' || (unsigned char)line.ptr[i] > '~')
            p->err_line[i] = '?';
    log_line(LOG_WARNING, "helper '%s' (%d): %.*s", p->name, (int)p->pid, STR_ARG(line));
}

/* The rest of a line that is too long is dropped. */
static void take_err_byte(struct helper_process *p, char c)
{
    if (c == '\n')
        log_err_line(p);
    else if (p->err_len < sizeof(p->err_line))
        p->err_line[p->err_len++] = c;
}

static void close_pipe(int *fd, struct event **event)
{
    if (*event != NULL)
        event_free(*event);
    *event = NULL;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void read_err(struct helper_process *p)
{
    char bytes[4096];
    for (unsigned round = 0; p->err >= 0 && round < READS_MAX; round++) {
        ssize_t got = read(p->err, bytes, sizeof(bytes));
        if (got < 0)
            break;
        if (got == 0) {
            log_err_line(p);
            close_pipe(&p->err, &p->err_event);
            break;
        }
        for (ssize_t i = 0; i < got; i++)
            take_err_byte(p, bytes[i]);
    }
    explicit_bzero(bytes, sizeof(bytes));
}

/* Room for more of a line. NULL: all is well; else why not. */
static const char *make_room(struct helper_process *p)
{
    if (p->len < p->size)
        return NULL;
    if (p->size >= HELPER_LINE_MAX)
        return "it sent a line that is too long";
    size_t size = p->size * 2 < HELPER_LINE_MAX ? p->size * 2 : HELPER_LINE_MAX;
    char *bigger = mem_resize(p->buffer, size);
    if (bigger == NULL)
        return "no memory for its line";
    p->buffer = bigger;
    p->size = size;
    return NULL;
}

/* Hands on every whole line; what is left moves to the front. */
static void hand_on_lines(struct helper_process *p, size_t searched)
{
    size_t begin = 0;
    while (p->state == HELPER_RUNS) {
        char *end = memchr(p->buffer + searched, '\n', p->len - searched);
        if (end == NULL)
            break;
        struct str line = str_range(p->buffer + begin, end);
        begin = searched = (size_t)(end - p->buffer) + 1;
        p->calls->on_line(p, line);
    }
    memmove(p->buffer, p->buffer + begin, p->len - begin);
    p->len -= begin;
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
    struct helper_process *p = arg;
    (void)fd;
    (void)what;
    /* First: what it says of an ask is judged while the ask is still there. */
    read_err(p);
    for (unsigned round = 0; p->state == HELPER_RUNS && round < READS_MAX; round++) {
        const char *why = make_room(p);
        ssize_t got = why == NULL ? read(p->out, p->buffer + p->len, p->size - p->len) : 0;
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            break;
        if (got <= 0) {
            p->calls->on_broken(p, why);
            break;
        }
        p->len += (size_t)got;
        hand_on_lines(p, p->len - (size_t)got);
    }
    if (p->state == HELPER_RUNS && p->asks_out == 0 && p->len > 0)
        p->calls->on_broken(p, UNASKED);
    p->calls->on_settled(p);
}

static void on_err(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    read_err(arg);
}

/* The first unsent ask is all out. */
static void shift_unsent(struct helper_process *p)
{
    p->unsent = p->unsent->next;
    if (p->unsent == NULL)
        p->unsent_last = NULL;
    p->sent = 0;
}

/* What is still to be sent of the first: the number of its channel, and its line. */
static ssize_t write_some(struct helper_process *p, size_t *wanted)
{
    const struct helper_ask *ask = p->unsent;
    char number[16];
    size_t number_len = 0, skip = p->sent;
    if (p->has_channels)
        number_len = (size_t)snprintf(number, sizeof(number), "%u ", ask->channel);
    size_t in_number = skip < number_len ? skip : number_len;
    struct iovec parts[2] = {
        {number + in_number, number_len - in_number},
        {(void *)(uintptr_t)(ask->line + (skip - in_number)), ask->line_len - (skip - in_number)},
    };
    *wanted = parts[0].iov_len + parts[1].iov_len;
    return writev(p->in, parts, 2);
}

static void write_unsent(struct helper_process *p)
{
    size_t wanted;
    while (p->unsent != NULL && !p->is_deaf) {
        ssize_t put = write_some(p, &wanted);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno == EAGAIN)
            break;
        if (put < 0) {
            /* Its answers may still lie in the other pipe, whose end tells the rest. */
            p->is_deaf = true;
            break;
        }
        p->sent += (size_t)put;
        if ((size_t)put == wanted)
            shift_unsent(p);
    }
    if (p->unsent != NULL && !p->is_deaf)
        (void)event_add(p->in_event, NULL); /* a failure shows as a time-out */
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    write_unsent(arg);
}

void helper_process_send(struct helper_process *p, struct helper_ask *ask)
{
    unsigned slot = 0;
    while (slot < p->slot_count && p->slots[slot] != NULL)
        slot++;
    ASSERT(slot < p->slot_count);
    p->slots[slot] = ask;
    p->asks_out++;
    ask->channel = slot;
    ask->next = NULL;
    if (p->unsent_last != NULL)
        p->unsent_last->next = ask;
    else
        p->unsent = ask;
    p->unsent_last = ask;
    if (p->unsent == ask)
        write_unsent(p);
}

struct helper_ask *helper_process_take(struct helper_process *p, unsigned channel)
{
    struct helper_ask *ask = channel < p->slot_count ? p->slots[channel] : NULL;
    if (ask == NULL)
        return NULL;
    /* A line whose end is still to come is judged now, or never. */
    if (p->err_len > 0 && repeats_secret((struct str){p->err_line, p->err_len}, ask))
        p->err_len = 0;
    p->slots[channel] = NULL;
    p->asks_out--;
    return ask;
}

bool helper_process_has_sent(const struct helper_process *p, const struct helper_ask *ask)
{
    for (const struct helper_ask *a = p->unsent; a != NULL; a = a->next)
        if (a == ask)
            return false;
    return true;
}

bool helper_process_is_quiet(struct helper_process *p, const char **why)
{
    char byte;
    read_err(p);
    ssize_t got = read(p->out, &byte, 1);
    if (got < 0 && errno == EAGAIN && p->len == 0)
        return true;
    *why = got > 0 || p->len > 0 ? UNASKED : NULL;
    return false;
}

static void close_pipes(struct helper_process *p)
{
    close_pipe(&p->in, &p->in_event);
    close_pipe(&p->out, &p->out_event);
    close_pipe(&p->err, &p->err_event);
    p->unsent = p->unsent_last = NULL;
}

void helper_process_end(struct helper_process *p, uint64_t now_ms, uint64_t grace_ms)
{
    if (p->state != HELPER_RUNS)
        return;
    read_err(p);
    p->state = HELPER_ENDS;
    p->kill_at_ms = now_ms + grace_ms;
    close_pipes(p);
}

void helper_process_kill(struct helper_process *p)
{
    if (p->state == HELPER_RUNS)
        read_err(p);
    close_pipes(p);
    p->state = HELPER_KILLED;
    (void)kill(-p->pid, SIGKILL);
    (void)kill(p->pid, SIGKILL); /* where it has left its group */
}

static void log_end(const struct helper_process *p, int status)
{
    if (WIFEXITED(status))
        log_line(LOG_WARNING, "helper '%s' (%d) has ended with status %d", p->name, (int)p->pid,
                 WEXITSTATUS(status));
    else
        log_line(LOG_WARNING, "helper '%s' (%d) was ended by signal %d", p->name, (int)p->pid,
                 WTERMSIG(status));
}

bool helper_process_reap(struct helper_process *p, uint64_t now_ms)
{
    siginfo_t info = {.si_pid = 0};
    int status = 0;
    if (p->state == HELPER_RUNS)
        return false;
    if (p->state == HELPER_ENDS && now_ms >= p->kill_at_ms)
        helper_process_kill(p);
    int rc = waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    if (rc == 0 && info.si_pid == 0)
        return false;
    if (rc == 0) {
        /* While it is not reaped its number is nobody else's. */
        (void)kill(-p->pid, SIGKILL);
        while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    if (p->was_unasked)
        log_end(p, status);
    return true;
}

void helper_process_free(struct helper_process *p)
{
    close_pipes(p);
    mem_free(p->slots);
    mem_free(p->buffer);
    mem_free(p);
}

static int register_events(struct helper_process *p, struct event_base *base)
{
    p->in_event = event_new(base, p->in, EV_WRITE, on_input, p);
    p->out_event = event_new(base, p->out, EV_READ | EV_PERSIST, on_output, p);
    p->err_event = event_new(base, p->err, EV_READ | EV_PERSIST, on_err, p);
    if (p->in_event == NULL || p->out_event == NULL || p->err_event == NULL)
        return -1;
    return event_add(p->out_event, NULL) == 0 && event_add(p->err_event, NULL) == 0 ? 0 : -1;
}

/* One that was just started and cannot be used: nobody will reap it. */
static void give_up(struct helper_process *p)
{
    if (p->pid > 0) {
        helper_process_kill(p);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    helper_process_free(p);
}

struct helper_process *helper_process_start(struct event_base *base, char *const *argv,
                                            unsigned slots, bool has_channels,
                                            const struct helper_calls *calls,
                                            struct helper_pool *pool)
{
    struct helper_process *p = mem_zalloc(sizeof(*p));
    struct helper_child child;
    if (p == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    *p = (struct helper_process){.pool = pool, .calls = calls, .name = argv[0], .in = -1,
                                 .out = -1, .err = -1, .slot_count = slots,
                                 .has_channels = has_channels, .size = BUFFER_FIRST};
    p->slots = mem_zalloc(slots * sizeof(struct helper_ask *));
    p->buffer = mem_alloc(p->size);
    int error = p->slots == NULL || p->buffer == NULL ? ENOMEM : helper_spawn(argv, &child);
    if (error == 0) {
        p->pid = child.pid;
        p->in = child.in;
        p->out = child.out;
        p->err = child.err;
        error = register_events(p, base) == 0 ? 0 : ENOMEM;
    }
    if (error == 0)
        return p;
    give_up(p);
    errno = error;
    return NULL;
}
