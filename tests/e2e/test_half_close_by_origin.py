# SPDX-License-Identifier: MIT
"""An origin that has ended its half still gets everything the client sends."""
import hashlib
import os

from lib.origin import banner_then_close
from lib.steps import close_record, open_tunnel

MIB = 1 << 20


def test_the_client_sends_1_mib_after_the_origins_end(proxy, origin, hosts, client):
    payload = os.urandom(MIB)
    there = origin(banner_then_close)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    assert c.read_to_end() == b"banner\n"
    c.send(payload)
    assert p.log.records(event="close") == []
    c.end()
    received = bytes(there.wait_done(1)[0].received)
    assert hashlib.sha256(received).digest() == hashlib.sha256(payload).digest()
    record = close_record(p)
    assert (record["bytes_in"], record["bytes_out"]) == (MIB, 7)
