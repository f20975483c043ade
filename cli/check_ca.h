/* SPDX-License-Identifier: MIT */
/*
 * check_ca.h - the last part of 'check': can the CA of inspection sign?
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CHECK_CA_H
#define CLI_CHECK_CA_H

#include "conf/config.h"

/* Starts the signer as 'serve' does, which alone reads the CA's key, and ends it again. An
 * error at the place of ca_key where it cannot be used or belongs to another certificate.
 * Does nothing where inspection is off. */
void check_ca(const struct inspection_config *inspection, struct errlist *faults);

#endif
