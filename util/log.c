/* SPDX-License-Identifier: MIT */
/* log.c - the error log; see log.h. */
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"

#define LINE_MAX_BYTES 1000

/* The descriptor that lines go to. A reopened file takes the number of the old
 * one (dup3), so a thread that is about to write never meets a closed one. */
static atomic_int log_fd = STDERR_FILENO;

int log_open(const char *path, struct err *e)
{
    if (strcmp(path, "stderr") == 0) {
        if (log_fd != STDERR_FILENO && dup3(STDERR_FILENO, log_fd, O_CLOEXEC) < 0)
            return err_set(e, NULL, "error log: %s", strerror(errno));
        return 0;
    }
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return err_set(e, NULL, "error log '%s': %s", path, strerror(errno));
    if (log_fd == STDERR_FILENO) {
        log_fd = fd;
        return 0;
    }
    int rc = 0;
    if (dup3(fd, log_fd, O_CLOEXEC) < 0)
        rc = err_set(e, NULL, "error log '%s': %s", path, strerror(errno));
    close(fd);
    return rc;
}

void log_line(enum log_level level, const char *format, ...)
{
    static const char *const WORDS[] = {"error", "warning", "notice"};
    char line[LINE_MAX_BYTES + 1], stamp[CLOCK_TEXT_SIZE];
    va_list args;
    int len = snprintf(line, sizeof(line), "%s sallyport: %s: ",
                       clock_format(clock_wall_ms(), stamp), WORDS[level]);
    va_start(args, format);
    int more = vsnprintf(line + len, sizeof(line) - (size_t)len, format, args);
    va_end(args);
    len = more < 0 ? len : len + more;
    if (len > LINE_MAX_BYTES - 1)
        len = LINE_MAX_BYTES - 1;
    line[len++] = '\n';
    if (write(log_fd, line, (size_t)len) < 0 && log_fd != STDERR_FILENO)
        (void)!write(STDERR_FILENO, line, (size_t)len);
}
