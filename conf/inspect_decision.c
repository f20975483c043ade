/* SPDX-License-Identifier: MIT */
/* inspect_decision.c - what becomes of an allowed CONNECT; see inspect_decision.h. */
#include "conf/inspect_decision.h"

#include <stdio.h>
#include <string.h>

/* Characters of a name in a sentence. */
#define NAME_SHOWN 100

static enum not_tls not_tls_of(const struct inspect_question *q)
{
    int index = q->verdict->rule_index;
    bool is_known = index >= 0 && (size_t)index < q->config->rule_count;
    return is_known ? q->config->rules[index].not_tls : NOT_TLS_UNSET;
}

static enum inspect_outcome refuse(struct inspect_answer *a, enum inspect_outcome outcome)
{
    a->verdict.action = POLICY_DENY;
    a->verdict.tls = POLICY_TLS_NONE;
    a->outcome = outcome;
    return outcome;
}

/* ---- the name in the hello ---- */

static enum inspect_outcome refuse_name(struct inspect_answer *a, struct str name,
                                        const char *why)
{
    int len = (int)(name.len > NAME_SHOWN ? NAME_SHOWN : name.len);
    snprintf(a->details, sizeof(a->details), "the SNI %.*s%s%s", len, name.ptr,
             name.len > 0 ? ": " : "", why);
    a->verdict.tls_reason = NULL;
    return refuse(a, INSPECT_DENY_SNI);
}

/* The verdict on the name is one that a CONNECT to it would have got, by the same client, at
 * the address that is dialled. Whoever would have to say who he is cannot do so any more. */
static bool is_name_allowed(const struct inspect_question *q, const struct host *name,
                            struct policy_verdict *v)
{
    const struct policy *p = q->config->policy;
    struct policy_query query = *q->query;
    query.host = name;
    policy_eval(p, &query, q->scratch, v);
    if (v->action != POLICY_ALLOW)
        return false;
    return q->dialled == NULL || policy_allows_address(p, &query, q->dialled, q->scratch, v);
}

static const char *reason_of(const struct policy_verdict *v)
{
    return v->reason == POLICY_BY_RULE ? "a rule denies it" : policy_reason_text(v->reason);
}

/* The name adds inspection, and takes none away: nobody gets out of it by writing another
 * name into a hello. */
static void add_inspection(const struct policy_verdict *name, struct policy_verdict *v)
{
    if (v->is_exempt || v->tls == POLICY_TLS_INSPECT || name->tls != POLICY_TLS_INSPECT)
        return;
    v->tls = POLICY_TLS_INSPECT;
    v->tls_reason = name->tls_reason;
    v->tls_at = name->tls_at;
}

/* INSPECT_DENY_SNI, or INSPECT_TUNNEL where the name is fine. */
static enum inspect_outcome judge_name(const struct inspect_question *q, struct inspect_answer *a)
{
    struct policy_verdict v;
    struct host host;
    struct str name = hello_name(q->hello);
    if (q->hello->sni == HELLO_SNI_NONE)
        return INSPECT_TUNNEL;
    if (q->hello->sni != HELLO_SNI_NAME || host_parse(&host, name) != NULL) {
        a->verdict = (struct policy_verdict){.reason = POLICY_NO_RULE, .rule_index = -1};
        return refuse_name(a, (struct str){"", 0}, "is no host name");
    }
    if (str_eq(host_str(&host), host_str(q->query->host)))
        return INSPECT_TUNNEL;
    if (!is_name_allowed(q, &host, &v)) {
        a->verdict = v;
        return refuse_name(a, name, reason_of(&v));
    }
    add_inspection(&v, &a->verdict);
    return INSPECT_TUNNEL;
}

/* ---- what is inside ---- */

static bool is_http1(struct str protocol)
{
    return str_eq(protocol, STR_LIT("http/1.1")); /* what our own TLS agrees to */
}

bool inspect_can_speak(const struct hello *hello)
{
    size_t at = 0;
    struct str protocol;
    if (hello->alpn_len == 0 || hello->is_alpn_cut)
        return true;
    while (hello_next_protocol(hello, &at, &protocol))
        if (is_http1(protocol))
            return true;
    return false;
}

/* The protocols of the client are any bytes. */
static void format_alpn(const struct hello *hello, char *out, size_t size)
{
    size_t at = 0, used = (size_t)snprintf(out, size, "alpn: ");
    struct str protocol;
    for (bool is_first = true; hello_next_protocol(hello, &at, &protocol); is_first = false) {
        for (size_t i = 0; !is_first && i < 2 && used + 1 < size; i++)
            out[used++] = ", "[i];
        for (size_t i = 0; i < protocol.len && used + 1 < size; i++) {
            unsigned char c = (unsigned char)protocol.ptr[i];
            out[used++] = c > ' ' && c < 0x7f ? (char)c : '?';
        }
    }
    out[used] = '\0';
}

/* For a tunnel that cannot be inspected, whatever the rules say. reason and details: of
 * one that would have been, or that is refused. */
static enum inspect_outcome settle(const struct inspect_question *q, struct inspect_answer *a,
                                   const char *reason, const char *details)
{
    enum not_tls not_tls = not_tls_of(q);
    bool would_inspect = a->verdict.tls == POLICY_TLS_INSPECT;
    bool is_denied = not_tls == NOT_TLS_DENY || (not_tls == NOT_TLS_UNSET && would_inspect);
    if (would_inspect || is_denied)
        a->verdict.tls_reason = reason;
    a->verdict.tls = POLICY_TLS_TUNNEL;
    if (!is_denied)
        return INSPECT_TUNNEL;
    snprintf(a->details, sizeof(a->details), "%s", details);
    return refuse(a, INSPECT_DENY_NOT_TLS);
}

enum inspect_outcome inspect_decide(const struct inspect_question *q, struct inspect_answer *a)
{
    const struct config *c = q->config;
    *a = (struct inspect_answer){.outcome = INSPECT_TUNNEL, .verdict = *q->verdict};
    if (q->dialled != NULL)
        policy_exempts_address(c->policy, q->dialled, q->scratch, &a->verdict);
    if (q->hello == NULL)
        return a->outcome = settle(q, a, "not_tls",
                                   q->is_origin_first ? "the origin speaks first: this is not TLS"
                                                      : "the client does not speak TLS");
    if (c->inspection.is_enabled && judge_name(q, a) != INSPECT_TUNNEL)
        return a->outcome;
    if (a->verdict.tls != POLICY_TLS_INSPECT)
        return a->outcome;
    if (!inspect_can_speak(q->hello)) {
        char details[sizeof(a->details)];
        format_alpn(q->hello, a->alpn, sizeof(a->alpn));
        snprintf(details, sizeof(details), "the client does not offer HTTP/1 (%s)", a->alpn);
        return a->outcome = settle(q, a, a->alpn, details);
    }
    return a->outcome = INSPECT_DECRYPT;
}
