/* SPDX-License-Identifier: MIT */
/*
 * test_inspect_parents.c - inspected tunnels through a parent proxy: the CONNECT by which it is
 * asked, and asked again.
 */
#include <string.h>
#include <unistd.h>

#include "proxy/inspected.h"
#include "tests/unit/core/inspect_rig.h"
#include "tests/unit/core/inspect_suites.h"
#include "tests/unit/core/must.h"

/* The client's, for us; and those of our account at the parent (user "up", password "pw"). */
#define OF_CLIENT "Y2xpZW50OnMzY3IzdA=="
#define OF_ACCOUNT "\r\nProxy-Authorization: Basic dXA6cHc=\r\n"

static bool has_account;

static void ask_again(void)
{
    char text[128];
    snprintf(text, sizeof(text), "GET /2 HTTP/1.1\r\nHost: first.test:%u\r\n\r\n",
             (unsigned)rig.origin_port);
    inspect_clear(&inspect.client);
    inspect_say(&inspect.client, text);
}

static const char OK[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static int take_connect(const char *answer)
{
    int fd = rig_accept();
    rig_clear();
    rig_expect(fd, "\r\n\r\n");
    ck_assert_msg(strncmp(rig.text, "CONNECT first.test:", 19) == 0, "%s", rig.text);
    /* RFC 9110 section 11.7.2: the next proxy is another one. */
    ck_assert_ptr_nonnull(strstr(rig.text, "\r\nX-Kept: 1\r\n"));
    ck_assert_ptr_null(strstr(rig.text, OF_CLIENT));
    ck_assert((strstr(rig.text, "Proxy-Authorization") != NULL) == has_account);
    ck_assert((strstr(rig.text, OF_ACCOUNT) != NULL) == has_account);
    rig_send(fd, str_of(answer));
    return fd;
}

static void write_password(const char *path)
{
    FILE *file = fopen(path, "w");
    MUST(file != NULL && fputs("pw\n", file) >= 0 && fclose(file) == 0);
}

static void use_parent(bool with_account)
{
    char path[128], more[500], account[200] = "";
    snprintf(path, sizeof(path), "%s/password", inspect.files.path);
    has_account = with_account;
    if (with_account) {
        write_password(path);
        snprintf(account, sizeof(account), "user = \"up\"; password_file = \"%s\";", path);
    }
    snprintf(more, sizeof(more),
             "parents = ( { name = \"up\"; url = \"http://127.0.0.1:%u\"; %s } );\n",
             (unsigned)rig.origin_port, account);
    inspect_use(inspect_config("exempt", more,
                               "{ name = \"by\"; to = [ \"first\" ]; ports = [ \"1-65535\" ];\n"
                               "  action = \"allow\"; via = \"up\"; },"));
    (void)unlink(path);
}

static void open_through_parent(void)
{
    char text[256];
    int client = rig_connect();
    snprintf(text, sizeof(text),
             "CONNECT first.test:%u HTTP/1.1\r\nHost: first.test\r\n"
             "proxy-authorization: Basic " OF_CLIENT "\r\nX-Kept: 1\r\n"
             "Proxy-Authorization: Basic " OF_CLIENT "\r\n\r\n",
             (unsigned)rig.origin_port);
    rig_send(client, str_of(text));
    int parent = take_connect("HTTP/1.1 200 OK\r\n\r\n");
    rig_clear();
    rig_expect(client, "\r\n\r\n");
    inspect_begin(client, inspect.client_ctx, "first.test");
    inspect_take_origin(parent);
    inspect_shake_hands();
    inspect_get("first.test", "1");
}

/* The tunnel is asked for again when the origin has gone, by the very same CONNECT, but for the
 * client's credentials: those go no further, and are not kept. */
START_TEST(an_origin_behind_a_parent_is_dialled_again)
{
    inspect_start("real", NULL, NULL);
    use_parent(_i == 1);
    open_through_parent();
    const struct conn *c = LIST_ITEM(list_first(&rig.worker->conns), struct conn, node);
    ck_assert_ptr_nonnull(memmem(c->inspected->connect_head, c->inspected->connect_head_len,
                                 "X-Kept", 6));
    ck_assert_ptr_null(memmem(c->inspected->connect_head, c->inspected->connect_head_len, OF_CLIENT,
                              sizeof(OF_CLIENT) - 1));
    for (unsigned i = 0; i < 3; i++) {
        inspect_close(&inspect.origin);
        ask_again();
        inspect_take_origin(take_connect("HTTP/1.1 200 OK\r\nX: y\r\n\r\n"));
        inspect_expect(&inspect.origin, "GET /2 HTTP/1.1\r\n");
        inspect_say(&inspect.origin, OK);
        inspect_expect(&inspect.client, "\r\n\r\nok");
    }
    inspect_finish("open request:done request:done request:done request:done close:client_idle");
}
END_TEST

/* What comes behind the parent's answer is the origin's first word, and no TLS; it is
 * neither lost nor kept for later. */
START_TEST(a_parent_that_says_more_than_its_answer)
{
    inspect_start("real", NULL, NULL);
    use_parent(false);
    open_through_parent();
    inspect_close(&inspect.origin);
    ask_again();
    int parent = take_connect("HTTP/1.1 200 OK\r\n\r\n220 hello\r\n");
    inspect_expect(&inspect.client, "HTTP/1.1 502 ");
    inspect_expect(&inspect.client, "tls_protocol_error");
    inspect_expect_end(&inspect.client, true);
    close(parent);
    inspect_finish("open request:done request:origin_tls_failed close:done");
}
END_TEST

START_TEST(a_parent_that_refuses_later)
{
    inspect_start("real", NULL, NULL);
    use_parent(false);
    open_through_parent();
    inspect_close(&inspect.origin);
    ask_again();
    int parent = take_connect("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    inspect_expect(&inspect.client, "HTTP/1.1 502 ");
    inspect_expect_end(&inspect.client, true);
    close(parent);
    inspect_finish("open request:done request:parent_refused close:done");
}
END_TEST

Suite *inspect_parents_suite(void)
{
    Suite *suite = suite_create("inspect_parents");
    TCase *tc = tcase_create("inspect_parents");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, an_origin_behind_a_parent_is_dialled_again, 0, 2);
    tcase_add_test(tc, a_parent_that_says_more_than_its_answer);
    tcase_add_test(tc, a_parent_that_refuses_later);
    suite_add_tcase(suite, tc);
    return suite;
}
