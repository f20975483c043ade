/* SPDX-License-Identifier: MIT */
/* accesslog.c - one line for what a client did; see accesslog.h. */
#include "proxy/ops/accesslog.h"

#include <stdio.h>
#include <string.h>

#include "auth/accounts.h"
#include "proxy/worker.h"
#include "util/json.h"
#include "util/mem.h"

#define LINE_BYTES 8192
#define PATH_BYTES 2048 /* of a path; what is longer is cut */
#define END_BYTES 512 /* of them, for when and how it ended and a name: these are never cut */

static void put_line(struct worker *w, struct str line)
{
    if (w->pin->config->log.access == NULL)
        return;
    logring_put(w->ring, line);
    logwriter_wake(w->shared->logwriter);
}

static void add_text(struct json *j, const char *name, const char *text)
{
    if (text != NULL && text[0] != '\0')
        json_str(j, name, str_of(text));
}

static void add_address(struct json *j, const char *name, const struct endpoint *e)
{
    char text[ADDR_TEXT_SIZE];
    json_str(j, name, str_of(addr_format(&e->addr, text)));
}

/* Without the query: that may hold what nobody else should read. */
static struct str path_of(const struct txn *t)
{
    struct str rest = str_of(t->path);
    struct str path = str_cut(&rest, '?');
    if (path.len > PATH_BYTES)
        path.len = PATH_BYTES;
    return path.len != 0 ? path : STR_LIT("/");
}

/* Ends whose details say what was wrong with TLS. */
static bool is_about_tls(const struct end_row *end)
{
    static const enum end_reason ENDS[] = {
        END_TLS_HANDSHAKE_FAILED, END_ORIGIN_CERTIFICATE, END_ORIGIN_TLS_FAILED,
        END_CLIENT_CERTIFICATE_WANTED, END_SNI_DENIED, END_TUNNEL_NOT_TLS, END_MISDIRECTED,
        END_EXEMPT_ADDRESS,
    };
    for (size_t i = 0; i < ARRAY_LEN(ENDS); i++)
        if (end == end_row(ENDS[i]))
            return true;
    return false;
}

/* client to dst: what all lines of a request say alike. status 0 is left out. */
static void add_common(struct json *j, const struct txn *t, const char *verdict,
                       const struct end_row *end, unsigned status)
{
    add_address(j, "client", &t->client);
    if (t->identity != NULL) {
        json_str(j, "user", t->identity->user);
        json_str(j, "auth", str_of(scheme_name(t->identity->scheme)));
    } else if (t->tried != AUTH_NONE) {
        json_str(j, "auth", str_of(scheme_name(t->tried)));
    }
    add_text(j, "method", t->method);
    if (t->host.len != 0)
        json_str(j, "host", host_str(&t->host));
    if (t->port != 0)
        json_u64(j, "port", t->port);
    if (t->path != NULL)
        json_str(j, "path", path_of(t));
    json_str(j, "verdict", str_of(verdict));
    if (t->has_verdict) {
        add_text(j, "rule", t->verdict.rule);
        if (t->verdict.pattern.len != 0)
            json_str(j, "pattern", t->verdict.pattern);
    }
    if (t->is_connect && end == NULL) {
        bool is_inspected = t->verdict.tls == POLICY_TLS_INSPECT;
        json_str(j, "tls", is_inspected ? STR_LIT("inspect") : STR_LIT("tunnel"));
        add_text(j, "tls_reason", t->verdict.tls_reason);
    } else if (t->port != 0 && !t->is_connect) {
        json_str(j, "tls", t->is_inside ? STR_LIT("inspect") : STR_LIT("none"));
    }
    add_text(j, "sni", t->sni);
    if (end != NULL && is_about_tls(end))
        add_text(j, "tls_reason", t->details);
    if (status != 0)
        json_u64(j, "status", status);
    if (end != NULL && end->error != NULL)
        add_text(j, "error", end->error);
    if (t->is_dialled)
        add_address(j, "dst", &t->dialled);
}

static void begin_line(struct json *j, char *line, const char *event, uint64_t id)
{
    char stamp[CLOCK_TEXT_SIZE], text[TXN_ID_TEXT + 1];
    json_begin(j, line, LINE_BYTES - 1);
    json_str(j, "ts", str_of(clock_format(clock_wall_ms(), stamp)));
    json_str(j, "event", str_of(event));
    json_str(j, "id", str_of(txn_id_text(id, text)));
}

static void end_line(struct json *j, struct worker *w)
{
    size_t len = json_end(j);
    j->buf[len++] = '\n';
    put_line(w, (struct str){j->buf, len});
}

/* Squid's native format: time elapsed client result/status bytes method URL user
 * hierarchy/peer type. */
static void put_squid(struct worker *w, uint64_t start_usec, struct str client,
                      const char *result, unsigned status, uint64_t bytes, struct str rest)
{
    char line[LINE_BYTES];
    uint64_t now = clock_wall_ms();
    int len = snprintf(line, sizeof(line), "%llu.%03llu %6llu %.*s %s/%03u %llu %.*s\n",
                       (unsigned long long)(now / 1000), (unsigned long long)(now % 1000),
                       (unsigned long long)((clock_usec() - start_usec) / 1000), STR_ARG(client),
                       result, status, (unsigned long long)bytes, STR_ARG(rest));
    if (len > 0 && (size_t)len < sizeof(line))
        put_line(w, (struct str){line, (size_t)len});
}

/* The user as one word: Squid's own way to write what would break the line. */
static void format_squid_user(const struct txn *t, char out[3 * ACCOUNT_NAME_MAX + 1])
{
    static const char HEX[] = "0123456789ABCDEF";
    size_t len = 0;
    if (t->identity == NULL || t->identity->user.len == 0)
        out[len++] = '-';
    for (size_t i = 0; t->identity != NULL && i < t->identity->user.len; i++) {
        unsigned char c = (unsigned char)t->identity->user.ptr[i];
        if (c > ' ' && c < 0x7f && c != '%') {
            out[len++] = (char)c;
            continue;
        }
        out[len++] = '%';
        out[len++] = HEX[c >> 4];
        out[len++] = HEX[c & 15];
    }
    out[len] = '\0';
}

/* "host:443" of a CONNECT, else a URL, which is without a port that goes without saying. */
static void format_squid_target(const struct txn *t, char out[HOST_MAX + 32])
{
    bool is_v6 = t->host.is_address && !addr_is_v4(&t->host.addr);
    const char *scheme = t->is_connect ? "" : t->is_inside ? "https://" : "http://";
    bool has_port = t->is_connect || t->port != (t->is_inside ? 443 : 80);
    char port[8] = "";
    if (has_port)
        snprintf(port, sizeof(port), ":%u", (unsigned)t->port);
    snprintf(out, HOST_MAX + 32, "%s%s%s%s%s", scheme, is_v6 ? "[" : "", t->host.name,
             is_v6 ? "]" : "", port);
}

/* "CONNECT host:port user HIER_DIRECT/1.2.3.4 -" */
static size_t format_squid_rest(const struct txn *t, char *out, size_t size)
{
    char peer[ADDR_TEXT_SIZE] = "-", user[3 * ACCOUNT_NAME_MAX + 1], target[HOST_MAX + 32];
    int len;
    if (t->port == 0) {
        len = snprintf(out, size, "%s error:invalid-request - HIER_NONE/- -",
                       t->method[0] ? t->method : "NONE");
        return (size_t)len;
    }
    if (t->is_dialled)
        addr_format(&t->dialled.addr, peer);
    struct str path = t->path != NULL ? path_of(t) : (struct str){NULL, 0};
    if (path.len > size / 2) /* cut, so that what follows has room */
        path.len = size / 2;
    const char *hierarchy = !t->is_dialled      ? "HIER_NONE"
                            : t->parent != NULL ? "FIRSTUP_PARENT"
                                                : "HIER_DIRECT";
    format_squid_user(t, user);
    format_squid_target(t, target);
    len = snprintf(out, size, "%s %s%.*s %s %s/%s -", t->method, target, STR_ARG(path), user,
                   hierarchy, peer);
    return (size_t)len < size ? (size_t)len : size - 1;
}

static const char *squid_result(const struct txn *t, const char *verdict)
{
    if (t->port == 0)
        return "NONE_NONE";
    if (strcmp(verdict, "deny") == 0 || strcmp(verdict, "authenticate") == 0)
        return "TCP_DENIED";
    return t->is_connect ? "TCP_TUNNEL" : "TCP_MISS";
}

void accesslog_request(const struct txn *t, enum end_reason end, unsigned status,
                       const char *verdict)
{
    if (t->pin->config->log.format == LOG_FORMAT_SQUID) {
        char client[ADDR_TEXT_SIZE], rest[LINE_BYTES / 2];
        size_t len = format_squid_rest(t, rest, sizeof(rest));
        put_squid(t->worker, t->start_usec, str_of(addr_format(&t->client.addr, client)),
                  squid_result(t, verdict), status, t->bytes_out, (struct str){rest, len});
        return;
    }
    char line[LINE_BYTES];
    struct json j;
    begin_line(&j, line, "request", t->id);
    j.size -= END_BYTES;
    add_common(&j, t, verdict, end_row(end), status);
    j.size += END_BYTES;
    if ((t->bytes_in | t->bytes_out) != 0) {
        json_u64(&j, "bytes_in", t->bytes_in);
        json_u64(&j, "bytes_out", t->bytes_out);
    }
    json_u64(&j, "ms", (clock_usec() - t->start_usec) / 1000);
    add_text(&j, "end", end_row(end)->token);
    end_line(&j, t->worker);
}

static struct txn_tail *keep_tail(const struct txn *t, struct str first, struct str second)
{
    struct txn_tail *tail = mem_alloc(sizeof(*tail) + first.len + second.len);
    if (tail == NULL)
        return NULL;
    tail->id = t->id;
    tail->start_usec = t->start_usec;
    tail->format = t->pin->config->log.format;
    tail->sni = NULL;
    tail->split = (uint16_t)first.len;
    tail->len = (uint16_t)(first.len + second.len);
    memcpy(tail->bytes, first.ptr, first.len);
    if (second.len != 0)
        memcpy(tail->bytes + first.len, second.ptr, second.len);
    return tail;
}

struct txn_tail *accesslog_open(const struct txn *t)
{
    char line[LINE_BYTES], common[LINE_BYTES - END_BYTES];
    struct json j;
    if (t->pin->config->log.format == LOG_FORMAT_SQUID) {
        char client[ADDR_TEXT_SIZE];
        size_t len = format_squid_rest(t, common, sizeof(common));
        return keep_tail(t, str_of(addr_format(&t->client.addr, client)),
                         (struct str){common, len});
    }
    json_begin(&j, common, sizeof(common));
    add_common(&j, t, "allow", NULL, t->status != 0 ? t->status : 200);
    struct str members = json_inner(&j);
    struct txn_tail *tail = keep_tail(t, members, (struct str){NULL, 0});
    if (tail == NULL)
        return NULL;
    begin_line(&j, line, "open", t->id);
    json_members(&j, members);
    end_line(&j, t->worker);
    return tail;
}

void accesslog_close(const struct txn_tail *tail, struct worker *w, enum end_reason end,
                     uint64_t bytes_in, uint64_t bytes_out)
{
    if (tail->format == LOG_FORMAT_SQUID) {
        put_squid(w, tail->start_usec, (struct str){tail->bytes, tail->split}, "TCP_TUNNEL", 200,
                  bytes_out,
                  (struct str){tail->bytes + tail->split, (size_t)(tail->len - tail->split)});
        return;
    }
    char line[LINE_BYTES];
    struct json j;
    begin_line(&j, line, "close", tail->id);
    json_members(&j, (struct str){tail->bytes, tail->len});
    add_text(&j, "sni", tail->sni);
    json_u64(&j, "bytes_in", bytes_in);
    json_u64(&j, "bytes_out", bytes_out);
    json_u64(&j, "ms", (clock_usec() - tail->start_usec) / 1000);
    add_text(&j, "end", end_row(end)->token);
    end_line(&j, w);
}
