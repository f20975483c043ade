/* SPDX-License-Identifier: MIT */
/* tunnel_hello.c - finds the name in the ClientHello that passes through a tunnel. */
#include "proxy/phase/tunnel_hello.h"

void tunnel_hello_drop(struct hello_keeper **kept)
{
    hello_keeper_drop(kept);
}

bool tunnel_hello_see(struct hello_keeper **kept, struct txn_tail *tail, struct str bytes)
{
    struct hello hello;
    struct str all;
    enum hello_seen seen = hello_keeper_see(kept, bytes, &hello, &all);
    if (seen == HELLO_SEEN_MORE)
        return true;
    if (seen == HELLO_SEEN_WHOLE && hello.sni == HELLO_SNI_NAME)
        txn_tail_name(tail, hello_name(&hello));
    hello_keeper_drop(kept);
    return false;
}
