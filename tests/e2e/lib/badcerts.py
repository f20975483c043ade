# SPDX-License-Identifier: MIT
"""Origins whose certificates are bad in one way each, and good ones beside them.

    made = BadCerts(folder)          # made.root: the file for inspection.trust
    there = made.serve("expired")    # an origin for made.host("expired") on 127.0.0.1
    there.port, there.received()     # the bytes of application data that it was sent
    there.close()

NAME.pem is the chain as it is sent, NAME.key its key, NAME.ocsp (where there is one) the
stapled response in DER. Names: badcerts.NAMES.
"""
import datetime
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .origin import SECONDS, Origin, http

HOST = "origin.test"
IDN = "xn--bcher-kva.test"
DAY = datetime.timedelta(days=1)
PEM = serialization.Encoding.PEM
PAGE = b"the page\n"

# What differs from the good one. days: from and to; names: subjectAltNames; by: who issues it.
CASES = {
    "good": {},
    "expired": {"days": (-9, -1)},
    "not-yet-valid": {"days": (2, 9)},
    "self-signed": {"by": None},
    "unknown-ca": {"by": "stranger"},
    "wrong-name": {"names": ["other.test"]},
    "ip-san": {"names": ["127.0.0.1"], "host": "127.0.0.1"},
    "wildcard": {"names": ["*.wild.test"], "host": "a.wild.test"},
    "many-sans": {"names": [f"host-{i}.test" for i in range(100)], "host": "host-99.test"},
    "idn": {"names": [IDN], "host": IDN},
    "sha1": {"digest": hashes.SHA1()},
    "rsa-1024": {"bits": 1024},
    "no-san": {"names": []},
    "revoked": {"status": ocsp.OCSPCertStatus.REVOKED},
    "staple-good": {"status": ocsp.OCSPCertStatus.GOOD},
    "missing-intermediate": {"is_alone": True},
    "excluded-name": {"by": "excluding"},
    "permitted-name": {"by": "permitting"},
    "may-not-sign": {"usage": ["key_encipherment"], "bits": 2048},
    "may-sign": {"usage": ["digital_signature", "key_encipherment"], "bits": 2048},
}
NAMES = list(CASES)


class BadCerts:
    """A root, three intermediates under it, a CA that nobody trusts, and a leaf for each case."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.root = os.path.join(self.folder, "root.pem")
        self._authorities = {"root": self._authority("Root", None)}
        root = self._authorities["root"]
        tree = x509.DNSName(HOST)
        self._authorities.update({
            "intermediate": self._authority("Intermediate", root),
            "excluding": self._authority("Excluding", root, excluded_subtrees=[tree],
                                         permitted_subtrees=None),
            "permitting": self._authority("Permitting", root, permitted_subtrees=[tree],
                                          excluded_subtrees=None),
            "stranger": self._authority("Stranger", None),
        })
        self._write("root.pem", root[0].public_bytes(PEM))
        for name in CASES:
            self._make(name)

    def path(self, name, end="pem"):
        """NAME.pem, .key or .ocsp; None where there is no such file."""
        path = os.path.join(self.folder, f"{name}.{end}")
        return path if os.path.exists(path) else None

    @staticmethod
    def host(name):
        """What a client that means this origin asks for."""
        return CASES[name].get("host", HOST)

    def serve(self, name, handler=None):
        """An origin with this certificate. handler: a behaviour of lib/origin.py, by default
        http(body=PAGE). One with a staple answers PAGE to every GET, whatever handler is."""
        if self.path(name, "ocsp"):
            return StaplingOrigin(self, name)
        return BadOrigin(self, name, handler or http(body=PAGE))

    # How they are made

    def _write(self, name, data):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with open(os.open(os.path.join(self.folder, name), flags, 0o600), "wb") as f:
            f.write(data)

    @staticmethod
    def _builder(common_name, key, by, days):
        now = datetime.datetime.utcnow()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        signer = by[1] if by else key
        return (x509.CertificateBuilder().subject_name(subject)
                .issuer_name(by[0].subject if by else subject)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now + days[0] * DAY).not_valid_after(now + days[1] * DAY)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    signer.public_key()), False))

    @staticmethod
    def _usage(*bits):
        every = ("digital_signature", "content_commitment", "key_encipherment",
                 "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
                 "encipher_only", "decipher_only")
        return x509.KeyUsage(**{bit: bit in bits for bit in every})

    def _authority(self, common_name, by, **constraints):
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(common_name, key, by, (-30, 300))
        made = made.add_extension(x509.BasicConstraints(True, None), True).add_extension(
            self._usage("digital_signature", "key_cert_sign", "crl_sign"), True)
        if constraints:
            made = made.add_extension(x509.NameConstraints(**constraints), True)
        return made.sign(by[1] if by else key, hashes.SHA256()), key

    def _make(self, name):
        case = CASES[name]
        by = self._authorities.get(case.get("by", "intermediate"))
        key = (rsa.generate_private_key(65537, case["bits"]) if "bits" in case
               else ec.generate_private_key(ec.SECP256R1()))
        names = case.get("names", [HOST])
        made = self._builder(HOST, key, by, case.get("days", (-1, 30)))
        made = made.add_extension(x509.BasicConstraints(False, None), True).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        if "usage" in case:
            made = made.add_extension(self._usage(*case["usage"]), True)
        if names:
            made = made.add_extension(
                x509.SubjectAlternativeName([self._general_name(n) for n in names]), False)
        with warnings.catch_warnings():  # SHA-1 is what one case is about
            warnings.simplefilter("ignore")
            leaf = made.sign(by[1] if by else key, case.get("digest", hashes.SHA256()))
        chain = leaf.public_bytes(PEM)
        if by and not case.get("is_alone"):
            chain += by[0].public_bytes(PEM)
        self._write(f"{name}.pem", chain)
        self._write(f"{name}.key", key.private_bytes(PEM, serialization.PrivateFormat.PKCS8,
                                                     serialization.NoEncryption()))
        if "status" in case:
            self._write(f"{name}.ocsp", self._staple(leaf, by, case["status"]))

    @staticmethod
    def _general_name(name):
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    @staticmethod
    def _staple(leaf, by, status):
        now = datetime.datetime.utcnow()
        is_revoked = status is ocsp.OCSPCertStatus.REVOKED
        made = ocsp.OCSPResponseBuilder().add_response(
            cert=leaf, issuer=by[0], algorithm=hashes.SHA1(), cert_status=status,
            this_update=now - DAY, next_update=now + 3 * DAY,
            revocation_time=now - DAY if is_revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if is_revoked else None,
        ).responder_id(ocsp.OCSPResponderEncoding.HASH, by[0])
        return made.sign(by[1], hashes.SHA256()).public_bytes(serialization.Encoding.DER)


class BadOrigin(Origin):
    """An Origin that may show a certificate which OpenSSL would not let a server show."""

    def __init__(self, made, name, behaviour):
        super().__init__(behaviour)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_ciphers("DEFAULT:@SECLEVEL=0")
        self._context.load_cert_chain(made.path(name), made.path(name, "key"))

    def received(self):
        """All application data, of all connections."""
        return b"".join(bytes(record.received) for record in self.connections)


class StaplingOrigin:
    """openssl s_server, which can staple; its -www pages are not used: requests come out of it,
    PAGE goes into it. One connection after another."""

    def __init__(self, made, name):
        self.host = "127.0.0.1"
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind((self.host, 0))
            self.port = free.getsockname()[1]
        self._received = bytearray()
        self._process = subprocess.Popen(
            ["openssl", "s_server", "-quiet", "-accept", f"{self.host}:{self.port}", "-cert_chain",
             made.path(name), "-cert", made.path(name), "-key", made.path(name, "key"),
             "-status_file", made.path(name, "ocsp")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._await_listening()

    def _await_listening(self):
        """By the kernel's table: a connection of ours would be one that the test counts."""
        wanted = f"0100007F:{self.port:04X} 00000000:0000 0A"
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with open("/proc/net/tcp", encoding="ascii") as table:
                if wanted in table.read():
                    return
            time.sleep(0.02)
        raise AssertionError("openssl s_server does not listen")

    def _read(self):
        answer = (f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\n"
                  "Content-Type: text/plain\r\n\r\n").encode() + PAGE
        pending = b""
        while data := self._process.stdout.read(65536):
            self._received += data
            pending += data
            while b"\r\n\r\n" in pending:
                pending = pending.partition(b"\r\n\r\n")[2]
                self._process.stdin.write(answer)

    @property
    def address(self):
        return self.host, self.port

    def received(self):
        """All application data, of all connections."""
        return bytes(self._received)

    def close(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        self._process.stdin.close()
        self._process.stdout.close()
