# SPDX-License-Identifier: MIT
"""`sallyport passwd`: what it writes is read by the programs whose files these are, and a
file is only ever the old one or the new one."""
import fcntl
import hashlib
import os
import pathlib
import pty
import random
import re
import resource
import select
import signal
import subprocess
import termios
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.path.abspath(os.environ.get("SALLYPORT_BIN", str(ROOT / "build" / "sallyport")))
OTHERS = b"# people\n\nbob:$apr1$p6Gh/eZr$DI/d9knAA7QQChJDBu3K91\n  \ncarol:!\n"


def passwd(*args, password=b"Secret1\n", **options):
    return subprocess.run([BINARY, "passwd", *map(str, args)], input=password,
                          capture_output=True, timeout=60, **options)


def change(*args, password=b"Secret1\n"):
    done = passwd(*args, password=password)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def refuse(status, text, *args, password=b"Secret1\n"):
    done = passwd(*args, password=password)
    assert done.returncode == status, done.stderr
    assert done.stdout == b""
    assert re.search(text, done.stderr.decode()), done.stderr
    assert b"Secret1" not in done.stderr
    return done.stderr.decode()


def htpasswd_knows(file, user, password):
    done = subprocess.run(["htpasswd", "-vb", file, user, password], capture_output=True,
                          timeout=30)
    return done.returncode == 0


def ha1(name, *parts):
    return hashlib.new(name, b":".join(parts)).hexdigest().encode()


def nt_hash(password):
    """By OpenSSL, whose MD4 is in its legacy provider."""
    done = subprocess.run(
        ["openssl", "dgst", "-md4", "-binary", "-provider", "legacy", "-provider", "default"],
        input=password.encode("utf-16le"), capture_output=True, timeout=30, check=True)
    return done.stdout.hex().upper()


def mode(file):
    return os.stat(file).st_mode & 0o7777


# What is written

def test_htpasswd_reads_what_is_written(tmp_path):
    file = tmp_path / "users.htpasswd"
    assert change(file, "alice") == f"{file}: added alice, in a new file of the form htpasswd\n"
    assert mode(file) == 0o600
    assert file.read_bytes().startswith(b"alice:$2y$10$")
    assert htpasswd_knows(file, "alice", "Secret1")
    assert not htpasswd_knows(file, "alice", "Secret2")
    assert change(file, "alice", password=b"Secret2") == f"{file}: changed alice\n"
    assert htpasswd_knows(file, "alice", "Secret2")
    assert not htpasswd_knows(file, "alice", "Secret1")
    assert change(file, "bob") == f"{file}: added bob\n"
    assert htpasswd_knows(file, "alice", "Secret2") and htpasswd_knows(file, "bob", "Secret1")


def test_htdigest_has_a_line_for_each_algorithm(tmp_path):
    file = tmp_path / "htdigest"
    change("--realm", "Our proxy", file, "alice")
    assert file.read_bytes() == (
        b"alice:Our proxy:" + ha1("md5", b"alice", b"Our proxy", b"Secret1") + b"\n"
        b"alice:Our proxy:" + ha1("sha256", b"alice", b"Our proxy", b"Secret1") + b"\n")
    assert "of the realm Our proxy" in change(file, "bob")
    lines = file.read_bytes().splitlines()
    assert lines[2] == b"bob:Our proxy:" + ha1("md5", b"bob", b"Our proxy", b"Secret1")
    assert len(lines) == 4
    change(file, "alice", password=b"new\n")
    changed = file.read_bytes().splitlines()
    assert changed[0].endswith(ha1("md5", b"alice", b"Our proxy", b"new"))
    assert changed[1].endswith(ha1("sha256", b"alice", b"Our proxy", b"new"))
    assert changed[2:] == lines[2:]


def test_a_line_of_htdigest_gets_its_sha256(tmp_path):
    """htdigest(1) makes MD5 alone, asks on a terminal only, and its line is replaced."""
    file = tmp_path / "users"
    md5 = ha1("md5", b"alice", b"Sallyport", b"old")
    file.write_bytes(b"alice:Sallyport:" + md5 + b"\nalice:Else:" + md5 + b"\n#x\n")
    refuse(2, "several realms; --realm", file, "alice")
    change("--realm", "Sallyport", file, "alice")
    assert file.read_bytes() == (
        b"alice:Sallyport:" + ha1("md5", b"alice", b"Sallyport", b"Secret1") + b"\n"
        b"alice:Sallyport:" + ha1("sha256", b"alice", b"Sallyport", b"Secret1") + b"\n"
        b"alice:Else:" + md5 + b"\n#x\n")


def test_smbpasswd_has_the_nt_hash(tmp_path):
    file = tmp_path / "users.smbpasswd"
    change(file, "J\u00fcrgen", password="Gr\u00fc\u00dfe \U0001f600\n".encode())
    before = int(time.time())
    name, uid, lm, nt, flags, changed, rest = file.read_text().rstrip("\n").split(":")
    assert name == "J\u00fcrgen" and lm == "X" * 32 and flags == "[U          ]" and rest == ""
    assert nt == nt_hash("Gr\u00fc\u00dfe \U0001f600") and uid.isdigit()
    assert changed.startswith("LCT-") and abs(int(changed[4:], 16) - before) < 60


def test_samba_reads_the_smbpasswd(tmp_path):
    file = tmp_path / "users.smbpasswd"
    change(file, "root")  # Samba knows only users of the machine
    (tmp_path / "smb.conf").write_text(
        f"[global]\npassdb backend = smbpasswd:{file}\nprivate dir = {tmp_path}\n"
        f"state directory = {tmp_path}\nlock directory = {tmp_path}\ncache directory = {tmp_path}\n"
        f"pid directory = {tmp_path}\nlog file = {tmp_path}/log\n")
    done = subprocess.run(["pdbedit", "-s", tmp_path / "smb.conf", "-L", "-w", "-u", "root"],
                          capture_output=True, text=True, timeout=60)
    assert f":{'X' * 32}:{nt_hash('Secret1')}:[U          ]:LCT-" in done.stdout, done.stderr


def test_smbpasswd_keeps_number_and_flags(tmp_path):
    file = tmp_path / "users"
    file.write_text(f"Alice:1001:{'A' * 32}:{'B' * 32}:[NU X        ]:LCT-00000001:Alice A.\n"
                    f"bob:1002:{'A' * 32}:{'B' * 32}:[U          ]:LCT-00000001:\n")
    change(file, "alice")
    alice, bob = file.read_text().splitlines()
    assert alice.startswith(f"Alice:1001:{'X' * 32}:{nt_hash('Secret1')}:[UX         ]:LCT-")
    assert alice.endswith(":Alice A.")
    assert bob == f"bob:1002:{'A' * 32}:{'B' * 32}:[U          ]:LCT-00000001:"


def test_other_lines_stay(tmp_path):
    file = tmp_path / "users"
    file.write_bytes(OTHERS)
    change(file, "alice")
    text = file.read_bytes()
    assert text.startswith(OTHERS) and text.count(b"\n") == OTHERS.count(b"\n") + 1
    change(file, "bob")
    changed = file.read_bytes().split(b"\n")
    assert changed[:2] == [b"# people", b""] and changed[3:5] == [b"  ", b"carol:!"]
    assert changed[5] == text.split(b"\n")[5]
    assert htpasswd_knows(file, "bob", "Secret1")
    assert change("--delete", file, "alice") == f"{file}: removed alice\n"
    change("--delete", file, "bob")
    assert file.read_bytes() == b"# people\n\n  \ncarol:!\n"


@pytest.mark.parametrize("before,pattern", [
    (b"#x\r\nbob:*\r\n", rb"#x\r\nbob:\*\r\nalice:[^\r\n]+\r\n"),
    (b"#x\r\nbob:*", rb"#x\r\nbob:\*\r\nalice:[^\r\n]+\r\n"),
    (b"bob:*", rb"bob:\*\nalice:[^\r\n]+\n"),
    (b"alice:*\r\nbob:*\n", rb"alice:\$[^\r\n]+\r\nbob:\*\n"),
    (b"bob:*\nalice:*", rb"bob:\*\nalice:\$[^\r\n]+"),
    (b"\xef\xbb\xbfalice:*\n", rb"\xef\xbb\xbfalice:\$[^\r\n]+\n"),
    (b"bob:*\nalice:*:Room 12: left\n", rb"bob:\*\nalice:\$[^\r\n:]+:Room 12: left\n"),
    (b"alice:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", rb"alice:\$2y[^\r\n]+\n"),
])
def test_ends_of_lines_stay(tmp_path, before, pattern):
    file = tmp_path / "users"
    file.write_bytes(before)
    change(file, "alice")
    assert re.fullmatch(pattern, file.read_bytes()), file.read_bytes()


def test_names_are_utf8(tmp_path):
    file = tmp_path / "htpasswd"
    change(file, "J\u00fcrgen Gro\u00df", password="\u00fc\u00df\n".encode())
    assert htpasswd_knows(file, "J\u00fcrgen Gro\u00df", "\u00fc\u00df")
    digest = tmp_path / "htdigest"
    change("--realm", "\u00c4", digest, "J\u00fcrgen", password="\u00fc\n".encode())
    assert ha1("sha256", *[s.encode() for s in ("J\u00fcrgen", "\u00c4", "\u00fc")]) \
        in digest.read_bytes()


# Which format it is

def test_the_format_is_found(tmp_path):
    for name, start in (("my-htpasswd.txt", b"alice:$2y$"), ("htpasswd", b"alice:$2y$"),
                        ("x.smbpasswd", b"alice:6"), ("htdigest.users", b"alice:r:")):
        options = ["--realm", "r"] if "digest" in name else []
        change(*options, tmp_path / name, "alice")
        assert (tmp_path / name).read_bytes().startswith(start)
    # The content goes before the name.
    os.rename(tmp_path / "x.smbpasswd", tmp_path / "y.htpasswd")
    change(tmp_path / "y.htpasswd", "bob")
    assert f":{nt_hash('Secret1')}:[U" in (tmp_path / "y.htpasswd").read_text().splitlines()[1]


def test_the_format_where_nothing_tells_it(tmp_path):
    assert "of the form htpasswd" in change(tmp_path / "users", "alice")
    (tmp_path / "letter").write_text("Dear reader,\n")
    refuse(2, "--format says", tmp_path / "letter", "alice")
    refuse(2, "holds accounts of htpasswd, not of htdigest", "--format", "htdigest", "--realm",
           "r", tmp_path / "users", "alice")
    refuse(2, "--format is htpasswd, htdigest or", "--format", "shadow", tmp_path / "u", "alice")
    assert "of the realm Sallyport," in change(tmp_path / "new.htdigest", "alice")
    refuse(2, "--realm belongs to htdigest", "--realm", "r", tmp_path / "users", "alice")
    refuse(2, "control", "--realm", "a\nb", tmp_path / "htdigest", "alice")


@pytest.mark.parametrize("text", [
    "root:x:0:0:root:/root:/bin/bash\n", "staff: alice bob\n", "staff:x:50:alice\n",
    "root:$y$j9T$salt$hash:19000:0:99999:7:::\n", "127.0.0.1 localhost\n", "listeners = ();\n"])
def test_other_files_are_left_alone(tmp_path, text):
    (tmp_path / "file").write_text(text)
    refuse(2, "no account in a form that is known", tmp_path / "file", "alice")
    assert (tmp_path / "file").read_text() == text


# What is refused

@pytest.mark.parametrize("user", ["", "a:b", "a\nb", "a\rb", "#alice", " alice", "alice ",
                                  "al\x7fice", "a" * 256])
def test_bad_names(tmp_path, user):
    refuse(2, "the user's name ", tmp_path / "htpasswd", user)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("password,why", [
    (b"", "is empty"), (b"\nSecret1\n", "is empty"), (b"Secret1\0x\n", "control character"),
    (b"Secret1\r\n", "control character"), (b"Sec\tret1\n", "control character"),
    (b"\x7f\n", "control character"), (b"p" * 257 + b"\n", "longer than 256"),
    (b"p" * 73, "longer than 72 bytes"), (b"p" * 5000, "longer than 256")])
def test_bad_passwords(tmp_path, password, why):
    refuse(2, why, tmp_path / "htpasswd", "alice", password=password)
    assert os.listdir(tmp_path) == []


def test_long_passwords_where_they_fit(tmp_path):
    change(tmp_path / "htpasswd", "alice", password=b"p" * 72)
    assert htpasswd_knows(tmp_path / "htpasswd", "alice", "p" * 72)
    change("--realm", "r", tmp_path / "htdigest", "alice", password=b"p" * 256)
    assert ha1("md5", b"alice", b"r", b"p" * 256) in (tmp_path / "htdigest").read_bytes()
    refuse(2, "not UTF-8", tmp_path / "smbpasswd", "alice", password=b"\xff\xfe")


def test_a_password_is_no_argument(tmp_path):
    text = refuse(2, "never an argument", tmp_path / "htpasswd", "alice", "Secret1")
    assert "Secret1" not in text
    for option in ("--password=Secret1", "-bSecret1", "-pSecret1"):
        refuse(2, "asked for, or read from standard input", option, tmp_path / "htpasswd", "alice")
    assert os.listdir(tmp_path) == []


def test_wrong_usage(tmp_path):
    refuse(2, "a FILE and a USER")
    refuse(2, "a FILE and a USER", tmp_path / "htpasswd")
    refuse(2, "lacks its value", "--realm")
    refuse(2, "must not be empty", "--realm", "", tmp_path / "htdigest", "alice")
    refuse(2, "is not a regular file", "--format", "htpasswd", tmp_path, "alice")
    refuse(2, "No such file", tmp_path / "none" / "htpasswd", "alice")
    refuse(2, "no such file", "--delete", tmp_path / "htpasswd", "alice")


def test_nobody_to_remove(tmp_path):
    (tmp_path / "users").write_bytes(OTHERS)
    refuse(1, "has no user alice", "--delete", tmp_path / "users", "alice")
    assert (tmp_path / "users").read_bytes() == OTHERS


def test_an_account_twice(tmp_path):
    file = tmp_path / "users"
    file.write_bytes(b"alice:*\nbob:*\nalice:!\n")
    refuse(2, ":3: has the user a second time, after line 1", file, "alice")
    assert file.read_bytes() == b"alice:*\nbob:*\nalice:!\n"
    change("--delete", file, "alice")
    assert file.read_bytes() == b"bob:*\n"


def test_only_the_first_line_is_read(tmp_path):
    """What follows is for the next command."""
    script = f'"{BINARY}" passwd htpasswd alice && "{BINARY}" passwd htpasswd bob'
    subprocess.run(["sh", "-c", script], cwd=tmp_path, input=b"one\ntwo\nthree\n", timeout=60,
                   check=True, capture_output=True)
    assert htpasswd_knows(tmp_path / "htpasswd", "alice", "one")
    assert htpasswd_knows(tmp_path / "htpasswd", "bob", "two")


# The file as a whole

def test_modes(tmp_path):
    file = tmp_path / "htpasswd"
    for before, after in ((0o600, 0o600), (0o640, 0o640), (0o644, 0o600), (0o666, 0o600),
                          (0o400, 0o600), (0o660, 0o640), (0o604, 0o600)):
        file.write_bytes(OTHERS)
        os.chmod(file, before)
        done = passwd(file, "alice")
        assert done.returncode == 0
        assert mode(file) == after
        warning = f"its mode was {before:04o} and is {after:04o} now"
        assert (warning in done.stderr.decode()) == (before != after)


def test_a_loose_umask_makes_no_loose_file(tmp_path):
    before = os.umask(0)
    try:
        change(tmp_path / "htpasswd", "alice")
    finally:
        os.umask(before)
    assert mode(tmp_path / "htpasswd") == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_owner_and_group_stay(tmp_path):
    file = tmp_path / "htpasswd"
    file.write_bytes(OTHERS)
    os.chown(file, 12345, 23456)
    os.chmod(file, 0o640)
    change(file, "alice")
    info = os.stat(file)
    assert (info.st_uid, info.st_gid, info.st_mode & 0o7777) == (12345, 23456, 0o640)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "users").write_bytes(OTHERS)
    (tmp_path / "htpasswd").symlink_to("there/users")
    change(tmp_path / "htpasswd", "alice")
    assert os.path.islink(tmp_path / "htpasswd")
    assert htpasswd_knows(tmp_path / "there" / "users", "alice", "Secret1")
    assert os.listdir(tmp_path / "there") == ["users"]
    (tmp_path / "nowhere.htpasswd").symlink_to("there/none")
    refuse(2, "No such file", tmp_path / "nowhere.htpasswd", "alice")


def test_the_file_is_replaced_not_rewritten(tmp_path):
    """Who has the old one open reads the old one to its end."""
    file = tmp_path / "htpasswd"
    file.write_bytes(OTHERS)
    with open(file, "rb") as old:
        change(file, "alice")
        assert old.read() == OTHERS
    assert file.read_bytes() != OTHERS
    assert os.listdir(tmp_path) == ["htpasswd"]


def test_a_write_that_fails_changes_nothing(tmp_path):
    file = tmp_path / "htpasswd"
    file.write_bytes(OTHERS)
    (tmp_path / ".htpasswd.sallyport").mkdir()
    refuse(1, "beside it", file, "alice")
    assert file.read_bytes() == OTHERS


def test_killed_while_it_writes(tmp_path):
    """The kernel ends it when the new file grows over a limit, half written."""
    file = tmp_path / "htpasswd"
    before = OTHERS + b"# a line of fifty characters, to make the file big\n" * 4000
    file.write_bytes(before)
    os.chmod(file, 0o600)

    def limit():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))

    done = passwd(file, "alice", preexec_fn=limit)
    assert done.returncode == -signal.SIGXFSZ
    assert file.read_bytes() == before
    left = tmp_path / ".htpasswd.sallyport"
    assert 0 < left.stat().st_size <= 100000 and mode(left) == 0o600
    change(file, "alice")
    assert file.read_bytes().startswith(before)
    assert os.listdir(tmp_path) == ["htpasswd"]


def test_killed_at_any_time(tmp_path):
    """Either the old file or the whole new one."""
    file = tmp_path / "htpasswd"
    before = OTHERS + b"# a line of fifty characters, to make the file big\n" * 20000
    file.write_bytes(before)
    dice = random.Random(7)
    for _ in range(15):
        process = subprocess.Popen([BINARY, "passwd", file, "alice"], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process.stdin.write(b"Secret1\n")
        process.stdin.close()
        time.sleep(dice.uniform(0.05, 0.3))
        process.kill()
        process.wait(timeout=30)
        text = file.read_bytes()
        is_new = re.fullmatch(re.escape(before) + rb"alice:\$2y\$10\$[./0-9A-Za-z]{53}\n", text)
        assert text == before or is_new
        file.write_bytes(before)
    change(file, "alice")
    assert os.listdir(tmp_path) == ["htpasswd"]


def test_many_at_once_lose_nothing(tmp_path):
    file = tmp_path / "htpasswd"
    users = [f"user{i}" for i in range(12)]
    processes = []
    for user in users:
        process = subprocess.Popen([BINARY, "passwd", file, user], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL)
        process.stdin.write(b"Secret1\n")
        process.stdin.close()
        processes.append(process)
    assert [p.wait(timeout=60) for p in processes] == [0] * len(users)
    assert sorted(line.split(":")[0] for line in file.read_text().splitlines()) == sorted(users)


def test_waits_for_the_other(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    process = subprocess.Popen([BINARY, "passwd", tmp_path / "htpasswd", "alice"],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    process.stdin.write(b"Secret1\n")
    process.stdin.close()
    time.sleep(1)
    assert process.poll() is None and os.listdir(tmp_path) == []
    os.close(folder)
    assert process.wait(timeout=30) == 0
    assert htpasswd_knows(tmp_path / "htpasswd", "alice", "Secret1")


# The terminal

class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(BINARY, [BINARY, "passwd", *map(str, args)])
        self.seen = b""
        self.status = None

    def wait(self, text):
        end = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.fd], [], [], 0.2)[0]:
                self.read()
        self.seen = self.seen.split(text, 1)[1]

    def read(self):
        try:
            got = os.read(self.fd, 4096)
        except OSError:
            got = b""
        self.seen += got
        return got

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, text)

    def end(self):
        while self.read():
            pass
        self.status = os.waitpid(self.pid, 0)[1]
        return self.status

    def close(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


@pytest.fixture
def terminal(closing):
    return lambda *args: closing(Terminal(*args))


def test_the_terminal_asks_twice_without_echo(tmp_path, terminal):
    t = terminal(tmp_path / "htpasswd", "alice")
    t.wait(b"New password for alice: ")
    assert not t.echoes()
    t.type(b"Secret1\n")
    t.wait(b"Once more, for alice: ")
    assert not t.echoes()
    t.type(b"Secret1\n")
    t.wait(b"added alice")
    assert t.echoes()
    assert os.waitstatus_to_exitcode(t.end()) == 0
    assert b"Secret1" not in t.seen
    assert htpasswd_knows(tmp_path / "htpasswd", "alice", "Secret1")


def test_two_passwords_that_differ(tmp_path, terminal):
    t = terminal(tmp_path / "htpasswd", "alice")
    t.wait(b"alice: ")
    t.type(b"Secret1\n")
    t.wait(b"alice: ")
    t.type(b"Secret2\n")
    t.wait(b"not the same")
    assert os.waitstatus_to_exitcode(t.end()) == 1
    assert os.listdir(tmp_path) == []


def test_an_empty_password_on_the_terminal(tmp_path, terminal):
    t = terminal(tmp_path / "htpasswd", "alice")
    t.wait(b"alice: ")
    t.type(b"\n")
    t.wait(b"is empty")
    assert os.waitstatus_to_exitcode(t.end()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_finds_the_terminal_as_it_was(tmp_path, terminal, number):
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    t = terminal(tmp_path / "htpasswd", "alice")
    t.wait(b"alice: ")
    assert not t.echoes()
    t.type(b"Secr")
    os.kill(t.pid, number)
    end = time.monotonic() + 30
    while not t.echoes() and time.monotonic() < end:
        time.sleep(0.02)
    assert t.echoes()
    assert os.waitstatus_to_exitcode(t.end()) == -number
    assert os.listdir(tmp_path) == []


def test_interrupted_from_the_keyboard(tmp_path, terminal):
    t = terminal(tmp_path / "htpasswd", "alice")
    t.wait(b"alice: ")
    t.type(b"Secr\x03")
    assert os.waitstatus_to_exitcode(t.end()) == -signal.SIGINT


def test_stopped_and_continued(tmp_path, terminal):
    t = terminal(tmp_path / "htpasswd", "alice")
    t.wait(b"alice: ")
    t.type(b"Sec")
    os.kill(t.pid, signal.SIGTSTP)
    # Nobody's job control: an orphaned group is not stopped, and it asks again.
    t.wait(b"alice: ")
    assert not t.echoes()
    t.type(b"Secret1\n")
    t.wait(b"alice: ")
    t.type(b"Secret1\n")
    assert os.waitstatus_to_exitcode(t.end()) == 0
    assert htpasswd_knows(tmp_path / "htpasswd", "alice", "Secret1")
