/* SPDX-License-Identifier: MIT */
/*
 * test_inspect_threads.c - two workers inspect forty hosts for three clients, while the
 * configuration changes all the time and the signer is killed once.
 */
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "certs/pem.h"
#include "certs/tickets.h"
#include "proxy/clients.h"
#include "proxy/leaves.h"
#include "proxy/listener.h"
#include "proxy/proposals.h"
#include "proxy/worker.h"
#include "tests/unit/certs/issuer.h"
#include "tests/unit/conf/ca_files.h"
#include "tests/unit/core/fake_signer.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/inspect_suites.h"
#include "tests/unit/core/must.h"
#include "util/mem.h"

#define WORKERS 2
#define CLIENTS 3
#define HOSTS 40
#define RELOADS 60

static struct shared shared;
static struct worker *workers[WORKERS];
static struct endpoint at, origin_at;
static struct ca_files files;
static struct issued root;
static SSL_CTX *origins[HOSTS], *client_ctx;
static int origin_fd;
static atomic_bool is_over;
static atomic_uint inspected, untouched, cut;

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", files.path, name);
    return path;
}

static uint64_t now_s(void)
{
    return clock_usec() / 1000000;
}

/* ---- what is on disk ---- */

static FILE *create(const char *name)
{
    FILE *file = fopen(path_of(name), "w");
    ck_assert_ptr_nonnull(file);
    return file;
}

static void make_files(void)
{
    static const struct issuer_spec ROOT = {
        .subject = "Root", .basic = "critical,CA:TRUE", .usage = "critical,keyCertSign,cRLSign"};
    size_t len;
    ca_files_make(&files);
    issuer_make(&root, &ROOT, NULL);
    FILE *file = create("trust.pem");
    char *pem = pem_write_certificates(&root.cert, 1, &len);
    ck_assert(pem != NULL && fputs(pem, file) >= 0);
    fclose(file);
    mem_free(pem);
    file = create("hosts");
    for (unsigned i = 0; i < HOSTS; i++)
        fprintf(file, "127.0.0.1 h%u.test\n", i);
    fclose(file);
}

static void remove_files(void)
{
    static const char *const NAMES[] = {"trust.pem", "hosts", "starts"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        unlink(path_of(NAMES[i]));
    ca_files_remove(&files);
    issuer_fini(&root);
}

/* The first half of the hosts is exempt where generation is odd. */
static struct config *make_config(unsigned generation)
{
    char text[4096];
    struct errlist faults;
    int len = snprintf(text, sizeof(text),
                       "listeners = ( { address = \"127.0.0.1\"; port = 3128; } );\n"
                       "workers = 2;\n"
                       "guard = { deny_private = false; };\n"
                       "destinations = { all = { domains = [ \"*.test\" ]; };\n"
                       "  none = { domains = [ \"nothing.test\" ]; };\n"
                       "  half = { domains = [ \"h0.test\", \"h1.test\", \"h2.test\",\n"
                       "    \"h3.test\", \"h4.test\", \"h5.test\", \"h6.test\", \"h7.test\",\n"
                       "    \"h8.test\", \"h9.test\", \"h1*.test\" ]; }; };\n"
                       "rules = ( { name = \"all\"; to = [ \"all\" ]; ports = [ \"1-65535\" ];\n"
                       "            action = \"allow\"; } );\n"
                       "inspection = { enabled = true; default = \"inspect\";\n"
                       "  ca_certificate = \"%s/ca.pem\"; ca_key = \"%s/ca.key\";\n"
                       "  trust = \"%s/trust.pem\"; never = [ \"%s\" ]; };\n"
                       "dns = { hosts = \"%s/hosts\"; };\n"
                       "log = { access = \"-\"; };\n",
                       files.path, files.path, files.path, generation % 2 == 1 ? "half" : "none",
                       files.path);
    struct str slice = {text, (size_t)len};
    errlist_init(&faults);
    struct config *config = config_parse("test.conf", &slice, &faults);
    errlist_fini(&faults);
    MUST(config != NULL);
    tickets_use(shared.tickets, config->inspection.client_tls);
    stream_tls_prepare(config->inspection.origin_tls);
    return config;
}

/* ---- the origin ---- */

static int on_name(SSL *ssl, int *alert, void *arg)
{
    unsigned host;
    (void)alert;
    (void)arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == NULL || sscanf(name, "h%u.test", &host) != 1 || host >= HOSTS)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    SSL_set_SSL_CTX(ssl, origins[host]);
    return SSL_TLSEXT_ERR_OK;
}

static void make_origins(void)
{
    char names[32];
    for (unsigned i = 0; i < HOSTS; i++) {
        struct issued issued;
        snprintf(names, sizeof(names), "DNS:h%u.test", i);
        issuer_make(&issued, &(struct issuer_spec){.subject = "o", .names = names}, &root);
        origins[i] = SSL_CTX_new(TLS_server_method());
        MUST(SSL_CTX_use_certificate(origins[i], issued.cert) == 1 &&
             SSL_CTX_use_PrivateKey(origins[i], issued.key) == 1);
        SSL_CTX_set_session_id_context(origins[i], (const unsigned char *)"o", 1);
        SSL_CTX_set_options(origins[i], SSL_OP_IGNORE_UNEXPECTED_EOF);
        issuer_fini(&issued);
    }
    SSL_CTX_set_tlsext_servername_callback(origins[0], on_name);
}

static void limit_time(int fd)
{
    struct timeval limit = {.tv_sec = 30};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* A message up to its end; its length, 0 where it does not come. */
static size_t read_until(SSL *ssl, char *text, size_t size, const char *end)
{
    size_t len = 0, got;
    text[0] = '\0';
    while (strstr(text, end) == NULL) {
        if (len == size - 1 || SSL_read_ex(ssl, text + len, size - 1 - len, &got) != 1) {
            ERR_clear_error();
            return 0;
        }
        len += got;
        text[len] = '\0';
    }
    return len;
}

static void serve(SSL *ssl)
{
    static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    char text[4096];
    size_t len;
    if (SSL_accept(ssl) == 1)
        while (read_until(ssl, text, sizeof(text), "\r\n\r\n") != 0)
            if (SSL_write_ex(ssl, ANSWER, sizeof(ANSWER) - 1, &len) != 1)
                break;
    ERR_clear_error();
}

static void *run_origin(void *arg)
{
    int fd;
    (void)arg;
    while ((fd = accept4(origin_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        SSL *ssl = SSL_new(origins[0]);
        limit_time(fd);
        SSL_set_fd(ssl, fd);
        serve(ssl);
        SSL_free(ssl);
        close(fd);
    }
    return NULL;
}

/* ---- the clients ---- */

static int dial(const struct endpoint *to)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    limit_time(fd);
    MUST(connect(fd, (struct sockaddr *)&sa, len) == 0);
    return fd;
}

static void connect_to(int fd, const char *host)
{
    static const char ESTABLISHED[] = "HTTP/1.1 200 Connection established\r\n\r\n";
    char text[256];
    int len = snprintf(text, sizeof(text), "CONNECT %s:%u HTTP/1.1\r\nHost: x\r\n\r\n", host,
                       (unsigned)origin_at.port);
    MUST(send(fd, text, (size_t)len, MSG_NOSIGNAL) == len);
    ssize_t want = sizeof(ESTABLISHED) - 1;
    MUST(recv(fd, text, (size_t)want, MSG_WAITALL) == want);
    MUST(memcmp(text, ESTABLISHED, (size_t)want) == 0);
}

/* False where the connection ended before an answer. */
static bool get(SSL *ssl, const char *host)
{
    char text[4096];
    size_t len;
    int size = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s:%u\r\n\r\n", host,
                        (unsigned)origin_at.port);
    if (SSL_write_ex(ssl, text, (size_t)size, &len) != 1 ||
        read_until(ssl, text, sizeof(text), "\r\n\r\nhello") == 0) {
        ERR_clear_error();
        return false;
    }
    MUST(strncmp(text, "HTTP/1.1 200 ", 13) == 0);
    return true;
}

static void visit(unsigned number)
{
    char host[16];
    int fd = dial(&at);
    snprintf(host, sizeof(host), "h%u.test", number);
    connect_to(fd, host);
    SSL *ssl = SSL_new(client_ctx);
    SSL_set_fd(ssl, fd);
    MUST(SSL_set_tlsext_host_name(ssl, host) == 1 && SSL_set1_host(ssl, host) == 1);
    if (SSL_connect(ssl) != 1)
        ck_abort_msg("%s: %s, %s", host, ERR_reason_error_string(ERR_peek_error()),
                     X509_verify_cert_error_string(SSL_get_verify_result(ssl)));
    X509_NAME *issuer = X509_get_issuer_name(SSL_get0_peer_certificate(ssl));
    bool is_ours = X509_NAME_cmp(issuer, X509_get_subject_name(root.cert)) != 0;
    /* Only a reload that exempts the host may end it between two requests. */
    if (!get(ssl, host) || !get(ssl, host)) {
        MUST(is_ours && number < HOSTS / 2);
        atomic_fetch_add(&cut, 1);
    }
    atomic_fetch_add(is_ours ? &inspected : &untouched, 1);
    SSL_free(ssl);
    close(fd);
}

static void *run_client(void *arg)
{
    uint64_t random = (uint64_t)(uintptr_t)arg + 1;
    while (!atomic_load(&is_over))
        visit((unsigned)(flow_random(&random) >> 16) % HOSTS);
    return NULL;
}

/* ---- the proxy ---- */

static void post_all(enum message_kind kind, struct config *config)
{
    for (unsigned i = 0; i < WORKERS; i++)
        inbox_post(&workers[i]->inbox,
                   &(struct message){.kind = kind,
                                     .listener = 1,
                                     .fd = -1,
                                     .config = config != NULL ? config_ref(config) : NULL});
}

static void use(struct config *config)
{
    struct err e = {.line = 0};
    int rc = leaves_use(shared.leaves, &config->inspection, &e);
    ck_assert_msg(rc == 0, "%s", e.text);
}

static void start_workers(struct config *config)
{
    struct err e = {.line = 0};
    at = (struct endpoint){.port = 0};
    MUST(addr_parse(&at.addr, STR_LIT("127.0.0.1")) == 0);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = worker_new(&shared, i, config_ref(config), &e);
        ck_assert_msg(workers[i] != NULL, "%s", e.text);
        int fd = listener_bind(&at, &e);
        ck_assert_msg(fd >= 0, "%s", e.text);
        inbox_post(&workers[i]->inbox,
                   &(struct message){.kind = MESSAGE_LISTEN, .listener = 1, .fd = fd});
        MUST(worker_start(workers[i], &e) == 0);
    }
}

static void start(void)
{
    struct err e = {.line = 0};
    struct sockaddr_storage sa;
    shared = (struct shared){.tunnels_max = 1000, .done_fd = eventfd(0, EFD_CLOEXEC)};
    shared.clients = clients_new();
    shared.logwriter = logwriter_new("/dev/null", WORKERS, &e);
    shared.tickets = tickets_new(now_s);
    shared.proposals = proposals_new();
    shared.leaves = leaves_new(&e);
    MUST(shared.clients != NULL && shared.logwriter != NULL && shared.tickets != NULL &&
         shared.proposals != NULL && shared.leaves != NULL);
    origin_at = (struct endpoint){.port = 0};
    MUST(addr_parse(&origin_at.addr, STR_LIT("127.0.0.1")) == 0);
    socklen_t len = addr_to_sockaddr(&origin_at, &sa);
    origin_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(bind(origin_fd, (struct sockaddr *)&sa, len) == 0 && listen(origin_fd, 200) == 0);
    MUST(getsockname(origin_fd, (struct sockaddr *)&sa, &len) == 0);
    MUST(addr_from_sockaddr(&origin_at, (struct sockaddr *)&sa) == 0);
    client_ctx = SSL_CTX_new(TLS_client_method());
    MUST(SSL_CTX_load_verify_locations(client_ctx, path_of("ca.pem"), NULL) == 1 &&
         SSL_CTX_load_verify_locations(client_ctx, path_of("trust.pem"), NULL) == 1);
    SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, NULL);
}

static void finish(void)
{
    for (unsigned i = 0; i < WORKERS; i++)
        worker_join(workers[i]);
    leaves_free(shared.leaves);
    for (unsigned i = 0; i < WORKERS; i++) {
        ck_assert_uint_eq(count_read(&workers[i]->counters.connections_open), 0);
        ck_assert_uint_eq(count_read(&workers[i]->counters.tunnels_open), 0);
        worker_free(workers[i]);
    }
    ck_assert_uint_eq(atomic_load(&shared.tunnels), 0);
    logwriter_free(shared.logwriter);
    clients_free(shared.clients);
    proposals_free(shared.proposals);
    tickets_free(shared.tickets);
    close(shared.done_fd);
    SSL_CTX_free(client_ctx);
    for (unsigned i = 0; i < HOSTS; i++)
        SSL_CTX_free(origins[i]);
}

static void kill_signer(void)
{
    char line[FAKE_START_SIZE + 1] = "";
    FILE *file = fopen(path_of("starts"), "r");
    MUST(file != NULL && fread(line, 1, FAKE_START_SIZE, file) == FAKE_START_SIZE);
    fclose(file);
    long pid = strtol(line, NULL, 10);
    MUST(pid > 1 && kill((pid_t)pid, SIGKILL) == 0);
}

START_TEST(reloads_and_a_dying_signer_under_load)
{
    static struct config *configs[RELOADS];
    pthread_t clients[CLIENTS], servers[CLIENTS + 1];
    unsigned fds = flow_open_fds();
    struct leaves_counts counts;
    make_files();
    MUST(setenv("FAKE_SIGNER", "real", 1) == 0 && setenv("FAKE_STARTS", path_of("starts"), 1) == 0);
    start();
    make_origins();
    struct config *first = make_config(0);
    use(first);
    start_workers(first);
    for (unsigned i = 0; i < CLIENTS + 1; i++)
        MUST(pthread_create(&servers[i], NULL, run_origin, NULL) == 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        MUST(pthread_create(&clients[i], NULL, run_client, (void *)(uintptr_t)i) == 0);
    for (unsigned i = 0; i < RELOADS; i++) {
        configs[i] = make_config(i + 1);
        use(configs[i]);
        post_all(MESSAGE_CONFIG, configs[i]);
        if (i == 1) /* while leaves are still being made */
            kill_signer();
        usleep(30000);
    }
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(clients[i], NULL);
    leaves_count(shared.leaves, &counts);
    post_all(MESSAGE_DRAIN, NULL);
    shutdown(origin_fd, SHUT_RDWR);
    for (unsigned i = 0; i < CLIENTS + 1; i++)
        pthread_join(servers[i], NULL);
    close(origin_fd);
    finish();
    config_unref(first);
    for (unsigned i = 0; i < RELOADS; i++) {
        ck_assert_uint_eq(atomic_load(&configs[i]->refs), 1);
        config_unref(configs[i]);
    }
    remove_files();
    ck_assert_uint_eq(flow_open_fds(), fds);
    ck_assert_uint_eq(counts.restarts, 1);
    ck_assert_uint_eq(counts.failed, 0);
    ck_assert_uint_le(counts.forged, HOSTS);
    ck_assert_uint_gt(atomic_load(&inspected), 2 * atomic_load(&cut));
    ck_assert_uint_gt(atomic_load(&untouched), 0);
}
END_TEST

Suite *inspect_threads_suite(void)
{
    Suite *suite = suite_create("inspect_threads");
    TCase *tc = tcase_create("inspect_threads");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, reloads_and_a_dying_signer_under_load);
    suite_add_tcase(suite, tc);
    return suite;
}
