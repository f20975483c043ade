/* SPDX-License-Identifier: MIT */
/* staple.c - what a stapled OCSP response proves; see staple.h. */
#include "certs/staple.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdbool.h>

#include "certs/facts.h"

#define SKEW_S 300         /* clocks may differ by so much */
#define ENDLESS_S 604800L  /* what has no nextUpdate is believed for so long */

/* The issuer itself is asked first: its own certificate was verified already, so no second
 * chain is built for it. */
static bool is_signed(OCSP_BASICRESP *basic, STACK_OF(X509) *chain, X509_STORE *store)
{
    STACK_OF(X509) *issuers = sk_X509_new_null();
    bool result = false;
    if (issuers != NULL && sk_X509_push(issuers, sk_X509_value(chain, 1)) > 0) {
        result = OCSP_basic_verify(basic, issuers, store, OCSP_TRUSTOTHER | OCSP_NOINTERN) == 1;
        for (int i = 2; i < sk_X509_num(chain); i++)
            sk_X509_push(issuers, sk_X509_value(chain, i));
        result = result || OCSP_basic_verify(basic, issuers, store, OCSP_NOEXPLICIT) == 1;
    }
    sk_X509_free(issuers);
    return result;
}

/* The answer of this very certificate, whatever hash its issuer is named by. */
static OCSP_SINGLERESP *find_answer(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *answer = OCSP_resp_get0(basic, i);
        const OCSP_CERTID *theirs = OCSP_SINGLERESP_get0_id(answer);
        ASN1_OBJECT *hash;
        if (OCSP_id_get0_info(NULL, &hash, NULL, NULL, (OCSP_CERTID *)theirs) != 1)
            continue;
        const EVP_MD *digest = EVP_get_digestbyobj(hash);
        OCSP_CERTID *ours = digest != NULL ? OCSP_cert_to_id(digest, leaf, issuer) : NULL;
        bool is_same = ours != NULL && OCSP_id_cmp(ours, theirs) == 0;
        OCSP_CERTID_free(ours);
        if (is_same)
            return answer;
    }
    return NULL;
}

static enum staple read_answer(OCSP_SINGLERESP *answer, char revoked_on[STAPLE_DAY_SIZE])
{
    ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *to = NULL;
    char text[FACTS_TIME_SIZE];
    int reason;
    int status = OCSP_single_get0_status(answer, &reason, &revoked, &from, &to);
    if (from == NULL || OCSP_check_validity(from, to, SKEW_S, to != NULL ? -1 : ENDLESS_S) != 1)
        return STAPLE_PROVES_NOTHING;
    if (status == V_OCSP_CERTSTATUS_GOOD)
        return STAPLE_GOOD;
    if (status != V_OCSP_CERTSTATUS_REVOKED)
        return STAPLE_PROVES_NOTHING;
    facts_format_time(revoked, text);
    snprintf(revoked_on, STAPLE_DAY_SIZE, "%.10s", text);
    return STAPLE_REVOKED;
}

enum staple staple_judge(const unsigned char *der, size_t len, STACK_OF(X509) *chain,
                         X509_STORE *store, char revoked_on[STAPLE_DAY_SIZE])
{
    enum staple result = STAPLE_PROVES_NOTHING;
    OCSP_BASICRESP *basic = NULL;
    const unsigned char *at = der;
    OCSP_RESPONSE *response =
        len > 0 && len <= LONG_MAX ? d2i_OCSP_RESPONSE(NULL, &at, (long)len) : NULL;
    if (response == NULL || OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL ||
        sk_X509_num(chain) < 2) /* who signs itself revokes itself */
        goto out;
    basic = OCSP_response_get1_basic(response);
    if (basic == NULL)
        goto out;
    OCSP_SINGLERESP *answer =
        find_answer(basic, sk_X509_value(chain, 0), sk_X509_value(chain, 1));
    if (answer == NULL)
        goto out;
    result = read_answer(answer, revoked_on);
    if (result != STAPLE_PROVES_NOTHING && !is_signed(basic, chain, store))
        result = STAPLE_PROVES_NOTHING;
out:
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    ERR_clear_error();
    return result;
}
