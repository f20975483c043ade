# SPDX-License-Identifier: MIT
"""TERM: open tunnels live on, new clients are turned away, and the last tunnel ends it all."""
import signal

import pytest

from lib.client import wait_until
from lib.metrics import get
from lib.origin import echo
from lib.steps import close_record, open_tunnel


def is_refused(p, client):
    try:
        client(p).close()
        return False
    except ConnectionRefusedError:
        return True


@pytest.fixture
def bench(proxy, origin, hosts):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})

    def start(**limits):
        return proxy(ports=[there.port], limits=limits), f"bench.webex.com:{there.port}"
    return start


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_open_tunnel_ends_in_its_own_time(bench, client, number):
    p, authority = bench(drain="30s")
    c = open_tunnel(client(p), authority)
    p.signal(number)
    wait_until(lambda: is_refused(p, client), what="refusal of new connections")
    status, _, body = get(p, "/healthz")
    assert (status, body) == (503, b"draining\n")
    c.send(b"still there")
    assert c.read(11) == b"still there"
    assert p.process.poll() is None
    c.end()
    assert c.is_ended()
    assert p.wait_exit(10) == 0
    assert close_record(p)["bytes_in"] == 11
    assert "draining" in p.errors() and "stopped" in p.errors()


def test_without_tunnels_it_stops_at_once(bench, client):
    p, _ = bench(drain="30s")
    idle = client(p)  # connected, but asks for nothing
    wait_until(lambda: b"sallyport_connections_open 1\n" in get(p, "/metrics")[2])
    p.signal(signal.SIGTERM)
    assert p.wait_exit(5) == 0
    assert idle.is_ended()
    assert p.log.lines() == []


def test_the_deadline_cuts_what_is_left(bench, client):
    p, authority = bench(drain="1s")
    c = open_tunnel(client(p), authority)
    p.signal(signal.SIGTERM)
    assert c.is_quiet(0.6)
    assert c.is_ended(5)
    assert p.wait_exit(5) == 0
    close_record(p, end="drained")


def test_a_second_term_stops_at_once(bench, client):
    p, authority = bench(drain="1h")
    c = open_tunnel(client(p), authority)
    p.signal(signal.SIGTERM)
    p.wait_error("draining")
    assert c.is_quiet(0.3)
    p.signal(signal.SIGTERM)
    assert c.is_ended(5)
    assert p.wait_exit(5) == 0
    close_record(p, end="drained")


def test_a_request_that_comes_during_the_drain_gets_503(bench, client):
    p, authority = bench(drain="30s")
    held = open_tunnel(client(p), authority)
    late = client(p)
    late.send("CONNECT ")  # so that it is not idle
    wait_until(lambda: b"sallyport_connections_open 2\n" in get(p, "/metrics")[2])
    p.signal(signal.SIGTERM)
    p.wait_error("draining")
    wait_until(lambda: is_refused(p, client))
    late.send(f"{authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")
    answer = late.read_answer()
    assert (answer.status, answer.proxy_error) == (503, "connection_limit_reached")
    late.close()
    held.close()
    assert p.wait_exit(10) == 0
    assert p.log.one(event="request")["end"] == "draining"


def test_a_hup_during_the_drain_is_ignored(bench, client):
    p, authority = bench(drain="30s")
    c = open_tunnel(client(p), authority)
    p.signal(signal.SIGTERM)
    p.wait_error("draining")
    p.reload()
    c.send(b"x")
    assert c.read(1) == b"x"
    c.close()
    assert p.wait_exit(10) == 0
    assert "reloaded" not in p.errors()
    close_record(p)
