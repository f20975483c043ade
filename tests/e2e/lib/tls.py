# SPDX-License-Identifier: MIT
"""Clients that speak TLS to the proxy itself, and certificates for it."""
import os
import socket
import ssl
import subprocess

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
    """What openssl s_client says of a connection that it makes and quits."""
    done = run_tool("openssl", "s_client", "-connect", f"{address[0]}:{address[1]}",
                    "-CAfile", f"{pki}/ca.pem", *options, stdin=b"Q\n")
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def make_certificate(folder, name, *options, subject="/CN=other.test"):
    """FOLDER/NAME.pem and NAME.key, which signs itself, by openssl req."""
    paths = [os.path.join(str(folder), f"{name}.{end}") for end in ("pem", "key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject, "-out", paths[0],
                    "-keyout", paths[1], *options], check=True, capture_output=True)
    os.chmod(paths[1], 0o600)
    return paths
