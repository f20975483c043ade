# SPDX-License-Identifier: MIT
"""Sallyport with accounts: files for every scheme, and pages to fetch with them."""
import base64
import hashlib
import os
import re
import subprocess

import pytest

from .nthash import nt_hash

REALM = "px"
DOMAIN = "CORP"
# One name is as people have it, one as every client can spell it.
ALICE, BOB = ("alice", "Secret 1 \u00e4"), ("bob", "secret-2")
PAGE = b"the page of the origin\n"
HTTP_NAME, HTTPS_NAME = "pages.test", "bench.webex.com"


def write_private(folder, name, text):
    path = os.path.join(str(folder), name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
              encoding="utf-8") as f:
        f.write(text)
    return path


def htpasswd(users):
    """Lines with bcrypt, by Apache's htpasswd."""
    return "".join(subprocess.run(["htpasswd", "-niBC", "4", user], input=password.encode(),
                                  capture_output=True, check=True).stdout.decode().strip() + "\n"
                   for user, password in users)


def htdigest(users, realm=REALM):
    """For each user a line with MD5 and one with SHA-256 (RFC 7616 section 3.4.2)."""
    lines = []
    for user, password in users:
        text = f"{user}:{realm}:{password}".encode()
        lines += [f"{user}:{realm}:{make(text).hexdigest()}\n"
                  for make in (hashlib.md5, hashlib.sha256)]
    return "".join(lines)


def smbpasswd(users):
    """The form of Samba's smbpasswd(5), without LM hashes."""
    return "".join(f"{user}:{1000 + n}:{'X' * 32}:{nt_hash(password).hex().upper()}:"
                   f"[U          ]:LCT-00000000:\n" for n, (user, password) in enumerate(users))


def auth_section(folder, schemes, users=(ALICE, BOB), keytab=None, algorithms=None, **more):
    """Writes the files that these schemes need, and returns the section that names them."""
    section = {"realm": REALM, "schemes": list(schemes)}
    if "basic" in schemes:
        write_private(folder, "users.htpasswd", htpasswd(users))
        section["basic"] = {"htpasswd": "users.htpasswd"}
    if "digest" in schemes:
        write_private(folder, "users.htdigest", htdigest(users))
        section["digest"] = {"htdigest": "users.htdigest", "algorithms": algorithms}
    if "ntlm" in schemes:
        write_private(folder, "users.smbpasswd", smbpasswd(users))
        section["ntlm"] = {"smbpasswd": "users.smbpasswd", "domain": DOMAIN}
    if "negotiate" in schemes:
        section["negotiate"] = {"keytab": str(keytab)}
    return {**section, **more}


def web_socket(key):
    """The answer to a handshake (RFC 6455 section 4.2.2) and PAGE in a text frame."""
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n\x81" + bytes([len(PAGE)]) + PAGE)


def answer_with_page(sock, record):
    """PAGE for every request, once its whole body has been read; a web socket where one is
    asked for, with PAGE as its first message."""
    pending = b""
    while True:
        while b"\r\n\r\n" not in pending:
            data = record.recv(sock)
            if not data:
                return
            pending += data
        head, _, pending = pending.partition(b"\r\n\r\n")
        key = re.search(rb"(?im)^sec-websocket-key: *(\S+)", head)
        if key:
            sock.sendall(web_socket(key.group(1)))
            record.recv(sock)
            return
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        left = int(length.group(1)) if length else 0
        while len(pending) < left:
            data = record.recv(sock)
            if not data:
                return
            pending += data
        pending = pending[left:]
        sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(PAGE)}\r\n"
                     "Content-Type: text/plain\r\n\r\n".encode() + PAGE)


class Pages:
    """Two origins with one page each, over HTTP and over TLS, and the proxy in front."""

    def __init__(self, proxy, plain, secure):
        self.proxy, self.plain, self.secure = proxy, plain, secure
        self.address = proxy.address
        self.http = f"http://{HTTP_NAME}:{plain.port}/"
        self.https = f"https://{HTTPS_NAME}:{secure.port}/"

    def allowed(self, user, scheme, is_tunnel=False):
        """The record of an answered request, or of a tunnel, which that user must have made."""
        wanted = {"event": "open", "host": HTTPS_NAME} if is_tunnel else \
            {"event": "request", "host": HTTP_NAME, "status": 200}
        record = self.proxy.log.wait(verdict="allow", **wanted)[0]
        assert (record.get("user"), record.get("auth")) == (user, scheme), record
        return record

    def refused(self):
        """The records of 407, of which there must be one; nothing else may have passed."""
        records = self.proxy.log.wait(1, status=407)
        assert {r["verdict"] for r in records} == {"authenticate"}, records
        assert self.proxy.log.records(verdict="allow") == []
        assert not self.plain.connections and not self.secure.connections
        return records

    def check_log(self):
        """No password, and no credentials at all, in what the proxy wrote; and nobody asked
        for anything but the two pages."""
        hosts = {record.get("host") for record in self.proxy.log.records()}
        assert hosts <= {HTTP_NAME, HTTPS_NAME}, hosts
        text = "\n".join(self.proxy.log.lines()) + self.proxy.errors()
        for secret in (ALICE[1], BOB[1], "TlRMTVNTU", "Basic ", "response="):
            assert secret not in text, f"{secret!r} is in the log"


@pytest.fixture
def pages(proxy, origin, hosts, tmp_path):
    """pages(["basic"], ...): a Pages whose proxy asks for one of these schemes.

    keytab and environment: for negotiate. plain: another origin for http. Other keywords
    go into the auth section; rules let users through to the two origins, nobody anywhere
    else.
    """
    def start(schemes, keytab=None, environment=None, plain=None, sources=None, **section):
        plain = plain or origin(answer_with_page)
        secure = origin(answer_with_page, certificate="bench")
        hosts({HTTP_NAME: "127.0.0.1", HTTPS_NAME: "127.0.0.1"})
        running = proxy(
            ports=[secure.port], environment=environment, sources=sources,
            destinations={"pages": {"domains": [HTTP_NAME, HTTPS_NAME]}},
            rules=[{"name": "pages", "to": ["pages"], "ports": [plain.port, secure.port],
                    "action": "allow"}],
            auth=auth_section(tmp_path, schemes, keytab=keytab, **section))
        return Pages(running, plain, secure)
    return start
