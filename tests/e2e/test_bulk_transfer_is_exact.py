# SPDX-License-Identifier: MIT
"""Long flows take a fast path inside the proxy; not a byte of them is lost or moved."""
import hashlib

from lib.origin import pattern, source
from lib.steps import close_record, open_tunnel

SIZE = 96 * (1 << 20) + 12_345
CHUNK = 251 * 1024  # a whole number of the pattern's periods


def digest_of(chunks):
    """(digest, size) of all the chunks together."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def sent_chunks():
    for at in range(0, SIZE, CHUNK):
        yield pattern(0, min(CHUNK, SIZE - at))


def received_chunks(sock):
    while data := sock.recv(1 << 20):
        yield data


def test_96_mib_from_the_origin(proxy, origin, hosts, client):
    there = origin(source(SIZE, chunk=CHUNK))
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = client(p)
    c.send(f"CONNECT bench.webex.com:{there.port} HTTP/1.1\r\nHost: bench.webex.com\r\n\r\n")
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += c.sock.recv(1)
    assert head.startswith(b"HTTP/1.1 200 ")
    assert digest_of(received_chunks(c.sock)) == digest_of(sent_chunks())
    c.close()
    assert close_record(p)["bytes_out"] == SIZE


def test_96_mib_to_the_origin(proxy, origin, hosts, client):
    seen = []

    def swallow(sock, record):
        seen.append(digest_of(received_chunks(sock)))
        sock.sendall(b"all")

    there = origin(swallow)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    for chunk in sent_chunks():
        c.send(chunk)
    c.end()
    assert c.read_to_end() == b"all"
    assert seen == [digest_of(sent_chunks())]
    record = close_record(p)
    assert (record["bytes_in"], record["bytes_out"]) == (SIZE, 3)
