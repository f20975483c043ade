/* SPDX-License-Identifier: MIT */
/* fault.c - what OpenSSL says about a failure; see fault.h. */
#include "certs/fault.h"

int fault_set(struct err *e, const struct place *at, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    return err_set(e, at, "%s%s%s", what, reason != NULL ? ": " : "",
                   reason != NULL ? reason : "");
}
