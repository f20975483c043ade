/* SPDX-License-Identifier: MIT */
/* passage.c - a head from receiving to sending; see passage.h. */
#include "tests/unit/http/passage.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "proxy/http/fidelity.h"
#include "proxy/http/framing.h"
#include "proxy/http/hop.h"
#include "proxy/http/response.h"
#include "proxy/http/rewrite.h"
#include "proxy/http/target.h"

/* The target in origin form (RFC 9112 sections 3.2.1 and 3.2.4), in room. */
static struct str origin_form(const struct request_head *h, struct target *t, char *room,
                              size_t size)
{
    ck_assert_ptr_null(target_parse_absolute(t, h->target));
    if (t->path.len == 0)
        return str_eq(h->method, STR_LIT("OPTIONS")) ? STR_LIT("*") : STR_LIT("/");
    if (t->path.ptr[0] == '/')
        return t->path;
    int len = snprintf(room, size, "/%.*s", STR_ARG(t->path));
    return (struct str){room, (size_t)len};
}

static struct str authority_of(const struct request_head *h, const struct target *t)
{
    return str_range(h->target.ptr + sizeof("http://") - 1, t->path.ptr);
}

static const char *take_request(struct request_head *h, struct passage *p, struct str in)
{
    struct head_scanner s = {0};
    struct framing f;
    const char *fault = NULL;
    p->status = 400;
    if (head_scan(&s, in, PASSAGE_MAX, &fault) != PARSE_OK)
        return fault ? fault : "no end";
    ck_assert_uint_eq(s.len, in.len);
    if (head_parse(h, in, &fault) != PARSE_OK)
        return fault ? fault : "too many fields";
    fault = framing_of_request(h, &f, &p->status);
    return fault ? fault : hop_fault_of_request(h);
}

void passage_request(struct passage *p, struct str in, const struct passage_switches *s)
{
    static struct request_head h;
    struct target t;
    char room[8192];
    p->len = 0;
    p->ledger.count = 0;
    p->fault = take_request(&h, p, in);
    if (p->fault)
        return;
    struct str origin = origin_form(&h, &t, room, sizeof(room));
    struct request_rewrite r = {
        .target = s->is_for_parent ? h.target : origin,
        .host = authority_of(&h, &t),
        .client = STR_LIT(PASSAGE_CLIENT),
        .via = STR_LIT(PASSAGE_VIA),
        .adds_forwarded_for = !s->hides_client,
        .is_upgrade = s->is_upgrade,
        .parent_authorization = s->is_for_parent ? PASSAGE_AUTHORIZATION : NULL,
        .max_forwards = s->max_forwards,
        .closes = s->closes,
    };
    struct header_ledger scratch = {.count = 0};
    p->len = rewrite_request(&h, &r, p->sent, sizeof(p->sent), &p->ledger);
    ck_assert_uint_gt(p->len, 0);
    ck_assert_ptr_null(fidelity_check_request(&h, (struct str){p->sent, p->len}));
    char *tight = malloc(p->len);
    ck_assert_ptr_nonnull(tight);
    ck_assert_uint_eq(rewrite_request(&h, &r, tight, p->len, &scratch), p->len);
    ck_assert_mem_eq(tight, p->sent, p->len);
    ck_assert_uint_eq(rewrite_request(&h, &r, tight, p->len - 1, &scratch), 0);
    free(tight);
}

static enum body_kind body_towards_client(const struct framing *f, const struct passage_switches *s)
{
    if (f->kind == BODY_CHUNKED && s->client_is_10)
        return BODY_UNTIL_CLOSE;
    return f->kind == BODY_UNTIL_CLOSE && s->makes_chunked ? BODY_CHUNKED : f->kind;
}

static const char *take_response(struct response_head *h, struct str in, struct framing *f,
                                 const struct passage_switches *s)
{
    struct head_scanner scanner = {0};
    const char *fault = NULL;
    if (response_scan(&scanner, in, PASSAGE_MAX, &fault) != PARSE_OK)
        return fault ? fault : "no end";
    ck_assert_uint_eq(scanner.len, in.len);
    if (response_parse(h, in, &fault) != PARSE_OK)
        return fault ? fault : "too many fields";
    fault = framing_of_response(h, s->is_reply_to_head, false, f);
    return fault ? fault : hop_fault_of_response(h);
}

void passage_response(struct passage *p, struct str in, const struct passage_switches *s)
{
    static struct response_head h;
    struct framing f;
    p->len = 0;
    p->ledger.count = 0;
    p->status = 502;
    p->fault = take_response(&h, in, &f, s);
    if (p->fault)
        return;
    struct response_rewrite r = {
        .via = STR_LIT(PASSAGE_VIA),
        .is_upgrade = s->is_upgrade,
        .body = body_towards_client(&f, s),
        .closes = s->closes,
        .keeps_alive_10 = s->keeps_alive_10,
        .relays_proxy_auth = s->relays_proxy_auth,
        .date = s->has_no_date ? STR_LIT("") : STR_LIT(PASSAGE_DATE),
        .is_interim = s->is_interim,
    };
    struct header_ledger scratch = {.count = 0};
    p->len = rewrite_response(&h, &r, p->sent, sizeof(p->sent), &p->ledger);
    ck_assert_uint_gt(p->len, 0);
    ck_assert_ptr_null(fidelity_check_response(&h, (struct str){p->sent, p->len}));
    char *tight = malloc(p->len);
    ck_assert_ptr_nonnull(tight);
    ck_assert_uint_eq(rewrite_response(&h, &r, tight, p->len, &scratch), p->len);
    ck_assert_mem_eq(tight, p->sent, p->len);
    ck_assert_uint_eq(rewrite_response(&h, &r, tight, p->len - 1, &scratch), 0);
    free(tight);
}
