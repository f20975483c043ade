/* SPDX-License-Identifier: MIT */
/*
 * check.h - the command 'check': is this configuration sound?
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

int check_command(int argc, char **argv);

#endif
