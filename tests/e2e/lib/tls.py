# SPDX-License-Identifier: MIT
"""Clients that speak TLS to the proxy itself, and certificates for it."""
import datetime
import ipaddress
import os
import socket
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .client import SECONDS, Client, run_tool

NAME = "media.webex.com"  # the leaf of tools/gen-pki that is good for 127.0.0.1 too


def listener(pki, **more):
    """A listener of a configuration that takes TLS, with a key of 0600."""
    tls = {"certificate": f"{pki}/media.pem", "key": f"{pki}/media.key", **more}
    return {"address": "127.0.0.1", "port": 0, "tls": tls}


def context(pki, newest=ssl.TLSVersion.TLSv1_3):
    """What a client trusts; the certificate of the proxy is verified."""
    made = ssl.create_default_context(cafile=f"{pki}/ca.pem")
    made.maximum_version = newest
    return made


class TlsClient(Client):
    """A Client whose connection to the proxy is TLS."""

    def __init__(self, address, pki, session=None, **options):
        super().__init__(address)
        self.sock = context(pki, **options).wrap_socket(self.sock, server_hostname=NAME,
                                                        session=session,
                                                        suppress_ragged_eofs=False)
        self.sock.settimeout(SECONDS)

    def end(self):
        """close_notify and FIN would be one call of Python's that waits: FIN alone."""
        socket.socket.shutdown(self.sock, socket.SHUT_WR)


def curl(proxy, pki, url, *options, ca=None, newest=None, folder=None):
    """curl through https://NAME:port; newest: the latest version of TLS it may speak."""
    port = proxy.address[1]
    trust = ["--cacert", str(ca)] if ca else []
    command = ["curl", "-q", "-sS", "--max-time", "20", "--noproxy", "",
               "--proxy", f"https://{NAME}:{port}", "--resolve", f"{NAME}:{port}:127.0.0.1",
               "--proxy-cacert", f"{pki}/ca.pem", *trust, *options, url]
    if newest is None:
        return run_tool(*command, timeout=30)
    path = os.path.join(str(folder), "openssl.cnf")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n"
                f"MaxProtocol = {newest}\n")
    return run_tool("env", f"OPENSSL_CONF={path}", *command, timeout=30)


def s_client(address, pki, *options):
    """What openssl s_client says of a connection that it makes and quits; tickets of TLS 1.3
    come a moment behind the handshake."""
    done = run_tool("sh", "-c", '(sleep 0.5; echo Q) | openssl s_client "$@"', "s_client",
                    "-connect", f"{address[0]}:{address[1]}", "-CAfile", f"{pki}/ca.pem",
                    *options)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def make_certificate(folder, name, days=1, dns="other.test", address="127.0.0.1"):
    """FOLDER/NAME.pem and NAME.key: a certificate that signs itself and ends in so many days
    (before today: it has). dns None: it names nobody in its subjectAltName."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other.test")])
    now = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=9))
            .not_valid_after(now + datetime.timedelta(days=days)))
    if dns:
        names = [x509.DNSName(dns), x509.IPAddress(ipaddress.ip_address(address))]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    paths = [os.path.join(str(folder), f"{name}.{end}") for end in ("pem", "key")]
    pem = serialization.Encoding.PEM
    texts = (made.sign(key, hashes.SHA256()).public_bytes(pem),
             key.private_bytes(pem, serialization.PrivateFormat.PKCS8,
                               serialization.NoEncryption()))
    for path, text in zip(paths, texts):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
            f.write(text)
    return paths
