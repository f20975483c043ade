/* SPDX-License-Identifier: MIT */
/* test_worker_threads.c - workers in their threads: start, messages, configurations
 * swapped under load, the end. */
#include "tests/unit/core/suites.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "proxy/clients.h"
#include "proxy/listener.h"
#include "proxy/worker.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"

#define WORKERS 2
#define CLIENTS 4

static struct shared shared;
static struct worker *workers[WORKERS];
static struct endpoint at;
static unsigned fds_before;

/* Everything is allowed where generation is even, nothing where it is odd. */
static struct config *make_config(unsigned generation)
{
    char text[1024];
    struct errlist faults;
    int len = snprintf(text, sizeof(text),
                       "listeners = ( { address = \"127.0.0.1\"; port = 3128; } );\n"
                       "workers = 2;\n"
                       "guard = { deny_private = false; };\n"
                       "destinations = { all = { addresses = [ \"127.0.0.0/8\" ]; }; };\n"
                       "rules = ( { name = \"r%u\"; to = [ \"all\" ]; ports = [ \"1-65535\" ];\n"
                       "            action = \"%s\"; } );\n"
                       "log = { access = \"-\"; };\n",
                       generation, generation % 2 == 0 ? "allow" : "deny");
    struct str slice = {text, (size_t)len};
    errlist_init(&faults);
    struct config *config = config_parse("test.conf", &slice, &faults);
    errlist_fini(&faults);
    MUST(config != NULL);
    return config;
}

static void post(unsigned worker, enum message_kind kind, int fd, struct config *config)
{
    inbox_post(&workers[worker]->inbox,
               &(struct message){.kind = kind, .listener = 1, .fd = fd, .config = config});
}

static void post_all(enum message_kind kind)
{
    for (unsigned i = 0; i < WORKERS; i++)
        post(i, kind, -1, NULL);
}

static void start(bool has_threads)
{
    struct err e = {.line = 0};
    struct config *config = make_config(0);
    fds_before = flow_open_fds();
    shared = (struct shared){.tunnels_max = 1000, .done_fd = eventfd(0, EFD_CLOEXEC)};
    shared.clients = clients_new();
    shared.logwriter = logwriter_new("/dev/null", WORKERS, &e);
    at = (struct endpoint){.port = 0};
    ck_assert_int_eq(addr_parse(&at.addr, STR_LIT("127.0.0.1")), 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = worker_new(&shared, i, config_ref(config), &e);
        ck_assert_msg(workers[i] != NULL, "%s", e.text);
        int fd = listener_bind(&at, &e);
        ck_assert_msg(fd >= 0, "%s", e.text);
        post(i, MESSAGE_LISTEN, fd, NULL);
        if (has_threads)
            ck_assert_int_eq(worker_start(workers[i], &e), 0);
    }
    config_unref(config);
}

static void finish(bool has_threads)
{
    uint64_t done = 0, sum = 0;
    for (unsigned i = 0; i < WORKERS; i++) {
        if (has_threads)
            worker_join(workers[i]);
        worker_free(workers[i]);
    }
    while (has_threads && sum < WORKERS) {
        ck_assert_int_eq(read(shared.done_fd, &done, sizeof(done)), sizeof(done));
        sum += done;
    }
    ck_assert_uint_eq(sum, has_threads ? WORKERS : 0);
    ck_assert_uint_eq(atomic_load(&shared.tunnels), 0);
    logwriter_free(shared.logwriter);
    clients_free(shared.clients);
    close(shared.done_fd);
    ck_assert_uint_eq(flow_open_fds(), fds_before);
}

START_TEST(workers_start_and_stop)
{
    for (unsigned i = 0; i < 20; i++) {
        start(true);
        if (i % 2 == 0)
            usleep(2000);
        post_all(i % 3 == 0 ? MESSAGE_DRAIN : MESSAGE_STOP);
        finish(true);
    }
}
END_TEST

/* What stands in an inbox belongs to it until it is carried out. */
START_TEST(messages_to_a_worker_that_never_ran_are_released)
{
    struct config *config = make_config(2);
    start(false); /* with a descriptor in each inbox: finish counts */
    post(0, MESSAGE_CONFIG, -1, config_ref(config));
    post(0, MESSAGE_CONFIG, -1, config_ref(config));
    post(1, MESSAGE_UNLISTEN, -1, NULL);
    post(1, MESSAGE_STOP, -1, NULL);
    finish(false);
    ck_assert_uint_eq(atomic_load(&config->refs), 1);
    config_unref(config);
}
END_TEST

static int dial(const struct endpoint *to)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(to, &sa);
    struct timeval limit = {.tv_sec = 20};
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&sa, len) == 0)
        return fd;
    close(fd);
    return -1;
}

/* An origin that gives back what it gets, one connection after the other. */
static int echo_fd;

static void *echo(void *arg)
{
    char bytes[4096];
    int fd;
    (void)arg;
    while ((fd = accept4(echo_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        ssize_t got;
        while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
            MUST(send(fd, bytes, (size_t)got, MSG_NOSIGNAL) == got);
        close(fd);
    }
    return NULL;
}

static struct endpoint listen_echo(void)
{
    struct endpoint to = {.port = 0};
    struct sockaddr_storage sa;
    ck_assert_int_eq(addr_parse(&to.addr, STR_LIT("127.0.0.1")), 0);
    socklen_t len = addr_to_sockaddr(&to, &sa);
    echo_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(echo_fd, (struct sockaddr *)&sa, len), 0);
    ck_assert_int_eq(listen(echo_fd, 200), 0);
    ck_assert_int_eq(getsockname(echo_fd, (struct sockaddr *)&sa, &len), 0);
    ck_assert_int_eq(addr_from_sockaddr(&to, (struct sockaddr *)&sa), 0);
    return to;
}

/* The head of an answer; 0 at the end without one. */
static unsigned read_status(int fd)
{
    char text[8192];
    size_t len = 0;
    text[0] = '\0';
    while (strstr(text, "\r\n\r\n") == NULL) {
        ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        if (got <= 0)
            return 0;
        len += (size_t)got;
        text[len] = '\0';
    }
    unsigned status = 0;
    MUST(sscanf(text, "HTTP/1.1 %u ", &status) == 1);
    return status;
}

static struct endpoint origin;
static atomic_bool is_load_over;
static atomic_uint allowed, denied;

static void one_request(void)
{
    char text[128], bytes[5];
    int fd = dial(&at);
    MUST(fd >= 0);
    int len = snprintf(text, sizeof(text), "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: x\r\n\r\n",
                       (unsigned)origin.port);
    MUST(send(fd, text, (size_t)len, MSG_NOSIGNAL) == len);
    unsigned status = read_status(fd);
    MUST(status == 200 || status == 403);
    if (status == 403) {
        atomic_fetch_add(&denied, 1);
    } else {
        MUST(send(fd, "hello", 5, MSG_NOSIGNAL) == 5);
        MUST(recv(fd, bytes, 5, MSG_WAITALL) == 5 && memcmp(bytes, "hello", 5) == 0);
        atomic_fetch_add(&allowed, 1);
    }
    close(fd);
}

static void *load(void *arg)
{
    (void)arg;
    while (!atomic_load(&is_load_over))
        one_request();
    return NULL;
}

/* Allowing and denying in turns while clients come: each request is decided by one
 * configuration or the other, and each configuration is freed in the end. */
START_TEST(configurations_are_swapped_under_load)
{
    enum { SWAPS = 120 };
    static struct config *configs[SWAPS];
    pthread_t clients[CLIENTS], echoes[CLIENTS];
    origin = listen_echo();
    start(true);
    atomic_store(&is_load_over, false);
    for (unsigned i = 0; i < CLIENTS; i++) {
        MUST(pthread_create(&echoes[i], NULL, echo, NULL) == 0);
        MUST(pthread_create(&clients[i], NULL, load, NULL) == 0);
    }
    for (unsigned i = 0; i < SWAPS; i++) {
        configs[i] = make_config(i + 1);
        for (unsigned k = 0; k < WORKERS; k++)
            post(k, MESSAGE_CONFIG, -1, config_ref(configs[i]));
        usleep(10000);
    }
    atomic_store(&is_load_over, true);
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    post_all(MESSAGE_DRAIN);
    finish(true);
    shutdown(echo_fd, SHUT_RDWR);
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(echoes[i], NULL);
    close(echo_fd);
    for (unsigned i = 0; i < SWAPS; i++) {
        ck_assert_uint_eq(atomic_load(&configs[i]->refs), 1);
        config_unref(configs[i]);
    }
    ck_assert_uint_gt(allowed, SWAPS / 4);
    ck_assert_uint_gt(denied, SWAPS / 4);
}
END_TEST

/* A tunnel that is open when the worker is told to stop gets its end. */
START_TEST(a_stop_ends_open_tunnels)
{
    char text[128], byte;
    origin = listen_echo();
    start(true);
    int fd = dial(&at);
    int len = snprintf(text, sizeof(text), "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: x\r\n\r\n",
                       (unsigned)origin.port);
    ck_assert_int_eq(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
    ck_assert_uint_eq(read_status(fd), 200);
    ck_assert_uint_eq(atomic_load(&shared.tunnels), 1);
    int far = accept4(echo_fd, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(far, 0);
    post_all(MESSAGE_STOP);
    ck_assert_int_le(recv(fd, &byte, 1, 0), 0);
    ck_assert_int_le(recv(far, &byte, 1, 0), 0);
    close(fd);
    close(far);
    close(echo_fd);
    fds_before--; /* echo_fd was open when it was counted */
    finish(true);
}
END_TEST

/* Listeners of one number go; those of other workers stay until told. */
START_TEST(a_listener_is_closed_by_message)
{
    start(true);
    int fd = dial(&at);
    ck_assert_int_ge(fd, 0);
    close(fd);
    post_all(MESSAGE_UNLISTEN);
    for (unsigned ms = 0; ms < 5000 && (fd = dial(&at)) >= 0; ms++) {
        close(fd);
        usleep(1000);
    }
    ck_assert_int_lt(fd, 0);
    post_all(MESSAGE_STOP);
    finish(true);
}
END_TEST

Suite *worker_threads_suite(void)
{
    Suite *suite = suite_create("worker_threads");
    TCase *tc = tcase_create("worker_threads");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, workers_start_and_stop);
    tcase_add_test(tc, messages_to_a_worker_that_never_ran_are_released);
    tcase_add_test(tc, configurations_are_swapped_under_load);
    tcase_add_test(tc, a_stop_ends_open_tunnels);
    tcase_add_test(tc, a_listener_is_closed_by_message);
    suite_add_tcase(suite, tc);
    return suite;
}
