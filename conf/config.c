/* SPDX-License-Identifier: MIT */
/* config.c - one configuration, read and compiled; see config.h. */
#include "conf/config.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "conf/auth.h"
#include "conf/file.h"
#include "conf/headers.h"
#include "conf/inspection.h"
#include "conf/inspection_check.h"
#include "conf/network.h"
#include "conf/parents.h"
#include "conf/parse.h"
#include "conf/products.h"
#include "conf/rules.h"
#include "conf/sets.h"
#include "conf/source.h"
#include "conf/spec.h"
#include "policy/policy_build.h"
#include "util/mem.h"

static unsigned count_workers(const struct spec *spec)
{
    cpu_set_t cpus;
    if (spec->workers.value > 0)
        return (unsigned)spec->workers.value;
    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 0)
        return (unsigned)CPU_COUNT(&cpus);
    /* More CPUs than the mask can hold. */
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

static void set_limits(const struct spec_limits *spec, struct limits_config *limits)
{
    *limits = (struct limits_config){
        .header_bytes = (size_t)spec->header_bytes.value,
        .header_timeout_ms = spec->header_timeout.value,
        .connect_timeout_ms = spec->connect_timeout.value,
        .tunnel_idle_ms = spec->tunnel_idle.value,
        .response_timeout_ms = spec->response_timeout.value,
        .client_idle_ms = spec->client_idle.value,
        .origin_idle_ms = spec->origin_idle.value,
        .origins_idle = (unsigned)spec->origins_idle.value,
        .tunnels_per_client = (unsigned)spec->tunnels_per_client.value,
        .drain_ms = spec->drain.value,
    };
}

/* A path, resolved, or one of the words that are none. */
static char *resolve_log(const struct spec_text *spec, const char *word)
{
    if (spec->at.file == NULL || strcmp(spec->text, word) == 0)
        return mem_must_dup(spec->text, strlen(spec->text));
    return file_relative(spec->at.file, spec->text);
}

static void set_log(const struct spec_log *spec, struct log_config *log)
{
    log->format = spec->format.value == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_SQUID;
    if (strcmp(spec->access.text, "none") != 0)
        log->access = resolve_log(&spec->access, "-");
    log->errors = resolve_log(&spec->errors, "stderr");
}

/* before: the errors in faults that are not of this configuration. */
static void build(struct config *c, const struct spec *spec, struct errlist *faults, size_t before)
{
    struct policy_builder *builder = policy_builder_new();

    c->workers = count_workers(spec);
    set_limits(&spec->limits, &c->limits);
    set_log(&spec->log, &c->log);
    network_build(spec, c, faults);
    headers_build(spec, c, faults);
    parents_build(spec, c, faults);
    sets_build(spec, builder, c, faults);
    auth_build(spec, builder, c, faults);
    rules_build(spec, builder, c, faults);
    inspection_build(spec, builder, c, faults);
    if (faults->errors != before) {
        policy_builder_free(builder);
        return;
    }
    c->policy = policy_builder_finish(builder);
    products_check(spec, c, faults);
    if (!c->inspection.is_enabled)
        return;
    policy_prove_exemptions(c->policy, faults);
    inspection_check(spec, &c->inspection, faults);
}

struct config *config_parse(const char *path, const struct str *text, struct errlist *faults)
{
    struct source source;
    struct spec spec;
    size_t before = faults->errors;
    struct config *c = NULL;

    if (source_read(&source, path, text, faults) == 0) {
        struct parse *p = parse_new(&source, &spec, faults);
        if (p != NULL) {
            c = mem_must_zalloc(sizeof(*c));
            atomic_init(&c->refs, 1);
            c->path = mem_must_dup(path, strlen(path));
            build(c, &spec, faults, before);
            c->files = source_take_files(&source, &c->file_count);
        }
        parse_free(p);
    }
    source_fini(&source);
    if (faults->errors > before) {
        config_unref(c);
        return NULL;
    }
    return c;
}

struct config *config_load(const char *path, struct errlist *faults)
{
    return config_parse(path, NULL, faults);
}

struct config *config_ref(struct config *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

static void free_products(struct config *c)
{
    for (size_t i = 0; i < c->product_count; i++) {
        mem_free(c->products[i].key);
        mem_free(c->products[i].name);
        mem_free(c->products[i].auth);
    }
    mem_free(c->products);
}

static void free_rules(struct config *c)
{
    for (size_t i = 0; i < c->rule_count; i++) {
        mem_free(c->rules[i].connect_ports);
        mem_free(c->rules[i].http_ports);
        mem_free(c->rules[i].methods);
    }
    mem_free(c->rules);
}

void config_unref(struct config *c)
{
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    policy_free(c->policy);
    guard_free(c->guard);
    hosts_free(c->dns.hosts);
    free_products(c);
    free_rules(c);
    parents_free(c);
    auth_free(c->auth);
    inspection_free(&c->inspection);
    mem_free(c->headers.via);
    for (size_t i = 0; i < c->file_count; i++)
        mem_free(c->files[i]);
    mem_free(c->files);
    mem_free(c->path);
    network_free(c);
    mem_free(c->log.access);
    mem_free(c->log.errors);
    mem_free(c->dns.servers);
    mem_free(c->admin.unix_path);
    mem_free(c->webex_revision);
    mem_free(c);
}
