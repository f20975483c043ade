# SPDX-License-Identifier: MIT
"""Origins that come with a demand when the handshake is over: TLS 1.2 lets a server ask for a
new one (RFC 5246 section 7.4.1.1), and those that want a client certificate for some paths
alone ask for it that way. It is refused, and what comes of it is told in so many words."""
import json
import os
import re
import select
import socket
import ssl
import time

import pytest

from lib.client import SECONDS
from lib.http_steps import response
from lib.http_wire import read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    ca, check_page, inspecting, request, site)
from lib.metrics import get
from lib.process import environment, start, stop


class OpensslServer:
    """`openssl s_server`, whose commands the test gives: 'R' asks for a new handshake and a
    certificate in it. It takes one connection after the other."""

    def __init__(self, folder, certificate):
        self._process = start(["openssl", "s_server", "-accept", "127.0.0.1:0", "-tls1_2",
                               "-cert", f"{certificate}.pem", "-key", f"{certificate}.key"],
                              environment(folder), stdin=-1, stdout=-1, stderr=-2)
        self._said = b""
        self.port = int(self.wait(rb"ACCEPT 127\.0\.0\.1:(\d+)")[1])

    def wait(self, pattern):
        """Until it has said that; the match. What stands before it is forgotten."""
        while True:
            match = re.search(pattern, self._said)
            if match:
                self._said = self._said[match.end():]
                return match
            assert select.select([self._process.stdout], [], [], SECONDS)[0], self._said
            more = os.read(self._process.stdout.fileno(), 65536)
            assert more, self._said
            self._said += more

    def say(self, line):
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def close(self):
        stop(self._process)
        self._process.stdin.close()
        self._process.stdout.close()


@pytest.fixture
def server(tmp_path, site, closing):  # noqa: F811  # pylint: disable=redefined-outer-name
    return closing(OpensslServer(tmp_path / "server", site))


def proposals(i):
    return json.loads(get(i.proxy, "/api/proposed-exemptions")[2])["proposed_exemptions"]


@pytest.mark.parametrize("method, body", [("GET", b""), ("POST", b"x=1")])
def test_a_new_handshake_for_a_path_is_proposed_as_an_exemption(inspecting, server, method, body):
    i = inspecting()
    c = i.inside("api.test", server)
    c.send(request(f"api.test:{server.port}", "/secure", method=method, body=body))
    server.wait(rb"/secure HTTP/1\.1\r?\n(.*\n)*\r?\n")
    server.say(b"R")
    request_id = check_page(c.read_answer(), 502, "tls_protocol_error", "new handshake",
                            "client certificate")
    record = i.log.one(id=request_id)
    assert record["end"] == "client_certificate_wanted" and record["path"] == "/secure"
    assert "asks for a new handshake" in record["tls_reason"]
    i.proxy.wait_error(r"api\.test:%d asks for a new handshake.*exempt" % server.port)
    [found] = proposals(i)
    assert (found["host"], found["port"]) == ("api.test", server.port)
    assert (found["client_certificates"], found["alerts"], found["closed"]) == (1, 0, 0)


def test_behind_the_head_of_the_answer_the_log_alone_can_tell(inspecting, server):
    i = inspecting()
    c = i.inside("api.test", server)
    c.send(request(f"api.test:{server.port}", "/some"))
    server.wait(rb"/some HTTP/1\.1\r?\n(.*\n)*\r?\n")
    server.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r")
    c.read_until(b"\r\n\r\n")
    server.say(b"R")
    i.proxy.wait_error(r"api\.test:%d asks for a new handshake.*exempt" % server.port)
    assert [(p["host"], p["client_certificates"]) for p in proposals(i)] == [("api.test", 1)]
    assert i.log.one(event="request")["end"] in ("response_cut", "origin_reset")


def test_one_that_comes_between_two_requests_costs_none(inspecting, server):
    """The connection is replaced, and the next one answers."""
    i = inspecting()
    c = i.inside("api.test", server)
    c.send(request(f"api.test:{server.port}", "/1"))
    server.wait(rb"/1 HTTP/1\.1\r?\n(.*\n)*\r?\n")
    server.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
    assert c.read_answer().status == 200
    server.say(b"R")
    time.sleep(0.3)  # it says that it has asked when it likes
    server.close()
    there = i.origin(port=server.port)
    c.send(request(f"api.test:{server.port}", "/2"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"
    assert not proposals(i)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_origin_that_breaks_tls_is_named_as_one(inspecting, newest):
    """As one does that asks for a certificate behind the handshake of TLS 1.3, which nobody has
    offered (RFC 8446 section 4.6.2)."""
    i = inspecting()
    there = i.origin(newest=newest)
    c = i.inside("api.test", there)
    c.send(request(f"api.test:{there.port}", "/x"))
    peer = there.accept()
    read_message(peer)
    os.write(peer.sock.fileno(), b"\x17\x03\x03\x00\x20" + b"\xaa" * 32)
    request_id = check_page(c.read_answer(), 502, "tls_protocol_error", "the origin")
    record = i.log.one(id=request_id)
    assert record["end"] == "origin_tls_failed" and "the alert" in record["tls_reason"]
    assert not proposals(i)


def test_an_end_without_close_notify_is_no_fault_of_tls(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside("api.test", there)
    c.send(request(f"api.test:{there.port}", "/x", method="POST", body=b"x"))
    peer = there.accept()
    read_message(peer)
    socket.socket.shutdown(peer.sock, socket.SHUT_RDWR)
    check_page(c.read_answer(), 502, "connection_terminated")
    assert i.log.one(event="request")["end"] == "origin_closed"
