# SPDX-License-Identifier: MIT
"""With workers = 2 both threads serve, and their lines and counters are one log and one page."""
import os

from lib.metrics import scrape
from lib.origin import echo
from lib.steps import open_tunnel

TUNNELS = 60


def thread_times(p):
    """Context switches of each thread: one that serves has more of them."""
    switches = {}
    for task in os.listdir(f"/proc/{p.pid}/task"):
        with open(f"/proc/{p.pid}/task/{task}/status", encoding="ascii") as f:
            rows = dict(line.split(":", 1) for line in f)
        switches[task] = int(rows["voluntary_ctxt_switches"])
    return switches


def test_both_serve_and_both_log(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], workers=2)
    p.wait_error("serving with 2 workers")
    before = thread_times(p)
    for _ in range(TUNNELS):
        with client(p) as c:
            open_tunnel(c, f"bench.webex.com:{there.port}", behind=b"x")
            assert c.read(1) == b"x"
    after = thread_times(p)
    busy = sorted((after[t] - before.get(t, 0) for t in after), reverse=True)
    assert busy[1] > TUNNELS / 6, busy  # the kernel spreads by hash: 2 of 60 on one is 1 in 10^14
    records = p.log.wait(TUNNELS, event="close")
    opened = p.log.records(event="open")
    assert len({r["id"] for r in opened}) == TUNNELS
    assert {r["id"] for r in records} == {r["id"] for r in opened}
    page = scrape(p)
    assert page.value("sallyport_connections_total") == TUNNELS
    assert page.value("sallyport_bytes_total", direction="in") == TUNNELS
