/* SPDX-License-Identifier: MIT */
/* leaf_order.c - what the signer is asked to put into a leaf; see leaf_order.h. */
#include "certs/leaf_order.h"

#include <openssl/err.h>
#include <string.h>

#include "certs/facts.h"
#include "util/addr.h"
#include "util/mem.h"

#define DATES_LEN 16
#define DNS_MAX 253 /* RFC 1035 section 2.3.4, as text */
#define LABEL_MAX 63
#define SECONDS_PER_HOUR 3600
#define SECONDS_PER_DAY 86400
#define DATE_MAX INT64_C(253402300799) /* the last second that a certificate can name */

/* How well a name covers the host that is asked for; better ones come first. */
enum cover { COVER_EXACT, COVER_WILDCARD, COVER_NONE, COVERS };

/* A name as it travels. */
struct one_name {
    enum leaf_name_kind kind;
    size_t len;
    char bytes[DNS_MAX];
};

struct maker {
    struct leaf_order *order;
    size_t count;
};

static struct str name_str(const struct one_name *name)
{
    return (struct str){name->bytes, name->len};
}

static bool is_same_name(const struct one_name *a, const struct one_name *b)
{
    return a->kind == b->kind && str_eq(name_str(a), name_str(b));
}

static bool is_label(struct str label)
{
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return label.len >= 1 && label.len <= LABEL_MAX;
}

/* A name whose last label is a number would be an address to many who read it. */
static bool is_number(struct str label)
{
    for (size_t i = 0; i < label.len; i++)
        if (label.ptr[i] < '0' || label.ptr[i] > '9')
            return false;
    return true;
}

/* Lower-case, perhaps with "*." in front. No client takes a wildcard before one label. */
static bool is_dns_name(struct str name)
{
    bool is_wildcard = str_starts(name, STR_LIT("*."));
    size_t labels = 0;
    struct str label = {NULL, 0};
    if (name.len > DNS_MAX || name.len == 0 || name.ptr[name.len - 1] == '.')
        return false;
    if (is_wildcard)
        name = (struct str){name.ptr + 2, name.len - 2};
    for (struct str rest = name; rest.ptr != NULL; labels++) {
        label = str_cut(&rest, '.');
        if (!is_label(label))
            return false;
    }
    return !is_number(label) && labels >= (is_wildcard ? 2 : 1);
}

/* False where it is no such name. */
static bool set_dns(struct one_name *name, struct str text)
{
    if (text.len > DNS_MAX)
        return false;
    name->kind = LEAF_DNS;
    name->len = text.len;
    for (size_t i = 0; i < text.len; i++)
        name->bytes[i] = str_lower(text.ptr[i]);
    return is_dns_name(name_str(name));
}

static bool set_address(struct one_name *name, const void *bytes, size_t len)
{
    if (len != 4 && len != 16)
        return false;
    name->kind = LEAF_IP;
    name->len = len;
    memcpy(name->bytes, bytes, len);
    return true;
}

/* The name of a host; false where there can be none. */
static bool set_host(struct one_name *name, struct str host)
{
    struct addr addr;
    if (addr_parse(&addr, host) == 0) {
        size_t len = addr_is_v4(&addr) ? 4 : 16;
        return set_address(name, addr.bytes + sizeof(addr.bytes) - len, len);
    }
    return !str_starts(host, STR_LIT("*")) && set_dns(name, host);
}

static bool set_general(struct one_name *name, const GENERAL_NAME *from)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(from, &type);
    if (type != GEN_DNS && type != GEN_IPADD)
        return false;
    const unsigned char *bytes = ASN1_STRING_get0_data(value);
    size_t len = (size_t)ASN1_STRING_length(value);
    return type == GEN_DNS ? set_dns(name, (struct str){(const char *)bytes, len})
                           : set_address(name, bytes, len);
}

/* RFC 6125 section 6.4.3: "*" stands for the whole first label. */
static enum cover find_cover(const struct one_name *name, const struct one_name *host)
{
    struct str rest = name_str(host);
    if (is_same_name(name, host))
        return COVER_EXACT;
    if (name->kind != LEAF_DNS || host->kind != LEAF_DNS || name->bytes[0] != '*')
        return COVER_NONE;
    str_cut(&rest, '.');
    return str_eq(rest, (struct str){name->bytes + 2, name->len - 2}) ? COVER_WILDCARD
                                                                      : COVER_NONE;
}

static void put_date(unsigned char *out, int64_t seconds)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (unsigned char)((uint64_t)seconds >> (56 - 8 * i));
}

static int64_t get_date(const unsigned char *bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

static int begin(struct maker *m, int64_t not_before, int64_t not_after)
{
    *m = (struct maker){NULL, 0};
    if (not_before < 0 || not_after <= not_before || not_after > DATE_MAX)
        return -1;
    m->order = mem_alloc(sizeof(*m->order) + LEAF_ORDER_MAX);
    if (m->order == NULL)
        return -1;
    put_date(m->order->bytes, not_before);
    put_date(m->order->bytes + 8, not_after);
    m->order->len = DATES_LEN;
    return 0;
}

/* A name for which there is no room is left out. */
static void put_name(struct maker *m, const struct one_name *name)
{
    struct leaf_order *o = m->order;
    if (m->count == LEAF_NAMES_MAX || name->len + 2 > LEAF_ORDER_MAX - o->len)
        return;
    o->bytes[o->len] = (unsigned char)name->kind;
    o->bytes[o->len + 1] = (unsigned char)name->len;
    memcpy(o->bytes + o->len + 2, name->bytes, name->len);
    o->len += name->len + 2;
    m->count++;
}

/* The order in a block of its size; NULL where there is no name in it. */
static struct leaf_order *finish(struct maker *m)
{
    if (m->count == 0) {
        leaf_order_free(m->order);
        return NULL;
    }
    struct leaf_order *smaller = mem_resize(m->order, sizeof(*smaller) + m->order->len);
    return smaller != NULL ? smaller : m->order;
}

static void put_names(struct maker *m, const GENERAL_NAMES *names, const struct one_name *host)
{
    struct one_name name;
    for (enum cover wanted = COVER_EXACT; wanted < COVERS; wanted++)
        for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
            if (set_general(&name, sk_GENERAL_NAME_value(names, i)) &&
                find_cover(&name, host) == wanted)
                put_name(m, &name);
}

struct leaf_order *leaf_order_of_origin(X509 *origin, struct str host, time_t now)
{
    /* The last second counts as well (RFC 5280 section 4.1.2.5). */
    const int64_t longest = (int64_t)LEAF_DAYS_MAX * SECONDS_PER_DAY - 1;
    int64_t from = facts_time(X509_get0_notBefore(origin));
    int64_t to = facts_time(X509_get0_notAfter(origin));
    GENERAL_NAMES *names = X509_get_ext_d2i(origin, NID_subject_alt_name, NULL, NULL);
    struct leaf_order *order = NULL;
    struct one_name wanted;
    struct maker m;
    if (!set_host(&wanted, host))
        wanted = (struct one_name){.kind = LEAF_DNS, .len = 0};
    if (from < now - SECONDS_PER_DAY)
        from = now - SECONDS_PER_DAY;
    if (to > from + longest)
        to = from + longest;
    if (names != NULL && to >= now && begin(&m, from, to) == 0) {
        put_names(&m, names, &wanted);
        order = finish(&m);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return order;
}

struct leaf_order *leaf_order_of_page(struct str first, struct str second, time_t now)
{
    int64_t from = now - SECONDS_PER_HOUR;
    struct one_name names[2];
    struct maker m;
    if (begin(&m, from, from + (int64_t)LEAF_PAGE_HOURS * SECONDS_PER_HOUR) < 0)
        return NULL;
    bool has_first = set_host(&names[0], first);
    bool has_second = set_host(&names[1], second);
    if (has_first)
        put_name(&m, &names[0]);
    if (has_second && !(has_first && is_same_name(&names[0], &names[1])))
        put_name(&m, &names[1]);
    return finish(&m);
}

void leaf_order_free(struct leaf_order *o)
{
    mem_free(o);
}

/* The name that *at begins with. */
static bool read_name(const unsigned char **at, const unsigned char *end,
                      enum leaf_name_kind *kind, struct str *name)
{
    size_t room = (size_t)(end - *at);
    if (room < 2 || room - 2 < (*at)[1])
        return false;
    *name = (struct str){(const char *)*at + 2, (*at)[1]};
    if ((*at)[0] == LEAF_DNS ? !is_dns_name(*name)
                             : (*at)[0] != LEAF_IP || (name->len != 4 && name->len != 16))
        return false;
    *kind = (*at)[0] == LEAF_DNS ? LEAF_DNS : LEAF_IP;
    *at += 2 + name->len;
    return true;
}

static bool has_right_dates(const struct leaf_names *names)
{
    return names->not_before >= 0 && names->not_after <= DATE_MAX &&
           names->not_after > names->not_before &&
           names->not_after - names->not_before < (int64_t)LEAF_DAYS_MAX * SECONDS_PER_DAY;
}

int leaf_order_read(struct leaf_names *names, struct str bytes)
{
    enum leaf_name_kind kind;
    struct str name;
    if (bytes.len <= DATES_LEN || bytes.len > LEAF_ORDER_MAX)
        return -1;
    const unsigned char *at = (const unsigned char *)bytes.ptr, *end = at + bytes.len;
    *names = (struct leaf_names){.not_before = get_date(at), .not_after = get_date(at + 8),
                                 .at = at + DATES_LEN, .end = end};
    for (at = names->at; at < end; names->count++)
        if (!read_name(&at, end, &kind, &name))
            return -1;
    return names->count <= LEAF_NAMES_MAX && has_right_dates(names) ? 0 : -1;
}

bool leaf_names_next(struct leaf_names *names, enum leaf_name_kind *kind, struct str *name)
{
    return read_name(&names->at, names->end, kind, name);
}
