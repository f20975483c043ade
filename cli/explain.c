/* SPDX-License-Identifier: MIT */
/* explain.c - the command 'explain': what would happen, and why; see explain.h. */
#include "cli/explain.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "cli/cli.h"
#include "cli/explain_inspect.h"
#include "cli/explain_print.h"
#include "cli/explain_target.h"
#include "conf/offers.h"
#include "conf/suggest.h"
#include "util/mem.h"

struct options {
    const char *path;
    const char *from; /* NULL: not given */
    const char *product;
    const char *user;
    const char *sni;
    bool is_json;
    struct addr client; /* from, or 127.0.0.1 */
    bool has_client;
};

static const char help[] =
    "usage: sallyport explain [-c FILE] [--from ADDR] [--user NAME] [--product NAME]\n"
    "                         [--sni NAME] [--json] TARGET...\n\n"
    "Shows what would happen to a request, and which line of the configuration\n"
    "decides it. The code that decides live traffic answers; nothing is contacted.\n\n"
    "TARGET is a URL (http://HOST/PATH is asked for as a plain request, https://HOST\n"
    "as a CONNECT) or HOST[:PORT] (a CONNECT, port 443). Where the tunnel would be\n"
    "inspected, the path of an https URL is judged as the request inside.\n\n"
    "  -c, --config FILE  the configuration (" CONFIG_DEFAULT_PATH ")\n"
    "  --from ADDR        the client's address (127.0.0.1)\n"
    "  --user NAME        who the client is, with the groups of the groups file\n"
    "  --product NAME     what the client is, by its key in webex.products\n"
    "  --sni NAME         the name that the client writes into its TLS hello (none)\n"
    "  --json             one object a line\n\n"
    "Exit status: 0 all allowed, or allowed once it is known who asks; 1 at least one denied;\n"
    "2 wrong usage or configuration.\n";

/* Asks the guard for one address, and the rules that speak of addresses. */
static void judge_address(struct explain_answer *a, const struct policy_query *q,
                          const struct addr *dialled, struct policy_scratch *scratch)
{
    struct endpoint to = {*dialled, q->port};
    struct policy_verdict verdict = a->verdict; /* of the rule that allowed */

    a->is_guarded = true;
    a->dialled = *dialled;
    a->guard = guard_judge(a->config->guard, &to, &a->guard_class);
    a->is_allowed = a->guard == GUARD_OK;
    if (!a->is_allowed || q->host->is_address)
        return;
    if (!policy_allows_address(a->config->policy, q, dialled, scratch, &verdict)) {
        a->verdict = verdict;
        a->is_guarded = false;
        a->is_allowed = false;
    }
}

/* Addresses that are known without asking a resolver; the first that may be
 * dialled decides, as it would be dialled. */
static void judge_addresses(struct explain_answer *a, const struct policy_query *q,
                            struct policy_scratch *scratch)
{
    size_t count = 1;
    const struct addr *addrs = &q->host->addr;
    struct policy_verdict verdict = a->verdict;

    if (!q->host->is_address)
        addrs = hosts_find(a->config->dns.hosts, host_str(q->host), &count);
    for (size_t i = 0; i < count; i++) {
        a->verdict = verdict;
        judge_address(a, q, &addrs[i], scratch);
        if (a->is_allowed)
            return;
    }
}

/* Everything that stays the same from target to target. */
struct asker {
    const struct config *config;
    const struct options *options;
    struct policy_scratch *scratch;
    struct str groups[GROUPS_MAX];
    size_t group_count;
};

static void answer(const struct asker *asker, const struct explain_target *t,
                   struct explain_answer *a)
{
    const struct config *c = asker->config;
    const struct options *o = asker->options;
    bool is_connect = t->scheme == POLICY_CONNECT;
    struct policy_query q = {
        .host = &t->host,
        .port = t->port,
        .scheme = t->scheme,
        .method = is_connect ? STR_LIT("CONNECT") : STR_LIT("GET"),
        .path = t->path,
        .client = o->has_client ? &o->client : NULL,
        .product = str_of(o->product),
        .user = str_of(o->user),
        .groups = asker->groups,
        .group_count = asker->group_count,
    };
    *a = (struct explain_answer){
        .config = c,
        .target = t,
        .client = q.client,
        .product = o->product,
        .user = o->user,
        .sni = is_connect ? o->sni : NULL,
        .groups = asker->groups,
        .group_count = asker->group_count,
        .offer = offers_find(c, q.client, q.product, asker->scratch),
    };
    policy_eval(c->policy, &q, asker->scratch, &a->verdict);
    a->is_allowed = a->verdict.action == POLICY_ALLOW;
    if (a->is_allowed)
        judge_addresses(a, &q, asker->scratch);
    if (a->is_allowed && is_connect)
        explain_inspect(a, &q, o->sni, asker->scratch);
}

static int explain_targets(const struct config *c, const struct options *o, char **texts,
                           size_t count)
{
    int status = CLI_DONE;
    struct asker asker = {c, o, policy_scratch_new(c->policy), {{NULL, 0}}, 0};

    if (o->user != NULL && c->auth != NULL)
        asker.group_count = groups_of(c->auth->groups, str_of(o->user), asker.groups, GROUPS_MAX);
    if (asker.scratch == NULL) {
        fputs("sallyport: out of memory\n", stderr);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < count; i++) {
        struct explain_target t;
        struct explain_answer a;
        struct err e;
        if (explain_target_parse(&t, texts[i], &e) != 0) {
            fflush(stdout);
            fprintf(stderr, "sallyport: %s\n", e.text);
            status = CLI_USAGE;
            continue;
        }
        answer(&asker, &t, &a);
        if (o->is_json) {
            explain_print_json(&a, stdout);
        } else {
            if (i > 0)
                putchar('\n');
            explain_print(&a, stdout);
        }
        if (!a.is_allowed && a.verdict.action != POLICY_AUTHENTICATE && status == CLI_DONE)
            status = CLI_NO;
    }
    policy_scratch_free(asker.scratch);
    return status;
}

static void warn_of_product(const struct config *c, const char *product)
{
    struct suggest s = suggest_begin(product);
    for (size_t i = 0; i < c->product_count; i++) {
        if (strcmp(c->products[i].key, product) == 0)
            return;
        suggest_offer(&s, c->products[i].key);
    }
    fprintf(stderr, "sallyport: warning: '%s' is not in webex.products", product);
    if (s.best != NULL)
        fprintf(stderr, ", did you mean '%s'?", s.best);
    fputc('\n', stderr);
}

static int explain_with(const struct options *o, char **texts, size_t count)
{
    struct errlist faults;
    bool is_unreadable;
    int status = CLI_USAGE;

    errlist_init(&faults);
    struct config *c = cli_load(o->path, &faults, &is_unreadable);
    if (c == NULL) {
        cli_print_faults(&faults);
    } else {
        if (o->product != NULL)
            warn_of_product(c, o->product);
        status = explain_targets(c, o, texts, count);
    }
    config_unref(c);
    errlist_fini(&faults);
    return status;
}

static int reject(const char *format, const char *word)
{
    fputs("sallyport: explain: ", stderr);
    fprintf(stderr, format, word);
    fputc('\n', stderr);
    return CLI_USAGE;
}

static int set_client(struct options *o)
{
    const char *from = o->from;
    if (from == NULL && o->product != NULL)
        return 0;
    o->has_client = true;
    if (addr_parse(&o->client, str_of(from ? from : "127.0.0.1")) == 0)
        return 0;
    reject("--from: '%s' is not an address", from);
    return -1;
}

/* -1 to go on, else the exit status. */
static int read_options(struct options *o, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"from", required_argument, NULL, 'f'},
        {"product", required_argument, NULL, 'p'}, {"json", no_argument, NULL, 'j'},
        {"user", required_argument, NULL, 'u'},    {"sni", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            o->path = optarg;
            break;
        case 'f':
            o->from = optarg;
            break;
        case 'p':
            o->product = optarg;
            break;
        case 'j':
            o->is_json = true;
            break;
        case 'u':
            o->user = optarg;
            break;
        case 's':
            o->sni = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return CLI_DONE;
        default:
            return CLI_USAGE; /* getopt_long has said why */
        }
    }
    return -1;
}

int explain_command(int argc, char **argv)
{
    struct options o = {.path = CONFIG_DEFAULT_PATH};
    int status = read_options(&o, argc, argv);

    if (status >= 0)
        return status;
    if (optind >= argc)
        return reject("there is no %s to explain; see --help", "URL or host");
    if (set_client(&o) != 0)
        return CLI_USAGE;
    return explain_with(&o, argv + optind, (size_t)(argc - optind));
}
