/* SPDX-License-Identifier: MIT */
/*
 * ca_rotate.h - 'ca rotate': one step of the change-over to a new CA.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CA_ROTATE_H
#define CLI_CA_ROTATE_H

/* argv[0] is the word rotate. Returns an enum cli_status. */
int ca_rotate_command(int argc, char **argv);

#endif
