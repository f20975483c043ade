/* SPDX-License-Identifier: MIT */
/* test_ntlm_crypto.c - the calculations of MS-NLMP section 4.2. */
#include <check.h>
#include <string.h>

#include "auth/ntlm_crypto.h"
#include "tests/unit/auth/nlmp.h"

static void check_bytes(const void *got, const char *want_hex)
{
    unsigned char want[64];
    struct str bytes = NLMP_INTO(want, want_hex);
    ck_assert_mem_eq(got, want, bytes.len);
}

/* 4.2.4.1.1, 4.2.4.2.2, 4.2.4.1.2, 4.2.4.2.3: each from the one before. */
START_TEST(computes_the_keys_of_ntlmv2)
{
    unsigned char hash[16], user[16], domain[16], temp[96], challenge[8], encrypted[16];
    unsigned char response_key[16], proof[16], base_key[16], key[16];
    NLMP_INTO(hash, NLMP_NT_HASH);
    NLMP_INTO(challenge, NLMP_SERVER_CHALLENGE);
    ntlm_crypto_response_key(hash, NLMP_INTO(user, NLMP_USER_CAPITALS),
                             NLMP_INTO(domain, NLMP_DOMAIN), response_key);
    check_bytes(response_key, NLMP_RESPONSE_KEY);
    ntlm_crypto_proof(response_key, challenge, NLMP_INTO(temp, NLMP_TEMP), proof);
    check_bytes(proof, NLMP_PROOF);
    ntlm_crypto_base_key(response_key, proof, base_key);
    check_bytes(base_key, NLMP_BASE_KEY);
    NLMP_INTO(encrypted, NLMP_ENCRYPTED_KEY);
    ntlm_crypto_exchange_key(base_key, encrypted, key);
    check_bytes(key, NLMP_SESSION_KEY);
    ntlm_crypto_exchange_key(base_key, key, encrypted);
    check_bytes(encrypted, NLMP_ENCRYPTED_KEY);
}
END_TEST

/* 4.2.4.2.1: the LMv2 response is the same calculation over the client's challenge. */
START_TEST(computes_the_lmv2_response)
{
    unsigned char key[16], challenge[8], client[8], response[16];
    NLMP_INTO(key, NLMP_RESPONSE_KEY);
    NLMP_INTO(challenge, NLMP_SERVER_CHALLENGE);
    ntlm_crypto_proof(key, challenge, NLMP_INTO(client, NLMP_CLIENT_CHALLENGE), response);
    check_bytes(response, NLMP_LM2_RESPONSE);
}
END_TEST

/* 4.2.4.4 GSS_WrapEx: the message is sealed first, with the same key stream. */
START_TEST(signs_with_key_exchange)
{
    unsigned char key[16], text[18], sealed[18], mac[16];
    struct ntlm_signer signer;
    NLMP_INTO(key, NLMP_SESSION_KEY);
    struct str plain = NLMP_INTO(text, NLMP_PLAINTEXT);
    ntlm_signer_init(&signer, key, NLMP_FLAGS, true);
    check_bytes(signer.sign_key, NLMP_SIGN_KEY);
    arcfour_crypt(&signer.seal, sizeof(sealed), sealed, text);
    check_bytes(sealed, NLMP_SEALED);
    ntlm_signer_mac(&signer, 0, plain, mac);
    check_bytes(mac, NLMP_SIGNATURE);
    ntlm_signer_fini(&signer);
}
END_TEST

/* 4.2.3.4: a sealing key of 56 bits, and a checksum that goes out as it is. */
START_TEST(signs_without_key_exchange)
{
    unsigned char key[16], text[18], sealed[18], mac[16];
    struct ntlm_signer signer;
    NLMP_INTO(key, NLMP1_EXPORTED_KEY);
    struct str plain = NLMP_INTO(text, NLMP_PLAINTEXT);
    ntlm_signer_init(&signer, key, NLMP1_FLAGS, true);
    check_bytes(signer.sign_key, NLMP1_SIGN_KEY);
    arcfour_crypt(&signer.seal, sizeof(sealed), sealed, text);
    check_bytes(sealed, "a02372f6530273f3aa1eb90190ce5200c99d");
    ntlm_signer_mac(&signer, 0, plain, mac);
    check_bytes(mac, NLMP1_SIGNATURE);
    ntlm_signer_fini(&signer);
}
END_TEST

/* Each side signs with keys of its own, and each number once. */
START_TEST(signatures_differ_by_side_and_number)
{
    unsigned char key[16], mac[3][16];
    struct ntlm_signer signer;
    NLMP_INTO(key, NLMP_SESSION_KEY);
    for (unsigned i = 0; i < 3; i++) {
        ntlm_signer_init(&signer, key, NLMP1_FLAGS, i > 0);
        ntlm_signer_mac(&signer, i == 2 ? 7 : 0, STR_LIT("text"), mac[i]);
        ntlm_signer_fini(&signer);
    }
    ck_assert_mem_ne(mac[0] + 4, mac[1] + 4, 8);
    ck_assert_mem_ne(mac[1] + 4, mac[2] + 4, 8);
    check_bytes(mac[2] + 12, "07000000");
}
END_TEST

Suite *ntlm_crypto_suite(void);

Suite *ntlm_crypto_suite(void)
{
    Suite *suite = suite_create("ntlm_crypto");
    TCase *cases = tcase_create("ntlm_crypto");
    tcase_add_test(cases, computes_the_keys_of_ntlmv2);
    tcase_add_test(cases, computes_the_lmv2_response);
    tcase_add_test(cases, signs_with_key_exchange);
    tcase_add_test(cases, signs_without_key_exchange);
    tcase_add_test(cases, signatures_differ_by_side_and_number);
    suite_add_tcase(suite, cases);
    return suite;
}
