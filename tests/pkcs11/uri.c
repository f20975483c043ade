/* SPDX-License-Identifier: MIT */
/* uri.c - reads "pkcs11:" URIs; see uri.h. */
#include "tests/pkcs11/uri.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SCHEME "pkcs11:"
#define FILE_SCHEME "file:"

/* The octet behind a '%', or -1. */
static int read_octet(const char *at, const char *end)
{
    int high = end - at > 2 ? OPENSSL_hexchar2int((unsigned char)at[1]) : -1;
    int low = high >= 0 ? OPENSSL_hexchar2int((unsigned char)at[2]) : -1;
    return low >= 0 ? high * 16 + low : -1;
}

/* Undoes the percent-encoding. */
static bool decode(char out[URI_TEXT_SIZE], const char *at, const char *end)
{
    size_t len = 0;
    for (; at < end; at++) {
        int octet = *at == '%' ? read_octet(at, end) : (unsigned char)*at;
        if (octet <= 0 || len + 1 >= URI_TEXT_SIZE)
            return false;
        if (*at == '%')
            at += 2;
        out[len++] = (char)octet;
    }
    out[len] = '\0';
    return true;
}

static bool read_attribute(struct uri *u, const char *at, const char *end)
{
    const struct {
        const char *name;
        char *value;
    } rows[] = {
        {"token=", u->token},
        {"object=", u->object},
        {"pin-value=", u->pin},
        {"pin-source=", u->pin_source},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = strlen(rows[i].name);
        if ((size_t)(end - at) >= len && strncmp(at, rows[i].name, len) == 0)
            return decode(rows[i].value, at + len, end);
    }
    return false;
}

bool uri_read(struct uri *u, const char *text)
{
    memset(u, 0, sizeof(*u));
    if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
        return false;
    text += strlen(SCHEME);
    while (*text != '\0') {
        const char *end = text + strcspn(text, ";?&");
        if (!read_attribute(u, text, end))
            return false;
        text = *end != '\0' ? end + 1 : end;
    }
    return true;
}

bool uri_read_pin(struct uri *u)
{
    const char *path = u->pin_source;
    if (path[0] == '\0')
        return true;
    if (strncmp(path, FILE_SCHEME, strlen(FILE_SCHEME)) == 0)
        path += strlen(FILE_SCHEME);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    setvbuf(file, NULL, _IONBF, 0); /* no copy that nobody cleanses */
    bool is_read = fgets(u->pin, sizeof(u->pin), file) != NULL;
    fclose(file);
    u->pin[strcspn(u->pin, "\r\n")] = '\0';
    return is_read;
}

void uri_clear(struct uri *u)
{
    OPENSSL_cleanse(u, sizeof(*u));
}
