# SPDX-License-Identifier: MIT
"""A client that has ended its half still gets everything the origin sends."""
import hashlib
import os

from lib.origin import answer_after_eof
from lib.steps import close_record, open_tunnel

MIB = 1 << 20


def test_the_origin_sends_1_mib_after_the_clients_end(proxy, origin, hosts, client):
    payload = os.urandom(MIB)
    there = origin(answer_after_eof(payload))
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    c.send(b"question")
    c.end()
    assert hashlib.sha256(c.read_to_end()).digest() == hashlib.sha256(payload).digest()
    assert bytes(there.wait_done(1)[0].received) == b"question"
    record = close_record(p)
    assert (record["bytes_in"], record["bytes_out"]) == (8, MIB)


def test_the_tunnel_stays_open_between_the_two_ends(proxy, origin, hosts, client):
    there = origin(answer_after_eof(b"late"))
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    c.send(b"x")
    assert c.is_quiet(0.3)  # the origin waits for the end
    assert p.log.records(event="close") == []
    c.end()
    assert c.read_to_end() == b"late"
    assert close_record(p)["bytes_out"] == 4
