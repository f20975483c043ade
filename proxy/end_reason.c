/* SPDX-License-Identifier: MIT */
/* end_reason.c - the table behind end_reason.h. */
#include "proxy/end_reason.h"

#include "util/attr.h"

static const struct end_row ROWS[] = {
#define X(name, token, status, error, text) [END_##name] = {token, status, error, text},
#include "proxy/end_reason.def"
#undef X
};

const struct end_row *end_row(enum end_reason reason)
{
    ASSERT((unsigned)reason < END_REASON_COUNT);
    return &ROWS[reason];
}
