# SPDX-License-Identifier: MIT
"""Samba's ntlm_auth, on a standalone winbindd of lib/samba.py, judges real handshakes."""
import base64
import os
import shlex
import subprocess

from lib.auth_wire import nt_hash
from lib.samba import Samba
from ntlm_auth.ntlm import NtlmContext

NO_LM = "aad3b435b51404eeaad3b435b51404ee"


class Helper:
    """One ntlm_auth, asked as a proxy asks it: YR with the first message, KK with the last."""

    def __init__(self, command):
        # It brings its own environment: nothing is passed on.
        self.process = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env={})

    def ask(self, word, message):
        self.process.stdin.write(f"{word} {base64.b64encode(message).decode()}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def handshake(self, user, password, domain, compatibility=3):
        client = NtlmContext(user, f"{NO_LM}:{nt_hash(password)}", domain, "WORKSTATION",
                             ntlm_compatibility=compatibility)
        word, challenge = self.ask("YR", client.step()).split()
        assert word == "TT"
        return self.ask("KK", client.step(base64.b64decode(challenge)))

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(10) == 0


def test_samba_answers_ntlm(tmp_path):
    # A socket's path must be short.
    with Samba(tmp_path, {"alice": "Secret-1", "bob": "Pässwörd"}) as samba:
        helper = Helper(samba.helper_command())
        try:
            assert helper.handshake("alice", "Secret-1", samba.domain) == "AF PROXY\\alice"
            assert helper.handshake("ALICE", "Secret-1", "") == "AF PROXY\\alice"
            assert helper.handshake("bob", "Pässwörd", samba.domain) == "AF PROXY\\bob"
            for wrong in (("alice", "secret-1"), ("nobody-here", "Secret-1")):
                assert helper.handshake(*wrong, samba.domain).startswith("NA ")
            assert helper.handshake("alice", "Secret-1", samba.domain, 0).startswith("NA ")
        finally:
            helper.close()
        with open(samba.smbpasswd(), encoding="utf-8") as f:
            hashes = {line.split(":")[0]: line.split(":")[3] for line in f}
        assert hashes == {"alice": nt_hash("Secret-1"), "bob": nt_hash("Pässwörd")}
    folder = str(tmp_path).encode()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                assert folder not in f.read(), "Samba left a process behind"
        except (FileNotFoundError, ProcessLookupError):
            pass  # it ended as we looked
