# SPDX-License-Identifier: MIT
"""A real client that is no browser: openssl s_client sees the origin's own certificate."""
from lib.client import run_tool
from lib.origin import http

REQUEST = b"GET / HTTP/1.1\r\nHost: idbroker.webex.com\r\nConnection: close\r\n\r\n"


def page(sock, record):
    """One page, with the end of data behind it."""
    while b"\r\n\r\n" not in record.received:
        record.recv(sock)
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\na page\n")


def run_s_client(p, target, pki, *options):
    return run_tool("openssl", "s_client", "-proxy", "%s:%d" % p.address, "-connect", target,
                    "-servername", "idbroker.webex.com", "-verify_return_error",
                    "-verify_hostname", "idbroker.webex.com", "-CAfile", str(pki / "ca.pem"),
                    "-ign_eof", *options, stdin=REQUEST)


def test_s_client_verifies_the_origin_and_gets_its_page(proxy, origin, hosts, pki):
    there = origin(page, certificate="idbroker")
    hosts({"idbroker.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    done = run_s_client(p, f"idbroker.webex.com:{there.port}", pki)
    assert done.returncode == 0, done.stderr
    assert b"Verify return code: 0 (ok)" in done.stdout
    assert b"subject=CN = idbroker.webex.com" in done.stdout
    assert b"\r\n\r\na page\n" in done.stdout
    record = p.log.one(event="close")
    assert (record["host"], record["pattern"]) == ("idbroker.webex.com", "*.webex.com")
    assert record["bytes_in"] > len(REQUEST) and record["status"] == 200


def test_s_client_is_told_of_a_refusal(proxy, origin, hosts, pki):
    there = origin(http(), certificate="idbroker")
    hosts({"idbroker.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], rules=[])
    done = run_s_client(p, f"idbroker.webex.com:{there.port}", pki)
    assert done.returncode == 1
    assert b"403" in done.stderr
    assert there.connections == []
    assert p.log.one(event="request")["status"] == 403
    assert p.log.records(event="open") == []


def test_tls_versions_pass_as_the_client_wants_them(proxy, origin, hosts, pki):
    there = origin(page, certificate="idbroker")
    hosts({"idbroker.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    for version in ("1_2", "1_3"):
        done = run_s_client(p, f"idbroker.webex.com:{there.port}", pki, f"-tls{version}")
        assert done.returncode == 0, done.stderr
        assert f"New, TLSv{version.replace('_', '.')}, Cipher".encode() in done.stdout
    assert len(p.log.wait(2, event="close")) == 2
