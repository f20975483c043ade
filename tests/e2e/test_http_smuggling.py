# SPDX-License-Identifier: MIT
"""What Sallyport forwards is read in the same way by parsers of another make.

A corpus of ambiguous requests goes through the proxy. Each one hides a second
request, for /smuggled, somewhere. h11, nginx and Apache httpd then say which
requests they saw: exactly those that the access log has as forwarded.
"""
import socket
import threading

import h11
import pytest

from lib.client import Client
from lib.http_servers import Apache, Nginx
from lib.http_steps import OPEN
from lib.proxy import SANITIZER

HIDDEN = "GET /smuggled HTTP/1.1\r\nHost: origin.test\r\n\r\n"
CHUNKED = f"0\r\n\r\n{HIDDEN}"
ONE_CHUNK = f"{len(HIDDEN):x}\r\n{HIDDEN}\r\n0\r\n\r\n"


def post(*fields, body="", line="POST {} HTTP/1.1"):
    return line + "\r\nHost: {}\r\n" + "".join(field + "\r\n" for field in fields) + "\r\n" + body


def lengths():
    yield from (post(f"Content-Length: {value}", body=HIDDEN) for value in
                ("0", "00", "+0", "-0", "0x0", "0 0", "0,0", "0, 5", "", " ", "0\x0b", "\x0c0",
                 "0;", "0.0",
                 "1e1", "99999999999999999999", "18446744073709551616", "-1", "0\xa0", "zero",
                 "0\t",
                 f"{len(HIDDEN)}", f" \t{len(HIDDEN)}\t ", f"000{len(HIDDEN)}"))
    for first, second in (("0", "5"), ("5", "0"), ("0", "0"), (str(len(HIDDEN)), "0")):
        yield post(f"Content-Length: {first}", f"Content-Length: {second}", body=HIDDEN)
        yield post(f"Content-Length: {first}", f"content-length: {second}", body=HIDDEN)
        yield post(f"Content-Length: {first}, {second}", body=HIDDEN)
        yield post(f"Content-Length: {first}", f"Content_Length: {second}", body=HIDDEN)
        yield post(f"Content-Length : {first}", f"Content-Length: {second}", body=HIDDEN)


def codings():
    values = ["chunked", "Chunked", "CHUNKED", " chunked", "\tchunked\t", "xchunked", "chunked,",
              ",chunked",
              "chunked, identity", "identity, chunked", "identity", "chunked, chunked",
              "gzip, chunked",
              "chunked;q=1", "\x0bchunked", "chunked\x0c", "\"chunked\"", "'chunked'", "chunk",
              "chunked-",
              "ch\xadunked", "chunked\xa0", "x", "", "cow", "chunked\x00", "chunked\t\t"]
    for value in values:
        for body in (CHUNKED, ONE_CHUNK):
            yield post(f"Transfer-Encoding: {value}", body=body)
            yield post(f"Content-Length: {len(body)}", f"Transfer-Encoding: {value}", body=body)
            yield post(f"Transfer-Encoding: {value}", "Content-Length: 5", body=body)
    for name in ("Transfer-Encoding ", " Transfer-Encoding", "Transfer-Encoding\t",
                 "Transfer_Encoding",
                 "Transfer\x00-Encoding", "\x0bTransfer-Encoding", "Transfer-Encoding\x0b",
                 "X: y\nTransfer-Encoding",
                 "X: y\rTransfer-Encoding", "Transfer-Encoding:\r\n chunked\r\nX",
                 "TRANSFER-ENCODING"):
        yield post(f"{name}: chunked", body=CHUNKED)
        yield post(f"Content-Length: {len(CHUNKED)}", f"{name}: chunked", body=CHUNKED)
    for pair in (("chunked", "identity"), ("identity", "chunked"), ("chunked", "chunked"),
                 ("", "chunked")):
        yield post(*(f"Transfer-Encoding: {value}" for value in pair), body=CHUNKED)
    for named in ("Content-Length", "Transfer-Encoding", "Host", "close, Content-Length"):
        yield post("Content-Length: 5", f"Connection: {named}", body="abcde" + HIDDEN)
        yield post("Transfer-Encoding: chunked", f"Connection: {named}", body=CHUNKED)


def chunks():
    sizes = ["0", "00", "0x0", "-0", "+0", "0 ", " 0", "0\t", "0;a", "0;a=b", "0 ; a",
             "0;a=\"b\r\n\"", "0;\x00",
             "0\r", "0\n", "5\r\nabcde\r\n0", "5\r\nabcdef\r\n0", "5\r\nabcd\r\n0", "5\nabcde\r\n0",
             "5\r\nabcde\n0", "5\r\nabcdeXX0", "ffffffffffffffff", "10000000000000000",
             "8000000000000000", "g",
             "", ";a", "5;a\nGET /smuggled HTTP/1.1", "0;\xff", "0;a=b;c=\"d\\\"\"", "0_0", "0,0",
             "1 1"]
    for size in sizes:
        yield post("Transfer-Encoding: chunked", body=f"{size}\r\n\r\n{HIDDEN}")
        yield post("Transfer-Encoding: chunked", body=f"3\r\nabc\r\n{size}\r\n\r\n{HIDDEN}")
    trailers = ["X: y", "X : y", " X: y", "X: y\n", "X", "Content-Length: 50",
                "Transfer-Encoding: chunked",
                "Host: evil.test", "X: y\r\n folded", "X: \x00", ": y", "GET /smuggled HTTP/1.1"]
    for trailer in trailers:
        yield post("Transfer-Encoding: chunked", body=f"0\r\n{trailer}\r\n\r\n{HIDDEN}")


def lines():
    for line in ("POST {} HTTP/1.0", "POST {} HTTP/1.1 ", "POST {} HTTP/1.1\r", "POST  {} HTTP/1.1",
                 "POST\t{} HTTP/1.1",
                 "POST {}\x0bHTTP/1.1", "POST {} HTTP/01.1", "POST {} HTTP/1.01",
                 "POST {} http/1.1", "POST {}", " POST {} HTTP/1.1",
                 "\r\nPOST {} HTTP/1.1", "\nPOST {} HTTP/1.1", "POST {} HTTP/1.1\r\n X: y",
                 "POST {} HTTP/1.1\nX: y",
                 "POST {}\r\n HTTP/1.1", "POST {} HTTP/1.1 HTTP/1.1",
                 "POST {}%0d%0aGET%20/smuggled HTTP/1.1",
                 "POST {}\xa0HTTP/1.1", "POST {}?a b HTTP/1.1", "POST {}#x HTTP/1.1",
                 "POST {}/..;/x HTTP/1.1"):
        yield post("Content-Length: 0", body=HIDDEN, line=line)
        yield post("Transfer-Encoding: chunked", body=CHUNKED, line=line)
    for method in ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE"):
        yield post(f"Content-Length: {len(HIDDEN)}", body=HIDDEN, line=method + " {} HTTP/1.1")
        yield post("Transfer-Encoding: chunked", body=ONE_CHUNK, line=method + " {} HTTP/1.1")
        yield post(body=HIDDEN, line=method + " {} HTTP/1.1")
    for field in ("X: a\r\n\r\n" + HIDDEN, "X: a\nX: b", "X: a\r\r\nX: b", "X:\x00", "X: a\x85b",
                  "Host: evil.test",
                  "Host : evil.test", "Expect: 100-continue", "Expect: x", "Upgrade: h2c",
                  "Connection: Upgrade",
                  "Max-Forwards: 0", "X\xa0: a", "X\xff: a", "(X): a", "", "Sec-WebSocket-Key1: x",
                  "Upgrade: websocket\r\nConnection: Upgrade"):
        yield post("Content-Length: 3", field, body="abc" + HIDDEN)


CORPUS = [*lengths(), *codings(), *chunks(), *lines()]


class H11Origin:
    """Reads requests with h11, answers each, and keeps `METHOD target`; what h11 refuses
    is kept as `BAD`."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.host, self.port = self._listener.getsockname()[:2]
        self.seen, self._open = [], []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                sock = self._listener.accept()[0]
            except OSError:
                return
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        conn, request = h11.Connection(h11.SERVER), None
        try:
            while True:
                event = conn.next_event()
                if event is h11.NEED_DATA:
                    conn.receive_data(sock.recv(65536))
                elif isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.EndOfMessage):
                    target = request.target.decode("latin-1")
                    self.seen.append(f"{request.method.decode()} {target}")
                    answer = h11.Response(status_code=200, headers=[("Content-Length", "2")])
                    body = b"" if request.method == b"HEAD" else b"ok"
                    sock.sendall(conn.send(answer) + (conn.send(h11.Data(body)) or b""))
                    sock.sendall(conn.send(h11.EndOfMessage()))
                    if conn.states[h11.SERVER] is h11.MUST_CLOSE:
                        return
                    conn.start_next_cycle()
                elif isinstance(event, h11.ConnectionClosed):
                    return
        except h11.RemoteProtocolError as fault:
            if not any(words in str(fault) for words in ("incomplete message",
                                                         "without sending complete")):
                self.seen.append(f"BAD {fault}")
        except (OSError, h11.LocalProtocolError):
            pass
        finally:
            sock.close()

    def lines(self):
        return [f"{line} -" for line in self.seen]

    def close(self):
        self._listener.close()
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.fixture(params=["h11", "nginx", "apache"])
def second(request, tmp_path_factory, closing):
    if request.param == "h11":
        return closing(H11Origin())
    kind = {"nginx": Nginx, "apache": Apache}[request.param]
    return closing(kind(tmp_path_factory.mktemp(request.param)))


def send_one(proxy, number, text, authority):
    """Sends it, ends, and reads whatever comes back: the bytes."""
    wire = text.replace("{}", f"http://{authority}/n{number}", 1).replace("{}", authority)
    with Client(proxy.address, timeout=5) as c:
        try:
            c.send(wire.encode("latin-1"))
            c.end()
            return c.read_to_end()
        except ConnectionResetError:
            return b""


def check(proxy, second):
    """The second parser saw what the access log has as forwarded, in number and name."""
    send_one(proxy, "last", post(line="GET {} HTTP/1.1"), f"origin.test:{second.port}")
    proxy.log.wait(1, path="/nlast")
    seen = [" ".join(line.split(" ")[:2]) for line in second.lines()]
    assert not [line for line in seen if line.partition(" ")[2].startswith("/smuggled")], seen
    assert not [line for line in seen if line.startswith("BAD")], seen
    records = proxy.log.records(event="request")
    forwarded = [f"{r['method']} {r['path']}" for r in records
                 if r["verdict"] == "allow" and "dst" in r]
    begun = [f"{r['method']} {r['path']}" for r in records
             if r["verdict"] != "allow" and "dst" in r]
    seen = [line.partition("?")[0] for line in seen]
    for line in forwarded:
        assert seen.count(line) == forwarded.count(line), (line, seen.count(line))
    strangers = [line for line in seen if line not in forwarded and line not in begun]
    assert not strangers, f"requests that were never forwarded: {strangers}"
    return forwarded


def test_one_request_in_is_one_request_seen(proxy, hosts, second):
    hosts({"origin.test": "127.0.0.1"})
    p = proxy(**OPEN, limits={"response_timeout": "3s"})
    for number, text in enumerate(CORPUS):
        answer = send_one(p, number, text, f"origin.test:{second.port}")
        assert answer.count(b"HTTP/1.1 200") <= 1, (text, answer)
    forwarded = check(p, second)
    # The corpus is not only refused: some of it is odd, yet valid.
    assert len(forwarded) >= 25, forwarded
    assert not SANITIZER.search(p.errors())


def test_valid_neighbours_are_not_confused(proxy, hosts, second, client):
    # The corpus' valid requests on one connection, each followed by an innocent one.
    hosts({"origin.test": "127.0.0.1"})
    p = proxy(**OPEN)
    authority = f"origin.test:{second.port}"
    c = client(p)
    count = 0
    for number, (fields, body) in enumerate((
            (["Content-Length: 0"], ""), ([f"Content-Length: {len(HIDDEN)}"], HIDDEN),
            (["Transfer-Encoding: chunked"], ONE_CHUNK), (["transfer-encoding:CHUNKED"],
                                                          "0\r\n\r\n"),
            (["Transfer-Encoding: chunked"], f"1;{'x' * 200}\r\na\r\n000\r\nX: y\r\n\r\n"),
            ([f"Content-Length: 000{len(HIDDEN)}"], HIDDEN))):
        text = post(*fields, body=body) + "GET {} HTTP/1.1\r\nHost: {}\r\n\r\n"
        for name in (f"n{number}", f"after{number}"):
            text = text.replace("{}", f"http://{authority}/{name}", 1).replace("{}", authority, 1)
        c.send(text.encode("latin-1"))
        count += 2
        for _ in range(2):
            c.read_until(b"\r\n\r\n")  # bodies are read as part of the next head
    assert len(check(p, second)) == count + 1
