/* SPDX-License-Identifier: MIT */
/* hop.c - what a head says about its connection; see hop.h. */
#include "proxy/http/hop.h"

#include <stdint.h>
#include <string.h>

struct known {
    const char *name;
    uint8_t len, field;
};

#define KNOWN(lit, field)                                                                          \
    {                                                                                              \
        lit, sizeof(lit) - 1, field                                                                \
    }

/* By length, shortest first. */
static const struct known KNOWN_FIELDS[] = {
    KNOWN("te", HEADER_TE),
    KNOWN("via", HEADER_VIA),
    KNOWN("host", HEADER_HOST),
    KNOWN("date", HEADER_DATE),
    KNOWN("upgrade", HEADER_UPGRADE),
    KNOWN("trailer", HEADER_TRAILER),
    KNOWN("connection", HEADER_CONNECTION),
    KNOWN("keep-alive", HEADER_KEEP_ALIVE),
    KNOWN("max-forwards", HEADER_MAX_FORWARDS),
    KNOWN("content-length", HEADER_CONTENT_LENGTH),
    KNOWN("http2-settings", HEADER_HTTP2_SETTINGS),
    KNOWN("x-forwarded-for", HEADER_X_FORWARDED_FOR),
    KNOWN("proxy-connection", HEADER_PROXY_CONNECTION),
    KNOWN("transfer-encoding", HEADER_TRANSFER_ENCODING),
    KNOWN("proxy-authenticate", HEADER_PROXY_AUTHENTICATE),
    KNOWN("proxy-authorization", HEADER_PROXY_AUTHORIZATION),
    KNOWN("proxy-authentication-info", HEADER_PROXY_AUTHENTICATION_INFO),
};

#define LONGEST_NAME 25

/* The first row of each length, or of the next longer one. */
static const uint8_t FIRST_ROW[LONGEST_NAME + 2] = {
    0,  0, 0,  1,  2,  4,  4,  4,  6,  6,  6,  8,  8,  /* 0 to 12 */
    9,  9, 11, 12, 13, 14, 15, 16, 16, 16, 16, 16, 16, /* 13 to 25 */
    17,
};

#define LOWER_BITS UINT64_C(0x2020202020202020)

/* Whether text is known but for case, len bytes both; known is lower-case letters,
 * digits and '-'. Setting the bit that makes a letter lower-case makes no other byte
 * that a head can have equal to one of these: what does are control bytes. */
static bool is_known(const char *text, const char *known, size_t len)
{
    uint64_t a, b;
    size_t at = 0;
    for (; len - at >= sizeof(a); at += sizeof(a)) {
        memcpy(&a, text + at, sizeof(a));
        memcpy(&b, known + at, sizeof(b));
        if ((a | LOWER_BITS) != b)
            return false;
    }
    for (; at < len; at++)
        if ((text[at] | 0x20) != known[at])
            return false;
    return true;
}

enum header_field hop_field(struct str name)
{
    if (name.len > LONGEST_NAME)
        return HEADER_OTHER;
    for (unsigned i = FIRST_ROW[name.len]; i < FIRST_ROW[name.len + 1]; i++) {
        const struct known *k = &KNOWN_FIELDS[i];
        if (is_known(name.ptr, k->name, k->len))
            return (enum header_field)k->field;
    }
    return HEADER_OTHER;
}

bool hop_is_fixed(enum header_field field)
{
    static const unsigned FIXED =
        1u << HEADER_CONNECTION | 1u << HEADER_HTTP2_SETTINGS | 1u << HEADER_KEEP_ALIVE |
        1u << HEADER_PROXY_AUTHENTICATE | 1u << HEADER_PROXY_AUTHENTICATION_INFO |
        1u << HEADER_PROXY_AUTHORIZATION | 1u << HEADER_PROXY_CONNECTION | 1u << HEADER_TE |
        1u << HEADER_TRANSFER_ENCODING | 1u << HEADER_UPGRADE;
    return (FIXED >> field & 1) != 0;
}

enum header_reason hop_reason(enum header_field field)
{
    switch (field) {
    case HEADER_PROXY_AUTHENTICATE:
    case HEADER_PROXY_AUTHENTICATION_INFO:
    case HEADER_PROXY_AUTHORIZATION:
        return HEADER_FOR_THE_PROXY;
    case HEADER_TRANSFER_ENCODING:
        return HEADER_FRAMING;
    default:
        return HEADER_HOP_BY_HOP;
    }
}

/* Goes through the members of all fields of one name, given in lower case; empty ones
 * are none (RFC 9110 section 5.6.1.2). */
struct members {
    const struct head_field *next, *end;
    struct str name, rest;
};

static struct members start_members(const struct head_field *fields, size_t count, struct str name)
{
    return (struct members){fields, fields + count, name, {NULL, 0}};
}

static bool take_member(struct members *m, struct str *member)
{
    for (;;) {
        while (m->rest.ptr) {
            *member = str_trim(str_cut(&m->rest, ','));
            if (member->len > 0)
                return true;
        }
        while (m->next < m->end && (m->next->name.len != m->name.len ||
                                    !is_known(m->next->name.ptr, m->name.ptr, m->name.len)))
            m->next++;
        if (m->next == m->end)
            return false;
        m->rest = m->next->value;
        m->next++;
    }
}

static bool has_member(const struct head_field *fields, size_t count, struct str name,
                       struct str wanted)
{
    struct str member;
    struct members m = start_members(fields, count, name);
    while (take_member(&m, &member))
        if (str_ieq(member, wanted))
            return true;
    return false;
}

int hop_collect(struct hop_names *n, const struct head_field *fields, size_t count)
{
    struct str member;
    struct members m = start_members(fields, count, STR_LIT("connection"));
    n->count = 0;
    while (take_member(&m, &member)) {
        if (hop_is_fixed(hop_field(member)) || hop_is_named(n, member))
            continue;
        if (n->count == HOP_MAX_NAMES)
            return -1;
        n->names[n->count++] = member;
    }
    return 0;
}

bool hop_is_named(const struct hop_names *n, struct str name)
{
    for (size_t i = 0; i < n->count; i++)
        if (n->names[i].len == name.len && str_ieq(n->names[i], name))
            return true;
    return false;
}

static const char *find_fault(const struct head_field *fields, size_t count, bool is_request)
{
    struct hop_names names;
    struct str member;
    struct members m = start_members(fields, count, STR_LIT("connection"));
    while (take_member(&m, &member)) {
        enum header_field field = hop_field(member);
        if (field == HEADER_CONTENT_LENGTH)
            return "a Connection field that names Content-Length";
        if (is_request && field == HEADER_HOST)
            return "a Connection field that names Host";
        if (is_request && field == HEADER_TRANSFER_ENCODING)
            return "a Connection field that names Transfer-Encoding";
    }
    return hop_collect(&names, fields, count) == 0 ? NULL : "too many names in Connection fields";
}

const char *hop_fault_of_request(const struct request_head *h)
{
    return find_fault(h->fields, h->field_count, true);
}

const char *hop_fault_of_response(const struct response_head *h)
{
    return find_fault(h->fields, h->field_count, false);
}

bool hop_wants_close(const struct head_field *fields, size_t count, unsigned minor)
{
    static const struct str CLOSE = {"close", 5};
    if (has_member(fields, count, STR_LIT("connection"), CLOSE) ||
        has_member(fields, count, STR_LIT("proxy-connection"), CLOSE))
        return true;
    return minor == 0 && !has_member(fields, count, STR_LIT("connection"), STR_LIT("keep-alive"));
}

bool hop_keeps_proxy_connection(const struct request_head *h)
{
    return h->minor == 0 && has_member(h->fields, h->field_count, STR_LIT("proxy-connection"),
                                       STR_LIT("keep-alive"));
}

/* One Upgrade field with websocket alone, and Connection tells of it (RFC 9110
 * section 7.8). */
static bool upgrades_to_websocket(const struct head_field *fields, size_t count)
{
    const struct head_field *upgrade = NULL;
    for (size_t i = 0; i < count; i++) {
        if (hop_field(fields[i].name) != HEADER_UPGRADE)
            continue;
        if (upgrade)
            return false;
        upgrade = &fields[i];
    }
    return upgrade && str_ieq(upgrade->value, STR_LIT("websocket")) &&
           has_member(fields, count, STR_LIT("connection"), STR_LIT("upgrade"));
}

bool hop_wants_websocket(const struct request_head *h)
{
    if (h->minor == 0 || !str_eq(h->method, STR_LIT("GET")) ||
        !upgrades_to_websocket(h->fields, h->field_count))
        return false;
    const struct head_field *length = head_find(h, STR_LIT("content-length"));
    return !head_find(h, STR_LIT("transfer-encoding")) &&
           (!length || str_eq(length->value, STR_LIT("0")));
}

bool hop_gives_websocket(const struct response_head *h)
{
    return h->status == 101 && h->minor > 0 && upgrades_to_websocket(h->fields, h->field_count);
}

/* Cuts the part in front of the first comma that is in no comment off *rest. */
static struct str cut_outside_comments(struct str *rest)
{
    size_t depth = 0, at = 0;
    for (; at < rest->len && (depth > 0 || rest->ptr[at] != ','); at++) {
        char c = rest->ptr[at];
        if (c == '(')
            depth++;
        else if (c == ')' && depth > 0)
            depth--;
        else if (c == '\\' && depth > 0 && at + 1 < rest->len)
            at++; /* quoted-pair, RFC 9110 section 5.6.4 */
    }
    struct str part = {rest->ptr, at};
    *rest = at < rest->len ? (struct str){rest->ptr + at + 1, rest->len - at - 1}
                           : (struct str){NULL, 0};
    return part;
}

/* received-protocol RWS received-by [ RWS comment ] */
static struct str received_by(struct str entry)
{
    size_t at = 0;
    entry = str_trim(entry);
    while (at < entry.len && entry.ptr[at] != ' ' && entry.ptr[at] != '\t')
        at++;
    entry = str_trim((struct str){entry.ptr + at, entry.len - at});
    for (at = 0; at < entry.len; at++)
        if (entry.ptr[at] == ' ' || entry.ptr[at] == '\t' || entry.ptr[at] == '(')
            break;
    return (struct str){entry.ptr, at};
}

bool hop_has_via(const struct request_head *h, struct str pseudonym)
{
    for (size_t i = 0; i < h->field_count; i++) {
        if (hop_field(h->fields[i].name) != HEADER_VIA)
            continue;
        struct str rest = h->fields[i].value;
        while (rest.len > 0)
            if (str_ieq(received_by(cut_outside_comments(&rest)), pseudonym))
                return true;
    }
    return false;
}

/* Commas in quoted strings are taken for separators as well: that can only find too
 * much, and a connection that is not shared does no harm. */
bool hop_has_connection_auth(const struct head_field *fields, size_t count)
{
    static const struct str NAMES[] = {{"authorization", 13}, {"www-authenticate", 16}};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        struct str member;
        struct members m = start_members(fields, count, NAMES[i]);
        while (take_member(&m, &member)) {
            size_t end = 0;
            while (end < member.len && member.ptr[end] != ' ' && member.ptr[end] != '\t')
                end++;
            struct str scheme = {member.ptr, end};
            if (str_ieq(scheme, STR_LIT("ntlm")) || str_ieq(scheme, STR_LIT("negotiate")))
                return true;
        }
    }
    return false;
}

bool hop_expects_continue(const struct request_head *h)
{
    return h->minor > 0 &&
           has_member(h->fields, h->field_count, STR_LIT("expect"), STR_LIT("100-continue"));
}
