/* SPDX-License-Identifier: MIT */
/* ntlm_crypto.c - what NTLMv2 computes; see ntlm_crypto.h. */
#include "auth/ntlm_crypto.h"

#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <openssl/crypto.h>

#include "auth/ntlm_message.h"

static void update(struct hmac_md5_ctx *hmac, struct str bytes)
{
    if (bytes.len > 0)
        hmac_md5_update(hmac, bytes.len, (const uint8_t *)bytes.ptr);
}

static void finish(struct hmac_md5_ctx *hmac, unsigned char out[MD5_DIGEST_SIZE])
{
    hmac_md5_digest(hmac, MD5_DIGEST_SIZE, out);
    OPENSSL_cleanse(hmac, sizeof(*hmac));
}

void ntlm_crypto_response_key(const unsigned char nt_hash[NTLM_KEY_SIZE], struct str user,
                              struct str domain, unsigned char key[NTLM_KEY_SIZE])
{
    struct hmac_md5_ctx hmac;
    hmac_md5_set_key(&hmac, NTLM_KEY_SIZE, nt_hash);
    update(&hmac, user);
    update(&hmac, domain);
    finish(&hmac, key);
}

void ntlm_crypto_proof(const unsigned char response_key[NTLM_KEY_SIZE],
                       const unsigned char server_challenge[NTLM_SERVER_CHALLENGE_SIZE],
                       struct str blob, unsigned char proof[NTLM_PROOF_SIZE])
{
    struct hmac_md5_ctx hmac;
    hmac_md5_set_key(&hmac, NTLM_KEY_SIZE, response_key);
    hmac_md5_update(&hmac, NTLM_SERVER_CHALLENGE_SIZE, server_challenge);
    update(&hmac, blob);
    finish(&hmac, proof);
}

void ntlm_crypto_base_key(const unsigned char response_key[NTLM_KEY_SIZE],
                          const unsigned char proof[NTLM_PROOF_SIZE],
                          unsigned char base_key[NTLM_KEY_SIZE])
{
    struct hmac_md5_ctx hmac;
    hmac_md5_set_key(&hmac, NTLM_KEY_SIZE, response_key);
    hmac_md5_update(&hmac, NTLM_PROOF_SIZE, proof);
    finish(&hmac, base_key);
}

void ntlm_crypto_exchange_key(const unsigned char base_key[NTLM_KEY_SIZE],
                              const unsigned char in[NTLM_KEY_SIZE],
                              unsigned char out[NTLM_KEY_SIZE])
{
    struct arcfour_ctx rc4;
    arcfour_set_key(&rc4, NTLM_KEY_SIZE, base_key);
    arcfour_crypt(&rc4, NTLM_KEY_SIZE, out, in);
    OPENSSL_cleanse(&rc4, sizeof(rc4));
}

void ntlm_crypto_mic(const unsigned char session_key[NTLM_KEY_SIZE], struct str negotiate,
                     struct str challenge, struct str authenticate, size_t mic_offset,
                     unsigned char mic[NTLM_KEY_SIZE])
{
    static const char zeros[NTLM_KEY_SIZE];
    const char *end = authenticate.ptr + authenticate.len;
    struct hmac_md5_ctx hmac;
    ASSERT(mic_offset + sizeof(zeros) <= authenticate.len);
    hmac_md5_set_key(&hmac, NTLM_KEY_SIZE, session_key);
    update(&hmac, negotiate);
    update(&hmac, challenge);
    update(&hmac, (struct str){authenticate.ptr, mic_offset});
    update(&hmac, (struct str){zeros, sizeof(zeros)});
    update(&hmac, str_range(authenticate.ptr + mic_offset + sizeof(zeros), end));
    finish(&hmac, mic);
}

/* The constants of MS-NLMP section 3.4.5 go into the hash with their NUL. */
static void derive(const unsigned char *key, size_t key_len, const char *use,
                   unsigned char out[NTLM_KEY_SIZE])
{
    struct md5_ctx md5;
    md5_init(&md5);
    md5_update(&md5, key_len, key);
    md5_update(&md5, strlen(use) + 1, (const uint8_t *)use);
    md5_digest(&md5, NTLM_KEY_SIZE, out);
    OPENSSL_cleanse(&md5, sizeof(md5));
}

void ntlm_signer_init(struct ntlm_signer *s, const unsigned char session_key[NTLM_KEY_SIZE],
                      uint32_t flags, bool is_client)
{
    unsigned char seal_key[NTLM_KEY_SIZE];
    size_t strength = flags & NTLM_FLAG_128 ? 16 : flags & NTLM_FLAG_56 ? 7 : 5;
    derive(session_key, NTLM_KEY_SIZE,
           is_client ? "session key to client-to-server signing key magic constant"
                     : "session key to server-to-client signing key magic constant",
           s->sign_key);
    derive(session_key, strength,
           is_client ? "session key to client-to-server sealing key magic constant"
                     : "session key to server-to-client sealing key magic constant",
           seal_key);
    arcfour_set_key(&s->seal, NTLM_KEY_SIZE, seal_key);
    OPENSSL_cleanse(seal_key, sizeof(seal_key));
    s->has_key_exchange = (flags & NTLM_FLAG_KEY_EXCH) != 0;
}

void ntlm_signer_fini(struct ntlm_signer *s)
{
    OPENSSL_cleanse(s, sizeof(*s));
}

void ntlm_signer_mac(struct ntlm_signer *s, uint32_t sequence, struct str bytes,
                     unsigned char mac[NTLM_SIGNATURE_SIZE])
{
    struct hmac_md5_ctx hmac;
    unsigned char digest[MD5_DIGEST_SIZE];
    static const unsigned char version[4] = {1};
    memcpy(mac, version, 4);
    for (unsigned i = 0; i < 4; i++)
        mac[12 + i] = (unsigned char)(sequence >> 8 * i & 0xff);
    hmac_md5_set_key(&hmac, NTLM_KEY_SIZE, s->sign_key);
    hmac_md5_update(&hmac, 4, mac + 12);
    update(&hmac, bytes);
    finish(&hmac, digest);
    if (s->has_key_exchange)
        arcfour_crypt(&s->seal, 8, digest, digest);
    memcpy(mac + 4, digest, 8);
}
