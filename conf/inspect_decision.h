/* SPDX-License-Identifier: MIT */
/*
 * inspect_decision.h - what becomes of an allowed CONNECT once its first bytes are seen:
 * passed on untouched, decrypted, or refused.
 *
 * A pure function of a configuration and a question; live traffic and `explain` both ask it.
 * The order: the exemption by the CONNECT host (it stands in the verdict already) and by the
 * address that is dialled; then the name in the ClientHello, which the rules must allow like
 * a CONNECT host of its own, and which can add inspection but never takes it away; then
 * whether there is anything that can be inspected at all.
 *
 *   struct inspect_answer a; switch (inspect_decide(&question, &a)) ...
 *
 * Invariants: nothing that inspection.never or never_from holds is ever INSPECT_DECRYPT. Where
 * inspection is off nothing is, and no name is judged: not_tls alone counts.
 * Owns nothing: texts in an answer belong to the policy or to the answer itself.
 * Threads: any, with a scratch of its own.
 */
#ifndef CONF_INSPECT_DECISION_H
#define CONF_INSPECT_DECISION_H

#include <stdbool.h>

#include "certs/hello.h"
#include "conf/config.h"

enum inspect_outcome {
    INSPECT_TUNNEL,       /* passed on as it is */
    INSPECT_DECRYPT,
    INSPECT_DENY_SNI,     /* the rules do not allow the name in the hello */
    INSPECT_DENY_NOT_TLS, /* it is not TLS, or TLS around something that is not HTTP/1 */
};

struct inspect_question {
    const struct config *config;
    struct policy_scratch *scratch;       /* of config->policy */
    const struct policy_query *query;     /* the CONNECT's */
    const struct policy_verdict *verdict; /* on it: allowed, addresses judged */
    const struct addr *dialled;           /* NULL: not known, as behind a parent */
    const struct hello *hello;            /* NULL: the client did not begin with TLS */
    bool is_origin_first;                 /* the origin spoke before the client; hello is NULL */
};

struct inspect_answer {
    enum inspect_outcome outcome;
    /* The CONNECT's verdict with the final tls, tls_reason, is_exempt and so on; of
     * INSPECT_DENY_SNI the verdict on the name, with its rule; a refusal has the action
     * POLICY_DENY and tls POLICY_TLS_NONE. tls_reason may also be "not_tls", or "alpn: h2"
     * in `alpn`: who copies an answer sets it again. */
    struct policy_verdict verdict;
    char alpn[64];     /* "alpn: h2, h3": printable */
    char details[160]; /* of a refusal, for people: "the SNI b.example: no rule allows it" */
};

/* Fills *a; returns its outcome. */
enum inspect_outcome inspect_decide(const struct inspect_question *q, struct inspect_answer *a);

/* Whether the hello offers a protocol that can be inspected: HTTP/1 by ALPN, or no ALPN. */
MUST_CHECK bool inspect_can_speak(const struct hello *hello);

#endif
