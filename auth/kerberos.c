/* SPDX-License-Identifier: MIT */
/* kerberos.c - one GSSAPI credential with all keys of a keytab, for krb5 and for SPNEGO
 * around krb5; nothing else that the host has installed as a mechanism may answer.
 *
 * MIT's library locks a credential while it accepts with it: calls that share one are
 * safe and go one by one. The keytab's file is read at each call, so new keys count at
 * once.
 *
 * The replay cache is the library's: a file that all processes of one user share, in the
 * place that KRB5RCACHENAME or default_rcache_name gives, else krb5_UID.rcache2 in
 * KRB5RCACHEDIR, TMPDIR or /var/tmp. It stays on: what is sent to a proxy in the clear
 * could else be sent again by whoever saw it. Where it cannot be written every ticket is
 * refused, with its name in the fault. */
#include "auth/kerberos.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <krb5.h>

#include "util/mem.h"

/* 1.2.840.113554.1.2.2 and 1.3.6.1.5.5.2; GSSAPI's set type has no const. */
#define MECHANISM_KRB5 ((gss_OID_desc){9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"})
#define MECHANISM_SPNEGO ((gss_OID_desc){6, "\x2b\x06\x01\x05\x05\x02"})

#define KEYTAB_TYPE "FILE:"

struct kerberos {
    gss_cred_id_t credential;
    char *keytab;      /* "FILE:" and its path */
    char **principals; /* each once, in the keytab's order */
    size_t count;
};

static struct str trim_buffer(gss_buffer_desc b)
{
    struct str s = {b.value, b.length};
    while (s.len > 0 && s.ptr[s.len - 1] == '\0')
        s.len--;
    return s;
}

/* Names that a stranger chose are in these texts. */
static void hide_controls(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
}

/* The sentences of one status, appended. */
static void append_status(char *out, size_t size, OM_uint32 status, int kind)
{
    OM_uint32 minor, more = 0;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    do {
        if (gss_display_status(&minor, status, kind, GSS_C_NO_OID, &more, &text) != GSS_S_COMPLETE)
            return;
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%.*s", used > 0 ? ": " : "",
                 STR_ARG(trim_buffer(text)));
        gss_release_buffer(&minor, &text);
    } while (more != 0);
}

/* Must come before any other call of GSSAPI: the second text is kept by the thread. */
static void describe_fault(char *out, size_t size, OM_uint32 major, OM_uint32 minor)
{
    out[0] = '\0';
    /* The text of GSS_S_FAILURE says no more than that the other one says it. */
    if (minor == 0 || GSS_ROUTINE_ERROR(major) != GSS_S_FAILURE)
        append_status(out, size, major, GSS_C_GSS_CODE);
    if (minor != 0)
        append_status(out, size, minor, GSS_C_MECH_CODE);
    hide_controls(out);
}

/* Faults of the file that have a plainer name than the library's. */
static bool has_file_fault(const char *keytab, const struct place *at, struct errlist *faults)
{
    struct stat info;
    unsigned char version[2] = {0};
    int fd = open(keytab, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        errlist_add(faults, at, "cannot open the keytab %s: %s", keytab, strerror(errno));
        return true;
    }
    size_t errors = faults->errors;
    if (fstat(fd, &info) || !S_ISREG(info.st_mode))
        errlist_add(faults, at, "the keytab %s is not a file", keytab);
    else if (info.st_size == 0)
        errlist_add(faults, at, "the keytab %s is empty; add a key with ktadd -k %s HTTP/NAME",
                    keytab, keytab);
    else if (read(fd, version, 2) != 2 || version[0] != 5 || version[1] < 1 || version[1] > 2)
        errlist_add(faults, at, "%s is not a keytab: it does not begin like one", keytab);
    close(fd);
    return faults->errors > errors;
}

/* Takes one name, where it is new; text is freed by its own library. */
static void add_principal(struct kerberos *k, const char *name)
{
    for (size_t i = 0; i < k->count; i++)
        if (strcmp(k->principals[i], name) == 0)
            return;
    k->principals = mem_must_resize(k->principals, (k->count + 1) * sizeof(*k->principals));
    k->principals[k->count++] = mem_must_dup(name, strlen(name));
}

static krb5_error_code list_principals(struct kerberos *k, krb5_context context, krb5_keytab keytab)
{
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    krb5_error_code end_code, code = krb5_kt_start_seq_get(context, keytab, &cursor);
    if (code)
        return code;
    while ((code = krb5_kt_next_entry(context, keytab, &entry, &cursor)) == 0) {
        char *name = NULL;
        code = krb5_unparse_name(context, entry.principal, &name);
        if (code == 0)
            add_principal(k, name);
        krb5_free_unparsed_name(context, name);
        krb5_free_keytab_entry_contents(context, &entry);
        if (code)
            break;
    }
    end_code = krb5_kt_end_seq_get(context, keytab, &cursor);
    return code == KRB5_KT_END ? end_code : code;
}

static void warn_of_services(const struct kerberos *k, const char *path, const struct place *at,
                             struct errlist *faults)
{
    for (size_t i = 0; i < k->count; i++)
        if (str_starts(str_of(k->principals[i]), STR_LIT("HTTP/")))
            return;
    errlist_warn(faults, at,
                 "the keytab %s has no principal HTTP/NAME, which is what browsers ask for; "
                 "its first is %s",
                 path, k->principals[0]);
}

/* Says what is wrong in the library's words; context may be NULL. */
static void add_krb5_fault(krb5_context context, krb5_error_code code, const char *what,
                           const struct place *at, struct errlist *faults)
{
    const char *text = krb5_get_error_message(context, code);
    errlist_add(faults, at, "cannot read %s: %s", what, text);
    krb5_free_error_message(context, text);
}

static int read_keytab(struct kerberos *k, const char *path, const struct place *at,
                       struct errlist *faults)
{
    krb5_context context = NULL;
    krb5_keytab keytab = NULL;
    krb5_error_code code = krb5_init_context(&context);
    if (code) {
        add_krb5_fault(NULL, code, "the configuration of Kerberos (krb5.conf)", at, faults);
        return -1;
    }
    code = krb5_kt_resolve(context, k->keytab, &keytab);
    if (code == 0)
        code = list_principals(k, context, keytab);
    if (code)
        add_krb5_fault(context, code, k->keytab, at, faults);
    else if (k->count == 0)
        errlist_add(faults, at, "the keytab %s has no keys; add one with ktadd -k %s HTTP/NAME",
                    path, path);
    else
        warn_of_services(k, path, at, faults);
    if (keytab)
        krb5_kt_close(context, keytab);
    krb5_free_context(context);
    return code == 0 && k->count > 0 ? 0 : -1;
}

static int acquire(struct kerberos *k, const char *path, const struct place *at,
                   struct errlist *faults)
{
    char fault[256];
    OM_uint32 minor;
    gss_OID_desc both[2] = {MECHANISM_KRB5, MECHANISM_SPNEGO};
    gss_OID_set_desc wanted = {2, both}, inside = {1, both};
    gss_key_value_element_desc element = {"keytab", k->keytab};
    gss_key_value_set_desc store = {1, &element};
    OM_uint32 major = gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &wanted,
                                            GSS_C_ACCEPT, &store, &k->credential, NULL, NULL);
    if (major == GSS_S_COMPLETE)
        major = gss_set_neg_mechs(&minor, k->credential, &inside);
    if (major == GSS_S_COMPLETE)
        return 0;
    describe_fault(fault, sizeof(fault), major, minor);
    errlist_add(faults, at, "cannot use the keytab %s: %s", path, fault);
    return -1;
}

struct kerberos *kerberos_new(const char *keytab, const struct place *at, struct errlist *faults)
{
    if (has_file_fault(keytab, at, faults))
        return NULL;
    struct kerberos *k = mem_must_zalloc(sizeof(*k));
    size_t size = strlen(KEYTAB_TYPE) + strlen(keytab) + 1;
    k->credential = GSS_C_NO_CREDENTIAL;
    k->keytab = mem_must_zalloc(size);
    snprintf(k->keytab, size, "%s%s", KEYTAB_TYPE, keytab);
    if (!read_keytab(k, keytab, at, faults) && !acquire(k, keytab, at, faults))
        return k;
    kerberos_free(k);
    return NULL;
}

void kerberos_free(struct kerberos *k)
{
    OM_uint32 minor;
    if (!k)
        return;
    gss_release_cred(&minor, &k->credential);
    for (size_t i = 0; i < k->count; i++)
        mem_free(k->principals[i]);
    mem_free(k->principals);
    mem_free(k->keytab);
    mem_free(k);
}

size_t kerberos_principals(const struct kerberos *k)
{
    return k->count;
}

const char *kerberos_principal(const struct kerberos *k, size_t index)
{
    return k->principals[index];
}

static bool is_own_realm(const struct kerberos *k, struct str realm)
{
    for (size_t i = 0; i < k->count; i++) {
        struct str own = str_of(k->principals[i]);
        if (own.len > realm.len && str_ends(own, realm) && own.ptr[own.len - realm.len - 1] == '@')
            return true;
    }
    return false;
}

/* "alice@REALM" into "alice" where the realm is one of ours. A name with a character
 * that the library had to escape (among them NUL, '@' in a component) is refused: it
 * could read like somebody else's. */
static bool take_user(const struct kerberos *k, struct str name, char user[ACCOUNT_NAME_MAX + 1])
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < 0x20 || c == 0x7f || c == '\\')
            return false;
    }
    struct str realm = name, local = str_cut(&realm, '@');
    if (local.len == 0 || realm.len == 0 || str_starts(name, STR_LIT("WELLKNOWN/")))
        return false;
    struct str shown = is_own_realm(k, realm) ? local : name;
    if (shown.len > ACCOUNT_NAME_MAX)
        return false;
    memcpy(user, shown.ptr, shown.len);
    user[shown.len] = '\0';
    return true;
}

static enum kerberos_result refuse(struct kerberos_reply *reply, const char *why)
{
    snprintf(reply->fault, sizeof(reply->fault), "%s", why);
    return KERBEROS_REFUSED;
}

static void take_service(gss_name_t target, struct kerberos_reply *reply)
{
    OM_uint32 minor;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    if (target != GSS_C_NO_NAME && gss_display_name(&minor, target, &text, NULL) == GSS_S_COMPLETE)
        snprintf(reply->service, sizeof(reply->service), "%.*s", STR_ARG(trim_buffer(text)));
    hide_controls(reply->service);
    gss_release_buffer(&minor, &text);
}

/* Who and what for, of an established context. */
static enum kerberos_result take_names(const struct kerberos *k, gss_ctx_id_t context,
                                       struct kerberos_reply *reply)
{
    OM_uint32 minor, ignored, flags = 0;
    gss_name_t source = GSS_C_NO_NAME, target = GSS_C_NO_NAME;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    gss_OID_desc krb5 = MECHANISM_KRB5;
    gss_OID mechanism = GSS_C_NO_OID;
    int is_open = 0;
    enum kerberos_result result = KERBEROS_OK;
    OM_uint32 major = gss_inquire_context(&minor, context, &source, &target, NULL, &mechanism,
                                          &flags, NULL, &is_open);
    if (major == GSS_S_COMPLETE)
        major = gss_display_name(&minor, source, &text, NULL);
    if (major != GSS_S_COMPLETE) {
        describe_fault(reply->fault, sizeof(reply->fault), major, minor);
        result = KERBEROS_FAILED;
    } else if (!is_open || (flags & GSS_C_ANON_FLAG) != 0 || !gss_oid_equal(mechanism, &krb5)) {
        result = refuse(reply, "the client did not use Kerberos with a name of its own");
    } else if (!take_user(k, (struct str){text.value, text.length}, reply->user)) {
        result = refuse(reply, "the name in the ticket is too long or has odd characters");
    }
    take_service(target, reply);
    gss_release_buffer(&ignored, &text);
    gss_release_name(&ignored, &source);
    gss_release_name(&ignored, &target);
    return result;
}

static bool take_token(gss_buffer_desc token, struct kerberos_reply *reply)
{
    if (token.length > sizeof(reply->token))
        return false;
    if (token.length > 0)
        memcpy(reply->token, token.value, token.length);
    reply->token_len = token.length;
    return true;
}

/* Whose fault a failure is. The library's codes do not tell: behind SPNEGO they are
 * numbers without a name. */
static enum kerberos_result judge_failure(const struct kerberos *k, OM_uint32 minor)
{
    bool is_readable = access(k->keytab + strlen(KEYTAB_TYPE), R_OK) == 0;
    return minor == ENOMEM || !is_readable ? KERBEROS_FAILED : KERBEROS_REFUSED;
}

enum kerberos_result kerberos_accept(const struct kerberos *k, struct str token, void **context,
                                     struct kerberos_reply *reply)
{
    OM_uint32 major, minor, ignored;
    gss_ctx_id_t gss = *context;
    gss_buffer_desc in = {token.len, (void *)(uintptr_t)token.ptr}, out = GSS_C_EMPTY_BUFFER;
    enum kerberos_result result;
    memset(reply, 0, offsetof(struct kerberos_reply, token));
    reply->token_len = 0;
    *context = NULL;
    if (token.len == 0 || token.len > KERBEROS_TOKEN_MAX) {
        kerberos_context_free(gss);
        return refuse(reply, token.len == 0 ? "the token is empty" : "the token is too long");
    }
    major = gss_accept_sec_context(&minor, &gss, k->credential, &in, GSS_C_NO_CHANNEL_BINDINGS,
                                   NULL, NULL, &out, NULL, NULL, NULL);
    if (major == GSS_S_COMPLETE) {
        result = take_names(k, gss, reply);
    } else if (major == GSS_S_CONTINUE_NEEDED) {
        result = KERBEROS_CONTINUE;
    } else {
        describe_fault(reply->fault, sizeof(reply->fault), major, minor);
        result = judge_failure(k, minor);
    }
    if ((result == KERBEROS_OK || result == KERBEROS_CONTINUE) && !take_token(out, reply))
        result = refuse(reply, "the answer to the client is too long");
    gss_release_buffer(&ignored, &out);
    if (result == KERBEROS_CONTINUE)
        *context = gss;
    else
        kerberos_context_free(gss);
    return result;
}

void kerberos_context_free(void *context)
{
    OM_uint32 minor;
    gss_ctx_id_t gss = context;
    if (gss != GSS_C_NO_CONTEXT)
        gss_delete_sec_context(&minor, &gss, GSS_C_NO_BUFFER);
}
