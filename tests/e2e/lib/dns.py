# SPDX-License-Identifier: MIT
"""A scripted name server over UDP and TCP on one loopback port (RFC 1035)."""
import ipaddress
import socket
import struct
import threading
import time

TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "AAAA": 28, "OPT": 41}
NAMES = {number: name for name, number in TYPES.items()}
RCODES = {"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "REFUSED": 5}


def encode_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        out += bytes([len(label)]) + label.encode("ascii")
    return out + b"\0"


def decode_question(packet):
    """(name in lower case, type, end of the question)."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
        at += 1 + packet[at]
    kind = struct.unpack_from("!H", packet, at + 1)[0]
    return ".".join(labels), NAMES.get(kind, str(kind)), at + 5


def record(name, kind, ttl, data):
    return encode_name(name) + struct.pack("!HHIH", TYPES[kind], 1, ttl, len(data)) + data


def soa(minimum):
    """The authority section's SOA: its minimum bounds negative caching (RFC 2308)."""
    data = encode_name("ns.test") + encode_name("root.test")
    return record("test", "SOA", minimum, data + struct.pack("!IIIII", 1, 60, 60, 60, minimum))


class Script:
    """What is known of one name."""

    def __init__(self):
        self.answers = {}  # type -> [(ttl, data)]
        self.alias = None
        self.alias_ttl = 60
        self.rcode = "NOERROR"
        self.is_silent = False
        self.is_truncated = False
        self.delay = {}  # type -> seconds
        self.raw = None


class DnsServer:
    """Answers as scripted; a name without a script does not exist.

    dns.set("a.test", "A", ["127.0.0.1"], ttl=30)   addresses; other types: no data
    dns.alias("b.test", "a.test")                   CNAME, with the target's addresses
    dns.fail("c.test", "SERVFAIL")                  any rcode
    dns.silence("d.test")                           no answer at all
    dns.truncate("a.test")                          TC over UDP, the answer over TCP
    dns.slow("a.test", "AAAA", 0.5)                 that type only after a while
    dns.garble("e.test", b"...")                    these bytes behind the id

    dns.queries has (name, type, "udp" or "tcp") of each question, in order.
    """

    def __init__(self, address="127.0.0.1", negative_ttl=60):
        self._scripts = {}
        self.negative_ttl = negative_ttl
        self.queries = []
        self._lock = threading.Lock()
        self._tcp, self._udp = self._bind_both(address)
        self.host, self.port = self._udp.getsockname()[:2]
        for target in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=target, daemon=True).start()

    @staticmethod
    def _bind_both(address):
        """One port number that is free in both protocols."""
        for _ in range(50):
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            tcp.bind((address, 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                tcp.close()
                udp.close()
                continue
            tcp.listen(64)
            return tcp, udp
        raise AssertionError("no port is free for both UDP and TCP")

    @property
    def server(self):
        """As dns.servers wants it."""
        return f"{self.host}:{self.port}"

    # Scripting

    def _script(self, name):
        return self._scripts.setdefault(name.lower().rstrip("."), Script())

    def set(self, name, kind, addresses, ttl=60):
        with self._lock:
            self._script(name).answers[kind] = [
                (ttl, ipaddress.ip_address(a).packed) for a in addresses]

    def alias(self, name, target, ttl=60):
        with self._lock:
            self._script(name).alias = target.lower().rstrip(".")
            self._script(name).alias_ttl = ttl

    def fail(self, name, rcode):
        assert rcode in RCODES
        with self._lock:
            self._script(name).rcode = rcode

    def silence(self, name):
        with self._lock:
            self._script(name).is_silent = True

    def truncate(self, name):
        with self._lock:
            self._script(name).is_truncated = True

    def slow(self, name, kind, seconds):
        with self._lock:
            self._script(name).delay[kind] = seconds

    def garble(self, name, data):
        with self._lock:
            self._script(name).raw = data

    def count(self, name, kind=None):
        """How often a name (of a type) was asked for."""
        with self._lock:
            return sum(1 for n, k, _ in self.queries if n == name and kind in (None, k))

    # Answering

    def _sections(self, name, kind):
        """(rcode, answers, authority) after following aliases."""
        answers = []
        for _ in range(8):
            script = self._scripts.get(name)
            if script is None:
                return "NXDOMAIN", answers, [soa(self.negative_ttl)]
            if script.rcode != "NOERROR":
                is_negative = script.rcode == "NXDOMAIN"
                return script.rcode, answers, [soa(self.negative_ttl)] if is_negative else []
            if script.alias is None:
                rows = [record(name, kind, ttl, data) for ttl, data in script.answers.get(kind, [])]
                return "NOERROR", answers + rows, [] if rows else [soa(self.negative_ttl)]
            answers.append(record(name, "CNAME", script.alias_ttl, encode_name(script.alias)))
            name = script.alias
        return "SERVFAIL", [], []

    def _answer(self, packet, transport):
        """The answer's bytes (None: none) and the seconds to wait before it."""
        name, kind, end = decode_question(packet)
        with self._lock:
            self.queries.append((name, kind, transport))
            script = self._scripts.get(name) or Script()
            if script.is_silent:
                return None, 0
            wait = script.delay.get(kind, 0)
            if script.raw is not None:
                return packet[:2] + script.raw, wait
            rcode, answers, authority = self._sections(name, kind)
            flags = 0x8180 | RCODES[rcode]
            if script.is_truncated and transport == "udp":
                flags, answers, authority = flags | 0x0200, [], []
        head = struct.pack("!HHHHH", flags, 1, len(answers), len(authority), 0)
        return packet[:2] + head + packet[12:end] + b"".join(answers + authority), wait

    def _serve_udp(self):
        while True:
            try:
                packet, peer = self._udp.recvfrom(4096)
            except OSError:
                return
            if not packet:
                return  # the test has ended
            answer, wait = self._answer(packet, "udp")
            if answer is not None and wait:
                threading.Timer(wait, self._send_udp, (answer, peer)).start()
            elif answer is not None:
                self._send_udp(answer, peer)

    def _send_udp(self, answer, peer):
        try:
            self._udp.sendto(answer, peer)
        except OSError:
            pass  # the test has ended

    def _serve_tcp(self):
        while True:
            try:
                sock, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(sock,), daemon=True).start()

    def _converse(self, sock):
        with sock:
            sock.settimeout(10)
            try:
                reader = sock.makefile("rb")
                while len(size := reader.read(2)) == 2:
                    packet = reader.read(struct.unpack("!H", size)[0])
                    answer, wait = self._answer(packet, "tcp")
                    time.sleep(wait)
                    if answer is not None:
                        sock.sendall(struct.pack("!H", len(answer)) + answer)
            except OSError:
                pass  # the resolver went away

    def close(self):
        for sock in (self._udp, self._tcp):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
