/* SPDX-License-Identifier: MIT */
/* negotiate.c - one handshake's place in its order of tokens. */
#include "auth/negotiate.h"

#include <openssl/crypto.h>

#include "auth/spnego.h"
#include "util/mem.h"

/* Of a list that is kept until its MIC comes: some dozens of OIDs. */
#define MECHANISMS_BYTES_MAX 1024

enum stage {
    STAGE_START,
    STAGE_WANTS_NEGOTIATE,    /* SPNEGO chose NTLM; its first message is to come */
    STAGE_WANTS_AUTHENTICATE, /* a challenge is out */
    STAGE_KERBEROS,           /* with kerberos_accept, or its next leg is to come */
    STAGE_DONE,
};

struct negotiate_session {
    enum stage stage;
    bool is_spnego;     /* NTLM is wrapped */
    bool is_mic_needed; /* the client's first choice was another mechanism */
    bool is_kerberos;
    struct ntlm_session *ntlm;
    void *context;         /* of Kerberos, between its legs */
    char *mechanisms;      /* the client's list, which a mechListMIC is over */
    size_t mechanisms_len; /* at most MECHANISMS_BYTES_MAX */
    char *token;
    size_t token_len;
    char user[ACCOUNT_NAME_MAX + 1];
    char fault[sizeof(((struct kerberos_reply *)NULL)->fault)];
};

/* Ends the handshake. */
static enum negotiate_result refuse(struct negotiate_session *s, enum negotiate_result result,
                                    const char *fault)
{
    s->stage = STAGE_DONE;
    ntlm_session_free(s->ntlm);
    s->ntlm = NULL;
    kerberos_context_free(s->context);
    s->context = NULL;
    snprintf(s->fault, sizeof(s->fault), "%s", fault);
    return result;
}

static void drop_token(struct negotiate_session *s)
{
    mem_free(s->token);
    s->token = NULL;
    s->token_len = 0;
}

/* As if no token had come. */
static void start_again(struct negotiate_session *s)
{
    ntlm_session_free(s->ntlm);
    kerberos_context_free(s->context);
    mem_free(s->mechanisms);
    drop_token(s);
    OPENSSL_cleanse(s, sizeof(*s));
    *s = (struct negotiate_session){.stage = STAGE_START};
}

static int keep_token(struct negotiate_session *s, struct str token)
{
    s->token = mem_dup(token.ptr ? token.ptr : "", token.len);
    s->token_len = s->token ? token.len : 0;
    return s->token ? 0 : -1;
}

/* The reply, in SPNEGO where the client speaks that. mechanism: OTHER after the first. */
static enum negotiate_result answer(struct negotiate_session *s, enum spnego_state state,
                                    enum spnego_mechanism mechanism, struct str inner,
                                    struct str mic)
{
    int failed;
    if (!s->is_spnego) {
        failed = keep_token(s, inner);
    } else {
        s->token = mem_alloc(inner.len + mic.len + SPNEGO_REPLY_OVERHEAD);
        failed = s->token ? 0 : -1;
        if (s->token)
            s->token_len = spnego_write_reply(state, mechanism, inner, mic, s->token);
    }
    return failed ? refuse(s, NEGOTIATE_NO_MEMORY, "no memory") : NEGOTIATE_TOKEN;
}

static enum negotiate_result refuse_ntlm(struct negotiate_session *s, enum ntlm_result result)
{
    if (result == NTLM_WRONG)
        return refuse(s, NEGOTIATE_WRONG, "unknown account or wrong password");
    if (result == NTLM_OLD)
        return refuse(s, NEGOTIATE_OLD, "NTLMv1, LM or anonymous");
    if (result == NTLM_NO_MEMORY)
        return refuse(s, NEGOTIATE_NO_MEMORY, "no memory");
    return refuse(s, NEGOTIATE_BAD, "malformed NTLM message, or one whose MIC is false");
}

static enum negotiate_result begin_ntlm(const struct ntlm *ntlm, struct negotiate_session *s,
                                        enum spnego_mechanism mechanism, struct str message,
                                        uint64_t now_100ns)
{
    if (!ntlm)
        return refuse(s, NEGOTIATE_BAD, "NTLM is not offered");
    if (ntlm_kind(message) != 1)
        return refuse(s, NEGOTIATE_BAD, "NTLM does not begin with a NEGOTIATE");
    enum ntlm_result result = ntlm_begin(ntlm, message, now_100ns, &s->ntlm);
    if (result != NTLM_OK)
        return refuse_ntlm(s, result);
    s->stage = STAGE_WANTS_AUTHENTICATE;
    return answer(s, SPNEGO_INCOMPLETE, mechanism, ntlm_challenge(s->ntlm), (struct str){NULL, 0});
}

/* The client's mechListMIC, and ours to it (RFC 4178 section 5). Where the handshake
 * agreed on no signing there is none to check or to make. */
static enum negotiate_result check_mic(struct negotiate_session *s, struct str mic,
                                       unsigned char own[NTLM_MAC_SIZE], size_t *own_len)
{
    unsigned char expected[NTLM_MAC_SIZE];
    struct str list = {s->mechanisms, s->mechanisms_len};
    *own_len = 0;
    if (mic.len == 0 && !s->is_mic_needed)
        return NEGOTIATE_OK;
    if (!ntlm_sign(s->ntlm, true, list, expected) || !ntlm_sign(s->ntlm, false, list, own))
        return NEGOTIATE_OK;
    *own_len = NTLM_MAC_SIZE;
    if (mic.len == 0)
        return refuse(s, NEGOTIATE_BAD, "the list of mechanisms is not signed");
    if (mic.len != NTLM_MAC_SIZE || CRYPTO_memcmp(mic.ptr, expected, NTLM_MAC_SIZE) != 0)
        return refuse(s, NEGOTIATE_BAD, "the signature of the list of mechanisms is false");
    return NEGOTIATE_OK;
}

static enum negotiate_result finish_ntlm(const struct ntlm *ntlm, struct negotiate_session *s,
                                         struct str message, struct str mic)
{
    unsigned char own[NTLM_MAC_SIZE];
    size_t own_len = 0;
    char user[ACCOUNT_NAME_MAX + 1];
    if (!ntlm || s->stage != STAGE_WANTS_AUTHENTICATE || ntlm_kind(message) != 3)
        return refuse(s, NEGOTIATE_BAD, "an NTLM message out of order");
    if (!ntlm_claimed_user(message, user)) /* so nobody has counted it */
        return refuse(s, NEGOTIATE_BAD, "an NTLM message without a name that can be read");
    s->stage = STAGE_DONE;
    enum ntlm_result judged = ntlm_finish(ntlm, s->ntlm, message, user);
    enum negotiate_result result =
        judged == NTLM_OK ? check_mic(s, mic, own, &own_len) : refuse_ntlm(s, judged);
    ntlm_session_free(s->ntlm);
    s->ntlm = NULL;
    if (result != NEGOTIATE_OK)
        return result;
    if (s->is_spnego) {
        struct str own_mic = {(const char *)own, own_len}, none = {NULL, 0};
        if (answer(s, SPNEGO_COMPLETED, SPNEGO_OTHER, none, own_mic) != NEGOTIATE_TOKEN)
            return NEGOTIATE_NO_MEMORY;
    }
    memcpy(s->user, user, sizeof(user));
    return NEGOTIATE_OK;
}

static enum negotiate_result begin_kerberos(struct negotiate_session *s)
{
    s->stage = STAGE_KERBEROS;
    s->is_kerberos = true;
    return NEGOTIATE_KERBEROS;
}

/* The first of the client's mechanisms that is offered here; its index, or the count. */
static size_t choose(const struct spnego_token *t, bool has_ntlm, bool has_kerberos)
{
    for (size_t i = 0; i < t->mechanism_count; i++) {
        bool is_ours = (t->mechanisms[i] == SPNEGO_KERBEROS && has_kerberos) ||
                       (t->mechanisms[i] == SPNEGO_NTLM && has_ntlm);
        if (is_ours)
            return i;
    }
    return t->mechanism_count;
}

static enum negotiate_result begin_spnego(const struct ntlm *ntlm, bool has_kerberos,
                                          struct negotiate_session *s, const struct spnego_token *t,
                                          uint64_t now_100ns)
{
    size_t chosen = choose(t, ntlm != NULL, has_kerberos);
    if (chosen == t->mechanism_count)
        return refuse(s, NEGOTIATE_BAD, "the client names no mechanism that is offered");
    if (t->mechanisms[chosen] == SPNEGO_KERBEROS)
        return begin_kerberos(s);
    s->is_spnego = true;
    if (t->mechanism_list.len > MECHANISMS_BYTES_MAX)
        return refuse(s, NEGOTIATE_BAD, "the list of mechanisms is too long");
    s->mechanisms = mem_dup(t->mechanism_list.ptr, t->mechanism_list.len);
    if (!s->mechanisms)
        return refuse(s, NEGOTIATE_NO_MEMORY, "no memory");
    s->mechanisms_len = t->mechanism_list.len;
    if (chosen == 0 && t->inner.len > 0)
        return begin_ntlm(ntlm, s, SPNEGO_NTLM, t->inner, now_100ns);
    /* The token is none of NTLM's, or there is none. */
    s->is_mic_needed = chosen > 0;
    s->stage = STAGE_WANTS_NEGOTIATE;
    struct str none = {NULL, 0};
    return answer(s, chosen > 0 ? SPNEGO_REQUEST_MIC : SPNEGO_INCOMPLETE, SPNEGO_NTLM, none, none);
}

static enum negotiate_result go_on_spnego(const struct ntlm *ntlm, struct negotiate_session *s,
                                          const struct spnego_token *t, uint64_t now_100ns)
{
    if (s->stage == STAGE_KERBEROS && s->context)
        return NEGOTIATE_KERBEROS;
    if (!s->is_spnego)
        return refuse(s, NEGOTIATE_BAD, "a later SPNEGO token comes first");
    if (s->stage == STAGE_WANTS_NEGOTIATE)
        return begin_ntlm(ntlm, s, SPNEGO_OTHER, t->inner, now_100ns);
    return finish_ntlm(ntlm, s, t->inner, t->mic);
}

static enum negotiate_result take_raw(const struct ntlm *ntlm, struct negotiate_session *s,
                                      struct str token, uint64_t now_100ns)
{
    struct str none = {NULL, 0};
    unsigned kind = ntlm_kind(token);
    if (kind == 1) {
        start_again(s);
        return begin_ntlm(ntlm, s, SPNEGO_OTHER, token, now_100ns);
    }
    if (kind == 3 && !s->is_spnego)
        return finish_ntlm(ntlm, s, token, none);
    return refuse(s, NEGOTIATE_BAD,
                  kind == 0 ? "neither SPNEGO, Kerberos nor NTLM" : "an NTLM message out of order");
}

enum negotiate_result negotiate_step(const struct ntlm *ntlm, bool has_kerberos,
                                     struct negotiate_session **session, struct str token,
                                     uint64_t now_100ns)
{
    struct spnego_token t;
    if (!*session)
        *session = mem_zalloc(sizeof(**session));
    struct negotiate_session *s = *session;
    if (!s)
        return NEGOTIATE_NO_MEMORY;
    drop_token(s);
    s->user[0] = s->fault[0] = '\0';
    spnego_parse(&t, token);
    switch (t.kind) {
    case SPNEGO_NONE:
        return take_raw(ntlm, s, token, now_100ns);
    case SPNEGO_RAW_KERBEROS:
        start_again(s);
        return has_kerberos ? begin_kerberos(s)
                            : refuse(s, NEGOTIATE_BAD, "Kerberos is not offered");
    case SPNEGO_INIT:
        start_again(s);
        return begin_spnego(ntlm, has_kerberos, s, &t, now_100ns);
    case SPNEGO_RESP:
        return go_on_spnego(ntlm, s, &t, now_100ns);
    case SPNEGO_BAD:
        break;
    }
    return refuse(s, NEGOTIATE_BAD, "a malformed SPNEGO token");
}

void *negotiate_take_context(struct negotiate_session *s)
{
    void *context = s->context;
    s->context = NULL;
    return context;
}

enum negotiate_result negotiate_kerberos_done(struct negotiate_session *s,
                                              enum kerberos_result result, void *context,
                                              const struct kerberos_reply *reply)
{
    ASSERT(s->stage == STAGE_KERBEROS && !s->context);
    s->context = context;
    if (result == KERBEROS_REFUSED)
        return refuse(s, NEGOTIATE_WRONG, reply->fault);
    if (result == KERBEROS_FAILED)
        return refuse(s, NEGOTIATE_FAILED, reply->fault);
    drop_token(s);
    if (reply->token_len > 0 && keep_token(s, (struct str){reply->token, reply->token_len}))
        return refuse(s, NEGOTIATE_NO_MEMORY, "no memory");
    if (result == KERBEROS_CONTINUE)
        return NEGOTIATE_TOKEN;
    s->stage = STAGE_DONE;
    memcpy(s->user, reply->user, sizeof(s->user));
    return NEGOTIATE_OK;
}

bool negotiate_claimed_user(struct str token, char user[ACCOUNT_NAME_MAX + 1])
{
    struct spnego_token t;
    spnego_parse(&t, token);
    struct str message = t.kind == SPNEGO_RESP ? t.inner : token;
    return ntlm_kind(message) == 3 && ntlm_claimed_user(message, user);
}

struct str negotiate_token(const struct negotiate_session *s)
{
    return (struct str){s->token, s->token_len};
}

const char *negotiate_user(const struct negotiate_session *s)
{
    return s->user;
}

bool negotiate_is_kerberos(const struct negotiate_session *s)
{
    return s->is_kerberos;
}

const char *negotiate_fault(const struct negotiate_session *s)
{
    return s->fault;
}

void negotiate_session_free(struct negotiate_session *s)
{
    if (!s)
        return;
    start_again(s);
    mem_free(s);
}
