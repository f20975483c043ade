/* SPDX-License-Identifier: MIT */
/* signer_process.c - the process of a signer; see signer_process.h. */
#include "proxy/signer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "certs/signer_wire.h"
#include "proxy/child.h"
#include "util/clock.h"

#define SELF "/proc/self/exe"
#define REAP_EVERY_US 2000
#define KILL_MAX_MS 1000 /* what even a kill does not end by then is left to the system */

/* The kernel takes the packets of a pair up to the sender's buffer; it halves what it is
 * asked for where it must, and what is too long for that shows when it is sent. */
static int make_pair(int ends[2])
{
    int size = 2 * SIGNER_WIRE_MAX;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        ends[0] = ends[1] = -1;
        return -1;
    }
    ends[0] = child_lift(ends[0], SIGNER_FD);
    ends[1] = child_lift(ends[1], SIGNER_FD);
    if (ends[0] < 0 || ends[1] < 0)
        return -1;
    for (unsigned i = 0; i < 2; i++)
        if (setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) != 0)
            return -1;
    return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static int set_files(posix_spawn_file_actions_t *files, int fd)
{
    int rc = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, fd, SIGNER_FD);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(files, SIGNER_FD + 1);
    return rc;
}

static int spawn(const char *program, int fd, pid_t *pid)
{
    char name[] = "sallyport", command[] = "signer";
    char *const argv[] = {name, command, NULL};
    posix_spawn_file_actions_t files;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc != 0)
        return rc;
    rc = set_files(&files, fd);
    if (rc == 0)
        rc = child_start(program, argv, &files, pid);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* The program that runs now, even if its file has been replaced meanwhile. Tools that run a
 * program in a process of their own (valgrind) show its path by the link, but would be started
 * themselves: the file behind the path is another one then. */
static const char *find_self(char path[PATH_MAX])
{
    struct stat running, named;
    ssize_t len = readlink(SELF, path, PATH_MAX - 1);
    if (len <= 0 || stat(SELF, &running) != 0)
        return SELF;
    path[len] = '\0';
    if (stat(path, &named) != 0)
        return SELF;
    return running.st_ino == named.st_ino && running.st_dev == named.st_dev ? SELF : path;
}

int signer_process_start(struct signer_process *p, const char *program)
{
    int ends[2] = {-1, -1};
    char path[PATH_MAX];
    *p = (struct signer_process){.fd = -1};
    if (program == NULL)
        program = find_self(path);
    int rc = make_pair(ends) == 0 ? spawn(program, ends[1], &p->pid) : errno;
    if (rc == 0) {
        p->fd = ends[0];
        ends[0] = -1;
    } else {
        p->pid = 0;
    }
    for (unsigned i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return rc;
}

enum fate { STILL_RUNS, HAS_ENDED, IS_GONE };

/* One that has ended is still to be reaped; one that is gone was reaped by the system, which
 * does so where SIGCHLD is ignored: its number may be another's by now. */
static enum fate look(pid_t pid)
{
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
        return errno == ECHILD ? IS_GONE : STILL_RUNS;
    return info.si_pid != 0 ? HAS_ENDED : STILL_RUNS;
}

static enum fate await_end(pid_t pid, unsigned limit_ms)
{
    enum fate fate;
    uint64_t until_usec = clock_usec() + (uint64_t)limit_ms * 1000;
    while ((fate = look(pid)) == STILL_RUNS && clock_usec() < until_usec)
        usleep(REAP_EVERY_US);
    return fate;
}

/* With all that it started. */
static void kill_all(pid_t pid)
{
    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
}

static void describe(int status, char text[SIGNER_PROCESS_STATUS_SIZE])
{
    if (WIFSIGNALED(status))
        snprintf(text, SIGNER_PROCESS_STATUS_SIZE, "was ended by signal %d", WTERMSIG(status));
    else
        snprintf(text, SIGNER_PROCESS_STATUS_SIZE, "has ended with status %d",
                 WEXITSTATUS(status));
}

void signer_process_end(struct signer_process *p, unsigned grace_ms,
                        char text[SIGNER_PROCESS_STATUS_SIZE])
{
    int status = 0;
    snprintf(text, SIGNER_PROCESS_STATUS_SIZE, "has ended");
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    if (p->pid == 0)
        return;
    enum fate fate = await_end(p->pid, grace_ms);
    if (fate != IS_GONE) {
        kill_all(p->pid);
        fate = await_end(p->pid, KILL_MAX_MS);
    }
    if (fate == HAS_ENDED && waitpid(p->pid, &status, WNOHANG) == p->pid)
        describe(status, text);
    p->pid = 0;
}
