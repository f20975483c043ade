/* SPDX-License-Identifier: MIT */
/* ca_print.c - a CA certificate as text and as JSON; see ca_print.h. */
#include "cli/ca_print.h"

#include <string.h>

#include "certs/constraint.h"
#include "certs/facts.h"
#include "cli/cli.h"
#include "util/json.h"
#include "util/mem.h"

#define SECONDS_PER_DAY 86400
#define JSON_SIZE 65536
#define CONSTRAINT_SIZE 300

long ca_print_days_left(const X509 *cert, time_t now)
{
    time_t left = facts_time(X509_get0_notAfter(cert)) - now;
    return (long)(left >= 0 ? left / SECONDS_PER_DAY : -1 - (-left - 1) / SECONDS_PER_DAY);
}

static void print_row(const char *label, const char *value)
{
    printf("  %-12s %s\n", label, value);
}

static void print_constraints(const char *label, const NAME_CONSTRAINTS *set,
                              enum constraint_kind kind)
{
    char text[CONSTRAINT_SIZE];
    for (size_t i = 0; i < constraint_count(set, kind); i++)
        print_row(i == 0 ? label : "", constraint_format(set, kind, i, text, sizeof(text)));
}

static void print_validity(const struct ca_printed *p, const struct facts *f)
{
    char text[128];
    long days = ca_print_days_left(p->cert, p->now);
    if (days >= 0)
        snprintf(text, sizeof(text), "%s to %s, %ld days more", f->not_before, f->not_after, days);
    else
        snprintf(text, sizeof(text), "%s to %s, expired", f->not_before, f->not_after);
    print_row("valid", text);
}

void ca_print_text(const struct ca_printed *p)
{
    static const char *const key_words[] = {"not there, or of another certificate",
                                            "is there, and is the certificate's"};
    struct facts f;
    bool is_coloured = cli_has_colour(stdout);
    facts_read(&f, p->cert);
    printf("%s%s%s%s%s\n", cli_colour(is_coloured, CLI_BOLD), p->path,
           cli_colour(is_coloured, CLI_PLAIN), p->role != NULL ? ": " : "",
           p->role != NULL ? p->role : "");
    print_row("subject", f.subject);
    if (!f.is_self_issued)
        print_row("issuer", f.issuer);
    print_row("serial", f.serial);
    print_validity(p, &f);
    print_row("key", f.key);
    if (p->has_key >= 0)
        print_row("private key", key_words[p->has_key]);
    if (f.constraints != NULL) {
        print_constraints("permitted", f.constraints, CONSTRAINT_PERMIT);
        print_constraints("excluded", f.constraints, CONSTRAINT_EXCLUDE);
    }
    print_row("SHA-256", f.sha256);
    print_row("SHA-1", f.sha1);
    facts_fini(&f);
}

static void add_constraints(struct json *j, const char *name, const NAME_CONSTRAINTS *set,
                            enum constraint_kind kind)
{
    size_t count = constraint_count(set, kind);
    char *texts = mem_must_zalloc(count * CONSTRAINT_SIZE + 1);
    struct str *values = mem_must_zalloc((count + 1) * sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = str_of(constraint_format(set, kind, i, texts + i * CONSTRAINT_SIZE,
                                             CONSTRAINT_SIZE));
    json_list(j, name, values, count);
    mem_free(values);
    mem_free(texts);
}

static void add_faults(struct json *j, const char *name, const struct errlist *faults,
                       bool is_warning)
{
    size_t count = 0;
    struct str *values = mem_must_zalloc((faults->count + 1) * sizeof(*values));
    for (size_t i = 0; i < faults->count; i++)
        if (faults->items[i].is_warning == is_warning)
            values[count++] = str_of(faults->items[i].text);
    json_list(j, name, values, count);
    mem_free(values);
}

static void add_facts(struct json *j, const struct ca_printed *p, const struct facts *f)
{
    json_str(j, "subject", str_of(f->subject));
    json_str(j, "issuer", str_of(f->issuer));
    json_str(j, "serial", str_of(f->serial));
    json_str(j, "sha256", str_of(f->sha256));
    json_str(j, "sha1", str_of(f->sha1));
    json_str(j, "not_before", str_of(f->not_before));
    json_str(j, "not_after", str_of(f->not_after));
    json_bool(j, "expired", ca_print_days_left(p->cert, p->now) < 0);
    json_str(j, "key", str_of(f->key));
    json_bool(j, "ca", f->is_ca);
    if (f->path_length >= 0)
        json_u64(j, "path_length", (uint64_t)f->path_length);
    if (f->constraints != NULL) {
        add_constraints(j, "permitted", f->constraints, CONSTRAINT_PERMIT);
        add_constraints(j, "excluded", f->constraints, CONSTRAINT_EXCLUDE);
    }
}

void ca_print_json(const struct ca_printed *p)
{
    struct facts f;
    struct json j;
    char *buf = mem_must_zalloc(JSON_SIZE);
    facts_read(&f, p->cert);
    json_begin(&j, buf, JSON_SIZE);
    json_str(&j, "file", str_of(p->path));
    if (p->state != NULL)
        json_str(&j, "state", str_of(p->state));
    if (p->role != NULL)
        json_str(&j, "role", str_of(p->role));
    add_facts(&j, p, &f);
    if (p->has_key >= 0)
        json_bool(&j, "private_key", p->has_key == 1);
    if (p->faults != NULL) {
        add_faults(&j, "errors", p->faults, false);
        add_faults(&j, "warnings", p->faults, true);
    }
    size_t len = json_end(&j);
    printf("%.*s\n", (int)len, buf);
    facts_fini(&f);
    mem_free(buf);
}

void ca_print_where(const char *path)
{
    printf("Where clients keep what they trust (%s, as a root):\n"
           "  Windows            Group Policy: Computer Configuration, Policies, Windows\n"
           "                     Settings, Security Settings, Public Key Policies, Trusted Root\n"
           "                     Certification Authorities; one machine: certutil -addstore Root\n"
           "  macOS              a configuration profile; one machine: security add-trusted-cert\n"
           "                     -d -r trustRoot -k /Library/Keychains/System.keychain\n"
           "  iOS                a configuration profile; one installed by hand must be switched\n"
           "                     on under General, About, Certificate Trust Settings\n"
           "  Android            through device management; by hand, in the settings under\n"
           "                     Security, it holds only for apps that accept user certificates\n"
           "  Debian, Ubuntu     as NAME.crt in /usr/local/share/ca-certificates, then\n"
           "                     update-ca-certificates\n"
           "  Fedora, RHEL       in /etc/pki/ca-trust/source/anchors, then update-ca-trust\n"
           "  Firefox            policy Certificates: ImportEnterpriseRoots or Install\n"
           "  Java               keytool -importcert -cacerts -alias sallyport -file FILE\n"
           "  Node               NODE_EXTRA_CA_CERTS\n"
           "  Python, OpenSSL    the system's; SSL_CERT_FILE and REQUESTS_CA_BUNDLE name a file\n"
           "                     that takes the place of all others\n"
           "  Webex app          the store of its system; nothing more\n"
           "  Video devices      through Cisco's support\n"
           "  Hybrid connectors  Directory, Calendar and Management cannot: never inspect them\n",
           path);
}
