# SPDX-License-Identifier: MIT
"""TLS inspection from both ends: a CA by `sallyport ca init`, origins that keep what arrives
inside TLS, and clients whose every byte, their ClientHello's too, is the test's.

    from lib.inspection import inspecting  # a fixture

    def test_something(inspecting):
        i = inspecting()
        there = i.origin()
        c = i.inside("api.test", there)       # CONNECT, and TLS that our CA vouches for
        c.send(b"GET / HTTP/1.1\\r\\n...")
        peer = there.accept()                 # TLS is there already; reads plain text
"""
import datetime
import ipaddress
import os
import queue
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .client import SECONDS, Client
from .http_steps import OPEN
from .http_wire import Peer, RecordingOrigin
from .proxy import run

# What the origins' certificate is for, and what the hosts file has.
NAMES = ["api.test", "other.test", "denied.test", "exempt.test", "origin.test", "tunnel.test",
         "bench.webex.com", "amcsx.webex.com"]


def hosts_of(names):
    """names: further ones at 127.0.0.1, or a dict with their addresses."""
    more = names if isinstance(names, dict) else {name: "127.0.0.1" for name in names}
    return {**{name: "127.0.0.1" for name in NAMES}, **more}


# Certificates

def issue(pki, folder, stem, names, days=365):
    """FOLDER/STEM.pem and .key by the authority of `pki`: for names and addresses."""
    with open(f"{pki}/ca.pem", "rb") as f:
        ca = x509.load_pem_x509_certificate(f.read())
    with open(f"{pki}/ca.key", "rb") as f:
        ca_key = serialization.load_pem_private_key(f.read(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, stem)]))
            .issuer_name(ca.subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([name_of(n) for n in names]), False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .sign(ca_key, hashes.SHA256()))
    path = os.path.join(str(folder), stem)
    pem = serialization.Encoding.PEM
    with open(f"{path}.pem", "wb") as f:
        f.write(made.public_bytes(pem))
    with open(f"{path}.key", "wb") as f:
        f.write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8,
                                  serialization.NoEncryption()))
    return path


def name_of(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def alt_names(certificate):
    """The subjectAltNames as text, sorted."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return sorted(str(name.value) for name in found)


@pytest.fixture(scope="session")
def ca(tmp_path_factory):
    """A CA by `sallyport ca init`; whoever changes it takes a copy."""
    folder = tmp_path_factory.mktemp("inspection") / "ca"
    done = run("ca", "init", "--name", "Inspection CA", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def site(pki, tmp_path_factory):
    """The origins' certificate, by the authority of tools/gen-pki: for NAMES and loopback."""
    return issue(pki, tmp_path_factory.mktemp("site"), "site", [*NAMES, "127.0.0.1", "::1"])


# TLS as bytes

def number(width, value):
    return value.to_bytes(width, "big")


def extension(kind, content):
    return number(2, kind) + number(2, len(content)) + content


def server_name(name):
    """RFC 6066 section 3."""
    entry = b"\0" + number(2, len(name)) + name.encode("ascii")
    return extension(0, number(2, len(entry)) + entry)


def alpn(*protocols):
    """RFC 7301 section 3.1."""
    listed = b"".join(number(1, len(p)) + p.encode("ascii") for p in protocols)
    return extension(16, number(2, len(listed)) + listed)


def padding(size):
    """RFC 7685."""
    return extension(21, bytes(size))


def make_hello(extensions=b"", record=16384):
    """A ClientHello in records of at most that many bytes (RFC 8446 sections 4.1.2 and 5.1);
    no handshake follows from it."""
    body = b"\x03\x03" + os.urandom(32) + b"\x20" + os.urandom(32) + b"\0\x02\x13\x01" + b"\x01\0"
    body += number(2, len(extensions)) + extensions
    return records(b"\x01" + number(3, len(body)) + body, record)


def records(message, size):
    return b"".join(b"\x16\x03\x01" + number(2, len(part)) + part
                    for part in (message[i:i + size] for i in range(0, len(message), size)))


def cut_records(flight, size):
    """A flight of handshake records, cut anew into records of at most that many bytes."""
    message = b""
    while flight:
        assert flight[0] == 22, f"no handshake record: {flight[:5]!r}"
        length = int.from_bytes(flight[3:5], "big")
        message, flight = message + flight[5:5 + length], flight[5 + length:]
    return records(message, size)


def read_alert(client):
    """(level, description) of an alert in the clear, behind which the connection ends."""
    kind, _, _, _, length = client.read(5)
    assert (kind, length) == (21, 2), "no alert"
    alert = tuple(client.read(2))
    assert client.is_ended(), "the connection stays open behind a fatal alert"
    return alert


ACCESS_DENIED, NO_APPLICATION_PROTOCOL = 49, 120  # RFC 8446 section 6


def trusting(path, newest=None, oldest=None, protocols=None, strict=True):
    """A client's context that trusts that file and nothing else, and is strict about what is in
    certificates, as Python is from 3.13 on."""
    made = ssl.create_default_context(cafile=str(path))
    if strict:
        made.verify_flags |= ssl.VERIFY_X509_STRICT
    if newest is not None:
        made.maximum_version = newest
    if oldest is not None:
        made.minimum_version = oldest
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


class TlsSocket:
    """TLS over a connected socket or another TlsSocket, with the least of a socket's methods.

    sent: all that went out, as ciphertext. cut(first flight) gives the pieces that it is sent
    in, each in a segment of its own.
    """

    def __init__(self, plain, context, name, cut=None, session=None):
        self.plain, self.sent = plain, b""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname=name, session=session)
        self._cut = cut
        self._do(self.tls.do_handshake)

    def _flush(self):
        flight = self._out.read()
        pieces = [flight] if flight else []
        if flight and self._cut is not None:
            pieces, self._cut = self._cut(flight), None
        for piece in pieces:
            self.sent += piece
            self.plain.sendall(piece)

    def _do(self, action):
        while True:
            try:
                value = action()
                self._flush()
                return value
            except ssl.SSLWantReadError:
                self._flush()
            except ssl.SSLError:
                self._say_why()
                raise
            data = self.plain.recv(65536)
            if data:
                self._in.write(data)
            else:
                self._in.write_eof()

    def _say_why(self):
        """The alert of a failure, to a peer that may be gone."""
        try:
            self._flush()
        except OSError:
            pass

    def recv(self, size):
        try:
            return self._do(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            return b""

    def sendall(self, data):
        at = 0
        while at < len(data):
            at += self._do(lambda: self.tls.write(data[at:at + 65536]))

    def shutdown(self, _=None):
        """close_notify; what the peer still sends can be read."""
        try:
            self.tls.unwrap()
        except ssl.SSLError:
            pass  # the peer's own is not there yet
        self._say_why()

    def settimeout(self, seconds):
        self.plain.settimeout(seconds)

    def fileno(self):
        return self.plain.fileno()

    def close(self):
        self.plain.close()


class Inside(Client):
    """A client that has done TLS inside its tunnel; reads and writes as a Client does.

    An end without close_notify is a failure (ssl.SSLEOFError): a cut would look the same.
    """

    def __init__(self, tunnel, context, name, **options):  # pylint: disable=super-init-not-called
        self.outer = tunnel
        self._ahead = b""
        assert not tunnel._ahead, "bytes from the tunnel before the handshake"
        self.sock = TlsSocket(tunnel.sock, context, name, **options)

    def reset(self):
        self.outer.reset()

    @property
    def tls(self):
        return self.sock.tls

    @property
    def certificate(self):
        return x509.load_der_x509_certificate(self.tls.getpeercert(True))


# Origins

class TlsPeer(Peer):
    """One accepted connection, TLS done."""

    def __init__(self, sock):
        super().__init__(sock)
        self.sni = getattr(sock, "sni_seen", None)

    def end(self):
        """close_notify and FIN; reading goes on."""
        self.notify_close()
        socket.socket.shutdown(self.sock, socket.SHUT_WR)

    def notify_close(self):
        self.sock.settimeout(0)
        try:
            self.sock.unwrap()
        except (ssl.SSLError, OSError):
            pass  # it went out; the peer's own is not waited for
        self.sock.settimeout(SECONDS)

    def close(self):
        if self.sock.fileno() >= 0:
            self.notify_close()
        self.sock.close()


class TlsOrigin(RecordingOrigin):
    """A recording origin over TLS: handshakes are done in threads, the test does the rest.

    tcp: how many connections came; faults: of handshakes that failed. `accept` and
    `is_waiting` tell of those whose handshake is done.
    """

    def __init__(self, certificate, address="127.0.0.1", port=0, oldest=None, newest=None,
                 client_ca=None, protocols=("http/1.1",)):
        super().__init__(address, port)
        self.tcp, self.faults = 0, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
        if oldest is not None:
            self.context.minimum_version = oldest
        if newest is not None:
            self.context.maximum_version = newest
        if client_ca is not None:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        if protocols:
            self.context.set_alpn_protocols(list(protocols))
        self.context.sni_callback = self._keep_name
        self._ready = queue.Queue()
        self._listener.settimeout(None)
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self):
        while True:
            try:
                sock = self._listener.accept()[0]
            except OSError:
                return
            self.tcp += 1
            threading.Thread(target=self._shake_hands, args=(sock,), daemon=True).start()

    @staticmethod
    def _keep_name(connection, name, _):
        connection.sni_seen = name

    def _shake_hands(self, sock):
        try:
            sock.settimeout(SECONDS)
            sock = self.context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
        except (OSError, ValueError) as fault:
            self.faults.append(fault)
            sock.close()
            return
        peer = TlsPeer(sock)
        self.accepted.append(peer)
        self._ready.put(peer)

    def accept(self, timeout=SECONDS):
        try:
            return self._ready.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError("no connection whose handshake is done") from None

    def is_waiting(self, seconds=0.0):
        """True where a connection with TLS waits to be accepted."""
        if self._ready.empty() and seconds:
            time.sleep(seconds)
        return not self._ready.empty()

    def has_request(self, seconds=0.05):
        """True where any connection whose handshake is done, and that the test did not accept,
        has application data; an end is none."""
        time.sleep(seconds)
        for peer in list(self._ready.queue):
            peer.sock.settimeout(0.001)
            try:
                if peer.sock.recv(1):
                    return True
            except (TimeoutError, OSError):
                pass
        return False

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        except OSError:
            pass
        super().close()


# All together

class Inspecting:
    """A running proxy that inspects, with what stands around it."""

    def __init__(self, proxy, authority, pki, certificate, closing):
        self.proxy, self.ca, self.pki, self.site = proxy, authority, pki, certificate
        self._closing = closing
        self.trust = f"{authority}/ca.pem"

    @property
    def log(self):
        return self.proxy.log

    def origin(self, **options):
        return self._closing(TlsOrigin(options.pop("certificate", self.site), **options))

    def client(self, **options):
        return self._closing(Client(self.proxy.address, **options))

    def tunnel(self, host, port, fields=(), **options):
        """A client whose CONNECT was answered with 200."""
        c = self.client(**options)
        answer = c.connect(f"{host}:{getattr(port, 'port', port)}", fields)
        assert answer.status == 200, (answer.status, answer.body)
        return c

    def inside(self, host, port, sni="", trust=None, cut=None, session=None, tunnel=None,
               source=None, context=None, fields=(), **tls):
        """TLS in a tunnel, to a leaf of our CA; sni: another name than host, None: none.

        The certificate is verified, for sni or, without, for the host."""
        c = tunnel or self.tunnel(host, port, fields, source=source)
        made = context or trusting(trust or self.trust, **tls)
        name = host if sni == "" else sni
        if name is None:
            made.check_hostname = False
        return self._closing(Inside(c, made, name, cut=cut, session=session))


def section(authority, pki, **more):
    """inspection = { ... } of a configuration."""
    return {"enabled": True, "default": "inspect", "ca_certificate": f"{authority}/ca.pem",
            "ca_key": f"{authority}/ca.key", "never": ["webex-uninspectable", "webex-media"],
            "trust": f"{pki}/ca.pem", **more}


@pytest.fixture
def inspecting(proxy, hosts, pki, ca, site, closing):  # pylint: disable=redefined-outer-name
    """inspecting(inspection={...}, names=[...], authority=folder, **sections): the key
    `inspection` is merged into section(); everything may be reached, if sections have no rules."""
    def start(inspection=None, names=(), authority=ca, ports=(), **sections):
        hosts(hosts_of(names))
        for key in ("destinations", "rules"):
            if key in sections:
                assert "rules" in sections, "destinations without rules"
        merged = {**OPEN, **sections}
        if "rules" not in sections:
            merged["rules"] = OPEN["rules"]
        p = proxy(ports=ports, inspection=section(authority, pki, **(inspection or {})), **merged)
        return Inspecting(p, authority, pki, site, closing)
    return start


# Messages inside

def request(host, target="/", *fields, method="GET", body=b"", version="1.1"):
    """A request in origin-form; host as in the Host field, port included."""
    length = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *fields, *length]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


def check_page(answer, status, error, *words):
    """An answer of the proxy's own inside the tunnel that names the fault in words."""
    assert answer.status == status, (answer.status, answer.body)
    assert answer.get("proxy-status").startswith("sallyport; error=")
    assert answer.proxy_error == error, answer.get("proxy-status")
    request_id = answer.get("x-request-id")
    assert request_id and request_id.encode() in answer.body
    said = (answer.get("proxy-status") + answer.body.decode("utf-8", "replace")).lower()
    for word in words:
        assert word.lower() in said, (word, said)
    return request_id
