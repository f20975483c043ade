# SPDX-License-Identifier: MIT
"""Negotiate with real tickets of an MIT KDC on loopback."""
import os
import subprocess

import pytest

from lib.auth_wire import section, write_accounts
from lib.http_steps import OPEN
from lib.kdc import Kdc
from lib.metrics import scrape

USERS = {"alice": "secret", "bob@OTHER.TEST": "secret"}


@pytest.fixture(scope="module")
def kdc(tmp_path_factory):
    running = Kdc(tmp_path_factory.mktemp("kdc"), users=USERS, names=("localhost", "127.0.0.1"),
                  realms=("PROXY.TEST", "OTHER.TEST"))
    yield running
    running.close()


@pytest.fixture
def guarded(proxy, tmp_path, kdc):
    write_accounts(tmp_path)

    def start(schemes=("negotiate",), **sections):
        auth = section(schemes, tmp_path, negotiate={"keytab": kdc.keytab})
        return proxy(environment=kdc.proxy_environment(), **{**OPEN, "auth": auth, **sections})
    return start


@pytest.fixture
def target(origin):
    return f"127.0.0.1:{origin(lambda peer, *_: peer.close()).port}"


def curl(environment, p, target, *options, user=":", name="localhost", count=1):
    """The statuses of curl's CONNECTs: of the last answer to each."""
    urls = [f"http://{target}/"] * count
    done = subprocess.run(
        ["curl", "-q", "-s", "-o", "/dev/null", "-w", "%{http_connect} ", "--proxytunnel",
         "--noproxy", "", "--max-time", "20", "-x", f"http://{name}:{p.address[1]}",
         "--proxy-negotiate", "-U", user, *options, *urls],
        env=environment, capture_output=True, text=True, timeout=60)
    return done.stdout.split()


def test_a_ticket(guarded, target, kdc):
    p = guarded()
    environment = kdc.kinit("alice")
    for name in ("localhost", "127.0.0.1"):  # any principal of the keytab
        assert curl(environment, p, target, name=name) == ["200"]
    opened = p.log.wait(2, event="open")
    assert {(r["user"], r["auth"]) for r in opened} == {("alice", "negotiate")}
    assert scrape(p).value("sallyport_auth_total", scheme="negotiate", result="ok") == 2


def test_a_user_of_another_realm_has_its_name(guarded, target, kdc):
    p = guarded()
    assert curl(kdc.kinit("bob@OTHER.TEST"), p, target) == ["200"]
    assert p.log.one(event="open")["user"] == "bob@OTHER.TEST"


def test_no_ticket(guarded, target, kdc):
    p = guarded()
    assert curl(kdc.client_environment(None), p, target) == ["407"]


def test_no_ticket_but_ntlm_inside_spnego(guarded, target, kdc):
    p = guarded(["negotiate", "ntlm"])
    environment = kdc.client_environment(None, ntlm_users="CORP:alice:Secret-1\n")
    assert curl(environment, p, target, user="alice:Secret-1") == ["200"]
    opened = p.log.one(event="open")
    assert (opened["user"], opened["auth"]) == ("alice", "negotiate")
    wrong = kdc.client_environment(None, ntlm_users="CORP:alice:wrong\n")
    assert curl(wrong, p, target, user="alice:wrong") == ["407"]


def test_a_ticket_of_48_kib(guarded, target, kdc):
    p = guarded()
    environment = kdc.kinit("alice")
    kdc.add_big_ticket("alice", "localhost", 48 * 1024)
    assert curl(environment, p, target) == ["200"]


def test_other_fields_do_not_gain_by_it(guarded, target, kdc, client):
    p = guarded()
    with client(p) as c:
        answer = c.connect(target, ["X: " + "x" * 70000])
    assert answer.status == 431


def test_a_replayed_ticket(guarded, target, kdc, client):
    p = guarded()
    environment = kdc.kinit("alice")
    sent = subprocess.run(
        ["curl", "-q", "-sv", "-o", "/dev/null", "--proxytunnel", "--noproxy", "", "-x",
         f"http://localhost:{p.address[1]}", "--proxy-negotiate", "-U", ":",
         f"http://{target}/"], env=environment, capture_output=True, text=True, timeout=60)
    [field] = [line[2:] for line in sent.stderr.splitlines()
               if line.startswith("> Proxy-Authorization: Negotiate ")]
    with client(p) as c:
        assert c.connect(target, [field.strip()]).status == 407
    assert p.wait_error("Kerberos: a ticket")
    assert field.split()[-1][:60] not in p.errors()


def test_a_service_that_is_not_in_the_keytab(guarded, target, kdc, tmp_path):
    kdc.add_service(str(tmp_path / "other.keytab"), "elsewhere")
    p = guarded()
    environment = kdc.kinit("alice")
    options = ["--proxy-service-name", "HTTP"]
    hosts = ["--resolve", f"elsewhere:{p.address[1]}:127.0.0.1"]
    assert curl(environment, p, target, *options, *hosts, name="elsewhere") == ["407"]
    assert p.wait_error("Kerberos: a ticket")


def test_many_at_once(guarded, target, kdc):
    p = guarded(workers=2)
    environment = kdc.kinit("alice")
    running = [subprocess.Popen(
        ["curl", "-q", "-s", "-o", "/dev/null", "-w", "%{http_connect}", "--proxytunnel",
         "--noproxy", "", "-x", f"http://localhost:{p.address[1]}", "--proxy-negotiate", "-U",
         ":", f"http://{target}/"], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(20)]
    assert [r.communicate(timeout=60)[0] for r in running] == ["200"] * 20


def test_a_keytab_that_goes_away(guarded, target, kdc, tmp_path):
    p = guarded()
    environment = kdc.kinit("alice")
    os.rename(kdc.keytab, kdc.keytab + ".gone")
    try:
        assert curl(environment, p, target) in (["503"], ["407"])
    finally:
        os.rename(kdc.keytab + ".gone", kdc.keytab)
    assert curl(environment, p, target) == ["200"]
