# SPDX-License-Identifier: MIT
"""A pooled connection that dies under a request: once more where that is safe, else 502.

RFC 9112 section 9.3.2 and RFC 9110 section 9.2.2.
"""
import pytest

from lib.http_steps import OPEN, request, response
from lib.http_wire import RecordingOrigin, read_message


@pytest.fixture
def pooled(proxy, hosts, closing, client):
    """(proxy, origin, client, URL, a connection that is in the pool)"""
    hosts({"origin.test": "127.0.0.1"})
    there = closing(RecordingOrigin())
    p = proxy(**OPEN)
    c, url = client(p), f"http://origin.test:{there.port}/"
    c.send(request(url + "first"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"first"))
    assert read_message(c).content == b"first"
    return p, there, c, url, peer


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_is_safe_is_sent_once_more(pooled, how, method):
    p, there, c, url, peer = pooled
    c.send(request(url + "again", "X-Field: 1", method=method))
    assert read_message(peer).start_line == method.encode() + b" /again HTTP/1.1"
    getattr(peer, how)()
    fresh = there.accept()
    asked = read_message(fresh)
    assert asked.start_line == method.encode() + b" /again HTTP/1.1"
    assert asked.values("x-field") == [b"1"] and len(asked.values("via")) == 1
    fresh.send(response(b"" if method == "HEAD" else b"second"))
    assert read_message(c, method == "HEAD").start_line == b"HTTP/1.1 200 OK"
    assert not there.is_waiting(0.02)
    records = p.log.wait(2, event="request")
    assert len(records) == 2 and records[1]["status"] == 200


def test_only_once(pooled):
    p, there, c, url, peer = pooled
    c.send(request(url + "again"))
    read_message(peer)
    peer.close()
    fresh = there.accept()
    read_message(fresh)
    fresh.close()
    answer = c.read_answer()
    assert (answer.status, answer.proxy_error) == (502, "connection_terminated")
    assert not there.is_waiting(0.1), "a third try"
    assert p.log.wait(2, event="request")[1]["end"] == "origin_closed"


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_post_gets_502(pooled, how):
    p, there, c, url, peer = pooled
    c.send(request(url + "pay", method="POST", body=b"amount=1"))
    if there.is_waiting(0.1):  # a fresh connection for what must not be repeated is fine, too
        peer = there.accept()
    assert read_message(peer).content == b"amount=1"
    getattr(peer, how)()
    answer = c.read_answer()
    assert (answer.status, answer.proxy_error) == (502, "connection_terminated")
    assert not there.is_waiting(0.1), "the POST was sent twice"
    assert p.log.wait(2, event="request")[1]["verdict"] == "error"


def test_a_fresh_connection_that_dies_is_not_tried_again(pooled, client):
    p, there, _, url, _ = pooled
    c = client(p)
    c.send(request(url.replace("origin.test", "127.0.0.1") + "x"))
    peer = there.accept()
    read_message(peer)
    peer.close()
    assert c.read_answer().status == 502
    assert not there.is_waiting(0.1)


def test_an_answer_that_has_begun_is_not_tried_again(pooled):
    p, there, c, url, peer = pooled
    c.send(request(url + "again"))
    read_message(peer)
    peer.send(b"HTTP/1.1 20")
    peer.close()
    assert c.read_answer().status == 502
    assert not there.is_waiting(0.1)
    assert p.log.wait(2, event="request")[1]["status"] == 502


def test_a_connection_that_ended_in_the_pool_is_not_used(pooled):
    p, there, c, url, peer = pooled
    peer.close()
    c.send(request(url + "pay", method="POST", body=b"amount=1"))
    fresh = there.accept()
    assert read_message(fresh).content == b"amount=1"
    fresh.send(response(b"paid"))
    assert read_message(c).content == b"paid"
    assert [r["status"] for r in p.log.wait(2, event="request")] == [200, 200]


def test_what_was_pipelined_behind_it_follows(pooled):
    _, there, c, url, peer = pooled
    c.send(request(url + "a") + request(url + "b"))
    read_message(peer)
    peer.close()
    fresh = there.accept()
    for name in (b"a", b"b"):
        assert read_message(fresh).start_line == b"GET /" + name + b" HTTP/1.1"
        fresh.send(response(name))
        assert read_message(c).content == name
