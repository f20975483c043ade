# SPDX-License-Identifier: MIT
"""Thousands of short tunnels, many of them broken off on either side, leave nothing behind."""
import os
import random
import socket
import struct
import threading

import pytest

from lib.client import wait_until
from lib.metrics import scrape
from lib.origin import hard_close

THREADS = 16
RESET = struct.pack("ii", 1, 0)


def moody(sock, record):
    """An origin that ends in any of four ways, as the client's first byte asks."""
    mood = sock.recv(1)
    if mood == b"r":
        hard_close(sock)
    elif mood == b"e":
        while data := sock.recv(65536):
            sock.sendall(data)
    elif mood == b"b":
        sock.sendall(bytes(200_000))
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    # else it closes without a word


class Visitor:
    """One thread's worth of clients."""

    def __init__(self, proxy, authority, seed, count):
        self.address, self.count = proxy.address, count
        self.dice = random.Random(seed)
        self.head = f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode()
        self.established = 0
        self.fault = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            for _ in range(self.count):
                with socket.create_connection(self.address, 20) as sock:
                    self.visit(sock)
        except Exception as fault:  # for the test to see, whatever it is
            self.fault = fault

    def visit(self, sock):
        dice = self.dice.random()
        if dice < 0.05:  # never asks, or not to the end
            sock.sendall(self.head[:self.dice.randrange(len(self.head))])
        elif dice < 0.10:  # asks and is gone before the answer
            sock.sendall(self.head + b"e")
        else:
            sock.sendall(self.head)
            head = sock.recv(4096)
            assert head.startswith(b"HTTP/1.1 200 "), head
            self.established += 1
            self.talk(sock, self.dice.choice(b"rceeeb"))
        if self.dice.random() < 0.3:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    def talk(self, sock, mood):
        data = bytes([mood]) + os.urandom(self.dice.choice([1, 100, 5000]))
        try:
            sock.sendall(data)
            if mood == ord("e"):
                got = b""
                while len(got) < len(data) - 1:
                    part = sock.recv(65536)
                    assert part
                    got += part
                assert got == data[1:]
                sock.shutdown(socket.SHUT_WR)
            if self.dice.random() < 0.7:
                while sock.recv(65536):
                    pass
        except (ConnectionResetError, BrokenPipeError):
            assert mood != ord("e")  # only those whom the origin leaves early


def run_visitors(p, authority, tunnels, seed):
    visitors = [Visitor(p, authority, seed * 100 + i, tunnels // THREADS)
                for i in range(THREADS)]
    for v in visitors:
        v.thread.join(300)
        assert not v.thread.is_alive(), "a client waits for ever"
    faults = [v.fault for v in visitors if v.fault is not None]
    assert not faults, faults
    wait_until(lambda: scrape(p).value("sallyport_connections_open") == 0, 30)
    return sum(v.established for v in visitors)


def check_nothing_is_left(proxy, origin, hosts, tunnels, most_growth_kib):
    there = origin(moody)
    hosts({"bench.webex.com": "127.0.0.1"})
    # A sanitizer build would keep what is freed, to catch a late use of it.
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=4"
    p = proxy(ports=[there.port], workers=2, environment={"ASAN_OPTIONS": options.strip(":")})
    authority = f"bench.webex.com:{there.port}"
    # The first round fills the pools and the allocator's caches.
    established = run_visitors(p, authority, max(tunnels // 5, 400), 1)
    before, memory = scrape(p), p.pss_kib()
    established += run_visitors(p, authority, tunnels, 2)
    page = scrape(p)
    # The pools may keep some pipes (two descriptors each) more than before.
    assert page.value("sallyport_fds_open") <= before.value("sallyport_fds_open") + 4
    assert p.pss_kib() - memory < most_growth_kib
    assert page.value("sallyport_tunnels_open") == 0
    opened = page.value("sallyport_requests_total", verdict="allow", method="CONNECT")
    assert opened >= established
    wait_until(lambda: len(p.log.records(event="close")) == opened, 20)
    starts, ends = p.log.records(event="open"), p.log.records(event="close")
    assert {r["id"] for r in starts} == {r["id"] for r in ends} and len(starts) == opened
    assert sum(r["bytes_in"] for r in ends) == page.value("sallyport_bytes_total", direction="in")
    assert sum(r["bytes_out"] for r in ends) == page.value("sallyport_bytes_total",
                                                           direction="out")
    # Every connection ended for exactly one reason.
    assert page.sum("sallyport_ends_total") == page.value("sallyport_connections_total")
    assert {r["end"] for r in ends} <= {"done", "client_reset", "origin_reset"}
    assert page.value("sallyport_log_lines_dropped_total") == 0
    assert page.value("sallyport_accept_pauses_total") == 0


def test_2000_tunnels(proxy, origin, hosts):
    check_nothing_is_left(proxy, origin, hosts, 2000, most_growth_kib=20 * 1024)


@pytest.mark.soak
def test_20000_tunnels(proxy, origin, hosts):
    check_nothing_is_left(proxy, origin, hosts, 20_000, most_growth_kib=2 * 1024)
