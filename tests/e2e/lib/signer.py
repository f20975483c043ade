# SPDX-License-Identifier: MIT
"""The process `sallyport signer`, driven over a socketpair as the proxy does.

`Signer(setup_message(...))` starts it; `.ask(order)` gives (kind, text or DER). Messages
and orders are written here from the descriptions in certs/signer_wire.h and certs/leaf_order.h.
"""
import ipaddress
import os
import socket
import struct
import subprocess
import time

from . import proxy

SETUP, READY, FAULT, ORDER, LEAF, REFUSED = range(1, 7)
SIGNER_FD = 3
SECONDS = 30


def message(kind, number=0, body=b""):
    return struct.pack(">BQ", kind, number) + body


def setup_message(certificate, key, leaf_key):
    """Bytes of PEM, of a path or URI, of DER."""
    return message(SETUP, 0, b"".join(struct.pack(">I", len(p)) + p
                                      for p in (certificate, key, leaf_key)))


def order(*names, start=-3600, seconds=86400, now=None):
    """Names as text; what ipaddress takes becomes an address."""
    first = int(now or time.time()) + start
    body = struct.pack(">qq", first, first + seconds)
    for name in names:
        try:
            kind, octets = 2, ipaddress.ip_address(name).packed
        except ValueError:
            kind, octets = 1, name.encode()
        body += bytes([kind, len(octets)]) + octets
    return body


class Signer:
    def __init__(self, first=None, folder=None, **options):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(SECONDS)
        number = theirs.fileno()

        def put_in_place():
            if number == SIGNER_FD:
                os.set_inheritable(number, True)
            else:
                os.dup2(number, SIGNER_FD)
        self.process = subprocess.Popen(
            [proxy.BINARY, "signer"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=folder, preexec_fn=put_in_place, close_fds=False,
            **options)
        theirs.close()
        self.number = 0
        if first is not None:
            self.socket.send(first)

    def send(self, data):
        self.socket.send(data)

    def receive(self):
        """(kind, id, body); None: it has closed its end."""
        try:
            data = self.socket.recv(1 << 17)
        except ConnectionResetError:
            return None
        return struct.unpack(">BQ", data[:9]) + (data[9:],) if data else None

    def ask(self, body):
        self.number += 1
        self.send(message(ORDER, self.number, body))
        kind, number, answer = self.receive()
        assert number == self.number and kind in (LEAF, REFUSED)
        return kind, answer if kind == LEAF else answer.decode()

    def end(self):
        """Closes our end; (exit status, what it said on standard error)."""
        self.socket.close()
        out, said = self.process.communicate(timeout=SECONDS)
        assert out == b""
        said = said.decode()
        assert "Sanitizer" not in said and "runtime error" not in said, said
        return self.process.returncode, said

    def close(self):
        if self.process.poll() is None:
            status, said = self.end()
            assert status == 0, (status, said)
        self.socket.close()
