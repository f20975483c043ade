# SPDX-License-Identifier: MIT
"""Clients reach the proxy over TLS: real ones, and those that fail in every way."""
import os
import re
import select
import socket
import ssl
import time

import pytest
from lib import auth as auth_lib
from lib import process
from lib import tls
from lib.chromium import Chromium
from lib.client import Client, wait_until
from lib.metrics import scrape
from lib.origin import answer_after_eof, banner_then_close, echo, http, pattern, sink, source
from lib.proxy import run
from lib.steps import check_refusal, close_record, open_tunnel

NAMES = {"pages.test": "127.0.0.1", "bench.webex.com": "127.0.0.1"}
HELLO = b"\x16\x03\x01\x02\x00"  # the head of a record that does not come


@pytest.fixture(name="door")
def door_fixture(proxy, origin, hosts, pki):
    """door(behaviour): a proxy with a TLS listener and an origin behind it."""
    def start(behaviour=echo, certificate=None, tls_options=None, **sections):
        hosts(NAMES)
        there = origin(behaviour, certificate=certificate)
        running = proxy(
            ports=[there.port], listeners=[tls.listener(pki, **(tls_options or {}))],
            destinations={"any": {"domains": list(NAMES), "addresses": ["127.0.0.0/8"]}},
            rules=[{"name": "any", "to": ["any"], "ports": [there.port], "action": "allow"}],
            **sections)
        return running, there
    return start


@pytest.fixture(name="tls_client")
def tls_client_fixture(closing, pki):
    return lambda p, **options: closing(tls.TlsClient(p.address, pki, **options))


def handshakes(p, result):
    return scrape(p).value("sallyport_tls_handshakes_total", side="client", result=result)


def failed_record(p, reason):
    record = p.log.one(end="tls_handshake_failed")
    assert re.search(reason, record["tls_reason"]), record
    assert "status" not in record and record["verdict"] == "error"
    return record


# What works

@pytest.mark.parametrize("newest", ["TLSv1.2", "TLSv1.3"])
def test_curl(door, pki, tmp_path, newest):
    p, there = door(http(body=b"the page"))
    done = tls.curl(p, pki, f"http://pages.test:{there.port}/", newest=newest, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"the page"), done.stderr
    done = tls.curl(p, pki, f"http://pages.test:{there.port}/", "-p", newest=newest,
                    folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"the page"), done.stderr
    close_record(p)
    assert handshakes(p, "ok") == 2


def test_curl_with_tls_inside(door, pki):
    p, there = door(http(body=b"secure"), certificate="bench")
    done = tls.curl(p, pki, f"https://bench.webex.com:{there.port}/", ca=f"{pki}/ca.pem")
    assert (done.returncode, done.stdout) == (0, b"secure"), done.stderr
    close_record(p, host="bench.webex.com", tls="tunnel")


@pytest.mark.parametrize("secure", [False, True])
def test_chromium(door, pki, tmp_path, secure):
    p, there = door(auth_lib.answer_with_page, certificate="bench" if secure else None)
    url = f"https://bench.webex.com:{there.port}/" if secure \
        else f"http://pages.test:{there.port}/"
    browser = Chromium(tmp_path, p.address, flags=(
        f"--proxy-server=https://127.0.0.1:{p.address[1]}", "--ignore-certificate-errors"))
    try:
        page = browser.open(url)
    finally:
        browser.close()
    assert page.status == 200 and auth_lib.PAGE.decode().strip() in page.text, page


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_agreed_on(door, tls_client, newest):
    p, _ = door()
    with tls_client(p, newest=newest) as c:
        name, version, _ = c.sock.cipher()
        assert "GCM" in name or "CHACHA20" in name
        assert version == {ssl.TLSVersion.TLSv1_2: "TLSv1.2",
                           ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[newest]


def test_requests_on_one_connection(door, tls_client):
    p, there = door(http(body=b"again"))
    c = tls_client(p)
    head = f"GET http://pages.test:{there.port}/ HTTP/1.1\r\nHost: pages.test\r\n\r\n"
    for _ in range(3):
        c.send(head)
        answer = c.read_answer()
        assert (answer.status, answer.body) == (200, b"again")
    c.send(head * 2)  # both in one record
    assert [c.read_answer().status for _ in range(2)] == [200, 200]
    assert handshakes(p, "ok") == 1


def test_head_in_records_of_one_byte(door, tls_client):
    p, there = door(http())
    c = tls_client(p)
    for letter in f"GET http://pages.test:{there.port}/ HTTP/1.1\r\nHost: pages.test\r\n\r\n":
        c.send(letter)
    assert c.read_answer().status == 200


def exchange(sock, data, size):
    """Sends data and receives size bytes at once, in one thread: a connection of Python's
    is not for two."""
    got, sent = bytearray(), 0
    sock.setblocking(False)
    while len(got) < size:
        waiting = select.select([sock], [sock] if sent < len(data) else [], [], 20)
        assert any(waiting), f"{len(got)} of {size} bytes"
        try:
            sent += sock.send(data[sent:sent + 65536]) if sent < len(data) else 0
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        try:
            got += sock.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
    return bytes(got)


def test_tunnel_both_ways(door, tls_client):
    p, there = door(echo)
    c = open_tunnel(tls_client(p), f"127.0.0.1:{there.port}", behind=b"early")
    assert c.read(5) == b"early"
    data = pattern(0, 3_000_000)
    assert exchange(c.sock, data, len(data)) == data


def test_half_close_by_client(door, tls_client):
    p, there = door(answer_after_eof(b"x" * 100000))
    c = open_tunnel(tls_client(p), f"127.0.0.1:{there.port}")
    c.send(b"all")
    c.end()
    assert c.read_to_end() == b"x" * 100000  # ragged ends raise: close_notify came
    assert close_record(p)["bytes_in"] == 3


def test_half_close_by_origin(door, tls_client):
    p, there = door(banner_then_close)
    c = open_tunnel(tls_client(p), f"127.0.0.1:{there.port}")
    assert c.read_until(b"\n") == b"banner"
    time.sleep(0.2)
    c.send(b"y" * 100000)
    c.end()
    assert there.wait_done()[0].received == b"y" * 100000
    close_record(p)


def test_slow_reader_stalls_the_sender(door, tls_client):
    p, there = door(source())
    c = open_tunnel(tls_client(p), f"127.0.0.1:{there.port}")
    record = there.wait()[0]

    def is_stalled():
        before = record.sent
        time.sleep(0.5)
        return before > 0 and record.sent == before
    wait_until(is_stalled, timeout=20)
    assert c.read(5_000_000) == pattern(0, 5_000_000)
    wait_until(is_stalled, timeout=20)
    assert record.sent < 5_000_000 + (16 << 20)  # what sockets and one relay hold
    assert p.cpu_seconds() < 5


def test_origin_reset_is_no_good_end(door, tls_client):
    def cut(sock, record):
        sock.sendall(b"half")
        record.recv(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    p, there = door(cut)
    c = open_tunnel(tls_client(p), f"127.0.0.1:{there.port}")
    assert c.read(4) == b"half"
    c.send(b"now")
    with pytest.raises((ConnectionResetError, ssl.SSLError)):
        c.read_to_end()
    close_record(p, end="origin_reset")


def test_ntlm_through_it(pki, proxy, hosts, tmp_path, origin):
    there = origin(auth_lib.answer_with_page)
    hosts(NAMES)
    p = proxy(listeners=[tls.listener(pki)], ports=[there.port],
              destinations={"any": {"domains": list(NAMES)}},
              rules=[{"name": "any", "to": ["any"], "ports": [there.port], "action": "allow"}],
              auth=auth_lib.auth_section(tmp_path, ["ntlm", "basic"]))
    user, password = auth_lib.BOB
    for scheme, tunnel in (("ntlm", ["-p"]), ("ntlm", []), ("basic", ["-p"])):
        done = tls.curl(p, pki, f"http://pages.test:{there.port}/", f"--proxy-{scheme}",
                        "--proxy-user", f"{user}:{password}", *tunnel)
        assert (done.returncode, done.stdout) == (0, auth_lib.PAGE), done.stderr
    p.log.wait(1, auth="basic")
    assert {r["auth"] for r in p.log.records(verdict="allow")} == {"ntlm", "basic"}
    assert handshakes(p, "ok") == 3  # NTLM kept its connection


def test_drain_lets_tunnels_end(door, tls_client):
    p, there = door(echo)
    c = open_tunnel(tls_client(p), f"127.0.0.1:{there.port}")
    idle = tls_client(p)
    silent = Client(p.address)
    p.signal(15)
    assert idle.sock.recv(1) == b""  # with close_notify, or this raises
    assert silent.is_ended()
    c.send(b"still")
    assert c.read(5) == b"still"
    c.end()
    assert c.read_to_end() == b""
    assert p.wait_exit() == 0


# Sessions

@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_resumed_over_a_reload(door, pki, tmp_path, version):
    p, _ = door()
    kept = str(tmp_path / "session.pem")
    assert "New, TLS" in tls.s_client(p.address, pki, version, "-sess_out", kept)
    assert "Reused, TLS" in tls.s_client(p.address, pki, version, "-sess_in", kept,
                                         "-sess_out", kept)
    p.reload()
    p.wait_error("generation 2")
    assert "Reused, TLS" in tls.s_client(p.address, pki, version, "-sess_in", kept)


def test_reconnect(door, pki):
    p, _ = door()
    said = tls.s_client(p.address, pki, "-tls1_2", "-reconnect")
    assert said.count("Reused, TLS") == 5, said


# Reloads

def certificate_of(p, pki):
    with tls.TlsClient(p.address, pki) as c:
        return c.sock.getpeercert()["subject"]


def test_a_reload_renews_the_certificate(door, tls_client, pki, tmp_path):
    p, there = door(echo)
    c = open_tunnel(tls_client(p), f"127.0.0.1:{there.port}")
    text = open(p.path, encoding="utf-8").read()
    old = certificate_of(p, pki)
    new_pem, new_key = tls.make_certificate(tmp_path, "new")
    p.reload(text.replace(f"{pki}/media.pem", new_pem).replace(f"{pki}/media.key", new_key))
    p.wait_error("generation 2")
    said = tls.s_client(p.address, pki)
    assert "other.test" in said, said
    c.send(b"lives on")
    assert c.read(8) == b"lives on"
    # A bad one changes nothing.
    p.reload(text.replace(f"{pki}/media.key", new_key))
    p.wait_error("does not belong to the certificate")
    p.wait_error("reload failed")
    assert "other.test" in tls.s_client(p.address, pki)
    p.reload(text)
    p.wait_error("generation 3")
    assert certificate_of(p, pki) == old


def test_a_reload_turns_tls_on_and_off(door, tls_client, pki):
    p, there = door(http(body=b"page"))
    text = open(p.path, encoding="utf-8").read()
    plain = re.sub(r" tls = \{ certificate.*?\};", "", text)
    assert plain != text
    p.reload(plain)
    p.wait_error("generation 2")
    with Client(p.address) as c:
        c.send(f"GET http://pages.test:{there.port}/ HTTP/1.1\r\nHost: pages.test\r\n\r\n")
        assert c.read_answer().body == b"page"
    p.reload(text)
    p.wait_error("generation 3")
    tls_client(p)


def test_plain_and_tls_side_by_side(proxy, origin, hosts, pki):
    there = origin(http(body=b"page"))
    hosts(NAMES)
    p = proxy(listeners=[{"address": "127.0.0.1", "port": 0}, tls.listener(pki)],
              destinations={"any": {"domains": list(NAMES)}},
              rules=[{"name": "any", "to": ["any"], "ports": [there.port], "action": "allow"}])
    head = f"GET http://pages.test:{there.port}/ HTTP/1.1\r\nHost: pages.test\r\n\r\n"
    for _ in range(2):
        with Client(p.listeners[0]) as c:
            c.send(head)
            assert c.read_answer().body == b"page"
        with tls.TlsClient(p.listeners[1], pki) as c:
            c.send(head)
            assert c.read_answer().body == b"page"
        p.reload()
        p.wait_error("reloaded")
    # A client that takes the one for the other is told.
    with Client(p.listeners[0]) as c, pytest.raises(ssl.SSLError):
        tls.context(pki).wrap_socket(c.sock, server_hostname=tls.NAME)
    assert p.log.wait(status=400)[0]["end"] == "bad_request"


# What fails

@pytest.mark.parametrize("first", ["GET http://pages.test/ HTTP/1.1\r\nHost: pages.test\r\n\r\n",
                                   "CONNECT pages.test:443 HTTP/1.1\r\n\r\n", "P", "options"])
def test_plain_http_is_told(door, client, first):
    p, _ = door()
    c = client(p)
    c.send(first)
    answer = c.read_answer()
    check_refusal(p, answer, 400, "http_request_error", "not_tls")
    assert answer.get("content-type").startswith("text/plain")
    assert b"takes TLS" in answer.body and b"https://" in answer.body
    assert handshakes(p, "failed") == 1


def test_old_version(door, pki):
    p, _ = door()
    said = tls.s_client(p.address, pki, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert "alert protocol version" in said, said
    failed_record(p, "protocol version")


def test_min_version(door, pki):
    p, _ = door(tls_options={"min_version": "1.3"})
    assert "alert protocol version" in tls.s_client(p.address, pki, "-tls1_2")
    assert "New, TLSv1.3" in tls.s_client(p.address, pki, "-tls1_3")


@pytest.mark.parametrize("options", [("-tls1_2", "-cipher", "AES128-GCM-SHA256"),
                                     ("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"),
                                     ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256")])
def test_weak_suites(door, pki, options):
    p, _ = door()
    assert "handshake failure" in tls.s_client(p.address, pki, *options)
    failed_record(p, "no shared cipher.*handshake failure")


def test_alpn(door, pki):
    p, _ = door()
    assert "ALPN protocol: http/1.1" in tls.s_client(p.address, pki, "-alpn", "h2,http/1.1")
    assert "no application protocol" in tls.s_client(p.address, pki, "-alpn", "h2")


def test_a_client_that_does_not_trust_us(door):
    p, _ = door()
    with Client(p.address) as c, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(c.sock, server_hostname=tls.NAME)
    failed_record(p, "the peer sent the alert 'unknown CA'")
    assert handshakes(p, "failed") == 1


def test_cut_in_the_middle(door, client):
    p, _ = door()
    c = client(p)
    c.send(HELLO + b"\x01")
    c.close()
    failed_record(p, "closed in the middle")


def test_reset_in_the_middle(door, client):
    p, _ = door()
    c = client(p)
    c.send(HELLO)
    time.sleep(0.2)
    c.reset()
    failed_record(p, "reset by peer")
    assert scrape(p).value("sallyport_connections_open") == 0


def test_slow_handshake(door, client):
    p, _ = door(limits={"header_timeout": "1s"})
    c = client(p)
    began = time.monotonic()
    for byte in HELLO:
        c.send(bytes([byte]))
        time.sleep(0.1)
    assert c.is_ended()
    assert 0.9 < time.monotonic() - began < 5
    failed_record(p, "not complete in time")
    assert handshakes(p, "timeout") == 1


def test_the_first_header_has_what_the_handshake_left(door, tls_client):
    p, _ = door(limits={"header_timeout": "1s"})
    c = tls_client(p)
    c.send("GET http://")
    answer = c.read_answer()
    check_refusal(p, answer, 408, "http_request_error", "header_timeout")


def test_a_client_that_says_nothing(door, client):
    p, _ = door(limits={"header_timeout": "1s"})
    assert client(p).is_ended()
    assert p.log.records() == []
    assert [handshakes(p, r) for r in ("ok", "failed", "timeout")] == [0, 0, 0]


def test_garbage_behind_the_handshake(door, tls_client):
    p, there = door(sink)
    c = open_tunnel(tls_client(p), f"127.0.0.1:{there.port}")
    raw = socket.socket(fileno=os.dup(c.sock.fileno()))
    raw.sendall(b"\x17\x03\x03\x00\x20" + b"no record of ours" * 3)
    close_record(p, end="client_reset")
    raw.close()


# Configurations

def check_tls(folder, pem, key):
    path = folder / "tls.conf"
    path.write_text('listeners = ( { address = "127.0.0.1"; port = 0;\n'
                    f'  tls = {{ certificate = "{pem}";\n    key = "{key}"; }}; }} );\n'
                    'rules = ( { name = "none"; action = "deny"; } );\n', encoding="utf-8")
    done = run("check", "-c", str(path))
    return done.returncode, done.stdout + done.stderr


def test_check_of_good_files(pki, tmp_path):
    status, said = check_tls(tmp_path, f"{pki}/media.pem", f"{pki}/media.key")
    assert status == 0 and "0 warnings" in said, said


FAULTS = {
    "missing": (lambda f, p: (f / "none.pem", f"{p}/media.key"), 1,
                r"tls.conf:2: .*none.pem: No such file"),
    "no key": (lambda f, p: (f"{p}/media.pem", f / "none.key"), 1,
               r"tls.conf:3: .*none.key: No such file"),
    "other key": (lambda f, p: (f"{p}/media.pem", f"{p}/bench.key"), 1,
                  r"tls.conf:3: key: .*bench.key does not belong to the certificate in .*media"),
    "no PEM": (lambda f, p: ("tls.conf", f"{p}/media.key"), 1, "holds no certificate in PEM"),
    "key is a certificate": (lambda f, p: (f"{p}/media.pem", f"{p}/media.pem"), 1,
                             r":3: key: .* holds no private key in PEM"),
    "expired": (lambda f, p: tls.make_certificate(f, "old", days=-2), 0,
                r"tls.conf:2: .*certificate: .*old.pem has expired on 20"),
    "nameless": (lambda f, p: tls.make_certificate(f, "bare", dns=None), 0,
                 "names no host in its subjectAltName"),
    "open key": (lambda f, p: (f"{p}/media.pem", open_copy(f, f"{p}/media.key")), 0,
                 r"open.key is a secret, and others than its owner have access \(mode 0644\)"),
    "encrypted": (lambda f, p: (f"{p}/media.pem", encrypted_copy(f, f"{p}/media.key")), 1,
                  "is encrypted"),
}


def open_copy(folder, key):
    path = folder / "open.key"
    path.write_bytes(open(key, "rb").read())
    path.chmod(0o644)
    return path


def encrypted_copy(folder, key):
    path = folder / "encrypted.key"
    status, said = process.run(["openssl", "pkey", "-in", key, "-aes128", "-passout", "pass:x",
                                "-out", path], process.environment(folder / "home"))
    assert status == 0, said
    return path


@pytest.mark.parametrize("name", FAULTS)
def test_check_of_faulty_files(pki, tmp_path, name):
    make, status, pattern_of_text = FAULTS[name]
    done, said = check_tls(tmp_path, *make(tmp_path, pki))
    assert done == status, said
    assert re.search(pattern_of_text, said), said
    assert "PRIVATE" not in said
