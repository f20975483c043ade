# SPDX-License-Identifier: MIT
"""Without descriptors the proxy answers 503, rests, and goes on when tunnels end."""
import resource
import time

import pytest

from lib.client import wait_until
from lib.metrics import scrape
from lib.origin import echo

LIMIT = 64


def open_until_refused(p, client, authority):
    """The tunnels that opened, and the first answer that was no 200."""
    held = []
    for _ in range(LIMIT):
        c = client(p)
        answer = c.connect(authority)
        if answer.status != 200:
            return held, answer
        held.append(c)
    raise AssertionError(f"{LIMIT} tunnels with {LIMIT} descriptors")


def check_alive_after(p, client, held, authority):
    """While it is short of descriptors it neither spins nor drops a tunnel; then it recovers."""
    before = p.cpu_seconds()
    time.sleep(1)
    assert p.cpu_seconds() - before < 0.2
    for c in held:
        c.send(b"still there")
        assert c.read(11) == b"still there"
    for c in held[:len(held) // 2]:
        c.close()

    def works_again():
        with client(p) as c:
            return c.connect(authority, behind=b"x").status == 200 and c.read(1) == b"x"

    wait_until(works_again, 5)
    for c in held:
        c.close()
    wait_until(lambda: scrape(p).value("sallyport_tunnels_open") == 0)


def test_a_small_limit_from_the_start(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], descriptors=LIMIT)
    authority = f"bench.webex.com:{there.port}"
    held, answer = open_until_refused(p, client, authority)
    assert 5 <= len(held) <= LIMIT // 2
    assert answer.status == 503 and answer.reason == "Service Unavailable"
    assert answer.proxy_error == "connection_limit_reached"
    counts = scrape(p)  # the administrator still gets in
    assert counts.value("sallyport_ends_total", reason="no_descriptors") >= 1
    assert counts.value("sallyport_tunnels_open") == len(held)
    check_alive_after(p, client, held, authority)
    assert len(p.log.records(event="open")) >= len(held)
    assert p.log.wait(1, event="request", end="no_descriptors")


@pytest.mark.parametrize("left", [0, 1])
def test_descriptors_that_vanish_while_it_runs(proxy, origin, hosts, client, left):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    authority = f"bench.webex.com:{there.port}"
    held = []
    for _ in range(8):
        held.append(client(p))
        assert held[-1].connect(authority).status == 200
    there.wait(8)  # the origin's own thread may lag behind on a busy machine
    used = p.descriptors()
    _, hard = resource.prlimit(p.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (used + left, hard))
    refused = []
    for _ in range(5):
        refused.append(client(p))
        answer = refused[-1].connect(authority)
        assert (answer.status, answer.proxy_error) == (503, "connection_limit_reached")
    assert len(there.connections) == 8
    before = p.cpu_seconds()
    time.sleep(1)
    assert p.cpu_seconds() - before < 0.2
    for c in refused + held[:4]:
        c.close()

    def works_again():
        with client(p) as c:
            return c.connect(authority, behind=b"x").status == 200 and c.read(1) == b"x"

    wait_until(works_again, 5)
    held[-1].send(b"old")
    assert held[-1].read(3) == b"old"
    assert len(p.log.wait(4, event="close")) >= 4
    assert scrape(p).value("sallyport_ends_total", reason="no_descriptors") >= 5
    resource.prlimit(p.pid, resource.RLIMIT_NOFILE, (hard, hard))
