# SPDX-License-Identifier: MIT
"""A reset by the origin ends the tunnel, and the client is not left with a good end."""
import pytest

from lib.metrics import scrape
from lib.origin import hard_close, reset
from lib.steps import close_record, open_tunnel


def test_the_client_sees_a_reset(proxy, origin, hosts, client):
    there = origin(reset)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    c.send(b"x")
    with pytest.raises(ConnectionResetError):
        c.sock.recv(1)
    record = close_record(p, end="origin_reset")
    assert (record["bytes_in"], record["bytes_out"]) == (1, 0)
    assert scrape(p).value("sallyport_ends_total", reason="origin_reset") == 1


def test_what_was_sent_in_front_of_the_reset_arrives(proxy, origin, hosts, client):
    def speak_and_reset(sock, record):
        sock.sendall(b"last words")
        record.recv(sock)  # until the client has them
        hard_close(sock)

    there = origin(speak_and_reset)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    assert c.read(10) == b"last words"
    c.send(b"x")
    with pytest.raises(ConnectionResetError):
        c.sock.recv(1)
    assert close_record(p, end="origin_reset")["bytes_out"] == 10


def test_a_reset_right_behind_the_last_bytes(proxy, origin, hosts, client):
    # The proxy learns of both at once, and must deliver the bytes, then the reset.
    def speak_and_reset(sock, record):
        record.recv(sock, 1)
        sock.sendall(b"last words")
        hard_close(sock)

    there = origin(speak_and_reset)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p, timeout=20), f"bench.webex.com:{there.port}")
    c.send(b"xyz")
    try:
        assert c.read(10) == b"last words"
    except ConnectionResetError:
        pass  # the kernel threw the bytes away on one of the two ways
    with pytest.raises(ConnectionResetError):
        assert c.sock.recv(1) != b"", "a good end"
    close_record(p, end="origin_reset")
