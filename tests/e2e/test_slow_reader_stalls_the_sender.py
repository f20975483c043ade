# SPDX-License-Identifier: MIT
"""Back-pressure: what a reader does not take stays with the sender, not in the proxy."""
import threading
import time

from lib.client import wait_until
from lib.origin import pattern, silent, source
from lib.steps import close_record, open_tunnel

TUNNELS = 4
MOST_KIB = 3 * 1024 * TUNNELS  # of growth; unchecked, it would be all that is sent


def wait_for_stall(read_count):
    """The count once it has not moved for half a second."""
    last, since = read_count(), time.monotonic()

    def is_still():
        nonlocal last, since
        now = read_count()
        if now != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > 0.5

    wait_until(is_still, what="the sender's stall")
    return last


def test_a_client_that_does_not_read_stalls_the_origin(proxy, origin, hosts, client):
    size = 256 << 20
    there = origin(source(size))
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    before = p.pss_kib()
    clients = [open_tunnel(client(p), f"bench.webex.com:{there.port}") for _ in range(TUNNELS)]
    records = there.wait(TUNNELS)
    sent = wait_for_stall(lambda: sum(r.sent for r in records))
    assert all(0 < r.sent < size // 4 for r in records), sent
    assert p.pss_kib() - before < MOST_KIB
    busy = p.cpu_seconds()
    time.sleep(0.5)
    assert p.cpu_seconds() - busy < 0.1  # it waits, it does not try again and again
    # It goes on where it stood: the bytes in their order.
    got = clients[0].read(8 << 20)
    assert got == pattern(0, 8 << 20)
    for c in clients:
        c.close()
    assert len(p.log.wait(TUNNELS, event="close")) == TUNNELS


def test_an_origin_that_does_not_read_stalls_the_client(proxy, origin, hosts, client):
    there = origin(silent)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    before = p.pss_kib()
    sent = [0]
    is_over = threading.Event()
    block = bytes(1 << 18)

    def push():
        while not is_over.is_set():
            try:
                sent[0] += c.sock.send(block)
            except TimeoutError:
                continue

    c.sock.settimeout(0.2)

    writer = threading.Thread(target=push)
    writer.start()
    assert 0 < wait_for_stall(lambda: sent[0]) < 64 << 20
    assert p.pss_kib() - before < MOST_KIB
    is_over.set()
    writer.join(15)
    there.close()  # over what it has not read: a reset
    close_record(p, end="origin_reset")
