# SPDX-License-Identifier: MIT
"""Origins with scripted behaviour, over TCP or real TLS, on loopback.

A behaviour is a function (socket, record) that is called in a thread of its own
for each connection; the socket is closed behind it. `record` keeps what was
seen: record.received (bytes), record.error (exception or None), record.sni.
"""
import socket
import ssl
import struct
import threading
import time

SECONDS = 20  # no wait of an origin is longer


class Record:
    """One connection as the origin saw it."""

    def __init__(self, peer):
        self.peer = peer
        self.sni = None
        self.received = bytearray()
        self.sent = 0
        self.error = None
        self.done = threading.Event()

    def recv(self, sock, size=65536):
        data = sock.recv(size)
        self.received += data
        return data


# Behaviours

def echo(sock, record):
    """Sends back what comes, until the peer's end of data; then ends too."""
    while data := record.recv(sock):
        sock.sendall(data)
        record.sent += len(data)


def sink(sock, record):
    """Reads to the end of data and says nothing."""
    while record.recv(sock):
        pass


def silent(sock, record):
    """Neither reads nor writes until the test ends the origin."""
    record.done.wait(SECONDS)


def close_at_once(sock, record):
    """Accepts and closes."""


def reset(sock, record):
    """Reads once, then answers with a TCP reset."""
    record.recv(sock)
    hard_close(sock)


def banner_then_close(sock, record):
    """Speaks first, ends its half, then reads on to the peer's end."""
    sock.sendall(b"banner\n")
    sock.shutdown(socket.SHUT_WR)
    sink(sock, record)


def answer_after_eof(payload):
    """Reads to the peer's end of data, only then sends the payload and ends."""
    def behave(sock, record):
        sink(sock, record)
        sock.sendall(payload)
        record.sent += len(payload)
    return behave


def source(size=None, chunk=1 << 18):
    """Sends flat out: size bytes of pattern(), or until the peer goes away."""
    block = pattern(0, chunk)

    def behave(sock, record):
        while size is None or record.sent < size:
            left = len(block) if size is None else min(len(block), size - record.sent)
            at = record.sent % 251
            data = pattern(at, left) if left < len(block) or at else block
            sock.sendall(data)
            record.sent += left
    return behave


def http(status="200 OK", body=b"hello from the origin\n", fields=()):
    """Answers each HTTP/1.1 request with the same page, keeping the connection."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: text/plain",
            *fields]
    answer = "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def behave(sock, record):
        pending = b""
        while data := record.recv(sock):
            pending += data
            while b"\r\n\r\n" in pending:
                pending = pending.partition(b"\r\n\r\n")[2]
                sock.sendall(answer)
                record.sent += len(answer)
    return behave


def pattern(start, size):
    """Bytes that show a loss or a shift: position modulo 251."""
    first = bytes((start + i) % 251 for i in range(251))
    return (first * (size // 251 + 1))[:size]


def hard_close(sock):
    """Closes with a reset instead of a FIN."""
    if isinstance(sock, ssl.SSLSocket):
        plain = socket.socket(fileno=sock.detach())
        hard_close(plain)
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Origin:
    """Listens on loopback and gives each connection to a behaviour.

    certificate: a name that tools/gen-pki writes ("bench", "wildcard", ...)
    in the folder pki; without it the origin is plain TCP.
    """

    def __init__(self, behaviour=echo, address="127.0.0.1", port=0, pki=None, certificate=None):
        self.behaviour = behaviour
        self.connections = []
        self._news = threading.Condition()
        self._sockets = []
        self._context = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(f"{pki}/{certificate}.pem", f"{pki}/{certificate}.key")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, port))
        self._listener.listen(512)
        self.host, self.port = self._listener.getsockname()[:2]
        self._is_closed = False
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def _accept(self):
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError:
                return
            if self._is_closed:
                sock.close()
                return
            record = Record(peer[:2])
            with self._news:
                self.connections.append(record)
                self._sockets.append(sock)
                self._news.notify_all()
            threading.Thread(target=self._serve, args=(sock, record), daemon=True).start()

    def _serve(self, sock, record):
        try:
            sock.settimeout(SECONDS)
            if self._context is not None:
                sock = self._shake_hands(sock, record)
            self.behaviour(sock, record)
            if isinstance(sock, ssl.SSLSocket) and sock.fileno() >= 0:
                sock = sock.unwrap()
        except (OSError, ValueError) as error:
            record.error = error
        finally:
            sock.close()
            record.done.set()
            with self._news:
                self._news.notify_all()

    def _shake_hands(self, sock, record):
        """TLS, with the name that the client asked for in the record."""
        context = self._context

        def on_name(connection, name, _):
            record.sni = name

        with self._news:  # the callback belongs to the context: one handshake at a time
            context.sni_callback = on_name
            return context.wrap_socket(sock, server_side=True)

    @property
    def address(self):
        return self.host, self.port

    def wait(self, count=1, timeout=10):
        """The first count connections, in the order of their arrival."""
        with self._news:
            assert self._news.wait_for(lambda: len(self.connections) >= count, timeout), \
                f"{len(self.connections)} of {count} connections after {timeout} s"
            return self.connections[:count]

    def wait_done(self, count=1, timeout=SECONDS):
        """The same, each with its behaviour at its end."""
        records = self.wait(count, timeout)
        for record in records:
            assert record.done.wait(timeout), "the origin still serves"
        return records

    def close(self):
        self._is_closed = True
        # shutdown wakes the accept; close alone would leave it waiting.
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._acceptor.join(5)
        for record in self.connections:
            record.done.set()
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class BlackHole:
    """A loopback address that never answers a SYN: its accept queue is full."""

    def __init__(self, address="127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.bind((address, 0))
        self._listener.listen(0)
        self.host, self.port = self._listener.getsockname()[:2]
        self._fillers = []
        for _ in range(8):
            filler = socket.socket(family, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex((self.host, self.port))
            self._fillers.append(filler)
        time.sleep(0.1)

    def close(self):
        for filler in self._fillers:
            filler.close()
        self._listener.close()


class ClosedPort:
    """A port that refuses: bound, so that nobody else gets it, but not listening."""

    def __init__(self, address="127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.bind((address, 0))
        self.host, self.port = self._socket.getsockname()[:2]

    def close(self):
        self._socket.close()
