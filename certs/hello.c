/* SPDX-License-Identifier: MIT */
/* hello.c - reads a TLS ClientHello from the first bytes of a client; see hello.h. */
#include "certs/hello.h"

#include <string.h>

#define RECORD_HEADER 5U
#define RECORD_MAX 16384U /* 2^14 */
#define MESSAGE_HEADER 4U
#define HANDSHAKE 22      /* the content type */
#define CLIENT_HELLO 1    /* the message */
#define MAJOR 3           /* of every version from SSL 3.0 to TLS 1.3 */
#define TLS_1_2 0x0303
#define RANDOM_BYTES 32
#define SESSION_ID_MAX 32

enum extension {
    EXT_SERVER_NAME = 0,
    EXT_ALPN = 16,
    EXT_PRE_SHARED_KEY = 41,
    EXT_SUPPORTED_VERSIONS = 43,
    EXT_ENCRYPTED_CLIENT_HELLO = 0xfe0d,
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- records: are all pieces of the message there? ---- */

/* The header of a record, as much of it as is there. */
static enum parse check_record(const unsigned char *p, size_t len, size_t at)
{
    if ((len > 0 && p[0] != HANDSHAKE) || (len > 1 && p[1] != MAJOR))
        return PARSE_BAD;
    if (len < RECORD_HEADER)
        return PARSE_MORE;
    size_t size = (size_t)p[3] << 8 | p[4];
    if (size == 0 || size > RECORD_MAX)
        return PARSE_BAD;
    return at + RECORD_HEADER + size > HELLO_MAX ? PARSE_TOO_LARGE : PARSE_OK;
}

/* The header of the message, as much of it as is there: it may lie in four records. */
static enum parse check_message(struct hello_scanner *s, const unsigned char *p, size_t len)
{
    for (size_t i = s->gathered; i < MESSAGE_HEADER && i - s->gathered < len; i++)
        s->header[i] = p[i - s->gathered];
    if (s->gathered + len > 0 && s->header[0] != CLIENT_HELLO)
        return PARSE_BAD;
    if (s->gathered + len < MESSAGE_HEADER)
        return PARSE_MORE;
    s->wanted = MESSAGE_HEADER + ((size_t)s->header[1] << 16 | (size_t)s->header[2] << 8 |
                                  s->header[3]);
    return s->wanted > HELLO_MAX ? PARSE_TOO_LARGE : PARSE_OK;
}

/* PARSE_OK: the message is whole, and ends where the record at *end does. */
static enum parse scan(struct hello_scanner *s, struct str bytes, size_t *end)
{
    const unsigned char *first = (const unsigned char *)bytes.ptr;
    for (;;) {
        if (s->record_at + RECORD_HEADER >= HELLO_MAX)
            return PARSE_TOO_LARGE;
        size_t there = bytes.len - s->record_at;
        const unsigned char *p = first + s->record_at;
        enum parse rc = check_record(p, there, s->record_at);
        if (rc != PARSE_OK)
            return rc;
        size_t size = (size_t)p[3] << 8 | p[4];
        there = min_size(there - RECORD_HEADER, size);
        rc = s->wanted == 0 ? check_message(s, p + RECORD_HEADER, there) : PARSE_OK;
        if (rc == PARSE_BAD || rc == PARSE_TOO_LARGE)
            return rc;
        /* Nothing may follow the hello before the origin's answer. */
        if (s->wanted != 0 && s->gathered + size > s->wanted)
            return PARSE_BAD;
        if (there < size)
            return PARSE_MORE;
        s->gathered += size;
        s->record_at += RECORD_HEADER + size;
        *end = s->record_at;
        if (s->gathered == s->wanted)
            return PARSE_OK;
    }
}

/* ---- the message: read through its records as if it were in one ---- */

struct cursor {
    const unsigned char *at;
    size_t in_record; /* bytes of the record that are left */
    size_t left;      /* of the block that is being read; 0 after a fault */
    bool is_bad;
};

static void fail(struct cursor *c)
{
    c->is_bad = true;
    c->left = 0;
}

/* Copies len bytes to out, or skips them where that is NULL. A block that is too short
 * is a fault; records are never too short, for all of them were looked at before. */
static void take(struct cursor *c, void *out, size_t len)
{
    unsigned char *to = out;
    if (len > c->left) {
        fail(c);
        return;
    }
    c->left -= len;
    while (len != 0) {
        if (c->in_record == 0) {
            c->in_record = (size_t)c->at[3] << 8 | c->at[4];
            c->at += RECORD_HEADER;
        }
        size_t some = min_size(len, c->in_record);
        if (to != NULL) {
            memcpy(to, c->at, some);
            to += some;
        }
        c->at += some;
        c->in_record -= some;
        len -= some;
    }
}

/* A number of width bytes; 0 after a fault. */
static size_t take_number(struct cursor *c, unsigned width)
{
    unsigned char bytes[2] = {0, 0};
    take(c, bytes + 2 - width, width);
    return c->is_bad ? 0 : (size_t)bytes[0] << 8 | bytes[1];
}

/* Goes into a block behind a length of width bytes; returns what is left behind it, for
 * leave(). It has least to most bytes. */
static size_t enter(struct cursor *c, unsigned width, size_t least, size_t most)
{
    size_t len = take_number(c, width);
    if (c->is_bad || len > c->left || len < least || len > most) {
        fail(c);
        return 0;
    }
    size_t behind = c->left - len;
    c->left = len;
    return behind;
}

/* The block must have been read to its end. */
static void leave(struct cursor *c, size_t behind)
{
    if (c->left != 0)
        fail(c);
    c->left = c->is_bad ? 0 : behind;
}

/* Letters, digits, '-' and '_' in labels of 1 to 63; turns it into lower case. */
static bool fold_name(char *name, size_t len)
{
    size_t label = 0;
    for (size_t i = 0; i < len; i++) {
        char c = name[i] = str_lower(name[i]);
        bool is_fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (is_fine ? ++label > 63 : c != '.' || label == 0)
            return false;
        if (c == '.')
            label = 0;
    }
    return label != 0;
}

/* RFC 6066 section 3: a list, but of one name for each type, and there is one type. */
static void read_server_name(struct cursor *c, struct hello *h)
{
    char name[HELLO_NAME_MAX + 1]; /* and a dot at the end */
    size_t behind_list = enter(c, 2, 4, UINT16_MAX);
    if (take_number(c, 1) != 0) /* host_name */
        fail(c);
    size_t behind = enter(c, 2, 1, UINT16_MAX);
    size_t len = c->left;
    h->sni = HELLO_SNI_ODD;
    if (len > sizeof(name)) {
        take(c, NULL, len);
    } else if (len != 0) {
        take(c, name, len);
        len -= len > 1 && name[len - 1] == '.';
        if (len <= HELLO_NAME_MAX && fold_name(name, len)) {
            memcpy(h->name, name, len);
            h->name_len = (uint8_t)len;
            h->sni = HELLO_SNI_NAME;
        }
    }
    leave(c, behind);
    leave(c, behind_list);
}

/* RFC 7301 section 3.1. */
static void read_alpn(struct cursor *c, struct hello *h)
{
    size_t behind_list = enter(c, 2, 2, UINT16_MAX);
    while (c->left != 0) {
        size_t behind = enter(c, 1, 1, UINT8_MAX);
        size_t len = c->left;
        if (h->alpn_len + 1 + len > HELLO_ALPN_BYTES)
            h->is_alpn_cut = true;
        if (h->is_alpn_cut) {
            take(c, NULL, len);
        } else if (len != 0) {
            h->alpn[h->alpn_len++] = (char)len;
            take(c, h->alpn + h->alpn_len, len);
            h->alpn_len = (uint16_t)(h->alpn_len + len);
        }
        leave(c, behind);
    }
    leave(c, behind_list);
}

/* RFC 8446 section 4.2.1: it alone counts. Values that only keep peers used to unknown
 * ones (RFC 8701) have another major number. */
static void read_versions(struct cursor *c, struct hello *h)
{
    size_t behind = enter(c, 1, 2, 254);
    h->version = 0;
    while (c->left != 0) {
        size_t version = take_number(c, 2);
        if (version >> 8 == MAJOR && version > h->version)
            h->version = (uint16_t)version;
    }
    leave(c, behind);
}

static void read_extension(struct cursor *c, size_t type, struct hello *h)
{
    size_t behind = enter(c, 2, 0, UINT16_MAX);
    switch (type) {
    case EXT_SERVER_NAME:
        read_server_name(c, h);
        break;
    case EXT_ALPN:
        read_alpn(c, h);
        break;
    case EXT_SUPPORTED_VERSIONS:
        read_versions(c, h);
        break;
    default:
        take(c, NULL, c->left);
    }
    if (type == EXT_ENCRYPTED_CLIENT_HELLO)
        h->has_ech = true;
    leave(c, behind);
    /* RFC 8446 section 4.2.11: that one is the last. */
    if (type == EXT_PRE_SHARED_KEY && c->left != 0)
        fail(c);
}

static void read_extensions(struct cursor *c, struct hello *h)
{
    uint8_t seen[65536 / 8];
    size_t behind = enter(c, 2, 0, UINT16_MAX);
    if (c->left != 0)
        memset(seen, 0, sizeof(seen));
    while (c->left != 0 && !c->is_bad) {
        size_t type = take_number(c, 2);
        uint8_t bit = (uint8_t)(1U << (type & 7));
        if (seen[type >> 3] & bit)
            fail(c);
        seen[type >> 3] |= bit;
        read_extension(c, type, h);
    }
    leave(c, behind);
}

/* RFC 5246 section 7.4.1.2: "null" is always among them. */
static void read_compression(struct cursor *c)
{
    uint8_t methods[UINT8_MAX];
    size_t behind = enter(c, 1, 1, UINT8_MAX), len = c->left;
    take(c, methods, len);
    if (!c->is_bad && memchr(methods, 0, len) == NULL)
        fail(c);
    leave(c, behind);
}

/* Two bytes each, and at least one of them. */
static void read_suites(struct cursor *c)
{
    size_t behind = enter(c, 2, 2, UINT16_MAX);
    if (c->left & 1)
        fail(c);
    take(c, NULL, c->left);
    leave(c, behind);
}

static void skip_session_id(struct cursor *c)
{
    size_t behind = enter(c, 1, 0, SESSION_ID_MAX);
    take(c, NULL, c->left);
    leave(c, behind);
}

/* The message without its header, RFC 8446 section 4.1.2. */
static void read_message(struct cursor *c, struct hello *h)
{
    size_t version = take_number(c, 2);
    if (version >> 8 != MAJOR)
        fail(c);
    /* Without the extension nothing above TLS 1.2 is meant. */
    h->version = (uint16_t)min_size(version, TLS_1_2);
    take(c, NULL, RANDOM_BYTES);
    skip_session_id(c);
    read_suites(c);
    read_compression(c);
    if (c->left != 0)
        read_extensions(c, h);
    if (c->left != 0)
        fail(c);
}

enum parse hello_read(struct hello_scanner *s, struct str bytes, struct hello *hello)
{
    size_t end = 0;
    enum parse rc = bytes.len == 0 ? PARSE_MORE : scan(s, bytes, &end);
    if (rc != PARSE_OK)
        return rc;
    struct cursor c = {.at = (const unsigned char *)bytes.ptr, .left = s->wanted};
    hello->len = end;
    hello->sni = HELLO_SNI_NONE;
    hello->has_ech = hello->is_alpn_cut = false;
    hello->name_len = 0;
    hello->alpn_len = 0;
    take(&c, NULL, MESSAGE_HEADER);
    read_message(&c, hello);
    return c.is_bad ? PARSE_BAD : PARSE_OK;
}

bool hello_next_protocol(const struct hello *h, size_t *at, struct str *protocol)
{
    if (*at >= h->alpn_len)
        return false;
    protocol->len = (uint8_t)h->alpn[*at];
    protocol->ptr = h->alpn + *at + 1;
    *at += 1 + protocol->len;
    return true;
}
