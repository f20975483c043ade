/* SPDX-License-Identifier: MIT */
/* ca_state.c - how far the change-over of a CA has come; see ca_state.h. */
#include "cli/ca_state.h"

#include <stdio.h>

#include "certs/facts.h"

#define SECONDS_PER_DAY 86400
#define JUST_NOW_S 60

const char *ca_state_word(enum ca_state state)
{
    static const char *const words[CA_STATES] = {
        [CA_STATE_NONE] = "none",
        [CA_STATE_STEADY] = "steady",
        [CA_STATE_PUBLISHED] = "published",
        [CA_STATE_CHANGED] = "changed",
        [CA_STATE_INTERRUPTED] = "interrupted",
    };
    return words[state];
}

const char *ca_state_role(enum ca_role role, bool is_word)
{
    static const char *const words[CA_ROLES] = {"current", "next", "previous"};
    static const char *const phrases[CA_ROLES] = {
        "signs", "is published and does not sign yet", "signed before, and is still trusted"};
    return is_word ? words[role] : phrases[role];
}

long ca_state_days(const struct ca_folder *f, time_t now)
{
    time_t since = f->members[CA_PREVIOUS].changed;
    if (f->state == CA_STATE_PUBLISHED) {
        since = ca_folder_bundle_changed(f);
        if (since < f->members[CA_NEXT].changed)
            since = f->members[CA_NEXT].changed;
    }
    if (now < since && since - now < JUST_NOW_S)
        now = since; /* it was written after the clock was read */
    return now >= since ? (long)((now - since) / SECONDS_PER_DAY) : -1;
}

static bool has_expired(const struct ca_member *m, time_t now)
{
    return m->cert != NULL && facts_time(X509_get0_notAfter(m->cert)) <= now;
}

bool ca_state_is_due(const struct ca_folder *f, time_t now)
{
    enum ca_role given_up = f->state == CA_STATE_PUBLISHED ? CA_CURRENT : CA_PREVIOUS;
    return ca_state_days(f, now) >= CA_STATE_DAYS || has_expired(&f->members[given_up], now);
}

static void print_published(const struct ca_folder *f, time_t now)
{
    printf("State: the next CA was published %ld days ago. It does not sign yet.\n"
           "Next:  give %s to every client, beside the old one (or all of\n"
           "       %s). When all of them trust it:\n"
           "       sallyport ca rotate --commit %s\n"
           "       Without --commit that is refused until %d days have passed; --cancel takes the\n"
           "       next CA back.\n",
           ca_state_days(f, now), f->members[CA_NEXT].cert_path, f->bundle_path, f->path,
           CA_STATE_DAYS);
}

static void print_changed(const struct ca_folder *f, time_t now)
{
    printf("State: the CA was changed %ld days ago. Its predecessor is still trusted.\n"
           "Next:  reload every proxy that uses this CA, and give each the new ca.pem and ca.key.\n"
           "       When none signs with the old one any more:\n"
           "       sallyport ca rotate --finish %s\n"
           "       Without --finish that is refused until %d days have passed. From then on\n"
           "       clients may forget %s.\n",
           ca_state_days(f, now), f->path, CA_STATE_DAYS, f->members[CA_PREVIOUS].cert_path);
}

void ca_state_print(const struct ca_folder *f, time_t now)
{
    putchar('\n');
    if (f->state == CA_STATE_PUBLISHED)
        print_published(f, now);
    else if (f->state == CA_STATE_CHANGED)
        print_changed(f, now);
    else if (f->state == CA_STATE_INTERRUPTED)
        printf("State: a change of the CA was interrupted: %s is the new one,\n"
               "       %s is the old one.\n"
               "Next:  'sallyport ca rotate %s' completes it.\n",
               f->members[CA_CURRENT].key_path, f->members[CA_CURRENT].cert_path, f->path);
    else
        printf("State: one CA, no change-over under way.\n"
               "Next:  nothing; 'sallyport ca rotate %s' begins a change-over.\n", f->path);
}
