# SPDX-License-Identifier: MIT
"""A tunnel without a byte for limits.tunnel_idle is closed; each byte sets the clock back."""
import time

from lib.metrics import scrape
from lib.origin import echo
from lib.steps import close_record, open_tunnel


def test_a_quiet_tunnel_is_closed_after_tunnel_idle(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], limits={"tunnel_idle": "1s"})
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}", behind=b"x")
    assert c.read(1) == b"x"
    began = time.monotonic()
    assert c.is_ended(5)
    assert 0.9 < time.monotonic() - began < 2.5
    there.wait_done(1)
    record = close_record(p, end="tunnel_idle")
    assert record["bytes_in"] == 1 and 900 < record["ms"] < 3000
    assert scrape(p).value("sallyport_ends_total", reason="tunnel_idle") == 1


def test_bytes_in_either_direction_keep_it_open(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], limits={"tunnel_idle": "1s"})
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    for _ in range(6):
        time.sleep(0.4)
        c.send(b"x")
        assert c.read(1) == b"x"
    assert p.log.records(event="close") == []
    c.end()
    assert c.is_ended()
    assert close_record(p)["bytes_out"] == 6


def test_a_half_closed_quiet_tunnel_is_closed_too(proxy, origin, hosts, client):
    def wait_on(sock, record):
        while record.recv(sock):
            pass
        record.done.wait(15)

    there = origin(wait_on)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], limits={"tunnel_idle": "1s"})
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    c.end()
    assert c.is_ended(5)
    close_record(p, end="tunnel_idle")
