# SPDX-License-Identifier: MIT
"""Authentication helpers: Squid's own, Samba's, and scripted ones that misbehave."""
import hashlib
import os
import signal
import threading
import time

import pytest

from lib import helpers
from lib.auth_wire import Ntlm, basic, nt_hash, write_accounts
from lib.client import wait_until
from lib.http_steps import OPEN
from lib.metrics import scrape
from lib.origin import echo
from lib.samba import Samba

ACCOUNTS = {"alice": "Secret-1", "bob": "Sec ret%2 ä"}


@pytest.fixture
def target(origin):
    return f"127.0.0.1:{origin(echo).port}"


def start(proxy, command, scheme="basic", limits=None, rules=None, sources=None, auth=None,
          **options):
    section = {"realm": "Test", "schemes": [scheme], scheme: {"helper": command, **options},
               **(auth or {})}
    return proxy(**{**OPEN, "auth": section, "limits": {"drain": "1s", **(limits or {})},
                    "rules": rules or OPEN["rules"], "sources": sources})


def ask(client, p, target, user="alice", password="Secret-1"):
    with client(p) as c:
        return c.connect(target, [basic(user, password)])


def test_squids_ncsa_helper(proxy, client, target, tmp_path):
    write_accounts(tmp_path, ACCOUNTS)
    p = start(proxy, f"/usr/lib/squid/basic_ncsa_auth {tmp_path}/users.htpasswd")
    for user, password in ACCOUNTS.items():
        assert ask(client, p, target, user, password).status == 200
    assert ask(client, p, target, "alice", "x").status == 407
    assert ask(client, p, target, "nobody", "x").status == 407
    assert {r["user"] for r in p.log.wait(2, event="open")} == set(ACCOUNTS)


def test_squids_fake_helper_believes_everybody(proxy, client, target):
    p = start(proxy, "/usr/lib/squid/basic_fake_auth")
    assert ask(client, p, target, "who", "ever").status == 200
    with client(p) as c:
        # What Squid would cut at the NUL never reaches a helper.
        assert c.connect(target, [basic(password=b"who:ever\0x")]).status == 407


def test_passwords_reach_it_whole_and_once(proxy, client, target, tmp_path):
    helper = helpers.basic(tmp_path, ACCOUNTS)
    p = start(proxy, helper.command)
    assert helper.pids() == [], "started on demand"
    for _ in range(3):
        assert ask(client, p, target, "bob", ACCOUNTS["bob"]).status == 200
    for _ in range(3):
        assert ask(client, p, target, "bob", "wrong").status == 407
    digests = [hashlib.sha256(w.encode()).hexdigest() for w in (ACCOUNTS["bob"], "wrong")]
    assert helper.asked() == [f"bob {digest}" for digest in digests]
    assert len(helper.pids()) == 1


def test_groups_of_a_helper(proxy, client, target, tmp_path):
    helper = helpers.basic(tmp_path, ACCOUNTS, groups={"bob": ["staff", "other"]})
    p = start(proxy, helper.command, sources={"staff": {"groups": ["Staff"]}},
              rules=[{**OPEN["rules"][0], "from": ["staff"]}])
    assert ask(client, p, target, "bob", ACCOUNTS["bob"]).status == 200
    assert ask(client, p, target, "bob", ACCOUNTS["bob"]).status == 200, "and from the cache"
    assert ask(client, p, target).status == 403


def test_a_helper_that_dies_is_started_again(proxy, client, target, tmp_path):
    helper = helpers.basic(tmp_path, ACCOUNTS, deadly=["carol"])
    p = start(proxy, helper.command)
    assert ask(client, p, target).status == 200
    answer = ask(client, p, target, "carol", "x")
    assert (answer.status, answer.proxy_error) == (503, "proxy_internal_error")
    assert int(answer.get("retry-after")) > 0
    assert p.log.one(end="auth_unavailable")["verdict"] == "error"
    os.kill(helper.pids()[-1], 0) if len(helper.pids()) > 2 else None
    wait_until(lambda: ask(client, p, target, "bob", ACCOUNTS["bob"]).status == 200,
               what="a new helper")
    counts = scrape(p)
    assert counts.value("sallyport_auth_helper_events_total", event="died") >= 1
    assert counts.value("sallyport_auth_total", scheme="basic", result="unavailable") >= 1


def test_a_command_that_goes_missing(proxy, client, target, tmp_path):
    helper = helpers.basic(tmp_path, ACCOUNTS)
    gone = tmp_path / "gone"
    os.link(helper.path, gone)
    p = start(proxy, str(gone))
    gone.unlink()
    answer = ask(client, p, target)
    assert answer.status == 503 and answer.get("retry-after")
    assert p.wait_error("gone")
    os.link(helper.path, gone)
    wait_until(lambda: ask(client, p, target, "bob", ACCOUNTS["bob"]).status == 200,
               what="the command that is back")


def test_a_silent_helper_does_not_hold_others_up(proxy, client, target, tmp_path):
    helper = helpers.basic(tmp_path, ACCOUNTS, slow=60, slow_users=["carol"])
    p = start(proxy, helper.command, children=2, auth={"helper_timeout": "2s"})
    waiting = client(p)
    waiting.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{basic('carol', 'x')}\r\n\r\n")
    assert ask(client, p, target).status == 200
    assert waiting.read_answer().status == 503
    assert scrape(p).value("sallyport_auth_helper_events_total", event="timed_out") >= 1


def test_a_full_queue_is_503(proxy, client, target, tmp_path, closing):
    helper = helpers.basic(tmp_path, ACCOUNTS, slow=1.5)
    p = start(proxy, helper.command, children=1, queue=2, auth={"failures": {"burst": 0}})
    waiting = []
    for number in range(6):
        c = closing(client(p))
        c.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
               f"{basic('alice', f'x{number}')}\r\n\r\n")
        waiting.append(c)
        time.sleep(0.05)
    statuses = [c.read_answer().status for c in waiting[3:]]
    assert statuses == [503] * 3
    assert p.log.wait(3, end="auth_busy")
    assert p.process.poll() is None


def test_one_check_for_many_connections(proxy, client, target, tmp_path):
    helper = helpers.basic(tmp_path, ACCOUNTS, slow=0.5)
    p = start(proxy, helper.command, auth={"failures": {"burst": 2}})
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask(client, p, target).status))
               for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == [200] * 6 and len(helper.asked()) == 1


def test_channels(proxy, client, target, tmp_path):
    helper = helpers.basic(tmp_path, {f"user{n}": f"pw{n}" for n in range(3)}, channels=True,
                           batch=3)
    p = start(proxy, helper.command, children=1, concurrency=8)
    answers = {}

    def one(number, password):
        answers[number] = ask(client, p, target, f"user{number}", password).status
    threads = [threading.Thread(target=one, args=(n, f"pw{n}" if n else "wrong"))
               for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert answers == {0: 407, 1: 200, 2: 200}, "answered from the last to the first"


def test_an_answer_too_many_lets_nobody_in(proxy, client, target, tmp_path):
    helper = helpers.basic(tmp_path, ACCOUNTS, twice=["alice"])
    p = start(proxy, helper.command, children=1)
    assert ask(client, p, target).status in (200, 503)
    assert ask(client, p, target, "mallory", "x").status in (407, 503)
    assert not p.log.records(user="mallory")


def test_helpers_end_with_the_proxy(proxy, client, target, tmp_path):
    helper = helpers.basic(tmp_path, ACCOUNTS)
    p = start(proxy, helper.command)
    ask(client, p, target)
    [pid] = helper.pids()
    p.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


# NTLM

def shake_hands(client, p, target, *account, scheme="NTLM"):
    with client(p) as c:
        ntlm = Ntlm(*account)
        answer = c.connect(target, [ntlm.negotiate(scheme)])
        if answer.status != 407 or not answer.get("proxy-authenticate").startswith(scheme + " "):
            return answer
        challenge = answer.get("proxy-authenticate")
        return c.connect(target, [ntlm.authenticate(challenge, scheme)])


def test_ntlm_by_a_helper(proxy, client, target, tmp_path):
    helper = helpers.ntlmssp(tmp_path, {"alice": nt_hash("Secret-1")})
    p = start(proxy, helper.command, "ntlm", domain="CORP", children=2)
    for _ in range(4):
        assert shake_hands(client, p, target).status == 200
    assert shake_hands(client, p, target, "alice", "x").status == 407
    assert {r["user"] for r in p.log.wait(4, event="open")} == {"alice"}
    assert len(helper.pids()) <= 2


def test_a_handshake_holds_a_helper_only_while_it_lasts(proxy, client, target, tmp_path):
    helper = helpers.ntlmssp(tmp_path, {"alice": nt_hash("Secret-1")})
    p = start(proxy, helper.command, "ntlm", domain="CORP", children=1, queue=8)
    for _ in range(3):  # begun and left
        with client(p) as c:
            assert c.connect(target, [Ntlm().negotiate()]).status == 407
    assert shake_hands(client, p, target).status == 200


def test_a_helper_that_dies_in_a_handshake(proxy, client, target, tmp_path):
    helper = helpers.ntlmssp(tmp_path, {"alice": nt_hash("Secret-1")}, dies_at_kk=True)
    p = start(proxy, helper.command, "ntlm", domain="CORP")
    assert shake_hands(client, p, target).status == 503
    assert p.process.poll() is None


@pytest.fixture(scope="module")
def samba(tmp_path_factory):
    with Samba(tmp_path_factory.mktemp("samba"), ACCOUNTS) as running:
        yield running


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
def test_sambas_ntlm_auth(proxy, client, target, samba, scheme):
    auth = {"negotiate": {}, "schemes": ["negotiate", "ntlm"]} if scheme == "Negotiate" else {}
    p = start(proxy, samba.helper_command(), "ntlm", domain=samba.domain, auth=auth)
    for user, password in ACCOUNTS.items():
        answer = shake_hands(client, p, target, user, password, samba.domain, scheme=scheme)
        assert answer.status == 200
    assert shake_hands(client, p, target, "alice", "x", samba.domain, scheme=scheme).status == 407
    assert {r["user"] for r in p.log.wait(2, event="open")} == set(ACCOUNTS)
