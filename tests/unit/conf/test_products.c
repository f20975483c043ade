/* SPDX-License-Identifier: MIT */
/* test_products.c - who is left out by an auth section: every subset of the schemes
 * against the table of what the products can do, then rules and offers. */
#include "tests/unit/conf/suites.h"

#include <stdio.h>
#include <string.h>

#include "conf/config.h"
#include "tests/unit/conf/folder.h"
#include "util/mem.h"

#define LISTENER "listeners = ( { address = \"127.0.0.1\"; port = 3128; } );\n"
#define SECTIONS                                                                                 \
    "basic = { htpasswd = \"users.htpasswd\"; }; digest = { htdigest = \"users.htdigest\"; };\n"   \
    "ntlm = { smbpasswd = \"users.smbpasswd\"; }; negotiate = { };"
#define TEXT_MAX 4096

/* In the order of the bits of a subset. */
static const char *const SCHEMES[] = {"negotiate", "ntlm", "digest", "basic"};

static struct folder folder;

static void make_folder(void)
{
    folder_make(&folder);
}

static void remove_folder(void)
{
    folder_remove(&folder);
}

/* The warnings of a configuration that say who is stranded, a line each. */
static void collect(const char *text, char out[TEXT_MAX])
{
    char path[128];
    char line[1024];
    struct errlist faults;
    struct str content = str_of(text);
    snprintf(path, sizeof(path), "%s/t.conf", folder.path);
    errlist_init(&faults);
    struct config *c = config_parse(path, &content, &faults);
    if (c == NULL)
        ck_abort_msg("%s", err_format(&faults.items[0], line, sizeof(line)));
    out[0] = '\0';
    for (size_t i = 0; i < faults.count; i++) {
        const struct err *e = &faults.items[i];
        if (strstr(e->text, "stranded") == NULL)
            continue;
        ck_assert(e->is_warning);
        snprintf(out + strlen(out), TEXT_MAX - strlen(out), "%u: %s\n", e->line, e->text);
    }
    config_unref(c);
    errlist_fini(&faults);
}

static bool has_scheme(struct str list, const char *scheme)
{
    while (list.ptr != NULL)
        if (str_eq(str_cut(&list, ','), str_of(scheme)))
            return true;
    return false;
}

/* The names of those whom none of the schemes serves, from the table of facts. */
static size_t find_stranded(unsigned subset, char *out, size_t size)
{
    size_t len;
    size_t products = 0;
    char *text = read_project_file("tests/data/facts/proxy-auth-support.tsv", &len);
    struct str rest = {text, len};
    out[0] = '\0';
    while (rest.len != 0) {
        struct str row = str_cut(&rest, '\n');
        if (row.len == 0 || row.ptr[0] == '#' || str_starts(row, STR_LIT("product\t")))
            continue;
        struct str name = str_cut(&row, '\t');
        struct str schemes = str_cut(&row, '\t');
        bool is_served = false;
        products++;
        for (unsigned i = 0; i < ARRAY_LEN(SCHEMES); i++)
            is_served |= (subset >> i & 1) && has_scheme(schemes, SCHEMES[i]);
        if (!is_served)
            snprintf(out + strlen(out), size - strlen(out), "%s%.*s", out[0] ? ", " : "",
                     STR_ARG(name));
    }
    mem_free(text);
    return products;
}

START_TEST(every_subset_of_the_schemes_strands_whom_it_does_not_serve)
{
    unsigned subset = (unsigned)_i;
    char listed[128] = "";
    char offered[64] = "";
    char stranded[1024];
    char wanted[TEXT_MAX] = "";
    char found[TEXT_MAX];
    char text[TEXT_MAX];
    for (unsigned i = 0; i < ARRAY_LEN(SCHEMES); i++)
        if (subset >> i & 1) {
            snprintf(listed + strlen(listed), sizeof(listed) - strlen(listed), "%s\"%s\"",
                     listed[0] ? ", " : "", SCHEMES[i]);
            snprintf(offered + strlen(offered), sizeof(offered) - strlen(offered), "%s%s",
                     offered[0] ? ", " : "", SCHEMES[i]);
        }
    ck_assert_uint_eq(find_stranded(subset, stranded, sizeof(stranded)), 12);
    snprintf(text, sizeof(text),
             "auth = { schemes = [ %s ];\n" SECTIONS " };\n" LISTENER "@include \"%s\"\n"
             "rules = ( { name = \"w\"; to = [ \"webex\" ]; action = \"allow\"; } );\n",
             listed, project_path("conf/webex.conf"));
    if (stranded[0] != '\0')
        snprintf(wanted, sizeof(wanted), "1: auth offers only %s: %s are stranded\n", offered,
                 stranded);
    collect(text, found);
    ck_assert_str_eq(found, wanted);
}
END_TEST

/* Some have to be served and some not, or the loop above shows nothing. */
START_TEST(the_table_of_facts_has_both)
{
    char stranded[1024];
    ck_assert_uint_eq(find_stranded(8, stranded, sizeof(stranded)), 12);
    ck_assert_str_eq(stranded, "");
    ck_assert_uint_eq(find_stranded(1, stranded, sizeof(stranded)), 12);
    ck_assert_ptr_nonnull(strstr(stranded, "Webex for Windows"));
    ck_assert_ptr_null(strstr(stranded, "Webex web app"));
}
END_TEST

#define TWO                                                                                       \
    "webex = { destinations = { webex = { domains = [ \"*.webex.com\" ]; }; };\n"                \
    "products = { mac = { name = \"Mac\"; auth = [ \"none\", \"ntlm\" ]; };\n"                   \
    "video = { name = \"Video\"; auth = [ \"none\", \"digest\" ]; }; }; };\n"
#define SOURCES                                                                                  \
    "sources = { rooms = { addresses = [ \"10.2.0.0/16\" ]; product = \"video\"; };\n"           \
    "office = { addresses = [ \"10.3.0.0/16\" ]; };\n"                                           \
    "staff = { users = [ \"alice\" ]; }; };\n"
#define DESTINATIONS "destinations = { own = { domains = [ \"own.test\" ]; }; };\n"

/* The auth section stands on lines 1 to 3: the section, its schemes, its offers. */
static const struct {
    const char *name, *schemes, *offers, *rules, *wanted;
} CASES[] = {
    {"both schemes", "\"ntlm\", \"digest\"", "", "{ name = \"w\"; to = [ \"webex\" ]; %s }", ""},
    {"one of them", "\"ntlm\"", "", "{ name = \"w\"; to = [ \"webex\" ]; %s }",
     "2: auth offers only ntlm: Video are stranded\n"},
    {"a rule for everything", "\"ntlm\"", "", "{ name = \"w\"; %s }",
     "2: auth offers only ntlm: Video are stranded\n"},
    {"nobody is asked", "\"ntlm\"", "",
     "{ name = \"w\"; to = [ \"webex\" ]; auth = \"none\"; %s }, { name = \"o\"; to = [ \"own\" ]; "
     "%s }",
     ""},
    {"the rooms are not asked", "\"ntlm\"", "",
     "{ name = \"r\"; from = [ \"rooms\" ]; to = [ \"webex\" ]; auth = \"none\"; %s }, "
     "{ name = \"w\"; to = [ \"webex\" ]; %s }",
     ""},
    {"the rooms are asked first", "\"ntlm\"", "",
     "{ name = \"w\"; to = [ \"webex\" ]; %s }, "
     "{ name = \"r\"; from = [ \"rooms\" ]; to = [ \"webex\" ]; auth = \"none\"; %s }",
     "2: auth offers only ntlm: Video are stranded\n"},
    {"the office is not asked", "\"basic\"", "",
     "{ name = \"r\"; from = [ \"office\" ]; to = [ \"webex\" ]; auth = \"none\"; %s }, "
     "{ name = \"w\"; to = [ \"webex\" ]; %s }",
     ""},
    {"users are asked, whatever the rule says", "\"ntlm\"", "",
     "{ name = \"r\"; from = [ \"staff\" ]; to = [ \"webex\" ]; auth = \"none\"; %s }",
     "2: auth offers only ntlm: Video are stranded\n"},
    {"an offer for the rooms", "\"ntlm\"", "{ from = [ \"rooms\" ]; schemes = [ \"digest\" ]; }",
     "{ name = \"w\"; to = [ \"webex\" ]; %s }", ""},
    {"an offer for the rooms that does not help", "\"ntlm\"",
     "{ from = [ \"rooms\" ]; schemes = [ \"basic\", \"ntlm\" ]; }",
     "{ name = \"w\"; to = [ \"webex\" ]; %s }",
     "3: auth offers rooms only basic, ntlm: Video are stranded\n"},
    {"two offers, two stranded", "\"negotiate\"",
     "{ from = [ \"rooms\" ]; schemes = [ \"basic\" ]; }",
     "{ name = \"w\"; to = [ \"webex\" ]; %s }",
     "3: auth offers rooms only basic: Video are stranded\n"
     "2: auth offers only negotiate: Mac are stranded\n"},
    {"an offer for the source of the rule", "\"ntlm\"",
     "{ from = [ \"office\" ]; schemes = [ \"digest\", \"ntlm\" ]; }",
     "{ name = \"w\"; from = [ \"office\" ]; to = [ \"webex\" ]; %s }", ""},
    {"an offer for others", "\"ntlm\"", "{ from = [ \"office\" ]; schemes = [ \"digest\" ]; }",
     "{ name = \"w\"; to = [ \"webex\" ]; %s }",
     "2: auth offers only ntlm: Video are stranded\n"},
    {"only the rooms", "\"digest\"", "",
     "{ name = \"w\"; from = [ \"rooms\" ]; to = [ \"webex\" ]; %s }",
     "1: no rule allows the set webex: Mac are stranded\n"},
    {"no rule for webex", "\"ntlm\", \"digest\"", "", "{ name = \"o\"; to = [ \"own\" ]; %s }",
     "1: no rule allows the set webex: Mac, Video are stranded\n"},
    {"other ports and methods", "\"ntlm\", \"digest\"", "",
     "{ name = \"p\"; ports = [ 5004 ]; %s }, { name = \"m\"; methods = [ \"GET\" ]; %s }",
     "1: no rule allows the set webex: Mac, Video are stranded\n"},
    {"ports and methods that fit", "\"ntlm\", \"digest\"", "",
     "{ name = \"p\"; ports = ( 80, \"440-450\" ); methods = [ \"GET\", \"CONNECT\" ]; %s }", ""},
    {"a rule that denies", "\"ntlm\", \"digest\"", "",
     "{ name = \"d\"; to = [ \"webex\" ]; action = \"deny\"; }, "
     "{ name = \"o\"; to = [ \"own\" ]; %s }",
     "1: no rule allows the set webex: Mac, Video are stranded\n"},
};

/* Writes template with "action = allow" for each %s. */
static void fill_rules(const char *template, char *out, size_t size)
{
    const char *hole;
    out[0] = '\0';
    for (; (hole = strstr(template, "%s")) != NULL; template = hole + 2)
        snprintf(out + strlen(out), size - strlen(out), "%.*saction = \"allow\";",
                 (int)(hole - template), template);
    snprintf(out + strlen(out), size - strlen(out), "%s", template);
}

START_TEST(rules_and_offers_count)
{
    char rules[1024];
    char text[TEXT_MAX];
    char found[TEXT_MAX];
    bool has_offers = CASES[_i].offers[0] != '\0';
    fill_rules(CASES[_i].rules, rules, sizeof(rules));
    snprintf(text, sizeof(text),
             "auth = {\nschemes = [ %s ];\n%s%s%s\n" SECTIONS " };\n" LISTENER TWO SOURCES
             DESTINATIONS "rules = ( %s );\n",
             CASES[_i].schemes, has_offers ? "offers = ( " : "", CASES[_i].offers,
             has_offers ? " );" : "", rules);
    collect(text, found);
    ck_assert_msg(strcmp(found, CASES[_i].wanted) == 0, "%s: got\n%s, not\n%s", CASES[_i].name,
                  found, CASES[_i].wanted);
}
END_TEST

START_TEST(without_a_webex_set_each_rule_that_allows_counts)
{
    char found[TEXT_MAX];
    collect("auth = { basic = { htpasswd = \"users.htpasswd\"; }; };\n" LISTENER DESTINATIONS
            "webex = { products = { p = { name = \"P\"; auth = [ \"basic\" ]; };\n"
            "q = { name = \"Q\"; auth = [ \"none\", \"ntlm\" ]; }; }; };\n"
            "rules = ( { name = \"o\"; to = [ \"own\" ]; action = \"allow\"; } );\n",
            found);
    ck_assert_str_eq(found, "1: auth offers only basic: Q are stranded\n");
    collect("auth = { basic = { htpasswd = \"users.htpasswd\"; }; };\n" LISTENER DESTINATIONS
            "webex = { products = { p = { name = \"P\"; auth = [ \"basic\" ]; };\n"
            "q = { name = \"Q\"; auth = [ \"none\", \"ntlm\" ]; }; }; };\n"
            "rules = ( { name = \"o\"; to = [ \"own\" ]; action = \"allow\"; },\n"
            "{ name = \"n\"; action = \"allow\"; auth = \"none\"; } );\n",
            found);
    ck_assert_str_eq(found, "");
}
END_TEST

START_TEST(where_nobody_is_asked_nobody_is_stranded)
{
    char found[TEXT_MAX];
    collect(LISTENER TWO "rules = ( { name = \"d\"; action = \"deny\"; } );\n", found);
    ck_assert_str_eq(found, "");
}
END_TEST

Suite *products_suite(void)
{
    Suite *s = suite_create("products");
    TCase *t = tcase_create("products");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_add_loop_test(t, every_subset_of_the_schemes_strands_whom_it_does_not_serve, 1, 16);
    tcase_add_test(t, the_table_of_facts_has_both);
    tcase_add_loop_test(t, rules_and_offers_count, 0, (int)ARRAY_LEN(CASES));
    tcase_add_test(t, without_a_webex_set_each_rule_that_allows_counts);
    tcase_add_test(t, where_nobody_is_asked_nobody_is_stranded);
    suite_add_tcase(s, t);
    return s;
}
