# SPDX-License-Identifier: MIT
"""Both directions run flat out at the same time and mix nothing up."""
import hashlib
import os
import threading

from lib.metrics import scrape
from lib.steps import close_record, open_tunnel

SIZE = 3 * (1 << 20) + 17


def test_3_mib_each_way_at_once_arrive_exactly(proxy, origin, hosts, client):
    up, down = os.urandom(SIZE), os.urandom(SIZE)

    def talk_and_listen(sock, record):
        writer = threading.Thread(target=sock.sendall, args=(down,))
        writer.start()
        while record.recv(sock):
            pass
        writer.join()

    there = origin(talk_and_listen)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")

    def send_all():
        c.send(up)
        c.end()

    writer = threading.Thread(target=send_all)
    writer.start()
    got = c.read_to_end()
    writer.join(20)
    assert hashlib.sha256(got).digest() == hashlib.sha256(down).digest()
    assert bytes(there.wait_done(1)[0].received) == up
    record = close_record(p)
    assert (record["bytes_in"], record["bytes_out"]) == (SIZE, SIZE)
    counts = scrape(p)
    assert counts.value("sallyport_bytes_total", direction="in") == SIZE
    assert counts.value("sallyport_bytes_total", direction="out") == SIZE
