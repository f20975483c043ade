/* SPDX-License-Identifier: MIT */
/*
 * signer_wire.h - what the proxy and its signer say to each other: the form of the messages.
 *
 * One message is one packet of a socketpair of SOCK_SEQPACKET. The proxy begins with SETUP;
 * the signer answers READY or FAULT (and ends). Then each ORDER is answered by one LEAF or
 * REFUSED of the same id, in any order. The end of the socket ends the signer.
 *
 *   u8 kind, u64 id (0 but for ORDER, LEAF, REFUSED), then
 *   SETUP    u32 length and bytes, three times: the CA's certificates (PEM), where its key is
 *            (a path or a pkcs11: URI), the public key of leaves (DER, SubjectPublicKeyInfo)
 *   READY    nothing
 *   FAULT    a sentence; it may come in place of an answer, too, where the key is lost
 *   ORDER    an order (leaf_order.h)
 *   LEAF     a certificate (DER)
 *   REFUSED  a sentence
 *
 * Integers are big-endian. Readers trust nothing. Plain values that borrow the bytes.
 * Threads: any.
 */
#ifndef CERTS_SIGNER_WIRE_H
#define CERTS_SIGNER_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "util/attr.h"
#include "util/str.h"

#define SIGNER_WIRE_MAX 131072 /* bytes of any message */
#define SIGNER_FD 3            /* where the signer finds its end */

enum signer_kind {
    SIGNER_SETUP = 1,
    SIGNER_READY,
    SIGNER_FAULT,
    SIGNER_ORDER,
    SIGNER_LEAF,
    SIGNER_REFUSED,
};

struct signer_message {
    enum signer_kind kind;
    uint64_t id;
    struct str body;                       /* of all but SETUP */
    struct str certificate, key, leaf_key; /* of SETUP */
};

/* Into out; the length, or 0 where it does not fit into size. */
MUST_CHECK size_t signer_write(const struct signer_message *m, unsigned char *out, size_t size);

/* 0, or -1 where the bytes are no message. */
MUST_CHECK int signer_read(struct signer_message *m, struct str bytes);

#endif
