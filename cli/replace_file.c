/* SPDX-License-Identifier: MIT */
/* replace_file.c - changes a file as a whole; see replace_file.h. */
#include "cli/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/mem.h"

#define LOCK_TRIES 200
#define LOCK_PAUSE_NS 50000000L

static int fail(const struct replace_file *f, const char *what, struct err *e)
{
    return err_set(e, &(struct place){f->path, 0}, "%s%s%s", what, what[0] != '\0' ? ": " : "",
                   strerror(errno));
}

/* The path behind all links; as it is where there is no such file. NULL: errno says
 * why. To be freed with free(). */
static char *resolve(const char *path)
{
    struct stat link;
    char *resolved = realpath(path, NULL);
    if (resolved != NULL || errno != ENOENT)
        return resolved;
    if (lstat(path, &link) == 0) {
        errno = ENOENT; /* a link that leads nowhere */
        return NULL;
    }
    return strdup(path);
}

int replace_file_open(struct replace_file *f, const char *path, struct err *e)
{
    *f = (struct replace_file){.path = path, .folder = -1};
    char *resolved = resolve(path);
    if (resolved == NULL)
        return fail(f, "", e);
    char *slash = strrchr(resolved, '/');
    f->name = mem_must_dup(slash != NULL ? slash + 1 : resolved,
                           strlen(slash != NULL ? slash + 1 : resolved));
    if (slash != NULL)
        slash[slash == resolved ? 1 : 0] = '\0'; /* "/" stays */
    f->folder = open(slash != NULL ? resolved : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(resolved);
    if (f->folder < 0)
        return fail(f, "its folder", e);
    if (f->name[0] == '\0')
        return err_set(e, &(struct place){path, 0}, "is not a regular file");
    return 0;
}

int replace_file_lock(struct replace_file *f, struct err *e)
{
    const struct timespec pause = {0, LOCK_PAUSE_NS};
    for (int i = 0; i < LOCK_TRIES; i++) {
        if (flock(f->folder, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail(f, "cannot lock its folder", e);
        nanosleep(&pause, NULL);
    }
    return err_set(e, &(struct place){f->path, 0},
                   "another command has kept its folder locked for ten seconds");
}

static void drop_text(struct replace_file *f)
{
    if (f->text != NULL)
        OPENSSL_cleanse(f->text, f->len);
    mem_free(f->text);
    f->text = NULL;
    f->len = 0;
}

/* All of it; the file may be cut while it is read. */
static int read_all(struct replace_file *f, int fd, size_t size)
{
    f->text = mem_must_zalloc(size + 1);
    f->len = 0;
    while (f->len < size) {
        ssize_t count = read(fd, f->text + f->len, size - f->len);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        f->len += (size_t)count;
    }
    return 0;
}

int replace_file_read(struct replace_file *f, struct err *e)
{
    struct stat info;
    int result = -1;
    drop_text(f);
    f->is_there = false;
    f->new_mode = 0600;
    /* Not blocked by a FIFO without a writer. */
    int fd = openat(f->folder, f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &info) < 0) {
        fail(f, "", e);
        goto out;
    }
    if (!S_ISREG(info.st_mode)) {
        err_set(e, &(struct place){f->path, 0}, "is not a regular file");
        goto out;
    }
    if (info.st_size > REPLACE_FILE_MAX) {
        err_set(e, &(struct place){f->path, 0}, "is larger than 64 MiB");
        goto out;
    }
    if (read_all(f, fd, (size_t)info.st_size) < 0) {
        fail(f, "", e);
        goto out;
    }
    f->is_there = true;
    f->mode = info.st_mode & 07777;
    /* A group that may read while others may not was let in on purpose. */
    f->new_mode = (f->mode & 0007) == 0 ? (f->mode & 0040) | 0600 : 0600;
    f->owner = info.st_uid;
    f->group = info.st_gid;
    result = 0;
out:
    if (fd >= 0)
        close(fd);
    return result;
}

static int write_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t count = write(fd, text.ptr, text.len);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        text = (struct str){text.ptr + count, text.len - (size_t)count};
    }
    return 0;
}

/* Whose it is comes first: a change of owner may take bits off the mode. */
static int set_attributes(const struct replace_file *f, int fd, struct err *e)
{
    struct stat made;
    if (fstat(fd, &made) < 0)
        return fail(f, "", e);
    if (f->is_there && (made.st_uid != f->owner || made.st_gid != f->group) &&
        fchown(fd, f->owner, f->group) < 0)
        return fail(f, "cannot keep its owner and group", e);
    return fchmod(fd, f->new_mode) < 0 ? fail(f, "cannot set its mode", e) : 0;
}

/* A file of this name is what is left of a command that was killed: the lock says that
 * none is at work. */
static int write_beside(struct replace_file *f, const char *temporary, struct str text,
                        struct err *e)
{
    int result = -1;
    if (unlinkat(f->folder, temporary, 0) < 0 && errno != ENOENT)
        return fail(f, "cannot remove what is left beside it", e);
    int fd = openat(f->folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
    if (fd < 0)
        return fail(f, "cannot write beside it", e);
    if (set_attributes(f, fd, e) < 0)
        goto out;
    if (write_all(fd, text) < 0 || fsync(fd) < 0) {
        fail(f, "cannot write beside it", e);
        goto out;
    }
    if (renameat(f->folder, temporary, f->folder, f->name) < 0) {
        fail(f, "cannot be replaced", e);
        goto out;
    }
    fsync(f->folder); /* a failure leaves the old file or the new: nothing to undo */
    result = 0;
out:
    close(fd);
    if (result < 0)
        unlinkat(f->folder, temporary, 0);
    return result;
}

int replace_file_write(struct replace_file *f, struct str text, struct err *e)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    char temporary[NAME_MAX + 32];
    sigset_t blocked, before;
    snprintf(temporary, sizeof(temporary), ".%s.sallyport", f->name);
    sigemptyset(&blocked);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaddset(&blocked, signals[i]);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    int result = write_beside(f, temporary, text, e);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

void replace_file_fini(struct replace_file *f)
{
    drop_text(f);
    mem_free(f->name);
    f->name = NULL;
    if (f->folder >= 0)
        close(f->folder);
    f->folder = -1;
}
