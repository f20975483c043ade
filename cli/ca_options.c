/* SPDX-License-Identifier: MIT */
/* ca_options.c - what can be told of a new CA; see ca_options.h. */
#include "cli/ca_options.h"

#include "certs/constraint.h"
#include "policy/host.h"

static int take_name(struct str *field, const char *option, const char *value, struct err *e)
{
    const char *fault = ca_check_name(str_of(value));
    if (fault != NULL)
        return err_set(e, NULL, "the value of %s %s", option, fault);
    *field = str_of(value);
    return 0;
}

static int take_days(struct ca_options *o, const char *value, struct err *e)
{
    uint64_t days;
    if (str_to_u64(str_of(value), CA_DAYS_MAX, &days) < 0 || days == 0)
        return err_set(e, NULL, "--days is a number from 1 to %u (twenty years)", CA_DAYS_MAX);
    o->days = (unsigned)days;
    return 0;
}

static int take_key_type(struct ca_options *o, enum ca_key_type type, struct err *e)
{
    if (o->has_key_type && o->key_type != type)
        return err_set(e, NULL, "--rsa and --ec exclude each other");
    o->has_key_type = true;
    o->key_type = type;
    return 0;
}

/* "corp.example" and "*.corp.example" are the same here, as they are in patterns. */
static int take_domain(struct ca_options *o, enum constraint_kind kind, struct str text,
                       struct err *e)
{
    struct host host;
    struct str name = text;
    if (str_starts(name, STR_LIT("*.")))
        name = (struct str){name.ptr + 2, name.len - 2};
    const char *fault = host_parse(&host, name);
    if (fault == NULL && host.is_address)
        fault = "is an address in a form that is not taken here";
    if (fault == NULL && str_find(host_str(&host), '*') < host.len)
        fault = "has a '*' elsewhere than in front; a CA knows whole domains only";
    if (fault != NULL)
        return err_set(e, NULL, "'%s' is no domain and no range of addresses such as "
                       "10.0.0.0/8: it %s", text.ptr, fault);
    if (constraint_add_name(o->constraints, kind, host_str(&host)) < 0)
        return err_set(e, NULL, "out of memory");
    return 0;
}

/* An address with a length behind it, which together are no range. */
static int reject_range(struct str text, struct addr *a, struct str length, struct err *e)
{
    bool is_v4_text = str_find(text, ':') == text.len;
    unsigned most = is_v4_text ? 32 : 128;
    uint64_t given;
    char network[ADDR_TEXT_SIZE];
    if (length.len > 3 || str_to_u64(length, most, &given) != 0)
        return err_set(e, NULL, "'%s' is no range of addresses: its length is no number from 0 to "
                       "%u", text.ptr, most);
    for (size_t i = (size_t)given + 128 - most; i < 128; i++)
        a->bytes[i / 8] &= (uint8_t)~(0x80u >> (i % 8));
    return err_set(e, NULL, "'%s' is no range of addresses: it has bits beyond its length; %s/%u "
                   "is the range that it is in", text.ptr, addr_format(a, network),
                   (unsigned)given - (addr_is_v4(a) && !is_v4_text ? 96 : 0));
}

static int take_constraint(struct ca_options *o, enum constraint_kind kind, const char *value,
                           struct err *e)
{
    struct addr prefix;
    unsigned bits;
    if (o->constraints == NULL && (o->constraints = NAME_CONSTRAINTS_new()) == NULL)
        return err_set(e, NULL, "out of memory");
    if (addr_parse_prefix(&prefix, &bits, str_of(value)) < 0) {
        struct str length = str_of(value), address = str_cut(&length, '/');
        if (addr_parse(&prefix, address) == 0)
            return reject_range(str_of(value), &prefix, length, e);
        return take_domain(o, kind, str_of(value), e);
    }
    if (constraint_add_prefix(o->constraints, kind, &prefix, bits) < 0)
        return err_set(e, NULL, "out of memory");
    return 0;
}

int ca_options_take(struct ca_options *o, int code, const char *value, struct err *e)
{
    o->is_any = true;
    switch (code) {
    case CA_OPTION_NAME:
        return take_name(&o->name, "--name", value, e);
    case CA_OPTION_ORGANIZATION:
        return take_name(&o->organization, "--organization", value, e);
    case CA_OPTION_DAYS:
        return take_days(o, value, e);
    case CA_OPTION_RSA:
        return take_key_type(o, CA_KEY_RSA, e);
    case CA_OPTION_EC:
        return take_key_type(o, CA_KEY_EC, e);
    case CA_OPTION_PERMIT:
        return take_constraint(o, CONSTRAINT_PERMIT, value, e);
    case CA_OPTION_EXCLUDE:
        return take_constraint(o, CONSTRAINT_EXCLUDE, value, e);
    case ':':
        return err_set(e, NULL, "an option lacks its value; --help lists them");
    default:
        return err_set(e, NULL, "there is no such option; --help lists them");
    }
}

int ca_options_finish(struct ca_options *o, struct err *e)
{
    if (o->constraints != NULL && constraint_close(o->constraints) < 0)
        return err_set(e, NULL, "out of memory");
    return 0;
}

void ca_options_fini(struct ca_options *o)
{
    NAME_CONSTRAINTS_free(o->constraints);
    o->constraints = NULL;
}
