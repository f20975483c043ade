/* SPDX-License-Identifier: MIT */
/*
 * spec.h - a configuration as plain data, as it was written: what parse.c fills
 * by the table of keys.c and what the other files here turn into a snapshot.
 *
 * Texts are borrowed from the parse that filled the spec.
 * Invariant: each struct that stands in a list or a map begins with spec_head.
 * Threads: one.
 */
#ifndef CONF_SPEC_H
#define CONF_SPEC_H

#include "conf/spec_auth.h"
#include "conf/spec_value.h"

struct spec_tls {
    struct spec_head head;
    struct spec_text certificate, key;
    struct spec_number min_version;
};

struct spec_listener {
    struct spec_head head;
    struct spec_text address;
    struct spec_number port;
    struct spec_tls tls;
};

struct spec_set { /* of destinations */
    struct spec_head head;
    struct spec_texts domains, addresses, urls, regex, files;
};

struct spec_source {
    struct spec_head head;
    struct spec_texts addresses, users, groups;
    struct spec_text product;
};

struct spec_product {
    struct spec_head head;
    struct spec_text name;
    struct spec_texts auth;
    struct spec_number custom_ca;
};

struct spec_webex {
    struct spec_head head;
    struct spec_text revision;
    struct spec_groups destinations, products;
};

enum { SPEC_ACTION_ALLOW, SPEC_ACTION_DENY };
enum { SPEC_AUTH_NONE, SPEC_AUTH_REQUIRED };
enum { SPEC_TLS_INSPECT, SPEC_TLS_TUNNEL };
enum { SPEC_NOT_TLS_TUNNEL, SPEC_NOT_TLS_DENY };

struct spec_rule {
    struct spec_head head;
    struct spec_text name;
    struct spec_texts from, to, methods;
    struct spec_ports ports;
    struct spec_number action, auth, tls, not_tls;
    struct spec_text via;
};

struct spec_guard {
    struct spec_head head;
    struct spec_number deny_private;
    struct spec_texts allow;
    struct spec_ports connect_ports, http_ports;
};

struct spec_dns {
    struct spec_head head;
    struct spec_texts servers;
    struct spec_text hosts;
    struct spec_number timeout;
};

struct spec_limits {
    struct spec_head head;
    struct spec_number header_bytes, header_timeout, connect_timeout, tunnel_idle,
        tunnels_per_client, drain, response_timeout, client_idle, origin_idle, origins_idle;
};

struct spec_inspection {
    struct spec_head head;
    struct spec_number enabled, fallback, min_tls, leaf_key, leaves; /* fallback: the key default */
    struct spec_text ca_certificate, ca_key, trust;
    struct spec_texts never, never_from;
};

struct spec_headers {
    struct spec_head head;
    struct spec_text via;
    struct spec_number forwarded_for, strict;
};

struct spec_parent {
    struct spec_head head;
    struct spec_text name, url, user, password_file;
};

struct spec_log {
    struct spec_head head;
    struct spec_text access, errors;
    struct spec_number format;
};

struct spec_admin {
    struct spec_head head;
    struct spec_text address;
    struct spec_number port;
};

struct spec {
    struct spec_head head;
    struct spec_groups listeners;    /* struct spec_listener */
    struct spec_number workers;
    struct spec_webex webex;
    struct spec_groups destinations; /* struct spec_set */
    struct spec_groups sources;      /* struct spec_source */
    struct spec_groups rules;        /* struct spec_rule */
    struct spec_guard guard;
    struct spec_dns dns;
    struct spec_limits limits;
    struct spec_inspection inspection;
    struct spec_headers headers;
    struct spec_groups parents; /* struct spec_parent */
    struct spec_log log;
    struct spec_admin admin;
    struct spec_auth auth;
};

#endif
