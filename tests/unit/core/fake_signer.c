/* SPDX-License-Identifier: MIT */
/* fake_signer.c - a signer process that fails as it is told to; see fake_signer.h. */
#include "tests/unit/core/fake_signer.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/signer_wire.h"

struct fake {
    char word[32];
    long number, starts;
    EVP_PKEY *ca_key, *leaf_key;
    unsigned orders;
    unsigned char in[SIGNER_WIRE_MAX], out[SIGNER_WIRE_MAX];
};

static bool is_told(const struct fake *f, const char *word)
{
    return strcmp(f->word, word) == 0;
}

static void say(struct fake *f, enum signer_kind kind, uint64_t id, struct str body)
{
    struct signer_message m = {.kind = kind, .id = id, .body = body};
    size_t len = signer_write(&m, f->out, sizeof(f->out));
    if (len == 0 || send(SIGNER_FD, f->out, len, MSG_NOSIGNAL) < 0)
        _exit(3);
}

static void hear(struct fake *f, struct signer_message *m)
{
    ssize_t got = recv(SIGNER_FD, f->in, sizeof(f->in), 0);
    if (got <= 0)
        _exit(0);
    if (signer_read(m, (struct str){(const char *)f->in, (size_t)got}) != 0)
        _exit(4);
}

static void read_keys(struct fake *f, const struct signer_message *setup)
{
    char path[256];
    const unsigned char *der = (const unsigned char *)setup->leaf_key.ptr;
    snprintf(path, sizeof(path), "%.*s", STR_ARG(setup->key));
    FILE *file = fopen(path, "r");
    f->ca_key = file != NULL ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (file != NULL)
        fclose(file);
    f->leaf_key = d2i_PUBKEY(NULL, &der, (long)setup->leaf_key.len);
    if (f->ca_key == NULL || f->leaf_key == NULL)
        _exit(5);
    if (is_told(f, "alien"))
        f->leaf_key = f->ca_key;
}

static void say_leaf(struct fake *f, uint64_t id)
{
    unsigned char *der = NULL;
    X509 *cert = X509_new();
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), (long)id);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), is_told(f, "seconds") ? f->number : 3600);
    X509_set_pubkey(cert, f->leaf_key);
    if (X509_sign(cert, f->ca_key, EVP_sha256()) <= 0)
        _exit(6);
    int len = i2d_X509(cert, &der);
    say(f, SIGNER_LEAF, id, (struct str){(const char *)der, (size_t)len});
    OPENSSL_free(der);
    X509_free(cert);
}

static void answer(struct fake *f, const struct signer_message *order)
{
    f->orders++;
    if ((is_told(f, "die") && f->orders == (unsigned)f->number) ||
        (is_told(f, "relapse") && f->starts == 1 && f->orders == 3))
        _exit(7);
    if (is_told(f, "poison") &&
        memmem(order->body.ptr, order->body.len, "poison.example", 14) != NULL)
        _exit(8);
    if (is_told(f, "mute"))
        return;
    if (is_told(f, "slow"))
        usleep((useconds_t)f->number * 1000);
    if (is_told(f, "strangers"))
        say_leaf(f, order->id + 1000000);
    if (is_told(f, "garbage") && f->orders == (unsigned)f->number)
        (void)!send(SIGNER_FD, "\377garbage", 8, MSG_NOSIGNAL);
    else if (is_told(f, "refuse"))
        say(f, SIGNER_REFUSED, order->id, STR_LIT("not\nthis name"));
    else if (is_told(f, "junk"))
        say(f, SIGNER_LEAF, order->id, STR_LIT("\060\003\002\001\001"));
    else
        say_leaf(f, order->id);
    if (is_told(f, "twice"))
        say_leaf(f, order->id);
}

static long note_start(void)
{
    struct stat st = {.st_size = 0};
    const char *path = getenv("FAKE_STARTS");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    char line[FAKE_START_SIZE + 1];
    snprintf(line, sizeof(line), "%*d\n", FAKE_START_SIZE - 1, (int)getpid());
    if (fd < 0 || write(fd, line, FAKE_START_SIZE) != FAKE_START_SIZE || fstat(fd, &st) != 0)
        _exit(9);
    close(fd);
    return (long)st.st_size / FAKE_START_SIZE;
}

static void become_real(void)
{
    char name[] = "sallyport", command[] = "signer";
    char *const argv[] = {name, command, NULL};
    const char *program = getenv("SALLYPORT");
    if (program != NULL)
        execv(program, argv);
    perror("SALLYPORT");
    _exit(10);
}

int fake_signer_run(void)
{
    static struct fake f; /* too large for a stack */
    struct signer_message m;
    const char *told = getenv("FAKE_SIGNER");
    snprintf(f.word, sizeof(f.word), "%s", told != NULL ? told : "");
    char *number = strchr(f.word, ':');
    if (number != NULL) {
        *number = '\0';
        f.number = strtol(number + 1, NULL, 10);
    }
    f.starts = note_start();
    if (is_told(&f, "exit"))
        _exit(1);
    if (is_told(&f, "real"))
        become_real();
    hear(&f, &m);
    if (is_told(&f, "unready"))
        hear(&f, &m);
    if (is_told(&f, "fault") || (is_told(&f, "relapse") && f.starts > 1 && f.starts <= f.number)) {
        say(&f, SIGNER_FAULT, 0, STR_LIT(FAKE_FAULT));
        _exit(1);
    }
    read_keys(&f, &m);
    say(&f, SIGNER_READY, 0, STR_LIT(""));
    for (;;) {
        hear(&f, &m);
        answer(&f, &m);
    }
}
