/* SPDX-License-Identifier: MIT */
/* account_file.c - one account in the text of a file of accounts; see account_file.h. */
#include "cli/account_file.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "auth/accounts.h"
#include "auth/crypt_form.h"
#include "auth/digest_hash.h"
#include "auth/file_line.h"
#include "auth/htpasswd.h"
#include "auth/nthash.h"
#include "auth/utf16.h"
#include "util/mem.h"

#define FIELDS_MAX 8
#define SMB_FIELDS 6
#define NOBODY 65534 /* the user's number in a new line of smbpasswd: nothing here reads it */

static const char *const names[] = {"htpasswd", "htdigest", "smbpasswd"};

const char *account_format_name(enum account_format format)
{
    return names[format];
}

enum account_format account_format_parse(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_LEN(names) && strcmp(name, names[i]) != 0)
        i++;
    return (enum account_format)i;
}

enum account_format account_format_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t i = 0;
    while (i < ARRAY_LEN(names) && strstr(slash != NULL ? slash : path, names[i]) == NULL)
        i++;
    return (enum account_format)i;
}

/* The fields of a line; the last holds all that is left. */
static size_t split(struct str line, struct str *fields, size_t max)
{
    size_t count = 0;
    while (count + 1 < max && str_find(line, ':') < line.len)
        fields[count++] = str_cut(&line, ':');
    fields[count++] = line;
    return count;
}

static bool is_hex(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (strchr("0123456789abcdefABCDEF", s.ptr[i]) == NULL || s.ptr[i] == '\0')
            return false;
    return true;
}

/* user:realm:hash; the realm may have colons. */
static bool split_htdigest(struct str line, struct str *user, struct str *realm, struct str *hash)
{
    *user = str_cut(&line, ':');
    size_t colon = line.len;
    while (colon > 0 && line.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    *realm = (struct str){line.ptr, colon - 1};
    *hash = (struct str){line.ptr + colon, line.len - colon};
    return true;
}

static bool is_htpasswd(const struct str *fields, size_t count)
{
    struct crypt_form form;
    if (count < 2 || count > 3)
        return false;
    struct str hash = str_trim(fields[1]);
    return hash.len == 0 || memchr("!*{", hash.ptr[0], 3) != NULL ||
           crypt_form_parse(&form, hash) == 0;
}

static enum account_format format_of_line(struct str line)
{
    struct str fields[FIELDS_MAX], user, realm, hash;
    uint64_t number;
    size_t count = split(line, fields, FIELDS_MAX);
    if (count >= 4 && fields[2].len == 32 && fields[3].len == 32 &&
        str_to_u64(fields[1], UINT32_MAX, &number) == 0)
        return ACCOUNT_SMBPASSWD;
    if (split_htdigest(line, &user, &realm, &hash) && (hash.len == 32 || hash.len == 64) &&
        is_hex(hash))
        return ACCOUNT_HTDIGEST;
    return is_htpasswd(fields, count) ? ACCOUNT_HTPASSWD : ACCOUNT_FORMATS;
}

enum account_format account_format_of_text(struct str text, bool *has_lines)
{
    struct file_lines lines = file_lines_of(text);
    struct str line;
    *has_lines = false;
    while (file_lines_next(&lines, &line)) {
        enum account_format format = format_of_line(line);
        *has_lines = true;
        if (format != ACCOUNT_FORMATS)
            return format;
    }
    return ACCOUNT_FORMATS;
}

int account_realm(struct str text, struct str *realm)
{
    struct file_lines lines = file_lines_of(text);
    struct str line, user, found, hash;
    *realm = (struct str){NULL, 0};
    while (file_lines_next(&lines, &line)) {
        if (!split_htdigest(line, &user, &found, &hash))
            continue;
        if (realm->len != 0 && !str_eq(found, *realm)) {
            *realm = found;
            return -1;
        }
        *realm = found;
    }
    return realm->len != 0 ? 0 : -1;
}

int account_check_user(enum account_format format, struct str user, struct err *e)
{
    unsigned char units[2 * ACCOUNT_NAME_MAX];
    size_t len;
    const char *fault = file_line_name_fault(user);
    if (fault == NULL && format == ACCOUNT_SMBPASSWD &&
        utf16_from_utf8(user, units, sizeof(units), &len) < 0)
        fault = "is not UTF-8";
    return fault != NULL ? err_set(e, NULL, "the user's name %s", fault) : 0;
}

/* A colon is left to files that have one already: htdigest(1) would not read it. */
int account_check_realm(struct str realm, struct err *e)
{
    if (realm.len == 0 || realm.len > 255)
        return err_set(e, NULL, "a realm has 1 to 255 bytes");
    if (file_line_has_control(realm))
        return err_set(e, NULL, "the realm has a control character");
    return 0;
}

static int make_htpasswd(struct account_lines *l, struct str user, struct str password,
                         struct err *e)
{
    char hash[HTPASSWD_HASH_MAX];
    if (password.len > 72)
        return err_set(e, NULL, "the password is longer than 72 bytes, and bcrypt would ignore "
                       "the rest");
    if (htpasswd_hash(password, hash) < 0)
        return err_set(e, NULL, "cannot make a hash: no memory or no random numbers");
    snprintf(l->text[0], sizeof(l->text[0]), "%.*s:%s", STR_ARG(user), hash);
    l->count = 1;
    OPENSSL_cleanse(hash, sizeof(hash));
    return 0;
}

static void make_htdigest(struct account_lines *l, struct str user, struct str realm,
                          struct str password)
{
    static const enum digest_algorithm algorithms[] = {DIGEST_MD5, DIGEST_SHA256};
    char hex[DIGEST_HEX_MAX];
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        struct str ha1 = digest_hash(algorithms[i], (struct str[]){user, realm, password}, 3, hex);
        snprintf(l->text[i], sizeof(l->text[i]), "%.*s:%.*s:%.*s", STR_ARG(user), STR_ARG(realm),
                 STR_ARG(ha1));
    }
    l->count = ARRAY_LEN(algorithms);
    OPENSSL_cleanse(hex, sizeof(hex));
}

/* No LM hash is kept: it gives the password away. */
static int make_smbpasswd(struct account_lines *l, struct str user, struct str password,
                          uint64_t now_s, struct err *e)
{
    unsigned char hash[NTHASH_SIZE];
    char hex[2 * NTHASH_SIZE + 1];
    if (nthash_make(password, hash) < 0)
        return err_set(e, NULL, "the password is not UTF-8, which NTLM needs");
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(hex + 2 * i, 3, "%02X", hash[i]);
    snprintf(l->text[0], sizeof(l->text[0]),
             "%.*s:%d:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:%s:[U          ]:LCT-%08" PRIX32 ":",
             STR_ARG(user), NOBODY, hex, (uint32_t)now_s);
    l->count = 1;
    OPENSSL_cleanse(hash, sizeof(hash));
    OPENSSL_cleanse(hex, sizeof(hex));
    return 0;
}

int account_lines_make(struct account_lines *l, enum account_format format, struct str user,
                       struct str realm, struct str password, uint64_t now_s, struct err *e)
{
    l->count = 0;
    if (format == ACCOUNT_HTPASSWD)
        return make_htpasswd(l, user, password, e);
    if (format == ACCOUNT_SMBPASSWD)
        return make_smbpasswd(l, user, password, now_s, e);
    make_htdigest(l, user, realm, password);
    return 0;
}

void account_lines_fini(struct account_lines *l)
{
    OPENSSL_cleanse(l, sizeof(*l));
}

/* While a text is changed. */
struct writer {
    char *out;
    size_t len, room;
    const char *end;        /* of lines, in this file */
    bool is_written;        /* the account's lines are there */
    unsigned seen[2];       /* the line that had the account; of htdigest, by algorithm */
};

static void put(struct writer *w, struct str s)
{
    ASSERT(s.len <= w->room - w->len);
    if (s.len > 0)
        memcpy(w->out + w->len, s.ptr, s.len);
    w->len += s.len;
}

/* Whether the line is one of the account; which: 1 for htdigest's SHA-256. */
static bool is_of_account(const struct account_change *c, struct str line, size_t *which)
{
    struct str user, realm, hash;
    *which = 0;
    if (c->format == ACCOUNT_HTDIGEST) {
        if (!split_htdigest(line, &user, &realm, &hash))
            return false;
        *which = hash.len == digest_hex_len(DIGEST_SHA256);
        return str_eq(user, c->user) && str_eq(realm, c->realm);
    }
    if (str_find(line, ':') == line.len)
        return false;
    user = str_trim(str_cut(&line, ':'));
    return c->format == ACCOUNT_SMBPASSWD ? str_ieq(user, c->user) : str_eq(user, c->user);
}

/* The old flags without N, in brackets and as wide as Samba writes them. */
static void put_flags(struct writer *w, struct str old)
{
    char flags[16] = "[U          ]";
    if (old.len >= 2 && old.ptr[0] == '[' && old.ptr[old.len - 1] == ']') {
        size_t len = 1;
        memset(flags + 1, ' ', 11);
        for (size_t i = 1; i + 1 < old.len; i++)
            if (old.ptr[i] != 'N' && old.ptr[i] != ' ' && len < 12)
                flags[len++] = old.ptr[i];
    }
    put(w, str_of(flags));
}

/* The new hash with what the old line had besides: a comment; name, number and flags. */
static void put_merged(struct writer *w, const struct account_change *c, struct str old)
{
    struct str new_fields[FIELDS_MAX], old_fields[FIELDS_MAX] = {{NULL, 0}};
    struct str fresh = str_of(c->lines->text[0]);
    if (c->format == ACCOUNT_HTPASSWD) {
        put(w, fresh);
        if (split(old, old_fields, 3) == 3) {
            put(w, STR_LIT(":"));
            put(w, old_fields[2]);
        }
        return;
    }
    size_t count = split(old, old_fields, SMB_FIELDS + 1);
    split(fresh, new_fields, SMB_FIELDS + 1);
    for (size_t i = 0; i < SMB_FIELDS; i++) {
        if (i == 4)
            put_flags(w, old_fields[i]);
        else
            put(w, i <= 1 ? old_fields[i] : new_fields[i]);
        put(w, STR_LIT(":"));
    }
    if (count == SMB_FIELDS + 1)
        put(w, old_fields[SMB_FIELDS]);
}

/* In the place of a line that ended with end. */
static void put_account(struct writer *w, const struct account_change *c, struct str old,
                        struct str end)
{
    if (w->is_written || c->lines->count == 0)
        return;
    w->is_written = true;
    if (c->format == ACCOUNT_HTDIGEST) {
        put(w, str_of(c->lines->text[0]));
        put(w, str_of(w->end));
        put(w, str_of(c->lines->text[1]));
    } else {
        put_merged(w, c, old);
    }
    put(w, end);
}

/* The account was not there: behind all that is. */
static void append(struct writer *w, const struct account_change *c)
{
    if (w->len > 0 && w->out[w->len - 1] != '\n')
        put(w, str_of(w->end));
    for (size_t i = 0; i < c->lines->count; i++) {
        put(w, str_of(c->lines->text[i]));
        put(w, str_of(w->end));
    }
}

/* Cuts a line with its end off *rest: the content without blanks around it, and the end. */
static struct str cut_line(struct str *rest, struct str *line, struct str *end)
{
    const char *begin = rest->ptr;
    size_t len = str_find(*rest, '\n');
    *line = (struct str){begin, len};
    size_t whole = len < rest->len ? len + 1 : len;
    if (line->len > 0 && line->ptr[line->len - 1] == '\r')
        line->len--;
    *end = (struct str){begin + line->len, whole - line->len};
    *line = str_trim(*line);
    *rest = (struct str){begin + whole, rest->len - whole};
    return (struct str){begin, whole};
}

/* 0, or -1: another line was for this account. */
static int change_line(struct writer *w, struct account_change *c, struct str *rest,
                       unsigned number, struct err *e)
{
    struct str line, end;
    size_t which;
    struct str whole = cut_line(rest, &line, &end);
    if (line.len == 0 || line.ptr[0] == '#' || !is_of_account(c, line, &which)) {
        put(w, whole);
        return 0;
    }
    if (w->seen[which] != 0 && c->lines->count > 0)
        return err_set(e, &(struct place){c->file, number},
                       "has the user a second time, after line %u; --delete removes both",
                       w->seen[which]);
    w->seen[which] = number;
    c->was_there = true;
    put_account(w, c, line, end);
    return 0;
}

char *account_change_apply(struct account_change *c, struct str text, size_t *len, struct err *e)
{
    const struct str mark = STR_LIT("\xef\xbb\xbf");
    struct writer w = {.room = text.len + sizeof(c->lines->text) + 64, .end = "\n"};
    size_t first = str_find(text, '\n');
    unsigned number = 0;
    if (first > 0 && first < text.len && text.ptr[first - 1] == '\r')
        w.end = "\r\n";
    w.out = mem_must_zalloc(w.room);
    c->was_there = false;
    if (str_starts(text, mark)) {
        put(&w, mark);
        text = (struct str){text.ptr + mark.len, text.len - mark.len};
    }
    while (text.len > 0) {
        if (change_line(&w, c, &text, ++number, e) == 0)
            continue;
        OPENSSL_cleanse(w.out, w.room);
        mem_free(w.out);
        return NULL;
    }
    if (!w.is_written)
        append(&w, c);
    *len = w.len;
    return w.out;
}
