# SPDX-License-Identifier: MIT
"""Both ends of plain HTTP as raw bytes, driven by the test's own thread.

`RecordingOrigin` does nothing by itself: the test accepts, reads and answers.
What it reads is compared as bytes; `read_message` is a reader of its own make,
strict, and shares no code with any other parser here (RFC 9112 sections 6, 7).
"""
import re
import select
import socket
import time

from .client import SECONDS, Client


class Peer(Client):
    """One accepted connection; reads and writes as a Client does."""

    def __init__(self, sock, timeout=SECONDS):  # pylint: disable=super-init-not-called
        sock.settimeout(timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self._ahead = b""


def send_pieces(peer, pieces, pause=0.0):
    """Each piece in a segment of its own; with a pause a few are surely read one by one."""
    for number, piece in enumerate(pieces):
        peer.sock.sendall(piece)
        if pause and number < 12:
            time.sleep(pause)


def read_cut(peer):
    """All until the end, however it comes: (bytes, True where it was a reset)."""
    try:
        while peer._more():  # pylint: disable=protected-access
            pass
        was_reset = False
    except ConnectionResetError:
        was_reset = True
    part, peer._ahead = peer._ahead, b""  # pylint: disable=protected-access
    return part, was_reset


class RecordingOrigin:
    """A listener on loopback; nobody is accepted before the test asks for it."""

    def __init__(self, address="127.0.0.1", port=0):
        self._listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(64)
        self.host, self.port = self._listener.getsockname()[:2]
        self.accepted = []

    def accept(self, timeout=SECONDS):
        """The next connection."""
        self._listener.settimeout(timeout)
        peer = Peer(self._listener.accept()[0])
        self.accepted.append(peer)
        return peer

    def is_waiting(self, seconds=0.0):
        """True where a connection waits to be accepted."""
        return bool(select.select([self._listener], [], [], seconds)[0])

    def close(self):
        self._listener.close()
        for peer in self.accepted:
            peer.close()


# Reading messages

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")


class Message:
    """One message: `head` with its empty line, the content, the trailer section's lines."""

    def __init__(self, head, content, trailers, chunks):
        self.head = head
        self.content = content
        self.trailers = trailers  # [b"X: 1", ...]
        self.chunks = chunks      # sizes; None: not chunked

    @property
    def start_line(self):
        return self.head.partition(b"\r\n")[0]

    @property
    def lines(self):
        """The field lines, as they are."""
        return self.head[:-4].split(b"\r\n")[1:]

    def values(self, name):
        """Each value of a field without the white space around it, in order."""
        found = []
        for line in self.lines:
            key, _, value = line.partition(b":")
            if key.lower() == name.lower().encode():
                found.append(value.strip(b" \t"))
        return found


def check_lines(lines):
    """Every line is a field line of RFC 9112 section 5, without a blank in front of the colon."""
    for line in lines:
        name, colon, value = line.partition(b":")
        assert colon and TOKEN.match(name), f"no field line: {line!r}"
        assert FIELD_VALUE.match(value), f"a control byte in {line!r}"


def read_chunks(peer):
    """(content, trailer lines, sizes) of a chunked body."""
    content, sizes = b"", []
    while True:
        line = peer.read_until(b"\r\n")
        assert re.fullmatch(rb"[0-9a-fA-F]+", line), f"a size line with more than a size: {line!r}"
        size = int(line, 16)
        sizes.append(size)
        if size == 0:
            break
        content += peer.read(size)
        assert peer.read(2) == b"\r\n", "a chunk without CR LF behind it"
    trailers = []
    while line := peer.read_until(b"\r\n"):
        trailers.append(line)
    check_lines(trailers)
    return content, trailers, sizes


def has_no_content(head, answers_head):
    """RFC 9112 section 6.3, rule 1."""
    status = re.match(rb"HTTP/1\.[01] (\d{3}) ", head)
    if status is None:
        return False
    code = int(status.group(1))
    return answers_head or code < 200 or code in (204, 304)


def read_message(peer, answers_head=False):
    """A request or a response; one without a length is read to the end if it is a response."""
    head = peer.read_until(b"\r\n\r\n") + b"\r\n\r\n"
    message = Message(head, b"", [], None)
    check_lines(message.lines)
    codings, lengths = message.values("transfer-encoding"), message.values("content-length")
    if has_no_content(head, answers_head):
        return message
    assert not (codings and lengths), f"both lengths: {head!r}"
    if codings:
        assert codings == [b"chunked"], codings
        message.content, message.trailers, message.chunks = read_chunks(peer)
    elif lengths:
        assert len(lengths) == 1 and lengths[0].isdigit(), lengths
        message.content = peer.read(int(lengths[0]))
    elif head.startswith(b"HTTP/"):
        message.content = peer.read_to_end()
    return message
