# SPDX-License-Identifier: MIT
"""The proxy never forwards to itself, and two that point at each other end with an error."""
import pytest

from lib.config import config
from lib.http_servers import free_port
from lib.http_steps import OPEN, request
from lib.metrics import scrape
from lib.origin import ClosedPort
from lib.steps import check_refusal


def ask(client, target, *fields):
    client.send(request(target, *fields))
    return client.read_answer()


@pytest.mark.parametrize("host", ["127.0.0.1", "me.test", "[::ffff:127.0.0.1]", "0.0.0.0"])
def test_its_own_listener(proxy, hosts, client, host):
    hosts({"me.test": "127.0.0.1"})
    p = proxy(**OPEN, guard={"deny_private": False, "allow": None})
    answer = ask(client(p), f"http://{host}:{p.address[1]}/")
    record = check_refusal(p, answer, 508, "proxy_loop_detected", "loop", verdict="deny")
    assert record["port"] == p.address[1]
    assert scrape(p).value("sallyport_connections_total") == 1, "a connection to itself"


def test_its_own_listener_on_another_address(proxy, client):
    p = proxy(**OPEN, listeners=[{"address": "0.0.0.0", "port": 0}],
              guard={"deny_private": False, "allow": None})
    port = p.address[1]
    for host in ("127.0.0.1", "127.0.0.2", "0.0.0.0"):
        assert ask(client(("127.0.0.1", port)), f"http://{host}:{port}/").status == 508
    assert scrape(p).value("sallyport_connections_total") == 3


def test_the_admin_port(proxy, client):
    p = proxy(**OPEN, guard={"deny_private": False, "allow": None},
              admin={"address": "127.0.0.1", "port": free_port()})
    answer = ask(client(p), f"http://127.0.0.1:{p.admin[1]}/metrics")
    check_refusal(p, answer, 403, "destination_ip_prohibited", "address_forbidden", verdict="deny")


@pytest.mark.parametrize("field", ["Via: 1.1 px1", "Via: 1.0 fred, 1.1 px1 (x), 1.1 other",
                                   "via: HTTP/1.1 PX1", "Via: 1.1 a (b, c), 2.0 px1"])
def test_via_tells_of_it(proxy, client, field):
    p = proxy(**OPEN)
    answer = ask(client(p), "http://origin.test/", field)
    check_refusal(p, answer, 508, "proxy_loop_detected", "loop", verdict="deny")


@pytest.mark.parametrize("field", ["Via: 1.1 px11", "Via: 1.1 other (px1)",
                                   "Via: 1.1 a (1.1 px1, b)",
                                   "X-Via: 1.1 px1"])
def test_what_is_not_our_name_is_no_loop(proxy, client, field, hosts, closing):
    dead = closing(ClosedPort())
    hosts({"origin.test": "127.0.0.1"})
    p = proxy(**OPEN)
    answer = ask(client(p), f"http://origin.test:{dead.port}/", field)
    assert (answer.status, answer.proxy_error) == (502, "connection_refused")


@pytest.fixture
def ring(proxy):
    """Two proxies, each the other's parent."""
    ports = [free_port(), free_port()]
    return [proxy.from_text(config(**{
        **OPEN, "headers": {"via": f"ring-{n}"},
        "listeners": [{"address": "127.0.0.1", "port": ports[n]}],
        "parents": [{"name": "other", "url": f"http://127.0.0.1:{ports[1 - n]}"}],
        "rules": [{**OPEN["rules"][0], "via": "other"}]})) for n in range(2)]


def test_two_proxies_as_each_others_parent(ring, client):
    first, second = ring
    answer = ask(client(first), "http://origin.test/x")
    assert answer.status == 508, (answer.status, answer.body)
    # It came back once: there and back again, and no further.
    assert scrape(first).value("sallyport_connections_total") == 2
    assert scrape(second).value("sallyport_connections_total") == 1
    assert first.log.one(event="request", end="loop")["status"] == 508


def test_the_same_with_connect(ring, client):
    first, second = ring
    answer = client(first).connect("origin.test:443")
    assert answer.status in (502, 508), (answer.status, answer.body)
    assert "508" in answer.body.decode() or "parent" in answer.body.decode()
    assert scrape(first).value("sallyport_connections_total") == 2
    assert scrape(second).value("sallyport_connections_total") == 1
    assert first.log.one(event="request", end="loop")["status"] == 508


def test_a_proxy_as_its_own_parent(proxy, client):
    port = free_port()
    p = proxy.from_text(config(**{
        **OPEN, "listeners": [{"address": "127.0.0.1", "port": port}],
        "parents": [{"name": "self", "url": f"http://127.0.0.1:{port}"}],
        "rules": [{**OPEN["rules"][0], "via": "self"}]}))
    assert ask(client(p), "http://origin.test/").status == 508
    assert client(p).connect("origin.test:443").status in (502, 508)
    assert scrape(p).value("sallyport_connections_total") <= 4
    assert len(p.log.wait(2, event="request", end="loop")) == 2
