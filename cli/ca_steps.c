/* SPDX-License-Identifier: MIT */
/* ca_steps.c - the steps of a change-over; see ca_steps.h. */
#include "cli/ca_steps.h"

#include <stdio.h>

#include "certs/ca_check.h"
#include "certs/facts.h"
#include "cli/ca_write.h"
#include "util/mem.h"

#define SECONDS_PER_DAY 86400
#define GENERATION " G"
#define GENERATION_MAX 9999

/* "NAME" is followed by "NAME G2", that by "NAME G3": stores list CAs by name. */
static char *next_name(const char *name)
{
    uint64_t generation = 1;
    size_t len = strlen(name), size = len + 16;
    const char *found = NULL;
    for (const char *at = strstr(name, GENERATION); at != NULL; at = strstr(at + 1, GENERATION))
        found = at;
    if (found != NULL &&
        str_to_u64(str_of(found + strlen(GENERATION)), GENERATION_MAX, &generation) == 0)
        len = (size_t)(found - name);
    else
        generation = 1;
    char *next = mem_must_zalloc(size);
    snprintf(next, size, "%.*s" GENERATION "%u", (int)len, name, (unsigned)generation + 1);
    return next;
}

/* As long as the current one is from its making to its end, within what is allowed. */
static unsigned days_of(const X509 *cert)
{
    time_t from = facts_time(X509_get0_notBefore(cert)) + CA_BACKDATE_SECONDS;
    time_t to = facts_time(X509_get0_notAfter(cert));
    time_t days = to > from ? (to - from) / SECONDS_PER_DAY : 1;
    return days < 1 ? 1 : days > CA_DAYS_MAX ? CA_DAYS_MAX : (unsigned)days;
}

static enum ca_key_type key_type_of(const X509 *cert)
{
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    return key != NULL && EVP_PKEY_is_a(key, "RSA") ? CA_KEY_RSA : CA_KEY_EC;
}

/* A current CA that was made elsewhere may have names that one of ours cannot have. */
static int check_names(const struct ca_request *r, const struct place *at, struct err *e)
{
    const char *fault = ca_check_name(r->name);
    if (fault != NULL)
        return err_set(e, at, "'%.*s', which the next CA would be called after its name, %s; "
                       "--name names it", STR_ARG(r->name), fault);
    fault = r->organization.len > 0 ? ca_check_name(r->organization) : NULL;
    return fault != NULL ? err_set(e, at, "its organization %s; --organization gives that of "
                                   "the next", fault) : 0;
}

static int make_next(const struct ca_folder *f, const struct ca_options *o, time_t now,
                     struct ca *ca, struct err *e)
{
    const struct ca_member *current = &f->members[CA_CURRENT];
    struct facts facts;
    facts_read(&facts, current->cert);
    char *common = facts_subject_part(current->cert, NID_commonName);
    char *name = next_name(common != NULL ? common : "Sallyport CA");
    char *organization = facts_subject_part(current->cert, NID_organizationName);
    struct ca_request request = {
        .name = o->name.len > 0 ? o->name : str_of(name),
        .organization = o->organization.len > 0 ? o->organization : str_of(organization),
        .key_type = o->has_key_type ? o->key_type : key_type_of(current->cert),
        .days = o->days > 0 ? o->days : days_of(current->cert),
        .constraints = o->constraints != NULL ? o->constraints : facts.constraints,
        .now = now,
    };
    int result = check_names(&request, &(struct place){current->cert_path, 0}, e);
    if (result == 0)
        result = ca_make(ca, &request, e);
    mem_free(common);
    mem_free(name);
    mem_free(organization);
    facts_fini(&facts);
    return result;
}

int ca_steps_publish(const struct ca_folder *f, const struct ca_options *o, time_t now,
                     struct err *e)
{
    const struct ca_member *current = &f->members[CA_CURRENT];
    struct ca ca = {NULL, NULL};
    int result = -1;
    if ((X509_get_extension_flags(current->cert) & EXFLAG_SS) == 0)
        return err_set(e, &(struct place){current->cert_path, 0},
                       "was issued by another CA, which must issue the next one too; put it "
                       "beside this one as ca-next.pem and ca-next.key");
    if (ca_write_is_free(f, CA_NEXT, e) < 0)
        return -1;
    /* The bundle first: a CA that is published is in it. */
    if (make_next(f, o, now, &ca, e) == 0 &&
        ca_write_bundle(f, 1u << CA_CURRENT, ca.cert, e) == 0 &&
        ca_write_pair(f, CA_NEXT, &ca, e) == 0)
        result = 0;
    ca_fini(&ca);
    return result;
}

/* Every fault of the next CA would be one of each leaf that it signs. */
static int check_next(const struct ca_folder *f, time_t now, struct err *e)
{
    const struct ca_member *next = &f->members[CA_NEXT];
    const struct place at = {next->cert_path, 0};
    struct errlist faults;
    int result = 0;
    if (next->key_fault.text[0] != '\0') {
        *e = next->key_fault;
        return -1;
    }
    if (!next->has_key_file)
        return err_set(e, &(struct place){next->key_path, 0}, "there is no such file");
    if (!ca_folder_has_pair(next))
        return err_set(e, &(struct place){next->key_path, 0}, "is not the private key of %s",
                       next->cert_path);
    errlist_init(&faults);
    ca_check_certificate(next->cert, now, &at, &faults);
    for (size_t i = 0; i < faults.count && result == 0; i++)
        if (!faults.items[i].is_warning) {
            *e = faults.items[i];
            result = -1;
        }
    errlist_fini(&faults);
    return result;
}

int ca_steps_complete(const struct ca_folder *f, struct err *e)
{
    return ca_write_rename(f, f->members[CA_NEXT].cert_path, f->members[CA_CURRENT].cert_path, e);
}

/* Killed before the first rename, it is as if it had not begun; killed between the two,
 * the folder is CA_STATE_INTERRUPTED. */
int ca_steps_commit(const struct ca_folder *f, time_t now, struct err *e)
{
    if (check_next(f, now, e) < 0 || ca_write_key_owner(f, e) < 0 ||
        ca_write_bundle(f, 1u << CA_NEXT | 1u << CA_CURRENT, NULL, e) < 0 ||
        ca_write_previous(f, e) < 0)
        return -1;
    if (ca_write_rename(f, f->members[CA_NEXT].key_path, f->members[CA_CURRENT].key_path, e) < 0)
        return -1;
    return ca_steps_complete(f, e);
}

/* The key first: without its certificate it could not be told from anybody's. */
int ca_steps_cancel(const struct ca_folder *f, struct err *e)
{
    if (ca_write_remove(f, f->members[CA_NEXT].key_path, e) < 0 ||
        ca_write_remove(f, f->members[CA_NEXT].cert_path, e) < 0)
        return -1;
    return ca_write_bundle(f, 1u << CA_CURRENT, NULL, e);
}

int ca_steps_finish(const struct ca_folder *f, struct err *e)
{
    if (ca_write_bundle(f, 1u << CA_CURRENT | 1u << CA_NEXT, NULL, e) < 0)
        return -1;
    return ca_write_remove(f, f->members[CA_PREVIOUS].cert_path, e);
}
