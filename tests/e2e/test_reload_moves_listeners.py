# SPDX-License-Identifier: MIT
"""HUP opens listeners that are new, closes those that are gone, and leaves the others alone."""
import socket

import pytest

from lib.client import wait_until
from lib.config import config
from lib.metrics import scrape
from lib.origin import echo
from lib.steps import open_tunnel


def free_port(address="127.0.0.1"):
    with socket.socket() as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def is_closed(client, address):
    try:
        client(address).close()
        return False
    except ConnectionRefusedError:
        return True


@pytest.mark.parametrize("workers", [1, 2])
def test_one_is_added_and_one_removed(proxy, origin, hosts, client, workers):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    authority = f"bench.webex.com:{there.port}"
    first, second = free_port(), free_port("127.0.0.2")
    listeners = [{"address": "127.0.0.1", "port": first}, {"address": "127.0.0.2", "port": second}]
    p = proxy(ports=[there.port], workers=workers, listeners=listeners[:1])
    old = open_tunnel(client(p), authority)

    p.reload(config(ports=[there.port], workers=workers, listeners=listeners))
    p.wait_error(f"listening on 127.0.0.2:{second}")
    p.wait_error("generation 2")
    for address in (("127.0.0.1", first), ("127.0.0.2", second)):
        for _ in range(4):
            with client(address) as c:
                open_tunnel(c, authority)

    p.reload(config(ports=[there.port], workers=workers, listeners=listeners[1:]))
    p.wait_error("generation 3")
    wait_until(lambda: is_closed(client, ("127.0.0.1", first)))
    with client(("127.0.0.2", second)) as c:
        open_tunnel(c, authority)
    old.send(b"x")  # came in through the one that is gone
    assert old.read(1) == b"x"
    old.close()
    assert len(p.log.wait(10, event="close")) == 10
    assert scrape(p).value("sallyport_tunnels_open") == 0


def test_a_port_in_use_keeps_everything_as_it_was(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    authority = f"bench.webex.com:{there.port}"
    p = proxy(ports=[there.port])
    taken, free = origin(echo), free_port()
    p.reload(config(ports=[there.port], rules=[], listeners=[
        {"address": "127.0.0.1", "port": 0}, {"address": "127.0.0.1", "port": free},
        {"address": "127.0.0.1", "port": taken.port}]))
    p.wait_error(rf"sallyport\.conf:\d+: cannot listen on 127\.0\.0\.1:{taken.port}")
    wait_until(lambda: scrape(p).value("sallyport_config_last_reload_ok") == 0)
    assert scrape(p).value("sallyport_config_generation") == 1
    open_tunnel(client(p), authority).close()  # under the old rules
    assert p.log.one(event="close")["rule"] == "webex"
    assert is_closed(client, ("127.0.0.1", free))


def test_the_admin_door_moves(proxy):
    port = free_port()
    p = proxy()
    before = p.admin
    p.reload(config(admin={"address": "127.0.0.1", "port": port}))
    p.wait_error("generation 2")
    assert p.admin == ("127.0.0.1", port)
    assert scrape(p).value("sallyport_config_generation") == 2
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(before, 5)
    assert p.log.lines() == []
