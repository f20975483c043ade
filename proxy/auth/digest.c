/* SPDX-License-Identifier: MIT */
/* digest.c - a request with Digest credentials; see exchange.h. */
#include "auth/digest.h"

#include <time.h>

#include "proxy/auth/exchange.h"
#include "proxy/conn.h"

static void conclude(struct exchange *x, enum digest_result result)
{
    switch (result) {
    case DIGEST_OK:
        x->state = EXCHANGE_OK;
        x->result = COUNT_AUTH_OK;
        break;
    case DIGEST_STALE:
        exchange_refuse(x, COUNT_AUTH_STALE);
        break;
    case DIGEST_REPLAY:
        exchange_refuse(x, COUNT_AUTH_REPLAYED);
        break;
    case DIGEST_WRONG:
        exchange_refuse(x, COUNT_AUTH_WRONG);
        break;
    case DIGEST_BAD:
        exchange_refuse(x, COUNT_AUTH_MALFORMED);
        break;
    }
}

/* A wrong password takes a token; a right one must not pass, nor be told from a wrong
 * one, while there is none. */
static bool may_tell(struct exchange *x, enum digest_result result)
{
    char claimed[ACCOUNT_NAME_MAX + 1];
    if (result == DIGEST_BAD)
        return true;
    if (result == DIGEST_OK)
        return exchange_could_try(x, str_of(x->user));
    if (!digest_claimed_user(x->auth->digest, x->credentials, claimed))
        claimed[0] = '\0';
    return result == DIGEST_WRONG ? exchange_may_try(x, str_of(claimed))
                                  : exchange_could_try(x, str_of(claimed));
}

void digest_check_request(struct exchange *x)
{
    const struct txn *t = x->conn->txn;
    struct digest_request request = {str_of(t->method), str_of(t->target)};
    enum digest_result result =
        digest_check(x->auth->digest, x->authority->nonces, (uint64_t)time(NULL), &request,
                     x->credentials, x->user);
    if (may_tell(x, result))
        conclude(x, result);
}
