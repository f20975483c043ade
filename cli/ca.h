/* SPDX-License-Identifier: MIT */
/*
 * ca.h - the command 'ca': the CA that inspection signs with.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CA_H
#define CLI_CA_H

/* argv[0] is the command's name. Returns an enum cli_status. */
int ca_command(int argc, char **argv);

#endif
