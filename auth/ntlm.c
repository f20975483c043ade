/* SPDX-License-Identifier: MIT */
/* ntlm.c - NTLM on the side of the server; see ntlm.h. */
#include "auth/ntlm.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <unistd.h>

#include "auth/ntlm_crypto.h"
#include "auth/ntlm_message.h"
#include "auth/smbpasswd.h"
#include "auth/utf16.h"
#include "util/mem.h"

struct ntlm {
    struct ntlm_target target;
    struct accounts *accounts;
    unsigned char decoy[NTHASH_SIZE]; /* for those who are unknown or must not log in */
};

struct ntlm_session {
    char *messages; /* NEGOTIATE, then CHALLENGE; NULL once judged */
    size_t negotiate_len, challenge_len;
    unsigned char server_challenge[NTLM_SERVER_CHALLENGE_SIZE];
    uint32_t flags; /* of the CHALLENGE; once judged, those that both sides set */
    bool is_judged, has_key;
    unsigned char session_key[NTLM_KEY_SIZE];
};

/* Who an AUTHENTICATE says it is from. */
struct claim {
    char user[ACCOUNT_NAME_MAX + 1];
    unsigned char hashed[2 * ACCOUNT_NAME_MAX + 2 * NTLM_DOMAIN_MAX]; /* UTF-16LE, both */
    size_t user_len, domain_len;
};

/* 0, or -1: not UTF-8, or longer than max characters. */
static int set_name(struct ntlm_name *name, struct str text, size_t max)
{
    return utf16_from_utf8(text, name->units, 2 * max, &name->len);
}

static int set_netbios_name(struct ntlm_name *name, struct str text, const char *what,
                            struct errlist *faults)
{
    if (text.len == 0 || set_name(name, text, NTLM_NETBIOS_MAX) != 0) {
        errlist_add(faults, NULL, "NTLM's %s name \"%.*s\" must have 1 to %d characters of UTF-8",
                    what, STR_ARG(text), NTLM_NETBIOS_MAX);
        return -1;
    }
    utf16_upper(name->units, name->len);
    return 0;
}

/* The names of this host: its whole name for DNS, its first label for NetBIOS. */
static int set_target(struct ntlm_target *t, const struct ntlm_settings *settings,
                      struct errlist *faults)
{
    char host[NTLM_DNS_MAX + 1] = "";
    if (settings->computer == NULL && gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    struct str dns = host[0] != '\0' ? str_of(host) : STR_LIT("localhost");
    struct str rest = dns;
    struct str label = str_cut(&rest, '.');
    if (settings->computer != NULL)
        dns = label = str_of(settings->computer);
    else if (label.len > NTLM_NETBIOS_MAX)
        label.len = NTLM_NETBIOS_MAX;
    t->is_domain = settings->domain != NULL;
    struct str domain = t->is_domain ? str_of(settings->domain) : label;
    if (set_netbios_name(&t->computer, label, "computer", faults) != 0 ||
        set_netbios_name(&t->domain, domain, "domain", faults) != 0)
        return -1;
    /* A host outside of any domain is its own, also in DNS. */
    if (set_name(&t->dns_computer, dns, NTLM_DNS_MAX) != 0 ||
        set_name(&t->dns_domain, rest.len > 0 ? rest : dns, NTLM_DNS_MAX) != 0)
        t->dns_computer.len = t->dns_domain.len = 0;
    return 0;
}

struct ntlm *ntlm_new(const struct ntlm_settings *settings, struct str text, const char *file,
                      struct errlist *faults)
{
    struct ntlm *n = mem_must_zalloc(sizeof(*n));
    size_t before = faults->errors;
    n->accounts = smbpasswd_read(text, file, faults);
    if (RAND_bytes(n->decoy, sizeof(n->decoy)) != 1)
        errlist_add(faults, NULL, "NTLM: no random bytes");
    if (set_target(&n->target, settings, faults) == 0 && faults->errors == before)
        return n;
    ntlm_free(n);
    return NULL;
}

void ntlm_free(struct ntlm *n)
{
    if (n == NULL)
        return;
    accounts_free(n->accounts);
    OPENSSL_cleanse(n, sizeof(*n));
    mem_free(n);
}

struct ntlm_session *ntlm_session_new(struct str negotiate, struct str challenge)
{
    struct ntlm_session *s = mem_zalloc(sizeof(*s));
    if (s == NULL)
        return NULL;
    s->negotiate_len = negotiate.len;
    s->challenge_len = challenge.len;
    s->messages = mem_alloc(negotiate.len + challenge.len);
    if (s->messages == NULL) {
        mem_free(s);
        return NULL;
    }
    memcpy(s->messages, negotiate.ptr, negotiate.len);
    memcpy(s->messages + negotiate.len, challenge.ptr, challenge.len);
    s->flags = ntlm_message_agreed(challenge, s->server_challenge);
    return s;
}

enum ntlm_result ntlm_begin(const struct ntlm *n, struct str negotiate, uint64_t now_100ns,
                            struct ntlm_session **session)
{
    unsigned char challenge[NTLM_CHALLENGE_MAX], nonce[NTLM_SERVER_CHALLENGE_SIZE];
    uint32_t asked;
    *session = NULL;
    if (ntlm_message_negotiate(negotiate, &asked) != 0)
        return NTLM_BAD;
    if (RAND_bytes(nonce, sizeof(nonce)) != 1)
        return NTLM_NO_MEMORY;
    uint32_t flags = ntlm_message_agree(asked, n->target.is_domain);
    size_t len = ntlm_message_challenge(&n->target, flags, nonce, now_100ns, challenge);
    *session = ntlm_session_new(negotiate, (struct str){(char *)challenge, len});
    return *session != NULL ? NTLM_OK : NTLM_NO_MEMORY;
}

static struct str negotiate_of(const struct ntlm_session *s)
{
    return (struct str){s->messages, s->negotiate_len};
}

struct str ntlm_challenge(const struct ntlm_session *s)
{
    if (s->messages == NULL)
        return (struct str){NULL, 0};
    return (struct str){s->messages + s->negotiate_len, s->challenge_len};
}

bool ntlm_claimed_user(struct str authenticate, char user[ACCOUNT_NAME_MAX + 1])
{
    struct ntlm_authenticate a;
    user[0] = '\0';
    enum ntlm_result form = ntlm_message_authenticate(&a, authenticate, NTLM_FLAG_UNICODE);
    if (form == NTLM_BAD || (form == NTLM_OK && !a.has_flags) || !ntlm_message_user(&a, user))
        return false;
    char *at = memchr(user, '@', strlen(user));
    if (at != NULL && at != user)
        *at = '\0';
    return true;
}

bool ntlm_is_outdated(struct str authenticate)
{
    struct ntlm_authenticate a;
    return ntlm_message_authenticate(&a, authenticate, NTLM_FLAG_UNICODE) == NTLM_OLD;
}

bool ntlm_is_for_flags(struct str authenticate, uint32_t challenge_flags)
{
    struct ntlm_authenticate a;
    return ntlm_message_authenticate(&a, authenticate, 0) != NTLM_BAD && a.has_flags &&
           ((a.flags ^ challenge_flags) & NTLM_FLAG_UNICODE) == 0;
}

/* Appends a name to what is hashed, as UTF-16LE. In a code page that nobody knows, each
 * byte becomes one character, which is what clients without Unicode hash. */
static size_t append_name(unsigned char *out, struct str name, bool is_unicode)
{
    if (is_unicode) {
        if (name.len > 0)
            memcpy(out, name.ptr, name.len);
        return name.len;
    }
    for (size_t i = 0; i < name.len; i++) {
        out[2 * i] = (unsigned char)name.ptr[i];
        out[2 * i + 1] = 0;
    }
    return 2 * name.len;
}

/* Such clients know the capitals of ASCII alone. */
static void raise_ascii(unsigned char *units, size_t len)
{
    for (size_t i = 0; i < len; i += 2)
        if (units[i] >= 'a' && units[i] <= 'z')
            units[i] = (unsigned char)(units[i] - ('a' - 'A'));
}

/* -1: no name could look like that. */
static int take_claim(struct claim *c, const struct ntlm_authenticate *a)
{
    bool is_unicode = (a->flags & NTLM_FLAG_UNICODE) != 0;
    if (!ntlm_message_user(a, c->user))
        return -1;
    c->user_len = append_name(c->hashed, a->user, is_unicode);
    if (is_unicode)
        utf16_upper(c->hashed, c->user_len);
    else
        raise_ascii(c->hashed, c->user_len);
    c->domain_len = append_name(c->hashed + c->user_len, a->domain, is_unicode);
    return 0;
}

/* The whole name first, then the one before an @: alice@example.com is alice. */
static const struct smbpasswd_account *find_account(const struct ntlm *n, const char *claimed,
                                                    const char **written)
{
    struct str user = str_of(claimed);
    const struct smbpasswd_account *account = accounts_find(n->accounts, user, written);
    struct str first = {user.ptr, str_find(user, '@')};
    if (account == NULL && first.len < user.len)
        account = accounts_find(n->accounts, first, written);
    return account;
}

/* Sets the session key by what both sides agreed on. NTLM_BAD: the client promised a key
 * and sent none that could be one. */
static enum ntlm_result take_session_key(struct ntlm_session *s, const struct ntlm_authenticate *a,
                                         const unsigned char *response_key)
{
    unsigned char base_key[NTLM_KEY_SIZE];
    bool has_key = a->session_key.len == NTLM_KEY_SIZE;
    bool is_needed = (s->flags & (NTLM_FLAG_SIGN | NTLM_FLAG_SEAL)) != 0;
    if ((s->flags & NTLM_FLAG_KEY_EXCH) && !has_key && (is_needed || a->session_key.len != 0))
        return NTLM_BAD;
    ntlm_crypto_base_key(response_key, (const unsigned char *)a->proof.ptr, base_key);
    if ((s->flags & NTLM_FLAG_KEY_EXCH) && has_key)
        ntlm_crypto_exchange_key(base_key, (const unsigned char *)a->session_key.ptr,
                                 s->session_key);
    else
        memcpy(s->session_key, base_key, sizeof(base_key));
    OPENSSL_cleanse(base_key, sizeof(base_key));
    return NTLM_OK;
}

static bool has_right_mic(const struct ntlm_session *s, const struct ntlm_authenticate *a,
                          struct str message)
{
    unsigned char mic[NTLM_KEY_SIZE];
    if (!a->has_mic)
        return true;
    ntlm_crypto_mic(s->session_key, negotiate_of(s), ntlm_challenge(s), message, a->mic_offset,
                    mic);
    bool is_right = CRYPTO_memcmp(mic, message.ptr + a->mic_offset, sizeof(mic)) == 0;
    OPENSSL_cleanse(mic, sizeof(mic));
    return is_right;
}

/* The client's time is not looked at: its answer is good for this challenge alone, and
 * that for this session; a clock that is off locks nobody out. */
static enum ntlm_result judge(const struct ntlm *n, struct ntlm_session *s,
                              const struct ntlm_authenticate *a, struct str message,
                              char user[ACCOUNT_NAME_MAX + 1])
{
    struct claim c;
    const char *written = NULL;
    unsigned char response_key[NTLM_KEY_SIZE], proof[NTLM_PROOF_SIZE];
    enum ntlm_result result = NTLM_WRONG;
    if (take_claim(&c, a) != 0)
        return NTLM_BAD;
    const struct smbpasswd_account *account = find_account(n, c.user, &written);
    bool is_usable = account != NULL && account->is_usable;
    ntlm_crypto_response_key(
        is_usable ? account->nt_hash : n->decoy, (struct str){(char *)c.hashed, c.user_len},
        (struct str){(char *)c.hashed + c.user_len, c.domain_len}, response_key);
    ntlm_crypto_proof(response_key, s->server_challenge, a->blob, proof);
    if (CRYPTO_memcmp(proof, a->proof.ptr, sizeof(proof)) == 0 && is_usable) {
        s->flags &= a->flags;
        result = take_session_key(s, a, response_key);
        if (result == NTLM_OK && !has_right_mic(s, a, message))
            result = NTLM_BAD;
    }
    if (result == NTLM_OK)
        memcpy(user, written, strlen(written) + 1);
    s->has_key = result == NTLM_OK;
    OPENSSL_cleanse(response_key, sizeof(response_key));
    OPENSSL_cleanse(proof, sizeof(proof));
    return result;
}

enum ntlm_result ntlm_finish(const struct ntlm *n, struct ntlm_session *s, struct str authenticate,
                             char user[ACCOUNT_NAME_MAX + 1])
{
    struct ntlm_authenticate a;
    user[0] = '\0';
    if (s->is_judged)
        return NTLM_BAD;
    s->is_judged = true;
    enum ntlm_result result = ntlm_message_authenticate(&a, authenticate, s->flags);
    if (result == NTLM_OK)
        result = judge(n, s, &a, authenticate, user);
    if (!s->has_key)
        OPENSSL_cleanse(s->session_key, sizeof(s->session_key));
    mem_free(s->messages);
    s->messages = NULL;
    return result;
}

bool ntlm_sign(const struct ntlm_session *s, bool is_client, struct str bytes,
               unsigned char mac[NTLM_MAC_SIZE])
{
    const uint32_t needed = NTLM_FLAG_SIGN | NTLM_FLAG_EXTENDED;
    struct ntlm_signer signer;
    if (!s->has_key || (s->flags & needed) != needed)
        return false;
    ntlm_signer_init(&signer, s->session_key, s->flags, is_client);
    ntlm_signer_mac(&signer, 0, bytes, mac);
    ntlm_signer_fini(&signer);
    return true;
}

void ntlm_session_free(struct ntlm_session *s)
{
    if (s == NULL)
        return;
    mem_free(s->messages);
    OPENSSL_cleanse(s, sizeof(*s));
    mem_free(s);
}
