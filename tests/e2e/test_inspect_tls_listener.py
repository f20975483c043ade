# SPDX-License-Identifier: MIT
"""Inspection for clients that reach the proxy itself over TLS: TLS inside TLS."""
import os
import ssl
import threading

import pytest

from lib import tls
from lib.http_steps import response
from lib.http_wire import read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    TlsSocket, ca, inspecting, make_hello, request, server_name, site)
from lib.client import Client
from lib.steps import close_record
from lib.http_wire import RecordingOrigin

HOST = "api.test"


class Outer(Client):
    """A client whose connection to the proxy is TLS."""

    def __init__(self, address, pki, **options):
        super().__init__(address)
        context = tls.context(pki, **options)
        self.sock = TlsSocket(self.sock, context, tls.NAME)


@pytest.fixture
def start(inspecting, pki):
    return lambda **sections: inspecting(listeners=[tls.listener(pki)], **sections)


def open_inside(i, closing, there, outer=ssl.TLSVersion.TLSv1_3, cut=None, **options):
    o = closing(Outer(i.proxy.address, i.pki, newest=outer))
    answer = o.connect(f"{HOST}:{there.port}")
    assert answer.status == 200
    return i.inside(HOST, there, tunnel=o, cut=cut, **options)


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("outer", VERSIONS)
@pytest.mark.parametrize("inner", VERSIONS)
def test_requests_and_large_bodies(start, closing, outer, inner):
    i = start()
    there = i.origin()
    c = open_inside(i, closing, there, outer, newest=inner)
    host = f"{HOST}:{there.port}"
    up, down = os.urandom(700_001), os.urandom(900_001)
    sender = threading.Thread(
        target=lambda: c.send(request(host, "/up", method="POST", body=up)), daemon=True)
    sender.start()
    peer = there.accept()
    assert read_message(peer).content == up
    sender.join(10)
    sender = threading.Thread(target=lambda: peer.send(response(down)), daemon=True)
    sender.start()
    assert read_message(c).content == down
    c.send(request(host, "/next"))
    assert read_message(peer).start_line == b"GET /next HTTP/1.1"
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"
    c.close()
    assert i.log.one(event="close")["tls"] == "inspect"


def test_the_inner_hello_in_pieces(start, closing):
    i = start()
    there = i.origin()
    c = open_inside(i, closing, there, cut=lambda flight: [flight[n:n + 1]
                                                           for n in range(len(flight))])
    c.send(request(f"{HOST}:{there.port}"))
    read_message(there.accept())


def test_an_exempt_host_through_a_tls_listener(start, closing):
    i = start(names=["amcs.webex.com"])
    there = closing(RecordingOrigin())
    o = closing(Outer(i.proxy.address, i.pki))
    assert o.connect(f"amcs.webex.com:{there.port}").status == 200
    hello = make_hello(server_name("amcs.webex.com"))
    o.send(hello)
    peer = there.accept()
    assert peer.read(len(hello)) == hello
    peer.send(b"answer")
    assert o.read(6) == b"answer"
    o.end()
    assert peer.read_to_end() == b""
    peer.close()
    close_record(i.proxy, tls="tunnel")


def test_curl(start, pki, closing):
    i = start()
    there = i.origin()

    def answer():
        peer = there.accept()
        read_message(peer)
        peer.send(response(b"the page"))

    threading.Thread(target=answer, daemon=True).start()
    done = tls.curl(i.proxy, pki, f"https://{HOST}:{there.port}/", ca=i.trust)
    assert (done.returncode, done.stdout) == (0, b"the page"), done.stderr


def test_a_refused_leaf_inside(start, closing, pki):
    i = start()
    there = i.origin()
    with pytest.raises(ssl.SSLCertVerificationError):
        open_inside(i, closing, there, trust=f"{pki}/ca.pem", strict=False)
    assert i.log.one(event="close")["end"] == "leaf_refused"
