/* SPDX-License-Identifier: MIT */
/* explain_print.c - an answer of 'explain' as text and JSON; see explain_print.h. */
#include "cli/explain_print.h"

#include <string.h>

#include "auth/auth.h"
#include "cli/cli.h"
#include "util/json.h"

#define MAX_ROWS 14
#define BEYOND_CA "the CA's name constraints forbid it"
#define VALUE_SIZE 320
#define NOTE_SIZE 320
/* A value longer than this does not push the notes of the others to the right. */
#define WIDE_VALUE 44

struct row {
    const char *label;
    char value[VALUE_SIZE];
    char note[NOTE_SIZE];
};

struct rows {
    struct row items[MAX_ROWS];
    size_t count;
};

static struct row *add_row(struct rows *rows, const char *label, struct str value)
{
    ASSERT(rows->count < MAX_ROWS);
    struct row *row = &rows->items[rows->count++];
    row->label = label;
    row->note[0] = '\0';
    snprintf(row->value, sizeof(row->value), "%.*s", STR_ARG(value));
    return row;
}

static void note_place(struct row *row, const struct place *at)
{
    if (at->file != NULL)
        snprintf(row->note, sizeof(row->note), "%s:%u", at->file, at->line);
}

static const struct rule_text *find_rule_text(const struct explain_answer *a)
{
    int index = a->verdict.rule_index;
    return index >= 0 && (size_t)index < a->config->rule_count ? &a->config->rules[index] : NULL;
}

/* The rule says so itself; it is not merely near. */
static bool is_decisive(const struct policy_verdict *v)
{
    return v->reason == POLICY_BY_RULE || v->reason == POLICY_NEEDS_USER;
}

static void format_reason(const struct explain_answer *a, char *out, size_t size)
{
    const struct rule_text *rule = find_rule_text(a);
    bool is_tunnel = a->target->scheme == POLICY_CONNECT;
    bool is_connect = is_tunnel && a->stage != EXPLAIN_INSIDE;
    const char *ports = rule ? (is_tunnel ? rule->connect_ports : rule->http_ports) : NULL;

    if (a->stage == EXPLAIN_SNI)
        snprintf(out, size, "%s", a->details);
    else if (a->verdict.reason == POLICY_BY_PORT && ports != NULL)
        snprintf(out, size, "port %u is not %s%s", (unsigned)a->target->port,
                 strpbrk(ports, ",-") ? "among " : "", ports);
    else if (a->verdict.reason == POLICY_BY_METHOD && rule != NULL && rule->methods != NULL)
        snprintf(out, size, "method %s is not among %s", is_connect ? "CONNECT" : "GET",
                 rule->methods);
    else
        snprintf(out, size, "%s", policy_reason_text(a->verdict.reason));
}

static void add_guard(const struct explain_answer *a, struct rows *rows)
{
    char addr[ADDR_TEXT_SIZE];
    struct row *row;

    if (!a->is_guarded)
        return;
    if (a->guard == GUARD_OK)
        row = add_row(rows, "guard", STR_LIT("passes"));
    else if (a->guard == GUARD_SELF)
        row = add_row(rows, "guard", STR_LIT("refuses this proxy itself"));
    else
        row = add_row(rows, "guard", STR_LIT("refuses this address"));
    addr_format(&a->dialled, addr);
    snprintf(row->note, sizeof(row->note), "%s%s%s", addr, a->guard_class ? ": " : "",
             a->guard_class ? a->guard_class : "");
}

static void add_product(const struct explain_answer *a, struct rows *rows)
{
    static const char *const ca[] = {
        [PRODUCT_CA_UNKNOWN] = "",
        [PRODUCT_CA_NO] = "; trusts no CA of yours",
        [PRODUCT_CA_YES] = "; can trust a CA of yours",
    };
    if (a->product == NULL)
        return;
    for (size_t i = 0; i < a->config->product_count; i++) {
        const struct product *p = &a->config->products[i];
        if (strcmp(p->key, a->product) != 0)
            continue;
        struct row *row = add_row(rows, "product", str_of(p->name));
        snprintf(row->note, sizeof(row->note), "auth: %s%s", p->auth, ca[p->custom_ca]);
        return;
    }
    add_row(rows, "product", str_of(a->product));
}

/* NONE stands for plain HTTP. */
static const char *tls_word(const struct policy_verdict *v)
{
    static const char *const words[] = {[POLICY_TLS_NONE] = "none",
                                        [POLICY_TLS_TUNNEL] = "tunnel",
                                        [POLICY_TLS_INSPECT] = "inspect"};
    return words[v->tls];
}

static bool is_asking(const struct explain_answer *a)
{
    return a->verdict.action == POLICY_AUTHENTICATE;
}

/* Whether the rule has to know who it is, and could be told. */
static bool has_offer(const struct explain_answer *a)
{
    return a->verdict.needs_user && a->offer != NULL;
}

static void append(char *out, size_t size, const char *before, struct str text)
{
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%.*s", before, STR_ARG(text));
}

static void add_user(const struct explain_answer *a, struct rows *rows)
{
    if (a->user == NULL)
        return;
    struct row *row = add_row(rows, "user", str_of(a->user));
    for (size_t i = 0; i < a->group_count; i++)
        append(row->note, sizeof(row->note), i ? ", " : "groups: ", a->groups[i]);
}

static void add_offer(const struct explain_answer *a, struct rows *rows)
{
    if (!has_offer(a))
        return;
    struct row *row = add_row(rows, "auth", STR_LIT(""));
    for (size_t i = 0; i < a->offer->count; i++)
        append(row->value, sizeof(row->value), i ? ", " : "",
               str_of(scheme_name(a->offer->schemes[i])));
    snprintf(row->note, sizeof(row->note), "offered to this client");
}

/* Of a tunnel: what happens to the TLS in it, and where that stands. */
static void add_tls(const struct explain_answer *a, struct rows *rows)
{
    const struct policy_verdict *v = &a->verdict;
    if (v->tls == POLICY_TLS_NONE)
        return;
    struct row *row = add_row(rows, "tls", str_of(tls_word(v)));
    char at[512] = "";
    if (v->tls_at.file != NULL)
        snprintf(at, sizeof(at), " (%s:%u)", v->tls_at.file, v->tls_at.line);
    if (v->is_exempt && v->tls_pattern.len > 0)
        snprintf(row->note, sizeof(row->note), "exempt: '%.*s' of %s%s, %s",
                 STR_ARG(v->tls_pattern), v->tls_set, at,
                 v->is_always ? "which always holds" : "in inspection.never");
    else if (v->is_exempt)
        snprintf(row->note, sizeof(row->note), "exempt: the source %s%s, in inspection.never_from",
                 v->tls_set, at);
    else
        snprintf(row->note, sizeof(row->note), "%s%s%s", v->tls_reason, at,
                 v->tls == POLICY_TLS_INSPECT && !a->is_guarded
                     ? ", unless it resolves to an exempt address"
                     : "");
    if (a->is_beyond_ca)
        snprintf(add_row(rows, "leaf", STR_LIT("none"))->note, NOTE_SIZE, BEYOND_CA
                 " (%s): clients get an alert", a->config->inspection.ca_certificate_path);
}

/* The name in the hello, and the request in the tunnel where that is what is denied. */
static void add_tunnel(const struct explain_answer *a, struct rows *rows)
{
    if (a->sni != NULL)
        add_row(rows, "sni", str_of(a->sni));
    if (a->stage != EXPLAIN_INSIDE)
        return;
    struct row *row = add_row(rows, "inside", STR_LIT("GET "));
    append(row->value, sizeof(row->value), "", a->target->inside);
    snprintf(row->note, sizeof(row->note), "the request inside; the CONNECT is allowed");
}

static void collect_rows(const struct explain_answer *a, struct rows *rows)
{
    const struct policy_verdict *v = &a->verdict;
    char text[VALUE_SIZE];

    if (v->reason != POLICY_BY_RULE || a->stage == EXPLAIN_SNI) {
        format_reason(a, text, sizeof(text));
        add_row(rows, "reason", str_of(text));
    }
    if (v->rule != NULL)
        note_place(add_row(rows, is_decisive(v) ? "rule" : "nearest", str_of(v->rule)),
                   &v->rule_at);
    if (v->source != NULL) {
        struct row *row = add_row(rows, "source", str_of(v->source));
        if (a->client != NULL)
            addr_format(a->client, row->note);
    }
    add_tunnel(a, rows);
    add_user(a, rows);
    add_product(a, rows);
    if (v->set != NULL)
        add_row(rows, "set", str_of(v->set));
    if (v->pattern.len > 0)
        note_place(add_row(rows, "pattern", v->pattern), &v->pattern_at);
    add_offer(a, rows);
    if (a->is_allowed || a->stage == EXPLAIN_INSIDE)
        add_tls(a, rows);
    add_guard(a, rows);
}

static const char *word_of(const struct explain_answer *a)
{
    return a->is_allowed ? "allow" : is_asking(a) ? "authenticate" : "deny";
}

void explain_print(const struct explain_answer *a, FILE *out)
{
    struct rows rows = {.count = 0};
    bool is_coloured = cli_has_colour(out);
    char asked[512];
    size_t width = 0;

    collect_rows(a, &rows);
    explain_target_format(a->target, asked, sizeof(asked));
    enum cli_colour colour = a->is_allowed ? CLI_GREEN : is_asking(a) ? CLI_YELLOW : CLI_RED;
    fprintf(out, "%s%s%s  %s%s%s\n", cli_colour(is_coloured, colour),
            is_asking(a) ? word_of(a) : a->is_allowed ? "allow" : "deny ",
            cli_colour(is_coloured, CLI_PLAIN),
            cli_colour(is_coloured, CLI_BOLD), asked, cli_colour(is_coloured, CLI_PLAIN));
    for (size_t i = 0; i < rows.count; i++) {
        size_t len = strlen(rows.items[i].value);
        if (rows.items[i].note[0] != '\0' && len <= WIDE_VALUE && len > width)
            width = len;
    }
    for (size_t i = 0; i < rows.count; i++) {
        const struct row *row = &rows.items[i];
        bool has_note = row->note[0] != '\0';
        fprintf(out, "       %s%-7s%s  %-*s", cli_colour(is_coloured, CLI_DIM), row->label,
                cli_colour(is_coloured, CLI_PLAIN), has_note ? (int)width : 0, row->value);
        if (has_note)
            fprintf(out, "  %s%s%s", cli_colour(is_coloured, CLI_DIM), row->note,
                    cli_colour(is_coloured, CLI_PLAIN));
        fputc('\n', out);
    }
}

static void put_place(struct json *j, const char *name, const struct place *at)
{
    char text[512];
    if (at->file == NULL)
        return;
    snprintf(text, sizeof(text), "%s:%u", at->file, at->line);
    json_str(j, name, str_of(text));
}

static void put_offer(struct json *j, const struct auth_offer *offer)
{
    struct str names[AUTH_OFFER_MAX];
    for (size_t i = 0; i < offer->count; i++)
        names[i] = str_of(scheme_name(offer->schemes[i]));
    json_list(j, "auth", names, offer->count);
}

static void put_tls(struct json *j, const struct explain_answer *a)
{
    const struct policy_verdict *v = &a->verdict;
    if (a->stage == EXPLAIN_SNI)
        json_str(j, "tls_reason", str_of(a->details));
    if (!a->is_allowed && a->stage != EXPLAIN_INSIDE)
        return;
    json_str(j, "tls", str_of(tls_word(v)));
    if (a->is_beyond_ca)
        json_str(j, "tls_reason", STR_LIT(BEYOND_CA));
    else if (v->tls_reason != NULL)
        json_str(j, "tls_reason", str_of(v->tls_reason));
    put_place(j, "tls_at", &v->tls_at);
}

void explain_print_json(const struct explain_answer *a, FILE *out)
{
    char buf[16384];
    struct json j;
    const struct policy_verdict *v = &a->verdict;
    /* Where the guard says no, no rule did. */
    bool is_by_policy = a->is_allowed || v->action != POLICY_ALLOW;

    json_begin(&j, buf, sizeof(buf));
    json_str(&j, "target", a->target->text);
    json_str(&j, "host", host_str(&a->target->host));
    json_u64(&j, "port", a->target->port);
    if (a->sni != NULL)
        json_str(&j, "sni", str_of(a->sni));
    if (v->source != NULL && is_by_policy)
        json_str(&j, "source", str_of(v->source));
    if (a->user != NULL)
        json_str(&j, "user", str_of(a->user));
    json_str(&j, "verdict", str_of(word_of(a)));
    if (is_decisive(v) && is_by_policy) {
        json_str(&j, "rule", str_of(v->rule));
        put_place(&j, "rule_at", &v->rule_at);
        if (v->set != NULL)
            json_str(&j, "set", str_of(v->set));
        if (v->pattern.len > 0) {
            json_str(&j, "pattern", v->pattern);
            put_place(&j, "pattern_at", &v->pattern_at);
        }
    }
    put_tls(&j, a);
    if (has_offer(a) && is_by_policy)
        put_offer(&j, a->offer);
    fwrite(buf, 1, json_end(&j), out);
    fputc('\n', out);
}
