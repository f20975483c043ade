/* SPDX-License-Identifier: MIT */
/*
 * ca_files.h - a folder with a CA for one test: what an inspection section names.
 *
 *   ca_files_make -> ca_files_remove
 *
 * ca.pem and ca.key (0600), open-ca.key (0644), both.pem with certificate and key, old.pem that
 * has expired, text.pem that is none, folder. Threads: one.
 */
#ifndef TESTS_UNIT_CONF_CA_FILES_H
#define TESTS_UNIT_CONF_CA_FILES_H

struct ca_files {
    char path[64];
};

void ca_files_make(struct ca_files *f);
void ca_files_remove(struct ca_files *f);

#endif
