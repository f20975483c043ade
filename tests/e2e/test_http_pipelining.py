# SPDX-License-Identifier: MIT
"""Keep-alive and pipelining: answers come in the order of the requests, and none is lost."""
import pytest

from lib.http_steps import OPEN, exchange, request, response
from lib.http_wire import RecordingOrigin, read_message


@pytest.fixture
def opened(proxy, hosts, closing, client):
    """(proxy, origin, client, URL prefix)"""
    hosts({"origin.test": "127.0.0.1"})
    there = closing(RecordingOrigin())
    p = proxy(**OPEN)
    return p, there, client(p), f"http://origin.test:{there.port}"


def test_one_connection_on_each_side(opened):
    p, there, c, url = opened
    c.send(request(url + "/0"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"first"))
    assert read_message(c).content == b"first"
    for n in range(1, 20):
        asked = exchange(c, peer, f"{url}/{n}", body=b"x" * n)
        assert asked.start_line == b"GET /%d HTTP/1.1" % n
    assert not there.is_waiting()
    records = p.log.wait(20, event="request")
    assert [r["path"] for r in records] == [f"/{n}" for n in range(20)]
    assert {(r["status"], r["end"], r["verdict"]) for r in records} == {(200, "done", "allow")}


def test_pipelined_gets_are_answered_in_order(opened):
    p, there, c, url = opened
    count = 50
    c.send(b"".join(request(f"{url}/{n}") for n in range(count)))
    peer = there.accept()
    for n in range(count):
        assert read_message(peer).start_line == b"GET /%d HTTP/1.1" % n
        assert peer.is_quiet(0.001), "the next request in front of this answer"
        peer.send(response(b"answer %d" % n))
    for n in range(count):
        assert read_message(c).content == b"answer %d" % n
    assert not there.is_waiting()
    assert len(p.log.wait(count, event="request")) == count


def test_a_pipeline_with_bodies_between(opened):
    p, there, c, url = opened
    chunks = b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
    c.send(request(url + "/1", method="POST", body=b"body") +
           request(url + "/2", "Transfer-Encoding: chunked", method="PUT") + chunks +
           request(url + "/3", method="HEAD") + request(url + "/4", "Connection: close") +
           request(url + "/5"))
    answers = [(b"POST /1 HTTP/1.1", b"body", False), (b"PUT /2 HTTP/1.1", b"abc", False),
               (b"HEAD /3 HTTP/1.1", b"", True), (b"GET /4 HTTP/1.1", b"", False)]
    peer = None
    for line, content, is_head in answers:
        peer = peer if peer is not None and not there.is_waiting(0.05) else there.accept()
        got = read_message(peer)
        assert (got.start_line, got.content) == (line, content)
        peer.send(response() if is_head else response(line))
        answer = read_message(c, is_head)
        assert answer.content == (b"" if is_head else line)
        wanted = [b"close"] if line.startswith(b"GET /4") else []
        assert answer.values("connection") == wanted
    assert c.is_ended(), "a request behind Connection: close was taken"
    assert peer.is_quiet(0.05)
    assert [r["method"] for r in p.log.wait(4, event="request")] == ["POST", "PUT", "HEAD", "GET"]


def test_pipelined_requests_to_two_origins(opened, closing):
    _, there, c, url = opened
    other = closing(RecordingOrigin())
    c.send(request(url + "/a") + request(f"http://origin.test:{other.port}/b") +
           request(url + "/c"))
    first, name = there.accept(), b""
    for peer, name in ((first, b"/a"), (None, b"/b"), (first, b"/c")):
        peer = peer or other.accept()
        assert read_message(peer).start_line == b"GET " + name + b" HTTP/1.1"
        peer.send(response(name))
        assert read_message(c).content == name


def test_a_refused_request_ends_the_pipeline(opened):
    p, there, c, url = opened
    c.send(request(url + "/1") + b"GET /2 HTTP/1.1\r\nHost: origin.test\r\n\r\n" +
           request(url + "/3"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"one"))
    assert read_message(c).content == b"one"
    assert c.read_answer().status == 400
    assert c.is_ended() and peer.is_quiet(0.05)
    assert [r["status"] for r in p.log.wait(2, event="request")] == [200, 400]


def test_a_connect_behind_a_get(opened, origin):
    p, there, c, url = opened
    tunnel = origin()
    c.send(request(url + "/1"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"one"))
    assert read_message(c).content == b"one"
    assert c.connect(f"origin.test:{tunnel.port}", behind=b"hello").status == 200
    assert c.read(5) == b"hello"
    c.close()
    assert p.log.one(event="close")["bytes_in"] == 5


def test_a_client_that_ends_its_half_gets_the_answer(opened):
    _, there, c, url = opened
    c.send(request(url + "/1"))
    c.end()
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"one"))
    assert read_message(c).content == b"one"
    assert c.is_ended()


def test_an_idle_client_is_closed(proxy, hosts, closing, client):
    hosts({"origin.test": "127.0.0.1"})
    there = closing(RecordingOrigin())
    p = proxy(**OPEN, limits={"client_idle": "1s"})
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"one"))
    assert read_message(c).content == b"one"
    assert c.is_quiet(0.5)
    assert c.is_ended(3)
    assert len(p.log.records(event="request")) == 1
