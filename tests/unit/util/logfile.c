/* SPDX-License-Identifier: MIT */
/* logfile.c - a folder for the log of a test; see logfile.h. */
#include "tests/unit/util/logfile.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void logfile_init(struct logfile *f)
{
    snprintf(f->folder, sizeof(f->folder), "/tmp/sallyport-log-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/log", f->folder);
    snprintf(f->rotated, sizeof(f->rotated), "%s/log.1", f->folder);
}

void logfile_fini(struct logfile *f)
{
    unlink(f->path);
    unlink(f->rotated);
    rmdir(f->folder);
}

char *logfile_read(const char *path)
{
    enum { MOST = 1 << 20 };
    char *text = calloc(1, MOST);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(text);
    if (file != NULL) {
        size_t len = fread(text, 1, MOST - 1, file);
        ck_assert_uint_lt(len, MOST - 1);
        fclose(file);
    }
    return text;
}

const char *logfile_text(const char *line, const char *level)
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    char want[64];
    size_t len = (size_t)snprintf(want, sizeof(want), " sallyport: %s: ", level);
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        int is_digit = line[i] >= '0' && line[i] <= '9';
        ck_assert_msg(shape[i] == 'd' ? is_digit : line[i] == shape[i], "no stamp: %.60s", line);
    }
    line += sizeof(shape) - 1;
    ck_assert_msg(strncmp(line, want, len) == 0, "no '%s': %.60s", want, line);
    return line + len;
}
