# SPDX-License-Identifier: MIT
"""Digest (RFC 7616) as a proxy must check it: algorithms, counts, nonces, targets."""
import hashlib
import random
import time

import pytest

from lib.auth_wire import (REALM, Digest, challenges, guard_everything, parse_digest, reload,
                           write_accounts)
from lib.http_steps import request
from lib.http_wire import RecordingOrigin, read_message
from lib.metrics import scrape
from lib.origin import echo


@pytest.fixture
def target(origin):
    return f"127.0.0.1:{origin(echo).port}"


@pytest.fixture
def guarded(proxy, tmp_path):
    write_accounts(tmp_path)
    return lambda digest=None, **auth: guard_everything(proxy, tmp_path, ["digest"],
                                                        {"digest": digest or {}, **auth})


def offers(client, p, target):
    with client(p) as c:
        return challenges(c.connect(target))["digest"]


def ask(client, p, target, field):
    with client(p) as c:
        return c.connect(target, [field])


def is_stale(answer):
    return {parse_digest(v).get("stale", "false").lower() for v in
            answer.all("proxy-authenticate")} == {"true"}


def test_two_algorithms_in_their_order(guarded, client, target):
    p = guarded()
    found = offers(client, p, target)
    assert [parse_digest(v)["algorithm"] for v in found] == ["SHA-256", "MD5"]
    for challenge in found:
        params = parse_digest(challenge)
        assert params["realm"] == REALM and params["qop"] == "auth"
        assert params["charset"].upper() == "UTF-8"
        assert ask(client, p, target, Digest(challenge).field("CONNECT", target)).status == 200
        wrong = Digest(challenge, password="Secret-2").field("CONNECT", target)
        answer = ask(client, p, target, wrong)
        assert answer.status == 407 and not is_stale(answer)
    q = guarded({"algorithms": ["MD5"]})
    assert [parse_digest(v)["algorithm"] for v in offers(client, q, target)] == ["MD5"]


def test_requests_in_parallel_are_no_replays_and_replays_are_refused(guarded, client, target):
    p = guarded(failures={"burst": 1000, "address_burst": 1000})
    digest = Digest(offers(client, p, target)[0])
    counts = list(range(1, 61))
    random.Random(1).shuffle(counts)
    for count in counts:
        assert ask(client, p, target, digest.field("CONNECT", target, count)).status == 200
    for count in counts:
        assert ask(client, p, target, digest.field("CONNECT", target, count)).status == 407
    assert scrape(p).value("sallyport_auth_total", scheme="digest", result="replayed") == 60
    assert ask(client, p, target, digest.field("CONNECT", target, 5000)).status == 200
    assert ask(client, p, target, digest.field("CONNECT", target, 61)).status == 407


def test_nonces_survive_reload_restart_and_another_instance(guarded, client, target, tmp_path):
    (tmp_path / "secret").write_text("0123456789abcdef0123456789abcdef\n")
    secret = {"secret": str(tmp_path / "secret")}
    p, q = guarded(secret), guarded(secret)
    digest = Digest(offers(client, p, target)[0])
    assert ask(client, p, target, digest.field("CONNECT", target)).status == 200
    reload(p)
    assert ask(client, p, target, digest.field("CONNECT", target)).status == 200
    used = digest.field("CONNECT", target, 2)
    assert ask(client, p, target, used).status == 407, "a reload forgets no count"
    digest.count = 2
    assert ask(client, q, target, digest.field("CONNECT", target)).status == 200
    p.stop()
    r = guarded(secret)
    assert ask(client, r, target, digest.field("CONNECT", target)).status == 200


def test_alien_and_old_nonces_are_stale_but_only_with_the_password(guarded, client, target):
    p, q = guarded(), guarded()
    digest = Digest(offers(client, q, target)[0])
    answer = ask(client, p, target, digest.field("CONNECT", target))
    assert answer.status == 407 and is_stale(answer)
    again = Digest(challenges(answer)["digest"][0]).field("CONNECT", target)
    assert ask(client, p, target, again).status == 200
    wrong = Digest(offers(client, q, target)[0], password="x").field("CONNECT", target)
    answer = ask(client, p, target, wrong)
    assert answer.status == 407 and not is_stale(answer)


def test_a_nonce_has_its_time(guarded, client, target):
    p = guarded({"nonce_lifetime": "1s"})
    digest = Digest(offers(client, p, target)[0])
    assert ask(client, p, target, digest.field("CONNECT", target)).status == 200
    time.sleep(2.5)
    answer = ask(client, p, target, digest.field("CONNECT", target))
    assert answer.status == 407 and is_stale(answer)


@pytest.mark.parametrize("changed", [
    {"uri": '"other.test:443"'}, {"uri": None}, {"nonce": '"x"'}, {"nonce": None},
    {"realm": '"Other"'}, {"realm": None}, {"response": '"00000000000000000000000000000000"'},
    {"response": None}, {"nc": "00000000"}, {"nc": "0000001"}, {"nc": None}, {"cnonce": None},
    {"qop": "auth-int"}, {"qop": None}, {"algorithm": "SHA-512-256"}, {"algorithm": "MD5-sess"},
    {"algorithm": "MD5"}, {"username": '"nobody"'}, {"username": None}, {"username": '""'},
    {"username*": "UTF-8''alice"}, {"response": '"%s"' % ("a" * 5000)}])
def test_what_is_wrong_is_refused(guarded, client, target, changed):
    p = guarded()
    digest = Digest(offers(client, p, target)[0])
    with client(p) as c:
        assert c.connect(target, [digest.field("CONNECT", target, **changed)]).status == 407
        assert c.connect(target, [digest.field("CONNECT", target)]).status == 200


def test_a_digest_of_another_method_or_target(guarded, client, target):
    p = guarded()
    digest = Digest(offers(client, p, target)[0])
    assert ask(client, p, target, digest.field("GET", target)).status == 407
    assert ask(client, p, target, digest.field("CONNECT", "127.0.0.1:1")).status == 407


def test_both_forms_of_the_uri_of_a_plain_request(guarded, client, closing, target):
    there = closing(RecordingOrigin())
    p = guarded()
    url = f"http://127.0.0.1:{there.port}/a?b=c"
    digest = Digest(offers(client, p, target)[0])
    peer = None
    for uri in (url, "/a?b=c"):
        c = client(p)
        c.send(request(url, digest.field("GET", uri)))
        peer = peer or there.accept()
        assert not read_message(peer).values("Proxy-Authorization")
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert c.read_answer().status == 200
    for uri in ("/a", "/", "*", url + "x", f"http://127.0.0.2:{there.port}/a?b=c"):
        c = client(p)
        c.send(request(url, digest.field("GET", uri)))
        assert c.read_answer().status == 407, uri


def test_names_in_utf_8_and_hashed_names(proxy, client, target, tmp_path):
    write_accounts(tmp_path, {"zoë": "Pässwörd", "alice": "Secret-1"})
    p = guard_everything(proxy, tmp_path, ["digest"])
    for number, algorithm in enumerate(("sha256", "md5")):
        challenge = offers(client, p, target)[number]
        digest = Digest(challenge, "zoë", "Pässwörd")
        name = {"username": None, "username*": "UTF-8''zo%C3%AB"}
        assert ask(client, p, target, digest.field("CONNECT", target, **name)).status == 200
        raw = {"username": '"zoë"'.encode().decode("latin-1")}
        assert ask(client, p, target, digest.field("CONNECT", target, **raw)).status == 200
        hashed = hashlib.new(algorithm, f"zoë:{REALM}".encode()).hexdigest()
        field = digest.field("CONNECT", target, username=f'"{hashed}"', userhash="true")
        assert ask(client, p, target, field).status == 200
    assert {r["user"] for r in p.log.wait(6, event="open")} == {"zoë"}


def test_an_algorithm_that_not_everybody_has_is_not_offered(proxy, client, target, tmp_path):
    write_accounts(tmp_path, algorithms=["md5"])
    p = guard_everything(proxy, tmp_path, ["digest"])
    assert [parse_digest(v)["algorithm"] for v in offers(client, p, target)] == ["MD5"]


def test_too_many_wrong_digests(guarded, client, target):
    p = guarded(failures={"burst": 3, "refill": "1h"})
    digest = Digest(offers(client, p, target)[0], password="wrong")
    for _ in range(3):
        assert ask(client, p, target, digest.field("CONNECT", target)).get("retry-after") is None
    right = Digest(offers(client, p, target)[0])
    assert ask(client, p, target, right.field("CONNECT", target)).get("retry-after")
    assert scrape(p).value("sallyport_auth_total", scheme="digest", result="throttled") == 1
