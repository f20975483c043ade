/* SPDX-License-Identifier: MIT */
/*
 * uri.h - what the tests write in "pkcs11:" URIs (RFC 7512): token, object, pin-value and
 * pin-source; another attribute is an error.
 *
 * uri_read -> uri_clear. Threads: any.
 */
#ifndef PKCS11_URI_H
#define PKCS11_URI_H

#include <stdbool.h>

#define URI_TEXT_SIZE 256

struct uri {
    char token[URI_TEXT_SIZE], object[URI_TEXT_SIZE]; /* empty: any */
    char pin[URI_TEXT_SIZE];                          /* empty: none */
    char pin_source[URI_TEXT_SIZE];
};

/* False: it is malformed. */
bool uri_read(struct uri *u, const char *text);

/* The PIN of the file that is named, where one is. False: it cannot be read. */
bool uri_read_pin(struct uri *u);

void uri_clear(struct uri *u);

#endif
