/* SPDX-License-Identifier: MIT */
/*
 * ca_show.h - 'ca show': what a CA is, and whether it can be used.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CA_SHOW_H
#define CLI_CA_SHOW_H

/* argv[0] is the word show. Returns an enum cli_status. */
int ca_show_command(int argc, char **argv);

#endif
