/* SPDX-License-Identifier: MIT */
/*
 * ca_init.h - 'ca init': makes a CA in a folder.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CA_INIT_H
#define CLI_CA_INIT_H

/* argv[0] is the word init. Returns an enum cli_status. */
int ca_init_command(int argc, char **argv);

#endif
