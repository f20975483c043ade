/* SPDX-License-Identifier: MIT */
/* accept.c - reads an Accept value; see accept.h. */
#include "proxy/http/accept.h"

#include "proxy/http/chars.h"

#define WEIGHT_NONE (-1)
#define WEIGHT_MAX 1000

/* As str_cut, but a separator within a quoted string does not count. */
static struct str cut_unquoted(struct str *rest, char sep)
{
    bool is_quoted = false;
    for (size_t i = 0; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == '"')
            is_quoted = !is_quoted;
        else if (c == '\\' && is_quoted)
            i++;
        else if (c == sep && !is_quoted) {
            struct str part = {rest->ptr, i};
            *rest = (struct str){rest->ptr + i + 1, rest->len - i - 1};
            return part;
        }
    }
    struct str part = *rest;
    *rest = (struct str){NULL, 0};
    return part;
}

/* A weight in thousandths, 0 to 1000: "0" or "1", then up to three digits behind a
 * point, all zero behind a 1. */
static int parse_weight(struct str text)
{
    int sum = 0, unit = WEIGHT_MAX;
    if (text.len == 0 || text.len > 5 || (text.len > 1 && text.ptr[1] != '.'))
        return WEIGHT_NONE;
    for (size_t i = 0; i < text.len; i++) {
        if (i == 1)
            continue;
        if (!chars_is(text.ptr[i], CHARS_DIGIT))
            return WEIGHT_NONE;
        sum += (text.ptr[i] - '0') * unit;
        unit /= 10;
    }
    return sum <= WEIGHT_MAX ? sum : WEIGHT_NONE;
}

/* The weight that the parameters of one member give it. */
static int weight_of(struct str params)
{
    int weight = WEIGHT_MAX;
    while (params.ptr) {
        struct str value = str_trim(cut_unquoted(&params, ';'));
        struct str name = str_cut(&value, '=');
        if (name.len == 0 && value.len == 0)
            continue;
        if (str_ieq(name, STR_LIT("q")))
            return parse_weight(value); /* what follows is no parameter of the type */
        if (!str_ieq(name, STR_LIT("charset")) ||
            !(str_ieq(value, STR_LIT("utf-8")) || str_ieq(value, STR_LIT("\"utf-8\""))))
            return WEIGHT_NONE;
    }
    return weight;
}

static void raise_to(int *weight, int value)
{
    if (value > *weight)
        *weight = value;
}

bool accept_prefers_html(struct str value)
{
    int html = WEIGHT_NONE, plain = WEIGHT_NONE, text = WEIGHT_NONE, any = WEIGHT_NONE;
    while (value.len > 0) {
        struct str params = cut_unquoted(&value, ',');
        struct str range = str_trim(cut_unquoted(&params, ';'));
        int weight = weight_of(params);
        if (str_ieq(range, STR_LIT("text/html")))
            raise_to(&html, weight);
        else if (str_ieq(range, STR_LIT("text/plain")))
            raise_to(&plain, weight);
        else if (str_eq(range, STR_LIT("*/*")))
            raise_to(&any, weight);
        else if (str_ieq(range, STR_LIT("text/*")))
            raise_to(&text, weight);
    }
    if (plain == WEIGHT_NONE)
        plain = text != WEIGHT_NONE ? text : any;
    return html > 0 && html >= plain;
}
