/* SPDX-License-Identifier: MIT */
/* explain_inspect.c - what becomes of an allowed CONNECT; see explain_inspect.h. */
#include "cli/explain_inspect.h"

#include <string.h>

#include "certs/constraint.h"
#include "conf/inspect_decision.h"

#define TLS_1_2 0x0303

/* As the parser of hellos would hand it over. */
static void make_hello(struct hello *hello, const char *sni)
{
    struct host host;
    memset(hello, 0, sizeof(*hello));
    hello->version = TLS_1_2;
    if (sni == NULL)
        return;
    hello->sni = HELLO_SNI_ODD;
    if (host_parse(&host, str_of(sni)) != NULL || strchr(host.name, ':') != NULL)
        return;
    hello->sni = HELLO_SNI_NAME;
    hello->name_len = (uint8_t)host.len;
    memcpy(hello->name, host.name, host.len);
}

/* What the rules say of the request, where they do not allow it. Inside a tunnel nobody can
 * be asked who he is. */
static void judge_inside(struct explain_answer *a, const struct policy_query *connect,
                         struct policy_scratch *scratch)
{
    const struct policy *p = a->config->policy;
    struct policy_verdict v;
    struct policy_query q = *connect;
    q.scheme = POLICY_HTTPS;
    q.method = STR_LIT("GET");
    q.path = a->target->inside;
    policy_eval(p, &q, scratch, &v);
    bool is_allowed = v.action == POLICY_ALLOW;
    if (is_allowed && a->is_guarded && !q.host->is_address)
        is_allowed = policy_allows_address(p, &q, &a->dialled, scratch, &v);
    if (is_allowed)
        return;
    v.action = POLICY_DENY;
    v.tls = a->verdict.tls;
    v.tls_reason = a->verdict.tls_reason;
    v.tls_at = a->verdict.tls_at;
    a->verdict = v;
    a->is_allowed = false;
    a->stage = EXPLAIN_INSIDE;
}

/* As live traffic chooses the name of a leaf. */
static bool is_beyond_ca(const struct explain_answer *a, const struct host *host,
                         const struct hello *hello)
{
    NAME_CONSTRAINTS *constraints = a->config->inspection.ca_constraints;
    struct str name = host_str(host);
    if (host->is_address && hello->sni == HELLO_SNI_NAME)
        name = hello_name(hello);
    return constraints != NULL && !constraint_allows_host(constraints, name);
}

void explain_inspect(struct explain_answer *a, const struct policy_query *q, const char *sni,
                     struct policy_scratch *scratch)
{
    struct hello hello;
    struct inspect_answer answer;
    struct inspect_question question = {
        .config = a->config,
        .scratch = scratch,
        .query = q,
        .verdict = &a->verdict,
        .dialled = a->is_guarded ? &a->dialled : NULL,
        .hello = &hello,
    };
    make_hello(&hello, sni);
    enum inspect_outcome outcome = inspect_decide(&question, &answer);
    a->verdict = answer.verdict;
    if (outcome == INSPECT_DENY_SNI) {
        a->is_allowed = false;
        a->stage = EXPLAIN_SNI;
        memcpy(a->details, answer.details, sizeof(a->details));
    } else if (outcome == INSPECT_DECRYPT) {
        a->is_beyond_ca = is_beyond_ca(a, q->host, &hello);
        if (a->target->inside.len > 0)
            judge_inside(a, q, scratch);
    }
}
