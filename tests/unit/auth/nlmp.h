/* SPDX-License-Identifier: MIT */
/*
 * nlmp.h - the values of MS-NLMP section 4.2, in hexadecimal, and hexadecimal into bytes.
 *
 * Owns nothing. Threads: any.
 */
#ifndef TESTS_UNIT_AUTH_NLMP_H
#define TESTS_UNIT_AUTH_NLMP_H

#include "util/str.h"

/* 4.2.1: user "User", domain "Domain", password "Password", computer "COMPUTER". */
#define NLMP_USER "5500730065007200"
#define NLMP_USER_CAPITALS "5500530045005200"
#define NLMP_DOMAIN "44006f006d00610069006e00"
#define NLMP_PLAINTEXT "50006c00610069006e007400650078007400"
#define NLMP_SESSION_KEY "55555555555555555555555555555555"
#define NLMP_SERVER_CHALLENGE "0123456789abcdef"
#define NLMP_NT_HASH "a4f49c406510bdcab6824ee7c30fd852" /* 4.2.2.1.2 */

/* 4.2.4: NTLMv2. */
#define NLMP_RESPONSE_KEY "0c868a403bfd7a93a3001ef22ef02e3f"
#define NLMP_TEMP                                                                                  \
    "01010000000000000000000000000000aaaaaaaaaaaaaaaa0000000002000c0044006f006d006100"             \
    "69006e0001000c005300650072007600650072000000000000000000"
#define NLMP_PROOF "68cd0ab851e51c96aabc927bebef6a1c"
#define NLMP_LM2_RESPONSE "86c35097ac9cec102554764a57cccc19"
#define NLMP_CLIENT_CHALLENGE "aaaaaaaaaaaaaaaa"
#define NLMP_BASE_KEY "8de40ccadbc14a82f15cb0ad0de95ca3"
#define NLMP_ENCRYPTED_KEY "c5dad2544fc9799094ce1ce90bc9d03e"
#define NLMP_FLAGS 0xe28a8233U
#define NLMP_CHALLENGE                                                                             \
    "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef0000000000000000"             \
    "2400240044000000060070170000000f53006500720076006500720002000c0044006f006d006100"             \
    "69006e0001000c0053006500720076006500720000000000"
#define NLMP_AUTHENTICATE                                                                          \
    "4e544c4d535350000300000018001800"                                                             \
    "6c00000054005400840000000c000c00480000000800080054000000100010005c00000010001000"             \
    "d8000000358288e20501280a0000000f" NLMP_DOMAIN NLMP_USER                                       \
    "43004f004d0050005500540045005200" NLMP_LM2_RESPONSE NLMP_CLIENT_CHALLENGE NLMP_PROOF          \
        NLMP_TEMP NLMP_ENCRYPTED_KEY
#define NLMP_SEAL_KEY "59f600973cc4960a25480a7c196e4c58"
#define NLMP_SIGN_KEY "4788dc861b4782f35d43fd98fe1a2d39"
#define NLMP_SEALED "54e50165bf1936dc996020c1811b0f06fb5f"
#define NLMP_CHECKSUM "70352851f2564309"
#define NLMP_SIGNATURE "010000007fb38ec5c55d497600000000"

/* 4.2.3: NTLMv1 with extended session security, without key exchange. */
#define NLMP1_FLAGS 0x820a8233U
#define NLMP1_EXPORTED_KEY "eb93429a8bd952f8b89c55b87f475edc"
#define NLMP1_SIGN_KEY "60e799be5c72fc92922ae8ebe961fb8d"
#define NLMP1_SIGNATURE "01000000ff2aeb52f681793a00000000"
#define NLMP1_AUTHENTICATE                                                                         \
    "4e544c4d5353500003000000180018006c00000018001800840000000c000c004800000008000800"             \
    "54000000100010005c000000000000009c000000358208820501280a0000000f" NLMP_DOMAIN NLMP_USER       \
    "43004f004d0050005500540045005200aaaaaaaaaaaaaaaa00000000000000000000000000000000"             \
    "7537f803ae367128ca458204bde7caf81e97ed2683267232"

/* 4.2.2: NTLMv1. */
#define NLMP0_AUTHENTICATE                                                                         \
    "4e544c4d5353500003000000180018006c00000018001800840000000c000c004800000008000800"             \
    "54000000100010005c000000100010009c000000358280e20501280a0000000f" NLMP_DOMAIN NLMP_USER       \
    "43004f004d005000550054004500520098def7b87f88aa5dafe2df779688a172def11c7d5ccdef13"             \
    "67c43011f30298a2ad35ece64f16331c44bdbed927841f94518822b1b3f350c8958682ecbb3e3cb7"

/* Into room bytes at out; returns them. Fails the test where it is no hexadecimal. */
struct str nlmp_bytes(const char *hex, size_t hex_len, void *out, size_t room);

/* The same for a whole string and an array. */
#define NLMP_INTO(out, hex) nlmp_bytes((hex), strlen(hex), (out), sizeof(out))

#endif
