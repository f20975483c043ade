/* SPDX-License-Identifier: MIT */
/*
 * ca_folder.h - the folder that 'ca' keeps a CA in, and how far a change-over has come.
 *
 *   ca.pem ca.key              the CA that signs
 *   ca-next.pem ca-next.key    one that clients shall trust, which does not sign yet
 *   ca-previous.pem            the one that signed before; its key is gone
 *   ca-bundle.pem              all certificates that clients must trust now
 *
 *   ca_folder_open -> [ca_folder_lock] -> ca_folder_load -> ... -> ca_folder_fini
 *
 * Each change is an order of steps, each of which is a file that appears, is replaced or
 * goes, so that a command that is killed leaves a folder in a state below, with a file
 * too many at most.
 *
 * Owns what it read; keys are cleansed. Setup: ends the process without memory. Threads:
 * the main one.
 */
#ifndef CLI_CA_FOLDER_H
#define CLI_CA_FOLDER_H

#include "certs/ca.h"
#include "cli/replace_file.h"

enum ca_role { CA_CURRENT, CA_NEXT, CA_PREVIOUS, CA_ROLES };

enum ca_state {
    CA_STATE_NONE,        /* no ca.pem */
    CA_STATE_STEADY,      /* one CA */
    CA_STATE_PUBLISHED,   /* the next one is there: clients learn to trust it */
    CA_STATE_CHANGED,     /* it signs; some proxy may still sign with the previous one */
    CA_STATE_INTERRUPTED, /* the key has changed, the certificate has not: one step is left */
    CA_STATES,
};

struct ca_member {
    char *cert_path, *key_path; /* the key of CA_PREVIOUS has no path */
    STACK_OF(X509) *certs;      /* NULL: no such file */
    X509 *cert;                 /* the first of them */
    time_t changed;             /* when its file last did */
    bool has_key_file;
    mode_t key_mode;
    EVP_PKEY *key;        /* NULL: not there, or key_fault says why not */
    struct err key_fault; /* text "" without one */
};

struct ca_folder {
    const char *path; /* borrowed */
    char *bundle_path;
    struct replace_file lock;
    struct ca_member members[CA_ROLES];
    enum ca_state state;
};

/* Finds the folder. 0 or -1; ca_folder_fini either way. */
MUST_CHECK int ca_folder_open(struct ca_folder *f, const char *path, struct err *e);

/* For those that will change something: waits for others, and refuses symbolic links in
 * the place of the files above. 0 or -1. */
MUST_CHECK int ca_folder_lock(struct ca_folder *f, struct err *e);

/* Reads everything, anew on each call, and tells the state. A key that cannot be read is
 * no error here. 0 or -1. */
MUST_CHECK int ca_folder_load(struct ca_folder *f, struct err *e);

/* Whether another user could replace what is in the folder: the end of a sentence, or
 * NULL. */
const char *ca_folder_find_stranger(const struct ca_folder *f);

/* Whether the member has the private key of its certificate. */
bool ca_folder_has_pair(const struct ca_member *m);

/* Whether the bundle has all that clients must trust: each member's certificates. */
bool ca_folder_has_bundle(const struct ca_folder *f);

/* When the bundle last changed; 0 where it is not there. */
time_t ca_folder_bundle_changed(const struct ca_folder *f);

/* Adds the path of file `name` of this folder. The caller frees it: mem_free. */
MUST_CHECK char *ca_folder_file(const struct ca_folder *f, const char *name);

void ca_folder_fini(struct ca_folder *f);

#endif
