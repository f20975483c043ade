# SPDX-License-Identifier: MIT
"""Requests inside an inspected tunnel arrive as they were sent, and so do the answers."""
import base64
import hashlib
import os
import signal
import ssl
import threading

import pytest
from cryptography import x509

from lib.auth import BOB, auth_section
from lib.client import curl
from lib.http_steps import OPEN, response
from lib.http_wire import read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    Inside, TlsOrigin, alt_names, ca, check_page, inspecting, request, site, trusting)
from lib.metrics import get, scrape
from lib.origin import pattern

HOST = "api.test"


def lines(*texts, body=b""):
    return "".join(text + "\r\n" for text in texts).encode() + b"\r\n" + body


def serve(c, there, asked, answer=None):
    """A request that arrives on a new connection and is answered; the connection."""
    c.send(asked)
    peer = there.accept()
    read_message(peer)
    peer.send(answer or response(b"ok"))
    assert read_message(c).content == b"ok"
    return peer


# T28: what is sent, and what must arrive

T28_REQUEST = ["User-Agent: App/9", "Accept-Encoding: br", "Cache-Control: no-transform",
               "TrackingID: T_1", "Authorization: Bearer k", "Content-Type: application/json",
               "Content-Length: 7"]
T21_RESPONSE = [
    "Server: Orig/1.0 (x)", "Content-Type: text/html;charset=utf-8", "Content-Length: 12",
    'ETag: W/"a,b"', "Last-Modified: Mon, 14 Nov 1994 08:12:31 GMT",
    "Cache-Control: no-transform, max-age=60", "Vary: Accept-Encoding, User-Agent",
    "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
    'Warning: 199 orig "x"', 'Alt-Svc: h3=":443"', "Strict-Transport-Security: max-age=1"]
DATE = "Date: Tue, 15 Nov 1994 08:12:31 GMT"


@pytest.mark.parametrize("strict", [False, True])
def test_every_line_and_octet_arrives(inspecting, strict):
    i = inspecting(headers={"via": "px1", "strict": strict})
    there = i.origin()
    c = i.inside(HOST, there, fields=["User-Agent: ConnectAgent/1",
                                      "Proxy-Authorization: Basic dTpw", "X-Connect: 1"])
    host = f"Host: {HOST}:{there.port}"
    c.send(lines("POST /v1/x?y=%2F HTTP/1.1", host, *T28_REQUEST, body=b'{"a":1}'))
    peer = there.accept()
    wanted = lines("POST /v1/x?y=%2F HTTP/1.1", host, *T28_REQUEST, "X-Forwarded-For: 127.0.0.1",
                   "Via: 1.1 px1", body=b'{"a":1}')
    assert peer.read(len(wanted)) == wanted
    assert peer.is_quiet(0.05)
    peer.send(lines("HTTP/1.1 200 Very Fine", DATE, *T21_RESPONSE, "Connection: X-RHop, close",
                    "X-RHop: 1", "Keep-Alive: timeout=1", "X-Res: z", body=b"<p>hello</p>"))
    peer.end()
    wanted = lines("HTTP/1.1 200 Very Fine", DATE, *T21_RESPONSE, "X-Res: z", "Via: 1.1 px1",
                   body=b"<p>hello</p>")
    assert c.read(len(wanted)) == wanted
    assert c.is_quiet(0.05) or c.is_ended(0.05)


def test_the_log_has_the_tunnel_and_its_requests(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    first = request(f"{HOST}:{there.port}", "/a/b?secret=1", "Cookie: s3cr3t")
    peer = serve(c, there, first)
    c.send(request(f"{HOST}:{there.port}", "/c", method="POST", body=b"123"))
    read_message(peer)
    peer.send(response(b"ok", status="404 Not Found"))
    read_message(c)
    c.close()
    closed = i.log.one(event="close")
    opened = i.log.one(event="open")
    assert opened["id"] == closed["id"]
    for record in (opened, closed):
        wanted = {"client": "127.0.0.1", "method": "CONNECT", "host": HOST, "port": there.port,
                  "sni": HOST, "verdict": "allow", "rule": "any", "tls": "inspect",
                  "tls_reason": "inspection.default", "dst": "127.0.0.1", "status": 200}
        assert {key: record.get(key) for key in wanted} == wanted
        assert "path" not in record
    inner = i.log.wait(2, event="request")
    assert [(r["method"], r["path"], r["status"]) for r in inner] == [
        ("GET", "/a/b", 200), ("POST", "/c", 404)]
    for record in inner:
        wanted = {"client": "127.0.0.1", "host": HOST, "port": there.port, "verdict": "allow",
                  "rule": "any", "tls": "inspect", "dst": "127.0.0.1", "end": "done"}
        assert {key: record.get(key) for key in wanted} == wanted
    assert len({r["id"] for r in inner} | {opened["id"]}) == 3
    assert closed["bytes_in"] >= sum(r["bytes_in"] for r in inner) >= len(first)
    with open(i.log.path, encoding="utf-8") as f:
        text = f.read()
    assert "secret" not in text and "s3cr3t" not in text
    counts = scrape(i.proxy)
    assert counts.value("sallyport_tls_total", decision="inspect") == 1
    assert counts.value("sallyport_tunnels_open") == 0


def test_the_leaf_has_the_origins_names(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    theirs = i.inside("other.test", there)
    with open(f"{i.site}.pem", "rb") as f:
        origin_names = alt_names(x509.load_pem_x509_certificate(f.read()))
    assert alt_names(c.certificate) == origin_names
    assert "Inspection CA" in c.certificate.issuer.rfc4514_string()
    assert c.certificate.serial_number == theirs.certificate.serial_number, "it is not kept"
    assert there.accept().sni == HOST and there.accept().sni == "other.test"


# Several requests

def test_requests_share_the_connections(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    host = f"{HOST}:{there.port}"
    peer = serve(c, there, request(host, "/0"))
    for n in range(1, 6):
        c.send(request(host, f"/{n}"))
        assert read_message(peer).start_line == f"GET /{n} HTTP/1.1".encode()
        peer.send(response(b"%d" % n))
        assert read_message(c).content == b"%d" % n
    assert there.tcp == 1


def test_pipelined_requests_are_answered_in_order(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    host = f"{HOST}:{there.port}"
    c.send(b"".join(request(host, f"/{n}", method="POST", body=b"x" * n) for n in range(1, 9)))
    peer = there.accept()
    for n in range(1, 9):
        asked = read_message(peer)
        assert asked.start_line == f"POST /{n} HTTP/1.1".encode() and len(asked.content) == n
        peer.send(response(b"%d" % n))
    assert [read_message(c).content for _ in range(8)] == [b"%d" % n for n in range(1, 9)]


@pytest.mark.parametrize("way", ["close", "reset"])
def test_an_origin_that_closed_is_dialled_again(inspecting, way):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    host = f"{HOST}:{there.port}"
    peer = serve(c, there, request(host, "/first"))
    getattr(peer, way)()
    assert c.is_quiet(0.1), "the client hears of it before it asks for more"
    serve(c, there, request(host, "/second"))
    assert there.tcp == 2
    assert [r["path"] for r in i.log.wait(2, event="request")] == ["/first", "/second"]


def test_connection_close_is_obeyed(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    serve(c, there, request(f"{HOST}:{there.port}", "/", "Connection: close"))
    assert c.is_ended(), "the connection stays open"
    assert i.log.one(event="close")["end"] == "done"


def test_two_tunnels_do_not_share_a_connection_to_another_name(inspecting):
    i = inspecting()
    there = i.origin()
    serve(i.inside(HOST, there), there, request(f"{HOST}:{there.port}"))
    peer = serve(i.inside("other.test", there), there, request(f"other.test:{there.port}"))
    assert peer.sni == "other.test"


# Bodies

def test_a_chunked_body_and_its_trailers(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(lines("POST /up HTTP/1.1", f"Host: {HOST}:{there.port}", "Transfer-Encoding: chunked",
                 "Trailer: X-Sum", body=b"5;a=b\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n"
                 b"X-Sum: 1\r\n\r\n"))
    peer = there.accept()
    asked = read_message(peer)
    assert asked.content == b"hello0123456789abcdef" and asked.trailers == [b"X-Sum: 1"]
    peer.send(lines("HTTP/1.1 200 OK", DATE, "Transfer-Encoding: chunked",
                    body=b"3\r\nabc\r\n0\r\nX-T: 2\r\n\r\n"))
    answer = read_message(c)
    assert answer.content == b"abc" and answer.trailers == [b"X-T: 2"]


def send_in_background(peer, *parts):
    thread = threading.Thread(target=lambda: [peer.send(p) for p in parts], daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("chunked", [False, True])
def test_large_bodies_are_exact_both_ways(inspecting, chunked):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    up, down = pattern(1, 3_000_001), os.urandom(4_000_003)
    sizes = [1, 16384, 16385, 100_000, 777]

    def cut(data):
        """In chunks of all these sizes, over and over."""
        out, at, n = [], 0, 0
        while at < len(data):
            part = data[at:at + sizes[n % len(sizes)]]
            out.append(b"%x\r\n%b\r\n" % (len(part), part))
            at, n = at + len(part), n + 1
        return b"".join(out) + b"0\r\n\r\n"

    def framed(data):
        return ("Transfer-Encoding: chunked", cut(data)) if chunked \
            else (f"Content-Length: {len(data)}", data)

    field, body = framed(up)
    sender = send_in_background(c, lines("PUT /f HTTP/1.1", f"Host: {HOST}:{there.port}", field),
                                body)
    peer = there.accept()
    asked = read_message(peer)
    sender.join(10)
    assert hashlib.sha256(asked.content).digest() == hashlib.sha256(up).digest()
    field, body = framed(down)
    sender = send_in_background(peer, lines("HTTP/1.1 200 OK", DATE, field), body)
    answer = read_message(c)
    sender.join(10)
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(down).digest()


def test_a_response_to_the_end_of_the_connection(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}"))
    peer = there.accept()
    read_message(peer)
    data = os.urandom(200_000)
    peer.send(lines("HTTP/1.1 200 OK", DATE, "Connection: close", body=data))
    peer.close()
    assert read_message(c).content == data


def test_a_response_that_is_cut_does_not_look_whole(inspecting):
    """Without close_notify an end may be an attack (RFC 8446 section 6.1)."""
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}"))
    peer = there.accept()
    read_message(peer)
    peer.send(lines("HTTP/1.1 200 OK", DATE, "Content-Length: 10", body=b"1234"))
    peer.reset()
    head = c.read_until(b"\r\n\r\n")
    assert b"Content-Length: 10" in head
    assert c.read(4) == b"1234"
    try:
        rest = c.sock.recv(100)
    except OSError:
        rest = b""
    assert rest == b""
    assert i.log.one(event="request")["end"] in ("response_cut", "origin_reset")


# Other messages

def test_head(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    host = f"{HOST}:{there.port}"
    c.send(request(host, "/h", method="HEAD") + request(host, "/next"))
    peer = there.accept()
    read_message(peer)
    peer.send(lines("HTTP/1.1 200 OK", DATE, "Content-Length: 1234"))
    assert read_message(c, answers_head=True).values("content-length") == [b"1234"]
    assert read_message(peer).start_line == b"GET /next HTTP/1.1"
    peer.send(response(b"x"))
    assert read_message(c).content == b"x"


def test_interim_responses_pass_at_once(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}"))
    peer = there.accept()
    read_message(peer)
    peer.send(lines("HTTP/1.1 103 Early Hints", "Link: </s.css>; rel=preload"))
    interim = c.read_until(b"\r\n\r\n")
    assert interim.startswith(b"HTTP/1.1 103 ") and b"Link: </s.css>; rel=preload" in interim
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"


def test_expect_100_continue(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(lines("PUT /big HTTP/1.1", f"Host: {HOST}:{there.port}", "Expect: 100-continue",
                 "Content-Length: 5"))
    peer = there.accept()
    assert b"Expect: 100-continue" in peer.read_until(b"\r\n\r\n")
    peer.send(lines("HTTP/1.1 100 Continue"))
    assert c.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
    c.send(b"12345")
    assert peer.read(5) == b"12345"
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"


def test_options_for_the_whole_server(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}", "*", method="OPTIONS"))
    peer = there.accept()
    assert read_message(peer).start_line == b"OPTIONS * HTTP/1.1"
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_an_asterisk_is_for_options_alone(inspecting, method):
    """RFC 9112 section 3.2.4; it is no other way to write '/'."""
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}", "*", method=method))
    assert c.read_until(b"\r\n").startswith(b"HTTP/1.1 400 ")
    record = i.log.one(event="request")
    assert record["status"] == 400 and record["end"] == "bad_request"
    assert not there.has_request()


@pytest.mark.parametrize("count", [0, 1])
def test_a_stop_ends_what_is_idle(inspecting, count):
    """At once, and it is not the client that was idle for too long."""
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    for _ in range(count):
        c.send(request(f"{HOST}:{there.port}", "/"))
        peer = there.accept()
        read_message(peer)
        peer.send(response(b"ok"))
        assert read_message(c).content == b"ok"
    i.proxy.signal(signal.SIGTERM)
    assert i.proxy.wait_exit(10) == 0
    assert i.log.one(event="close")["end"] == "drained"


def test_an_http_1_0_client(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}", "/old", version="1.0"))
    peer = there.accept()
    asked = read_message(peer)
    assert asked.start_line == b"GET /old HTTP/1.1" and asked.values("via") == [b"1.0 px1"]
    peer.send(lines("HTTP/1.1 200 OK", DATE, "Transfer-Encoding: chunked",
                    body=b"3\r\nabc\r\n0\r\n\r\n"))
    answer = read_message(c)
    assert answer.content == b"abc" and answer.values("transfer-encoding") == []
    assert c.is_ended()


def test_an_http_1_0_client_without_host(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send("GET /old HTTP/1.0\r\n\r\n")
    asked = read_message(there.accept())
    assert asked.start_line == b"GET /old HTTP/1.1"
    assert asked.values("host") == [f"{HOST}:{there.port}".encode()]


# Who asks

def test_the_user_of_the_connect_is_that_of_the_requests(inspecting, tmp_path):
    """No request inside carries credentials for the proxy, and none is asked for them."""
    i = inspecting(auth=auth_section(tmp_path, ["basic"]))
    there = i.origin()
    refused = i.client().connect(f"{HOST}:{there.port}")
    assert refused.status == 407 and there.tcp == 0
    token = base64.b64encode(f"{BOB[0]}:{BOB[1]}".encode()).decode()
    c = i.inside(HOST, there, fields=[f"Proxy-Authorization: Basic {token}"])
    peer = serve(c, there, request(f"{HOST}:{there.port}", "/1"))
    c.send(request(f"{HOST}:{there.port}", "/2"))
    assert read_message(peer).values("proxy-authorization") == []
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"
    c.close()
    i.log.one(event="close")
    inner = i.log.wait(2, event="request", verdict="allow")
    assert {r["user"] for r in [*inner, i.log.one(event="open")]} == {BOB[0]}
    assert token not in open(i.log.path, encoding="utf-8").read()


# For whom the request is (RFC 9112 section 3.2, RFC 9110 section 7.4)

def check_refused(i, c, there, status, error, end, is_closed=True):
    answer = c.read_answer()
    request_id = check_page(answer, status, error)
    if is_closed:
        assert c.is_ended(), "the connection stays open"
    assert not there.has_request(), "the origin got it all the same"
    assert i.log.one(id=request_id)["end"] == end
    return answer


@pytest.mark.parametrize("host", [
    "other.test:{port}", "other.test", "sub.api.test:{port}", "api.test:1", "api.test",
    "127.0.0.1:{port}", "api.test.example:{port}"])
def test_a_request_for_another_host_is_refused(inspecting, host):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(host.format(port=there.port)))
    check_refused(i, c, there, 403, "http_request_denied", "misdirected", is_closed=False)


@pytest.mark.parametrize("host", ["API.test:{port}", "api.test.:{port}"])
def test_spellings_of_the_host_are_one_and_stay(inspecting, host):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(host.format(port=there.port)))
    peer = there.accept()
    assert read_message(peer).values("host") == [host.format(port=there.port).encode()]


@pytest.mark.parametrize("host, is_fine", [
    (HOST, True), (HOST + ":443", True), (HOST + ":", True), (HOST + ":80", False)])
def test_443_need_not_be_named(inspecting, host, is_fine):
    """On an address of loopback where nobody else listens on 443."""
    i = inspecting(names={HOST: "127.44.3.1"})
    try:
        there = i.origin(address="127.44.3.1", port=443)
    except PermissionError:
        pytest.skip("443 is not for us to listen on")
    c = i.inside(HOST, 443)
    c.send(request(host))
    if is_fine:
        assert read_message(there.accept()).values("host") == [host.encode()]
    else:
        check_refused(i, c, there, 403, "http_request_denied", "misdirected", is_closed=False)


@pytest.mark.parametrize("head", [
    "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: \r\n",
    "GET / HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n",
    "GET / HTTP/1.1\r\nHost: {host}\r\nHost: other.test\r\n",
    "GET / HTTP/1.1\r\nHost: a b\r\n", "GET a/b HTTP/1.1\r\nHost: {host}\r\n",
    "GET / HTTP/1.1\r\nHost : {host}\r\n",
])
def test_a_malformed_request_is_refused(inspecting, head):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(head.format(host=f"{HOST}:{there.port}") + "\r\n")
    check_refused(i, c, there, 400, "http_request_error", "bad_request")


def test_absolute_form(inspecting):
    """A server has to take it (RFC 9112 section 3.2.2); it outdoes Host."""
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request("other.test", f"https://{HOST}:{there.port}/p?q=1"))
    asked = read_message(there.accept())
    assert asked.start_line == b"GET /p?q=1 HTTP/1.1"
    assert asked.values("host") == [f"{HOST}:{there.port}".encode()]


@pytest.mark.parametrize("target, status", [
    ("https://other.test:{port}/", 403), ("http://api.test:{port}/", None),
    ("ftp://api.test:{port}/", 400)])
def test_absolute_form_for_something_else(inspecting, target, status):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}", target.format(port=there.port)))
    answer = c.read_answer()
    assert answer.status in ([status] if status else [400, 403]), answer.body
    assert not there.has_request()


def test_connect_inside_is_refused(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(f"CONNECT {HOST}:{there.port} HTTP/1.1\r\nHost: {HOST}:{there.port}\r\n\r\n")
    answer = c.read_answer()
    check_page(answer, 403, "http_request_denied")
    assert there.tcp == 1 and not there.has_request()


# Policy inside

def path_rules(port):
    base = f"https://{HOST}:{port}"
    return {
        "destinations": {"private": {"urls": [f"{base}/private", f"{base}/x/*"]},
                         "any": {"domains": ["*"]}},
        "rules": [
            {"name": "private", "to": ["private"], "action": "deny"},
            {"name": "write", "to": ["any"], "methods": ["DELETE"], "action": "deny"},
            {"name": "any", "to": ["any"], "ports": ["1-65535"], "action": "allow"}]}


@pytest.mark.parametrize("method, path, rule", [
    ("GET", "/private", "private"), ("GET", "/private?x", "private"),
    ("GET", "/%70rivate", "private"), ("GET", "/a/../private", "private"),
    ("GET", "/x/y", "private"), ("DELETE", "/a", "write"), ("GET", "/privately", None),
    ("GET", "/a?/private", None)])
def test_paths_and_methods_are_judged(inspecting, closing, site, method, path, rule):
    there = closing(TlsOrigin(site))
    i = inspecting(**path_rules(there.port))
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}", path, method=method))
    if rule is None:
        assert read_message(there.accept()).start_line == f"{method} {path} HTTP/1.1".encode()
        return
    answer = check_refused(i, c, there, 403, "http_request_denied", "denied", is_closed=False)
    record = i.log.one(id=answer.get("x-request-id"))
    assert (record["rule"], record["verdict"], record["tls"]) == (rule, "deny", "inspect")
    assert record["path"] == path.partition("?")[0]


def test_a_denied_request_does_not_reach_the_open_connection(inspecting, closing, site):
    there = closing(TlsOrigin(site))
    i = inspecting(**path_rules(there.port))
    c = i.inside(HOST, there)
    host = f"{HOST}:{there.port}"
    peer = serve(c, there, request(host, "/1"))
    c.send(request(host, "/2", method="DELETE"))
    assert c.read_answer().status == 403
    assert peer.is_quiet(0.05) or peer.is_ended(0.05), "the denied request reached the origin"


# Real clients, and TLS of both versions

@pytest.mark.parametrize("newest", ["1.2", "1.3"])
def test_curl(inspecting, newest):
    i = inspecting()
    there = i.origin()
    thread = threading.Thread(target=lambda: answer_all(there, 2), daemon=True)
    thread.start()
    url = f"https://{HOST}:{there.port}/"
    done = curl(i.proxy, url, url, "--http1.1", "--tls-max", newest, "-w", "%{num_connects}\n",
                ca=i.trust)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"ok1\nok0\n"
    assert there.tcp == 1


def answer_all(there, count):
    peer = there.accept()
    for _ in range(count):
        read_message(peer)
        peer.send(response(b"ok"))


def test_curl_that_offers_h2_too_gets_http_1(inspecting):
    i = inspecting()
    there = i.origin()
    threading.Thread(target=lambda: answer_all(there, 1), daemon=True).start()
    done = curl(i.proxy, f"https://{HOST}:{there.port}/", "--http2", "-w", "%{http_version}",
                ca=i.trust)
    assert (done.returncode, done.stdout) == (0, b"ok1.1"), done.stderr


def test_a_session_is_resumed(inspecting):
    i = inspecting()
    there = i.origin()
    first = i.inside(HOST, there, newest=ssl.TLSVersion.TLSv1_2)
    serve(first, there, request(f"{HOST}:{there.port}"))
    context = first.sock.tls.context
    second = i.inside(HOST, there, context=context, session=first.tls.session)
    assert second.tls.session_reused
    serve(second, there, request(f"{HOST}:{there.port}"))
    other = i.inside("other.test", there, context=context, session=first.tls.session)
    assert not other.tls.session_reused, "a session of another host was taken"


def test_an_address_is_inspected_too(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside("127.0.0.1", there, sni="127.0.0.1")
    peer = serve(c, there, request(f"127.0.0.1:{there.port}"))
    assert peer.sni is None, "an address is no name to ask for (RFC 6066 section 3)"


def test_no_proposal_comes_of_success(inspecting):
    i = inspecting()
    there = i.origin()
    serve(i.inside(HOST, there), there, request(f"{HOST}:{there.port}"))
    status, fields, body = get(i.proxy, "/api/proposed-exemptions")
    assert (status, fields["Content-Type"]) == (200, "application/json")
    assert b'"proposed_exemptions":[]' in body


def test_off_by_default(proxy, hosts, client, closing, pki, site):
    hosts({HOST: "127.0.0.1"})
    there = closing(TlsOrigin(site))
    p = proxy(**OPEN)
    tunnel = client(p)
    assert tunnel.connect(f"{HOST}:{there.port}").status == 200
    c = closing(Inside(tunnel, trusting(f"{pki}/ca.pem", strict=False), HOST))
    with open(f"{site}.pem", encoding="ascii") as f:
        assert c.tls.getpeercert(True) == ssl.PEM_cert_to_DER_cert(f.read())
