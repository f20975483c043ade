/* SPDX-License-Identifier: MIT */
/* test_hello_clients.c - hellos of real clients, in every cut and in many records. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/hello.h"
#include "tests/unit/certs/hello_look.h"
#include "tests/unit/certs/hello_maker.h"

Suite *hello_clients_suite(void);

static struct maker m;

/* In two pieces, or in one where the first says enough. */
static enum parse read_cut(struct str bytes, size_t cut, struct hello *h)
{
    struct hello_scanner s = {0};
    enum parse rc = hello_look(&s, (struct str){bytes.ptr, cut}, h);
    return rc == PARSE_MORE ? hello_look(&s, bytes, h) : rc;
}

struct row {
    char client[100], sni[HELLO_NAME_MAX + 1], alpn[64];
    unsigned version;
    bool has_ech;
    char bytes[4096];
    size_t len;
};

static FILE *open_rows(void)
{
    char path[1024], line[256];
    snprintf(path, sizeof(path), "%s/tests/data/tls/hellos.tsv", getenv("SALLYPORT_ROOT"));
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s", path);
    do
        ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
    while (line[0] == '#');
    return f;
}

static bool next_row(FILE *f, struct row *r)
{
    static char line[16384], hex[9000];
    char ech[8];
    unsigned byte;
    if (fgets(line, sizeof(line), f) == NULL)
        return false;
    int count = sscanf(line, "%99[^\t]\t%x\t%253[^\t]\t%63[^\t]\t%7[^\t]\t%8999s", r->client,
                       &r->version, r->sni, r->alpn, ech, hex);
    ck_assert_int_eq(count, 6);
    r->has_ech = strcmp(ech, "yes") == 0;
    r->len = strlen(hex) / 2;
    ck_assert_uint_le(r->len, sizeof(r->bytes));
    for (size_t i = 0; i < r->len; i++) {
        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        r->bytes[i] = (char)byte;
    }
    return true;
}

static void check_row(const struct row *r, const struct hello *h, size_t len)
{
    char alpn[256] = "-";
    struct str protocol;
    size_t at = 0, used = 0;
    while (hello_next_protocol(h, &at, &protocol))
        used += (size_t)snprintf(alpn + used, sizeof(alpn) - used, "%s%.*s", used ? "," : "",
                                 STR_ARG(protocol));
    ck_assert_str_eq(alpn, r->alpn);
    ck_assert_uint_eq(h->version, r->version);
    ck_assert_uint_eq(h->has_ech, r->has_ech);
    ck_assert_uint_eq(h->len, len);
    ck_assert(!h->is_alpn_cut);
    if (strcmp(r->sni, "-") == 0) {
        ck_assert_uint_eq(h->sni, HELLO_SNI_NONE);
        ck_assert_uint_eq(h->name_len, 0);
        return;
    }
    ck_assert_uint_eq(h->sni, HELLO_SNI_NAME);
    ck_assert_msg(str_eq(hello_name(h), str_of(r->sni)), "%s", r->client);
}

START_TEST(real_hellos_in_every_cut)
{
    static struct row r;
    struct hello h;
    unsigned rows = 0, large = 0;
    size_t used;
    FILE *f = open_rows();
    for (; next_row(f, &r); rows++) {
        struct str bytes = {r.bytes, r.len};
        large += r.len > 1500;
        for (size_t cut = 0; cut <= r.len; cut++) {
            ck_assert_msg(read_cut(bytes, cut, &h) == PARSE_OK, "%s at %zu", r.client, cut);
            check_row(&r, &h, r.len);
        }
        ck_assert_int_eq(hello_look_bytewise(bytes, &h, &used), PARSE_OK);
        ck_assert_uint_eq(used, r.len);
        check_row(&r, &h, r.len);
    }
    ck_assert_uint_ge(rows, 15);
    ck_assert_uint_ge(large, 2);
    fclose(f);
}
END_TEST

START_TEST(real_hellos_in_many_records)
{
    static const size_t SIZES[] = {1, 2, 3, 4, 5, 9, 43, 100, 512, 1024};
    static struct row r;
    struct hello h;
    size_t used;
    FILE *f = open_rows();
    while (next_row(f, &r))
        for (size_t i = 0; i < ARRAY_LEN(SIZES); i++) {
            struct str bytes = maker_cut(&m, (struct str){r.bytes + 5, r.len - 5}, SIZES[i]);
            ck_assert_msg(hello_look_once(bytes, &h) == PARSE_OK, "%s by %zu", r.client, SIZES[i]);
            check_row(&r, &h, bytes.len);
            ck_assert_int_eq(hello_look_bytewise(bytes, &h, &used), PARSE_OK);
            ck_assert_uint_eq(used, bytes.len);
            check_row(&r, &h, bytes.len);
        }
    fclose(f);
}
END_TEST

/* Early data, or an alert: none of ours, and not looked at. */
START_TEST(what_is_behind_makes_no_difference)
{
    static char bytes[9000];
    static struct row r;
    struct hello h;
    FILE *f = open_rows();
    while (next_row(f, &r)) {
        memcpy(bytes, r.bytes, r.len);
        for (int fill = 0; fill < 256; fill += 5) {
            memset(bytes + r.len, fill, 100);
            ck_assert_int_eq(hello_look_once((struct str){bytes, r.len + 100}, &h), PARSE_OK);
            check_row(&r, &h, r.len);
        }
    }
    fclose(f);
}
END_TEST

/* Any byte wrong: never a step beyond, and the same verdict however it comes. */
START_TEST(one_wrong_byte)
{
    static const unsigned char WRONG[] = {0x01, 0x80, 0xff, 0x10};
    static struct row r;
    struct hello h;
    size_t used;
    FILE *f = open_rows();
    for (unsigned row = 0; next_row(f, &r); row++)
        for (size_t i = 0; i < r.len && row < 8; i++)
            for (size_t k = 0; k < ARRAY_LEN(WRONG); k++) {
                struct str bytes = {r.bytes, r.len};
                r.bytes[i] = (char)(r.bytes[i] ^ WRONG[k]);
                enum parse whole = hello_look_once(bytes, &h);
                ck_assert_int_eq(hello_look_bytewise(bytes, &h, &used), whole);
                r.bytes[i] = (char)(r.bytes[i] ^ WRONG[k]);
            }
    fclose(f);
}
END_TEST

Suite *hello_clients_suite(void)
{
    Suite *suite = suite_create("hello_clients");
    TCase *tc = tcase_create("hello_clients");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, real_hellos_in_every_cut);
    tcase_add_test(tc, real_hellos_in_many_records);
    tcase_add_test(tc, what_is_behind_makes_no_difference);
    tcase_add_test(tc, one_wrong_byte);
    suite_add_tcase(suite, tc);
    return suite;
}
