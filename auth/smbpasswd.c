/* SPDX-License-Identifier: MIT */
/* smbpasswd.c - reads a smbpasswd(5) file; see smbpasswd.h. */
#include "auth/smbpasswd.h"

#include <openssl/crypto.h>

#include "auth/utf16.h"
#include "util/mem.h"

#define HEX_SIZE (2 * NTHASH_SIZE)

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char lower = str_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Whether Samba wrote instead of a hash that there is none: X's, stars, or NO PASSWORD. */
static bool is_no_hash(struct str field)
{
    return str_starts(field, STR_LIT("NO PASSWORD")) || str_starts(field, STR_LIT("XXXX")) ||
           str_starts(field, STR_LIT("****"));
}

/* -1: the field is neither a hash nor a word for none. */
static int read_hash(struct str field, unsigned char hash[NTHASH_SIZE], bool *is_there)
{
    *is_there = false;
    if (field.len != HEX_SIZE)
        return -1;
    if (is_no_hash(field))
        return 0;
    for (size_t i = 0; i < NTHASH_SIZE; i++) {
        int high = hex_digit(field.ptr[2 * i]), low = hex_digit(field.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    *is_there = true;
    return 0;
}

/* "[UX         ]", or nothing in files of old; -1: something else. D is a disabled
 * account, L a locked one; W, S and I are machines and domains. */
static int read_flags(struct str field, bool *is_user)
{
    *is_user = true;
    if (!str_starts(field, STR_LIT("[")))
        return field.len == 0 || str_starts(field, STR_LIT("LCT-")) ? 0 : -1;
    if (!str_ends(field, STR_LIT("]")))
        return -1;
    for (size_t i = 1; i + 1 < field.len; i++) {
        if (memchr("UDLWSINHTMX ", field.ptr[i], 12) == NULL)
            return -1;
        if (memchr("DLWSI", field.ptr[i], 5) != NULL)
            *is_user = false;
    }
    return 0;
}

static bool is_name(struct str name)
{
    unsigned char units[2 * ACCOUNT_NAME_MAX];
    size_t len;
    if (name.len == 0 || name.len > ACCOUNT_NAME_MAX ||
        utf16_from_utf8(name, units, sizeof(units), &len) != 0)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
            return false;
    return true;
}

/* The hash of an empty password: Samba lets everybody in with it who is asked for none. */
static bool is_empty_password(const unsigned char hash[NTHASH_SIZE])
{
    unsigned char empty[NTHASH_SIZE];
    return nthash_make((struct str){NULL, 0}, empty) == 0 &&
           CRYPTO_memcmp(hash, empty, NTHASH_SIZE) == 0;
}

/* The fields behind the name. False: at fault, and reported. */
static bool read_account(struct str rest, struct str name, const struct place *at,
                         struct smbpasswd_account *account, struct errlist *faults)
{
    unsigned char lm_hash[NTHASH_SIZE];
    uint64_t uid;
    bool has_lm, has_hash, is_user;
    size_t before = faults->errors;
    if (str_to_u64(str_cut(&rest, ':'), UINT32_MAX, &uid) != 0)
        errlist_add(faults, at, "the user ID of \"%.*s\" is not a number", STR_ARG(name));
    if (read_hash(str_cut(&rest, ':'), lm_hash, &has_lm) != 0)
        errlist_add(faults, at, "the LM hash of \"%.*s\" is not 32 hexadecimal digits or X's",
                    STR_ARG(name));
    OPENSSL_cleanse(lm_hash, sizeof(lm_hash));
    if (read_hash(str_cut(&rest, ':'), account->nt_hash, &has_hash) != 0)
        errlist_add(faults, at, "the NT hash of \"%.*s\" is not 32 hexadecimal digits or X's",
                    STR_ARG(name));
    if (read_flags(str_cut(&rest, ':'), &is_user) != 0)
        errlist_add(faults, at, "the flags of \"%.*s\" are not like \"[U          ]\"",
                    STR_ARG(name));
    if (faults->errors != before)
        return false;
    account->is_usable = has_hash && is_user;
    if (account->is_usable && is_empty_password(account->nt_hash)) {
        errlist_warn(faults, at, "\"%.*s\" has an empty password and cannot log in", STR_ARG(name));
        account->is_usable = false;
    }
    return true;
}

static void read_line(struct accounts *accounts, struct str line, const struct place *at,
                      size_t *usable, struct errlist *faults)
{
    struct smbpasswd_account account = {.is_usable = false};
    bool is_new;
    if (str_find(line, ':') == line.len) {
        errlist_add(faults, at, "this is no line of smbpasswd: there is no colon in it");
        return;
    }
    struct str name = str_cut(&line, ':');
    if (!is_name(name)) {
        errlist_add(faults, at, "a user name must be 1 to %d bytes of printable UTF-8",
                    ACCOUNT_NAME_MAX);
        return;
    }
    if (read_account(line, name, at, &account, faults)) {
        struct smbpasswd_account *slot = accounts_add(accounts, name, &is_new);
        if (!is_new)
            errlist_add(faults, at, "\"%.*s\" is in this file twice", STR_ARG(name));
        else
            *slot = account;
        *usable += account.is_usable;
    }
    OPENSSL_cleanse(&account, sizeof(account));
}

struct accounts *smbpasswd_read(struct str text, const char *file, struct errlist *faults)
{
    struct accounts *accounts = accounts_new(sizeof(struct smbpasswd_account), true);
    struct place at = {file, 0};
    size_t usable = 0, before = faults->errors;
    while (text.len > 0) {
        struct str line = str_cut(&text, '\n');
        at.line++;
        if (str_ends(line, STR_LIT("\r")))
            line.len--;
        if (str_trim(line).len > 0 && line.ptr[0] != '#')
            read_line(accounts, line, &at, &usable, faults);
    }
    at.line = 0;
    if (usable == 0 && faults->errors == before)
        errlist_add(faults, &at, "nobody in this file can log in");
    if (faults->errors != before) {
        accounts_free(accounts);
        return NULL;
    }
    accounts_seal(accounts);
    return accounts;
}
