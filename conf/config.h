/* SPDX-License-Identifier: MIT */
/*
 * config.h - one configuration, read and compiled: the snapshot that serves.
 *
 * config_load reads the file and everything it names, reports every fault, and
 * returns a snapshot with one reference, or NULL. A snapshot never changes.
 *
 *   config_load -> config_ref / config_unref (the last one frees)
 *
 * Invariants: all paths in it are resolved against the file that named them;
 * all times are milliseconds, all sizes bytes; workers is at least 1.
 * Threads: loaded by one; then read-only and shared, the count is atomic.
 */
#ifndef CONF_CONFIG_H
#define CONF_CONFIG_H

#include <openssl/types.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/hosts.h"
#include "conf/inspection_config.h"
#include "policy/host.h"
#include "policy/guard.h"
#include "policy/policy.h"
#include "util/addr.h"
#include "util/err.h"

#define CONFIG_DEFAULT_PATH "/etc/sallyport/sallyport.conf"

struct auth;

enum log_format { LOG_FORMAT_JSON, LOG_FORMAT_SQUID };

struct listener_config {
    struct endpoint at;       /* port 0: the system picks one, and who binds it tells the guard */
    struct place where;
    SSL_CTX *tls;             /* NULL: clients speak plain HTTP here */
    unsigned number;          /* set by who binds it, before any worker sees the snapshot */
};

struct limits_config {
    size_t header_bytes;          /* 1 KiB to 1 MiB */
    uint64_t header_timeout_ms;   /* for the whole header */
    uint64_t connect_timeout_ms;  /* name resolution and all attempts together */
    uint64_t tunnel_idle_ms;      /* no byte in either direction */
    uint64_t response_timeout_ms; /* no byte of an exchange in either direction */
    uint64_t client_idle_ms;      /* between two requests of a client */
    uint64_t origin_idle_ms;      /* a connection to an origin without a request */
    unsigned origins_idle;        /* such connections of a worker; 0: none is kept */
    unsigned tunnels_per_client;  /* by client address; at least 1 */
    uint64_t drain_ms;
};

struct log_config {
    char *access;             /* a path; "-" is standard output; NULL: none */
    enum log_format format;
    char *errors;             /* a path, or "stderr" */
};

struct dns_config {
    char *servers;            /* "a:port,[b]:port" for c-ares; NULL: the system's */
    struct hosts *hosts;      /* never NULL; /etc/hosts where none is named */
    uint64_t timeout_ms;      /* for one name, all tries together */
};

struct admin_config {
    bool is_on;
    char *unix_path;          /* NULL: at */
    struct endpoint at;
};

enum product_ca { PRODUCT_CA_UNKNOWN, PRODUCT_CA_NO, PRODUCT_CA_YES };

struct product {
    char *key;                /* as rules name it: "cisco-video-device" */
    char *name;               /* for people */
    char *auth;               /* what it can answer: "none, basic, digest" */
    enum product_ca custom_ca; /* whether it can be told to trust a CA */
};

/* What a rule says, for people; the policy has it compiled. */
struct rule_text {
    char *connect_ports;      /* "443, 5000-5010", those of guard where the rule has none; */
    char *http_ports;         /*   NULL: every port */
    char *methods;            /* "CONNECT, GET"; NULL: every method */
    int parent;               /* index of the parent it goes through; -1: none */
    enum not_tls not_tls;     /* of a tunnel whose client does not begin with TLS */
};

struct headers_config {
    char *via;                /* our pseudonym in Via */
    bool forwarded_for;       /* X-Forwarded-For is added */
    bool strict;              /* no message is passed on that is changed end to end */
};

/* A proxy that requests of some rules go through. */
struct parent_config {
    char *name;
    struct host host;
    uint16_t port;
    char *authorization;      /* value of Proxy-Authorization; NULL: none. Secret. */
};

struct config {
    atomic_uint refs;
    char *path;
    char **files;             /* every configuration file read, the first is path; places
                               * of listeners point into them */
    size_t file_count;
    struct listener_config *listeners;
    size_t listener_count;
    unsigned workers;
    struct policy *policy;
    struct rule_text *rules;  /* by rule_index of a verdict */
    size_t rule_count;
    size_t set_count;         /* of destinations and sources together */
    struct product *products;
    size_t product_count;
    char *webex_revision;     /* "2025-12-15"; NULL: no Webex data */
    struct guard *guard;      /* knows all listeners and this machine's addresses */
    struct inspection_config inspection; /* is_enabled false: all else is empty */
    struct headers_config headers;
    struct parent_config *parents;
    size_t parent_count;
    struct limits_config limits;
    struct log_config log;
    struct dns_config dns;
    struct admin_config admin;
    struct auth *auth;        /* NULL: nobody is asked for credentials */
};

/* NULL where an error was added to faults; warnings alone do not prevent a
 * snapshot. Reads files, and asks the system for its own addresses where a
 * listener stands for all of them; never writes, never opens a connection. */
MUST_CHECK struct config *config_load(const char *path, struct errlist *faults);

/* The same with the text that the file at path would have; what it includes and
 * names is read. text NULL: config_load. */
MUST_CHECK struct config *config_parse(const char *path, const struct str *text,
                                       struct errlist *faults);

struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine */

#endif
