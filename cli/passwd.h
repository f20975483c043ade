/* SPDX-License-Identifier: MIT */
/*
 * passwd.h - the command 'passwd': makes, changes and removes accounts in the files that
 * the auth section of a configuration names.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_PASSWD_H
#define CLI_PASSWD_H

int passwd_command(int argc, char **argv);

#endif
