# SPDX-License-Identifier: MIT
"""Command-line clients get in, each with the schemes that it can do; old NTLM does not."""
import subprocess

import pytest

from lib import apt, others
from lib.auth import (ALICE, BOB, HTTP_NAME, PAGE, pages)  # noqa: F401  # pylint: disable=W0611
from lib.http_servers import Nginx
from lib.kdc import Kdc

TEXT = PAGE.decode()
ALL = ["negotiate", "ntlm", "digest", "basic"]
# curl's own NTLM knows Latin-1 alone, and sends each byte of UTF-8 as a character.
PASSWORDS = [("basic", ALICE), ("digest", ALICE), ("basic", BOB), ("digest", BOB), ("ntlm", BOB)]


class Files(Nginx):
    """nginx with a folder of files, `www`."""

    connections = ()  # its log tells them

    def configure(self):
        super().configure()
        path = f"{self.folder}/nginx.conf"
        with open(path, encoding="utf-8") as f:
            text = f.read()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace('return 200 "ok";', f"root {self.folder}/www;"))


@pytest.fixture
def files(tmp_path, closing):
    folder = tmp_path / "nginx"
    (folder / "www").mkdir(parents=True)
    server = closing(Files(folder))
    server.www = folder / "www"
    return server


@pytest.fixture
def kdc(tmp_path, closing):
    return closing(Kdc(tmp_path / "kdc", users=dict([ALICE, BOB])))


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def ticket(kdc, user):  # pylint: disable=redefined-outer-name
    found = kdc.kinit(user)
    return {name: found[name] for name in ("KRB5_CONFIG", "KRB5CCNAME", "GSS_MECH_CONFIG")}


# curl

@pytest.mark.parametrize("scheme,account", PASSWORDS)
def test_curl(pages, home, scheme, account):  # noqa: F811
    there = pages([scheme])
    for url in (there.http, there.https):
        status, said = others.curl(home, there.address, *account, url, scheme=scheme)
        assert status == 0 and said.startswith(TEXT), said
    there.allowed(account[0], scheme)
    there.allowed(account[0], scheme, is_tunnel=True)
    there.check_log()


@pytest.mark.parametrize("algorithms", [["SHA-256"], ["MD5"], ["MD5", "SHA-256"]])
def test_curl_digest_algorithms(pages, home, algorithms):  # noqa: F811
    there = pages(["digest"], algorithms=algorithms)
    for url in (there.http, there.https):
        status, said = others.curl(home, there.address, *ALICE, url, scheme="digest")
        assert status == 0 and said.startswith(TEXT), said
    there.allowed("alice", "digest", is_tunnel=True)


@pytest.mark.parametrize("offered", [ALL[1:], ["basic", "digest"], ["basic"]])
def test_curl_takes_the_best(pages, home, offered):  # noqa: F811
    there = pages(offered)
    status, said = others.curl(home, there.address, *BOB, there.https, scheme="anyauth")
    assert status == 0 and said.startswith(TEXT), said
    best = next(s for s in ("digest", "ntlm", "basic") if s in offered)
    there.allowed("bob", best, is_tunnel=True)


def test_curl_with_a_ticket(pages, home, kdc):  # noqa: F811  # pylint: disable=W0621
    there = pages(ALL, keytab=kdc.keytab, environment=kdc.proxy_environment())
    address = ("localhost", there.address[1])
    for url in (there.http, there.https):
        status, said = others.curl(home, address, None, None, url, scheme="negotiate",
                                   env=ticket(kdc, "alice"))
        assert status == 0 and said.startswith(TEXT), said
    there.allowed("alice", "negotiate")
    there.allowed("alice", "negotiate", is_tunnel=True)


@pytest.mark.parametrize("scheme", ["basic", "digest", "ntlm"])
def test_curl_posts(pages, home, tmp_path, scheme):  # noqa: F811
    # With NTLM curl sends the body once, on the last leg.
    there = pages([scheme])
    (tmp_path / "payload").write_bytes(b"x" * 300_000)
    status, said = others.curl(home, there.address, *BOB, there.http, "--data-binary",
                               f"@{tmp_path}/payload", scheme=scheme)
    assert status == 0 and said.startswith(TEXT), said
    assert there.allowed("bob", scheme)["bytes_in"] > 300_000


@pytest.mark.parametrize("scheme", ["basic", "digest", "ntlm"])
@pytest.mark.parametrize("user,password", [("bob", "not it"), ("nobody", "secret-2"),
                                           ("bob", "secret-2\x01"), ("bob", "")])
def test_curl_is_refused(pages, home, scheme, user, password):  # noqa: F811
    there = pages([scheme])
    status, said = others.curl(home, there.address, user, password, there.https, scheme=scheme)
    assert status == 56 and said.endswith("000 407\n"), said
    assert all(not r.get("user") for r in there.refused())


# wget, git, apt, Python

@pytest.mark.parametrize("account", [ALICE, BOB])
def test_wget(pages, home, account):  # noqa: F811
    there = pages(ALL[1:])
    for url in (there.http, there.https):
        status, said = others.wget(home, there.address, *account, url)
        assert status == 0 and TEXT in said, said
    there.allowed(account[0], "basic")
    there.allowed(account[0], "basic", is_tunnel=True)


def make_repository(folder):
    """A bare repository with a commit, as files; returns the commit's name."""
    def git(*command):
        identity = ["-c", "user.name=alice", "-c", "user.email=alice@example.com",
                    "-c", "safe.directory=*"]
        return subprocess.run(["git", *identity, "--git-dir", str(folder), *command], check=True,
                              capture_output=True, text=True).stdout.strip()

    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    commit = git("commit-tree", "-m", "first", git("mktree"))
    git("update-ref", "refs/heads/main", commit)
    git("update-server-info")
    return commit


@pytest.mark.parametrize("scheme,account", PASSWORDS + [(None, BOB)])
def test_git(pages, files, home, scheme, account):  # noqa: F811  # pylint: disable=W0621
    commit = make_repository(files.www / "thing.git")
    there = pages([scheme] if scheme else ALL[1:], plain=files)
    home.mkdir()
    status, said = others.git(home, there.address, *account, there.http + "thing.git",
                              scheme=scheme)
    assert status == 0 and f"{commit}\trefs/heads/main" in said, said
    there.allowed(account[0], scheme or "digest")
    there.check_log()


def test_git_with_a_ticket(pages, files, home, kdc):  # noqa: F811  # pylint: disable=W0621
    commit = make_repository(files.www / "thing.git")
    there = pages(ALL, plain=files, keytab=kdc.keytab, environment=kdc.proxy_environment())
    home.mkdir()
    status, said = others.git(home, ("localhost", there.address[1]), "", "",
                              there.http + "thing.git", scheme="negotiate",
                              env=ticket(kdc, "bob"))
    assert status == 0 and commit in said, said
    there.allowed("bob", "negotiate")


@pytest.mark.parametrize("account", [ALICE, BOB])
def test_apt(pages, files, tmp_path, account):  # noqa: F811  # pylint: disable=W0621
    deb = apt.build_repository(files.www)
    there = pages(ALL[1:], plain=files)
    login = others.proxy_url(there.address, *account)
    for command in (["update"], ["update"], ["download", "tiny"]):
        status, said = apt.apt_get(tmp_path / "apt", login, there.http, *command)
        assert status == 0 and "Err:" not in said, said
    assert (tmp_path / "apt" / "tiny_1.0_amd64.deb").read_bytes() == deb
    record = there.proxy.log.one(path="/pool/tiny_1.0_amd64.deb", status=200)
    assert (record["user"], record["auth"]) == (account[0], "basic")


def test_apt_is_refused(pages, files, tmp_path):  # noqa: F811  # pylint: disable=W0621
    apt.build_repository(files.www)
    there = pages(ALL[1:], plain=files)
    login = others.proxy_url(there.address, "bob", "not it")
    _, said = apt.apt_get(tmp_path / "apt", login, there.http, "update")
    assert "407" in said, said
    there.refused()


@pytest.mark.parametrize("scheme,account", [
    ("basic", ALICE), ("digest", ALICE), ("ntlm", ALICE),
    ("basic", BOB), ("digest", BOB), ("ntlm", BOB)])
def test_python_requests(pages, home, scheme, account):  # noqa: F811
    there = pages([scheme])
    status, said = others.python_requests(home, there.address, *account, there.http,
                                          scheme=scheme)
    assert (status, said) == (0, f"200 {TEXT}\n" * 3), said
    there.allowed(account[0], scheme)
    there.check_log()


def test_python_requests_https(pages, home):  # noqa: F811
    there = pages(ALL[1:])
    status, said = others.python_requests(home, there.address, *BOB, there.https)
    assert (status, said) == (0, f"200 {TEXT}\n" * 3), said
    there.allowed("bob", "basic", is_tunnel=True)


def test_requests_ntlm_inside_negotiate(pages, home, kdc):  # noqa: F811  # pylint: disable=W0621
    # Where Negotiate alone is offered, requests-ntlm puts its messages there as they are.
    there = pages(["negotiate", "ntlm"], keytab=kdc.keytab, environment=kdc.proxy_environment(),
                  sources={"here": {"addresses": ["127.0.0.0/8"]}},
                  offers=[{"from": ["here"], "schemes": ["negotiate"]}])
    status, said = others.python_requests(home, there.address, *ALICE, there.http, scheme="ntlm")
    assert (status, said) == (0, f"200 {TEXT}\n" * 3), said
    assert there.proxy.log.wait(event="request", status=200)[0]["user"] == "alice"


def test_python_requests_digest_among_others(pages, home):  # noqa: F811
    there = pages(["ntlm", "digest"])
    status, said = others.python_requests(home, there.address, *BOB, there.http, scheme="digest")
    assert (status, said) == (0, f"200 {TEXT}\n" * 3), said
    there.allowed("bob", "digest")


# openconnect: its CONNECT and its TLS; there is no VPN behind it

@pytest.mark.parametrize("scheme,account", [("basic", ALICE), ("digest", ALICE), ("digest", BOB)])
def test_openconnect(pages, home, scheme, account):  # noqa: F811
    there = pages(ALL[1:])
    _, said = others.openconnect(home, there.address, *account, there.https, scheme=scheme)
    seen = [c for c in there.secure.connections if b"AnyConnect VPN Agent" in c.received]
    assert seen, said
    there.allowed(account[0], scheme, is_tunnel=True)


def test_openconnect_with_a_ticket(pages, home, kdc):  # noqa: F811  # pylint: disable=W0621
    there = pages(ALL, keytab=kdc.keytab, environment=kdc.proxy_environment())
    _, said = others.openconnect(home, ("localhost", there.address[1]), None, None, there.https,
                                 scheme="gssapi", env=ticket(kdc, "alice"))
    assert [c for c in there.secure.connections if b"AnyConnect VPN Agent" in c.received], said
    there.allowed("alice", "negotiate", is_tunnel=True)


# cntlm, and the old NTLM that must stay outside

@pytest.mark.parametrize("account", [ALICE, BOB])
def test_cntlm(pages, home, closing, account):  # noqa: F811
    there = pages(ALL[1:])
    between = closing(others.Cntlm(home / "cntlm", there.address, *account))
    for url in (there.http, there.https):
        status, said = others.curl(home, between.address, None, None, url)
        assert status == 0 and said.startswith(TEXT), said + between.said()
    there.allowed(account[0], "ntlm")
    there.allowed(account[0], "ntlm", is_tunnel=True)
    there.check_log()


@pytest.mark.parametrize("auth", ["NTLM", "NTLM2SR"])
def test_old_answers_of_cntlm_are_refused(pages, home, closing, auth):  # noqa: F811
    there = pages(["ntlm"])
    between = closing(others.Cntlm(home / "cntlm", there.address, *BOB, auth=auth))
    status, said = others.curl(home, between.address, None, None, there.http)
    assert status == 0 and said.endswith("407 000\n"), said + between.said()
    there.refused()


@pytest.mark.parametrize("scheme,account", [("digest", BOB), ("basic", BOB)])
def test_lwp(pages, home, scheme, account):  # noqa: F811
    there = pages([scheme])
    status, said = others.lwp(home, there.address, *account, there.http)
    assert (status, said) == (0, f"200\n{TEXT}\n"), said
    there.allowed(account[0], scheme)


def test_old_ntlm_of_perl_is_refused(pages, home):  # noqa: F811
    there = pages(["ntlm"])
    status, said = others.perl_ntlm(home, there.address, *BOB, there.http)
    assert status == 0 and said.startswith("407\n"), said
    there.refused()


def test_old_ntlm_of_openconnect_is_refused(pages, home):  # noqa: F811
    there = pages(["ntlm"])
    pin = others.certificate_pin(there.https)
    there.secure.connections.clear()
    status, said = others.openconnect(home, there.address, *BOB, there.https, scheme="ntlm",
                                      pin=pin)
    assert status != 0 and "407" in said, said
    there.refused()


def test_old_ntlm_of_proxytunnel_is_refused(pages, home):  # noqa: F811
    there = pages(["ntlm"])
    status, said = others.proxytunnel(home, there.address, *BOB, there.https, data=b"hello")
    assert status != 0, said
    there.refused()


def test_basic_of_proxytunnel(pages, home):  # noqa: F811
    there = pages(["basic"])
    status, said = others.proxytunnel(home, there.address, *ALICE, there.http, scheme="basic",
                                      data=f"GET / HTTP/1.1\r\nHost: {HTTP_NAME}\r\n\r\n".encode())
    assert "Tunnel established" in said, (status, said)
    record = there.proxy.log.one(event="open")
    assert (record["user"], record["auth"]) == ("alice", "basic")
