/* SPDX-License-Identifier: MIT */
/*
 * control.h - what the control thread keeps: shared by server.c, reload.c and
 * admin.c, and by nobody else.
 *
 * Owns the workers, one reference to the configuration in force and one to each
 * older one that somebody still uses: so the last reference is dropped here and
 * the work of freeing a large policy never falls on a worker.
 * Threads: the control thread only; admin reads the workers' counters.
 */
#ifndef PROXY_CONTROL_H
#define PROXY_CONTROL_H

#include <event2/event.h>

#include "conf/config.h"
#include "proxy/worker.h"

struct admin;

/* A listener that is open, on every worker. */
struct bound {
    unsigned number;
    struct endpoint wanted; /* as configured */
    struct endpoint actual; /* with the port that was found for 0 */
};

struct stale {
    struct stale *next;
    struct config *config;
};

struct control {
    const char *config_path;
    struct event_base *base;
    struct config *config;
    struct stale *stale;
    struct shared shared;
    struct worker **workers;
    unsigned worker_count, workers_done;
    struct bound *bound;
    size_t bound_count;
    unsigned next_listener;
    struct admin *admin;
    unsigned generation;
    bool is_last_reload_ok, is_draining;
    struct event *signals[4], *done_event, *drain_timer, *stale_timer;
};

/* Listeners and the admin's door: opens what config has and nothing has open yet,
 * closes what it has no more, and tells the workers, of the configuration too where it is
 * not the one in force. On failure nothing has changed. */
MUST_CHECK int control_apply_doors(struct control *c, struct config *config, struct err *e);

/* Reads the configuration anew and puts it in force; on any error the old one
 * stays and the log says why. */
void control_reload(struct control *c);

/* Opens both logs anew. */
void control_reopen_logs(struct control *c);

#endif
