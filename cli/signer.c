/* SPDX-License-Identifier: MIT */
/* signer.c - the process that alone holds the CA's key; see signer.h. */
#include "cli/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "certs/ca_check.h"
#include "certs/fault.h"
#include "certs/key.h"
#include "certs/leaf.h"
#include "certs/pem.h"
#include "certs/signer_wire.h"
#include "cli/cli.h"
#include "conf/file.h"
#include "util/mem.h"

#define KEY_FILE_MAX (1u << 20)

struct signer_state {
    STACK_OF(X509) *certs; /* the first is the one that signs */
    struct leaf_signer with;
    bool is_in_token; /* the CA's key */
    struct leaf_maker *maker;
    size_t len;                            /* of in */
    unsigned char in[SIGNER_WIRE_MAX + 1]; /* one more: a longer message is noticed */
    unsigned char out[SIGNER_WIRE_MAX];
};

static bool is_our_socket(void)
{
    int type = 0, domain = 0;
    socklen_t type_len = sizeof(type), domain_len = sizeof(domain);
    return getsockopt(SIGNER_FD, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 &&
           type == SOCK_SEQPACKET &&
           getsockopt(SIGNER_FD, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) == 0 &&
           domain == AF_UNIX;
}

/* What a terminal or an administrator sends to the whole group is for the proxy; the signer
 * ends when its socket does. */
static int ignore_signals(void)
{
    static const int ignored[] = {SIGINT, SIGHUP, SIGUSR1, SIGPIPE};
    sigset_t none;
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
        if (signal(ignored[i], SIG_IGN) == SIG_ERR)
            return -1;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Standard error stays: a failed ASSERT has nowhere else to go. */
static int close_others(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
        return -1;
    if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0)
        return -1;
    return close_range(SIGNER_FD + 1, ~0U, 0);
}

static int protect(struct err *e)
{
    const struct rlimit no_core = {0, 0};
    int flags = fcntl(SIGNER_FD, F_GETFL);
    if (setrlimit(RLIMIT_CORE, &no_core) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
        ignore_signals() == 0 && close_others() == 0 && flags >= 0 &&
        fcntl(SIGNER_FD, F_SETFL, flags & ~O_NONBLOCK) == 0)
        return 0;
    return err_set(e, NULL, "the signer cannot protect itself: %s", strerror(errno));
}

/* 1: a message is in s; 0: the socket has ended; -1: it failed. */
static int receive(struct signer_state *s)
{
    ssize_t got;
    do
        got = recv(SIGNER_FD, s->in, sizeof(s->in), 0);
    while (got < 0 && errno == EINTR);
    s->len = got > 0 ? (size_t)got : 0;
    if (got < 0)
        return errno == ECONNRESET ? 0 : -1;
    return got > 0;
}

static struct str received(const struct signer_state *s)
{
    return (struct str){(const char *)s->in, s->len};
}

static int send_message(struct signer_state *s, const struct signer_message *m)
{
    size_t len = signer_write(m, s->out, sizeof(s->out));
    ssize_t sent;
    if (len == 0) {
        errno = EMSGSIZE;
        return -1;
    }
    do
        sent = send(SIGNER_FD, s->out, len, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

static int send_text(struct signer_state *s, enum signer_kind kind, uint64_t id, const char *text)
{
    return send_message(s, &(struct signer_message){.kind = kind, .id = id, .body = str_of(text)});
}

static EVP_PKEY *read_key_file(const char *path, struct err *e)
{
    const struct place at = {path, 0};
    char *text;
    size_t len;
    if (file_read(path, KEY_FILE_MAX, NULL, &text, &len, e) < 0)
        return NULL;
    EVP_PKEY *key = pem_read_key((struct str){text, len}, &at, e);
    OPENSSL_cleanse(text, len);
    mem_free(text);
    return key;
}

/* With the first fault of those that make it unusable. */
static int check_certificate(X509 *cert, struct err *e)
{
    const struct place at = {"the CA's certificate", 0};
    struct errlist faults;
    int result = 0;
    errlist_init(&faults);
    ca_check_certificate(cert, time(NULL), &at, &faults);
    for (size_t i = faults.count; i-- > 0;)
        if (!faults.items[i].is_warning) {
            *e = faults.items[i];
            result = -1;
        }
    errlist_fini(&faults);
    return result;
}

static int load_certificate(struct signer_state *s, struct str text, struct err *e)
{
    int critical;
    s->certs = pem_read_certificates(text, &(struct place){"the CA's certificate", 0}, e);
    if (s->certs == NULL)
        return -1;
    s->with.ca = sk_X509_value(s->certs, 0);
    s->with.constraints =
        X509_get_ext_d2i(s->with.ca, NID_name_constraints, &critical, NULL);
    ERR_clear_error();
    if (s->with.constraints == NULL && critical != -1)
        return err_set(e, NULL, "the CA's certificate: its nameConstraints are malformed");
    return check_certificate(s->with.ca, e);
}

/* Of the key. A URI may have a PIN in it. */
static struct place place_of(const struct signer_state *s, const char *path)
{
    return (struct place){s->is_in_token ? "pkcs11:..." : path, 0};
}

static int load_key(struct signer_state *s, struct str where, struct err *e)
{
    char *path = where.len > 0 && memchr(where.ptr, '\0', where.len) == NULL
                     ? mem_must_dup(where.ptr, where.len) : NULL;
    int result = -1;
    if (path == NULL)
        return err_set(e, NULL, "the place of the CA's key is no path");
    s->is_in_token = key_is_uri(path);
    s->with.ca_key = s->is_in_token ? key_load_uri(path, e) : read_key_file(path, e);
    const struct place at = place_of(s, path);
    if (s->with.ca_key != NULL)
        result = ca_check_try_key(s->with.ca, s->with.ca_key, &at, e);
    OPENSSL_cleanse(path, where.len);
    mem_free(path);
    return result;
}

static int load_leaf_key(struct signer_state *s, struct str der, struct err *e)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    s->with.leaf_key = d2i_PUBKEY(NULL, &at, (long)der.len);
    if (s->with.leaf_key == NULL || at != (const unsigned char *)der.ptr + der.len)
        return fault_set(e, NULL, "the public key of leaves cannot be read");
    return 0;
}

static int load(struct signer_state *s, const struct signer_message *setup, struct err *e)
{
    if (load_certificate(s, setup->certificate, e) < 0 || load_key(s, setup->key, e) < 0 ||
        load_leaf_key(s, setup->leaf_key, e) < 0)
        return -1;
    s->maker = leaf_maker_new(&s->with, e);
    return s->maker != NULL ? 0 : -1;
}

/* 0: ready; what cannot be is told to the proxy. A relative path is as the proxy sees it. */
static int set_up(struct signer_state *s, struct err *e)
{
    struct signer_message setup;
    if (protect(e) < 0)
        return -1;
    if (receive(s) != 1 || signer_read(&setup, received(s)) < 0 || setup.kind != SIGNER_SETUP)
        return err_set(e, NULL, "the signer was not told what to sign with");
    int result = load(s, &setup, e);
    OPENSSL_cleanse(s->in, s->len);
    if (result == 0 && chdir("/") < 0)
        result = err_set(e, NULL, "the signer cannot go to /: %s", strerror(errno));
    return result;
}

/* A token that was away has lost the session and the handle of the key: whoever begins anew
 * finds them again. So this process ends, and says why; the proxy sends the order to the next
 * one. */
static bool has_lost_key(struct signer_state *s, struct err *e)
{
    const struct place at = place_of(s, NULL);
    return s->is_in_token && ca_check_try_key(s->with.ca, s->with.ca_key, &at, e) < 0;
}

static int send_fault(struct signer_state *s, const struct err *e)
{
    char text[sizeof(e->file) + sizeof(e->text) + 32];
    return send_text(s, SIGNER_FAULT, 0, err_format(e, text, sizeof(text)));
}

static int answer_order(struct signer_state *s, const struct signer_message *order)
{
    struct err e = {0}, lost = {0};
    X509 *leaf = leaf_maker_make(s->maker, order->body, time(NULL), &e);
    unsigned char *der = NULL;
    int len = leaf != NULL ? i2d_X509(leaf, &der) : 0, result;
    if (leaf == NULL && has_lost_key(s, &lost)) {
        (void)send_fault(s, &lost);
        errno = EIO;
        return -1;
    }
    if (len > 0)
        result = send_message(s, &(struct signer_message){
                                     .kind = SIGNER_LEAF, .id = order->id,
                                     .body = {(const char *)der, (size_t)len}});
    else
        result = send_text(s, SIGNER_REFUSED, order->id,
                           leaf == NULL ? e.text : "a leaf cannot be written");
    OPENSSL_free(der);
    return result;
}

/* Until the socket ends: 0. What is no order ends it too: nobody that we know sent it. */
static int serve_orders(struct signer_state *s)
{
    struct signer_message order;
    int got;
    while ((got = receive(s)) == 1) {
        if (signer_read(&order, received(s)) < 0 || order.kind != SIGNER_ORDER)
            return -1;
        if (answer_order(s, &order) < 0)
            return errno == EPIPE || errno == ECONNRESET ? 0 : -1;
    }
    return got;
}

static void fini(struct signer_state *s)
{
    leaf_maker_free(s->maker);
    EVP_PKEY_free(s->with.leaf_key);
    EVP_PKEY_free(s->with.ca_key); /* cleanses it */
    NAME_CONSTRAINTS_free(s->with.constraints);
    pem_free_certificates(s->certs);
    mem_free(s);
}

int signer_command(int argc, char **argv)
{
    struct err e = {0};
    if (argc > 1 || !is_our_socket()) {
        fputs("sallyport: signer is started by 'serve', not by people\n", stderr);
        return CLI_USAGE;
    }
    struct signer_state *s = mem_must_zalloc(sizeof(*s));
    int result = set_up(s, &e);
    if (result < 0)
        (void)send_fault(s, &e);
    else if (send_text(s, SIGNER_READY, 0, "") < 0 || serve_orders(s) < 0)
        result = -1;
    fini(s);
    return result == 0 ? CLI_DONE : CLI_NO;
}
