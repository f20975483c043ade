# SPDX-License-Identifier: MIT
"""Basic: right and wrong passwords, what is kept of them, and how often one may be wrong."""
import subprocess
import threading
import time

import pytest

from lib.auth_wire import basic, guard_everything, reload, section, write_accounts
from lib.http_steps import OPEN
from lib.metrics import scrape
from lib.origin import echo


@pytest.fixture
def target(origin):
    return f"127.0.0.1:{origin(echo).port}"


@pytest.fixture
def guarded(proxy, tmp_path):
    return lambda limits=None, **auth: guard_everything(proxy, tmp_path, ["basic"], auth,
                                                        limits=limits or {})


def ask(client, p, target, *credentials, **options):
    with client(p, **options) as c:
        return c.connect(target, [basic(*credentials)])


def test_passwords(guarded, client, target, tmp_path):
    accounts = {"alice": "Secret-1", "zoë": "Pässwörd ✓", "colon": "a:b:c", "empty-ish": " "}
    write_accounts(tmp_path, accounts)
    p = guarded(failures={"burst": 100})
    for user, password in accounts.items():
        assert ask(client, p, target, user, password).status == 200, user
    for user, password in (("alice", "secret-1"), ("alice", "Secret-1 "), ("alice", "Secret-"),
                           ("alice", ""), ("Alice", "Secret-1"), ("nobody", "Secret-1"),
                           ("", "Secret-1"), ("colon", "a")):
        assert ask(client, p, target, user, password).status == 407, (user, password)
    assert {r["user"] for r in p.log.wait(4, event="open")} == set(accounts)


@pytest.mark.parametrize("plain", [
    b"alice:Secret-1\0x", b"alice:Secret-1\0", b"alice\0:Secret-1", b"alice:Secret-1\n",
    b"alice", b"", b":", b"alice:" + b"x" * 5000, b"a" * 5000 + b":x"])
def test_a_password_with_more_behind_it_does_not_pass(guarded, client, target, tmp_path, plain):
    write_accounts(tmp_path)
    p = guarded()
    with client(p) as c:
        assert c.connect(target, [basic(password=plain)]).status == 407
    assert ask(client, p, target).status == 200


@pytest.mark.parametrize("value", [
    "Basic", "Basic ", "Basic YWxpY2U6U2VjcmV0LTE", "Basic YWxpY2U6U2VjcmV0LTE= x",
    "Basic YWxpY2U6U2VjcmV0LTE==", "Basic !!!!", "Bearer abc", "", "NTLM", "Negotiate YII="])
def test_what_cannot_be_read_is_asked_again(guarded, client, target, tmp_path, value):
    write_accounts(tmp_path)
    p = guarded()
    with client(p) as c:
        assert c.connect(target, ["Proxy-Authorization: " + value]).status == 407
        assert c.connect(target, [basic()]).status == 200


def test_bcrypt_cuts_nothing(guarded, client, target, tmp_path):
    # bcrypt looks at 72 bytes: what is longer must not pass for what is not.
    write_accounts(tmp_path, {"alice": "x" * 72})
    p = guarded()
    assert ask(client, p, target, "alice", "x" * 72).status == 200
    assert ask(client, p, target, "alice", "x" * 73).status == 407


@pytest.mark.parametrize("method", ["yescrypt", "sha512crypt", "sha256crypt", "apr1"])
def test_other_hashes(guarded, client, target, tmp_path, method):
    options = {"sha512crypt": "-6", "sha256crypt": "-5", "apr1": "-apr1"}
    if method == "yescrypt":
        made = subprocess.run(["perl", "-e", 'print crypt("Secret-1", \'$y$j9T$abcdefgh\')'],
                              capture_output=True, text=True, check=True)
    else:
        made = subprocess.run(["openssl", "passwd", options[method], "-stdin"],
                              input="Secret-1\n", capture_output=True, text=True, check=True)
    write_accounts(tmp_path)
    (tmp_path / "users.htpasswd").write_text(f"alice:{made.stdout.strip()}\n")
    p = guarded()
    assert ask(client, p, target).status == 200
    assert ask(client, p, target, "alice", "Secret-2").status == 407


def test_the_second_tunnel_costs_no_hash(guarded, client, target, tmp_path):
    write_accounts(tmp_path, cost=11)
    p = guarded()
    took = []
    for _ in range(4):
        began = time.monotonic()
        assert ask(client, p, target).status == 200
        took.append(time.monotonic() - began)
    assert max(took[1:]) < took[0] / 2, took
    counts = scrape(p)
    assert counts.value("sallyport_auth_cached_total") == 3
    assert counts.value("sallyport_auth_total", scheme="basic", result="ok") == 4


def test_many_connections_at_once_are_one_check(guarded, client, target, tmp_path):
    # A browser brings the same credentials on six connections: one try, right or wrong.
    write_accounts(tmp_path, cost=10)
    p = guarded(failures={"burst": 2})
    for password, status in (("Secret-1", 200), ("wrong", 407)):
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(
            ask(client, p, target, "alice", password).status)) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert answers == [status] * 8
    assert scrape(p).value("sallyport_auth_total", scheme="basic", result="throttled") == 0


def test_a_slow_hash_holds_nobody_up(guarded, client, target, tmp_path):
    write_accounts(tmp_path, {"alice": "Secret-1", "bob": "Secret-2"}, cost=4)
    slow = subprocess.run(["htpasswd", "-niB", "-C", "13", "carol"], input=b"x",
                          capture_output=True, check=True).stdout.decode().strip()
    with open(tmp_path / "users.htpasswd", "a", encoding="utf-8") as f:
        f.write(slow + "\n")
    p = guarded()
    assert ask(client, p, target).status == 200
    waiting = client(p, timeout=100)
    waiting.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
                 f"{basic('carol', 'x')}\r\n\r\n")
    began = time.monotonic()
    assert ask(client, p, target).status == 200
    quick = time.monotonic() - began
    assert waiting.read_answer(has_body=False).status == 200
    assert quick < (time.monotonic() - began) / 2


def test_a_client_that_leaves_while_its_password_is_hashed(guarded, client, target, tmp_path):
    write_accounts(tmp_path, cost=12)
    p = guarded()
    for _ in range(3):
        with client(p) as c:
            c.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{basic()}\r\n\r\n")
    assert ask(client, p, target).status == 200


def test_a_changed_password_counts_at_once(guarded, client, target, tmp_path):
    write_accounts(tmp_path)
    p = guarded()
    assert ask(client, p, target).status == 200
    write_accounts(tmp_path, {"alice": "New-2"})
    reload(p)
    assert ask(client, p, target).status == 407
    assert ask(client, p, target, "alice", "New-2").status == 200
    write_accounts(tmp_path, {"bob": "x"})
    reload(p)
    assert ask(client, p, target, "alice", "New-2").status == 407


def test_unknown_users_take_as_long_and_get_the_same(guarded, client, target, tmp_path):
    write_accounts(tmp_path, cost=10)
    p = guarded(failures={"burst": 1000, "address_burst": 1000})
    times = {"alice": [], "nobody": []}
    pages = {}
    for number in range(8):
        for user, spent in times.items():
            began = time.monotonic()
            answer = ask(client, p, target, user, f"wrong{number}")
            spent.append(time.monotonic() - began)
            assert answer.status == 407
            request_id = answer.get("x-request-id").encode()
            fields = [f for f in answer.fields if f[0] not in ("date", "x-request-id")]
            pages.setdefault(user, []).append((answer.reason, fields,
                                               answer.body.replace(request_id, b"ID")))
    assert pages["alice"] == pages["nobody"]
    known, unknown = (sorted(spent)[4] for spent in times.values())
    assert 0.5 < known / unknown < 2, times
    assert known > 0.01, "a hash of cost 10 takes longer than that"


def test_too_many_wrong_passwords(guarded, client, target, tmp_path):
    write_accounts(tmp_path, {"alice": "Secret-1", "bob": "Secret-2"})
    p = guarded(failures={"burst": 3, "refill": "1h", "address_burst": 50})
    assert ask(client, p, target, "bob", "Secret-2").status == 200
    for number in range(3):
        assert ask(client, p, target, "alice", f"wrong{number}").status == 407
    throttled = ask(client, p, target)
    assert throttled.status == 407 and int(throttled.get("retry-after")) > 0
    assert b"too many" in throttled.body.lower()
    assert ask(client, p, target, "ALICE", "x").get("retry-after")
    # Others at this address, and she herself from elsewhere, are not to blame.
    assert ask(client, p, target, "bob", "Secret-2").status == 200
    assert ask(client, p, target, source=("127.0.0.9", 0)).status == 200
    reload(p)
    assert ask(client, p, target, "alice", "wrong9").get("retry-after"), "a reload forgets nothing"
    assert scrape(p).value("sallyport_auth_total", scheme="basic", result="throttled") >= 3
    assert scrape(p).value("sallyport_auth_total", scheme="basic", result="wrong") == 3
    assert p.log.records(end="auth_throttled")


def test_who_was_right_before_stays_in(guarded, client, target, tmp_path):
    write_accounts(tmp_path)
    p = guarded(failures={"burst": 2, "refill": "1h"})
    assert ask(client, p, target).status == 200
    for number in range(5):
        ask(client, p, target, "alice", f"wrong{number}")
    assert ask(client, p, target).status == 200


def test_one_address_with_many_names(guarded, client, target, tmp_path):
    write_accounts(tmp_path)
    p = guarded(failures={"burst": 2, "refill": "1h", "address_burst": 6})
    answers = [ask(client, p, target, f"user{n}", "x") for n in range(10)]
    assert [a.status for a in answers] == [407] * 10
    assert [a.get("retry-after") is not None for a in answers] == [False] * 6 + [True] * 4


def test_a_full_queue_is_503(guarded, client, target, tmp_path, closing):
    write_accounts(tmp_path, cost=13)
    p = guarded(failures={"burst": 0}, limits={"drain": "1s"})
    waiting = []
    for number in range(1200):
        c = closing(client(p))
        c.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
               f"{basic('alice', f'wrong{number}')}\r\n\r\n")
        waiting.append(c)
    answer = waiting[-1].read_answer()
    assert (answer.status, answer.proxy_error) == (503, "connection_limit_reached")
    assert int(answer.get("retry-after")) > 0
    assert p.log.records(end="auth_busy")


def test_another_realm_and_no_section(proxy, client, target, tmp_path):
    write_accounts(tmp_path)
    p = proxy(**{**OPEN, "auth": {**section(["basic"], tmp_path), "realm": 'A "quoted" \\ realm'}})
    with client(p) as c:
        answer = c.connect(target)
    assert answer.get("proxy-authenticate") == \
        'Basic realm="A \\"quoted\\" \\\\ realm", charset="UTF-8"'
    free = proxy(**OPEN)
    assert ask(client, free, target, "who", "ever").status == 200
