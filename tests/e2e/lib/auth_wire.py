# SPDX-License-Identifier: MIT
"""Accounts, and clients that speak one scheme each, byte by byte.

Digest is computed here from RFC 7616, NTLM by Debian's python3-ntlm-auth: neither shares
code with the proxy.
"""
import base64
import hashlib
import os
import re
import struct
import subprocess
import time

from ntlm_auth.ntlm import NtlmContext

from . import nthash

REALM = "Test proxy"
USER, PASSWORD = "alice", "Secret-1"


def nt_hash(password):
    """The NT hash in hexadecimal digits."""
    return nthash.nt_hash(password).hex().upper()


def ha1(user, password, algorithm="md5", realm=REALM):
    return hashlib.new(algorithm, f"{user}:{realm}:{password}".encode()).hexdigest()


def write_keytab(path, realm=b"TEST.EXAMPLE", components=(b"HTTP", b"proxy.test.example")):
    """A keytab of one random AES-256 key, for which no KDC has tickets (format 0x0502)."""
    def counted(text):
        return struct.pack(">H", len(text)) + text
    entry = struct.pack(">H", len(components)) + counted(realm)
    entry += b"".join(counted(c) for c in components)
    entry += struct.pack(">IIBH", 1, 0, 1, 18) + counted(os.urandom(32))
    with open(path, "wb") as f:
        f.write(b"\x05\x02" + struct.pack(">i", len(entry)) + entry)
    os.chmod(path, 0o600)


def write_accounts(folder, accounts=None, algorithms=("md5", "sha256"), cost=4):
    """users.htpasswd, users.htdigest and users.smbpasswd of the same accounts."""
    accounts = accounts or {USER: PASSWORD}
    digest, smb, basic = [], [], []
    for number, (user, password) in enumerate(accounts.items()):
        made = subprocess.run(["htpasswd", "-niB", "-C", str(cost), user], capture_output=True,
                              input=password.encode(), check=True)
        basic.append(made.stdout.decode().strip())
        digest += [f"{user}:{REALM}:{ha1(user, password, a)}" for a in algorithms]
        smb.append(f"{user}:{1000 + number}:{'X' * 32}:{nt_hash(password)}:"
                   "[U          ]:LCT-00000001:")
    write_keytab(os.path.join(folder, "test.keytab"))
    for name, lines in (("htpasswd", basic), ("htdigest", digest), ("smbpasswd", smb)):
        path = os.path.join(folder, f"users.{name}")
        with open(path, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        os.chmod(path, 0o600)


def section(schemes, folder, **more):
    """An auth section for these schemes, with the accounts that write_accounts put there.

    What `more` has for a scheme is added to its group.
    """
    parts = {
        "basic": {"htpasswd": os.path.join(folder, "users.htpasswd")},
        "digest": {"htdigest": os.path.join(folder, "users.htdigest")},
        "ntlm": {"smbpasswd": os.path.join(folder, "users.smbpasswd"), "domain": "CORP"},
        "negotiate": {"keytab": os.path.join(folder, "test.keytab")},
    }
    wanted = {name: {**parts[name], **more.pop(name, {})} for name in schemes}
    return {"realm": REALM, "schemes": list(schemes), **wanted, **more}


def basic(user=USER, password=PASSWORD):
    plain = f"{user}:{password}".encode() if isinstance(password, str) else password
    return "Proxy-Authorization: Basic " + base64.b64encode(plain).decode()


def parse_digest(challenge):
    """The parameters of a Digest challenge."""
    assert challenge.startswith("Digest ")
    pairs = re.findall(r'([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))', challenge[7:], re.I)
    return {name.lower(): quoted or plain for name, quoted, plain in pairs}


class Digest:
    """Answers a challenge (RFC 7616 section 3.4) for as many requests as are wanted."""

    def __init__(self, challenge, user=USER, password=PASSWORD):
        self.params = parse_digest(challenge)
        self.user, self.password, self.count = user, password, 0
        self.algorithm = self.params.get("algorithm", "MD5")

    def _hash(self, text):
        name = {"MD5": "md5", "SHA-256": "sha256"}[self.algorithm]
        return hashlib.new(name, text.encode()).hexdigest()

    def field(self, method, target, count=None, **changed):
        """A whole Proxy-Authorization line; `changed` replaces parameters as written."""
        cnonce = "0a4f113b"
        self.count = count if count is not None else self.count + 1
        nc = f"{self.count:08x}"
        first = self._hash(f"{self.user}:{self.params['realm']}:{self.password}")
        second = self._hash(f"{method}:{target}")
        response = self._hash(f"{first}:{self.params['nonce']}:{nc}:{cnonce}:auth:{second}")
        params = {
            "username": f'"{self.user}"', "realm": f'"{self.params["realm"]}"',
            "nonce": f'"{self.params["nonce"]}"', "uri": f'"{target}"',
            "algorithm": self.algorithm, "nc": nc, "cnonce": f'"{cnonce}"', "qop": "auth",
            "response": f'"{response}"', **changed,
        }
        inside = ", ".join(f"{k}={v}" for k, v in params.items() if v is not None)
        return f"Proxy-Authorization: Digest {inside}"


class Ntlm:
    """The two messages of an NTLMv2 client."""

    def __init__(self, user=USER, password=PASSWORD, domain="CORP", compatibility=3):
        # Given as a hash, for Debian's OpenSSL has no MD4 for Python.
        hashes = f"{'0' * 32}:{nt_hash(password)}"
        self.context = NtlmContext(user, hashes, domain, "PC1", ntlm_compatibility=compatibility)

    def negotiate(self, scheme="NTLM"):
        token = base64.b64encode(self.context.step()).decode()
        return f"Proxy-Authorization: {scheme} {token}"

    def authenticate(self, challenge, scheme="NTLM"):
        assert challenge.startswith(scheme + " "), challenge
        token = base64.b64encode(self.context.step(base64.b64decode(challenge.split()[1])))
        return f"Proxy-Authorization: {scheme} {token.decode()}"


def challenges(answer):
    """The Proxy-Authenticate values of an answer, by scheme in lower case."""
    found = {}
    for value in answer.all("proxy-authenticate"):
        found.setdefault(value.split()[0].lower(), []).append(value)
    return found


def guard_everything(proxy, folder, schemes, auth=None, **sections):
    """A proxy that asks everybody for credentials of these schemes, and lets them through."""
    from .http_steps import OPEN
    return proxy(**{**OPEN, "auth": section(schemes, folder, **(auth or {})), **sections})


def reload(proxy):
    """HUP, and until every worker has the new configuration."""
    after = len(proxy.errors())
    proxy.reload()
    proxy.wait_error(r"reloaded ", after=after)
    time.sleep(0.2)
