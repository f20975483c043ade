/* SPDX-License-Identifier: MIT */
/*
 * login.c - one Proxy-Authorization line a request.
 */
#include "tests/bench/login.h"

#include <nettle/base64.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

void login_init(struct login *login, enum login_scheme scheme)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    login->scheme = scheme;
    login->count = 0;
    login->salt = (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
    digest_client_init(&login->digest, LOGIN_USER, LOGIN_PASSWORD);
    ntlm_client_init(&login->ntlm, LOGIN_USER, LOGIN_DOMAIN, LOGIN_PASSWORD);
}

bool login_has_legs(const struct login *login)
{
    return login->scheme == LOGIN_DIGEST || login->scheme == LOGIN_NTLM;
}

static int finish_line(int len)
{
    return len > 0 && len < LOGIN_FIELD_SIZE ? len : -1;
}

static int write_basic(const char *credentials, char out[LOGIN_FIELD_SIZE])
{
    char coded[BASE64_ENCODE_RAW_LENGTH(128) + 1];
    size_t len = strlen(credentials);

    base64_encode_raw(coded, len, (const unsigned char *)credentials);
    coded[BASE64_ENCODE_RAW_LENGTH(len)] = '\0';
    return finish_line(
        snprintf(out, LOGIN_FIELD_SIZE, "Proxy-Authorization: Basic %s\r\n", coded));
}

static int write_wrong(struct login *login, char out[LOGIN_FIELD_SIZE])
{
    char credentials[128];

    (void)snprintf(credentials, sizeof(credentials), "user%lu:wrong-%llx-%lx",
                   login->count % LOGIN_ACCOUNTS, (unsigned long long)login->salt, login->count);
    login->count++;
    return write_basic(credentials, out);
}

static int write_digest(struct login *login, const char *target, const char *refusal,
                        char out[LOGIN_FIELD_SIZE])
{
    out[0] = '\0';
    if (refusal != NULL && digest_client_take(&login->digest, refusal) != 0)
        return -1;
    if (login->digest.nonce[0] == '\0')
        return 0;
    return digest_client_answer(&login->digest, target, out, LOGIN_FIELD_SIZE);
}

/* The token of the line with a CHALLENGE. NULL: there is none. */
static const char *find_token(const char *head, size_t *len)
{
    static const char start[] = "Proxy-Authenticate: NTLM ";
    const char *line = head;

    while ((line = strchr(line, '\n')) != NULL) {
        if (strncasecmp(++line, start, sizeof(start) - 1) != 0)
            continue;
        line += sizeof(start) - 1;
        *len = strcspn(line, " \r\n");
        return line;
    }
    return NULL;
}

static int write_ntlm(struct login *login, const char *refusal, char out[LOGIN_FIELD_SIZE])
{
    char text[NTLM_CLIENT_TEXT];
    const char *token = NULL;
    size_t len = 0;

    if (refusal == NULL) {
        ntlm_client_begin(text);
    } else {
        token = find_token(refusal, &len);
        if (token == NULL || ntlm_client_answer(&login->ntlm, token, len, text) != 0)
            return -1;
    }
    return finish_line(snprintf(out, LOGIN_FIELD_SIZE, "Proxy-Authorization: NTLM %s\r\n", text));
}

int login_write(struct login *login, const char *target, const char *refusal,
                char out[LOGIN_FIELD_SIZE])
{
    switch (login->scheme) {
    case LOGIN_BASIC:
        return write_basic(LOGIN_USER ":" LOGIN_PASSWORD, out);
    case LOGIN_WRONG:
        return write_wrong(login, out);
    case LOGIN_DIGEST:
        return write_digest(login, target, refusal, out);
    case LOGIN_NTLM:
        return write_ntlm(login, refusal, out);
    case LOGIN_NONE:
        break;
    }
    out[0] = '\0';
    return 0;
}
