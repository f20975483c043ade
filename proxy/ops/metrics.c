/* SPDX-License-Identifier: MIT */
/* metrics.c - all counters as Prometheus text; see metrics.h. */
#include "proxy/ops/metrics.h"

#include <dirent.h>
#include <stddef.h>
#include <string.h>

#include "proxy/auth/authority.h"
#include "proxy/control.h"
#include "proxy/leaves.h"

/* The sum over all workers of the counter that stands at offset. */
static uint64_t sum(const struct control *c, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < c->worker_count; i++) {
        const char *base = (const char *)&c->workers[i]->counters;
        total += count_read((const counter *)(const void *)(base + offset));
    }
    return total;
}

#define SUM(c, field) ((unsigned long long)sum(c, offsetof(struct counters, field)))

static void head(struct evbuffer *out, const char *name, const char *type, const char *help)
{
    evbuffer_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct evbuffer *out, const char *name, const char *type, const char *help,
                   unsigned long long value)
{
    head(out, name, type, help);
    evbuffer_add_printf(out, "%s %llu\n", name, value);
}

static void write_requests(const struct control *c, struct evbuffer *out)
{
    static const char *const VERDICTS[] = {"allow", "deny", "authenticate", "error"};
    static const char *const METHODS[] = {"CONNECT", "other"};
    head(out, "sallyport_requests_total", "counter", "Requests by what became of them.");
    for (unsigned v = 0; v < COUNT_VERDICTS; v++)
        for (unsigned m = 0; m < COUNT_METHODS; m++)
            evbuffer_add_printf(out,
                                "sallyport_requests_total{verdict=\"%s\",method=\"%s\"} %llu\n",
                                VERDICTS[v], METHODS[m],
                                (unsigned long long)sum(
                                    c, offsetof(struct counters, requests) +
                                           (v * COUNT_METHODS + m) * sizeof(counter)));
}

static unsigned long long sum_end(const struct control *c, unsigned reason)
{
    return sum(c, offsetof(struct counters, ends) + reason * sizeof(counter));
}

static void write_ends(const struct control *c, struct evbuffer *out)
{
    head(out, "sallyport_ends_total", "counter",
         "Requests, tunnels and connections by the reason they ended for.");
    for (unsigned i = 0; i < END_REASON_COUNT; i++)
        evbuffer_add_printf(out, "sallyport_ends_total{reason=\"%s\"} %llu\n", end_row(i)->token,
                            sum_end(c, i));
}

/* Several reasons may share a Proxy-Status token: the first of them writes the sum. */
static void write_errors(const struct control *c, struct evbuffer *out)
{
    head(out, "sallyport_errors_total", "counter",
         "Refusals and failures by the error given in Proxy-Status.");
    for (unsigned i = 0; i < END_REASON_COUNT; i++) {
        const char *error = end_row(i)->error;
        unsigned long long total = 0;
        bool is_first = error != NULL;
        for (unsigned k = 0; error != NULL && k < END_REASON_COUNT; k++) {
            if (end_row(k)->error == NULL || strcmp(end_row(k)->error, error) != 0)
                continue;
            is_first = is_first && k >= i;
            total += sum_end(c, k);
        }
        if (is_first)
            evbuffer_add_printf(out, "sallyport_errors_total{error=\"%s\"} %llu\n", error, total);
    }
}

static void write_connect_seconds(const struct control *c, struct evbuffer *out)
{
    const char *name = "sallyport_connect_seconds";
    unsigned long long total = 0;
    head(out, name, "histogram", "Time to resolve the name and connect, for tunnels that opened.");
    for (unsigned i = 0; i <= CONNECT_BUCKETS; i++) {
        total += sum(c, offsetof(struct counters, connect_buckets) + i * sizeof(counter));
        if (i < CONNECT_BUCKETS)
            evbuffer_add_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name,
                                (double)CONNECT_BOUNDS_USEC[i] / 1e6, total);
    }
    evbuffer_add_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count %llu\n", name,
                        total, name, (double)SUM(c, connect_usec) / 1e6, name, total);
}

static void write_auth(const struct control *c, struct evbuffer *out)
{
    static const char *const RESULTS[COUNT_AUTH_RESULTS] = {
        "ok",        "asked",       "leg",       "wrong", "stale",      "replayed",
        "outdated",  "malformed",   "not_offered", "throttled", "busy", "unavailable"};
    head(out, "sallyport_auth_total", "counter",
         "Authentications by scheme and result; scheme none: no credentials, or not offered.");
    for (unsigned s = 0; s < AUTH_SCHEME_COUNT; s++)
        for (unsigned r = 0; r < COUNT_AUTH_RESULTS; r++) {
            bool is_possible = (s == AUTH_NONE) ==
                               (r == COUNT_AUTH_ASKED || r == COUNT_AUTH_NOT_OFFERED);
            size_t at = offsetof(struct counters, auth) +
                        (s * COUNT_AUTH_RESULTS + r) * sizeof(counter);
            if (is_possible)
                evbuffer_add_printf(out, "sallyport_auth_total{scheme=\"%s\",result=\"%s\"} %llu\n",
                                    scheme_name((enum auth_scheme)s), RESULTS[r],
                                    (unsigned long long)sum(c, at));
        }
    single(out, "sallyport_auth_cached_total", "counter",
           "Basic credentials that had been verified a short while before.", SUM(c, auth_cached));
}

static void write_helpers(const struct control *c, struct evbuffer *out)
{
    struct helpers_counts n;
    helpers_count(c->shared.authority->helpers, &n);
    single(out, "sallyport_auth_helpers_running", "gauge", "Helper processes that run now.",
           n.running);
    single(out, "sallyport_auth_helper_asks_waiting", "gauge",
           "Requests that wait for a helper now.", n.waiting);
    head(out, "sallyport_auth_helper_events_total", "counter", "What befell helper processes.");
    const char *name = "sallyport_auth_helper_events_total";
    evbuffer_add_printf(out, "%s{event=\"started\"} %llu\n", name, (unsigned long long)n.started);
    evbuffer_add_printf(out, "%s{event=\"died\"} %llu\n", name, (unsigned long long)n.died);
    evbuffer_add_printf(out, "%s{event=\"timed_out\"} %llu\n", name,
                        (unsigned long long)n.timed_out);
    evbuffer_add_printf(out, "%s{event=\"queue_full\"} %llu\n", name,
                        (unsigned long long)n.queue_full);
    single(out, "sallyport_auth_hashes_waiting", "gauge", "Passwords that wait to be hashed now.",
           jobs_waiting(c->shared.authority->hashing));
}

static void write_dns(const struct control *c, struct evbuffer *out)
{
    const char *name = "sallyport_dns_queries_total";
    head(out, name, "counter", "Names asked of the resolver, by result; cached: answered without.");
    evbuffer_add_printf(out, "%s{result=\"found\"} %llu\n", name, SUM(c, dns_found));
    evbuffer_add_printf(out, "%s{result=\"no_name\"} %llu\n", name, SUM(c, dns_no_name));
    evbuffer_add_printf(out, "%s{result=\"failed\"} %llu\n", name, SUM(c, dns_failed));
    evbuffer_add_printf(out, "%s{result=\"timed_out\"} %llu\n", name, SUM(c, dns_timed_out));
    evbuffer_add_printf(out, "%s{result=\"cached\"} %llu\n", name, SUM(c, dns_cached));
}

/* Only what has happened: most pairs cannot. */
static void write_header_changes(const struct control *c, struct evbuffer *out)
{
    const char *name = "sallyport_header_changes_total";
    head(out, name, "counter", "Header fields changed, dropped or added in forwarded messages.");
    for (unsigned f = 0; f < HEADER_FIELD_COUNT; f++)
        for (unsigned r = 0; r < HEADER_REASON_COUNT; r++) {
            size_t at = offsetof(struct counters, header_changes) +
                        (f * HEADER_REASON_COUNT + r) * sizeof(counter);
            unsigned long long n = sum(c, at);
            if (n != 0)
                evbuffer_add_printf(out, "%s{field=\"%s\",reason=\"%s\"} %llu\n", name,
                                    ledger_field_token(f), ledger_reason_token(r), n);
        }
}

static void write_handshakes(const struct control *c, struct evbuffer *out)
{
    static const char *const RESULTS[COUNT_TLS_RESULTS] = {"ok", "failed", "timeout"};
    static const struct {
        const char *side;
        size_t at;
    } SIDES[] = {
        {"client", offsetof(struct counters, tls_handshakes)},
        {"origin", offsetof(struct counters, origin_handshakes)},
    };
    const char *name = "sallyport_tls_handshakes_total";
    head(out, name, "counter",
         "TLS handshakes by side and result; client: on listeners and in inspected tunnels.");
    for (size_t i = 0; i < ARRAY_LEN(SIDES); i++)
        for (unsigned r = 0; r < COUNT_TLS_RESULTS; r++)
            evbuffer_add_printf(out, "%s{side=\"%s\",result=\"%s\"} %llu\n", name, SIDES[i].side,
                                RESULTS[r],
                                (unsigned long long)sum(c, SIDES[i].at + r * sizeof(counter)));
}

static void write_origin_faults(const struct control *c, struct evbuffer *out)
{
    const char *name = "sallyport_origin_faults_total";
    head(out, name, "counter",
         "Origins of inspected tunnels that were refused, by what was wrong.");
    for (unsigned i = ORIGIN_FINE + 1; i <= ORIGIN_NO_TLS; i++)
        evbuffer_add_printf(out, "%s{fault=\"%s\"} %llu\n", name,
                            origin_fault_token((enum origin_fault)i),
                            (unsigned long long)sum(c, offsetof(struct counters, origin_faults) +
                                                           i * sizeof(counter)));
}

static void write_leaves(const struct control *c, struct evbuffer *out)
{
    const char *name = "sallyport_leaf_certificates_total";
    struct leaves_counts n;
    leaves_count(c->shared.leaves, &n);
    head(out, name, "counter",
         "Leaves of inspection by where they came from; waited: with others for the same one.");
    evbuffer_add_printf(out, "%s{result=\"forged\"} %llu\n", name, (unsigned long long)n.forged);
    evbuffer_add_printf(out, "%s{result=\"cached\"} %llu\n", name, (unsigned long long)n.found);
    evbuffer_add_printf(out, "%s{result=\"waited\"} %llu\n", name, (unsigned long long)n.waited);
    evbuffer_add_printf(out, "%s{result=\"failed\"} %llu\n", name, (unsigned long long)n.failed);
    single(out, "sallyport_leaf_certificates_kept", "gauge", "Leaves in the cache now.", n.kept);
    single(out, "sallyport_leaf_certificates_evicted_total", "counter",
           "Leaves that made room for others.", (unsigned long long)n.evicted);
    single(out, "sallyport_signer_restarts_total", "counter",
           "Times that the process which signs leaves ended unasked.",
           (unsigned long long)n.restarts);
}

static unsigned long long count_descriptors(void)
{
    unsigned long long count = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    /* Without ".", ".." and the one that just read them. */
    return count > 3 ? count - 3 : 0;
}

static void write_connections(const struct control *c, struct evbuffer *out)
{
    single(out, "sallyport_connections_total", "counter", "Client connections accepted.",
           SUM(c, connections));
    single(out, "sallyport_connections_open", "gauge", "Client connections open now.",
           SUM(c, connections_open));
    single(out, "sallyport_tunnels_open", "gauge", "Tunnels open now.", SUM(c, tunnels_open));
    head(out, "sallyport_bytes_total", "counter",
         "Bytes relayed, in tunnels and in forwarded messages.");
    evbuffer_add_printf(out, "sallyport_bytes_total{direction=\"in\"} %llu\n", SUM(c, bytes_in));
    evbuffer_add_printf(out, "sallyport_bytes_total{direction=\"out\"} %llu\n", SUM(c, bytes_out));
    static const char *const DECISIONS[COUNT_TLS_DECISIONS] = {"tunnel", "exempt", "inspect",
                                                               "deny"};
    head(out, "sallyport_tls_total", "counter", "Tunnels by what was done with their TLS.");
    for (unsigned i = 0; i < COUNT_TLS_DECISIONS; i++)
        evbuffer_add_printf(out, "sallyport_tls_total{decision=\"%s\"} %llu\n", DECISIONS[i],
                            (unsigned long long)sum(c, offsetof(struct counters, tls_decisions) +
                                                           i * sizeof(counter)));
    single(out, "sallyport_accept_pauses_total", "counter",
           "Times that accepting was paused for want of descriptors.", SUM(c, accept_pauses));
}

void metrics_write(const struct control *c, struct evbuffer *out)
{
    head(out, "sallyport_build_info", "gauge", "Always 1; the version is in the label.");
    evbuffer_add_printf(out, "sallyport_build_info{version=\"%s\"} 1\n", SALLYPORT_VERSION);
    write_connections(c, out);
    write_handshakes(c, out);
    write_origin_faults(c, out);
    write_leaves(c, out);
    write_requests(c, out);
    write_ends(c, out);
    write_errors(c, out);
    write_auth(c, out);
    write_helpers(c, out);
    write_connect_seconds(c, out);
    write_dns(c, out);
    write_header_changes(c, out);
    single(out, "sallyport_config_generation", "gauge", "1 at the start, one more each reload.",
           c->generation);
    single(out, "sallyport_config_last_reload_ok", "gauge", "0 where the last reload failed.",
           c->is_last_reload_ok);
    single(out, "sallyport_log_lines_dropped_total", "counter",
           "Access log lines that could not be written.",
           (unsigned long long)logwriter_dropped(c->shared.logwriter));
    single(out, "sallyport_fds_open", "gauge", "Descriptors open in the process.",
           count_descriptors());
}
