/* SPDX-License-Identifier: MIT */
/*
 * folder.h - a folder of accounts for one test: what an auth section names.
 *
 *   folder_make -> folder_remove
 *
 * All are of alice, and her password is "correct horse"; all are for their owner alone,
 * but those whose names begin with "open-". Threads: one.
 */
#ifndef TESTS_UNIT_CONF_FOLDER_H
#define TESTS_UNIT_CONF_FOLDER_H

struct folder {
    char path[64];
};

void folder_make(struct folder *f);
void folder_remove(struct folder *f);

#endif
