/* SPDX-License-Identifier: MIT */
/*
 * spec_auth.h - the section `auth` as it was written; a part of spec.h.
 *
 * Texts are borrowed from the parse that filled the spec. Threads: one.
 */
#ifndef CONF_SPEC_AUTH_H
#define CONF_SPEC_AUTH_H

#include "conf/spec_value.h"

struct spec_basic {
    struct spec_head head;
    struct spec_text htpasswd, helper;
    struct spec_number children, concurrency, queue, cache;
};

struct spec_digest {
    struct spec_head head;
    struct spec_text htdigest, secret;
    struct spec_texts algorithms;
    struct spec_number nonce_lifetime;
};

struct spec_ntlm {
    struct spec_head head;
    struct spec_text smbpasswd, helper, domain;
    struct spec_number children, queue;
};

struct spec_negotiate {
    struct spec_head head;
    struct spec_text keytab;
};

struct spec_offer {
    struct spec_head head;
    struct spec_texts from, schemes;
};

struct spec_failures {
    struct spec_head head;
    struct spec_number burst, address_burst, refill;
};

struct spec_auth {
    struct spec_head head;
    struct spec_text realm, groups;
    struct spec_texts schemes;
    struct spec_basic basic;
    struct spec_digest digest;
    struct spec_ntlm ntlm;
    struct spec_negotiate negotiate;
    struct spec_number helper_timeout;
    struct spec_groups offers; /* struct spec_offer */
    struct spec_failures failures;
};

#endif
