/* SPDX-License-Identifier: MIT */
/* parse.c - a configuration's text into plain data; see parse.h. */
#include "conf/parse.h"

#include <inttypes.h>
#include <libconfig.h>
#include <stdio.h>
#include <string.h>

#include "conf/keys.h"
#include "conf/suggest.h"
#include "conf/units.h"
#include "util/mem.h"

/* One allocation; all are freed together. */
struct block {
    struct block *next;
    max_align_t data[];
};

struct parse {
    config_t tree;
    struct block *blocks;
    const struct source *source;
    struct errlist *faults;
};

static void read_group(struct parse *p, const struct key_group *group, config_setting_t *s,
                       char *out);

static void *alloc(struct parse *p, size_t size)
{
    struct block *b = mem_must_zalloc(sizeof(*b) + size);
    b->next = p->blocks;
    p->blocks = b;
    return b->data;
}

static struct place place_of(const struct parse *p, const config_setting_t *s)
{
    return source_place(p->source, config_setting_source_line(s));
}

/* ---- one value ---- */

static const char *type_name(int type)
{
    switch (type) {
    case CONFIG_TYPE_GROUP:
        return "a group";
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return "a number";
    case CONFIG_TYPE_FLOAT:
        return "a number with a fraction";
    case CONFIG_TYPE_STRING:
        return "a string";
    case CONFIG_TYPE_BOOL:
        return "true or false";
    case CONFIG_TYPE_ARRAY:
        return "an array";
    default:
        return "a list";
    }
}

static const char *wanted_type(enum key_type type)
{
    static const char *const names[] = {
        [KEY_BOOL] = "true or false",
        [KEY_NUMBER] = "a number",
        [KEY_DURATION] = "a duration such as \"10s\" or a number of seconds",
        [KEY_SIZE] = "a size such as \"64KiB\" or a number of bytes",
        [KEY_CHOICE] = "a string",
        [KEY_TEXT] = "a string",
        [KEY_TEXTS] = "an array of strings, [ \"...\" ]",
        [KEY_PORTS] = "a list of ports, ( 443, \"5000-5010\" )",
        [KEY_GROUP] = "a group, { ... }",
        [KEY_LIST] = "a list of groups, ( { ... }, { ... } )",
        [KEY_MAP] = "a group of named groups, { name = { ... }; }",
    };
    return names[type];
}

static void report_type(struct parse *p, const struct key *k, const struct place *at, int type)
{
    errlist_add(p->faults, at, "%s must be %s, not %s", k->name, wanted_type(k->type),
                type_name(type));
}

static void format_limit(const struct key *k, uint64_t value, char out[UNITS_TEXT_SIZE])
{
    if (k->type == KEY_DURATION)
        units_format_duration(value, out);
    else if (k->type == KEY_SIZE)
        units_format_size(value, out);
    else
        snprintf(out, UNITS_TEXT_SIZE, "%" PRIu64, value);
}

static void check_range(struct parse *p, const struct key *k, struct spec_number *n)
{
    char min[UNITS_TEXT_SIZE], max[UNITS_TEXT_SIZE];
    if (n->value >= k->min && n->value <= k->max)
        return;
    format_limit(k, k->min, min);
    format_limit(k, k->max, max);
    errlist_add(p->faults, &n->at, "%s is out of range: it must be from %s to %s", k->name, min,
                max);
}

/* A number as text: with a unit for durations and sizes, for defaults without. */
static int parse_number(const struct key *k, const char *text, uint64_t *value)
{
    switch (k->type) {
    case KEY_BOOL:
        *value = strcmp(text, "true") == 0;
        return 0;
    case KEY_DURATION:
        return units_duration(str_of(text), value);
    case KEY_SIZE:
        return units_size(str_of(text), value);
    case KEY_CHOICE:
        for (size_t i = 0; k->choices[i] != NULL; i++)
            if (strcmp(k->choices[i], text) == 0) {
                *value = i;
                return 0;
            }
        return -1;
    default:
        return str_to_u64(str_of(text), UINT64_MAX, value);
    }
}

static void report_choice(struct parse *p, const struct key *k, const char *text,
                          const struct place *at)
{
    char list[128] = "";
    size_t used = 0;
    for (size_t i = 0; k->choices[i] != NULL; i++)
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s\"%s\"", i ? " or " : "",
                                 k->choices[i]);
    errlist_add(p->faults, at, "%s is \"%s\": it must be %s", k->name, text, list);
}

static void read_number(struct parse *p, const struct key *k, config_setting_t *s,
                        struct spec_number *out)
{
    int type = config_setting_type(s);
    struct spec_number n = {.at = place_of(p, s), .is_set = true};
    bool takes_text = k->type == KEY_DURATION || k->type == KEY_SIZE || k->type == KEY_CHOICE;

    if (type == CONFIG_TYPE_STRING && takes_text) {
        const char *text = config_setting_get_string(s);
        if (parse_number(k, text, &n.value) != 0) {
            if (k->type == KEY_CHOICE)
                report_choice(p, k, text, &n.at);
            else
                errlist_add(p->faults, &n.at, "%s is \"%s\": it must be %s", k->name, text,
                            wanted_type(k->type));
            return;
        }
    } else if (type == CONFIG_TYPE_BOOL && k->type == KEY_BOOL) {
        n.value = config_setting_get_bool(s) != 0;
    } else if ((type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) && k->type != KEY_BOOL &&
               k->type != KEY_CHOICE) {
        /* A negative number becomes too large for every range. */
        n.value = (uint64_t)config_setting_get_int64(s);
        if (k->type == KEY_DURATION)
            n.value = n.value > UINT64_MAX / 1000 ? UINT64_MAX : n.value * 1000;
    } else {
        report_type(p, k, &n.at, type);
        return;
    }
    if (k->type != KEY_BOOL && k->type != KEY_CHOICE)
        check_range(p, k, &n);
    *out = n;
}

static void read_text(struct parse *p, const struct key *k, config_setting_t *s,
                      struct spec_text *out)
{
    struct place at = place_of(p, s);
    if (config_setting_type(s) != CONFIG_TYPE_STRING)
        report_type(p, k, &at, config_setting_type(s));
    else if (config_setting_get_string(s)[0] == '\0')
        errlist_add(p->faults, &at, "%s is an empty string", k->name);
    else
        *out = (struct spec_text){config_setting_get_string(s), at};
}

/* ---- several values ---- */

/* The number of elements, or -1 where s is neither an array nor a list, or has none. */
static int count_elements(struct parse *p, const struct key *k, config_setting_t *s)
{
    struct place at = place_of(p, s);
    if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
        report_type(p, k, &at, config_setting_type(s));
        return -1;
    }
    if (config_setting_length(s) == 0) {
        errlist_add(p->faults, &at, "%s is empty; leave the key out if that is what is meant",
                    k->name);
        return -1;
    }
    return config_setting_length(s);
}

static void read_texts(struct parse *p, const struct key *k, config_setting_t *s,
                       struct spec_texts *out)
{
    int count = count_elements(p, k, s);
    out->at = place_of(p, s);
    out->is_set = true;
    if (count < 0)
        return;
    out->items = alloc(p, (size_t)count * sizeof(*out->items));
    for (int i = 0; i < count; i++) {
        config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
        struct spec_text *item = &out->items[out->count];
        if (config_setting_type(element) != CONFIG_TYPE_STRING) {
            struct place at = place_of(p, element);
            report_type(p, k, &at, config_setting_type(element));
            continue;
        }
        read_text(p, k, element, item);
        out->count += item->text != NULL;
    }
}

static int parse_port_range(struct str text, uint16_t range[2])
{
    uint64_t low, high;
    struct str rest = text;
    struct str first = str_cut(&rest, '-');

    if (str_to_u64(first, 65535, &low) != 0)
        return -1;
    if (rest.ptr == NULL)
        high = low;
    else if (str_to_u64(rest, 65535, &high) != 0)
        return -1;
    range[0] = (uint16_t)low;
    range[1] = (uint16_t)high;
    return low == 0 || high < low ? -1 : 0;
}

static void read_ports(struct parse *p, const struct key *k, config_setting_t *s,
                       struct spec_ports *out)
{
    int count = count_elements(p, k, s);
    out->at = place_of(p, s);
    out->is_set = true;
    out->count = 0;
    if (count < 0)
        return;
    out->items = alloc(p, (size_t)count * sizeof(*out->items));
    for (int i = 0; i < count; i++) {
        config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
        struct place at = place_of(p, element);
        char digits[32];
        const char *text = digits;
        if (config_setting_type(element) == CONFIG_TYPE_STRING) {
            text = config_setting_get_string(element);
        } else if (config_setting_is_number(element) &&
                   config_setting_type(element) != CONFIG_TYPE_FLOAT) {
            snprintf(digits, sizeof(digits), "%lld", config_setting_get_int64(element));
        } else {
            report_type(p, k, &at, config_setting_type(element));
            continue;
        }
        if (parse_port_range(str_of(text), out->items[out->count]) != 0)
            errlist_add(p->faults, &at,
                        "%s: '%s' is neither a port (1 to 65535) nor a range such as "
                        "\"5000-5010\"",
                        k->name, text);
        else
            out->count++;
    }
}

static void read_groups(struct parse *p, const struct key *k, config_setting_t *s,
                        struct spec_groups *out)
{
    bool is_map = k->type == KEY_MAP;
    int type = config_setting_type(s);
    bool is_empty_array = config_setting_is_array(s) && config_setting_length(s) == 0;
    char *item;

    out->at = place_of(p, s);
    if (type != (is_map ? CONFIG_TYPE_GROUP : CONFIG_TYPE_LIST) && (is_map || !is_empty_array)) {
        report_type(p, k, &out->at, type);
        return;
    }
    out->is_set = true;
    int count = config_setting_length(s);
    out->items = item = alloc(p, (size_t)count * k->group->size);
    for (int i = 0; i < count; i++) {
        config_setting_t *element = config_setting_get_elem(s, (unsigned)i);
        struct place at = place_of(p, element);
        const char *name = config_setting_name(element);
        if (name != NULL && source_is_reported(name))
            continue;
        if (!config_setting_is_group(element)) {
            errlist_add(p->faults, &at, "%s%s%s: %s must be a group, { ... }, not %s", k->name,
                        name ? "." : "", name ? name : "", k->group->title,
                        type_name(config_setting_type(element)));
            continue;
        }
        read_group(p, k->group, element, item);
        item += k->group->size;
        out->count++;
    }
}

/* ---- groups ---- */

static void report_missing(struct parse *p, const struct key *k, config_setting_t *s)
{
    struct place at = place_of(p, s);
    errlist_add(p->faults, &at, "%s: %s", k->name, k->doc);
}

static void read_key(struct parse *p, const struct key *k, config_setting_t *s, char *out)
{
    void *value = out + k->offset;
    switch (k->type) {
    case KEY_BOOL:
    case KEY_NUMBER:
    case KEY_DURATION:
    case KEY_SIZE:
    case KEY_CHOICE:
        read_number(p, k, s, value);
        break;
    case KEY_TEXT:
        read_text(p, k, s, value);
        break;
    case KEY_TEXTS:
        read_texts(p, k, s, value);
        break;
    case KEY_PORTS:
        read_ports(p, k, s, value);
        break;
    case KEY_LIST:
    case KEY_MAP:
        read_groups(p, k, s, value);
        break;
    case KEY_GROUP:
        if (config_setting_is_group(s)) {
            read_group(p, k->group, s, value);
        } else {
            struct place at = place_of(p, s);
            report_type(p, k, &at, config_setting_type(s));
        }
        break;
    case KEY_MISSING:
        report_missing(p, k, s);
        break;
    }
}

static void fill_defaults(struct parse *p, const struct key_group *group, char *out)
{
    memset(out, 0, group->size);
    for (size_t i = 0; i < group->count; i++) {
        const struct key *k = &group->keys[i];
        void *value = out + k->offset;
        if (k->type == KEY_GROUP)
            fill_defaults(p, k->group, value);
        if (k->fallback == NULL)
            continue;
        if (k->type == KEY_TEXT) {
            ((struct spec_text *)value)->text = k->fallback;
        } else if (k->type == KEY_PORTS) {
            struct spec_ports *ports = value;
            ports->items = alloc(p, sizeof(*ports->items));
            ports->count = 1;
            ASSERT(parse_port_range(str_of(k->fallback), ports->items[0]) == 0);
        } else {
            ASSERT(parse_number(k, k->fallback, &((struct spec_number *)value)->value) == 0);
        }
    }
}

static void read_group(struct parse *p, const struct key_group *group, config_setting_t *s,
                       char *out)
{
    int count = config_setting_length(s);

    fill_defaults(p, group, out);
    *(struct spec_head *)out = (struct spec_head){config_setting_name(s), place_of(p, s), true};
    for (int i = 0; i < count; i++) {
        config_setting_t *member = config_setting_get_elem(s, (unsigned)i);
        const char *name = config_setting_name(member);
        if (source_is_reported(name))
            continue;
        const struct key *k = keys_find(group, name);
        struct place at = place_of(p, member);
        if (k == NULL)
            keys_report_unknown(group, name, &at, p->faults);
        else
            read_key(p, k, member, out);
    }
    for (size_t i = 0; i < group->count; i++) {
        const struct key *k = &group->keys[i];
        struct place at = place_of(p, s);
        if (k->is_required && config_setting_get_member(s, k->name) == NULL)
            errlist_add(p->faults, &at, "%s is missing: %s needs it", k->name, group->title);
    }
}

/* The scan lets nothing through that is not well-formed; what is left is memory. */
static void report_syntax(struct parse *p)
{
    struct place at = source_place(p->source, (unsigned)config_error_line(&p->tree));
    const char *text = config_error_text(&p->tree);
    errlist_add(p->faults, &at, "%s", text ? text : "cannot be parsed");
}

struct parse *parse_new(const struct source *source, struct spec *spec, struct errlist *faults)
{
    struct parse *p = mem_must_zalloc(sizeof(*p));
    p->source = source;
    p->faults = faults;
    config_init(&p->tree);
    if (config_read_string(&p->tree, source->text) != CONFIG_TRUE) {
        report_syntax(p);
        parse_free(p);
        return NULL;
    }
    read_group(p, &keys_root, config_root_setting(&p->tree), (char *)spec);
    return p;
}

void parse_free(struct parse *p)
{
    if (p == NULL)
        return;
    config_destroy(&p->tree);
    while (p->blocks != NULL) {
        struct block *next = p->blocks->next;
        mem_free(p->blocks);
        p->blocks = next;
    }
    mem_free(p);
}
