/* SPDX-License-Identifier: MIT */
/* password.c - asks for a new password; see password.h. */
#include "cli/password.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "auth/file_line.h"

/* A terminal that does not echo. Signals that would end or stop the process come
 * through a descriptor, so that the terminal can be set right before they act. */
struct terminal {
    int fd, signals;
    bool is_own; /* fd is to be closed */
    struct termios usual;
    sigset_t caught, mask;
};

enum line { LINE_READ, LINE_NONE, LINE_LONG, LINE_SIGNAL, LINE_FAILED };

static int silence(struct terminal *t)
{
    struct termios quiet = t->usual;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
    quiet.c_lflag |= ECHONL | ICANON | ISIG;
    return sigprocmask(SIG_BLOCK, &t->caught, NULL) < 0 ||
           tcsetattr(t->fd, TCSAFLUSH, &quiet) < 0 ? -1 : 0;
}

static void restore(const struct terminal *t)
{
    tcsetattr(t->fd, TCSAFLUSH, &t->usual);
    sigprocmask(SIG_SETMASK, &t->mask, NULL);
}

static int open_terminal(struct terminal *t, struct err *e)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    t->is_own = t->fd >= 0;
    if (!t->is_own)
        t->fd = STDIN_FILENO;
    sigemptyset(&t->caught);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaddset(&t->caught, signals[i]);
    sigprocmask(SIG_SETMASK, NULL, &t->mask);
    t->signals = signalfd(-1, &t->caught, SFD_CLOEXEC);
    if (t->signals >= 0 && tcgetattr(t->fd, &t->usual) == 0)
        return 0;
    return err_set(e, NULL, "the terminal: %s", strerror(errno));
}

static void close_terminal(struct terminal *t)
{
    if (t->signals >= 0)
        close(t->signals);
    if (t->is_own)
        close(t->fd);
}

/* Waits for input: 1; 0 where a signal came first; -1. */
static int wait_for_input(int fd, int signals)
{
    struct pollfd fds[] = {{fd, POLLIN, 0}, {signals, POLLIN, 0}};
    while (poll(fds, ARRAY_LEN(fds), -1) < 0)
        if (errno != EINTR)
            return -1;
    return (fds[1].revents & POLLIN) == 0;
}

/* One line without its end, byte by byte: what follows it is for whoever reads next.
 * signals: -1 where none are watched. */
static enum line read_line(int fd, int signals, struct password *p)
{
    bool is_long = false;
    char c;
    p->len = 0;
    for (;;) {
        if (signals >= 0 && wait_for_input(fd, signals) == 0)
            return LINE_SIGNAL;
        ssize_t count = read(fd, &c, 1);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return LINE_FAILED;
        if (count == 0 || c == '\n')
            break;
        if (p->len < PASSWORD_MAX)
            p->text[p->len++] = c;
        else
            is_long = true;
    }
    if (is_long)
        return LINE_LONG;
    p->text[p->len] = '\0';
    return p->len > 0 ? LINE_READ : LINE_NONE;
}

static enum password_result judge(enum line line, const struct password *p, struct err *e)
{
    const char *why = NULL;
    if (line == LINE_NONE)
        why = "is empty";
    else if (line == LINE_LONG)
        why = "is longer than 256 bytes";
    else if (line != LINE_READ)
        why = "cannot be read";
    else if (file_line_has_control((struct str){p->text, p->len}))
        why = "has a control character (the end of a line is a line feed alone)";
    if (why == NULL)
        return PASSWORD_READ;
    err_set(e, NULL, "the password %s", why);
    return PASSWORD_BAD;
}

static void write_text(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t count = write(fd, text, len);
        if (count < 0 && errno != EINTR)
            return;
        if (count > 0) {
            text += count;
            len -= (size_t)count;
        }
    }
}

/* Lets the signal act. It may be one that is ignored, or one that only stops. */
static void let_signal_act(const struct terminal *t)
{
    struct signalfd_siginfo info;
    ssize_t count = read(t->signals, &info, sizeof(info));
    write_text(t->fd, "\n");
    restore(t);
    if (count == (ssize_t)sizeof(info))
        raise((int)info.ssi_signo);
}

static enum line ask(struct terminal *t, const char *question, const char *user,
                     struct password *p)
{
    enum line line = LINE_SIGNAL;
    while (line == LINE_SIGNAL) {
        if (silence(t) < 0) {
            restore(t);
            return LINE_FAILED;
        }
        write_text(t->fd, question);
        write_text(t->fd, user);
        write_text(t->fd, ": ");
        line = read_line(t->fd, t->signals, p);
        if (line == LINE_SIGNAL)
            let_signal_act(t);
    }
    restore(t);
    return line;
}

static enum password_result ask_twice(struct terminal *t, const char *user, struct password *p,
                                      struct err *e)
{
    struct password again;
    enum password_result result = judge(ask(t, "New password for ", user, p), p, e);
    if (result != PASSWORD_READ)
        return result;
    if (ask(t, "Once more, for ", user, &again) != LINE_READ || again.len != p->len ||
        CRYPTO_memcmp(again.text, p->text, p->len) != 0) {
        err_set(e, NULL, "the two passwords are not the same");
        result = PASSWORD_DIFFERS;
    }
    password_fini(&again);
    return result;
}

enum password_result password_read(struct password *p, const char *user, struct err *e)
{
    struct terminal t;
    enum password_result result = PASSWORD_BAD;
    if (!isatty(STDIN_FILENO))
        return judge(read_line(STDIN_FILENO, -1, p), p, e);
    if (open_terminal(&t, e) == 0)
        result = ask_twice(&t, user, p, e);
    close_terminal(&t);
    return result;
}

void password_fini(struct password *p)
{
    OPENSSL_cleanse(p, sizeof(*p));
}
