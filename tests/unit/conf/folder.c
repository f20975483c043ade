/* SPDX-License-Identifier: MIT */
/* folder.c - a folder of accounts for one test; see folder.h. */
#include "tests/unit/conf/folder.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/attr.h"

/* The hashes are those of crypt(3), and of Python's hashlib over user:realm:password.
 * The NT hash is that of [MS-NLMP] for "Password". */
#define HTDIGEST                                                                                 \
    "alice:Sallyport:c7843ce1cdf960ff92eae4c445b3a1fc\n"                                         \
    "alice:Sallyport:b8f6e93be9ff75cd84a2101116feedc6123b48c1820cc2328435b2f12fdb4fb4\n"
#define SMBPASSWD                                                                                \
    "alice:1000:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:A4F49C406510BDCAB6824EE7C30FD852:"               \
    "[U          ]:LCT-00000000:\n"
#define SECRET "0123456789abcdef0123456789abcdef\n"

static const struct {
    const char *name, *text;
    unsigned mode;
} FILES[] = {
    {"users.htpasswd", "alice:$5$rounds=1000$salt$qOfjCda6YN/JiGzcA4MkoJaIXdhJzf.qd.KJPQZ7TA/\n",
     0600},
    {"users.htdigest", HTDIGEST, 0600},
    {"open-users.htdigest", HTDIGEST, 0644},
    {"md5.htdigest", "alice:Sallyport:c7843ce1cdf960ff92eae4c445b3a1fc\n", 0600},
    {"users.smbpasswd", SMBPASSWD, 0600},
    {"open-users.smbpasswd", SMBPASSWD, 0640},
    {"groups", "Staff: alice\nplayers: alice bob\n", 0644},
    {"secret", SECRET, 0600},
    {"open-secret", SECRET, 0604},
    {"secret-15", "0123456789abcde\n\r\n", 0600},
    {"secret-16", "0123456789abcdef", 0600},
    {"helper", "#!/bin/sh\nexit 0\n", 0700},
    {"the helper", "#!/bin/sh\nexit 0\n", 0700},
    {"no-helper", "#!/bin/sh\nexit 0\n", 0600},
    {"bad.htpasswd", "alice\n", 0600},
    {"empty", "", 0600},
};

void folder_make(struct folder *f)
{
    snprintf(f->path, sizeof(f->path), "/tmp/sallyport-accounts-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->path));
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", f->path, FILES[i].name);
        FILE *out = fopen(path, "wb");
        ck_assert_ptr_nonnull(out);
        ck_assert_int_ge(fputs(FILES[i].text, out), 0);
        ck_assert_int_eq(fclose(out), 0);
        ck_assert_int_eq(chmod(path, FILES[i].mode), 0);
    }
}

void folder_remove(struct folder *f)
{
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", f->path, FILES[i].name);
        ck_assert_int_eq(unlink(path), 0);
    }
    ck_assert_int_eq(rmdir(f->path), 0);
}
