/* SPDX-License-Identifier: MIT */
/* leaves_rig.c - asks for leaves and what they need; see leaves_rig.h. */
#include "tests/unit/core/leaves_rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "certs/pem.h"
#include "tests/unit/core/fake_signer.h"
#include "tests/unit/core/flow.h"
#include "util/list.h"
#include "util/log.h"
#include "util/mem.h"

struct leaves_rig leaves_rig; /* global: see the header */

static void write_file(const char *path, const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    MUST(f != NULL && fwrite(text, 1, len, f) == len && fclose(f) == 0);
    MUST(chmod(path, 0600) == 0);
}

/* In the place of its own signature, that of the first. */
static void put_below(struct ca *ca, const struct ca *root)
{
    int at = X509_get_ext_by_NID(ca->cert, NID_authority_key_identifier, -1);
    if (at >= 0)
        X509_EXTENSION_free(X509_delete_ext(ca->cert, at));
    MUST(X509_set_issuer_name(ca->cert, X509_get_subject_name(root->cert)) == 1);
    MUST(X509_sign(ca->cert, root->key, EVP_sha256()) > 0);
}

static void make_ca(enum rig_ca which, const char *name)
{
    struct err e = {.line = 0};
    struct ca *ca = &leaves_rig.cas[which];
    struct ca_request request = {.name = str_of(name), .key_type = CA_KEY_EC,
                                 .days = CA_DAYS_DEFAULT, .now = time(NULL)};
    size_t len, count = 1;
    MUST(ca_make(ca, &request, &e) == 0);
    if (which == RIG_BELOW) {
        put_below(ca, &leaves_rig.cas[RIG_A]);
        count = 2;
    }
    X509 *const certs[] = {ca->cert, leaves_rig.cas[RIG_A].cert};
    leaves_rig.certificates[which] = pem_write_certificates(certs, count, &len);
    char *key = pem_write_key(ca->key, &len);
    MUST(leaves_rig.certificates[which] != NULL && key != NULL);
    char *path = leaves_rig.key_paths[which];
    snprintf(path, sizeof(leaves_rig.key_paths[which]), "/tmp/%s/key-%d",
             strrchr(leaves_rig.folder, '/') + 1, (int)which);
    write_file(path, key, len);
    mem_free(key);
}

static void start_worker(struct worker *w)
{
    *w = (struct worker){.spare_fd = -1};
    w->base = event_base_new();
    inbox_init(&w->inbox);
    MUST(inbox_open(&w->inbox, w) == 0);
}

void rig_set_up(const char *signer)
{
    struct err e = {.line = 0};
    memset(&leaves_rig, 0, sizeof(leaves_rig));
    snprintf(leaves_rig.folder, sizeof(leaves_rig.folder), "/tmp/sallyport-leaves-XXXXXX");
    MUST(mkdtemp(leaves_rig.folder) != NULL);
    snprintf(leaves_rig.log_path, sizeof(leaves_rig.log_path), "%s/log", leaves_rig.folder);
    snprintf(leaves_rig.starts_path, sizeof(leaves_rig.starts_path), "%s/starts",
             leaves_rig.folder);
    MUST(setenv("FAKE_SIGNER", signer, 1) == 0);
    MUST(setenv("FAKE_STARTS", leaves_rig.starts_path, 1) == 0);
    MUST(log_open(leaves_rig.log_path, &e) == 0);
    make_ca(RIG_A, "First CA");
    make_ca(RIG_B, "Second CA");
    make_ca(RIG_BELOW, "CA below the first");
    leaves_rig.fds_before = flow_open_fds();
    for (unsigned i = 0; i < RIG_WORKERS; i++)
        start_worker(&leaves_rig.workers[i]);
    leaves_rig.leaves = leaves_new(&e);
    MUST(leaves_rig.leaves != NULL);
}

static void end_question(struct question *q)
{
    ck_assert_uint_le(q->done_count + q->drop_count, 1);
    leaf_unref(q->ask.leaf);
    leaf_order_free(q->ask.order);
}

void rig_tear_down(void)
{
    char line[160];
    struct err e = {.line = 0};
    leaves_free(leaves_rig.leaves);
    for (unsigned i = 0; i < RIG_WORKERS; i++) {
        inbox_fini(&leaves_rig.workers[i].inbox);
        event_base_free(leaves_rig.workers[i].base);
    }
    for (unsigned i = 0; i < RIG_QUESTIONS; i++)
        end_question(&leaves_rig.questions[i]);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
    ck_assert_uint_eq(flow_open_fds(), leaves_rig.fds_before);
    for (unsigned i = 0; i < RIG_CAS; i++) {
        ca_fini(&leaves_rig.cas[i]);
        mem_free(leaves_rig.certificates[i]);
    }
    MUST(log_open("stderr", &e) == 0);
    snprintf(line, sizeof(line), "rm -r %s", leaves_rig.folder);
    MUST(system(line) == 0);
}

struct inspection_config rig_inspection(enum rig_ca ca)
{
    return (struct inspection_config){
        .is_enabled = true,
        .ca_certificate = leaves_rig.certificates[ca],
        .ca_key = leaves_rig.key_paths[ca],
        .ca_key_at = {"test.conf", 7},
        .leaves_max = 100,
    };
}

int rig_use(enum rig_ca ca, struct err *e)
{
    struct inspection_config inspection = rig_inspection(ca);
    return leaves_use(leaves_rig.leaves, &inspection, e);
}

void rig_must_use(enum rig_ca ca)
{
    struct err e = {.line = 0};
    int rc = rig_use(ca, &e);
    ck_assert_msg(rc == 0, "%s", e.text);
}

static void on_done(struct leaf_ask *ask)
{
    struct question *q = LIST_ITEM(ask, struct question, ask);
    q->done_count++;
    ++*q->done_total;
}

static void on_drop(struct leaf_ask *ask)
{
    struct question *q = LIST_ITEM(ask, struct question, ask);
    q->drop_count++;
    leaves_rig.drop_total++;
}

void rig_key(unsigned key, unsigned char out[LEAVES_KEY_SIZE])
{
    memset(out, 0, LEAVES_KEY_SIZE);
    memcpy(out, &key, sizeof(key));
}

void rig_prepare(unsigned n, unsigned worker, unsigned key, const char *name)
{
    struct question *q = &leaves_rig.questions[n];
    char host[64];
    if (name != NULL)
        snprintf(host, sizeof(host), "%s.example", name);
    else
        snprintf(host, sizeof(host), "host-%u.example", key);
    leaf_unref(q->ask.leaf);
    leaf_order_free(q->ask.order);
    *q = (struct question){.worker = &leaves_rig.workers[worker],
                           .done_total = &leaves_rig.done_totals[worker]};
    q->ask.order = leaf_order_of_page(str_of(host), STR_LIT(""), time(NULL));
    MUST(q->ask.order != NULL);
    q->ask.inbox = &q->worker->inbox;
    q->ask.done = on_done;
    q->ask.drop = on_drop;
    rig_key(key, q->ask.key);
}

void rig_ask(unsigned n, unsigned worker, unsigned key, const char *name)
{
    rig_prepare(n, worker, key, name);
    leaves_ask(leaves_rig.leaves, &leaves_rig.questions[n].ask);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    *(bool *)arg = true;
}

void rig_await(unsigned worker, unsigned count)
{
    bool is_over = false;
    struct timeval limit = {30, 0};
    struct event *timer = event_new(leaves_rig.workers[worker].base, -1, 0, on_time, &is_over);
    event_add(timer, &limit);
    while (leaves_rig.done_totals[worker] < count && !is_over)
        event_base_loop(leaves_rig.workers[worker].base, EVLOOP_ONCE);
    event_free(timer);
    if (leaves_rig.done_totals[worker] < count)
        ck_abort_msg("%u of %u are done\n%s", leaves_rig.done_totals[worker], count, rig_log());
}

void rig_expect_leaf(unsigned n, enum rig_ca ca)
{
    const struct question *q = &leaves_rig.questions[n];
    MUST(q->done_count == 1);
    if (q->ask.leaf == NULL)
        ck_abort_msg("question %u: %s\n%s", n, q->ask.fault, rig_log());
    MUST(X509_verify(q->ask.leaf->cert, leaves_rig.cas[ca].key) == 1);
    MUST(X509_check_private_key(q->ask.leaf->cert, q->ask.leaf->key) == 1);
}

void rig_expect_fault(unsigned n, const char *text)
{
    const struct question *q = &leaves_rig.questions[n];
    MUST(q->done_count == 1 && q->ask.leaf == NULL);
    ck_assert_msg(strstr(q->ask.fault, text) != NULL, "%s", q->ask.fault);
}

struct leaves_counts rig_counts(void)
{
    struct leaves_counts counts;
    leaves_count(leaves_rig.leaves, &counts);
    return counts;
}

char *rig_log(void)
{
    static char text[65536];
    FILE *f = fopen(leaves_rig.log_path, "r");
    size_t len = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    text[len] = '\0';
    return text;
}

unsigned rig_starts(void)
{
    struct stat st;
    return stat(leaves_rig.starts_path, &st) == 0 ? (unsigned)st.st_size / FAKE_START_SIZE : 0;
}

int rig_last_pid(void)
{
    char line[FAKE_START_SIZE + 1] = "";
    FILE *f = fopen(leaves_rig.starts_path, "r");
    MUST(f != NULL && fseek(f, -FAKE_START_SIZE, SEEK_END) == 0 &&
         fread(line, 1, FAKE_START_SIZE, f) == FAKE_START_SIZE && fclose(f) == 0);
    long pid = strtol(line, NULL, 10);
    MUST(pid > 1);
    return (int)pid;
}
