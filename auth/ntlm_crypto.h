/* SPDX-License-Identifier: MIT */
/*
 * ntlm_crypto.h - what NTLMv2 computes (MS-NLMP sections 3.3.2, 3.4.4 and 3.4.5).
 *
 * Names are bytes of UTF-16LE. Everything here is a secret or leads to one: the caller
 * cleanses what it gets. Keeps no state. Threads: any.
 */
#ifndef AUTH_NTLM_CRYPTO_H
#define AUTH_NTLM_CRYPTO_H

#include <nettle/arcfour.h>
#include <stdbool.h>

#include "util/str.h"

#define NTLM_KEY_SIZE 16
#define NTLM_PROOF_SIZE 16
#define NTLM_SERVER_CHALLENGE_SIZE 8
#define NTLM_SIGNATURE_SIZE 16

/* NTOWFv2: of an NT hash, the user in capitals and the domain as the client sent it. */
void ntlm_crypto_response_key(const unsigned char nt_hash[NTLM_KEY_SIZE], struct str user,
                              struct str domain, unsigned char key[NTLM_KEY_SIZE]);

/* NTProofStr; blob is what MS-NLMP calls temp: the client's part of the response. */
void ntlm_crypto_proof(const unsigned char response_key[NTLM_KEY_SIZE],
                       const unsigned char server_challenge[NTLM_SERVER_CHALLENGE_SIZE],
                       struct str blob, unsigned char proof[NTLM_PROOF_SIZE]);

/* SessionBaseKey, which is NTLMv2's KeyExchangeKey as well. */
void ntlm_crypto_base_key(const unsigned char response_key[NTLM_KEY_SIZE],
                          const unsigned char proof[NTLM_PROOF_SIZE],
                          unsigned char base_key[NTLM_KEY_SIZE]);

/* ExportedSessionKey out of EncryptedRandomSessionKey, and the other way. */
void ntlm_crypto_exchange_key(const unsigned char base_key[NTLM_KEY_SIZE],
                              const unsigned char in[NTLM_KEY_SIZE],
                              unsigned char out[NTLM_KEY_SIZE]);

/* MIC over the three messages; zeros stand for the MIC of the AUTHENTICATE, which is
 * the 16 bytes at mic_offset, inside of it. */
void ntlm_crypto_mic(const unsigned char session_key[NTLM_KEY_SIZE], struct str negotiate,
                     struct str challenge, struct str authenticate, size_t mic_offset,
                     unsigned char mic[NTLM_KEY_SIZE]);

/* One side's signatures under extended session security. */
struct ntlm_signer {
    unsigned char sign_key[NTLM_KEY_SIZE];
    struct arcfour_ctx seal; /* as far as it was used */
    bool has_key_exchange;
};

/* SIGNKEY and SEALKEY from the flags agreed upon. */
void ntlm_signer_init(struct ntlm_signer *s, const unsigned char session_key[NTLM_KEY_SIZE],
                      uint32_t flags, bool is_client);
void ntlm_signer_fini(struct ntlm_signer *s); /* cleanses */

/* MAC with extended session security (MS-NLMP section 3.4.4.2). */
void ntlm_signer_mac(struct ntlm_signer *s, uint32_t sequence, struct str bytes,
                     unsigned char mac[NTLM_SIGNATURE_SIZE]);

#endif
