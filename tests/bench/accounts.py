# SPDX-License-Identifier: MIT
"""The bench's accounts, in a file for each scheme, and a Samba that has them too."""
import hashlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "e2e"))

from lib.nthash import nt_hash      # noqa: E402
from lib.samba import NTLM_AUTH, WINBINDD, Samba    # noqa: E402

# login.h has the same ones.
USER, PASSWORD, DOMAIN = "alice", "Secret-1", "PROXY"
OTHERS = [f"user{number}" for number in range(1000)]    # those with wrong passwords
REALM = "bench"
SQUID_USER = "proxy"        # what squid becomes when root starts it


def write_private(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    return path


def htpasswd(folder):
    """bcrypt with the cost that htpasswd has by default. A hash costs the same to check whoever
    has it, so that one is made for all."""
    made = subprocess.run(["htpasswd", "-niB", USER], input=PASSWORD, text=True,
                          capture_output=True, check=True).stdout.strip()
    code = made.partition(":")[2]
    return write_private(folder, "users.htpasswd",
                         "".join(f"{user}:{code}\n" for user in [USER] + OTHERS))


def htdigest(folder):
    text = hashlib.sha256(f"{USER}:{REALM}:{PASSWORD}".encode()).hexdigest()
    return write_private(folder, "users.htdigest", f"{USER}:{REALM}:{text}\n")


def smbpasswd(folder):
    return write_private(folder, "users.smbpasswd",
                         f"{USER}:1000:{'X' * 32}:{nt_hash(PASSWORD).hex().upper()}:"
                         "[U          ]:LCT-00000001:\n")


def sallyport_section(folder, scheme):
    """The auth section with this scheme alone."""
    groups = {
        "basic": lambda: f'basic = {{ htpasswd = "{htpasswd(folder)}"; }};',
        "digest": lambda: f'digest = {{ htdigest = "{htdigest(folder)}"; '
                          'algorithms = [ "SHA-256" ]; };',
        "ntlm": lambda: f'ntlm = {{ smbpasswd = "{smbpasswd(folder)}"; domain = "{DOMAIN}"; }};',
    }
    return f'auth = {{ realm = "{REALM}"; {groups[scheme]()} }};'


def squid_lines(folder, scheme, samba, children):
    if scheme == "basic":
        path = htpasswd(folder)
        os.chmod(path, 0o644)       # its helper is not root
        lines = [f"program /usr/lib/squid/basic_ncsa_auth {path}", "children 5 startup=5 idle=1",
                 f"realm {REALM}", "credentialsttl 2 hours"]
    else:
        lines = [f"program {samba.helper_command()}",
                 f"children {children} startup={children} idle=1"]
    return "\n".join([f"auth_param {scheme} {line}" for line in lines] +
                     ["acl users proxy_auth REQUIRED"])


def lacks_for_samba():
    """What keeps Samba from running here; None: nothing."""
    for path in (NTLM_AUTH, WINBINDD):
        if not os.path.exists(path):
            return f"no {path} (apt-get install -y samba winbind)"
    return None if os.geteuid() == 0 else "Samba and squid need root for NTLM"


def start_samba(folder):
    """winbindd with the account, for ntlm_auth as squid runs it."""
    samba = Samba(os.path.join(folder, "samba"), {USER: PASSWORD}, group=SQUID_USER)
    return samba.start()


def samba_pids(samba):
    """winbindd, and what it has started and let go of."""
    return [samba.process.pid] + samba._rpc_pids()
