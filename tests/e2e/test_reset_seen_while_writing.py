# SPDX-License-Identifier: MIT
"""A side whose reset came together with its last bytes is found out, even if only by writing."""
import time

from lib.client import wait_until
from lib.metrics import scrape
from lib.origin import hard_close
from lib.steps import open_tunnel

TUNNELS = 40


def test_no_tunnel_stays_open(proxy, origin, hosts, client):
    def speak_and_reset(sock, record):
        record.recv(sock, 1)
        sock.sendall(b"last words")
        hard_close(sock)

    there = origin(speak_and_reset)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    clients = [open_tunnel(client(p), f"bench.webex.com:{there.port}") for _ in range(TUNNELS)]
    for c in clients:
        c.send(b"xyz")
    time.sleep(0.1)  # the resets are there
    for c in clients:
        try:
            c.send(b"more")  # meets the reset in a write of the proxy
        except OSError:
            pass
    wait_until(lambda: scrape(p).value("sallyport_tunnels_open") == 0, 5)
    ends = {r["end"] for r in p.log.wait(TUNNELS, event="close")}
    assert ends == {"origin_reset"}
