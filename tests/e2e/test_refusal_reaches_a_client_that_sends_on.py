# SPDX-License-Identifier: MIT
"""A client that has already sent its ClientHello behind a denied CONNECT still reads the 403."""
import threading

import pytest

from lib.client import wait_until
from lib.metrics import scrape
from lib.steps import send_connect


@pytest.mark.parametrize("size", [1, 517, 60_000, 1 << 20])
def test_the_403_is_not_lost_to_a_reset(proxy, client, size):
    p = proxy()
    c = client(p)
    send_connect(c, "example.org:443")

    def send_rest():
        try:
            c.send(b"\x16" * size)
        except OSError:
            pass  # the proxy need not take all of it

    writer = threading.Thread(target=send_rest)
    writer.start()
    answer = c.read_answer()
    assert answer.status == 403
    assert len(answer.body) == int(answer.get("content-length"))
    c.close()
    writer.join(15)
    assert p.log.one(event="request")["status"] == 403


def test_a_client_that_waits_with_its_end_does_not_stay_open(proxy, client):
    p = proxy()
    c = client(p)
    assert c.connect("example.org:443").status == 403
    assert c.is_ended(2)
    # Its half is still open here; the proxy lets go of it all the same.
    wait_until(lambda: scrape(p).value("sallyport_connections_open") == 0, 5)
    assert p.log.one(event="request")["status"] == 403
