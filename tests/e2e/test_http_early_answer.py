# SPDX-License-Identifier: MIT
"""The answer comes before the request is complete, or one side leaves in the middle."""
import os
import threading

import pytest

from lib.client import wait_until
from lib.http_steps import OPEN, request, response
from lib.http_wire import RecordingOrigin, read_cut, read_message

HALF = "POST {}u HTTP/1.1\r\nHost: origin.test:{}\r\nContent-Length: 1000000\r\n\r\n"


@pytest.fixture
def begun(proxy, hosts, closing, client):
    """(proxy, origin, client, URL)"""
    hosts({"origin.test": "127.0.0.1"})
    there = closing(RecordingOrigin())
    p = proxy(**OPEN, limits={"response_timeout": "2s"})
    return p, there, client(p), f"http://origin.test:{there.port}/"


def send_half(begun, body=b"begun"):
    p, there, c, url = begun
    c.send(HALF.format(url, there.port).encode() + body)
    peer = there.accept()
    assert peer.read_until(b"\r\n\r\n").startswith(b"POST /u HTTP/1.1\r\n")
    assert peer.read(len(body)) == body
    return peer


def test_a_refusal_in_the_middle_of_a_body(begun):
    p, _, c, _ = begun
    peer = send_half(begun)
    peer.send(response(b"too much", status="413 Content Too Large"))
    answer = read_message(c)
    assert answer.start_line == b"HTTP/1.1 413 Content Too Large" and answer.content == b"too much"
    assert peer.is_ended(), "a connection with half a request on it is kept"
    record = p.log.one(event="request")
    assert (record["status"], record["end"]) == (413, "done")


def test_the_body_goes_on_while_the_answer_comes(begun):
    _, _, c, _ = begun
    peer = send_half(begun, b"")
    peer.send(response(b"", "Transfer-Encoding: chunked", length=False) + b"1\r\na\r\n")
    assert c.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 OK\r\n")
    assert c.read(6) == b"1\r\na\r\n"
    c.send(b"x" * 1_000_000)
    assert peer.read(1_000_000) == b"x" * 1_000_000
    peer.send(b"1\r\nb\r\n0\r\n\r\n")
    assert c.read(11) == b"1\r\nb\r\n0\r\n\r\n"
    assert c.is_quiet(0.05)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_leaves_in_its_body_ends_the_request(begun, how):
    p, _, c, _ = begun
    peer = send_half(begun)
    getattr(c, how)()
    rest, _ = read_cut(peer)
    assert rest == b""
    assert p.log.one(event="request")["verdict"] == "error"


def test_a_client_that_resets_while_it_waits_ends_the_request(begun):
    p, there, c, url = begun
    c.send(request(url))
    peer = there.accept()
    read_message(peer)
    c.reset()
    assert peer.is_ended()
    assert p.log.one(event="request")["end"] == "client_reset"


def test_a_client_that_leaves_in_the_answer_ends_it(begun):
    p, there, c, url = begun
    c.send(request(url))
    peer = there.accept()
    read_message(peer)
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nbegun")
    c.read_until(b"begun")
    c.close()
    with pytest.raises(OSError):
        for _ in range(1000):
            peer.send(b"x" * 100_000)
    assert p.log.one(event="request")["verdict"] == "error"


def test_a_silent_origin_gets_504(begun):
    p, there, c, url = begun
    c.send(request(url))
    peer = there.accept()
    read_message(peer)
    answer = c.read_answer()
    assert (answer.status, answer.proxy_error) == (504, "http_response_timeout")
    assert peer.is_ended()
    assert p.log.one(event="request")["end"] == "response_timeout"


def test_an_origin_that_stops_in_its_body_is_cut(begun):
    p, there, c, url = begun
    c.send(request(url))
    peer = there.accept()
    read_message(peer)
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour")
    c.read_until(b"four")
    rest, _ = read_cut(c)
    assert rest == b"" and p.log.one(event="request")["end"] == "response_cut"


def test_a_slow_reader_holds_the_origin_back(begun):
    # Neither side's bytes pile up in the proxy.
    p, there, c, url = begun
    size = 64 << 20
    c.send(request(url))
    peer = there.accept()
    read_message(peer)
    peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    peer.sock.setblocking(False)
    sent = 0
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    try:
        while sent < size:
            sent += peer.sock.send(chunk)
    except BlockingIOError:
        pass

    def is_stuck():
        try:
            return peer.sock.send(chunk) == 0
        except BlockingIOError:
            return True
    wait_until(is_stuck, what="back-pressure")
    assert sent < size
    assert p.pss_kib() < 400_000
    c.close()


def test_large_bodies_are_exact(begun):
    _, there, c, url = begun
    block = os.urandom(1 << 20)
    data = b"".join(block[i:] + block[:i] for i in range(16))
    c.sock.settimeout(20)
    got = {}

    def serve():
        peer = there.accept()
        got["request"] = read_message(peer).content
        peer.send(response(data))
        read_message(peer)
        peer.send(response(data))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    c.send(request(url, method="POST", body=data))
    assert read_message(c).content == data
    c.send(request(url))
    assert read_message(c).content == data
    thread.join(10)
    assert got["request"] == data
