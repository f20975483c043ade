# SPDX-License-Identifier: MIT
"""A standalone Samba from a temporary folder: what its ntlm_auth asks is answered there.

Of the system nothing is read but the programs, and nothing is written. winbindd answers from a
tdbsam of its own; smbd is not needed, no port is opened. Two things in Samba cannot be
configured: where clients look for winbindd's socket, and that each account has a user of the
machine. samba_users.c, compiled into the folder and preloaded, sees to both.
"""
import os
import shutil
import signal
import subprocess
import time

from lib import process

HERE = os.path.dirname(os.path.abspath(__file__))
NTLM_AUTH, WINBINDD = "/usr/bin/ntlm_auth", "/usr/sbin/winbindd"
PDBEDIT, WBINFO = "/usr/bin/pdbedit", "/usr/bin/wbinfo"
RPC = "/usr/libexec/samba/"
SECONDS = 20
FOLDERS = ["private", "state", "cache", "lock", "pid", "ncalrpc", "socket", "log"]
FIRST_UID = 60001


class Samba:
    """winbindd with local accounts, and the helper that asks it.

    samba = Samba(folder, users={"alice": "secret"})
    samba.start()
    samba.helper_command()            for auth.ntlm.helper, or squid's `auth_param ntlm program`
    samba.domain                      what clients put in front of the user, or nothing
    samba.smbpasswd()                 the same accounts as a smbpasswd(5) file
    samba.stop()

    `group`: whose programs may use the helper besides root ("proxy" for squid); its folder
    must be one that they can enter.
    """

    domain = "PROXY"

    def __init__(self, folder, users, group=None):
        self.folder, self.users, self.process = str(folder), dict(users), None
        self.group = group
        for name in FOLDERS:
            os.makedirs(self.path(name), mode=0o755, exist_ok=True)
        os.chmod(self.path("private"), 0o700)
        self._write_users()
        self._write_configuration()
        subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                        "-shared", "-fPIC", "-o", self.path("users.so"),
                        os.path.join(HERE, "samba_users.c")], check=True)
        for user, password in self.users.items():
            self._run([PDBEDIT, "-s", self.configuration, "-a", "-t", "-u", user],
                      f"{password}\n{password}\n")

    def path(self, name):
        return os.path.join(self.folder, name)

    @property
    def configuration(self):
        return self.path("smb.conf")

    def _write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)

    def _write_users(self):
        lines = ["root:x:0:0::/:/bin/false", "nobody:x:65534:65534::/:/bin/false"]
        lines += [f"{user}:x:{FIRST_UID + i}:65534::/:/bin/false"
                  for i, user in enumerate(self.users)]
        self._write("users", "\n".join(lines) + "\n")

    def _write_configuration(self):
        self._write("smb.conf", f"""[global]
  server role = standalone server
  workgroup = {self.domain}
  netbios name = {self.domain}
  passdb backend = tdbsam
  private dir = {self.path("private")}
  state directory = {self.path("state")}
  cache directory = {self.path("cache")}
  lock directory = {self.path("lock")}
  pid directory = {self.path("pid")}
  ncalrpc dir = {self.path("ncalrpc")}
  winbindd socket directory = {self.path("socket")}
  log file = {self.path("log")}/log.%m
  interfaces = lo
  bind interfaces only = yes
  disable netbios = yes
  load printers = no
  ntlm auth = ntlmv2-only
  winbind max clients = 1000
""")

    # Its processes

    @property
    def environment(self):
        """What every program of Samba needs that is to talk to this one."""
        return process.environment(self.path("home"), LD_PRELOAD=self.path("users.so"),
                                   SAMBA_USERS=self.path("users"),
                                   SELFTEST_WINBINDD_SOCKET_DIR=self.path("socket"))

    def _run(self, command, text=""):
        status, said = process.run(command, self.environment, text.encode(), SECONDS)
        assert status == 0, f"{' '.join(command)}: {status}: {said}"
        return said

    def start(self):
        with open(self.path("log/winbindd.out"), "ab") as output:
            self.process = process.start(
                [WINBINDD, "--foreground", "--no-process-group", "-s", self.configuration],
                self.environment, stdout=output, stderr=output)
        end = time.monotonic() + SECONDS
        while process.run([WBINFO, "--ping"], self.environment, seconds=SECONDS)[0] != 0:
            assert self.process.poll() is None and time.monotonic() < end, self.log()
            time.sleep(0.1)
        if self.group is not None:
            self._open_to_group()
        return self

    def _open_to_group(self):
        """ntlm_auth must reach the pipe for those who may see a challenge answered."""
        os.chmod(self.folder, 0o755)
        shutil.chown(self.path("state/winbindd_privileged"), group=self.group)

    def stop(self):
        if self.process is not None:
            process.stop(self.process)
            self.process = None
            self._stop_rpc()

    def _rpc_pids(self):
        """samba-dcerpcd and its workers, which winbindd starts and leaves behind."""
        mark = f"--configfile={self.configuration}".encode()
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if words[0].startswith(RPC.encode()) and mark in words:
                found.append(int(pid))
        return found

    def _stop_rpc(self):
        end = time.monotonic() + SECONDS
        while pids := self._rpc_pids():
            number = signal.SIGTERM if time.monotonic() < end else signal.SIGKILL
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            time.sleep(0.1)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def log(self):
        with open(self.path("log/winbindd.out"), encoding="utf-8", errors="replace") as f:
            return f.read()[-4000:]

    # What it is for

    def helper_command(self, protocol="squid-2.5-ntlmssp"):
        """One line; it brings its environment along, whoever starts it."""
        names = ["LD_PRELOAD", "SAMBA_USERS", "SELFTEST_WINBINDD_SOCKET_DIR"]
        settings = [f"{name}={self.environment[name]}" for name in names]
        return " ".join(["/usr/bin/env", *settings, NTLM_AUTH, f"--helper-protocol={protocol}",
                         f"--configfile={self.configuration}"])

    def smbpasswd(self):
        """The accounts as a smbpasswd(5) file, by Samba's own hand; its path."""
        lines = self._run([PDBEDIT, "-s", self.configuration, "-L", "-w"])
        found = [line for line in lines.splitlines() if line.split(":")[0] in self.users]
        assert len(found) == len(self.users), lines
        self._write("users.smbpasswd", "\n".join(found) + "\n")
        os.chmod(self.path("users.smbpasswd"), 0o600)
        return self.path("users.smbpasswd")
