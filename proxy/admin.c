/* SPDX-License-Identifier: MIT */
/* admin.c - the administrator's door; see admin.h. */
#include "proxy/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/ops/metrics.h"
#include "proxy/proposals.h"
#include "util/log.h"
#include "util/mem.h"

#define REQUEST_TIMEOUT_S 10
#define MAX_HEADER_BYTES 16384
#define MAX_BODY_BYTES 4096

struct admin {
    struct evhttp *http;
    char *unix_path; /* NULL: at */
    struct endpoint at, bound; /* as configured, and with the port that was found for 0 */
};

static void send_text(struct evhttp_request *request, int status, const char *phrase,
                      const char *type, struct evbuffer *body)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evhttp_send_reply(request, status, phrase, body);
}

static void on_metrics(struct evhttp_request *request, void *arg)
{
    struct evbuffer *body = evbuffer_new();
    if (body == NULL) {
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
        return;
    }
    metrics_write(arg, body);
    send_text(request, 200, "OK", "text/plain; version=0.0.4; charset=utf-8", body);
    evbuffer_free(body);
}

static void on_health(struct evhttp_request *request, void *arg)
{
    struct control *c = arg;
    struct evbuffer *body = evbuffer_new();
    if (body == NULL) {
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
        return;
    }
    evbuffer_add_printf(body, "%s\n", c->is_draining ? "draining" : "ok");
    send_text(request, c->is_draining ? 503 : 200, c->is_draining ? "Service Unavailable" : "OK",
              "text/plain; charset=utf-8", body);
    evbuffer_free(body);
}

static void on_proposed_exemptions(struct evhttp_request *request, void *arg)
{
    struct control *c = arg;
    struct evbuffer *body = evbuffer_new();
    if (body == NULL || proposals_write(c->shared.proposals, body) != 0)
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
    else
        send_text(request, 200, "OK", "application/json", body);
    if (body != NULL)
        evbuffer_free(body);
}

static struct evconnlistener *listen_unix(struct control *c, const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct stat old;
    if (strlen(path) >= sizeof(un.sun_path)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(un.sun_path, path, strlen(path) + 1);
    /* Only what a proxy before this one can have left behind is removed. */
    if (lstat(path, &old) == 0 && S_ISSOCK(old.st_mode))
        unlink(path);
    mode_t mask = umask(0117);
    struct evconnlistener *l =
        evconnlistener_new_bind(c->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                16, (struct sockaddr *)&un, sizeof(un));
    umask(mask);
    return l;
}

static struct evconnlistener *listen_inet(struct control *c, struct endpoint *at)
{
    struct sockaddr_storage sa;
    socklen_t len = addr_to_sockaddr(at, &sa);
    struct evconnlistener *l = evconnlistener_new_bind(
        c->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 16,
        (struct sockaddr *)&sa, (int)len);
    struct endpoint bound;
    len = sizeof(sa);
    if (l != NULL &&
        getsockname(evconnlistener_get_fd(l), (struct sockaddr *)&sa, &len) == 0 &&
        addr_from_sockaddr(&bound, (struct sockaddr *)&sa) == 0)
        at->port = bound.port;
    return l;
}

static struct evhttp *new_http(struct control *c)
{
    struct evhttp *http = evhttp_new(c->base);
    if (http == NULL)
        return NULL;
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(http, MAX_HEADER_BYTES);
    evhttp_set_max_body_size(http, MAX_BODY_BYTES);
    evhttp_set_timeout(http, REQUEST_TIMEOUT_S);
    evhttp_set_cb(http, "/metrics", on_metrics, c);
    evhttp_set_cb(http, "/healthz", on_health, c);
    evhttp_set_cb(http, "/api/proposed-exemptions", on_proposed_exemptions, c);
    return http;
}

static void free_admin(struct admin *a)
{
    if (a == NULL)
        return;
    evhttp_free(a->http);
    if (a->unix_path != NULL)
        unlink(a->unix_path);
    mem_free(a->unix_path);
    mem_free(a);
}

static void say_where(const struct admin *a, const struct endpoint *bound)
{
    char text[ADDR_TEXT_SIZE];
    if (a->unix_path != NULL)
        log_line(LOG_NOTICE, "admin on unix:%s", a->unix_path);
    else
        log_line(LOG_NOTICE, addr_is_v4(&bound->addr) ? "admin on %s:%u" : "admin on [%s]:%u",
                 addr_format(&bound->addr, text), (unsigned)bound->port);
}

static struct admin *open_admin(struct control *c, const struct admin_config *config, struct err *e)
{
    struct admin *a = mem_must_zalloc(sizeof(*a));
    struct endpoint bound = config->at;
    a->at = config->at;
    if (config->unix_path != NULL)
        a->unix_path = mem_must_dup(config->unix_path, strlen(config->unix_path));
    a->http = new_http(c);
    struct evconnlistener *l =
        a->unix_path != NULL ? listen_unix(c, a->unix_path) : listen_inet(c, &bound);
    if (a->http != NULL && l != NULL && evhttp_bind_listener(a->http, l) != NULL) {
        a->bound = bound;
        say_where(a, &bound);
        return a;
    }
    err_set(e, NULL, "admin: cannot listen: %s", strerror(errno));
    if (l != NULL)
        evconnlistener_free(l);
    if (a->http != NULL)
        evhttp_free(a->http);
    mem_free(a->unix_path);
    mem_free(a);
    return NULL;
}

static bool is_as_wanted(const struct admin *a, const struct admin_config *config)
{
    if (a == NULL || !config->is_on)
        return a == NULL && !config->is_on;
    if (a->unix_path != NULL || config->unix_path != NULL)
        return a->unix_path != NULL && config->unix_path != NULL &&
               strcmp(a->unix_path, config->unix_path) == 0;
    return a->at.port == config->at.port && addr_eq(&a->at.addr, &config->at.addr);
}

int admin_apply(struct control *c, const struct config *config, struct err *e)
{
    struct admin *opened = NULL;
    if (is_as_wanted(c->admin, &config->admin))
        return 0;
    if (config->admin.is_on) {
        opened = open_admin(c, &config->admin, e);
        if (opened == NULL)
            return -1;
    }
    free_admin(c->admin);
    c->admin = opened;
    return 0;
}

bool admin_endpoint(const struct control *c, struct endpoint *at)
{
    if (c->admin == NULL || c->admin->unix_path != NULL)
        return false;
    *at = c->admin->bound;
    return true;
}

void admin_close(struct control *c)
{
    free_admin(c->admin);
    c->admin = NULL;
}
