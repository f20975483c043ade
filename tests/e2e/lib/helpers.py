# SPDX-License-Identifier: MIT
"""Small authentication helpers, written into a folder as programs of their own.

    helper = helpers.basic(folder, {"alice": "secret"}, slow=2.0)
    helper.command        for `helper = "..."` in the configuration
    helper.asked()        what it was asked, one line each, of all its processes
    helper.pids()         the processes that were started, in order

They speak the protocols of Squid's helpers. Accounts are in the program, not in its
arguments; a password that is asked for is written to the record as a hash.
"""
import dataclasses
import os
import stat
import sys

COMMON = r'''
import base64, hashlib, os, struct, sys, time
from urllib.parse import unquote_to_bytes
FOLDER, NAME = os.path.dirname(os.path.abspath(__file__)), os.path.basename(__file__)
def note(kind, text):
    with open(os.path.join(FOLDER, NAME + "." + kind), "a") as out:
        out.write(text + "\n")
def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
note("pids", str(os.getpid()))
'''

BASIC = COMMON + r'''
def judge(words):
    user = unquote_to_bytes(words[0]).decode("utf-8", "replace")
    password = unquote_to_bytes(words[1] if len(words) > 1 else "").decode("utf-8", "replace")
    note("asked", user + " " + hashlib.sha256(password.encode()).hexdigest())
    if user in SLOW_USERS or SLOW_USERS == ["*"]:
        time.sleep(SLOW)
    if user in DEADLY:
        os._exit(1)
    if user in GARBAGE:
        return "what is this"
    if ACCOUNTS.get(user) != password:
        return 'ERR message="wrong user or password"'
    return "OK" + "".join(" group=" + group for group in GROUPS.get(user, []))
batch, extra = [], []
for line in iter(sys.stdin.readline, ""):
    words = line.rstrip("\n").split(" ")
    channel = words.pop(0) + " " if CHANNELS else ""
    batch.append(channel + judge(words))
    if words[0] in TWICE:
        extra.append(channel + "OK user=" + words[0])
    if len(batch) >= BATCH:
        say("\n".join(batch[::-1] + extra))
        batch, extra = [], []
'''

# NTLMv2 without a library: MS-NLMP sections 2.2.1 and 3.3.2. The NT hash comes with the
# program, so that no MD4 is needed.
NTLM = COMMON + r'''
import hmac
CHALLENGE = os.urandom(8)
def pair(kind, text):
    raw = text.encode("utf-16-le")
    return struct.pack("<HH", kind, len(raw)) + raw
def challenge():
    info = pair(2, DOMAIN) + pair(1, "HELPER") + struct.pack("<HH", 0, 0)
    name = DOMAIN.encode("utf-16-le")
    flags = 0x00000001 | 0x00000004 | 0x00000200 | 0x00010000 | 0x00080000 | 0x00800000
    head = b"NTLMSSP\0" + struct.pack("<IHHII", 2, len(name), len(name), 48, flags)
    head += CHALLENGE + b"\0" * 8
    head += struct.pack("<HHI", len(info), len(info), 48 + len(name))
    return head + name + info
def field(message, at):
    length, _, offset = struct.unpack_from("<HHI", message, at)
    return message[offset:offset + length]
def judge(message):
    response = field(message, 20)
    domain, user = (field(message, at).decode("utf-16-le") for at in (28, 36))
    note("asked", domain + "\\" + user)
    known = [name for name in ACCOUNTS if name.lower() == user.lower()]
    if not known or len(response) <= 24:
        return "NA NT_STATUS_LOGON_FAILURE"
    nt_hash = bytes.fromhex(ACCOUNTS[known[0]])
    key = hmac.new(nt_hash, (user.upper() + domain).encode("utf-16-le"), "md5").digest()
    proof = hmac.new(key, CHALLENGE + response[16:], "md5").digest()
    if not hmac.compare_digest(proof, response[:16]):
        return "NA NT_STATUS_LOGON_FAILURE"
    return "AF " + DOMAIN + "\\" + known[0]
for line in iter(sys.stdin.readline, ""):
    word, _, blob = line.strip().partition(" ")
    time.sleep(SLOW)
    try:
        message = base64.b64decode(blob, validate=True)
        if word == "YR":
            CHALLENGE = os.urandom(8)
            say("TT " + base64.b64encode(challenge()).decode())
        elif word == "KK":
            if DIES_AT_KK:
                os._exit(1)
            say(judge(message))
        else:
            say("BH what is " + word)
    except (ValueError, struct.error) as problem:
        say("BH " + type(problem).__name__)
'''


@dataclasses.dataclass
class Helper:
    path: str

    @property
    def command(self):
        return f"{sys.executable} {self.path}"

    def _lines(self, kind):
        try:
            with open(f"{self.path}.{kind}", encoding="utf-8") as text:
                return text.read().splitlines()
        except FileNotFoundError:
            return []

    def asked(self):
        return self._lines("asked")

    def pids(self):
        return [int(line) for line in self._lines("pids")]


def _write(folder, name, values, program):
    path = os.path.join(str(folder), name)
    with open(path, "w", encoding="utf-8") as out:
        out.write("#!" + sys.executable + "\n")
        for key, value in values.items():
            out.write(f"{key} = {value!r}\n")
        out.write(program)
    os.chmod(path, stat.S_IRWXU)
    return Helper(path)


def basic(folder, accounts, name="basic_helper", groups=None, channels=False, batch=1, slow=0.0,
          slow_users=("*",), deadly=(), garbage=(), twice=()):
    """accounts: {user: password}, groups: {user: [group]}. channels: for a concurrency above 0.

    batch: takes so many asks in and answers them from the last to the first (more than 1
    needs channels, and as many asks). slow: seconds for each of slow_users. A user of deadly
    ends the process, one of garbage gets a line that is no answer, one of twice gets an OK
    too many behind its answer.
    """
    return _write(folder, name, {
        "ACCOUNTS": dict(accounts), "GROUPS": dict(groups or {}), "CHANNELS": channels,
        "BATCH": batch, "SLOW": slow, "SLOW_USERS": list(slow_users), "DEADLY": list(deadly),
        "GARBAGE": list(garbage), "TWICE": list(twice)}, BASIC)


def ntlmssp(folder, accounts, name="ntlm_helper", domain="CORP", slow=0.0, dies_at_kk=False):
    """accounts: {user: NT hash in hex} (of "Password": a4f49c406510bdcab6824ee7c30fd852)."""
    return _write(folder, name, {"ACCOUNTS": dict(accounts), "DOMAIN": domain, "SLOW": slow,
                                 "DIES_AT_KK": dies_at_kk}, NTLM)
