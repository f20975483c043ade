# SPDX-License-Identifier: MIT
"""A reset by the client ends the tunnel, and the origin is not left with a good end."""
from lib.metrics import scrape
from lib.origin import echo, silent, source
from lib.steps import close_record, open_tunnel


def test_the_origin_sees_a_reset(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}", behind=b"x")
    assert c.read(1) == b"x"
    c.reset()
    record = close_record(p, end="client_reset")
    assert (record["bytes_in"], record["bytes_out"]) == (1, 1)
    assert isinstance(there.wait_done(1)[0].error, ConnectionResetError)
    assert scrape(p).value("sallyport_ends_total", reason="client_reset") == 1


def test_in_the_middle_of_a_download(proxy, origin, hosts, client):
    there = origin(source(64 << 20))
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    c.read(1 << 20)
    c.reset()
    close_record(p, end="client_reset")
    assert isinstance(there.wait_done(1)[0].error, (ConnectionResetError, BrokenPipeError))


def test_bytes_in_front_of_the_reset_are_not_counted_twice(proxy, origin, hosts, client):
    there = origin(silent)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    c.send(b"x" * 1000)
    c.reset()
    record = close_record(p, end="client_reset", timeout=20)
    assert record["bytes_in"] <= 1000
    assert scrape(p).value("sallyport_bytes_total", direction="in") == record["bytes_in"]
