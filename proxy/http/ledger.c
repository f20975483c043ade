/* SPDX-License-Identifier: MIT */
/* ledger.c - changes to the fields of one message; see ledger.h. */
#include "proxy/http/ledger.h"

#include "util/attr.h"

static const char *const FIELD_TOKENS[] = {
    [HEADER_CONNECTION] = "connection",
    [HEADER_CONTENT_LENGTH] = "content-length",
    [HEADER_DATE] = "date",
    [HEADER_HOST] = "host",
    [HEADER_HTTP2_SETTINGS] = "http2-settings",
    [HEADER_KEEP_ALIVE] = "keep-alive",
    [HEADER_MAX_FORWARDS] = "max-forwards",
    [HEADER_PROXY_AUTHENTICATE] = "proxy-authenticate",
    [HEADER_PROXY_AUTHENTICATION_INFO] = "proxy-authentication-info",
    [HEADER_PROXY_AUTHORIZATION] = "proxy-authorization",
    [HEADER_PROXY_CONNECTION] = "proxy-connection",
    [HEADER_TE] = "te",
    [HEADER_TRAILER] = "trailer",
    [HEADER_TRANSFER_ENCODING] = "transfer-encoding",
    [HEADER_UPGRADE] = "upgrade",
    [HEADER_VIA] = "via",
    [HEADER_X_FORWARDED_FOR] = "x-forwarded-for",
    [HEADER_OTHER] = "other",
};

static const char *const REASON_TOKENS[] = {
    [HEADER_HOP_BY_HOP] = "hop_by_hop",
    [HEADER_NAMED] = "named_by_connection",
    [HEADER_FOR_THE_PROXY] = "for_the_proxy",
    [HEADER_FRAMING] = "framing",
    [HEADER_FROM_TARGET] = "from_target",
    [HEADER_COUNTED_DOWN] = "counted_down",
    [HEADER_REPAIRED] = "repaired",
    [HEADER_NO_TRAILERS] = "no_trailers",
    [HEADER_BARRED] = "barred",
    [HEADER_ADDED] = "added",
};

_Static_assert(ARRAY_LEN(FIELD_TOKENS) == HEADER_FIELD_COUNT, "a token for each field");
_Static_assert(ARRAY_LEN(REASON_TOKENS) == HEADER_REASON_COUNT, "a token for each reason");

void ledger_add(struct header_ledger *ledger, enum header_field field, enum header_reason reason)
{
    struct header_change *at = ledger->changes, *end = at + ledger->count;
    for (; at < end; at++)
        if (at->field == field && at->reason == reason) {
            at->count++;
            return;
        }
    if (ledger->count == LEDGER_MAX)
        return; /* never, see ledger.h; and no reason to stop if it were */
    *at = (struct header_change){(uint8_t)field, (uint8_t)reason, 1};
    ledger->count++;
}

const char *ledger_field_token(enum header_field field)
{
    return FIELD_TOKENS[field];
}

const char *ledger_reason_token(enum header_reason reason)
{
    return REASON_TOKENS[reason];
}
