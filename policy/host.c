/* SPDX-License-Identifier: MIT */
/* host.c - the one spelling of a host that everything else compares; see host.h. */
#include "policy/host.h"

#include <idn2.h>
#include <string.h>

#define LABEL_MAX 63
/* A U-label of 63 code points has at most four times as many bytes; more than
 * this never becomes 253 characters. */
#define UNICODE_MAX 1024

static const char NOT_A_NAME_CHAR[] = "has a character that no host name has";
static const char TOO_LONG[] = "is longer than 253 characters";

static const char *set_address(struct host *h, const struct addr *a)
{
    h->is_address = true;
    h->addr = *a;
    addr_format(a, h->name);
    h->len = strlen(h->name);
    return NULL;
}

static const char *parse_bracketed(struct host *h, struct str text)
{
    struct addr a;
    if (text.len < 2 || text.ptr[text.len - 1] != ']')
        return "has a '[' without its ']'";
    struct str inner = {text.ptr + 1, text.len - 2};
    if (str_find(inner, '%') != inner.len)
        return "has a zone, which only means something on one machine";
    if (str_find(inner, ':') == inner.len || addr_parse(&a, inner) != 0)
        return "has no IPv6 address between its brackets";
    return set_address(h, &a);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The value of a digit up to base 16, or 16. */
static unsigned digit_value(char c)
{
    if (is_digit(c))
        return (unsigned)(c - '0');
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* Decimal, octal with a leading 0, hexadecimal with a leading 0x: what inet_aton
 * takes, and so what a resolver would dial. text is in lower case. */
static int read_number(struct str text, uint64_t *value)
{
    unsigned base = 10;
    uint64_t sum = 0;
    if (text.len > 1 && text.ptr[0] == '0') {
        base = text.ptr[1] == 'x' ? 16 : 8;
        size_t skip = base == 16 ? 2 : 1;
        text = (struct str){text.ptr + skip, text.len - skip};
    }
    if (text.len == 0)
        return -1;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = digit_value(text.ptr[i]);
        if (digit >= base)
            return -1;
        sum = sum * base + digit;
        if (sum > UINT32_MAX)
            return -1;
    }
    *value = sum;
    return 0;
}

/* True where a label reads as a number, a faulty one included: such a name is an
 * address or nothing (no top-level domain is a number). */
static bool is_numeric(struct str label)
{
    bool is_hex = label.len >= 2 && label.ptr[0] == '0' && label.ptr[1] == 'x';
    for (size_t i = is_hex ? 2 : 0; i < label.len; i++)
        if (is_hex ? digit_value(label.ptr[i]) == 16 : !is_digit(label.ptr[i]))
            return false;
    return label.len != 0;
}

/* One to four numbers; the last fills all bytes that are left (inet_aton). */
static const char *parse_numeric(struct host *h)
{
    static const char fault[] = "ends in a number but is no IPv4 address";
    struct str rest = host_str(h);
    uint64_t value = 0;
    uint64_t sum = 0;
    unsigned parts = 0;
    while (rest.ptr != NULL) {
        struct str part = str_cut(&rest, '.');
        bool is_last = rest.ptr == NULL;
        if (++parts > 4 || read_number(part, &value) != 0)
            return fault;
        unsigned bytes_left = is_last ? 5 - parts : 1;
        if (value >> (8 * bytes_left) != 0)
            return fault;
        sum = sum << (8 * bytes_left) | value;
    }
    struct addr a = {{[10] = 0xff, [11] = 0xff}};
    for (unsigned i = 0; i < 4; i++)
        a.bytes[12 + i] = (uint8_t)(sum >> (24 - 8 * i) & 0xff);
    return set_address(h, &a);
}

/* 0: never in a name; else what the byte becomes. */
static char name_char(char c)
{
    c = str_lower(c);
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_' ? c : '\0';
}

static const char *parse_ascii(struct host *h, struct str text)
{
    size_t label = 0; /* where the last label begins */
    if (text.ptr[text.len - 1] == '.')
        text.len--;
    if (text.len == 0)
        return "has an empty label";
    if (text.len > HOST_MAX)
        return TOO_LONG;
    for (size_t i = 0; i <= text.len; i++) {
        if (i == text.len || text.ptr[i] == '.') {
            if (i == label)
                return "has an empty label";
            if (i - label > LABEL_MAX)
                return "has a label longer than 63 characters";
            if (i == text.len)
                break;
            h->name[i] = '.';
            label = i + 1;
            continue;
        }
        h->name[i] = name_char(text.ptr[i]);
        if (h->name[i] == '\0')
            return NOT_A_NAME_CHAR;
    }
    h->len = text.len;
    h->name[h->len] = '\0';
    struct str last = {h->name + label, h->len - label};
    return is_digit(last.ptr[0]) && is_numeric(last) ? parse_numeric(h) : NULL;
}

/* Non-ASCII bytes: UTS 46 maps case, width and dots, then IDNA makes A-labels. */
static const char *parse_unicode(struct host *h, struct str text)
{
    uint8_t copy[UNICODE_MAX + 1];
    uint8_t *ascii = NULL;
    const char *fault;
    if (text.len > UNICODE_MAX)
        return TOO_LONG;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    int rc = idn2_lookup_u8(copy, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc == IDN2_TOO_BIG_DOMAIN)
        fault = TOO_LONG;
    else if (rc != IDN2_OK || ascii == NULL || ascii[0] == '\0')
        fault = "is no valid internationalised name";
    else
        fault = parse_ascii(h, str_of((const char *)ascii));
    if (rc == IDN2_OK)
        idn2_free(ascii);
    return fault;
}

const char *host_parse(struct host *h, struct str text)
{
    struct addr a;
    bool is_ascii = true;
    h->is_address = false;
    h->addr = (struct addr){{0}};
    h->len = 0;
    h->name[0] = '\0';
    if (text.len == 0)
        return "is empty";
    if (text.ptr[0] == '[')
        return parse_bracketed(h, text);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\0')
            return NOT_A_NAME_CHAR;
        if (text.ptr[i] == ':')
            return addr_parse(&a, text) == 0 ? set_address(h, &a)
                                             : "has a ':' but is no IPv6 address";
        is_ascii = is_ascii && (unsigned char)text.ptr[i] < 0x80;
    }
    return is_ascii ? parse_ascii(h, text) : parse_unicode(h, text);
}
