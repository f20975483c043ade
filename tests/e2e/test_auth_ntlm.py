# SPDX-License-Identifier: MIT
"""NTLM (MS-NLMP) against a smbpasswd file, raw and inside Negotiate."""
import base64
import struct

import pytest

from lib.auth_wire import Ntlm, challenges, guard_everything, write_accounts
from lib.metrics import scrape
from lib.origin import echo


@pytest.fixture
def target(origin):
    return f"127.0.0.1:{origin(echo).port}"


@pytest.fixture
def guarded(proxy, tmp_path):
    write_accounts(tmp_path, {"alice": "Secret-1", "Bob": "Pässwörd"})
    return lambda schemes=("ntlm",), **auth: guard_everything(proxy, tmp_path, schemes, auth)


def token_of(field):
    return base64.b64decode(field.split()[-1])


def field_of(token, scheme="NTLM"):
    return f"Proxy-Authorization: {scheme} " + base64.b64encode(token).decode()


def begin(c, target, ntlm, scheme="NTLM"):
    """The challenge, after the first message."""
    answer = c.connect(target, [ntlm.negotiate(scheme)])
    assert (answer.status, answer.get("connection")) == (407, "keep-alive")
    [challenge] = answer.all("proxy-authenticate")
    assert challenge.startswith(scheme + " ")
    return challenge


def shake_hands(c, target, ntlm, scheme="NTLM"):
    return c.connect(target, [ntlm.authenticate(begin(c, target, ntlm, scheme), scheme)])


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
@pytest.mark.parametrize("user, password, domain", [
    ("alice", "Secret-1", "CORP"), ("ALICE", "Secret-1", "OTHER"), ("alice", "Secret-1", ""),
    ("bob", "Pässwörd", "CORP")])
def test_right_passwords(guarded, client, target, scheme, user, password, domain):
    p = guarded(["negotiate", "ntlm"])
    c = client(p)
    assert shake_hands(c, target, Ntlm(user, password, domain), scheme).status == 200
    opened = p.log.one(event="open")
    assert opened["user"].lower() == user.lower() and opened["user"] in ("alice", "Bob")
    assert opened["auth"] == scheme.lower()


@pytest.mark.parametrize("user, password", [
    ("alice", "Secret-2"), ("alice", ""), ("nobody", "Secret-1"), ("bob", "passwörd")])
def test_wrong_passwords(guarded, client, target, user, password):
    p = guarded()
    c = client(p)
    answer = shake_hands(c, target, Ntlm(user, password))
    assert answer.status == 407 and answer.all("proxy-authenticate") == ["NTLM"]
    failed = p.log.one(end="auth_failed")
    assert (failed["verdict"], failed["auth"]) == ("authenticate", "ntlm")
    assert shake_hands(c, target, Ntlm()).status == 200, "on the same connection"


@pytest.mark.parametrize("compatibility", [0, 1, 2])
def test_old_ntlm_is_refused_and_counted(guarded, client, target, compatibility):
    p = guarded()
    answer = shake_hands(client(p), target, Ntlm(compatibility=compatibility))
    assert answer.status == 407
    assert b"NTLMv2" in answer.body
    assert p.log.one(end="auth_outdated")["status"] == 407
    assert scrape(p).value("sallyport_auth_total", scheme="ntlm", result="outdated") == 1


def test_a_message_3_is_good_once_and_on_its_own_connection(guarded, client, target):
    p = guarded(failures={"burst": 100})
    c, ntlm = client(p), Ntlm()
    last = ntlm.authenticate(begin(c, target, ntlm))
    fresh = client(p)
    assert fresh.connect(target, [last]).status == 407, "without a message 1"
    other = client(p)
    begin(other, target, Ntlm())
    assert other.connect(target, [last]).status == 407, "for another challenge"
    assert c.connect(target, [last]).status == 200


def test_cut_messages(guarded, client, target):
    p = guarded(failures={"burst": 0})
    whole = token_of(Ntlm().negotiate())
    for length in range(0, len(whole)):
        with client(p) as c:
            assert c.connect(target, [field_of(whole[:length])]).status == 407
    c = client(p)
    ntlm = Ntlm()
    last = token_of(ntlm.authenticate(begin(c, target, ntlm)))
    for length in range(0, len(last), 3):
        with client(p) as c:
            begin(c, target, Ntlm())
            assert c.connect(target, [field_of(last[:length])]).status == 407, length


def test_a_changed_negotiate_breaks_the_mic(guarded, client, target):
    # MS-NLMP section 3.2.5.1.2: the MIC is over all three messages.
    p = guarded()
    c, ntlm = client(p), Ntlm()
    first = bytearray(token_of(ntlm.negotiate()))
    first[12] ^= 0x04  # REQUEST_TARGET: harmless, but not what the client signed
    answer = c.connect(target, [field_of(bytes(first))])
    [challenge] = answer.all("proxy-authenticate")
    assert c.connect(target, [ntlm.authenticate(challenge)]).status == 407


def test_the_challenge(guarded, client, target):
    p = guarded()
    seen = set()
    for _ in range(3):
        message = base64.b64decode(begin(client(p), target, Ntlm()).split()[1])
        assert message[:8] == b"NTLMSSP\0" and struct.unpack("<I", message[8:12]) == (2,)
        seen.add(message[24:32])
        length, _, offset = struct.unpack("<HHI", message[40:48])
        info, at, values = message[offset:offset + length], 0, {}
        while at + 4 <= len(info):
            kind, size = struct.unpack("<HH", info[at:at + 4])
            values[kind] = info[at + 4:at + 4 + size]
            at += 4 + size
        assert values[2].decode("utf-16-le") == "CORP"
        assert len(values[7]) == 8 and values[0] == b"" and 1 in values
    assert len(seen) == 3, "a challenge is used once"


def test_identity_dies_with_the_connection(guarded, client, target):
    p = guarded()
    c = client(p)
    assert shake_hands(c, target, Ntlm()).status == 200
    assert client(p).connect(target).status == 407


def test_too_many_wrong_handshakes(guarded, client, target):
    p = guarded(failures={"burst": 3, "refill": "1h"})
    for _ in range(3):
        assert shake_hands(client(p), target, Ntlm(password="x")).get("retry-after") is None
    assert shake_hands(client(p), target, Ntlm()).get("retry-after")
    assert scrape(p).value("sallyport_auth_total", scheme="ntlm", result="throttled") == 1


def test_rubbish(guarded, client, target):
    p = guarded(["negotiate", "ntlm", "basic"])
    for scheme in ("NTLM", "Negotiate"):
        for token in (b"", b"\x60", b"\x60\x84\xff\xff\xff\xff",
                      b"NTLMSSP\0\x02\0\0\0" + b"\0" * 40,
                      b"NTLMSSP\0\x09\0\0\0", b"x" * 20000, b"\x60\x80" + b"\0" * 200,
                      b"\xa1\x03\x30\x01\xa0"):
            with client(p) as c:
                answer = c.connect(target, [field_of(token, scheme)])
                assert answer.status == 407
                assert set(challenges(answer)) == {"negotiate", "ntlm", "basic"}
