# SPDX-License-Identifier: MIT
"""Many tunnels side by side keep their bytes apart."""
import random

from lib.client import wait_until
from lib.metrics import scrape
from lib.origin import echo
from lib.steps import open_tunnel, send_connect

TUNNELS = 200


def test_each_gets_its_own_bytes_back(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], workers=2)
    authority = f"bench.webex.com:{there.port}"
    clients = [client(p) for _ in range(TUNNELS)]
    for c in clients:
        send_connect(c, authority)
    for c in clients:
        assert c.read_answer(has_body=False).status == 200
    assert scrape(p).value("sallyport_tunnels_open") == TUNNELS
    order = list(range(TUNNELS))
    random.Random(3).shuffle(order)
    for round_number in range(3):
        for i in order:
            clients[i].send(f"{i:06d}.{round_number}")
        for i in reversed(order):
            assert clients[i].read(8) == f"{i:06d}.{round_number}".encode()
    for c in clients:
        c.end()
    for c in clients:
        assert c.is_ended()
    records = p.log.wait(TUNNELS, event="close")
    assert {(r["bytes_in"], r["bytes_out"], r["end"]) for r in records} == {(24, 24, "done")}
    wait_until(lambda: scrape(p).value("sallyport_connections_open") == 0)


def test_an_origin_far_behind_holds_up_no_other(proxy, origin, hosts, client):
    there, stuck = origin(echo), origin(lambda sock, record: record.done.wait(15))
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port, stuck.port])
    slow = open_tunnel(client(p), f"bench.webex.com:{stuck.port}")
    slow.sock.settimeout(0.3)
    try:
        while True:
            slow.sock.send(bytes(1 << 18))
    except TimeoutError:
        pass  # now it is full to the brim
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    for _ in range(100):
        c.send(b"x")
        assert c.read(1) == b"x"
    c.close()
    assert p.log.one(event="close")["bytes_in"] == 100
