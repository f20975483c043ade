# SPDX-License-Identifier: MIT
"""The close line of a tunnel has the name that the client's ClientHello asks for."""
import re
import time

import pytest

from lib.accesslog import AccessLog
from lib.client import curl, run_tool
from lib.origin import echo, http, sink
from lib.steps import close_record, open_tunnel

HOST = "bench.webex.com"


def number(width, value):
    return value.to_bytes(width, "big")


def extension(kind, content):
    return number(2, kind) + number(2, len(content)) + content


def server_name(name):
    entry = b"\0" + number(2, len(name)) + name
    return extension(0, number(2, len(entry)) + entry)


def hello(extensions=b"", record=16384):
    """A ClientHello in records of at most that many bytes (RFC 8446 sections 4.1.2 and 5.1)."""
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
    body += number(2, len(extensions)) + extensions
    message = b"\x01" + number(3, len(body)) + body
    return b"".join(b"\x16\x03\x01" + number(2, len(part)) + part
                    for part in (message[i:i + record] for i in range(0, len(message), record)))


@pytest.fixture
def tunnel(proxy, origin, hosts, client):
    """Opens a tunnel to an origin of that behaviour: the proxy, the client, the origin."""
    def open_one(behaviour=echo, **settings):
        there = origin(behaviour)
        hosts({HOST: "127.0.0.1"})
        p = proxy(ports=[there.port], **settings)
        return p, open_tunnel(client(p), f"{HOST}:{there.port}"), there
    return open_one


def finish(p, c, there, sent):
    """Ends the tunnel; all has arrived as it was sent. The close line."""
    assert c.read(len(sent)) == sent
    c.end()
    assert c.read_to_end() == b""
    assert bytes(there.wait_done(1)[0].received) == sent
    record = close_record(p)
    assert "sni" not in p.log.one(event="open")
    return record


# ---- real clients

def s_client(p, there, pki, *options):
    return run_tool("openssl", "s_client", "-proxy", "%s:%d" % p.address, "-connect",
                    f"{HOST}:{there.port}", "-CAfile", str(pki / "ca.pem"), "-ign_eof", *options,
                    stdin=b"GET / HTTP/1.0\r\n\r\n")


def close_behind(sock, record):
    while b"\r\n\r\n" not in record.received:
        record.recv(sock)
    sock.sendall(b"HTTP/1.0 200 OK\r\n\r\nhello\n")


@pytest.mark.parametrize("options, sni", [
    (["-servername", "idbroker.webex.com"], "idbroker.webex.com"),
    (["-servername", "IdBroker.WEBEX.com", "-tls1_2"], "idbroker.webex.com"),
    (["-servername", "xn--bcher-kva.example"], "xn--bcher-kva.example"),
    (["-servername", "any_name.example", "-alpn", "h2,http/1.1"], "any_name.example"),
    (["-noservername"], None),
    (["-noservername", "-tls1_2"], None),
])
def test_s_client(proxy, origin, hosts, pki, options, sni):
    there = origin(close_behind, certificate="bench")
    hosts({HOST: "127.0.0.1"})
    p = proxy(ports=[there.port])
    done = s_client(p, there, pki, *options)
    assert b"hello\n" in done.stdout, done.stderr
    assert close_record(p).get("sni") == sni


def test_curl_names_the_host_and_no_address(proxy, origin, hosts, pki):
    there = origin(http(), certificate="bench")
    hosts({HOST: "127.0.0.1"})
    p = proxy(ports=[there.port], destinations={"here": {"addresses": ["127.0.0.0/8"]}},
              rules=[{"name": "any", "to": ["webex", "here"], "action": "allow"}])
    assert curl(p, f"https://{HOST.upper()}:{there.port}/", ca=pki / "ca.pem").returncode == 0
    assert close_record(p)["sni"] == HOST
    done = curl(p, f"https://127.0.0.1:{there.port}/", "--insecure")
    assert done.returncode == 0, done.stderr
    records = p.log.wait(2, event="close")
    assert records[1]["host"] == "127.0.0.1" and "sni" not in records[1]


# ---- hellos in pieces

def test_single_bytes_with_pauses(tunnel):
    p, c, there = tunnel()
    bytes_ = hello(server_name(b"slow.example"))
    for byte in bytes_:
        c.send(bytes([byte]))
        time.sleep(0.01)
    assert finish(p, c, there, bytes_)["sni"] == "slow.example"


@pytest.mark.parametrize("record", [1, 2, 5, 63])
def test_many_records(tunnel, record):
    p, c, there = tunnel()
    bytes_ = hello(server_name(b"many.example"), record)
    c.send(bytes_)
    assert finish(p, c, there, bytes_)["sni"] == "many.example"


def test_a_byte_passes_at_once(tunnel):
    """Nothing waits for the rest of a hello."""
    p, c, there = tunnel()
    bytes_ = hello(server_name(b"echo.example"))
    for i in range(20):
        c.send(bytes_[i:i + 1])
        assert c.read(1) == bytes_[i:i + 1]
    c.send(bytes_[20:])
    assert c.read(len(bytes_) - 20) == bytes_[20:]
    c.end()
    assert close_record(p)["sni"] == "echo.example"


def test_behind_the_connect(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({HOST: "127.0.0.1"})
    p = proxy(ports=[there.port])
    bytes_ = hello(server_name(b"early.example") + extension(21, bytes(2000)))
    c = client(p)
    assert c.connect(f"{HOST}:{there.port}", behind=bytes_).status == 200
    assert finish(p, c, there, bytes_)["sni"] == "early.example"


@pytest.mark.parametrize("padding, sni", [(60_000, "large.example"), (65_500, None)])
def test_64_kib_of_padding(tunnel, padding, sni):
    p, c, there = tunnel()
    bytes_ = hello(server_name(b"large.example") + extension(21, bytes(padding)))
    c.send(bytes_)
    assert finish(p, c, there, bytes_).get("sni") == sni


def test_a_hello_that_never_ends(tunnel):
    """It is given up, and the tunnel lives on."""
    p, c, there = tunnel()
    bytes_ = hello(server_name(b"never.example") + extension(21, bytes(1000)))
    c.send(bytes_[:200])
    assert c.read(200) == bytes_[:200]
    before = p.pss_kib()
    time.sleep(10.4)
    c.send(bytes_[200:])
    assert c.read(len(bytes_) - 200) == bytes_[200:]
    c.end()
    assert c.read_to_end() == b""
    assert "sni" not in close_record(p)
    assert p.pss_kib() < before + 1024


def test_a_tunnel_that_ends_within_its_hello(tunnel):
    p, c, there = tunnel()
    bytes_ = hello(server_name(b"half.example"))[:70]
    c.send(bytes_)
    assert "sni" not in finish(p, c, there, bytes_)


# ---- other things

@pytest.mark.parametrize("data", [
    b"SSH-2.0-probe\r\n", b"\x16", b"\x80\x2e\x01\x03\x01\0\x15\0\0\0\x10" + bytes(35),
    b"EHLO a.example\r\n" + hello(server_name(b"later.example")),
    b"\x15\x03\x01\0\x02\x01\0" + hello(server_name(b"later.example")),
    hello(), hello(server_name(b"one.example") + server_name(b"two.example")),
])
def test_no_tls_or_no_name(tunnel, data):
    p, c, there = tunnel()
    c.send(data)
    assert "sni" not in finish(p, c, there, data)


def test_an_origin_that_speaks_first(tunnel):
    def greet(sock, record):
        sock.sendall(b"220 ready\r\n")
        sink(sock, record)
    p, c, there = tunnel(greet)
    assert c.read(11) == b"220 ready\r\n"
    c.send(hello(server_name(b"greeted.example")))
    c.end()
    assert c.read_to_end() == b""
    assert close_record(p)["sni"] == "greeted.example"


@pytest.mark.parametrize("name", [
    b"a\x00b", b"a\nb", b'a"b', b"a\\b", b'x","verdict":"deny', b"a\x1b[31m", b"a b", b"\xff\xfe",
    b"b\xc3\xbccher.example", b"a" * 64, b"a." * 127 + b"a", b"..", b"a\x7f",
])
def test_what_is_no_name_is_not_logged(tunnel, name):
    p, c, there = tunnel()
    bytes_ = hello(server_name(name))
    c.send(bytes_)
    assert "sni" not in finish(p, c, there, bytes_)
    for line in p.log.lines():
        assert not re.search(r"[\x00-\x1f\x7f-\xff]", line), line
        assert '"verdict":"deny"' not in line


def test_squids_format_stays(tunnel, tmp_path):
    p, c, there = tunnel(log={"format": "squid"})
    bytes_ = hello(server_name(b"squid.example"))
    c.send(bytes_)
    assert c.read(len(bytes_)) == bytes_
    c.end()
    assert c.read_to_end() == b""
    end = time.monotonic() + 10
    while not p.log.lines() and time.monotonic() < end:
        time.sleep(0.02)
    [line] = p.log.lines()
    assert isinstance(p.log, AccessLog) and len(line.split()) == 10
    assert "squid.example" not in line


def test_an_upgrade_is_not_looked_at(proxy, origin, hosts, client):
    def switch(sock, record):
        while b"\r\n\r\n" not in record.received:
            record.recv(sock)
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                     b"Upgrade: websocket\r\n\r\n")
        echo(sock, record)
    there = origin(switch)
    hosts({HOST: "127.0.0.1"})
    p = proxy(guard={"http_ports": [there.port]})
    c = client(p)
    c.send(f"GET http://{HOST}:{there.port}/ HTTP/1.1\r\nHost: {HOST}:{there.port}\r\n"
           "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert c.read_answer(has_body=False).status == 101
    bytes_ = hello(server_name(b"upgraded.example"))
    c.send(bytes_)
    assert c.read(len(bytes_)) == bytes_
    c.end()
    assert c.read_to_end() == b""
    assert "sni" not in p.log.one(event="close")
