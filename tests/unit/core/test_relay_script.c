/* SPDX-License-Identifier: MIT */
/*
 * test_relay_script.c - a relay between streams that follow a script: every
 * sequence of what a socket can say, at every step.
 */
#include "tests/unit/core/suites.h"

#include <errno.h>

#include "proxy/net/relay.h"
#include "tests/unit/core/must.h"
#include "util/list.h"
#include "util/mem.h"

enum step { FULL, SHORT, BUSY, FAIL, END, STEPS };

#define RECV_STEPS 4
#define SEND_STEPS 4
#define PIECE 5 /* bytes that a full read gives */

/* Both ends of the relay; byte n of the flow is the lowest byte of n. */
struct script {
    struct stream from, to;
    struct relay relay;
    struct relay_pool pool;
    enum step recvs[RECV_STEPS], sends[SEND_STEPS], shut;
    unsigned recv_at, send_at, shuts;
    uint64_t given, taken;
    bool has_ended, has_recv_failed, has_send_failed;
};

static struct script s;

static enum io script_recv(struct stream *stream, void *bytes, size_t size, size_t *len)
{
    enum step step = s.recv_at < RECV_STEPS ? s.recvs[s.recv_at++] : END;
    /* Back-pressure: nothing is read while something waits. */
    MUST(s.relay.pending == NULL && s.relay.pipe == NULL);
    MUST(!s.has_ended && !s.has_recv_failed);
    MUST(s.given == s.taken);
    if (step == BUSY) {
        stream->is_readable = false;
        return IO_AGAIN;
    }
    if (step == FAIL) {
        s.has_recv_failed = stream->is_recv_broken = true;
        stream->error = ECONNRESET;
        return IO_ERR;
    }
    if (step == END) {
        s.has_ended = stream->is_eof = true;
        return IO_EOF;
    }
    *len = step == FULL ? PIECE : 1;
    MUST(*len <= size);
    for (size_t i = 0; i < *len; i++)
        ((char *)bytes)[i] = (char)s.given++;
    return IO_OK;
}

static enum io script_send(struct stream *stream, const void *bytes, size_t size, size_t *len)
{
    enum step step = s.send_at < SEND_STEPS ? s.sends[s.send_at++] : FULL;
    MUST(!s.has_send_failed && s.shuts == 0);
    MUST(size > 0);
    if (step == BUSY) {
        stream->is_writable = false;
        return IO_AGAIN;
    }
    if (step == FAIL) {
        s.has_send_failed = stream->is_send_broken = true;
        stream->is_writable = false;
        stream->error = EPIPE;
        return IO_ERR;
    }
    *len = step == FULL ? size : 1;
    for (size_t i = 0; i < *len; i++)
        ck_assert_int_eq(((const char *)bytes)[i], (char)s.taken++);
    return IO_OK;
}

static enum io script_shut(struct stream *stream)
{
    MUST(s.has_ended && s.shuts == 0);
    MUST(s.given == s.taken); /* a FIN comes behind all data */
    s.shuts++;
    if (s.shut == FULL)
        return IO_OK;
    stream->is_send_broken = true;
    stream->error = ENOTCONN;
    return IO_ERR;
}

static const struct stream_ops SCRIPT = {script_recv, script_send, script_shut, NULL, NULL, false};

static void begin(void)
{
    char *buffer = s.pool.buffer;
    s = (struct script){.pool = {.buffer = buffer}};
    stream_init(&s.from);
    stream_init(&s.to);
    s.from.ops = s.to.ops = &SCRIPT;
    s.from.is_readable = s.from.is_writable = s.to.is_readable = s.to.is_writable = true;
    relay_init(&s.relay, &s.pool, &s.from, &s.to);
}

/* Runs to the end, with an event whenever it waits for one. */
static enum io drive(void)
{
    for (unsigned i = 0; i < 100; i++) {
        enum io rc = relay_run(&s.relay);
        if (rc == IO_OK || rc == IO_ERR)
            return rc;
        if (rc == IO_AGAIN) {
            /* It waits for what it said, so an event will come. */
            MUST(!s.from.is_readable || !s.to.is_writable);
            if (!s.to.is_writable)
                s.to.is_writable = true;
            else
                s.from.is_readable = true;
        }
    }
    ck_abort_msg("no end within 100 runs");
}

static void check_outcome(enum io rc)
{
    bool has_failed = s.has_recv_failed || s.has_send_failed || (s.shuts == 1 && s.shut != FULL);
    MUST(rc == (has_failed ? IO_ERR : IO_OK));
    MUST(s.relay.state == (has_failed ? RELAY_FAILED : RELAY_DONE));
    MUST(relay_is_over(&s.relay));
    MUST(s.relay.bytes == s.taken);
    if (!s.has_send_failed)
        MUST(s.given == s.taken); /* all that was read was delivered */
    MUST(s.shuts == (s.has_recv_failed || s.has_send_failed ? 0 : 1));
    MUST(has_failed || s.to.is_shut);
    /* Which side is to blame. */
    MUST(s.to.is_send_broken == (has_failed && !s.has_recv_failed));
    MUST(relay_run(&s.relay) == rc);
    relay_fini(&s.relay);
    MUST(s.relay.pending == NULL);
}

/* The steps of sequence n; a digit each, in base. */
static void spell(enum step *steps, unsigned count, unsigned n, unsigned base)
{
    for (unsigned i = 0; i < count; i++, n /= base)
        steps[i] = (enum step)(n % base);
}

static unsigned power(unsigned base, unsigned exponent)
{
    return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

/* One test for each sequence of sends (END is none of theirs) and kind of FIN. */
START_TEST(every_sequence_of_answers)
{
    unsigned sequences = power(STEPS, RECV_STEPS);
    s.pool.buffer = mem_alloc(RELAY_BUFFER_BYTES);
    for (unsigned sends = (unsigned)_i; sends < power(STEPS - 1, SEND_STEPS); sends += 16)
        for (unsigned recvs = 0; recvs < sequences; recvs++)
            for (unsigned shut = 0; shut < 2; shut++) {
                begin();
                spell(s.recvs, RECV_STEPS, recvs, STEPS);
                spell(s.sends, SEND_STEPS, sends, STEPS - 1);
                s.shut = shut == 0 ? FULL : FAIL;
                check_outcome(drive());
            }
    mem_free(s.pool.buffer);
}
END_TEST

/* The same with bytes put in front, which count from 0 like the rest. */
START_TEST(every_sequence_of_sends_behind_bytes_in_front)
{
    static const char FRONT[] = {0, 1, 2, 3, 4, 5, 6};
    s.pool.buffer = mem_alloc(RELAY_BUFFER_BYTES);
    for (unsigned sends = 0; sends < power(STEPS - 1, SEND_STEPS); sends++)
        for (unsigned recvs = 0; recvs < STEPS * STEPS; recvs++) {
            begin();
            spell(s.recvs, RECV_STEPS, recvs, STEPS);
            spell(s.sends, SEND_STEPS, sends, STEPS - 1);
            ck_assert_int_eq(relay_put(&s.relay, (struct str){FRONT, sizeof(FRONT)}), 0);
            s.given = sizeof(FRONT);
            check_outcome(drive());
        }
    mem_free(s.pool.buffer);
}
END_TEST

/* Every allocation fails in turn: only what could not be kept is lost. */
START_TEST(every_sequence_of_answers_without_memory)
{
    char *buffer = s.pool.buffer = mem_alloc(RELAY_BUFFER_BYTES);
    for (unsigned sends = 0; sends < power(STEPS - 1, SEND_STEPS); sends++) {
        begin();
        s.pool.buffer = buffer;
        spell(s.sends, SEND_STEPS, sends, STEPS - 1);
        (void)mem_fail_at(1, 1);
        enum io rc = drive();
        unsigned long asked = mem_fail_at(0, 0);
        MUST(rc == (asked > 0 || s.has_send_failed ? IO_ERR : IO_OK));
        MUST(s.from.is_recv_broken == (asked > 0));
        MUST(s.from.error == (asked > 0 ? ENOMEM : 0));
        MUST(s.relay.bytes == s.taken);
        relay_fini(&s.relay);
    }
    mem_free(buffer);
}
END_TEST

static enum io endless_recv(struct stream *stream, void *bytes, size_t size, size_t *len)
{
    (void)stream;
    memset(bytes, 'x', size);
    *len = size;
    s.given += size;
    return IO_OK;
}

static enum io endless_send(struct stream *stream, const void *bytes, size_t size, size_t *len)
{
    (void)stream;
    (void)bytes;
    *len = size;
    s.taken += size;
    return IO_OK;
}

static const struct stream_ops ENDLESS = {endless_recv, endless_send, script_shut, NULL,
                                          NULL, false};

START_TEST(a_source_without_end_is_given_up_after_some_rounds)
{
    s.pool.buffer = mem_alloc(RELAY_BUFFER_BYTES);
    begin();
    s.from.ops = s.to.ops = &ENDLESS;
    for (uint64_t run = 1; run <= 10; run++) {
        uint64_t before = s.taken;
        MUST(relay_run(&s.relay) == IO_YIELD);
        MUST(s.given == s.taken);
        MUST(s.taken > before);
        MUST(s.taken - before <= 16 * RELAY_BUFFER_BYTES);
        MUST(s.relay.pending == NULL);
        /* Neither stream's bytes are its descriptor's: never spliced. */
        MUST(!s.relay.is_bulk);
    }
    mem_free(s.pool.buffer);
}
END_TEST

Suite *relay_script_suite(void)
{
    Suite *suite = suite_create("relay_script");
    TCase *tc = tcase_create("relay_script");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, every_sequence_of_answers, 0, 16);
    tcase_add_test(tc, every_sequence_of_sends_behind_bytes_in_front);
    tcase_add_test(tc, every_sequence_of_answers_without_memory);
    tcase_add_test(tc, a_source_without_end_is_given_up_after_some_rounds);
    suite_add_tcase(suite, tc);
    return suite;
}
