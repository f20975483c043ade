/* SPDX-License-Identifier: MIT */
/*
 * fake_signer.h - a signer process that fails as it is told to.
 *
 * The environment has FAKE_SIGNER, a word with perhaps ":" and a number, and FAKE_STARTS, a
 * file that gets a line of FAKE_START_SIZE bytes, the process's id, at each start. The words:
 *
 *   real        becomes the program of the variable SALLYPORT
 *   good        answers each order with a leaf
 *   exit        ends at once           fault     cannot use its key
 *   unready     never is ready         mute      takes orders and never answers
 *   die:N       ends at its Nth order  poison    ends at an order for "poison.example"
 *   twice       answers twice          strangers answers what was not asked, too
 *   garbage:N   its Nth answer is none refuse    refuses
 *   junk        its leaves are none    alien     its leaves are for another key
 *   seconds:N   of validity            slow:N    milliseconds for an order
 *   relapse:N   ends at its third order; the starts up to the Nth end with a fault; then good
 *
 * Threads: one.
 */
#ifndef TESTS_UNIT_CORE_FAKE_SIGNER_H
#define TESTS_UNIT_CORE_FAKE_SIGNER_H

#define FAKE_FAULT "the key is not there"
#define FAKE_START_SIZE 10

/* The status to exit with. */
int fake_signer_run(void);

#endif
