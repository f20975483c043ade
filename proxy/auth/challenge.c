/* SPDX-License-Identifier: MIT */
/* challenge.c - the Proxy-Authenticate lines of a 407; see challenge.h. */
#include "proxy/auth/challenge.h"

#include <time.h>

#include "proxy/http/writer.h"

static void begin_line(struct writer *w)
{
    writer_put(w, STR_LIT("Proxy-Authenticate: "));
}

static void put_basic(struct writer *w, const struct auth *a)
{
    begin_line(w);
    writer_put(w, STR_LIT("Basic realm="));
    writer_put_quoted(w, str_of(a->realm));
    writer_put(w, STR_LIT(", charset=\"UTF-8\"\r\n")); /* RFC 7617 section 2.1 */
}

static void put_digest(struct writer *w, const struct auth *a, struct nonces *nonces,
                       bool is_stale)
{
    enum digest_algorithm algorithms[DIGEST_ALGORITHMS];
    char text[DIGEST_CHALLENGE_MAX];
    size_t count = digest_offered(a->digest, algorithms);
    for (size_t i = 0; i < count; i++) {
        size_t len = digest_challenge(a->digest, nonces, (uint64_t)time(NULL), algorithms[i],
                                      is_stale, text);
        begin_line(w);
        writer_put(w, (struct str){text, len});
        writer_put(w, STR_LIT("\r\n"));
    }
}

size_t challenge_write_all(const struct auth *a, const struct auth_offer *offer,
                           struct nonces *nonces, bool is_stale, char *out)
{
    struct writer w = {out, 0, REPLY_FIELDS_MAX, false};
    for (size_t i = 0; i < offer->count; i++) {
        switch (offer->schemes[i]) {
        case AUTH_BASIC:
            put_basic(&w, a);
            break;
        case AUTH_DIGEST:
            put_digest(&w, a, nonces, is_stale);
            break;
        case AUTH_NTLM:
            writer_put(&w, STR_LIT("Proxy-Authenticate: NTLM\r\n"));
            break;
        case AUTH_NEGOTIATE:
            writer_put(&w, STR_LIT("Proxy-Authenticate: Negotiate\r\n"));
            break;
        case AUTH_NONE:
        case AUTH_SCHEME_COUNT:
            break;
        }
    }
    return w.len;
}

size_t challenge_write_token(enum auth_scheme scheme, struct str token, char *out)
{
    struct writer w = {out, 0, REPLY_FIELDS_MAX, false};
    begin_line(&w);
    writer_put(&w, scheme == AUTH_NTLM ? STR_LIT("NTLM ") : STR_LIT("Negotiate "));
    writer_put(&w, token);
    writer_put(&w, STR_LIT("\r\n"));
    return w.is_cut ? 0 : w.len;
}
