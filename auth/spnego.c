/* SPDX-License-Identifier: MIT */
/* spnego.c - a parser and a writer for the DER of RFC 4178 section 4.2. Lengths are
 * definite, as DER has them; one that is spelled with more bytes than it needs is
 * taken all the same, for nothing is decided by how it is spelled. */
#include "auth/spnego.h"

/* Tags of X.690, with the constructed bit where it belongs. */
enum {
    TAG_OCTETS = 0x04,
    TAG_OID = 0x06,
    TAG_ENUM = 0x0a,
    TAG_SEQUENCE = 0x30,
    TAG_GSS = 0x60, /* [APPLICATION 0], RFC 2743 section 3.1 */
    TAG_FIELD = 0xa0,
    TAG_FIELD_LAST = 0xbf,
    CHOICE_INIT = 0xa0,
    CHOICE_RESP = 0xa1,
};

#define LENGTH_BYTES_MAX 4

#define OID_SPNEGO STR_LIT("\x2b\x06\x01\x05\x05\x02")
#define OID_KERBEROS STR_LIT("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02")
#define OID_KERBEROS_MICROSOFT STR_LIT("\x2a\x86\x48\x82\xf7\x12\x01\x02\x02")
#define OID_NTLM STR_LIT("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")

/* One element, and where the rest begins. */
struct element {
    unsigned tag;
    struct str value;
    struct str whole; /* with tag and length */
};

static bool read_length(struct str *rest, size_t *len)
{
    if (rest->len == 0)
        return false;
    unsigned first = (unsigned char)rest->ptr[0];
    size_t bytes = first < 0x80 ? 0 : first & 0x7f;
    if ((first >= 0x80 && bytes == 0) || bytes > LENGTH_BYTES_MAX || bytes >= rest->len)
        return false;
    *len = first < 0x80 ? first : 0;
    for (size_t i = 1; i <= bytes; i++)
        *len = *len << 8 | (unsigned char)rest->ptr[i];
    *rest = (struct str){rest->ptr + 1 + bytes, rest->len - 1 - bytes};
    return *len <= rest->len;
}

static bool read_element(struct str *rest, struct element *e)
{
    if (rest->len == 0)
        return false;
    const char *start = rest->ptr;
    struct str at = {start + 1, rest->len - 1};
    size_t len;
    if (!read_length(&at, &len))
        return false;
    e->tag = (unsigned char)start[0];
    e->value = (struct str){at.ptr, len};
    e->whole = str_range(start, at.ptr + len);
    *rest = (struct str){at.ptr + len, at.len - len};
    return true;
}

/* One element of that tag, with nothing behind it. */
static bool read_only(struct str bytes, unsigned tag, struct element *e)
{
    return read_element(&bytes, e) && e->tag == tag && bytes.len == 0;
}

static enum spnego_mechanism find_mechanism(struct str oid)
{
    if (str_eq(oid, OID_NTLM))
        return SPNEGO_NTLM;
    if (str_eq(oid, OID_KERBEROS) || str_eq(oid, OID_KERBEROS_MICROSOFT))
        return SPNEGO_KERBEROS;
    return SPNEGO_OTHER;
}

static bool read_mechanisms(struct spnego_token *t, struct str value)
{
    struct element list, oid;
    if (!read_only(value, TAG_SEQUENCE, &list) || list.value.len == 0)
        return false;
    t->mechanism_list = list.whole;
    for (struct str rest = list.value; rest.len > 0;) {
        if (!read_element(&rest, &oid) || oid.tag != TAG_OID)
            return false;
        if (t->mechanism_count < SPNEGO_MECHANISMS_MAX)
            t->mechanisms[t->mechanism_count++] = find_mechanism(oid.value);
    }
    return true;
}

static bool read_octets(struct str value, struct str *octets)
{
    struct element e;
    if (!read_only(value, TAG_OCTETS, &e))
        return false;
    *octets = e.value;
    return true;
}

/* Fields 0 to 3 of NegTokenInit. In NegTokenInit2 (MS-SPNG section 2.2.1) field 3 has
 * hints, a SEQUENCE, and the MIC is field 4. */
static bool read_init_field(struct spnego_token *t, unsigned field, struct str value)
{
    struct element hints;
    switch (field) {
    case 0:
        return read_mechanisms(t, value);
    case 2:
        return read_octets(value, &t->inner);
    case 3:
        return read_only(value, TAG_SEQUENCE, &hints) || read_octets(value, &t->mic);
    case 4:
        return t->mic.len == 0 && read_octets(value, &t->mic);
    default:
        return true; /* request flags, which mean nothing here, and extensions */
    }
}

static bool read_resp_field(struct spnego_token *t, unsigned field, struct str value)
{
    struct element e;
    switch (field) {
    case 0:
        return read_only(value, TAG_ENUM, &e) && e.value.len == 1;
    case 1:
        return read_only(value, TAG_OID, &e);
    case 2:
        return read_octets(value, &t->inner);
    case 3:
        return read_octets(value, &t->mic);
    default:
        return true;
    }
}

/* Fields stand in the order of their numbers, each at most once. */
static bool read_fields(struct spnego_token *t, struct str value)
{
    struct element sequence, field;
    unsigned next = TAG_FIELD;
    if (!read_only(value, TAG_SEQUENCE, &sequence))
        return false;
    for (struct str rest = sequence.value; rest.len > 0; next = field.tag + 1) {
        if (!read_element(&rest, &field) || field.tag < next || field.tag > TAG_FIELD_LAST)
            return false;
        unsigned number = field.tag - TAG_FIELD;
        if (!(t->kind == SPNEGO_INIT ? read_init_field : read_resp_field)(t, number, field.value))
            return false;
    }
    return t->kind == SPNEGO_RESP || t->mechanism_count > 0;
}

/* What is inside the GSS frame. */
static bool read_framed(struct spnego_token *t, struct str token)
{
    struct element frame, mechanism, choice;
    if (!read_only(token, TAG_GSS, &frame))
        return false;
    struct str rest = frame.value;
    if (!read_element(&rest, &mechanism) || mechanism.tag != TAG_OID)
        return false;
    if (find_mechanism(mechanism.value) == SPNEGO_KERBEROS) {
        t->kind = SPNEGO_RAW_KERBEROS;
        return true;
    }
    t->kind = SPNEGO_INIT;
    return str_eq(mechanism.value, OID_SPNEGO) && read_only(rest, CHOICE_INIT, &choice) &&
           read_fields(t, choice.value);
}

static bool read_resp(struct spnego_token *t, struct str token)
{
    struct element choice;
    t->kind = SPNEGO_RESP;
    return read_only(token, CHOICE_RESP, &choice) && read_fields(t, choice.value);
}

void spnego_parse(struct spnego_token *t, struct str token)
{
    *t = (struct spnego_token){.kind = SPNEGO_NONE};
    unsigned first = token.len > 0 ? (unsigned char)token.ptr[0] : 0;
    if (first != TAG_GSS && first != CHOICE_RESP)
        return;
    if (!(first == TAG_GSS ? read_framed : read_resp)(t, token))
        *t = (struct spnego_token){.kind = SPNEGO_BAD};
}

/* The writer fills from the end of its room to the front, so that each length is known
 * when it is written. */
static char *put_bytes(char *at, struct str bytes)
{
    if (bytes.len > 0)
        memcpy(at - bytes.len, bytes.ptr, bytes.len);
    return at - bytes.len;
}

static char *put_header(char *at, unsigned tag, const char *end)
{
    size_t len = (size_t)(end - at);
    unsigned bytes = 0;
    if (len < 0x80) {
        *--at = (char)len;
    } else {
        for (; len > 0; len >>= 8, bytes++)
            *--at = (char)(len & 0xff);
        *--at = (char)(0x80 | bytes);
    }
    *--at = (char)tag;
    return at;
}

/* [number] { tag value }; nothing for an empty value. */
static char *put_field(char *at, unsigned number, unsigned tag, struct str value)
{
    const char *end = at;
    if (value.len == 0)
        return at;
    at = put_header(put_bytes(at, value), tag, end);
    return put_header(at, TAG_FIELD + number, end);
}

static struct str write_oid(enum spnego_mechanism mechanism)
{
    if (mechanism == SPNEGO_NTLM)
        return OID_NTLM;
    return mechanism == SPNEGO_KERBEROS ? OID_KERBEROS : (struct str){NULL, 0};
}

size_t spnego_write_reply(enum spnego_state state, enum spnego_mechanism mechanism,
                          struct str inner, struct str mic, char *out)
{
    char *end = out + inner.len + mic.len + SPNEGO_REPLY_OVERHEAD;
    char state_byte = (char)state;
    char *at = put_field(end, 3, TAG_OCTETS, mic);
    at = put_field(at, 2, TAG_OCTETS, inner);
    at = put_field(at, 1, TAG_OID, write_oid(mechanism));
    at = put_field(at, 0, TAG_ENUM, (struct str){&state_byte, 1});
    at = put_header(at, TAG_SEQUENCE, end);
    at = put_header(at, CHOICE_RESP, end);
    size_t len = (size_t)(end - at);
    memmove(out, at, len);
    return len;
}
