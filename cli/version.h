/* SPDX-License-Identifier: MIT */
/*
 * version.h - the command 'version': what this binary is made of.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

int version_command(int argc, char **argv);

#endif
