/* SPDX-License-Identifier: MIT */
/* auth_rig.c - the rig with authentication; see auth_rig.h. */
#include "tests/unit/core/auth_rig.h"

#include <krb5.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/core/flow.h"
#include "tests/unit/core/must.h"
#include "util/clock.h"

static char folder[64];
static const char *const FILES[] = {"users", "digests", "hashes", "keytab", "basic", "ntlm",
                                    "krb5.conf"};

/* Made with htpasswd -B -C 4, sha256sum, and openssl dgst -md4. */
static const char USERS[] =
    "alice:$2y$04$JBfCkqhTO4XCe4pMiG4db.XqqqPRQ6lpAAXfvMDW2TgJxPzjtEIPi\n"
    "bob:$2y$04$BqrC1qTNH4iWP5zc3OS8we.DtXAMrs9PUqmuJFV1Qmlz8rtVM/CnC\n";
static const char DIGESTS[] =
    "alice:Test:a682e0666c874b1e9608e1ebc988e2e7a275fecbfc34e5c3bf605dc6ad4ff754\n";
static const char HASHES[] =
    "alice:1000:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:ED50BDC9FAA370E31AC4EE119FD51F48:"
    "[U          ]:LCT-6560D9A4:\n";
static const char BASIC_SCRIPT[] =
    "while read -r user password; do\n"
    "  case \"$user:$password\" in\n"
    "  alice:Secret1) echo 'OK group=staff' ;;\n"
    "  bob:*) echo 'BH the directory is away' ;;\n"
    "  nobody:*) exit 1 ;;\n"
    "  *) echo ERR ;;\n"
    "  esac\n"
    "done\n";
static const char NTLM_SCRIPT[] =
    "while read -r code token; do\n"
    "  case \"$code\" in\n"
    "  YR) echo 'TT " NTLM_CHALLENGE "' ;;\n"
    "  KK) printf '%s\\n' 'AF CORP\\alice' ;;\n"
    "  esac\n"
    "done\n";
static const char RULES[] =
    "guard = { deny_private = false; };\n"
    "destinations = { free = { domains = [ \"origin.test\" ]; };\n"
    "                 all = { domains = [ \"*\" ]; addresses = [ \"0.0.0.0/0\" ]; }; };\n"
    "rules = ( { name = \"free\"; to = [ \"free\" ]; ports = [ \"1-65535\" ];\n"
    "            action = \"allow\"; auth = \"none\"; },\n"
    "          { name = \"all\"; to = [ \"all\" ]; ports = [ \"1-65535\" ];\n"
    "            action = \"allow\"; } );\n";

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

void auth_rig_write(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    ck_assert_int_eq(chmod(path_of(name), 0600), 0);
}

static void write_keytab(void)
{
    krb5_context context;
    krb5_keytab keytab;
    krb5_keytab_entry entry = {.vno = 1};
    char name[160];
    snprintf(name, sizeof(name), "WRFILE:%s", path_of("keytab"));
    ck_assert_int_eq(krb5_init_context(&context), 0);
    ck_assert_int_eq(krb5_kt_resolve(context, name, &keytab), 0);
    ck_assert_int_eq(krb5_parse_name(context, "HTTP/proxy.test@TEST", &entry.principal), 0);
    ck_assert_int_eq(
        krb5_c_make_random_key(context, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &entry.key), 0);
    ck_assert_int_eq(krb5_kt_add_entry(context, keytab, &entry), 0);
    krb5_free_keytab_entry_contents(context, &entry);
    krb5_kt_close(context, keytab);
    krb5_free_context(context);
}

/* The library must not read the host's settings, nor leave a replay cache there. */
static void make_files(void)
{
    snprintf(folder, sizeof(folder), "/tmp/sallyport-auth-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    auth_rig_write("users", USERS);
    auth_rig_write("digests", DIGESTS);
    auth_rig_write("hashes", HASHES);
    auth_rig_write("basic", BASIC_SCRIPT);
    auth_rig_write("ntlm", NTLM_SCRIPT);
    auth_rig_write("krb5.conf", "[libdefaults]\ndefault_realm = TEST\n");
    setenv("KRB5_CONFIG", path_of("krb5.conf"), 1);
    setenv("KRB5RCACHENAME", "none:", 1);
    write_keytab();
}

static const char *complete(const char *members)
{
    static char text[8192];
    size_t len = (size_t)snprintf(text, sizeof(text), "%sauth = { realm = \"Test\";\n", RULES);
    while (*members != '\0') {
        size_t run = strcspn(members, "$");
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s%s", (int)run, members,
                                members[run] != '\0' ? folder : "");
        members += run + (members[run] != '\0' ? 2 : 0);
    }
    snprintf(text + len, sizeof(text) - len, "};\n");
    return text;
}

struct config *auth_rig_config(const char *members)
{
    return rig_config(complete(members));
}

void auth_rig_renew_authority(void)
{
    struct err e = {.line = 0};
    rig.shared.authority = authority_new(&e);
    ck_assert_msg(rig.shared.authority != NULL, "%s", e.text);
}

void auth_rig_drop_authority(void)
{
    authority_stop(rig.shared.authority);
    for (unsigned i = 0; i < 3; i++)
        rig_turn(); /* what has come back */
    authority_free(rig.shared.authority);
    rig.shared.authority = NULL;
}

void auth_rig_start(const char *members)
{
    make_files();
    rig_start(complete(members));
    auth_rig_renew_authority();
}

void auth_rig_stop(void)
{
    rig_wait_conns(0);
    if (rig.shared.authority != NULL)
        auth_rig_drop_authority();
    rig_stop();
    for (size_t i = 0; i < ARRAY_LEN(FILES); i++)
        unlink(path_of(FILES[i]));
    ck_assert_int_eq(rmdir(folder), 0);
}

size_t auth_rig_request(const char *credentials, char *out, size_t size)
{
    int len = snprintf(out, size, "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: 127.0.0.1\r\n%s%s%s\r\n",
                       (unsigned)rig.origin_port,
                       credentials != NULL ? "Proxy-Authorization: " : "",
                       credentials != NULL ? credentials : "", credentials != NULL ? "\r\n" : "");
    MUST(len > 0 && (size_t)len < size);
    return (size_t)len;
}

void auth_rig_send(int fd, const char *credentials)
{
    char text[8192];
    size_t len = auth_rig_request(credentials, text, sizeof(text));
    rig_send(fd, (struct str){text, len});
}

int auth_rig_open(const char *credentials)
{
    int fd = rig_connect();
    auth_rig_send(fd, credentials);
    return fd;
}

void auth_rig_expect(int fd, const char *status)
{
    char want[32];
    rig_clear();
    rig_expect(fd, "\r\n\r\n");
    snprintf(want, sizeof(want), "HTTP/1.1 %s ", status);
    if (strncmp(rig.text, want, strlen(want)) != 0)
        ck_abort_msg("no %s: '%s'", status, rig.text);
    const char *field = strstr(rig.text, "\r\nContent-Length: ");
    size_t head = (size_t)(strstr(rig.text, "\r\n\r\n") - rig.text) + 4;
    size_t whole = head + (field != NULL ? strtoul(field + 18, NULL, 10) : 0);
    uint64_t until = clock_usec() + 10000000;
    while (rig.text_len < whole) {
        MUST(rig_read(fd) && clock_usec() < until);
        rig_turn();
    }
    ck_assert_uint_eq(rig.text_len, whole);
}

void auth_rig_expect_in(const char *needle)
{
    ck_assert_msg(strstr(rig.text, needle) != NULL, "no '%s' in '%s'", needle, rig.text);
}

void auth_rig_expect_not_in(const char *needle)
{
    ck_assert_msg(strstr(rig.text, needle) == NULL, "'%s' in '%s'", needle, rig.text);
}

void auth_rig_expect_tunnel(int fd)
{
    auth_rig_expect(fd, "200");
    close(rig_accept());
    close(fd);
}

const char *auth_rig_token(const char *scheme)
{
    static char token[4096];
    char start[64];
    snprintf(start, sizeof(start), "\r\nProxy-Authenticate: %s ", scheme);
    const char *at = strstr(rig.text, start);
    ck_assert_msg(at != NULL, "no token: '%s'", rig.text);
    at += strlen(start);
    snprintf(token, sizeof(token), "%.*s", (int)strcspn(at, "\r"), at);
    return token;
}

uint64_t auth_rig_count(enum auth_scheme scheme, enum count_auth result)
{
    return count_read(&rig.worker->counters.auth[scheme][result]);
}
