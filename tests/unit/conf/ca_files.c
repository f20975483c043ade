/* SPDX-License-Identifier: MIT */
/* ca_files.c - a folder with a CA for one test; see ca_files.h. */
#include "tests/unit/conf/ca_files.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "certs/ca.h"
#include "certs/pem.h"
#include "util/mem.h"

#define YEAR ((time_t)31557600)

static const char *const NAMES[] = {"ca.pem", "ca.key", "open-ca.key", "both.pem", "old.pem",
                                    "text.pem"};

static void name_file(const struct ca_files *f, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", f->path, name);
}

static void write_file(const struct ca_files *f, const char *name, const char *first,
                       const char *second, mode_t mode)
{
    char path[128];
    name_file(f, name, path);
    FILE *out = fopen(path, "wb");
    ck_assert_ptr_nonnull(out);
    ck_assert_int_ge(fprintf(out, "%s%s", first, second), 0);
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static void make_ca(struct ca *ca, time_t now)
{
    struct err e;
    struct ca_request request = {
        .name = STR_LIT("Test CA"), .key_type = CA_KEY_EC, .days = 200, .now = now};
    ck_assert_msg(ca_make(ca, &request, &e) == 0, "%s", e.text);
}

static void write_old(const struct ca_files *f)
{
    struct ca old;
    size_t len;
    make_ca(&old, time(NULL) - YEAR);
    char *cert = pem_write_certificates(&old.cert, 1, &len);
    ck_assert_ptr_nonnull(cert);
    write_file(f, "old.pem", cert, "", 0644);
    mem_free(cert);
    ca_fini(&old);
}

void ca_files_make(struct ca_files *f)
{
    struct ca ca;
    size_t len;
    char path[128];
    snprintf(f->path, sizeof(f->path), "/tmp/sallyport-ca-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->path));
    make_ca(&ca, time(NULL));
    char *cert = pem_write_certificates(&ca.cert, 1, &len);
    char *key = pem_write_key(ca.key, &len);
    ck_assert(cert != NULL && key != NULL);
    write_file(f, "ca.pem", cert, "", 0644);
    write_file(f, "ca.key", key, "", 0600);
    write_file(f, "open-ca.key", key, "", 0644);
    write_file(f, "both.pem", cert, key, 0600);
    write_file(f, "text.pem", "no certificate\n", "", 0644);
    write_old(f);
    name_file(f, "folder", path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    mem_free(cert);
    mem_free(key);
    ca_fini(&ca);
}

void ca_files_remove(struct ca_files *f)
{
    char path[128];
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        name_file(f, NAMES[i], path);
        ck_assert_int_eq(unlink(path), 0);
    }
    name_file(f, "folder", path);
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(rmdir(f->path), 0);
}
