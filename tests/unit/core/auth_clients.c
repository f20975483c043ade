/* SPDX-License-Identifier: MIT */
/* auth_clients.c - clients of Digest and NTLM; see auth_clients.h. */
#include "tests/unit/core/auth_clients.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/core/auth_rig.h"
#include "tests/unit/core/must.h"
#include "util/base64.h"

static char credentials[CREDENTIALS_MAX];

const char *digest_credentials(struct digest_client *client)
{
    static const char FIELD[] = "Proxy-Authorization: ";
    char target[32], line[CREDENTIALS_MAX];
    snprintf(target, sizeof(target), "127.0.0.1:%u", (unsigned)rig.origin_port);
    int len = digest_client_answer(client, target, line, sizeof(line));
    MUST(len > 0 && strncmp(line, FIELD, strlen(FIELD)) == 0);
    snprintf(credentials, sizeof(credentials), "%.*s", len - (int)strlen(FIELD) - 2,
             line + strlen(FIELD));
    return credentials;
}

void digest_ask(struct digest_client *client, const char *password)
{
    digest_client_init(client, "alice", password);
    int fd = auth_rig_open(NULL);
    auth_rig_expect(fd, "407");
    ck_assert_int_eq(digest_client_take(client, rig.text), 0);
    close(fd);
    rig_wait_conns(0);
}

const char *ntlm_first(const char *scheme)
{
    char text[NTLM_CLIENT_TEXT];
    ntlm_client_begin(text);
    snprintf(credentials, sizeof(credentials), "%s %s", scheme, text);
    return credentials;
}

const char *ntlm_last(const char *scheme, const char *password)
{
    char text[NTLM_CLIENT_TEXT];
    struct ntlm_client client;
    const char *challenge = auth_rig_token(scheme);
    ntlm_client_init(&client, "alice", "CORP", password);
    ck_assert_int_eq(ntlm_client_answer(&client, challenge, strlen(challenge), text), 0);
    snprintf(credentials, sizeof(credentials), "%s %s", scheme, text);
    return credentials;
}

const char *token_of(const char *scheme, const char *bytes, size_t len)
{
    char text[CREDENTIALS_MAX / 2];
    MUST(BASE64_SIZE(len) < sizeof(text));
    size_t size = base64_encode((struct str){bytes, len}, text);
    snprintf(credentials, sizeof(credentials), "%s %.*s", scheme, (int)size, text);
    return credentials;
}

#define KERBEROS_NAME "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"
#define RAW "\x60\x13" KERBEROS_NAME "\x01\x00" "abcdef"

const char *kerberos_rubbish(void)
{
    return token_of("Negotiate", RAW, sizeof(RAW) - 1);
}

/* NegTokenInit with mechTypes of Kerberos alone, and mechToken. */
const char *spnego_rubbish(void)
{
    static const char TOKEN[] = "\x60\x34\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x2a\x30\x28"
                                "\xa0\x0d\x30\x0b" KERBEROS_NAME
                                "\xa2\x17\x04\x15" RAW;
    return token_of("Negotiate", TOKEN, sizeof(TOKEN) - 1);
}
