# SPDX-License-Identifier: MIT
"""Bytes that an origin sends behind its answer answer no other request (RFC 9112 section 9.2)."""
import pytest

from lib.http_steps import OPEN, request, response
from lib.http_wire import RecordingOrigin, read_message

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n"

ANSWERS = {  # method, answer, its content
    "small": ("GET", response(b"good"), b"good"),
    "large": ("GET", response(b"good" * 100_000), b"good" * 100_000),
    "empty": ("GET", response(), b""),
    "chunked": ("GET", CHUNKED, b"good"),
    "head": ("HEAD", response(b"good")[:-4], b""),
    "204": ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "304": ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n", b""),
}


@pytest.fixture
def there(hosts, closing):
    hosts({"origin.test": "127.0.0.1"})
    return closing(RecordingOrigin())


def serve_second(there, peer):
    """The second request must come on a connection without stray bytes."""
    assert there.is_waiting(5), "the second request went over the connection with stray bytes"
    fresh = there.accept()
    assert read_message(fresh).start_line == b"GET /second HTTP/1.1"
    fresh.send(response(b"second"))
    assert peer.is_ended(), "the connection with stray bytes is kept"


@pytest.mark.parametrize("stray", [EVIL, EVIL[:9], b"\r\n"], ids=["whole", "part", "empty-line"])
@pytest.mark.parametrize("name", ANSWERS)
def test_in_one_piece_and_the_next_request_is_waiting(proxy, there, client, name, stray):
    method, answer, content = ANSWERS[name]
    p = proxy(**OPEN)
    c, url = client(p), f"http://origin.test:{there.port}/"
    c.send(request(url + "first", method=method) + request(url + "second"))
    peer = there.accept()
    read_message(peer)
    peer.send(answer + stray)
    assert read_message(c, method == "HEAD").content == content
    serve_second(there, peer)
    assert read_message(c).content == b"second"
    records = p.log.wait(2, event="request")
    assert [r["end"] for r in records] == ["done", "done"]


@pytest.mark.parametrize("name", ANSWERS)
def test_a_moment_later(proxy, there, client, name):
    method, answer, content = ANSWERS[name]
    p = proxy(**OPEN)
    c, url = client(p), f"http://origin.test:{there.port}/"
    c.send(request(url + "first", method=method))
    peer = there.accept()
    read_message(peer)
    peer.send(answer)
    assert read_message(c, method == "HEAD").content == content
    peer.send(EVIL)
    assert peer.is_ended()
    c.send(request(url + "second"))
    serve_second(there, peer)
    assert read_message(c).content == b"second"
    assert len(p.log.wait(2, event="request")) == 2
