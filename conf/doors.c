/* SPDX-License-Identifier: MIT */
/* doors.c - the section `tls` of a listener; see doors.h. */
#include "conf/doors.h"

#include <string.h>

#include "certs/tls_server.h"
#include "conf/secret.h"

#define MAX_PEM_BYTES ((size_t)1 << 20)

/* A session of one listener is worth nothing at another. */
static struct str make_id(const struct endpoint *at, char out[sizeof(at->addr) + sizeof(at->port)])
{
    memcpy(out, &at->addr, sizeof(at->addr));
    memcpy(out + sizeof(at->addr), &at->port, sizeof(at->port));
    return (struct str){out, sizeof(at->addr) + sizeof(at->port)};
}

SSL_CTX *doors_tls(const struct spec_tls *spec, const struct endpoint *at, struct errlist *faults)
{
    char id[sizeof(at->addr) + sizeof(at->port)];
    char *certificate_path, *key_path;
    SSL_CTX *ctx = NULL;
    struct tls_server_settings s = {.certificate_at = &spec->certificate.at,
                                    .key_at = &spec->key.at,
                                    .id = make_id(at, id),
                                    .is_13_only = spec->min_version.value == 1};
    if (spec->certificate.text == NULL || spec->key.text == NULL)
        return NULL; /* reported as missing */
    if (secret_read(&spec->certificate, MAX_PEM_BYTES, &certificate_path, &s.certificate,
                    faults) != 0)
        return NULL;
    if (secret_read(&spec->key, MAX_PEM_BYTES, &key_path, &s.key, faults) == 0) {
        secret_check_mode(key_path, &spec->key.at, faults);
        s.certificate_path = certificate_path;
        s.key_path = key_path;
        ctx = tls_server_new(&s, faults);
        secret_drop(key_path, s.key);
    }
    secret_drop(certificate_path, s.certificate);
    return ctx;
}
