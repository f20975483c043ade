/* SPDX-License-Identifier: MIT */
/* ca_write.c - changes of the folder of a CA; see ca_write.h. */
#include "cli/ca_write.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/ca_check.h"
#include "certs/pem.h"
#include "util/mem.h"

#define NEW_CERT ".ca-new.pem"
#define NEW_KEY ".ca-new.key"
#define CERT_MODE 0644
#define KEY_MODE 0600
#define BUNDLE_MAX (3 * PEM_CERTIFICATES_MAX + 1)

/* The mode counts for a file that is new: one that is there was given its own. */
static int write_file(const char *path, const char *text, size_t len, mode_t mode, struct err *e)
{
    struct replace_file file;
    int result = -1;
    if (text == NULL)
        return err_set(e, &(struct place){path, 0}, "out of memory");
    if (replace_file_open(&file, path, e) == 0 && replace_file_read(&file, e) == 0) {
        file.new_mode = file.is_there && mode != KEY_MODE ? file.mode : mode;
        result = replace_file_write(&file, (struct str){text, len}, e);
    }
    replace_file_fini(&file);
    return result;
}

static int write_certificates(const char *path, X509 *const *certs, size_t count, struct err *e)
{
    size_t len = 0;
    char *text = pem_write_certificates(certs, count, &len);
    int result = write_file(path, text, len, CERT_MODE, e);
    mem_free(text);
    return result;
}

static int write_key(const char *path, const EVP_PKEY *key, struct err *e)
{
    size_t len = 0;
    char *text = pem_write_key(key, &len);
    int result = write_file(path, text, len, KEY_MODE, e);
    if (text != NULL)
        OPENSSL_cleanse(text, len);
    mem_free(text);
    return result;
}

int ca_write_rename(const struct ca_folder *f, const char *from, const char *to, struct err *e)
{
    if (rename(from, to) < 0)
        return err_set(e, &(struct place){from, 0}, "cannot be renamed to %s: %s", to,
                       strerror(errno));
    fsync(f->lock.folder); /* a failure leaves the old name or the new: both are states */
    return 0;
}

int ca_write_remove(const struct ca_folder *f, const char *path, struct err *e)
{
    if (unlink(path) < 0 && errno != ENOENT)
        return err_set(e, &(struct place){path, 0}, "cannot be removed: %s", strerror(errno));
    fsync(f->lock.folder);
    return 0;
}

int ca_write_pair(const struct ca_folder *f, enum ca_role role, const struct ca *ca,
                  struct err *e)
{
    const struct ca_member *m = &f->members[role];
    char *cert = ca_folder_file(f, NEW_CERT), *key = ca_folder_file(f, NEW_KEY);
    int result = -1;
    if (write_certificates(cert, &ca->cert, 1, e) == 0 && write_key(key, ca->key, e) == 0 &&
        ca_write_rename(f, key, m->key_path, e) == 0 &&
        ca_write_rename(f, cert, m->cert_path, e) == 0)
        result = 0;
    mem_free(cert);
    mem_free(key);
    return result;
}

/* Whether the certificate for this key is still under the name that nobody looks for. */
static bool is_leftover(const struct ca_folder *f, const struct ca_member *m)
{
    struct replace_file file;
    STACK_OF(X509) *certs = NULL;
    char *path = ca_folder_file(f, NEW_CERT);
    if (m->key != NULL && replace_file_open(&file, path, NULL) == 0) {
        if (replace_file_read(&file, NULL) == 0 && file.is_there)
            certs = pem_read_certificates((struct str){file.text, file.len}, NULL, NULL);
        replace_file_fini(&file);
    }
    bool is_ours = certs != NULL && ca_check_has_key(sk_X509_value(certs, 0), m->key);
    pem_free_certificates(certs);
    mem_free(path);
    return is_ours;
}

int ca_write_is_free(const struct ca_folder *f, enum ca_role role, struct err *e)
{
    const struct ca_member *m = &f->members[role];
    if (m->cert != NULL)
        return err_set(e, &(struct place){m->cert_path, 0},
                       "is there already; nothing is overwritten");
    if (m->has_key_file && !is_leftover(f, m))
        return err_set(e, &(struct place){m->key_path, 0},
                       "is there already, without its certificate; nothing is overwritten");
    return 0;
}

int ca_write_bundle(const struct ca_folder *f, unsigned roles, X509 *more, struct err *e)
{
    static const enum ca_role order[CA_ROLES] = {CA_CURRENT, CA_NEXT, CA_PREVIOUS};
    X509 *certs[BUNDLE_MAX];
    size_t count = 0;
    for (size_t i = 0; i < CA_ROLES; i++)
        for (int j = 0; (roles & 1u << order[i]) != 0 &&
                        j < sk_X509_num(f->members[order[i]].certs); j++)
            certs[count++] = sk_X509_value(f->members[order[i]].certs, j);
    if (more != NULL)
        certs[count++] = more;
    return write_certificates(f->bundle_path, certs, count, e);
}

int ca_write_previous(const struct ca_folder *f, struct err *e)
{
    X509 *certs[PEM_CERTIFICATES_MAX];
    size_t count = 0;
    STACK_OF(X509) *current = f->members[CA_CURRENT].certs;
    while (count < (size_t)sk_X509_num(current)) {
        certs[count] = sk_X509_value(current, (int)count);
        count++;
    }
    return write_certificates(f->members[CA_PREVIOUS].cert_path, certs, count, e);
}

int ca_write_key_owner(const struct ca_folder *f, struct err *e)
{
    struct stat current, next;
    const char *path = f->members[CA_NEXT].key_path;
    const struct place at = {path, 0};
    if (stat(f->members[CA_CURRENT].key_path, &current) < 0 || stat(path, &next) < 0)
        return err_set(e, &at, "%s", strerror(errno));
    if ((current.st_uid != next.st_uid || current.st_gid != next.st_gid) &&
        chown(path, current.st_uid, current.st_gid) < 0)
        return err_set(e, &at, "cannot be given the owner of ca.key: %s", strerror(errno));
    if (chmod(path, (current.st_mode & S_IRGRP) | KEY_MODE) < 0)
        return err_set(e, &at, "cannot set its mode: %s", strerror(errno));
    return 0;
}
