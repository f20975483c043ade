# SPDX-License-Identifier: MIT
"""Long and many: what must pass (RFC 9112 section 3 names 8,000 octets), and what is refused."""
import pytest

from lib.client import wait_until
from lib.http_steps import DATE, OPEN, exchange, request, response
from lib.http_wire import RecordingOrigin, read_message
from lib.steps import check_refusal


@pytest.fixture
def there(hosts, closing):
    hosts({"origin.test": "127.0.0.1"})
    return closing(RecordingOrigin())


def answered(there, client, *request_fields, path="/", answer=response(b"ok")):
    client.send(request(f"http://origin.test:{there.port}{path}", *request_fields))
    peer = there.accept()
    asked = read_message(peer)
    peer.send(answer)
    return asked


@pytest.mark.parametrize("log", ["json", "squid"])
@pytest.mark.parametrize("path", ["/" + "a" * 8000, "/" + "\"\\" * 20_000, "/?" + "q" * 50_000],
                         ids=["letters", "escapes", "query"])
def test_a_long_target(proxy, there, client, path, log):
    p = proxy(**OPEN, log={"format": log})
    c = client(p)
    asked = answered(there, c, path=path)
    assert asked.start_line == f"GET {path} HTTP/1.1".encode()
    assert read_message(c).content == b"ok"
    if log == "squid":
        line, = wait_until(p.log.lines, what="a log line")
        assert " TCP_MISS/200 " in line and f" GET http://origin.test:{there.port}/" in line
    else:
        record = p.log.one(event="request")
        assert record["status"] == 200 and record["end"] == "done" and record["bytes_out"] > 0
        assert path.partition("?")[0].startswith(record["path"])


@pytest.mark.parametrize("count,size", [(100, 10), (60, 1000), (1, 60_000)])
def test_many_and_long_fields(proxy, there, client, count, size):
    p = proxy(**OPEN)
    c = client(p)
    fields = [f"X-{n}: {'v' * size}" for n in range(count)]
    answer = response(b"ok", *fields)
    asked = answered(there, c, *fields, answer=answer)
    wanted = [field.encode() for field in fields]
    assert [line for line in asked.lines if line.startswith(b"X-") and b": v" in line] == wanted
    assert [line for line in read_message(c).lines if line.startswith(b"X-")] == wanted
    assert p.log.one(event="request")["status"] == 200


@pytest.mark.parametrize("fields", [["X: " + "v" * 70_000], [f"X-{n}: 1" for n in range(10_000)]],
                         ids=["long", "many"])
def test_a_header_section_that_is_too_large_for_a_request(proxy, there, client, fields):
    p = proxy(**OPEN)
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/", *fields))
    check_refusal(p, c.read_answer(), 431, "http_request_error", "header_too_large")
    assert not there.is_waiting()


@pytest.mark.parametrize("fields", [["X: " + "v" * 300_000], [f"X-{n}: 1" for n in range(30_000)]],
                         ids=["long", "many"])
def test_a_header_section_that_is_too_large_for_an_answer(proxy, there, client, fields):
    p = proxy(**OPEN)
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/"))
    peer = there.accept()
    read_message(peer)
    try:
        peer.send(response(b"ok", *fields))
    except OSError:
        pass  # it need not be read to its end
    answer = c.read_answer()
    check_refusal(p, answer, 502, "http_protocol_error", "bad_response")
    assert p.pss_kib() < 400_000


def test_an_endless_trailer_section_is_refused(proxy, there, client):
    p = proxy(**OPEN)
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/", "Transfer-Encoding: chunked", method="POST")
           + b"0\r\n" + b"X: y\r\n" * 100_000)
    assert c.read_answer().status == 400
    there.accept().read_until(b"\r\n\r\n")
    assert p.log.one(event="request")["end"] == "bad_request"


def test_endless_chunk_extensions_are_refused(proxy, there, client):
    p = proxy(**OPEN)
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/", "Transfer-Encoding: chunked", method="POST")
           + b"1;" + b"a" * 100_000)
    assert c.read_answer().status == 400
    assert p.log.one(event="request")["end"] == "bad_request"


def test_a_method_that_is_too_long(proxy, there, client):
    p = proxy(**OPEN)
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/", method="M" * 300))
    assert c.read_answer().status in (400, 501)
    assert not there.is_waiting()


def test_one_byte_at_a_time_both_ways(proxy, there, client):
    p = proxy(**OPEN)
    c = client(p)
    wire = request(f"http://origin.test:{there.port}/x", "Transfer-Encoding: chunked",
                   method="POST")
    wire += b"3;x=\"y\"\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
    for n in range(len(wire)):
        c.send(wire[n:n + 1])
    peer = there.accept()
    asked = read_message(peer)
    assert (asked.content, asked.trailers) == (b"abc", [b"X-T: 1"])
    answer = b"HTTP/1.1 103 Wait\r\nA: b\r\n\r\n" + response(b"", "Transfer-Encoding: chunked",
                                                            length=False) + b"1\r\nz\r\n0\r\n\r\n"
    for n in range(len(answer)):
        peer.send(answer[n:n + 1])
    assert c.read_until(b"\r\n\r\n") == b"HTTP/1.1 103 Wait\r\nA: b\r\nVia: 1.1 px1"
    got = read_message(c)
    assert got.content == b"z" and DATE.encode() in got.lines
    exchange(c, peer, f"http://origin.test:{there.port}/")


def bind_port_80(closing):
    """An origin on port 80 of a loopback address that nobody else uses."""
    return closing(RecordingOrigin("127.80.80.80", 80))


def test_the_default_port_is_not_written(proxy, hosts, closing, client):
    try:
        there = bind_port_80(closing)
    except PermissionError:
        pytest.skip("port 80 is not for this user")
    hosts({"origin.test": "127.80.80.80"})
    p = proxy(**OPEN)
    for target, host in (("http://origin.test/a", b"origin.test"),
                         ("http://origin.test:80/a", b"origin.test:80")):
        c = client(p)
        c.send(f"GET {target} HTTP/1.1\r\nHost: other.test\r\n\r\n")
        peer = there.accept() if host == b"origin.test" else peer
        asked = read_message(peer)
        assert asked.values("host") == [host] and asked.start_line == b"GET /a HTTP/1.1"
        peer.send(response(b"ok"))
        assert read_message(c).content == b"ok"
    assert {(r["port"], r["dst"]) for r in p.log.wait(2, event="request")} == {(80, "127.80.80.80")}
