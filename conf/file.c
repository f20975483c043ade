/* SPDX-License-Identifier: MIT */
/* file.c - whole files into memory; see file.h. */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"

static int set_fault(struct err *e, const char *path, const struct place *named_at,
                     const char *what)
{
    if (named_at != NULL)
        return err_set(e, named_at, "%s: %s", path, what);
    return err_set(e, &(struct place){path, 0}, "%s", what);
}

/* One byte more than st_size is asked for, so that a growing file is noticed. */
static int read_all(int fd, size_t max, size_t expected, char **text, size_t *len)
{
    size_t room = expected + 2;
    char *buf = mem_must_resize(NULL, room);
    size_t used = 0;

    for (;;) {
        if (room - used < 2) {
            room *= 2;
            buf = mem_must_resize(buf, room);
        }
        ssize_t got = read(fd, buf + used, room - used - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || used + (size_t)got > max) {
            if (got >= 0)
                errno = EFBIG;
            mem_free(buf);
            return -1;
        }
        if (got == 0)
            break;
        used += (size_t)got;
    }
    buf[used] = '\0';
    *text = buf;
    *len = used;
    return 0;
}

int file_read(const char *path, size_t max, const struct place *named_at, char **text, size_t *len,
              struct err *e)
{
    struct stat st;
    int result = -1;
    /* O_NONBLOCK: opening a FIFO must not wait for its writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return set_fault(e, path, named_at, strerror(errno));
    if (fstat(fd, &st) != 0)
        set_fault(e, path, named_at, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        set_fault(e, path, named_at, "is not a regular file");
    else if (st.st_size < 0 || (size_t)st.st_size > max)
        set_fault(e, path, named_at, "is too large");
    else if (read_all(fd, max, (size_t)st.st_size, text, len) != 0)
        set_fault(e, path, named_at, strerror(errno));
    else
        result = 0;
    close(fd);
    return result;
}

char *file_relative(const char *base, const char *path)
{
    const char *slash = strrchr(base, '/');
    if (path[0] == '/' || slash == NULL)
        return mem_must_dup(path, strlen(path));
    size_t folder = (size_t)(slash - base) + 1;
    size_t len = strlen(path);
    char *joined = mem_must_resize(NULL, folder + len + 1);
    memcpy(joined, base, folder);
    memcpy(joined + folder, path, len + 1);
    return joined;
}
