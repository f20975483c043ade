/* SPDX-License-Identifier: MIT */
/* helper_spawn.c - a child process with three pipes; see helper_spawn.h. */
#include "proxy/helper_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "proxy/child.h"
#include "util/mem.h"

/* Copies one word and returns what is behind it. */
static const char *copy_word(const char *from, char *to)
{
    char quote = '\0';
    for (; *from != '\0' && (quote != '\0' || *from != ' '); from++) {
        if (*from == quote)
            quote = '\0';
        else if (quote == '\0' && (*from == '"' || *from == '\''))
            quote = *from;
        else
            *to++ = *from;
    }
    *to = '\0';
    return from;
}

char **helper_split(const char *command)
{
    size_t len = strlen(command), words_max = len / 2 + 2, count = 0;
    /* The pointers, and behind them the words: never longer than the command. */
    char **argv = mem_alloc(words_max * sizeof(char *) + len + 2);
    if (argv == NULL)
        return NULL;
    char *text = (char *)(argv + words_max);
    while (*(command += strspn(command, " ")) != '\0') {
        argv[count++] = text;
        command = copy_word(command, text);
        text += strlen(text) + 1;
    }
    argv[count] = NULL;
    if (count > 0 && argv[0][0] != '\0')
        return argv;
    mem_free(argv);
    return NULL;
}

static void close_both(int ends[2])
{
    for (unsigned i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
        ends[i] = -1;
    }
}

/* ours: 0 where we read, 1 where we write. */
static int make_pipe(int ends[2], unsigned ours)
{
    if (pipe2(ends, O_CLOEXEC) != 0) {
        ends[0] = ends[1] = -1;
        return -1;
    }
    ends[0] = child_lift(ends[0], STDERR_FILENO);
    ends[1] = child_lift(ends[1], STDERR_FILENO);
    if (ends[0] < 0 || ends[1] < 0)
        return -1;
    return fcntl(ends[ours], F_SETFL, O_NONBLOCK);
}

static int set_files(posix_spawn_file_actions_t *files, int in, int out, int err)
{
    int rc = posix_spawn_file_actions_adddup2(files, in, STDIN_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, err, STDERR_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
    return rc;
}

static int spawn(char *const *argv, int in, int out, int err, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc != 0)
        return rc;
    rc = set_files(&files, in, out, err);
    if (rc == 0)
        rc = child_start(argv[0], argv, &files, pid);
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

int helper_spawn(char *const *argv, struct helper_child *child)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, rc;
    if (make_pipe(in, 1) != 0 || make_pipe(out, 0) != 0 || make_pipe(err, 0) != 0)
        rc = errno;
    else
        rc = spawn(argv, in[0], out[1], err[1], &child->pid);
    if (rc == 0) {
        child->in = in[1];
        child->out = out[0];
        child->err = err[0];
        in[1] = out[0] = err[0] = -1;
    }
    close_both(in);
    close_both(out);
    close_both(err);
    return rc;
}
