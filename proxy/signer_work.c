/* SPDX-License-Identifier: MIT */
/* signer_work.c - what the thread of a signer does; see signer_work.h. */
#include "proxy/signer_work.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/socket.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/mem.h"

#define OUT_MAX 32
#define DEATHS_MAX 2
#define STARTS_MAX 3
#define SECOND 1000000u /* µs */
#define READY_MAX_USEC (10 * SECOND)
#define SILENT_MAX_USEC (5 * SECOND) /* with orders out: then it hangs */
#define STEADY_USEC (10 * SECOND)    /* what lived so long is started again at once */
#define DELAY_FIRST_USEC (SECOND / 10)
#define DELAY_MAX_USEC (5 * SECOND)
#define LOST_GRACE_MS 200 /* to see how one ended whose socket is closed already */
#define END_GRACE_MS 2000

enum packet { PACKET_NONE, PACKET_MESSAGE, PACKET_BROKEN, PACKET_END };

static struct signer_item *first_item(const struct list *orders)
{
    struct list_node *node = list_first(orders);
    return node == NULL ? NULL : LIST_ITEM(node, struct signer_item, node);
}

/* A sentence of the process; it may have anything in it. */
static void copy_text(char out[SIGNER_TEXT_SIZE], struct str text)
{
    size_t len = text.len < SIGNER_TEXT_SIZE - 1 ? text.len : SIGNER_TEXT_SIZE - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f ? '?' : text.ptr[i];
    out[len] = '\0';
}

static void answer(struct signer_work *w, struct signer_item *o, struct str leaf, const char *fault)
{
    uint64_t id = o->id;
    list_remove(&o->node);
    mem_free(o);
    atomic_fetch_sub(&w->waiting, 1);
    w->settings.on_leaf(w->settings.arg, id, leaf, fault);
}

static void answer_fault(struct signer_work *w, struct signer_item *o, const char *fault)
{
    answer(w, o, (struct str){NULL, 0}, fault);
}

static void take_back(struct signer_work *w, struct signer_item *o)
{
    list_remove(&o->node);
    w->out_count--;
}

/* What was out goes to the front again, in its order; some of it was out once too often. */
static void recall(struct signer_work *w)
{
    struct list_node *node;
    while ((node = w->out.root.prev) != &w->out.root) {
        struct signer_item *o = LIST_ITEM(node, struct signer_item, node);
        take_back(w, o);
        if (++o->deaths < DEATHS_MAX)
            list_prepend(&w->queued, &o->node);
        else
            answer_fault(w, o, "the signer did not survive it");
    }
}

static bool is_hopeless(const struct signer_work *w)
{
    return w->state != SIGNER_RUNS && w->stillbirths >= STARTS_MAX;
}

/* why NULL: its end is the reason. */
static void note_stillbirth(struct signer_work *w, const char *why, const char *end)
{
    w->stillbirths++;
    if (why != NULL)
        snprintf(w->why, sizeof(w->why), "the signer cannot begin: %s", why);
    else
        snprintf(w->why, sizeof(w->why), "the signer %s before it was ready", end);
}

static void put_off(struct signer_work *w)
{
    uint64_t delay_usec = DELAY_FIRST_USEC;
    for (unsigned i = 1; i < w->failures && delay_usec < DELAY_MAX_USEC; i++)
        delay_usec *= 2;
    if (delay_usec > DELAY_MAX_USEC)
        delay_usec = DELAY_MAX_USEC;
    w->retry_usec = clock_usec() + (w->failures > 0 ? delay_usec : 0);
    w->failures++;
}

/* The process is of no more use, for whatever reason; NULL: its end is the reason. */
static void lose(struct signer_work *w, const char *why)
{
    char end[SIGNER_PROCESS_STATUS_SIZE];
    int pid = (int)w->process.pid;
    signer_process_end(&w->process, LOST_GRACE_MS, end);
    log_line(LOG_WARNING, "the signer (%d) %s%s%s; it is started again", pid, end,
             why != NULL ? ": " : "", why != NULL ? why : "");
    if (w->state == SIGNER_RUNS && clock_usec() - w->since_usec >= STEADY_USEC)
        w->failures = 0;
    if (w->state == SIGNER_BEGINS)
        note_stillbirth(w, why, end);
    w->state = SIGNER_AWAY;
    w->is_full = false;
    put_off(w);
    recall(w);
    w->settings.on_restart(w->settings.arg);
}

/* The setup is the first packet on the socket: there is room, or it is too long. 0 or -1. */
static int begin(struct signer_work *w, char why[SIGNER_TEXT_SIZE])
{
    int rc = signer_process_start(&w->process, w->settings.program);
    if (rc != 0) {
        snprintf(why, SIGNER_TEXT_SIZE, "cannot start the signer: %s", strerror(rc));
        return -1;
    }
    w->state = SIGNER_BEGINS;
    w->since_usec = clock_usec();
    if (send(w->process.fd, w->setup, w->setup_len, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
        errno != ECONNRESET) {
        snprintf(why, SIGNER_TEXT_SIZE, "cannot tell the signer its CA: %s", strerror(errno));
        return -1;
    }
    return 0; /* one that is gone already shows when it is listened to */
}

static void begin_again(struct signer_work *w)
{
    char why[SIGNER_TEXT_SIZE];
    if (begin(w, why) == 0)
        return;
    if (w->state == SIGNER_BEGINS) {
        lose(w, why);
        return;
    }
    log_line(LOG_ERROR, "%s", why);
    note_stillbirth(w, why, NULL);
    put_off(w);
}

static enum packet read_packet(struct signer_work *w, struct signer_message *m)
{
    ssize_t got = recv(w->process.fd, w->packet, sizeof(w->packet), MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return PACKET_NONE;
    if (got <= 0)
        return PACKET_END;
    struct str bytes = {(const char *)w->packet, (size_t)got};
    if (bytes.len > sizeof(w->packet) || signer_read(m, bytes) != 0)
        return PACKET_BROKEN;
    return PACKET_MESSAGE;
}

/* Whether the process can serve; else why not. */
static bool is_ready(const struct signer_message *m, char why[SIGNER_TEXT_SIZE])
{
    if (m->kind == SIGNER_READY)
        return true;
    if (m->kind == SIGNER_FAULT)
        copy_text(why, m->body);
    else
        snprintf(why, SIGNER_TEXT_SIZE, "it spoke before it was asked");
    return false;
}

static void start_serving(struct signer_work *w)
{
    w->state = SIGNER_RUNS;
    w->stillbirths = 0;
    w->since_usec = w->heard_usec = clock_usec();
}

/* Some answers come for orders that are given up already; they are left alone. */
static void take_answer(struct signer_work *w, const struct signer_message *m)
{
    char fault[SIGNER_TEXT_SIZE];
    struct list_node *node = list_first(&w->out);
    while (node != NULL && LIST_ITEM(node, struct signer_item, node)->number != m->id)
        node = list_next(&w->out, node);
    if (node == NULL)
        return;
    struct signer_item *o = LIST_ITEM(node, struct signer_item, node);
    take_back(w, o);
    if (m->kind == SIGNER_LEAF) {
        answer(w, o, m->body, NULL);
        return;
    }
    copy_text(fault, m->body);
    answer_fault(w, o, fault);
}

static void take_message(struct signer_work *w, const struct signer_message *m)
{
    char why[SIGNER_TEXT_SIZE];
    w->heard_usec = clock_usec();
    if (w->state == SIGNER_BEGINS) {
        if (is_ready(m, why)) {
            start_serving(w);
            log_line(LOG_NOTICE, "the signer (%d) is ready", (int)w->process.pid);
        } else {
            lose(w, why);
        }
    } else if (m->kind == SIGNER_LEAF || m->kind == SIGNER_REFUSED) {
        take_answer(w, m);
    } else if (m->kind == SIGNER_FAULT) {
        copy_text(why, m->body);
        lose(w, why);
    } else {
        lose(w, "it said what a signer does not say");
    }
}

void signer_work_receive(struct signer_work *w)
{
    struct signer_message m;
    for (unsigned round = 0; w->state != SIGNER_AWAY && round < 2 * OUT_MAX; round++) {
        switch (read_packet(w, &m)) {
        case PACKET_NONE:
            return;
        case PACKET_MESSAGE:
            take_message(w, &m);
            break;
        case PACKET_BROKEN:
            lose(w, "it said what is no message");
            break;
        case PACKET_END:
            lose(w, NULL);
            break;
        }
    }
}

/* Whether one more order may go out: one that was out in a death goes alone. */
static bool may_send(const struct signer_work *w, const struct signer_item *o)
{
    const struct signer_item *out = first_item(&w->out);
    if (o == NULL || w->state != SIGNER_RUNS || w->is_full)
        return false;
    return out == NULL || (w->out_count < OUT_MAX && o->deaths == 0 && out->deaths == 0);
}

static void send_one(struct signer_work *w, struct signer_item *o)
{
    if (send(w->process.fd, o->packet, o->len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        if (w->out_count++ == 0)
            w->heard_usec = clock_usec();
        list_remove(&o->node);
        list_append(&w->out, &o->node);
    } else if (errno == EAGAIN) {
        w->is_full = true;
    } else if (errno == EPIPE || errno == ECONNRESET) {
        signer_work_receive(w); /* its last words */
        if (w->state == SIGNER_RUNS)
            lose(w, "it does not listen any more");
    } else if (errno != EINTR) {
        answer_fault(w, o, "the order cannot be sent");
    }
}

static void send_orders(struct signer_work *w)
{
    struct signer_item *o;
    w->is_full = false;
    while (o = first_item(&w->queued), may_send(w, o))
        send_one(w, o);
}

/* Both lists have the oldest first, but for what was recalled: that is older still. */
static void give_up_old(struct signer_work *w, struct list *orders, uint64_t now_usec)
{
    struct signer_item *o;
    while ((o = first_item(orders)) != NULL && o->until_usec <= now_usec) {
        if (orders == &w->out)
            w->out_count--;
        answer_fault(w, o, "the signer did not answer in time");
    }
}

static void check_times(struct signer_work *w)
{
    uint64_t now_usec = clock_usec();
    if (w->state == SIGNER_BEGINS && now_usec >= w->since_usec + READY_MAX_USEC) {
        w->stillbirths = STARTS_MAX; /* another one would take as long */
        lose(w, "it was not ready in time");
    }
    if (w->state == SIGNER_RUNS && w->out_count > 0 && now_usec >= w->heard_usec + SILENT_MAX_USEC)
        lose(w, "it did not answer");
    give_up_old(w, &w->out, now_usec);
    give_up_old(w, &w->queued, now_usec);
    if (w->state == SIGNER_AWAY && now_usec >= w->retry_usec)
        begin_again(w);
    struct signer_item *o;
    while (is_hopeless(w) && (o = first_item(&w->queued)) != NULL)
        answer_fault(w, o, w->why);
}

static uint64_t earlier(uint64_t a, const struct signer_item *o)
{
    return o != NULL && o->until_usec < a ? o->until_usec : a;
}

/* Until something is due; -1: nothing is. */
int signer_work_wait_ms(const struct signer_work *w)
{
    uint64_t due_usec = UINT64_MAX, now_usec = clock_usec();
    if (w->state == SIGNER_AWAY)
        due_usec = w->retry_usec;
    if (w->state == SIGNER_BEGINS)
        due_usec = w->since_usec + READY_MAX_USEC;
    if (w->state == SIGNER_RUNS && w->out_count > 0)
        due_usec = w->heard_usec + SILENT_MAX_USEC;
    due_usec = earlier(earlier(due_usec, first_item(&w->out)), first_item(&w->queued));
    if (due_usec == UINT64_MAX)
        return -1;
    return due_usec <= now_usec ? 0 : (int)((due_usec - now_usec) / 1000 + 1);
}

/* Waits for the first message. 0, or -1 with why. */
static int await_ready(struct signer_work *w, char why[SIGNER_TEXT_SIZE])
{
    uint64_t until_usec = w->since_usec + READY_MAX_USEC, now_usec;
    struct signer_message m;
    snprintf(why, SIGNER_TEXT_SIZE, "the signer was not ready within %u s",
             READY_MAX_USEC / SECOND);
    while ((now_usec = clock_usec()) < until_usec) {
        struct pollfd fd = {.fd = w->process.fd, .events = POLLIN};
        if (poll(&fd, 1, (int)((until_usec - now_usec) / 1000 + 1)) <= 0)
            continue;
        switch (read_packet(w, &m)) {
        case PACKET_NONE:
            break;
        case PACKET_MESSAGE:
            return is_ready(&m, why) ? 0 : -1;
        case PACKET_BROKEN:
            snprintf(why, SIGNER_TEXT_SIZE, "the signer said what is no message");
            return -1;
        case PACKET_END:
            why[0] = '\0'; /* how it ended says more */
            return -1;
        }
    }
    return -1;
}

static int make_setup(struct signer_work *w, const struct signer_settings *settings, struct err *e)
{
    struct signer_message m = {.kind = SIGNER_SETUP, .certificate = settings->certificate,
                               .key = str_of(settings->key), .leaf_key = settings->leaf_key};
    w->setup_len = signer_write(&m, w->packet, sizeof(w->packet));
    if (w->setup_len == 0)
        return err_set(e, NULL, "the CA's certificates are too long for the signer");
    w->setup = mem_alloc(w->setup_len);
    if (w->setup != NULL)
        memcpy(w->setup, w->packet, w->setup_len);
    OPENSSL_cleanse(w->packet, w->setup_len);
    return w->setup != NULL ? 0 : err_set(e, NULL, "out of memory");
}

int signer_work_init(struct signer_work *w, const struct signer_settings *settings, struct err *e)
{
    list_init(&w->queued);
    list_init(&w->out);
    w->process.fd = -1;
    w->settings = (struct signer_settings){.on_leaf = settings->on_leaf,
                                           .on_restart = settings->on_restart,
                                           .arg = settings->arg};
    if (settings->program != NULL) {
        w->program = mem_dup(settings->program, strlen(settings->program));
        if (w->program == NULL)
            return err_set(e, NULL, "out of memory");
    }
    w->settings.program = w->program;
    return make_setup(w, settings, e);
}

int signer_work_start(struct signer_work *w, struct err *e)
{
    char why[SIGNER_TEXT_SIZE], end[SIGNER_PROCESS_STATUS_SIZE];
    if (begin(w, why) == 0 && await_ready(w, why) == 0) {
        start_serving(w);
        return 0;
    }
    signer_process_end(&w->process, LOST_GRACE_MS, end);
    if (why[0] != '\0')
        return err_set(e, NULL, "%s", why);
    return err_set(e, NULL, "the signer %s before it was ready", end);
}

void signer_work_add(struct signer_work *w, struct list *items)
{
    struct list_node *node;
    while ((node = list_first(items)) != NULL) {
        list_remove(node);
        list_append(&w->queued, node);
    }
}

void signer_work_turn(struct signer_work *w)
{
    check_times(w);
    send_orders(w);
}

void signer_work_stop(struct signer_work *w)
{
    struct signer_item *o;
    while ((o = first_item(&w->out)) != NULL || (o = first_item(&w->queued)) != NULL)
        answer_fault(w, o, "the signer is ended");
    w->out_count = 0;
}

void signer_work_fini(struct signer_work *w)
{
    char end[SIGNER_PROCESS_STATUS_SIZE];
    signer_process_end(&w->process, END_GRACE_MS, end);
    if (w->setup != NULL)
        OPENSSL_cleanse(w->setup, w->setup_len);
    mem_free(w->setup);
    mem_free(w->program);
}
