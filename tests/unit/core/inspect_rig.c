/* SPDX-License-Identifier: MIT */
/* inspect_rig.c - the rig with inspection; see inspect_rig.h. */
#include "tests/unit/core/inspect_rig.h"

#include <errno.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certs/pem.h"
#include "certs/tickets.h"
#include "proxy/proposals.h"
#include "tests/unit/core/fake_signer.h"
#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "util/clock.h"
#include "util/mem.h"

#define LIMIT_USEC 15000000

struct inspect_rig inspect;

static const char HOSTS[] = "127.0.0.1 origin.test first.test second.test exempt.test\n"
                            "127.0.0.1 tunnel.test loose.test nobody.test expired.test\n"
                            "127.0.0.9 denied.test\n";

static const char POLICY[] =
    "guard = { deny_private = false; };\n"
    "destinations = { exempt = { domains = [ \"exempt.test\" ]; };\n"
    "  none = { domains = [ \"nothing.test\" ]; };\n"
    "  first = { domains = [ \"first.test\" ]; };\n"
    "  denied = { domains = [ \"denied.test\" ]; };\n"
    "  plain = { domains = [ \"tunnel.test\" ]; };\n"
    "  loose = { domains = [ \"loose.test\" ]; };\n"
    "  all = { domains = [ \"*\" ]; addresses = [ \"0.0.0.0/0\", \"::/0\" ]; }; };\n"
    "rules = ( %s\n"
    "  { name = \"denied\"; to = [ \"denied\" ]; action = \"deny\"; },\n"
    "  { name = \"plain\"; to = [ \"plain\" ]; ports = [ \"1-65535\" ]; action = \"allow\";\n"
    "    tls = \"tunnel\"; },\n"
    "  { name = \"loose\"; to = [ \"loose\" ]; ports = [ \"1-65535\" ]; action = \"allow\";\n"
    "    not_tls = \"tunnel\"; },\n"
    "  { name = \"all\"; to = [ \"all\" ]; ports = [ \"1-65535\" ]; action = \"allow\"; } );\n"
    "inspection = { enabled = true; default = \"inspect\"; ca_certificate = \"%s/ca.pem\";\n"
    "  ca_key = \"%s/ca.key\"; trust = \"%s/trust.pem\"; never = [ \"%s\" ]; };\n"
    "dns = { hosts = \"%s/hosts\"; };\n%s";

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", inspect.files.path, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void remove_file(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", inspect.files.path, name);
    unlink(path);
}

static const char *complete(const char *never, const char *more, const char *rules)
{
    static char text[12000];
    const char *at = inspect.files.path;
    int len = snprintf(text, sizeof(text), POLICY, rules != NULL ? rules : "", at, at, at, never,
                       at, more != NULL ? more : "");
    MUST(len > 0 && (size_t)len < sizeof(text));
    return text;
}

static uint64_t now_s(void)
{
    return clock_usec() / 1000000;
}

/* As who loads a configuration does. */
static void prepare(struct config *config)
{
    tickets_use(rig.shared.tickets, config->inspection.client_tls);
    stream_tls_prepare(config->inspection.origin_tls);
}

struct config *inspect_config(const char *never, const char *more, const char *rules)
{
    return rig_config(complete(never, more, rules));
}

void inspect_use(struct config *config)
{
    prepare(config);
    worker_use_config(rig.worker, config);
}

/* ---- who shows what ---- */

static SSL_CTX *client_context(bool trusts)
{
    char path[128];
    SSL_CTX *ctx = tls_client_context(0);
    snprintf(path, sizeof(path), "%s/ca.pem", inspect.files.path);
    if (trusts)
        ck_assert_int_eq(SSL_CTX_load_verify_locations(ctx, path, NULL), 1);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return ctx;
}

void inspect_show(const struct issuer_spec *spec, const struct issued *by)
{
    issuer_fini(&inspect.issued);
    issuer_make(&inspect.issued, spec, by);
    SSL_CTX_free(inspect.origin_ctx);
    inspect.origin_ctx = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_mode(inspect.origin_ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
    ck_assert_int_eq(SSL_CTX_use_certificate(inspect.origin_ctx, inspect.issued.cert), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(inspect.origin_ctx, inspect.issued.key), 1);
    SSL_CTX_set_session_id_context(inspect.origin_ctx, (const unsigned char *)"o", 1);
}

static void make_root(void)
{
    static const struct issuer_spec ROOT = {
        .subject = "Root", .basic = "critical,CA:TRUE", .usage = "critical,keyCertSign,cRLSign"};
    static const struct issuer_spec ORIGIN = {
        .subject = "origin",
        .names = "DNS:origin.test,DNS:first.test,DNS:loose.test,IP:127.0.0.1",
        .usage = "critical,digitalSignature",
        .extended = "serverAuth"};
    size_t len;
    issuer_make(&inspect.root, &ROOT, NULL);
    char *pem = pem_write_certificates(&inspect.root.cert, 1, &len);
    ck_assert_ptr_nonnull(pem);
    write_file("trust.pem", pem);
    mem_free(pem);
    inspect_show(&ORIGIN, &inspect.root);
}

static void start_leaves(void)
{
    struct err e = {.line = 0};
    rig.shared.proposals = proposals_new();
    rig.shared.tickets = tickets_new(now_s);
    rig.shared.leaves = leaves_new(&e);
    ck_assert(rig.shared.proposals != NULL && rig.shared.tickets != NULL &&
              rig.shared.leaves != NULL);
    prepare(rig.worker->pin->config);
    int rc = leaves_use(rig.shared.leaves, &rig.worker->pin->config->inspection, &e);
    ck_assert_msg(rc == 0, "%s", e.text);
}

void inspect_start(const char *signer, const char *more, const char *rules)
{
    char path[128];
    memset(&inspect, 0, sizeof(inspect));
    inspect.client.tls.fd = inspect.origin.tls.fd = -1;
    ca_files_make(&inspect.files);
    snprintf(path, sizeof(path), "%s/starts", inspect.files.path);
    MUST(setenv("FAKE_SIGNER", signer, 1) == 0 && setenv("FAKE_STARTS", path, 1) == 0);
    write_file("hosts", HOSTS);
    make_root();
    inspect.client_ctx = client_context(true);
    inspect.distrusting_ctx = client_context(false);
    rig_start(complete("exempt", more, rules));
    start_leaves();
    inspect.fds = flow_open_fds();
}

void inspect_stop(void)
{
    static const char *const FILES[] = {"hosts", "trust.pem", "starts"};
    inspect_close(&inspect.client);
    inspect_close(&inspect.origin);
    rig_wait_conns(0);
    rig_check_idle(inspect.fds);
    leaves_free(rig.shared.leaves);
    struct proposals *proposals = rig.shared.proposals;
    struct tickets *tickets = rig.shared.tickets;
    rig_stop();
    proposals_free(proposals);
    tickets_free(tickets);
    SSL_CTX_free(inspect.client_ctx);
    SSL_CTX_free(inspect.distrusting_ctx);
    SSL_CTX_free(inspect.origin_ctx);
    issuer_fini(&inspect.root);
    issuer_fini(&inspect.issued);
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++)
        remove_file(FILES[i]);
    ca_files_remove(&inspect.files);
}

/* ---- the two ends ---- */

static void read_end(struct inspect_end *end)
{
    size_t len;
    MUST(end->len < INSPECT_TEXT - 1);
    while (SSL_read_ex(end->tls.ssl, end->text + end->len, INSPECT_TEXT - 1 - end->len, &len) == 1)
        end->len += len;
    end->text[end->len] = '\0';
    if (SSL_get_shutdown(end->tls.ssl) & SSL_RECEIVED_SHUTDOWN)
        end->has_close = true;
}

static void step_end(struct inspect_end *end)
{
    if (end->tls.fd < 0)
        return;
    size_t most = end->step != 0 ? end->step : INSPECT_TEXT;
    tls_peer_pump(&end->tls, most);
    if (!end->is_open && !end->has_failed) {
        int rc = SSL_do_handshake(end->tls.ssl);
        end->is_open = rc == 1;
        end->has_failed = rc != 1 && SSL_get_error(end->tls.ssl, rc) != SSL_ERROR_WANT_READ;
    }
    if (end->is_open)
        read_end(end);
    ERR_clear_error();
    tls_peer_pump(&end->tls, most);
}

void inspect_turn(void)
{
    tls_is_failing = inspect.fails_openssl;
    rig_turn();
    tls_is_failing = false;
    step_end(&inspect.client);
    step_end(&inspect.origin);
}

int inspect_connect(const char *host)
{
    int fd = rig_connect();
    rig_clear();
    rig_send_connect(fd, host, 0);
    rig_expect(fd, "\r\n\r\n");
    ck_assert_msg(strncmp(rig.text, "HTTP/1.1 200 ", 13) == 0, "%s", rig.text);
    ck_assert_uint_eq(rig.text_len, strlen("HTTP/1.1 200 Connection established\r\n\r\n"));
    return fd;
}

static void open_end(struct inspect_end *end, int fd, SSL_CTX *ctx, bool is_server)
{
    MUST(end->tls.fd < 0);
    tls_peer_open(&end->tls, fd, ctx, is_server);
    end->is_open = end->has_failed = end->has_close = false;
    end->step = 0;
    inspect_clear(end);
}

static void name_host(SSL *ssl, const char *name)
{
    if (name != NULL)
        MUST(SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1);
}

void inspect_begin(int fd, SSL_CTX *ctx, const char *name)
{
    open_end(&inspect.client, fd, ctx, false);
    name_host(inspect.client.tls.ssl, name);
}

void inspect_nest(SSL_CTX *ctx, const char *name)
{
    tls_peer_nest(&inspect.client.tls, ctx, false);
    inspect.client.is_open = false;
    inspect_clear(&inspect.client);
    name_host(inspect.client.tls.ssl, name);
}

struct str inspect_hello(const char *name)
{
    static char bytes[8192];
    struct tls_peer p;
    tls_peer_open(&p, -1, inspect.client_ctx, false);
    if (name != NULL)
        MUST(SSL_set_tlsext_host_name(p.ssl, name) == 1);
    (void)SSL_do_handshake(p.ssl);
    ERR_clear_error();
    int len = BIO_read(p.out, bytes, sizeof(bytes));
    MUST(len > 100);
    tls_peer_close(&p);
    return (struct str){bytes, (size_t)len};
}

static const char *phase_name(void)
{
    struct list_node *node = list_first(&rig.worker->conns);
    return node == NULL ? "none" : LIST_ITEM(node, struct conn, node)->phase->name;
}

static void check_time(uint64_t until, const char *what)
{
    if (clock_usec() > until)
        ck_abort_msg("%s: client '%s', origin '%s', phase %s", what, inspect.client.text,
                     inspect.origin.text, phase_name());
}

void inspect_accept(void)
{
    uint64_t until = clock_usec() + LIMIT_USEC;
    int fd;
    while ((fd = accept4(rig.origin_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0) {
        check_time(until, "nobody dials");
        inspect_turn();
    }
    inspect_take_origin(fd);
}

void inspect_take_origin(int fd)
{
    open_end(&inspect.origin, fd, inspect.origin_ctx, true);
}

void inspect_shake_hands(void)
{
    uint64_t until = clock_usec() + LIMIT_USEC;
    while (!inspect.client.is_open) {
        check_time(until, "no handshake");
        if (inspect.client.has_failed)
            ck_abort_msg("the client refused: %s",
                         X509_verify_cert_error_string(
                             SSL_get_verify_result(inspect.client.tls.ssl)));
        inspect_turn();
    }
}

void inspect_open(const char *host)
{
    inspect_begin(inspect_connect(host), inspect.client_ctx, host);
    inspect_accept();
    inspect_shake_hands();
}

void inspect_say(struct inspect_end *end, const char *text)
{
    size_t len;
    for (size_t at = 0; text[at] != '\0'; at += len)
        MUST(SSL_write_ex(end->tls.ssl, text + at, strlen(text + at), &len) == 1);
    step_end(end);
}

void inspect_expect(struct inspect_end *end, const char *needle)
{
    uint64_t until = clock_usec() + LIMIT_USEC;
    while (strstr(end->text, needle) == NULL) {
        check_time(until, needle);
        if (end->tls.is_fd_eof && !inspect.client.has_failed)
            ck_abort_msg("the end without '%s': '%s'", needle, end->text);
        inspect_turn();
    }
}

void inspect_clear(struct inspect_end *end)
{
    end->len = 0;
    end->text[0] = '\0';
}

void inspect_expect_end(struct inspect_end *end, bool has_close)
{
    uint64_t until = clock_usec() + LIMIT_USEC;
    while (!end->tls.is_fd_eof) {
        check_time(until, "no end");
        inspect_turn();
    }
    step_end(end);
    ck_assert_int_eq(end->has_close, has_close);
}

void inspect_expect_failure(struct inspect_end *end)
{
    uint64_t until = clock_usec() + LIMIT_USEC;
    while (!end->has_failed) {
        check_time(until, "no failure");
        MUST(!end->is_open);
        inspect_turn();
    }
}

void inspect_close(struct inspect_end *end)
{
    if (end->tls.fd >= 0)
        tls_peer_close(&end->tls);
    end->is_open = false;
}

void inspect_reset(struct inspect_end *end)
{
    struct flow_end raw = {.fd = end->tls.fd};
    flow_reset(&raw);
    end->tls.fd = -1;
    tls_peer_close(&end->tls);
    end->is_open = false;
}

void inspect_get(const char *host, const char *path)
{
    char text[512];
    inspect_clear(&inspect.client);
    inspect_clear(&inspect.origin);
    snprintf(text, sizeof(text), "GET /%s HTTP/1.1\r\nHost: %s:%u\r\n\r\n", path, host,
             (unsigned)rig.origin_port);
    inspect_say(&inspect.client, text);
    snprintf(text, sizeof(text), "GET /%s HTTP/1.1\r\n", path);
    inspect_expect(&inspect.origin, text);
    inspect_expect(&inspect.origin, "\r\n\r\n");
    inspect_say(&inspect.origin, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    inspect_expect(&inspect.client, "\r\n\r\nhello");
    ck_assert_msg(strncmp(inspect.client.text, "HTTP/1.1 200 ", 13) == 0, "%s",
                  inspect.client.text);
}

void inspect_say_goodbye(void)
{
    (void)SSL_shutdown(inspect.client.tls.ssl);
    inspect_expect_end(&inspect.client, true);
    inspect_close(&inspect.client);
    rig_wait_conns(0);
    inspect_expect_end(&inspect.origin, false);
    inspect_close(&inspect.origin);
}

void inspect_await(const struct phase *phase)
{
    uint64_t until = clock_usec() + LIMIT_USEC;
    for (;;) {
        struct list_node *node = list_first(&rig.worker->conns);
        if (node != NULL && LIST_ITEM(node, struct conn, node)->phase == phase)
            return;
        check_time(until, phase->name);
        inspect_turn();
    }
}

void inspect_signal_signer(int number)
{
    char path[128], line[FAKE_START_SIZE + 1] = "";
    snprintf(path, sizeof(path), "%s/starts", inspect.files.path);
    FILE *file = fopen(path, "r");
    MUST(file != NULL && fseek(file, -FAKE_START_SIZE, SEEK_END) == 0 &&
         fread(line, 1, FAKE_START_SIZE, file) == FAKE_START_SIZE);
    fclose(file);
    long pid = strtol(line, NULL, 10);
    MUST(pid > 1 && kill((pid_t)pid, number) == 0);
}

void inspect_wait_leaves(unsigned count)
{
    uint64_t until = clock_usec() + LIMIT_USEC;
    struct leaves_counts counts;
    do {
        check_time(until, "no leaf");
        usleep(1000);
        leaves_count(rig.shared.leaves, &counts);
    } while (counts.kept != count);
}
