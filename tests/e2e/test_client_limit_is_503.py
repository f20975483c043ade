# SPDX-License-Identifier: MIT
"""limits.tunnels_per_client bounds the open tunnels of one client address."""
import pytest

from lib.client import wait_until
from lib.metrics import scrape
from lib.origin import echo
from lib.steps import open_tunnel


@pytest.mark.parametrize("workers", [1, 2])
def test_one_tunnel_too_many_gets_503(proxy, origin, hosts, client, workers):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], workers=workers, limits={"tunnels_per_client": 3})
    authority = f"bench.webex.com:{there.port}"
    held = [open_tunnel(client(p), authority) for _ in range(3)]
    answer = client(p).connect(authority)
    assert answer.status == 503 and answer.reason == "Service Unavailable"
    assert answer.proxy_error == "connection_limit_reached"
    record = p.log.one(event="request")
    assert (record["end"], record["verdict"]) == ("client_limit", "error")
    assert len(there.connections) == 3
    # Another client is not concerned, nor is this one when a tunnel has ended.
    open_tunnel(client(p, source=("127.0.0.2", 0)), authority)
    held[0].close()
    p.log.wait(1, event="close")
    open_tunnel(client(p), authority)
    assert client(p).connect(authority).status == 503


def test_a_tunnel_that_could_not_be_dialled_does_not_count(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1", "dead.webex.com": "127.0.0.9"})
    p = proxy(ports=[there.port], limits={"tunnels_per_client": 1})
    for _ in range(3):
        with client(p) as c:
            assert c.connect(f"dead.webex.com:{there.port}").status == 502
        wait_until(lambda: scrape(p).value("sallyport_connections_open") == 0)
    assert client(p).connect(f"bench.webex.com:{there.port}").status == 200
    answer = client(p).connect(f"bench.webex.com:{there.port}")
    assert (answer.status, answer.proxy_error) == (503, "connection_limit_reached")
    assert len(p.log.wait(3, event="request", end="refused")) == 3
