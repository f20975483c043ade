/* SPDX-License-Identifier: MIT */
/*
 * explain.h - the command 'explain': what would happen to a request, and why.
 *
 * It asks the policy and the guard that serve asks. No name is resolved: only
 * addresses and the names of dns.hosts are shown to the guard.
 *
 * Owns nothing. Threads: the main one.
 */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

int explain_command(int argc, char **argv);

#endif
