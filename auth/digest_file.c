/* SPDX-License-Identifier: MIT */
/* digest_file.c - htdigest files; see digest_file.h. */
#include "auth/digest_file.h"

#include <openssl/crypto.h>

/* A line in its parts. */
struct entry {
    struct str user, realm, ha1;
};

/* No part of the line goes into a message but the name: the rest is a secret. */
static int split(struct str line, struct entry *entry, const struct place *place,
                 struct errlist *faults)
{
    size_t colon = line.len;
    entry->user = str_cut(&line, ':');
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] == ':')
            colon = i;
    }
    if (line.ptr == NULL || colon >= line.len) {
        errlist_add(faults, place, "not of the form user:realm:hash");
        return -1;
    }
    entry->realm = (struct str){line.ptr, colon};
    entry->ha1 = (struct str){line.ptr + colon + 1, line.len - colon - 1};
    if (entry->user.len == 0 || entry->user.len > ACCOUNT_NAME_MAX) {
        errlist_add(faults, place, "a user name has 1 to %d bytes", ACCOUNT_NAME_MAX);
        return -1;
    }
    for (size_t i = 0; i < entry->user.len; i++) {
        unsigned char c = (unsigned char)entry->user.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            errlist_add(faults, place, "a user name has no control characters");
            return -1;
        }
    }
    return 0;
}

static void add(struct accounts *accounts, const struct entry *entry, const struct place *place,
                struct errlist *faults)
{
    enum digest_algorithm algorithm = DIGEST_SHA256;
    char ha1[DIGEST_HEX_MAX];
    bool is_new;
    if (entry->ha1.len == digest_hex_len(DIGEST_MD5))
        algorithm = DIGEST_MD5;
    if (entry->ha1.len != digest_hex_len(algorithm) || !digest_hex_fold(entry->ha1, ha1)) {
        errlist_add(faults, place, "the hash of %.*s is neither 32 hexadecimal digits (MD5) "
                    "nor 64 (SHA-256)", STR_ARG(entry->user));
        return;
    }
    struct digest_account *account = accounts_add(accounts, entry->user, &is_new);
    if (account->has[algorithm])
        errlist_add(faults, place, "%.*s has another %s line above", STR_ARG(entry->user),
                    digest_algorithm_name(algorithm).ptr);
    account->has[algorithm] = true;
    memcpy(account->ha1[algorithm], ha1, entry->ha1.len);
    OPENSSL_cleanse(ha1, sizeof(ha1));
}

struct accounts *digest_file_read(struct str text, const char *file, struct str realm,
                                  struct errlist *faults)
{
    struct accounts *accounts = accounts_new(sizeof(struct digest_account), false);
    struct place place = {.file = file};
    size_t errors = faults->errors;
    while (text.len > 0) {
        struct str line = str_cut(&text, '\n');
        struct entry entry;
        place.line++;
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (line.len == 0 || line.ptr[0] == '#' || split(line, &entry, &place, faults))
            continue;
        if (str_eq(entry.realm, realm))
            add(accounts, &entry, &place, faults);
    }
    accounts_seal(accounts);
    if (faults->errors != errors) {
        accounts_free(accounts);
        return NULL;
    }
    if (accounts_count(accounts) == 0) {
        place.line = 0;
        errlist_warn(faults, &place, "no line is of the realm \"%.*s\": nobody can use digest",
                     STR_ARG(realm));
    }
    return accounts;
}
