/* SPDX-License-Identifier: MIT */
/* htpasswd.c - accounts for Basic; see htpasswd.h. */
#include "auth/htpasswd.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "auth/apr1.h"
#include "auth/crypt_form.h"
#include "auth/file_line.h"
#include "util/mem.h"

#define BCRYPT_COST 10      /* of new hashes: some 0.1 s */
#define BCRYPT_BYTES 72     /* of a password, that bcrypt looks at */
#define COST_MAX_US 2000000 /* a hash that takes longer is warned of */

struct account {
    char *hash; /* NULL: locked */
    unsigned line;
};

/* What is said once a file, with the first name it is true of. */
struct tally {
    size_t count;
    unsigned line;
    const char *name, *method;
};

struct htpasswd {
    struct accounts *accounts;
    uint64_t cost_us, cheapest_us;
    char dummy[HTPASSWD_HASH_MAX]; /* for unknown users */
    struct tally weak, slow;
};

/* While a file is read. */
struct reader {
    struct htpasswd *h;
    const char *file;
    struct errlist *faults;
};

/* A setting of the default cost with a result that no password makes. */
static const char default_dummy[] =
    "$2y$10$abcdefghijklmnopqrstuu~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~";

static void count_in(struct tally *t, const char *name, unsigned line, const char *method)
{
    if (t->count++ == 0)
        *t = (struct tally){1, line, name, method};
}

/* The costliest hash gives the dummy its setting, so that a password for nobody takes
 * as long as one for somebody. */
static void note_cost(struct htpasswd *h, struct str hash, const struct crypt_form *form)
{
    if (form->cost_us < h->cheapest_us)
        h->cheapest_us = form->cost_us;
    if (h->dummy[0] != '\0' && form->cost_us <= h->cost_us)
        return;
    h->cost_us = form->cost_us;
    memcpy(h->dummy, hash.ptr, form->digest_at);
    memset(h->dummy + form->digest_at, '~', hash.len - form->digest_at);
    h->dummy[hash.len] = '\0';
}

/* Says nothing of the hash itself, which may be a password in clear. */
static void report_unknown(const struct reader *r, const struct place *at, struct str name,
                           struct str hash)
{
    const char *what = "a hash of a form that cannot be verified, or a part of one";
    if (str_starts(hash, STR_LIT("{")))
        what = "a hash without salt or of a directory's form ({SHA} and the like), which is "
               "not verified";
    errlist_add(r->faults, at,
                "%.*s has %s; make a new one: 'sallyport passwd %s %.*s' or 'htpasswd -B %s %.*s'",
                STR_ARG(name), what, r->file, STR_ARG(name), r->file, STR_ARG(name));
}

/* "!" and "*" in front lock an account, as in shadow(5); "*0" is crypt's failure. */
static bool is_locked(struct str hash)
{
    return hash.len == 0 || hash.ptr[0] == '!' || hash.ptr[0] == '*';
}

static void read_hash(struct reader *r, const struct place *at, struct str name, struct str hash)
{
    struct crypt_form form;
    bool is_new;
    if (!is_locked(hash) && crypt_form_parse(&form, hash) < 0) {
        report_unknown(r, at, name, hash);
        return;
    }
    struct account *account = accounts_add(r->h->accounts, name, &is_new);
    if (!is_new) {
        errlist_add(r->faults, at, "%.*s has an account on line %u already", STR_ARG(name),
                    account->line);
        return;
    }
    const char *kept = accounts_name(r->h->accounts, accounts_count(r->h->accounts) - 1);
    account->line = at->line;
    if (hash.len == 0)
        errlist_warn(r->faults, at, "%s has no hash: no password is right", kept);
    if (is_locked(hash))
        return;
    account->hash = mem_must_dup(hash.ptr, hash.len);
    note_cost(r->h, hash, &form);
    if (form.is_weak)
        count_in(&r->h->weak, kept, at->line, form.name);
    if (form.cost_us > COST_MAX_US)
        count_in(&r->h->slow, kept, at->line, form.name);
}

/* user:hash, and perhaps more behind another colon, which is not looked at. */
static void read_line(struct reader *r, struct str line, unsigned number)
{
    struct place at = {r->file, number};
    if (str_find(line, ':') == line.len) {
        errlist_add(r->faults, &at, "there is no ':' between a user and a hash");
        return;
    }
    struct str name = str_trim(str_cut(&line, ':'));
    struct str hash = str_trim(str_cut(&line, ':'));
    const char *fault = file_line_name_fault(name);
    if (fault != NULL)
        errlist_add(r->faults, &at, "the user's name %s", fault);
    else
        read_hash(r, &at, name, hash);
}

/* ", and 3 others" */
static const char *others(const struct tally *t, char out[48])
{
    out[0] = '\0';
    if (t->count > 1)
        snprintf(out, 48, ", and %zu other%s", t->count - 1, t->count == 2 ? "" : "s");
    return out;
}

static void warn(const struct reader *r)
{
    const struct htpasswd *h = r->h;
    char text[48];
    if (accounts_count(h->accounts) == 0)
        errlist_warn(r->faults, &(struct place){r->file, 0}, "holds no account");
    if (h->weak.count > 0)
        errlist_warn(r->faults, &(struct place){r->file, h->weak.line},
                     "%s has a weak hash (%s)%s; who gets the file soon has the passwords. "
                     "'sallyport passwd %s %s' makes a strong one",
                     h->weak.name, h->weak.method, others(&h->weak, text), r->file, h->weak.name);
    if (h->slow.count > 0)
        errlist_warn(r->faults, &(struct place){r->file, h->slow.line},
                     "%s has a hash (%s) that takes seconds to verify%s: a few wrong "
                     "passwords keep a processor busy",
                     h->slow.name, h->slow.method, others(&h->slow, text));
    if (h->dummy[0] != '\0' && h->cheapest_us < h->cost_us / 4)
        errlist_warn(r->faults, &(struct place){r->file, 0},
                     "some hashes take far longer to verify than others: by the time that an "
                     "answer takes one can tell who has an account with a quick one");
}

struct htpasswd *htpasswd_new(struct str text, const char *file, struct errlist *faults)
{
    struct htpasswd *h = mem_must_zalloc(sizeof(*h));
    struct reader r = {h, file, faults};
    struct file_lines lines = file_lines_of(text);
    struct str line;
    size_t before = faults->errors;
    h->accounts = accounts_new(sizeof(struct account), false);
    h->cheapest_us = UINT64_MAX;
    while (file_lines_next(&lines, &line))
        read_line(&r, line, lines.number);
    if (faults->errors == before)
        warn(&r);
    accounts_seal(h->accounts);
    if (h->dummy[0] == '\0')
        memcpy(h->dummy, default_dummy, sizeof(default_dummy));
    if (faults->errors == before)
        return h;
    htpasswd_free(h);
    return NULL;
}

void htpasswd_free(struct htpasswd *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < accounts_count(h->accounts); i++) {
        const struct account *account = accounts_value(h->accounts, i);
        if (account->hash != NULL)
            OPENSSL_cleanse(account->hash, strlen(account->hash));
        mem_free(account->hash);
    }
    accounts_free(h->accounts);
    OPENSSL_cleanse(h->dummy, sizeof(h->dummy));
    mem_free(h);
}

const char *htpasswd_find(const struct htpasswd *h, struct str user, bool *is_known)
{
    const struct account *account = accounts_find(h->accounts, user, NULL);
    *is_known = account != NULL;
    return account != NULL && account->hash != NULL ? account->hash : h->dummy;
}

/* phrase ends at a NUL. Writes the hash that it makes; 0, or -1 with errno, which is
 * ENOMEM where there was no memory. */
static int compute(const char *phrase, const char *hash, const struct crypt_form *form,
                   char out[HTPASSWD_HASH_MAX])
{
    if (form->is_apr1) {
        const char *salt = hash + 6;
        errno = ENOMEM; /* nothing else makes it fail */
        return apr1_hash(str_of(phrase), str_range(salt, hash + form->digest_at - 1), out);
    }
    /* 32 KiB: too large for the stack of a thread. */
    struct crypt_data *data = mem_zalloc(sizeof(*data));
    errno = ENOMEM;
    if (data == NULL)
        return -1;
    errno = 0;
    const char *made = crypt_rn(phrase, hash, data, (int)sizeof(*data));
    if (made != NULL)
        memcpy(out, made, strlen(made) + 1);
    int result = made != NULL ? 0 : -1, fault = errno;
    OPENSSL_cleanse(data, sizeof(*data));
    mem_free(data);
    errno = fault;
    return result;
}

/* A password that cannot be right is hashed all the same, as far as the method looks:
 * the time must not tell which hash somebody has. */
enum htpasswd_verdict htpasswd_check(const char *hash, struct str password)
{
    struct crypt_form form;
    char phrase[CRYPT_MAX_PASSPHRASE_SIZE], made[HTPASSWD_HASH_MAX] = "";
    if (crypt_form_parse(&form, str_of(hash)) < 0)
        return HTPASSWD_WRONG;
    size_t len = password.len < sizeof(phrase) - 1 ? password.len : sizeof(phrase) - 1;
    if (len > 0)
        memcpy(phrase, password.ptr, len);
    phrase[len] = '\0';
    bool is_whole = len == password.len && len <= form.password_max && strlen(phrase) == len;
    bool is_made = compute(phrase, hash, &form, made) == 0;
    bool is_short = !is_made && errno == ENOMEM;
    bool is_same = is_made && strlen(made) == strlen(hash) &&
                   CRYPTO_memcmp(made, hash, strlen(hash)) == 0;
    OPENSSL_cleanse(phrase, sizeof(phrase));
    OPENSSL_cleanse(made, sizeof(made));
    if (is_short)
        return HTPASSWD_NO_MEMORY;
    return is_whole && is_same ? HTPASSWD_RIGHT : HTPASSWD_WRONG;
}

bool htpasswd_verify(const char *hash, struct str password)
{
    return htpasswd_check(hash, password) == HTPASSWD_RIGHT;
}

/* "$2y$" is the prefix that every program which reads such files knows. */
int htpasswd_hash(struct str password, char out[HTPASSWD_HASH_MAX])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE], phrase[BCRYPT_BYTES + 1];
    struct crypt_form form = {.is_apr1 = false};
    if (password.len > BCRYPT_BYTES || str_find(password, '\0') < password.len ||
        crypt_gensalt_rn("$2y$", BCRYPT_COST, NULL, 0, setting, sizeof(setting)) == NULL)
        return -1;
    if (password.len > 0)
        memcpy(phrase, password.ptr, password.len);
    phrase[password.len] = '\0';
    int result = compute(phrase, setting, &form, out);
    OPENSSL_cleanse(phrase, sizeof(phrase));
    return result;
}
