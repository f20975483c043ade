/* SPDX-License-Identifier: MIT */
/* secret.c - files that are for their owner alone; see secret.h. */
#include "conf/secret.h"

#include <openssl/crypto.h>
#include <sys/stat.h>

#include "conf/file.h"
#include "util/mem.h"

int secret_read(const struct spec_text *file, size_t max, char **path, struct str *text,
                struct errlist *faults)
{
    struct err e;
    char *bytes;
    *path = file_relative(file->at.file, file->text);
    if (file_read(*path, max, &file->at, &bytes, &text->len, &e) == 0) {
        text->ptr = bytes;
        return 0;
    }
    errlist_add_err(faults, &e);
    mem_free(*path);
    return -1;
}

void secret_check_mode(const char *path, const struct place *at, struct errlist *faults)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
        errlist_warn(faults, at,
                     "%s is a secret, and others than its owner have access (mode %04o): chmod "
                     "600 would be right",
                     path, (unsigned)(st.st_mode & 07777));
}

void secret_drop(char *path, struct str text)
{
    OPENSSL_cleanse((void *)text.ptr, text.len);
    mem_free((void *)text.ptr);
    mem_free(path);
}
