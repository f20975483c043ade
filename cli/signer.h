/* SPDX-License-Identifier: MIT */
/*
 * signer.h - the command 'signer': the process that alone holds the CA's key.
 *
 * It is started by the proxy (proxy/signer.h), not by people, and speaks signer_wire.h over
 * the socket that it finds as SIGNER_FD: it loads certificate and key once, answers orders one
 * after the other, and ends when the socket does. Nobody may read its memory (no core, not
 * dumpable), it keeps no other descriptor, and it reads nothing that came from the network but
 * orders.
 *
 * Owns nothing beyond the call. Threads: the main one, and no other.
 */
#ifndef CLI_SIGNER_H
#define CLI_SIGNER_H

/* The exit status: 0 when the socket ended, 1 after a fault, 2 where there is no such socket. */
int signer_command(int argc, char **argv);

#endif
