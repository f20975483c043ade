/* SPDX-License-Identifier: MIT */
/* child.c - starts a child; see child.h. */
#include "proxy/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t signals;
    sigfillset(&signals);
    int rc = posix_spawnattr_setsigdefault(attributes, &signals);
    sigemptyset(&signals);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attributes, &signals);
    if (rc == 0)
        rc = posix_spawnattr_setpgroup(attributes, 0);
    if (rc == 0)
        rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                      POSIX_SPAWN_SETPGROUP);
    return rc;
}

int child_start(const char *program, char *const *argv, const posix_spawn_file_actions_t *files,
                pid_t *pid)
{
    posix_spawnattr_t attributes;
    int rc = posix_spawnattr_init(&attributes);
    if (rc != 0)
        return rc;
    rc = set_attributes(&attributes);
    if (rc == 0)
        rc = posix_spawnp(pid, program, files, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

int child_lift(int fd, int least)
{
    if (fd > least)
        return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, least + 1);
    int error = errno;
    close(fd);
    errno = error;
    return higher;
}
