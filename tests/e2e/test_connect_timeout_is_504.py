# SPDX-License-Identifier: MIT
"""An origin that does not answer: 504 connection_timeout after limits.connect_timeout."""
import time

from lib.origin import BlackHole
from lib.steps import refuse_connect, send_connect


def test_silence_ends_at_connect_timeout(proxy, hosts, client, closing):
    there = closing(BlackHole())
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], limits={"connect_timeout": "1s"})
    began = time.monotonic()
    answer, record = refuse_connect(p, client(p), f"bench.webex.com:{there.port}", 504,
                                    "connection_timeout", "connect_timeout")
    assert 0.9 < time.monotonic() - began < 2
    assert answer.reason == "Gateway Timeout"
    assert record["ms"] >= 950


def test_a_client_that_goes_away_meanwhile_is_let_go(proxy, hosts, client, closing):
    there = closing(BlackHole())
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], limits={"connect_timeout": "30s"})
    c = client(p)
    send_connect(c, f"bench.webex.com:{there.port}")
    assert c.is_quiet(0.3)
    c.reset()
    record = p.log.one(event="request")
    assert record["end"] == "client_reset" and "status" not in record
