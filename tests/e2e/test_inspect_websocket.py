# SPDX-License-Identifier: MIT
"""Web sockets go through inspected TLS: the upgrade (RFC 6455), then every octet both ways."""
import base64
import hashlib
import os
import socket
import ssl
import struct
import threading

import pytest
import websocket

from lib.http_wire import read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    Inside, ca, inspecting, request, site, trusting)

HOST = "api.test"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def switch(peer):
    """Takes the upgrade; the request."""
    asked = read_message(peer)
    [key] = asked.values("sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
              b"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    return asked


def read_frame(peer):
    """(opcode, content) of a frame, unmasked."""
    first, second = peer.read(2)
    size = second & 127
    if size > 125:
        size = struct.unpack(">H" if size == 126 else ">Q", peer.read(2 if size == 126 else 8))[0]
    mask = peer.read(4) if second & 128 else bytes(4)
    data = peer.read(size)
    return first & 15, bytes(a ^ b for a, b in zip(data, mask * (size // 4 + 1)))


def frame(opcode, data):
    size = len(data)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size) if size < 65536 \
        else b"\x7f" + struct.pack(">Q", size)
    return bytes([128 | opcode]) + length + data


def echo_frames(there, seen):
    peer = there.accept()
    seen.append(switch(peer))
    while True:
        opcode, data = read_frame(peer)
        peer.send(frame(opcode, data))
        if opcode == 8:
            return peer.close()


def test_a_real_client_and_its_echo(inspecting):
    i = inspecting()
    there, seen = i.origin(), []
    server = threading.Thread(target=echo_frames, args=(there, seen), daemon=True)
    server.start()
    host, port = i.proxy.address
    ws = websocket.create_connection(
        f"wss://{HOST}:{there.port}/ws?token=s3cr3t", timeout=10, http_proxy_host=host,
        http_proxy_port=port, proxy_type="http", http_no_proxy=["none.test"],
        sslopt={"ca_certs": i.trust}, subprotocols=["chat"])
    data = os.urandom(65536)
    for message in (data, b"", b"x", data[:126], data[:125]):
        ws.send_binary(message)
        assert ws.recv() == message
    ws.send("text \u00e4")
    assert ws.recv() == "text \u00e4"
    ws.close()
    server.join(10)
    asked = seen[0]
    assert asked.start_line == b"GET /ws?token=s3cr3t HTTP/1.1"
    assert asked.values("sec-websocket-protocol") == [b"chat"] and asked.values("via")
    assert asked.values("upgrade") == [b"websocket"]
    assert [v.lower() for v in asked.values("connection")] == [b"upgrade"]
    # the tunnel, and the web socket in it
    opened = i.log.wait(2, event="open")
    assert [(r["method"], r["tls"], r["status"]) for r in opened] == [
        ("CONNECT", "inspect", 200), ("GET", "inspect", 101)]
    assert opened[1]["path"] == "/ws"
    close = i.log.wait(2, event="close")
    assert {r["id"] for r in close} == {r["id"] for r in opened}
    assert "s3cr3t" not in open(i.log.path, encoding="utf-8").read()
    assert all(r["bytes_in"] > 65536 and r["bytes_out"] > 65536 for r in close), close


def upgrade(there):
    return request(f"{HOST}:{there.port}", "/ws", "Connection: keep-alive, Upgrade",
                   "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: chat")


def test_octets_behind_the_101_are_random_both_ways(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(upgrade(there))
    peer = there.accept()
    asked = switch(peer)
    for field, value in (("upgrade", b"websocket"), ("sec-websocket-version", b"13"),
                         ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
                         ("sec-websocket-protocol", b"chat"), ("via", b"1.1 px1"),
                         ("x-forwarded-for", b"127.0.0.1")):
        assert asked.values(field) == [value], asked.head
    answer = read_message(c)
    assert answer.start_line == b"HTTP/1.1 101 Switching Protocols"
    # the key and the answer of RFC 6455 section 1.3
    assert answer.values("sec-websocket-accept") == [b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
    data = os.urandom(65536)
    for source, sink in ((c, peer), (peer, c)):
        source.send(data)
        assert sink.read(len(data)) == data
    # one side ends: the other hears of it behind the last octet
    c.send(b"last")
    c.end()
    assert peer.read(4) == b"last"
    assert peer.is_ended()


@pytest.mark.parametrize("side", ["client", "origin"])
@pytest.mark.parametrize("is_cut", [True, False])
def test_what_was_cut_looks_cut_to_the_other_side(inspecting, side, is_cut):
    """RFC 8446 section 6.1: an end without close_notify may be somebody else's doing."""
    i = inspecting()
    there = i.origin()
    there.context.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    strict = trusting(i.trust)
    strict.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF
    c = Inside(i.tunnel(HOST, there), strict, HOST)
    c.send(upgrade(there))
    peer = there.accept()
    switch(peer)
    read_message(c)
    source, sink = (c, peer) if side == "client" else (peer, c)
    source.send(b"last")
    if is_cut:
        socket.socket.shutdown(c.outer.sock if side == "client" else peer.sock, socket.SHUT_WR)
    else:
        source.end()
    assert sink.read(4) == b"last"
    if is_cut:
        with pytest.raises(ssl.SSLError, match="(?i)eof"):
            sink.is_ended()  # behind which OpenSSL says nothing any more
    else:
        assert sink.is_ended()
        sink.send(b"still heard")
        assert source.read(11) == b"still heard"
    c.close()
    peer.close()
    assert {r["status"] for r in i.log.wait(2, event="close")} == {101, 200}


def test_a_refused_upgrade_is_an_answer_like_others(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    host = f"{HOST}:{there.port}"
    c.send(request(host, "/ws", "Connection: Upgrade", "Upgrade: websocket"))
    peer = there.accept()
    read_message(peer)
    peer.send(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n")
    assert read_message(c).start_line == b"HTTP/1.1 426 Upgrade Required"
    c.send(request(host, "/next"))
    assert read_message(peer).start_line == b"GET /next HTTP/1.1"
