/* SPDX-License-Identifier: MIT */
/* inspection.c - the section `inspection` of a specification; see inspection.h. */
#include "conf/inspection.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>

#include "certs/ca_check.h"
#include "certs/key.h"
#include "certs/origin_tls.h"
#include "certs/pem.h"
#include "certs/tls_server.h"
#include "conf/file.h"
#include "conf/secret.h"
#include "conf/set_names.h"
#include "util/clock.h"
#include "util/mem.h"

#define UNINSPECTABLE INSPECTION_UNINSPECTABLE
#define MEDIA INSPECTION_MEDIA
#define MAX_PEM_BYTES ((size_t)1 << 20)
#define MAX_TRUST_BYTES ((size_t)64 << 20)
/* webex-uninspectable, what is built in, webex-media. */
#define ALWAYS_COUNT 3

/* Meetings media of Webex: apps refuse to have it decrypted. */
static const char *const promised[] = {"*mcs*.webex.com", "*cb*.webex.com", "*mcc*.webex.com"};

/* ---- what is never inspected ---- */

static bool holds_promised(const struct spec *spec)
{
    const struct spec_set *set = set_names_destination(spec, UNINSPECTABLE);
    bool holds = set != NULL;
    for (size_t i = 0; holds && i < ARRAY_LEN(promised); i++)
        holds = set_names_has(&set->domains, promised[i]);
    return holds;
}

/* A set of our own where the one that is configured is missing or says less. A name with a
 * space cannot be written in a configuration. */
static int add_built_in(const struct spec *spec, struct policy_builder *b, struct errlist *faults)
{
    const struct place *at = &spec->inspection.head.at;
    bool is_free = policy_find_destination(b, STR_LIT(UNINSPECTABLE)) < 0;
    struct err e;
    int set = policy_add_destination(b, is_free ? UNINSPECTABLE : UNINSPECTABLE " (built in)", at,
                                     &e);
    for (size_t i = 0; set >= 0 && i < ARRAY_LEN(promised); i++)
        if (policy_add_domain(b, set, str_of(promised[i]), at, &e) != 0)
            set = -1;
    if (set < 0)
        errlist_add_err(faults, &e);
    return set;
}

static void append_set(int *sets, size_t *count, int set)
{
    if (set >= 0)
        sets[(*count)++] = set;
}

/* What is promised may be named, be it defined or not. */
static void append_named(const struct spec *spec, const struct policy_builder *b,
                         const struct spec_text *name, int *sets, size_t *count,
                         struct errlist *faults)
{
    int set = policy_find_destination(b, str_of(name->text));
    if (set < 0 && strcmp(name->text, UNINSPECTABLE) != 0)
        set_names_report(spec, name, false, faults);
    append_set(sets, count, set);
}

/* The sets of `never`; the promised ones behind those that are named. */
static int *find_never(const struct spec *spec, struct policy_builder *b, size_t *count,
                       size_t *always, struct errlist *faults)
{
    const struct spec_texts *names = &spec->inspection.never;
    bool is_on = spec->inspection.enabled.value != 0;
    int media = policy_find_destination(b, STR_LIT(MEDIA));
    int *sets = mem_must_zalloc((names->count + ALWAYS_COUNT) * sizeof(*sets));
    for (size_t i = 0; i < names->count; i++)
        append_named(spec, b, &names->items[i], sets, count, faults);
    size_t named = *count;
    append_set(sets, count, policy_find_destination(b, STR_LIT(UNINSPECTABLE)));
    if (is_on && !holds_promised(spec))
        append_set(sets, count, add_built_in(spec, b, faults));
    append_set(sets, count, media);
    *always = *count - named;
    if (is_on && media < 0)
        errlist_warn(faults, &spec->inspection.head.at,
                     "the media subnets of Webex are not known, so nothing keeps them from being "
                     "inspected: there is no destination set '" MEDIA "'; webex.conf has it");
    return sets;
}

/* A tunnel begins before anybody has said who he is. */
static void check_never_from(const struct spec *spec, struct errlist *faults)
{
    const struct spec_texts *names = &spec->inspection.never_from;
    for (size_t i = 0; i < names->count; i++) {
        const struct spec_source *s = set_names_source(spec, names->items[i].text);
        if (s != NULL && (s->users.is_set || s->groups.is_set))
            errlist_add(faults, &names->items[i].at,
                        "never_from: the source %s names %s, but clients are exempt by their "
                        "address alone",
                        s->head.name, s->users.is_set ? "users" : "groups");
    }
}

static void set_policy(const struct spec *spec, struct policy_builder *b, struct errlist *faults)
{
    const struct spec_inspection *s = &spec->inspection;
    struct policy_inspection p = {
        .fallback = s->fallback.value == SPEC_TLS_INSPECT ? POLICY_TLS_INSPECT : POLICY_TLS_TUNNEL,
    };
    int *never = find_never(spec, b, &p.never_count, &p.always_count, faults);
    int *from = set_names_find(spec, b, &s->never_from, true, &p.never_from_count, faults);
    check_never_from(spec, faults);
    p.never = never;
    p.never_from = from;
    if (s->enabled.value)
        policy_set_inspection(b, &p);
    mem_free(never);
    mem_free(from);
}

/* ---- files ---- */

/* What is wrong with the CA, with the path in front. */
static void judge_ca(X509 *ca, const char *path, const struct place *at, struct errlist *faults)
{
    struct errlist found;
    errlist_init(&found);
    time_t now = (time_t)(clock_wall_ms() / 1000);
    ca_check_certificate(ca, now, at, &found);
    ca_check_end(ca, now, at, &found);
    for (size_t i = 0; i < found.count; i++) {
        if (found.items[i].is_warning)
            errlist_warn(faults, at, "%s: %s", path, found.items[i].text);
        else
            errlist_add(faults, at, "%s: %s", path, found.items[i].text);
    }
    errlist_fini(&found);
}

static void judge_ca_text(struct inspection_config *i, struct str text, struct errlist *faults)
{
    const struct place *at = &i->ca_certificate_at;
    struct err e;
    STACK_OF(X509) *certs = pem_read_certificates(text, at, &e);
    if (certs == NULL) {
        errlist_add(faults, at, "%s: %s", i->ca_certificate_path, e.text);
    } else {
        X509 *ca = sk_X509_value(certs, 0);
        judge_ca(ca, i->ca_certificate_path, at, faults);
        i->ca_constraints = X509_get_ext_d2i(ca, NID_name_constraints, NULL, NULL);
        ERR_clear_error();
    }
    pem_free_certificates(certs);
}

static void set_ca_certificate(const struct spec_text *file, struct inspection_config *i,
                               struct errlist *faults)
{
    static const char mark[] = "PRIVATE KEY-----";
    struct str text;
    i->ca_certificate_at = file->at;
    if (secret_read(file, MAX_PEM_BYTES, &i->ca_certificate_path, &text, faults) != 0) {
        i->ca_certificate_path = NULL;
        return;
    }
    if (memmem(text.ptr, text.len, mark, strlen(mark)) == NULL) {
        judge_ca_text(i, text, faults);
        i->ca_certificate = (char *)text.ptr; /* file_read puts a NUL behind it */
        return;
    }
    errlist_add(faults, &file->at,
                "%s holds a private key, too: put that into a file of its own, which ca_key "
                "alone names",
                i->ca_certificate_path);
    secret_drop(NULL, text);
}

/* Looked at from outside alone. */
static void set_ca_key(const struct spec_text *key, struct inspection_config *i,
                       struct errlist *faults)
{
    struct stat st;
    i->ca_key_at = key->at;
    if (key_is_uri(key->text)) {
        i->ca_key = mem_must_dup(key->text, strlen(key->text));
        if (strstr(key->text, "pin-value=") != NULL)
            secret_check_mode(key->at.file, &key->at, faults);
        return;
    }
    i->ca_key = file_relative(key->at.file, key->text);
    if (stat(i->ca_key, &st) != 0)
        errlist_add(faults, &key->at, "%s: %s", i->ca_key, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        errlist_add(faults, &key->at, "%s: is not a regular file", i->ca_key);
    else
        secret_check_mode(i->ca_key, &key->at, faults);
}

/* The default path stands nowhere: the section answers for it. */
static void set_origin_tls(const struct spec_inspection *s, struct inspection_config *i,
                           struct errlist *faults)
{
    const struct place *at = s->trust.at.file != NULL ? &s->trust.at : &s->head.at;
    char *path = file_relative(at->file, s->trust.text);
    char *text;
    struct err e;
    struct origin_tls_settings settings = {
        .trust_path = path, .trust_at = at, .is_13_only = s->min_tls.value == 1};
    if (file_read(path, MAX_TRUST_BYTES, at, &text, &settings.trust.len, &e) != 0) {
        errlist_add_err(faults, &e);
    } else {
        settings.trust.ptr = text;
        i->origin_tls = origin_tls_new(&settings, faults);
        mem_free(text);
    }
    mem_free(path);
}

static void set_ca(const struct spec_inspection *s, struct inspection_config *i,
                   struct errlist *faults)
{
    static const char advice[] = "is missing: inspection needs a CA; `sallyport ca init DIR` "
                                 "makes one";
    if (s->ca_certificate.text == NULL)
        errlist_add(faults, &s->head.at, "ca_certificate %s", advice);
    else
        set_ca_certificate(&s->ca_certificate, i, faults);
    if (s->ca_key.text == NULL)
        errlist_add(faults, &s->head.at, "ca_key %s", advice);
    else
        set_ca_key(&s->ca_key, i, faults);
}

void inspection_build(const struct spec *spec, struct policy_builder *b, struct config *c,
                      struct errlist *faults)
{
    const struct spec_inspection *s = &spec->inspection;
    struct inspection_config *i = &c->inspection;
    if (!s->head.is_set)
        return;
    set_policy(spec, b, faults);
    if (!s->enabled.value)
        return;
    i->is_enabled = true;
    i->is_leaf_rsa = s->leaf_key.value == 1;
    i->leaves_max = (unsigned)s->leaves.value;
    set_ca(s, i, faults);
    set_origin_tls(s, i, faults);
    i->client_tls = tls_server_new_inspecting(faults);
}

void inspection_free(struct inspection_config *i)
{
    SSL_CTX_free(i->origin_tls);
    SSL_CTX_free(i->client_tls);
    NAME_CONSTRAINTS_free(i->ca_constraints);
    mem_free(i->ca_certificate);
    mem_free(i->ca_certificate_path);
    mem_free(i->ca_key);
}
