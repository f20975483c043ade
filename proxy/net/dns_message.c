/* SPDX-License-Identifier: MIT */
/* dns_message.c - what a resolver's reply says; see dns_message.h. */
#include "proxy/net/dns_message.h"

#include <string.h>

enum {
    TYPE_CNAME = 5,
    TYPE_SOA = 6,
    CLASS_IN = 1,
    HEADER_SIZE = 12,
    NAME_MAX_SIZE = 255, /* RFC 1035 section 2.3.4, with the root label */
    LABEL_MAX_SIZE = 63,
    SOA_NUMBERS_SIZE = 20, /* SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM */
};

enum { RCODE_OK = 0, RCODE_FORMAT_ERROR = 1, RCODE_NO_NAME = 3 };

/* Length-prefixed labels in lower case, the root label included. */
struct wire_name {
    size_t len;
    uint8_t bytes[NAME_MAX_SIZE];
};

struct reader {
    const uint8_t *bytes;
    size_t len, at;
};

struct record {
    struct wire_name owner;
    uint16_t type, class;
    uint32_t ttl_s;
    size_t data_at, data_len; /* within the message */
};

struct sections {
    size_t questions, answers, authorities;
    size_t answers_at;
};

static size_t bytes_left(const struct reader *r)
{
    return r->len - r->at;
}

static uint16_t get_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)get_u16(bytes) << 16 | get_u16(bytes + 2);
}

static int append_label(struct wire_name *name, const uint8_t *label, size_t len)
{
    if (len > LABEL_MAX_SIZE || name->len + 1 + len > NAME_MAX_SIZE)
        return -1;
    name->bytes[name->len++] = (uint8_t)len;
    for (size_t i = 0; i < len; i++)
        name->bytes[name->len++] = (uint8_t)str_lower((char)label[i]);
    return 0;
}

static bool is_same_name(const struct wire_name *a, const struct wire_name *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static int name_from_text(struct wire_name *name, struct str text)
{
    name->len = 0;
    while (text.len > 0) {
        struct str label = str_cut(&text, '.');
        if (label.len == 0 || append_label(name, (const uint8_t *)label.ptr, label.len) != 0)
            return -1;
    }
    return append_label(name, NULL, 0);
}

/* Reads a name at r->at and moves behind it. Each pointer must point before the
 * place where the part it belongs to began, so that no chain of them is endless. */
static int read_name(struct reader *r, struct wire_name *name)
{
    size_t at = r->at, part_at = at;
    bool has_jumped = false;

    name->len = 0;
    for (;;) {
        if (at >= r->len)
            return -1;
        uint8_t size = r->bytes[at];
        if (size >= 0xC0) {
            if (at + 2 > r->len)
                return -1;
            if (!has_jumped)
                r->at = at + 2;
            has_jumped = true;
            at = get_u16(r->bytes + at) & 0x3FFFU;
            if (at >= part_at)
                return -1;
            part_at = at;
            continue;
        }
        if (size > LABEL_MAX_SIZE || at + 1 + size > r->len)
            return -1;
        if (append_label(name, r->bytes + at + 1, size) != 0)
            return -1;
        at += 1U + size;
        if (size == 0)
            break;
    }
    if (!has_jumped)
        r->at = at;
    return 0;
}

static int read_record(struct reader *r, struct record *record)
{
    if (read_name(r, &record->owner) != 0 || bytes_left(r) < 10)
        return -1;
    const uint8_t *fixed = r->bytes + r->at;
    record->type = get_u16(fixed);
    record->class = get_u16(fixed + 2);
    record->ttl_s = get_u32(fixed + 4);
    if (record->ttl_s > INT32_MAX)
        record->ttl_s = 0; /* RFC 2181 section 8 */
    record->data_len = get_u16(fixed + 8);
    record->data_at = r->at + 10;
    if (record->data_len > r->len - record->data_at)
        return -1;
    r->at = record->data_at + record->data_len;
    return 0;
}

static void lower_ttl(struct dns_records *records, uint32_t ttl_s)
{
    if (!records->has_ttl || ttl_s < records->ttl_s)
        records->ttl_s = ttl_s;
    records->has_ttl = true;
}

/* 1: *name is now what it is an alias for. 0: no alias. -1: malformed. */
static int follow_alias(struct reader r, const struct sections *s, struct wire_name *name,
                        struct dns_records *records)
{
    struct record record;

    r.at = s->answers_at;
    for (size_t i = 0; i < s->answers; i++) {
        if (read_record(&r, &record) != 0)
            return -1;
        if (record.type != TYPE_CNAME || record.class != CLASS_IN ||
            !is_same_name(&record.owner, name))
            continue;
        struct reader data = {r.bytes, r.at, record.data_at};
        if (read_name(&data, name) != 0 || data.at != r.at)
            return -1;
        lower_ttl(records, record.ttl_s);
        return 1;
    }
    return 0;
}

static int follow_aliases(struct reader r, const struct sections *s, struct wire_name *name,
                          struct dns_records *records)
{
    for (int i = 0; i <= DNS_MESSAGE_MAX_ALIASES; i++) {
        int followed = follow_alias(r, s, name, records);
        if (followed <= 0)
            return followed;
    }
    return -1;
}

static int add_address(struct dns_records *records, const uint8_t *data, size_t len,
                       enum dns_type type)
{
    struct addr a = {{0}};

    if (len != (type == DNS_TYPE_A ? 4U : 16U))
        return -1;
    if (type == DNS_TYPE_A)
        a.bytes[10] = a.bytes[11] = 0xFF;
    memcpy(a.bytes + sizeof(a.bytes) - len, data, len);
    if (type == DNS_TYPE_AAAA && addr_is_v4(&a))
        return 0;
    if (records->count < DNS_MAX_ADDRESSES)
        records->addrs[records->count++] = a;
    return 0;
}

/* Takes the addresses of name; leaves r behind the answer section. */
static int read_addresses(struct reader *r, const struct sections *s, const struct wire_name *name,
                          enum dns_type type, struct dns_records *records)
{
    struct record record;

    r->at = s->answers_at;
    for (size_t i = 0; i < s->answers; i++) {
        if (read_record(r, &record) != 0)
            return -1;
        if (record.type != type || record.class != CLASS_IN || !is_same_name(&record.owner, name))
            continue;
        if (add_address(records, r->bytes + record.data_at, record.data_len, type) != 0)
            return -1;
        lower_ttl(records, record.ttl_s);
    }
    return 0;
}

/* The lifetime of a negative answer is the lesser of the SOA's own TTL and its
 * MINIMUM field. Where there is no SOA, that of the aliases says nothing. */
static int read_negative_ttl(struct reader *r, const struct sections *s,
                             struct dns_records *records)
{
    struct record record;

    for (size_t i = 0; i < s->authorities; i++) {
        if (read_record(r, &record) != 0)
            return -1;
        if (record.type != TYPE_SOA || record.class != CLASS_IN)
            continue;
        if (record.data_len < SOA_NUMBERS_SIZE + 2) /* two names before the numbers */
            return -1;
        lower_ttl(records, record.ttl_s);
        lower_ttl(records, get_u32(r->bytes + r->at - 4));
        return 0;
    }
    records->has_ttl = false;
    return 0;
}

static int read_header(struct reader *r, struct sections *s, unsigned *rcode)
{
    struct wire_name name;

    if (r->len < HEADER_SIZE)
        return -1;
    bool is_reply = (r->bytes[2] & 0x80) != 0;
    unsigned opcode = (r->bytes[2] >> 3) & 0xFU;
    if (!is_reply || opcode != 0)
        return -1;
    *rcode = r->bytes[3] & 0xFU;
    s->questions = get_u16(r->bytes + 4);
    s->answers = get_u16(r->bytes + 6);
    s->authorities = get_u16(r->bytes + 8);
    r->at = HEADER_SIZE;
    for (size_t i = 0; i < s->questions; i++) {
        if (read_name(r, &name) != 0 || bytes_left(r) < 4)
            return -1;
        r->at += 4;
    }
    s->answers_at = r->at;
    return 0;
}

static int read_reply(struct reader *r, struct wire_name *name, enum dns_type type,
                      struct dns_records *records)
{
    struct sections s;
    unsigned rcode;

    if (read_header(r, &s, &rcode) != 0)
        return -1;
    records->is_format_error = rcode == RCODE_FORMAT_ERROR;
    if (rcode != RCODE_OK && rcode != RCODE_NO_NAME)
        return -1;
    if (follow_aliases(*r, &s, name, records) != 0 ||
        read_addresses(r, &s, name, type, records) != 0)
        return -1;
    if (rcode == RCODE_OK && records->count > 0) {
        records->status = DNS_FOUND;
        return 0;
    }
    records->count = 0;
    records->status = rcode == RCODE_NO_NAME ? DNS_NO_NAME : DNS_NO_DATA;
    return read_negative_ttl(r, &s, records);
}

void dns_message_read(const uint8_t *message, size_t len, struct str name, enum dns_type type,
                      struct dns_records *records)
{
    struct reader r = {message, len, 0};
    struct wire_name asked;

    memset(records, 0, sizeof(*records));
    if (name_from_text(&asked, name) != 0 || read_reply(&r, &asked, type, records) != 0) {
        records->status = DNS_FAILED;
        records->has_ttl = false;
        records->count = 0;
    }
}
