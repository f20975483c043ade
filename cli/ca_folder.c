/* SPDX-License-Identifier: MIT */
/* ca_folder.c - the folder that 'ca' keeps a CA in; see ca_folder.h. */
#include "cli/ca_folder.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/ca_check.h"
#include "certs/pem.h"
#include "util/mem.h"

static const char *const cert_names[CA_ROLES] = {"ca.pem", "ca-next.pem", "ca-previous.pem"};
static const char *const key_names[CA_ROLES] = {"ca.key", "ca-next.key", NULL};

char *ca_folder_file(const struct ca_folder *f, const char *name)
{
    size_t len = strlen(f->path);
    while (len > 1 && f->path[len - 1] == '/')
        len--;
    const char *slash = f->path[len - 1] == '/' ? "" : "/";
    size_t size = len + strlen(name) + 2;
    char *path = mem_must_zalloc(size);
    snprintf(path, size, "%.*s%s%s", (int)len, f->path, slash, name);
    return path;
}

int ca_folder_open(struct ca_folder *f, const char *path, struct err *e)
{
    struct stat info;
    const struct place at = {path, 0};
    *f = (struct ca_folder){.path = path, .lock = {.folder = -1}};
    if (path[0] == '\0')
        return err_set(e, NULL, "the name of the folder is empty");
    if (stat(path, &info) < 0)
        return err_set(e, &at, "%s", strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return err_set(e, &at, "is no folder");
    f->bundle_path = ca_folder_file(f, "ca-bundle.pem");
    for (size_t i = 0; i < CA_ROLES; i++) {
        f->members[i].cert_path = ca_folder_file(f, cert_names[i]);
        if (key_names[i] != NULL)
            f->members[i].key_path = ca_folder_file(f, key_names[i]);
    }
    return 0;
}

static int refuse_link(const char *path, struct err *e)
{
    struct stat info;
    if (path == NULL || lstat(path, &info) < 0 || !S_ISLNK(info.st_mode))
        return 0;
    return err_set(e, &(struct place){path, 0},
                   "is a symbolic link; work where the file itself is");
}

int ca_folder_lock(struct ca_folder *f, struct err *e)
{
    if (refuse_link(f->bundle_path, e) < 0)
        return -1;
    for (size_t i = 0; i < CA_ROLES; i++)
        if (refuse_link(f->members[i].cert_path, e) < 0 ||
            refuse_link(f->members[i].key_path, e) < 0)
            return -1;
    if (replace_file_open(&f->lock, f->bundle_path, e) < 0)
        return -1;
    return replace_file_lock(&f->lock, e);
}

/* Certificates of a file; NULL in *certs where there is none. */
static int read_certificates(const char *path, STACK_OF(X509) **certs, struct err *e)
{
    struct replace_file file;
    int result = -1;
    *certs = NULL;
    if (replace_file_open(&file, path, e) == 0 && replace_file_read(&file, e) == 0)
        result = 0;
    if (result == 0 && file.is_there) {
        *certs = pem_read_certificates((struct str){file.text, file.len},
                                       &(struct place){path, 0}, e);
        result = *certs != NULL ? 0 : -1;
    }
    replace_file_fini(&file);
    return result;
}

static time_t changed_at(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_mtime : 0;
}

/* A key that cannot be used is a finding, not the end of the command. */
static void read_key(struct ca_member *m)
{
    struct replace_file file;
    if (replace_file_open(&file, m->key_path, &m->key_fault) == 0 &&
        replace_file_read(&file, &m->key_fault) == 0 && file.is_there) {
        m->key = pem_read_key((struct str){file.text, file.len},
                              &(struct place){m->key_path, 0}, &m->key_fault);
        m->key_mode = file.mode;
    }
    m->has_key_file = file.is_there || m->key_fault.text[0] != '\0';
    replace_file_fini(&file);
}

static void drop_member(struct ca_member *m)
{
    pem_free_certificates(m->certs);
    EVP_PKEY_free(m->key);
    *m = (struct ca_member){.cert_path = m->cert_path, .key_path = m->key_path};
}

bool ca_folder_has_pair(const struct ca_member *m)
{
    return m->cert != NULL && m->key != NULL && ca_check_has_key(m->cert, m->key);
}

static enum ca_state find_state(const struct ca_folder *f)
{
    const struct ca_member *current = &f->members[CA_CURRENT], *next = &f->members[CA_NEXT];
    if (current->cert == NULL)
        return CA_STATE_NONE;
    if (next->cert != NULL && !next->has_key_file && current->key != NULL &&
        !ca_folder_has_pair(current) && ca_check_has_key(next->cert, current->key))
        return CA_STATE_INTERRUPTED;
    if (f->members[CA_PREVIOUS].cert != NULL)
        return CA_STATE_CHANGED;
    return next->cert != NULL ? CA_STATE_PUBLISHED : CA_STATE_STEADY;
}

int ca_folder_load(struct ca_folder *f, struct err *e)
{
    struct ca_member *previous = &f->members[CA_PREVIOUS];
    const struct ca_member *current = &f->members[CA_CURRENT];
    for (size_t i = 0; i < CA_ROLES; i++) {
        struct ca_member *m = &f->members[i];
        drop_member(m);
        if (read_certificates(m->cert_path, &m->certs, e) < 0)
            return -1;
        m->cert = m->certs != NULL ? sk_X509_value(m->certs, 0) : NULL;
        m->changed = changed_at(m->cert_path);
        if (m->key_path != NULL)
            read_key(m);
    }
    /* A change-over begins with this copy; there is none yet while both are the same. */
    if (previous->cert != NULL && current->cert != NULL &&
        X509_cmp(previous->cert, current->cert) == 0)
        drop_member(previous);
    f->state = find_state(f);
    return 0;
}

const char *ca_folder_find_stranger(const struct ca_folder *f)
{
    struct stat info;
    if (stat(f->path, &info) < 0)
        return NULL;
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "others may write to this folder, and so replace the CA; chmod go-w";
    if (info.st_uid != geteuid() && info.st_uid != 0)
        return "this folder belongs to another user, who may replace the CA";
    return NULL;
}

static bool contains(STACK_OF(X509) *certs, X509 *wanted)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (X509_cmp(sk_X509_value(certs, i), wanted) == 0)
            return true;
    return false;
}

bool ca_folder_has_bundle(const struct ca_folder *f)
{
    STACK_OF(X509) *bundle;
    if (read_certificates(f->bundle_path, &bundle, NULL) < 0 || bundle == NULL)
        return false;
    bool has_all = true;
    for (size_t i = 0; i < CA_ROLES; i++)
        for (int j = 0; j < sk_X509_num(f->members[i].certs); j++)
            if (!contains(bundle, sk_X509_value(f->members[i].certs, j)))
                has_all = false;
    pem_free_certificates(bundle);
    return has_all;
}

time_t ca_folder_bundle_changed(const struct ca_folder *f)
{
    return changed_at(f->bundle_path);
}

void ca_folder_fini(struct ca_folder *f)
{
    replace_file_fini(&f->lock);
    for (size_t i = 0; i < CA_ROLES; i++) {
        drop_member(&f->members[i]);
        mem_free(f->members[i].cert_path);
        mem_free(f->members[i].key_path);
    }
    mem_free(f->bundle_path);
    *f = (struct ca_folder){.lock = {.folder = -1}};
}
