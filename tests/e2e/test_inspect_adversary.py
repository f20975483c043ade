# SPDX-License-Identifier: MIT
"""Inspection, tried by whoever wants around it or through it."""
import socket
import ssl
import time

import pytest

from lib.http_steps import OPEN, response
from lib.http_wire import RecordingOrigin, read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    Inside, ca, hosts_of, inspecting, make_hello, request, server_name, site, trusting)

ANY = OPEN["destinations"]["any"]


def answered(c, peer, asked):
    c.send(asked)
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"


def test_an_exempt_address_is_not_decrypted_when_the_origin_is_dialled_again(inspecting):
    """The name has two addresses; the exempt one is what is left when the other one ends."""
    i = inspecting(inspection={"never": ["media"]}, names={"api.test": ["127.0.0.1", "127.0.0.9"]},
                   destinations={"media": {"addresses": ["127.0.0.9/32"]}, "any": ANY},
                   rules=OPEN["rules"])
    there = i.origin()
    c = i.inside("api.test", there)
    peer = there.accept()
    asked = request(f"api.test:{there.port}")
    answered(c, peer, asked)
    peer.close()
    there.close()
    media = i.origin(address="127.0.0.9", port=there.port)
    time.sleep(0.1)
    c.send(asked)
    time.sleep(0.5)
    assert not media.accepted, "TLS of ours with an exempt address"


def through_parent(inspecting, proxy, hosts, parent_rule):
    hosts(hosts_of([]))
    parent = proxy(**{**OPEN, "headers": {"via": "px2"}})
    rules = [{"name": "get", "to": ["any"], "methods": ["GET"], "action": "allow",
              "ports": ["1-65535"]},
             {"name": "any", "to": ["any"], "action": "allow", "ports": ["1-65535"]}]
    for rule in rules:
        if rule["name"] == parent_rule:
            rule["via"] = "corp"
    i = inspecting(
        parents=[{"name": "corp", "url": f"http://127.0.0.1:{parent.address[1]}"}],
        rules=rules)
    return i, parent


@pytest.mark.parametrize("rule", ["any", "get"])
def test_a_connection_keeps_its_way_when_dialled_again(inspecting, proxy, hosts, rule):
    """The rule of a request inside has no say in how the tunnel goes."""
    i, parent = through_parent(inspecting, proxy, hosts, rule)
    there = i.origin()
    c = i.inside("api.test", there)
    peer = there.accept()
    asked = request(f"api.test:{there.port}", "/api/x")
    answered(c, peer, asked)
    peer.close()
    time.sleep(0.3)
    before = len(parent.log.records(event="open"))
    c.send(asked)
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"
    time.sleep(0.3)
    assert len(parent.log.records(event="open")) == 2 * before == (2 if rule == "any" else 0)


def test_an_answer_that_was_cut_does_not_look_whole(inspecting):
    """RFC 9112 section 9.8: without a length, an end without close_notify is a cut."""
    i = inspecting()
    there = i.origin()
    strict = trusting(i.trust)
    strict.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    c = Inside(i.tunnel("api.test", there), strict, "api.test")
    peer = there.accept()
    c.send(request(f"api.test:{there.port}"))
    read_message(peer)
    peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf of it")
    time.sleep(0.1)
    socket.socket.shutdown(peer.sock, socket.SHUT_WR)
    head = c.read_until(b"half of it")
    assert b"200" in head
    with pytest.raises(ssl.SSLError, match="(?i)eof"):
        c.is_ended()


def test_a_name_that_is_denied_is_denied_however_long_it_waits(inspecting, closing):
    i = inspecting(inspection={"default": "tunnel"}, limits={"header_timeout": 1},
                   destinations={"bad": {"domains": ["denied.test"]}, "any": ANY},
                   rules=[{"name": "bad", "to": ["bad"], "action": "deny"}, OPEN["rules"][0]])
    there = closing(RecordingOrigin())
    c = i.tunnel("api.test", there)
    time.sleep(1.5)
    c.send(make_hello(server_name("denied.test")))
    peer = there.accept()
    time.sleep(0.2)
    peer.sock.settimeout(0.5)
    got = b""
    try:
        got = peer.sock.recv(1000)
    except OSError:
        pass
    assert got == b"", "the denied name has reached the origin"


def test_a_hello_that_cannot_be_read_is_not_passed_on(inspecting, closing):
    """A record without content is what no TLS begins with (RFC 8446 section 5.1), and what an
    origin may overlook."""
    i = inspecting(inspection={"default": "tunnel"})
    there = closing(RecordingOrigin())
    c = i.tunnel("api.test", there)
    c.send(b"\x16\x03\x01\x00\x00" + make_hello(server_name("denied.test")))
    assert c.read(7) == b"\x15\x03\x03\x00\x02\x02\x32", "decode_error"
    assert i.log.one(event="request")["end"] == "tunnel_not_tls"
