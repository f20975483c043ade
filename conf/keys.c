/* SPDX-License-Identifier: MIT */
/* keys.c - the one table of configuration keys; see keys.h. */
#include "conf/keys.h"

#include <string.h>

#include "auth/auth.h"
#include "conf/spec.h"
#include "conf/suggest.h"

#define AT(type, member) .offset = offsetof(struct spec_##type, member)
#define GROUP(title, type, keys) {title, sizeof(struct spec_##type), keys, ARRAY_LEN(keys)}

#define SECOND UINT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define KIB UINT64_C(1024)

static const char *const actions[] = {"allow", "deny", NULL};
static const char *const rule_auths[] = {"none", "required", NULL};
static const char *const tls_versions[] = {"1.2", "1.3", NULL};
static const char *const tls_choices[] = {"inspect", "tunnel", NULL};
static const char *const not_tls_choices[] = {"tunnel", "deny", NULL};
static const char *const leaf_keys[] = {"ec", "rsa", NULL};
static const char *const log_formats[] = {"json", "squid", NULL};

static const struct key tls_keys[] = {
    {.name = "certificate", .type = KEY_TEXT, AT(tls, certificate), .is_required = true,
     .doc = "PEM file: the certificate for the name that clients know the proxy by, and behind it "
            "those of its issuers."},
    {.name = "key", .type = KEY_TEXT, AT(tls, key), .is_required = true,
     .doc = "PEM file: its private key, without a password."},
    {.name = "min_version", .type = KEY_CHOICE, AT(tls, min_version), .choices = tls_versions,
     .fallback = "1.2", .doc = "The oldest version of TLS that clients may speak."},
};

static const struct key_group tls_group = GROUP("tls", tls, tls_keys);

static const struct key listener_keys[] = {
    {.name = "address", .type = KEY_TEXT, AT(listener, address), .is_required = true,
     .doc = "IPv4 or IPv6 address to listen on; \"0.0.0.0\" and \"::\" stand for all of them."},
    {.name = "port", .type = KEY_NUMBER, AT(listener, port), .is_required = true, .max = 65535,
     .doc = "TCP port; 0 lets the system pick one."},
    {.name = "tls", .type = KEY_GROUP, AT(listener, tls), .group = &tls_group,
     .doc = "Clients speak TLS to this listener, as with \"https://\" in front of a proxy's name; "
            "left out: they do not."},
    {.name = "proxy_protocol", .type = KEY_MISSING,
     .doc = "this version does not read the PROXY protocol; take the key out"},
};

static const struct key set_keys[] = {
    {.name = "domains", .type = KEY_TEXTS, AT(set, domains),
     .doc = "Names: \"host.example\", \"*.example\" (the parent too), a '*' anywhere; with "
            "\"/path\" behind: that URL only."},
    {.name = "addresses", .type = KEY_TEXTS, AT(set, addresses),
     .doc = "Addresses and prefixes, IPv4 and IPv6: \"10.8.0.0/16\"."},
    {.name = "urls", .type = KEY_TEXTS, AT(set, urls),
     .doc = "URLs: \"http://host.example/path\", or \"https://host.example\", which matches a "
            "CONNECT too; with a path none does."},
    {.name = "regex", .type = KEY_TEXTS, AT(set, regex),
     .doc = "Perl-compatible regular expressions, searched in the lower-case host name."},
    {.name = "files", .type = KEY_TEXTS, AT(set, files),
     .doc = "Files with one pattern a line; '#' begins a comment."},
};

static const struct key source_keys[] = {
    {.name = "addresses", .type = KEY_TEXTS, AT(source, addresses),
     .doc = "Addresses and prefixes of these clients."},
    {.name = "product", .type = KEY_TEXT, AT(source, product),
     .doc = "What these clients are, by its key in webex.products."},
    {.name = "users", .type = KEY_TEXTS, AT(source, users),
     .doc = "Names of users, without regard to ASCII case. Where addresses or a product are "
            "given, too, both must hold."},
    {.name = "groups", .type = KEY_TEXTS, AT(source, groups),
     .doc = "Groups of users; a user who is named, or is in one of these, is in the set."},
};

static const struct key product_keys[] = {
    {.name = "name", .type = KEY_TEXT, AT(product, name), .is_required = true,
     .doc = "The product's name for people."},
    {.name = "auth", .type = KEY_TEXTS, AT(product, auth), .is_required = true,
     .doc = "What it can answer a proxy with: none, basic, digest, ntlm, negotiate."},
    {.name = "custom_ca", .type = KEY_BOOL, AT(product, custom_ca),
     .doc = "Whether it can be told to trust a CA of yours; left out: not known."},
};

static const struct key_group set_group = GROUP("a destination set", set, set_keys);
static const struct key_group product_group = GROUP("a product", product, product_keys);

static const struct key webex_keys[] = {
    {.name = "revision", .type = KEY_TEXT, AT(webex, revision),
     .doc = "Date of the data, as \"2025-12-15\"."},
    {.name = "destinations", .type = KEY_MAP, AT(webex, destinations), .group = &set_group,
     .doc = "Sets, used like those of the top-level destinations."},
    {.name = "products", .type = KEY_MAP, AT(webex, products), .group = &product_group,
     .doc = "What the products can do."},
};

static const struct key rule_keys[] = {
    {.name = "name", .type = KEY_TEXT, AT(rule, name), .is_required = true,
     .doc = "Name for logs and explain; no two rules share one."},
    {.name = "from", .type = KEY_TEXTS, AT(rule, from),
     .doc = "Source sets; left out: every client."},
    {.name = "to", .type = KEY_TEXTS, AT(rule, to),
     .doc = "Destination sets; left out: every destination."},
    {.name = "ports", .type = KEY_PORTS, AT(rule, ports),
     .doc = "Ports and ranges, as ( 443, \"5000-5010\" ); left out: guard.connect_ports or "
            "guard.http_ports where the rule allows, every port where it denies."},
    {.name = "methods", .type = KEY_TEXTS, AT(rule, methods),
     .doc = "Request methods, as [ \"CONNECT\" ]; left out: every method."},
    {.name = "action", .type = KEY_CHOICE, AT(rule, action), .choices = actions,
     .is_required = true, .doc = "What happens to a request that matches."},
    {.name = "auth", .type = KEY_CHOICE, AT(rule, auth), .choices = rule_auths,
     .doc = "Whether a client that the rule allows has to say who it is; left out: required "
            "where there is an auth section, none where there is not."},
    {.name = "tls", .type = KEY_CHOICE, AT(rule, tls), .choices = tls_choices,
     .doc = "TLS inside a CONNECT: decrypted, or passed on as it is; left out: "
            "inspection.default. What inspection.never and never_from hold is passed on, "
            "whatever stands here."},
    {.name = "not_tls", .type = KEY_CHOICE, AT(rule, not_tls), .choices = not_tls_choices,
     .doc = "A tunnel whose client does not begin with TLS, and one that would be inspected but "
            "speaks no HTTP/1: passed on or refused; left out: refused where it would be "
            "inspected, else passed on."},
    {.name = "via", .type = KEY_TEXT, AT(rule, via),
     .doc = "Name of the parent proxy that requests go through; left out: none."},
    {.name = "egress", .type = KEY_MISSING,
     .doc = "this version does not choose its source address; take the key out"},
};

static const struct key guard_keys[] = {
    {.name = "deny_private", .type = KEY_BOOL, AT(guard, deny_private), .fallback = "true",
     .doc = "Refuse addresses that are not public: loopback, link-local, private, shared, "
            "multicast, unspecified, reserved, and IPv6 forms of these."},
    {.name = "allow", .type = KEY_TEXTS, AT(guard, allow),
     .doc = "Addresses and prefixes that deny_private does not refuse."},
    {.name = "connect_ports", .type = KEY_PORTS, AT(guard, connect_ports), .fallback = "443",
     .doc = "Ports of CONNECT for rules that allow and name no ports."},
    {.name = "http_ports", .type = KEY_PORTS, AT(guard, http_ports), .fallback = "80",
     .doc = "Ports of plain HTTP for rules that allow and name no ports."},
};

static const struct key dns_keys[] = {
    {.name = "servers", .type = KEY_TEXTS, AT(dns, servers),
     .doc = "Resolvers, \"address\" or \"address:port\"; left out: the system's."},
    {.name = "hosts", .type = KEY_TEXT, AT(dns, hosts),
     .doc = "File of fixed names in the form of hosts(5); left out: /etc/hosts."},
    {.name = "timeout", .type = KEY_DURATION, AT(dns, timeout), .fallback = "5s", .min = 100,
     .max = 60 * SECOND, .doc = "For one name, all tries together."},
};

static const struct key limits_keys[] = {
    {.name = "header_bytes", .type = KEY_SIZE, AT(limits, header_bytes), .fallback = "64KiB",
     .min = KIB, .max = KIB * KIB, .doc = "Largest header section of a request."},
    {.name = "header_timeout", .type = KEY_DURATION, AT(limits, header_timeout),
     .fallback = "15s", .min = SECOND, .max = HOUR, .doc = "For the whole header section."},
    {.name = "connect_timeout", .type = KEY_DURATION, AT(limits, connect_timeout),
     .fallback = "10s", .min = 100, .max = HOUR,
     .doc = "Name resolution and all connection attempts together."},
    {.name = "tunnel_idle", .type = KEY_DURATION, AT(limits, tunnel_idle), .fallback = "1h",
     .min = SECOND, .max = 30 * DAY, .doc = "A tunnel without a byte for so long is closed."},
    {.name = "tunnels_per_client", .type = KEY_NUMBER, AT(limits, tunnels_per_client),
     .fallback = "5000", .min = 1, .max = 1000000, .doc = "Open tunnels of one client address."},
    {.name = "response_timeout", .type = KEY_DURATION, AT(limits, response_timeout),
     .fallback = "5m", .min = SECOND, .max = DAY,
     .doc = "A plain HTTP exchange without a byte in either direction for so long is given up."},
    {.name = "client_idle", .type = KEY_DURATION, AT(limits, client_idle), .fallback = "1m",
     .min = SECOND, .max = DAY, .doc = "How long a client may take until its next request."},
    {.name = "origin_idle", .type = KEY_DURATION, AT(limits, origin_idle), .fallback = "30s",
     .min = SECOND, .max = HOUR,
     .doc = "How long a connection to an origin is kept for the next request."},
    {.name = "origins_idle", .type = KEY_NUMBER, AT(limits, origins_idle), .fallback = "256",
     .max = 10000, .doc = "Connections to origins that each worker keeps; 0: none."},
    {.name = "drain", .type = KEY_DURATION, AT(limits, drain), .fallback = "30s", .max = DAY,
     .doc = "How long open tunnels may go on after SIGTERM."},
};

static const struct key inspection_keys[] = {
    {.name = "enabled", .type = KEY_BOOL, AT(inspection, enabled), .fallback = "false",
     .doc = "Whether TLS is inspected at all; where not, the files below are not read."},
    {.name = "default", .type = KEY_CHOICE, AT(inspection, fallback), .choices = tls_choices,
     .fallback = "inspect", .doc = "What a rule without the key tls does."},
    {.name = "ca_certificate", .type = KEY_TEXT, AT(inspection, ca_certificate),
     .doc = "PEM file: the CA that clients trust, as `sallyport ca init` makes it; issuers of it "
            "may follow."},
    {.name = "ca_key", .type = KEY_TEXT, AT(inspection, ca_key),
     .doc = "PEM file with its private key, or a \"pkcs11:\" URI. A process of its own reads it; "
            "the one that serves never does."},
    {.name = "never", .type = KEY_TEXTS, AT(inspection, never),
     .doc = "Destination sets that are never inspected, whatever the rules say. "
            "webex-uninspectable and webex-media always belong to them."},
    {.name = "never_from", .type = KEY_TEXTS, AT(inspection, never_from),
     .doc = "Source sets, without users and groups, whose tunnels are never inspected."},
    {.name = "trust", .type = KEY_TEXT, AT(inspection, trust),
     .fallback = "/etc/ssl/certs/ca-certificates.crt",
     .doc = "PEM file: the CAs that origins' certificates are verified with."},
    {.name = "min_tls", .type = KEY_CHOICE, AT(inspection, min_tls), .choices = tls_versions,
     .fallback = "1.2", .doc = "The oldest version of TLS that inspected origins may speak."},
    {.name = "leaf_key", .type = KEY_CHOICE, AT(inspection, leaf_key), .choices = leaf_keys,
     .fallback = "ec",
     .doc = "The kind of key in the certificates that clients are shown: EC P-256 or RSA."},
    {.name = "leaves", .type = KEY_NUMBER, AT(inspection, leaves), .fallback = "10000",
     .min = 100, .max = 1000000, .doc = "How many of these certificates are kept for the next."},
};

static const struct key headers_keys[] = {
    {.name = "via", .type = KEY_TEXT, AT(headers, via),
     .doc = "The proxy's pseudonym in Via, of its own for each instance; left out: "
            "\"sallyport-\" and a number chosen at the start."},
    {.name = "forwarded_for", .type = KEY_BOOL, AT(headers, forwarded_for), .fallback = "true",
     .doc = "Add the client's address to X-Forwarded-For."},
    {.name = "strict", .type = KEY_BOOL, AT(headers, strict), .fallback = "false",
     .doc = "Check every forwarded head against the received one, and refuse it rather than "
            "change a field that belongs to the two ends."},
};

static const struct key parent_keys[] = {
    {.name = "name", .type = KEY_TEXT, AT(parent, name), .is_required = true,
     .doc = "Name for the key via of rules."},
    {.name = "url", .type = KEY_TEXT, AT(parent, url), .is_required = true,
     .doc = "Where it listens, as \"http://proxy.example:8080\"."},
    {.name = "user", .type = KEY_TEXT, AT(parent, user),
     .doc = "Account at the parent (Basic), with password_file."},
    {.name = "password_file", .type = KEY_TEXT, AT(parent, password_file),
     .doc = "File whose first line is the password."},
};

static const struct key log_keys[] = {
    {.name = "access", .type = KEY_TEXT, AT(log, access), .fallback = "-",
     .doc = "File of the access log; \"-\": standard output; \"none\": no access log."},
    {.name = "format", .type = KEY_CHOICE, AT(log, format), .choices = log_formats,
     .fallback = "json", .doc = "One JSON object a line, or Squid's native format."},
    {.name = "errors", .type = KEY_TEXT, AT(log, errors), .fallback = "stderr",
     .doc = "File of the messages; \"stderr\": standard error."},
};

static const struct key admin_keys[] = {
    {.name = "address", .type = KEY_TEXT, AT(admin, address), .fallback = "127.0.0.1",
     .doc = "\"127.0.0.1\", \"::1\" or \"unix:PATH\"."},
    {.name = "port", .type = KEY_NUMBER, AT(admin, port), .fallback = "3129", .max = 65535,
     .doc = "TCP port; 0 lets the system pick one."},
};

#define HELPER_KEYS(section)                                                                     \
    {.name = "children", .type = KEY_NUMBER, AT(section, children), .fallback = "8", .min = 1,     \
     .max = 1000, .doc = "Processes of the helper, at most."},                                     \
    {.name = "queue", .type = KEY_NUMBER, AT(section, queue), .fallback = "64", .max = 100000,     \
     .doc = "Questions that wait for a helper, at most; a client beyond them gets 503."}

static const struct key basic_keys[] = {
    {.name = "htpasswd", .type = KEY_TEXT, AT(basic, htpasswd),
     .doc = "File of accounts, user:hash a line: bcrypt, or what crypt(3) verifies."},
    {.name = "helper", .type = KEY_TEXT, AT(basic, helper),
     .doc = "Instead of htpasswd: a program with arguments that speaks the protocol of Squid's "
            "basic helpers."},
    HELPER_KEYS(basic),
    {.name = "concurrency", .type = KEY_NUMBER, AT(basic, concurrency), .fallback = "0",
     .max = 1000,
     .doc = "Questions that one process takes at a time, by channel numbers; 0: one, without."},
    {.name = "cache", .type = KEY_DURATION, AT(basic, cache), .fallback = "5m", .max = DAY,
     .doc = "How long a password that was right is not checked again; 0: always check."},
};

static const struct key digest_keys[] = {
    {.name = "htdigest", .type = KEY_TEXT, AT(digest, htdigest), .is_required = true,
     .doc = "File of accounts, user:realm:hash a line: 32 hexadecimal digits for MD5, 64 for "
            "SHA-256."},
    {.name = "algorithms", .type = KEY_TEXTS, AT(digest, algorithms),
     .doc = "Offered in this order: \"SHA-256\", \"MD5\"; left out: both."},
    {.name = "secret", .type = KEY_TEXT, AT(digest, secret),
     .doc = "File with at least 16 bytes that nonces are made with: instances that share it, and "
            "a restarted one, take each other's; left out: one of the process's own."},
    {.name = "nonce_lifetime", .type = KEY_DURATION, AT(digest, nonce_lifetime), .fallback = "5m",
     .min = SECOND, .max = DAY, .doc = "After that a client is sent a new nonce."},
};

static const struct key ntlm_keys[] = {
    {.name = "smbpasswd", .type = KEY_TEXT, AT(ntlm, smbpasswd),
     .doc = "File of accounts in Samba's smbpasswd(5) form."},
    {.name = "helper", .type = KEY_TEXT, AT(ntlm, helper),
     .doc = "Instead of smbpasswd: a program with arguments that speaks the protocol of Squid's "
            "ntlmssp helpers, such as Samba's ntlm_auth."},
    {.name = "domain", .type = KEY_TEXT, AT(ntlm, domain),
     .doc = "NetBIOS name of the domain that clients see; it is taken off the names that a "
            "helper gives."},
    HELPER_KEYS(ntlm),
};

static const struct key negotiate_keys[] = {
    {.name = "keytab", .type = KEY_TEXT, AT(negotiate, keytab),
     .doc = "Kerberos keys; tickets for any principal in it are taken. Left out: NTLM inside "
            "Negotiate alone."},
};

static const struct key offer_keys[] = {
    {.name = "from", .type = KEY_TEXTS, AT(offer, from), .is_required = true,
     .doc = "Source sets, without users and groups."},
    {.name = "schemes", .type = KEY_TEXTS, AT(offer, schemes), .is_required = true,
     .doc = "What these clients are offered, in this order."},
};

static const struct key failures_keys[] = {
    {.name = "burst", .type = KEY_NUMBER, AT(failures, burst), .fallback = "5", .max = 1000000,
     .doc = "Wrong passwords in a row of one user at one address; 0: no limit at all."},
    {.name = "address_burst", .type = KEY_NUMBER, AT(failures, address_burst), .fallback = "100",
     .min = 1, .max = 1000000, .doc = "And of one address, whatever the user; at least burst."},
    {.name = "refill", .type = KEY_DURATION, AT(failures, refill), .fallback = "10m",
     .min = SECOND, .max = 30 * DAY, .doc = "Time until one more try is there again."},
};

static const struct key_group basic_group = GROUP("basic", basic, basic_keys);
static const struct key_group digest_group = GROUP("digest", digest, digest_keys);
static const struct key_group ntlm_group = GROUP("ntlm", ntlm, ntlm_keys);
static const struct key_group negotiate_group = GROUP("negotiate", negotiate, negotiate_keys);
static const struct key_group offer_group = GROUP("an offer", offer, offer_keys);
static const struct key_group failures_group = GROUP("failures", failures, failures_keys);

static const struct key auth_keys[] = {
    {.name = "realm", .type = KEY_TEXT, AT(auth, realm), .fallback = AUTH_DEFAULT_REALM,
     .doc = "Shown to people who are asked for a password; htdigest files name it."},
    {.name = "schemes", .type = KEY_TEXTS, AT(auth, schemes),
     .doc = "What is offered, in this order: \"negotiate\", \"ntlm\", \"digest\", \"basic\"; left "
            "out: those of them that are configured here."},
    {.name = "basic", .type = KEY_GROUP, AT(auth, basic), .group = &basic_group,
     .doc = "Basic (RFC 7617)."},
    {.name = "digest", .type = KEY_GROUP, AT(auth, digest), .group = &digest_group,
     .doc = "Digest (RFC 7616)."},
    {.name = "ntlm", .type = KEY_GROUP, AT(auth, ntlm), .group = &ntlm_group,
     .doc = "NTLM, version 2 alone."},
    {.name = "negotiate", .type = KEY_GROUP, AT(auth, negotiate), .group = &negotiate_group,
     .doc = "Negotiate (RFC 4559): Kerberos, and NTLM where ntlm is configured."},
    {.name = "groups", .type = KEY_TEXT, AT(auth, groups),
     .doc = "File of groups, \"group: user user\" a line."},
    {.name = "helper_timeout", .type = KEY_DURATION, AT(auth, helper_timeout), .fallback = "10s",
     .min = 100, .max = HOUR, .doc = "For one answer of a helper."},
    {.name = "offers", .type = KEY_LIST, AT(auth, offers), .group = &offer_group,
     .doc = "Other schemes for some clients: the first offer that holds the client counts."},
    {.name = "failures", .type = KEY_GROUP, AT(auth, failures), .group = &failures_group,
     .doc = "How often somebody may be wrong; beyond that, credentials are refused unread."},
};

static const struct key_group listener_group = GROUP("a listener", listener, listener_keys);
static const struct key_group webex_group = GROUP("webex", webex, webex_keys);
static const struct key_group source_group = GROUP("a source set", source, source_keys);
static const struct key_group rule_group = GROUP("a rule", rule, rule_keys);
static const struct key_group guard_group = GROUP("guard", guard, guard_keys);
static const struct key_group dns_group = GROUP("dns", dns, dns_keys);
static const struct key_group limits_group = GROUP("limits", limits, limits_keys);
static const struct key_group inspection_group = GROUP("inspection", inspection, inspection_keys);
static const struct key_group headers_group = GROUP("headers", headers, headers_keys);
static const struct key_group parent_group = GROUP("a parent", parent, parent_keys);
static const struct key_group log_group = GROUP("log", log, log_keys);
static const struct key_group admin_group = GROUP("admin", admin, admin_keys);
static const struct key_group auth_group = GROUP("auth", auth, auth_keys);

#define ROOT(member) .offset = offsetof(struct spec, member)

static const struct key root_keys[] = {
    {.name = "listeners", .type = KEY_LIST, ROOT(listeners), .group = &listener_group,
     .is_required = true, .doc = "Where clients connect; at least one."},
    {.name = "workers", .type = KEY_NUMBER, ROOT(workers), .fallback = "0", .max = 1024,
     .doc = "Threads; 0: one for each CPU that the process may use."},
    {.name = "webex", .type = KEY_GROUP, ROOT(webex), .group = &webex_group,
     .doc = "The Webex data, from webex.conf."},
    {.name = "destinations", .type = KEY_MAP, ROOT(destinations), .group = &set_group,
     .doc = "Named sets of destinations."},
    {.name = "sources", .type = KEY_MAP, ROOT(sources), .group = &source_group,
     .doc = "Named sets of clients."},
    {.name = "rules", .type = KEY_LIST, ROOT(rules), .group = &rule_group,
     .doc = "Who may go where: the first rule that matches decides; where none does, the "
            "answer is no."},
    {.name = "guard", .type = KEY_GROUP, ROOT(guard), .group = &guard_group,
     .doc = "What may be dialled at all, judged on the address after name resolution."},
    {.name = "dns", .type = KEY_GROUP, ROOT(dns), .group = &dns_group,
     .doc = "Name resolution."},
    {.name = "limits", .type = KEY_GROUP, ROOT(limits), .group = &limits_group,
     .doc = "Bounds on what one client can use."},
    {.name = "inspection", .type = KEY_GROUP, ROOT(inspection), .group = &inspection_group,
     .doc = "Looking inside TLS with certificates of a CA of your own; left out: nothing is."},
    {.name = "headers", .type = KEY_GROUP, ROOT(headers), .group = &headers_group,
     .doc = "What is added to forwarded messages."},
    {.name = "parents", .type = KEY_LIST, ROOT(parents), .group = &parent_group,
     .doc = "Proxies that requests of some rules go through."},
    {.name = "log", .type = KEY_GROUP, ROOT(log), .group = &log_group,
     .doc = "Access log and messages."},
    {.name = "admin", .type = KEY_GROUP, ROOT(admin), .group = &admin_group,
     .doc = "Metrics and status; left out: off."},
    {.name = "auth", .type = KEY_GROUP, ROOT(auth), .group = &auth_group,
     .doc = "Who is asked for credentials, and what they are checked against; left out: nobody "
            "is asked."},
    {.name = "portal", .type = KEY_MISSING,
     .doc = "this version has no portal for clients; take the section out"},
    {.name = "pac", .type = KEY_MISSING,
     .doc = "this version does not write PAC files; take the section out"},
};

const struct key_group keys_root = {"the configuration", sizeof(struct spec), root_keys,
                                    ARRAY_LEN(root_keys)};

const struct key *keys_find(const struct key_group *group, const char *name)
{
    for (size_t i = 0; i < group->count; i++)
        if (strcmp(group->keys[i].name, name) == 0)
            return &group->keys[i];
    return NULL;
}

void keys_report_unknown(const struct key_group *group, const char *name, const struct place *at,
                         struct errlist *faults)
{
    struct suggest s = suggest_begin(name);
    for (size_t i = 0; i < group->count; i++)
        suggest_offer(&s, group->keys[i].name);
    if (s.best != NULL)
        errlist_add(faults, at, "unknown key '%s', did you mean '%s'?", name, s.best);
    else
        errlist_add(faults, at, "unknown key '%s' in %s", name, group->title);
}
