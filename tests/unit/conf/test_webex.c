/* SPDX-License-Identifier: MIT */
/* test_webex.c - the shipped files: every row of the tables, no other, and no warning. */
#include "tests/unit/conf/suites.h"

#include <string.h>

#include "conf/config.h"
#include "conf/parse.h"
#include "util/mem.h"

#define MAX_COLUMNS 4

struct table {
    char *text;
    struct str rest;
    struct str columns[MAX_COLUMNS];
};

struct shipped {
    struct source source;
    struct errlist faults;
    struct spec spec;
    struct parse *parse;
};

static bool next_row(struct table *t)
{
    struct str line;
    do {
        if (t->rest.len == 0)
            return false;
        line = str_cut(&t->rest, '\n');
    } while (line.len == 0 || line.ptr[0] == '#');
    for (size_t i = 0; i < MAX_COLUMNS; i++)
        t->columns[i] = str_cut(&line, '\t');
    return true;
}

/* A table behind the line that names its columns. */
static void open_table(struct table *t, const char *path)
{
    size_t len;
    t->text = read_project_file(path, &len);
    t->rest = (struct str){t->text, len};
    ck_assert(next_row(t));
}

/* The file has no listeners: that is the only fault it may have on its own. */
static void open_shipped(struct shipped *s)
{
    errlist_init(&s->faults);
    ck_assert_int_eq(source_read(&s->source, project_path("conf/webex.conf"), NULL, &s->faults),
                     0);
    s->parse = parse_new(&s->source, &s->spec, &s->faults);
    ck_assert_ptr_nonnull(s->parse);
    ck_assert_uint_eq(s->faults.count, 1);
    ck_assert_ptr_nonnull(strstr(s->faults.items[0].text, "listeners is missing"));
}

static void close_shipped(struct shipped *s)
{
    parse_free(s->parse);
    source_fini(&s->source);
    errlist_fini(&s->faults);
}

static const struct spec_set *find_set(const struct shipped *s, const char *name)
{
    const struct spec_groups *groups = &s->spec.webex.destinations;
    const struct spec_set *sets = groups->items;
    for (size_t i = 0; i < groups->count; i++)
        if (strcmp(sets[i].head.name, name) == 0)
            return &sets[i];
    ck_abort_msg("there is no set %s", name);
    return NULL;
}

static size_t count_text(const struct spec_texts *texts, struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < texts->count; i++)
        count += str_eq(str_of(texts->items[i].text), text);
    return count;
}

static const struct {
    const char *need;
    const char *set;
} sets[] = {
    {"core", "webex"},           {"cisco", "webex"},    {"third-party", "webex-third-party"},
    {"deprecated", "webex-deprecated"}, {"hybrid", "webex-hybrid"}, {"cdn", "webex-cdn"},
};

START_TEST(every_domain_stands_in_the_set_of_its_need)
{
    struct shipped s;
    struct table t;
    size_t rows = 0, patterns = 0;
    open_shipped(&s);
    open_table(&t, "tests/data/facts/webex-domains.tsv");
    while (next_row(&t)) {
        const char *set = NULL;
        for (size_t i = 0; i < ARRAY_LEN(sets); i++)
            if (str_eq(t.columns[1], str_of(sets[i].need)))
                set = sets[i].set;
        ck_assert_msg(set != NULL, "need '%.*s'", STR_ARG(t.columns[1]));
        ck_assert_msg(count_text(&find_set(&s, set)->domains, t.columns[0]) == 1,
                      "%.*s is not once in %s", STR_ARG(t.columns[0]), set);
        rows++;
    }
    for (size_t i = 1; i < ARRAY_LEN(sets); i++)
        patterns += find_set(&s, sets[i].set)->domains.count;
    ck_assert_uint_gt(rows, 50);
    ck_assert_uint_eq(patterns, rows);
    mem_free(t.text);
    close_shipped(&s);
}
END_TEST

START_TEST(every_media_subnet_stands_in_webex_media)
{
    struct shipped s;
    struct table t;
    size_t rows = 0;
    open_shipped(&s);
    const struct spec_set *media = find_set(&s, "webex-media");
    open_table(&t, "tests/data/facts/webex-media-subnets.tsv");
    for (; next_row(&t); rows++)
        ck_assert_msg(count_text(&media->addresses, t.columns[0]) == 1, "%.*s",
                      STR_ARG(t.columns[0]));
    ck_assert_uint_eq(rows, 35); /* 32 IPv4 and 3 IPv6 */
    ck_assert_uint_eq(media->addresses.count, rows);
    ck_assert(!media->domains.is_set);
    mem_free(t.text);
    close_shipped(&s);
}
END_TEST

START_TEST(there_are_seven_sets_and_a_date)
{
    struct shipped s;
    open_shipped(&s);
    const struct spec_set *never = find_set(&s, "webex-uninspectable");
    ck_assert_uint_eq(never->domains.count, 3);
    ck_assert_uint_eq(count_text(&never->domains, STR_LIT("*mcs*.webex.com")), 1);
    ck_assert_uint_eq(count_text(&never->domains, STR_LIT("*cb*.webex.com")), 1);
    ck_assert_uint_eq(count_text(&never->domains, STR_LIT("*mcc*.webex.com")), 1);
    ck_assert_uint_eq(s.spec.webex.destinations.count, 7);
    ck_assert_str_eq(s.spec.webex.revision.text, "2025-12-15");
    close_shipped(&s);
}
END_TEST

/* What tls-inspection-support.tsv says of each product; its rows name several at once. */
static const struct {
    const char *key, *name, *ca_row; /* NULL: in no row */
} products[] = {
    {"webex-mac", "Webex for Mac", "Webex app (Windows, Mac, iOS, Android, web)"},
    {"webex-windows", "Webex for Windows", "Webex app (Windows, Mac, iOS, Android, web)"},
    {"webex-ios", "Webex for iOS", "Webex app (Windows, Mac, iOS, Android, web)"},
    {"webex-android", "Webex for Android", "Webex app (Windows, Mac, iOS, Android, web)"},
    {"webex-web", "Webex web app", "Webex app (Windows, Mac, iOS, Android, web)"},
    {"cisco-video-device", "Cisco video devices", "Cisco video devices"},
    {"webex-video-mesh", "Webex Video Mesh Node", "Webex Video Mesh"},
    {"hybrid-data-security", "Hybrid Data Security node", "Hybrid Data Security"},
    {"hybrid-management-connector", "Hybrid Services host management connector",
     "Hybrid Services directory, calendar, management connectors"},
    {"hybrid-directory-connector", "Hybrid Services directory connector",
     "Hybrid Services directory, calendar, management connectors"},
    {"hybrid-calendar-connector", "Hybrid Services calendar connector",
     "Hybrid Services directory, calendar, management connectors"},
    {"hybrid-call-connector", "Hybrid Services call connector", NULL},
};

static const struct spec_product *find_product(const struct shipped *s, const char *key)
{
    const struct spec_product *items = s->spec.webex.products.items;
    for (size_t i = 0; i < s->spec.webex.products.count; i++)
        if (strcmp(items[i].head.name, key) == 0)
            return &items[i];
    ck_abort_msg("there is no product %s", key);
    return NULL;
}

START_TEST(every_product_can_do_what_the_table_says)
{
    struct shipped s;
    struct table t;
    size_t rows = 0;
    open_shipped(&s);
    open_table(&t, "tests/data/facts/proxy-auth-support.tsv");
    for (; next_row(&t); rows++) {
        const struct spec_product *p = NULL;
        for (size_t i = 0; i < ARRAY_LEN(products); i++)
            if (str_eq(t.columns[0], str_of(products[i].name)))
                p = find_product(&s, products[i].key);
        ck_assert_msg(p != NULL, "%.*s", STR_ARG(t.columns[0]));
        ck_assert_msg(str_eq(str_of(p->name.text), t.columns[0]), "%s", p->name.text);
        struct str auth = t.columns[1];
        for (size_t i = 0; i < p->auth.count; i++)
            ck_assert_msg(str_eq(str_cut(&auth, ','), str_of(p->auth.items[i].text)), "%s",
                          p->head.name);
        ck_assert_msg(auth.len == 0, "%s: %.*s is left", p->head.name, STR_ARG(auth));
    }
    ck_assert_uint_eq(rows, s.spec.webex.products.count);
    ck_assert_uint_eq(rows, ARRAY_LEN(products));
    mem_free(t.text);
    close_shipped(&s);
}
END_TEST

START_TEST(every_product_trusts_a_ca_as_the_table_says)
{
    struct shipped s;
    open_shipped(&s);
    for (size_t i = 0; i < ARRAY_LEN(products); i++) {
        struct table t;
        const struct spec_product *p = find_product(&s, products[i].key);
        bool is_in_table = false;
        open_table(&t, "tests/data/facts/tls-inspection-support.tsv");
        while (next_row(&t)) {
            if (products[i].ca_row == NULL || !str_eq(t.columns[0], str_of(products[i].ca_row)))
                continue;
            is_in_table = true;
            ck_assert(p->custom_ca.is_set);
            ck_assert_msg((p->custom_ca.value != 0) == str_starts(t.columns[1], STR_LIT("yes")),
                          "%s", p->head.name);
        }
        ck_assert_msg(is_in_table == p->custom_ca.is_set, "%s", p->head.name);
        mem_free(t.text);
    }
    close_shipped(&s);
}
END_TEST

START_TEST(the_shipped_configuration_has_no_fault_and_no_warning)
{
    struct errlist faults;
    char line[1024];
    errlist_init(&faults);
    struct config *c = config_load(project_path("conf/sallyport.conf"), &faults);
    if (c != NULL)
        policy_lint(c->policy, &faults);
    if (faults.count > 0)
        ck_abort_msg("%s", err_format(&faults.items[0], line, sizeof(line)));
    ck_assert_uint_eq(c->listener_count, 2);
    for (size_t i = 0; i < c->listener_count; i++)
        ck_assert_uint_eq(c->listeners[i].at.port, 3128);
    ck_assert(c->admin.is_on);
    ck_assert_uint_eq(c->admin.at.port, 3129);
    ck_assert_uint_eq(c->product_count, ARRAY_LEN(products));
    ck_assert_str_eq(c->log.access, "-");
    config_unref(c);
    errlist_fini(&faults);
}
END_TEST

static const struct {
    const char *name;
    uint16_t port;
    enum policy_action action;
} questions[] = {
    {"webex.com", 443, POLICY_ALLOW},       {"a.b.wbx2.com", 443, POLICY_ALLOW},
    {"web.webex.com", 80, POLICY_DENY},     {"web.webex.com", 5004, POLICY_DENY},
    {"api.giphy.com", 443, POLICY_ALLOW},   {"x.clouddrive.com", 443, POLICY_ALLOW},
    {"23.89.1.2", 443, POLICY_ALLOW},       {"23.89.1.2", 5004, POLICY_ALLOW},
    {"23.89.1.2", 80, POLICY_DENY},         {"2402:2500::1", 5004, POLICY_ALLOW},
    {"hub.docker.com", 443, POLICY_DENY},   {"s3.amazonaws.com", 443, POLICY_DENY},
    {"x.cloudfront.net", 443, POLICY_DENY}, {"example.com", 443, POLICY_DENY},
    {"127.0.0.1", 443, POLICY_DENY},        {"msftncsi.com", 443, POLICY_DENY},
};

START_TEST(the_shipped_configuration_opens_webex_and_nothing_else)
{
    struct errlist faults;
    struct host host;
    struct policy_verdict v;
    struct addr client;
    errlist_init(&faults);
    struct config *c = config_load(project_path("conf/sallyport.conf"), &faults);
    ck_assert_ptr_nonnull(c);
    struct policy_scratch *scratch = policy_scratch_new(c->policy);
    ck_assert_int_eq(addr_parse(&client, STR_LIT("127.0.0.1")), 0);
    ck_assert_ptr_null(host_parse(&host, str_of(questions[_i].name)));
    struct policy_query q = {.host = &host, .port = questions[_i].port,
                             .scheme = POLICY_CONNECT, .method = STR_LIT("CONNECT"),
                             .client = &client};
    policy_eval(c->policy, &q, scratch, &v);
    ck_assert_msg(v.action == questions[_i].action, "%s:%u", questions[_i].name,
                  (unsigned)q.port);
    policy_scratch_free(scratch);
    config_unref(c);
    errlist_fini(&faults);
}
END_TEST

Suite *webex_suite(void)
{
    Suite *s = suite_create("webex");
    TCase *t = tcase_create("shipped");
    tcase_add_test(t, every_domain_stands_in_the_set_of_its_need);
    tcase_add_test(t, every_media_subnet_stands_in_webex_media);
    tcase_add_test(t, there_are_seven_sets_and_a_date);
    tcase_add_test(t, every_product_can_do_what_the_table_says);
    tcase_add_test(t, every_product_trusts_a_ca_as_the_table_says);
    tcase_add_test(t, the_shipped_configuration_has_no_fault_and_no_warning);
    tcase_add_loop_test(t, the_shipped_configuration_opens_webex_and_nothing_else, 0,
                        ARRAY_LEN(questions));
    suite_add_tcase(s, t);
    return s;
}
