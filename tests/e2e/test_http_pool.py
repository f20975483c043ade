# SPDX-License-Identifier: MIT
"""Idle connections to origins: who may use which, how many, and for how long."""
import time

import pytest

from lib.client import wait_until
from lib.http_steps import OPEN, exchange, request, response
from lib.http_wire import RecordingOrigin, read_message


@pytest.fixture
def there(hosts, closing):
    hosts({name: "127.0.0.1" for name in ("origin.test", "alias.test")})
    return closing(RecordingOrigin())


def first_exchange(c, there, target, *fields, answer=(), **options):
    """On a new connection, which is returned."""
    c.send(request(target, *fields, **options))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"first", *answer))
    assert read_message(c).content == b"first"
    return peer


def test_two_clients_share_one_connection(proxy, there, client):
    p = proxy(**OPEN)
    url = f"http://origin.test:{there.port}/"
    peer = first_exchange(client(p), there, url)
    for _ in range(3):
        exchange(client(p), peer, url)
    exchange(client(p, source=("127.0.0.9", 0)), peer, url)
    assert not there.is_waiting()
    assert {r["dst"] for r in p.log.wait(5, event="request")} == {"127.0.0.1"}


def test_case_and_trailing_dot_make_no_difference(proxy, there, client):
    p = proxy(**OPEN)
    peer = first_exchange(client(p), there, f"http://origin.test:{there.port}/")
    exchange(client(p), peer, f"http://ORIGIN.test:{there.port}/")


def test_another_name_gets_another_connection(proxy, there, client):
    # The same address, but who answers for a name is not for us to say.
    p = proxy(**OPEN)
    first_exchange(client(p), there, f"http://origin.test:{there.port}/")
    first_exchange(client(p), there, f"http://alias.test:{there.port}/")


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate", "ntlm"])
def test_authentication_binds_the_connection(proxy, there, client, scheme):
    p = proxy(**OPEN)
    url = f"http://origin.test:{there.port}/"
    c = client(p)
    mine = first_exchange(c, there, url, f"Authorization: {scheme} TlRMTVNTUAAB")
    exchange(c, mine, url, f"Authorization: {scheme} TlRMTVNTUAAD")
    exchange(c, mine, url)  # what was authenticated is still this client's
    other = client(p)
    theirs = first_exchange(other, there, url)
    assert mine.is_quiet(0.02)
    exchange(c, mine, url)
    exchange(other, theirs, url)
    c.close()
    assert mine.is_ended(), "a bound connection outlives its client"
    assert len(p.log.wait(6, event="request")) == 6


def test_a_challenge_binds_it_too(proxy, there, client):
    p = proxy(**OPEN)
    url = f"http://origin.test:{there.port}/"
    c = client(p)
    mine = first_exchange(c, there, url, answer=["WWW-Authenticate: Basic realm=\"x\"",
                                                "WWW-Authenticate: NTLM TlRMTVNTUAAC"])
    first_exchange(client(p), there, url)
    exchange(c, mine, url)


def test_a_bound_client_can_go_elsewhere(proxy, there, client, origin):
    p = proxy(**OPEN)
    c = client(p)
    mine = first_exchange(c, there, f"http://origin.test:{there.port}/", "Authorization: NTLM x")
    first_exchange(c, there, f"http://alias.test:{there.port}/")
    assert mine.is_ended()
    again = first_exchange(c, there, f"http://origin.test:{there.port}/", "Authorization: NTLM x")
    tunnel = origin()
    assert c.connect(f"origin.test:{tunnel.port}", behind=b"x").status == 200
    assert c.read(1) == b"x" and again.is_ended()


def test_a_bound_client_asks_for_a_tunnel_to_the_same_port(proxy, there, client):
    p = proxy(**OPEN)
    c = client(p)
    mine = first_exchange(c, there, f"http://origin.test:{there.port}/", "Authorization: NTLM x")
    assert c.connect(f"origin.test:{there.port}", behind=b"hello").status == 200
    tunnel = there.accept()
    assert tunnel.read(5) == b"hello", "the tunnel goes over the bound connection"
    tunnel.send(b"back")
    assert c.read(4) == b"back"
    assert mine.is_ended()
    c.close()
    assert tunnel.is_ended()


def test_basic_authentication_does_not_bind(proxy, there, client):
    p = proxy(**OPEN)
    url = f"http://origin.test:{there.port}/"
    peer = first_exchange(client(p), there, url, "Authorization: Basic dTpw")
    exchange(client(p), peer, url)


def test_rules_that_deny_by_address_hold_for_a_pooled_connection(proxy, there, client):
    p = proxy(**{**OPEN, "rules": [
        {"name": "not-b", "from": ["b"], "to": ["loopback"], "action": "deny"}, *OPEN["rules"]],
        "sources": {"b": {"addresses": ["127.0.0.9"]}},
        "destinations": {**OPEN["destinations"], "loopback": {"addresses": ["127.0.0.0/8"]}}})
    url = f"http://origin.test:{there.port}/"
    denied = client(p, source=("127.0.0.9", 0))
    denied.send(request(url))
    assert denied.read_answer().status == 403
    peer = first_exchange(client(p), there, url)
    denied = client(p, source=("127.0.0.9", 0))
    denied.send(request(url))
    assert denied.read_answer().status == 403
    assert peer.is_quiet(0.05) or peer.is_ended(0.05), "it carries what the rules deny"
    assert [r["verdict"] for r in p.log.wait(3, event="request")] == ["deny", "allow", "deny"]


def test_an_idle_connection_is_closed(proxy, there, client):
    p = proxy(**OPEN, limits={"origin_idle": "1s"})
    peer = first_exchange(client(p), there, f"http://origin.test:{there.port}/")
    assert peer.is_quiet(0.3)
    assert peer.is_ended(4)


def test_no_more_than_so_many_are_kept(proxy, there, client, hosts):
    hosts({f"h{n}.test": "127.0.0.1" for n in range(4)})
    p = proxy(**OPEN, limits={"origins_idle": 2})
    c = client(p)
    peers = []
    for n in range(4):
        peers.append(first_exchange(c, there, f"http://h{n}.test:{there.port}/"))
    assert peers[0].is_ended() and peers[1].is_ended(), "the oldest must go"
    assert peers[2].is_quiet(0.1) and peers[3].is_quiet(0.02)
    exchange(c, peers[2], f"http://h2.test:{there.port}/")


def test_none_is_kept_where_none_may_be(proxy, there, client):
    p = proxy(**OPEN, limits={"origins_idle": 0})
    url = f"http://origin.test:{there.port}/"
    c = client(p)
    for _ in range(2):
        assert first_exchange(c, there, url).is_ended()


@pytest.mark.parametrize("answer", [["Connection: close"], ["Connection: x, Close"]])
def test_an_origin_that_closes_is_not_kept(proxy, there, client, answer):
    p = proxy(**OPEN)
    url = f"http://origin.test:{there.port}/"
    c = client(p)
    for _ in range(2):
        assert first_exchange(c, there, url, answer=answer).is_ended()


def test_descriptors_come_back(proxy, there, client):
    p = proxy(**OPEN, limits={"origin_idle": "1s"})
    before = p.descriptors()
    url = f"http://origin.test:{there.port}/"
    clients = [client(p) for _ in range(10)]
    for c in clients:
        c.send(request(url))
    peers = [there.accept() for _ in clients]
    for peer in peers:
        read_message(peer)
        peer.send(response(b"x"))
    for c in clients:
        assert read_message(c).content == b"x"
        c.close()
    wait_until(lambda: p.descriptors() <= before, what="the descriptors of closed connections")


def test_a_reload_changes_nothing_for_the_next_request(proxy, there, client):
    # Whether the pooled connection is used again or not is free; the answer must be right.
    p = proxy(**OPEN)
    url = f"http://origin.test:{there.port}/"
    c = client(p)
    peer = first_exchange(c, there, url)
    at = len(p.errors())
    p.reload()
    p.wait_error("reload|configuration", after=at)
    time.sleep(0.1)
    c.send(request(url))
    if there.is_waiting(0.3):
        peer = there.accept()
    assert read_message(peer).start_line == b"GET / HTTP/1.1"
    peer.send(response(b"again"))
    assert read_message(c).content == b"again"
