/* SPDX-License-Identifier: MIT */
/* groups.c - who is in which group; see groups.h. */
#include "auth/groups.h"

#include "auth/file_line.h"
#include "util/mem.h"

/* A user's groups, by their names as written first. */
struct member {
    const char **groups; /* the names belong to groups->names */
    size_t count, room;
    size_t left_out;
    unsigned line; /* where the first was left out */
};

struct groups {
    struct accounts *names; /* value: const char *, the name as written first */
    struct accounts *users; /* value: struct member */
};

/* While a file is read. */
struct reader {
    struct groups *g;
    const char *file;
    struct errlist *faults;
};

static void join(struct member *m, const char *group, unsigned line)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->groups[i] == group)
            return;
    if (m->count == GROUPS_MAX) {
        if (m->left_out++ == 0)
            m->line = line;
        return;
    }
    if (m->count == m->room) {
        m->room = m->room == 0 ? 4 : 2 * m->room;
        m->groups = mem_must_resize(m->groups, m->room * sizeof(*m->groups));
    }
    m->groups[m->count++] = group;
}

static const char *add_group(struct groups *g, struct str name)
{
    bool is_new;
    const char **value = accounts_add(g->names, name, &is_new);
    if (is_new)
        *value = accounts_name(g->names, accounts_count(g->names) - 1);
    return *value;
}

static void read_user(struct reader *r, const struct place *at, const char *group,
                      struct str user)
{
    bool is_new;
    const char *fault = file_line_name_fault(user);
    if (fault != NULL) {
        errlist_add(r->faults, at, "in group %s, a user's name %s", group, fault);
        return;
    }
    if (str_find(user, ',') < user.len)
        errlist_warn(r->faults, at, "in group %s, the user %.*s has a comma: names are parted "
                     "by spaces", group, STR_ARG(user));
    join(accounts_add(r->g->users, user, &is_new), group, at->line);
}

static void read_line(struct reader *r, struct str line, unsigned number)
{
    struct place at = {r->file, number};
    if (str_find(line, ':') == line.len) {
        errlist_add(r->faults, &at, "there is no ':' between a group and its users");
        return;
    }
    struct str name = str_trim(str_cut(&line, ':'));
    const char *fault = file_line_name_fault(name);
    if (fault != NULL) {
        errlist_add(r->faults, &at, "the group's name %s", fault);
        return;
    }
    if (str_ends(line, STR_LIT("\\"))) {
        errlist_add(r->faults, &at, "a line cannot be continued with '\\'; a group may have "
                    "several lines");
        return;
    }
    const char *group = add_group(r->g, name);
    while (line.len > 0) {
        size_t end = 0;
        while (end < line.len && line.ptr[end] != ' ' && line.ptr[end] != '\t')
            end++;
        if (end > 0)
            read_user(r, &at, group, (struct str){line.ptr, end});
        end += end < line.len;
        line = (struct str){line.ptr + end, line.len - end};
    }
}

static void check(struct reader *r)
{
    struct groups *g = r->g;
    if (accounts_count(g->names) == 0)
        errlist_warn(r->faults, &(struct place){r->file, 0}, "holds no group");
    for (size_t i = 0; i < accounts_count(g->users); i++) {
        const struct member *m = accounts_value(g->users, i);
        if (m->left_out > 0)
            errlist_add(r->faults, &(struct place){r->file, m->line},
                        "%s is in %zu groups, more than %d: one that is left out could be the "
                        "one that a rule denies",
                        accounts_name(g->users, i), m->count + m->left_out, GROUPS_MAX);
    }
}

struct groups *groups_new(struct str text, const char *file, struct errlist *faults)
{
    struct groups *g = mem_must_zalloc(sizeof(*g));
    struct reader r = {g, file, faults};
    struct file_lines lines = file_lines_of(text);
    struct str line;
    size_t before = faults->errors;
    g->names = accounts_new(sizeof(const char *), true);
    g->users = accounts_new(sizeof(struct member), true);
    while (file_lines_next(&lines, &line))
        read_line(&r, line, lines.number);
    accounts_seal(g->names);
    accounts_seal(g->users);
    if (faults->errors == before)
        check(&r);
    if (faults->errors == before)
        return g;
    groups_free(g);
    return NULL;
}

void groups_free(struct groups *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < accounts_count(g->users); i++)
        mem_free(((const struct member *)accounts_value(g->users, i))->groups);
    accounts_free(g->users);
    accounts_free(g->names);
    mem_free(g);
}

size_t groups_of(const struct groups *g, struct str user, struct str *out, size_t size)
{
    const struct member *m = g == NULL ? NULL : accounts_find(g->users, user, NULL);
    size_t count = m == NULL ? 0 : m->count < size ? m->count : size;
    for (size_t i = 0; i < count; i++)
        out[i] = str_of(m->groups[i]);
    return count;
}

bool groups_has(const struct groups *g, struct str group)
{
    return g != NULL && accounts_find(g->names, group, NULL) != NULL;
}
