/* SPDX-License-Identifier: MIT */
/* fault.c - what OpenSSL says about a failure; see fault.h. */
#include "certs/fault.h"

/* Libraries that come with a provider are counted from ERR_LIB_USER on. */
const char *fault_of_provider(void)
{
    const char *reason = NULL;
    unsigned long code;
    while ((code = ERR_get_error()) != 0)
        if (reason == NULL && ERR_GET_LIB(code) >= ERR_LIB_USER)
            reason = ERR_reason_error_string(code);
    return reason;
}

bool fault_is_memory(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

int fault_set(struct err *e, const struct place *at, const char *what)
{
    const char *oldest = ERR_reason_error_string(ERR_peek_error());
    const char *reason = fault_of_provider();
    if (reason == NULL)
        reason = oldest;
    return err_set(e, at, "%s%s%s", what, reason != NULL ? ": " : "",
                   reason != NULL ? reason : "");
}
