# SPDX-License-Identifier: MIT
"""Attacks on authentication: what one request leaves for the next, guesses that are not
counted, framing behind a 407, and a random walk through all schemes with reloads in between."""
import base64
import hmac
import os
import random
import struct
import time

import pytest

from lib import helpers
from lib.auth_wire import (PASSWORD, USER, Digest, Ntlm, basic, challenges, nt_hash, reload,
                           section, write_accounts)
from lib.client import Client
from lib.config import config
from lib.http_steps import OPEN, exchange, request, response
from lib.http_wire import RecordingOrigin, read_message
from lib.metrics import scrape
from lib.origin import echo

OID_KRB5 = bytes.fromhex("06092a864886f712010202")
OID_NTLM = bytes.fromhex("060a2b06010401823702020a")
OID_SPNEGO = bytes.fromhex("06062b0601050502")
OID_OTHER = bytes.fromhex("06032a0304")
FLAG_UNICODE, FLAG_OEM, FLAG_NTLM = 0x1, 0x2, 0x200


@pytest.fixture
def target(origin):
    return f"127.0.0.1:{origin(echo).port}"


@pytest.fixture
def guarded(proxy, tmp_path, hosts):
    """guarded(schemes, ...): a proxy that asks everybody."""
    hosts({"origin.test": "127.0.0.1"})
    write_accounts(tmp_path, {USER: PASSWORD, "bob": "Secret-2", "alice1": "Secret-3"})

    def start(schemes, auth=None, **sections):
        return proxy(**{**OPEN, "auth": section(schemes, tmp_path, **(auth or {})), **sections})
    return start


# ---- tokens ----

def der(tag, *parts):
    """One element of DER."""
    inside = b"".join(parts)
    length = len(inside)
    if length < 0x80:
        return bytes([tag, length]) + inside
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + inside


def spnego_init(mechanisms, token=b""):
    """NegTokenInit (RFC 4178 section 4.2.1) in its frame."""
    fields = der(0xa0, der(0x30, *mechanisms))
    if token:
        fields += der(0xa2, der(0x04, token))
    return der(0x60, OID_SPNEGO, der(0xa0, der(0x30, fields)))


def spnego_resp(token):
    """NegTokenResp with a responseToken."""
    return der(0xa1, der(0x30, der(0xa2, der(0x04, token))))


def field_of(token, scheme="Negotiate"):
    return f"Proxy-Authorization: {scheme} " + base64.b64encode(token).decode()


def token_of(answer):
    [value] = answer.all("proxy-authenticate")
    return base64.b64decode(value.split()[1])


def ntlm_of(token):
    """The NTLMSSP message inside a token."""
    return token[token.index(b"NTLMSSP\0"):]


def ntlm_negotiate(flags):
    return b"NTLMSSP\0" + struct.pack("<II", 1, flags) + b"\0" * 16


def ntlm_authenticate(challenge, user, password, flags=None, unicode=True):
    """NTLMv2 (MS-NLMP section 3.3.2). flags None: the oldest form, which ends before them."""
    server = challenge[24:32]
    key = hmac.new(bytes.fromhex(nt_hash(password)), user.upper().encode("utf-16-le"),
                   "md5").digest()
    blob = b"\1\1" + b"\0" * 6 + b"\0" * 8 + os.urandom(8) + b"\0" * 8
    proof = hmac.new(key, server + blob, "md5").digest() + blob
    name = user.encode("utf-16-le" if unicode else "ascii")
    header = 52 if flags is None else 64
    fields, payload = b"", b""
    for value in (b"", proof, b"", name, b""):
        fields += struct.pack("<HHI", len(value), len(value), header + len(payload))
        payload += value
    if flags is not None:
        fields += struct.pack("<HHII", 0, 0, header + len(payload), flags)
    return b"NTLMSSP\0" + struct.pack("<I", 3) + fields + payload


def shake_hands(c, ask, ntlm=None, scheme="NTLM"):
    """Three legs; ask(field) sends a request and returns its answer."""
    ntlm = ntlm or Ntlm()
    [challenge] = ask(ntlm.negotiate(scheme)).all("proxy-authenticate")
    return ask(ntlm.authenticate(challenge, scheme))


def by_get(c, url):
    """ask for shake_hands; only for answers of the proxy itself."""
    def ask(*fields):
        c.send(request(url, *fields))
        return c.read_answer()
    return ask


# ---- what one request leaves for the next ----

def test_a_local_answer_behind_a_407(guarded, client, closing):
    there = closing(RecordingOrigin())
    p = guarded(["basic"], guard={"http_ports": [there.port]})
    url = f"http://origin.test:{there.port}/"
    c = client(p)
    c.send(request(url))
    assert c.read_answer().status == 407
    c.send(request(url, "Max-Forwards: 0", basic(), method="OPTIONS"))
    assert c.read_answer().status == 200


def identified(p, client, closing, there, scheme="NTLM"):
    """A client whose connection is alice, with an origin's connection that she has used."""
    c = closing(client(p))
    url = f"http://origin.test:{there.port}/"
    ntlm = Ntlm()
    [challenge] = by_get(c, url)(ntlm.negotiate(scheme)).all("proxy-authenticate")
    c.send(request(url, ntlm.authenticate(challenge, scheme)))
    peer = closing(there.accept())
    read_message(peer)
    peer.send(response(b"ok"))
    assert c.read_answer().status == 200
    exchange(c, peer, url)
    return c, peer, url


@pytest.mark.parametrize("field", [
    field_of(spnego_init([OID_OTHER])), field_of(b"rubbish", "NTLM"), field_of(b"rubbish"),
    basic(password="wrong"), "Proxy-Authorization: Digest x=y", "Proxy-Authorization: Nonsense x"],
    ids=["spnego", "ntlm", "negotiate", "basic", "digest", "unknown"])
def test_an_identity_does_not_survive_other_credentials(guarded, client, closing, field):
    there = closing(RecordingOrigin())
    p = guarded(["negotiate", "ntlm", "digest", "basic"], guard={"http_ports": [there.port]})
    c, _, url = identified(p, client, closing, there)
    assert by_get(c, url)(field).status == 407
    assert by_get(c, url)().status == 407, "alice is gone"
    assert not there.is_waiting()


def test_an_account_that_is_gone_after_a_reload(guarded, client, closing, tmp_path):
    there = closing(RecordingOrigin())
    p = guarded(["ntlm"], guard={"http_ports": [there.port]})
    c, _, url = identified(p, client, closing, there)
    write_accounts(tmp_path, {"bob": "Secret-2"})
    reload(p)
    assert by_get(c, url)().status == 407
    answer = shake_hands(c, by_get(c, url))
    assert answer.status == 407, "and cannot come again"


def test_a_scheme_that_is_gone_after_a_reload(proxy, client, closing, hosts, tmp_path):
    hosts({"origin.test": "127.0.0.1"})
    write_accounts(tmp_path)
    there = closing(RecordingOrigin())
    groups = tmp_path / "groups"
    groups.write_text("staff: alice\n")
    p = proxy(**{**OPEN, "auth": section(["ntlm"], tmp_path, groups=str(groups)),
                 "sources": {"staff": {"groups": ["staff"]}},
                 "rules": [{"name": "r", "from": ["staff"], "to": ["any"], "ports": ["1-65535"],
                            "action": "allow"}],
                 "guard": {"http_ports": [there.port]}})
    c, _, url = identified(p, client, closing, there)
    groups.write_text("staff: bob\n")
    reload(p)
    answer = by_get(c, url)()
    assert answer.status == 407
    # Now who she is counts anew, and she is in no group any more.
    assert shake_hands(c, by_get(c, url)).status == 403


def test_a_reload_between_two_legs(guarded, client, target, tmp_path):
    p = guarded(["negotiate", "ntlm"])
    for scheme in ("NTLM", "Negotiate"):
        with client(p) as c:
            ntlm = Ntlm()
            [challenge] = c.connect(target, [ntlm.negotiate(scheme)]).all("proxy-authenticate")
            write_accounts(tmp_path, {USER: "Another-1"})
            reload(p)
            assert c.connect(target, [ntlm.authenticate(challenge, scheme)]).status == 407
            answer = shake_hands(c, lambda f, c=c: c.connect(target, [f]),
                                 Ntlm(password="Another-1"), scheme)
            assert answer.status == 200
            write_accounts(tmp_path)
            reload(p)


def helped(proxy, tmp_path, ntlm=True, auth=None, **sections):
    """Both schemes by helpers; returns the proxy and what was asked."""
    first = helpers.basic(tmp_path, {"alice": "Secret-1"})
    second = helpers.ntlmssp(tmp_path, {"alice": nt_hash("Secret-1")})
    wanted = {"realm": "Test", "schemes": ["negotiate", "ntlm", "basic"],
              "basic": {"helper": first.command}, "negotiate": {},
              "ntlm": {"helper": second.command, "domain": "CORP"}, **(auth or {})}
    p = proxy(**{**OPEN, "auth": wanted, "limits": {"drain": "1s"}, **sections})
    return p, first, second


def test_basic_after_ntlm_was_begun(proxy, client, target, tmp_path):
    p, _, _ = helped(proxy, tmp_path)
    c = client(p)
    assert c.connect(target, [Ntlm().negotiate()]).status == 407
    assert c.connect(target, [basic()]).status == 200
    assert p.log.one(event="open")["auth"] == "basic"


def test_ntlm_in_spnego_that_is_the_second_choice(proxy, client, target, tmp_path):
    # What Windows sends where it holds a ticket and the proxy has no keytab.
    p, _, helper = helped(proxy, tmp_path)
    c = client(p)
    first = c.connect(target, [field_of(spnego_init([OID_KRB5, OID_NTLM], b"a ticket"))])
    assert first.status == 407 and token_of(first)[0] == 0xa1
    negotiate = ntlm_negotiate(FLAG_UNICODE | FLAG_NTLM)
    second = c.connect(target, [field_of(spnego_resp(negotiate))])
    challenge = ntlm_of(token_of(second))
    last = ntlm_authenticate(challenge, "alice", "Secret-1", FLAG_UNICODE | FLAG_NTLM)
    assert c.connect(target, [field_of(spnego_resp(last))]).status == 200
    assert p.log.one(event="open")["user"] == "alice"
    assert len(helper.asked()) == 1


# ---- guesses that are not counted ----

def ask_basic(p, target, user=USER, password=PASSWORD, source="127.0.0.1"):
    with Client(p.address, source=(source, 0)) as c:
        return c.connect(target, [basic(user, password)])


def is_throttled(answer):
    return answer.status == 407 and answer.get("retry-after") is not None


def test_a_cache_tells_nothing_to_who_may_not_try(guarded, target):
    # Else whoever is logged in could be guessed at without end: only the right guess is
    # found in the cache.
    p = guarded(["basic"], auth={"failures": {"burst": 2, "refill": "1h"}})
    assert ask_basic(p, target).status == 200
    for number in range(2):
        assert ask_basic(p, target, password=f"w{number}", source="127.0.0.2").status == 407
    assert is_throttled(ask_basic(p, target, password="w3", source="127.0.0.2"))
    assert is_throttled(ask_basic(p, target, source="127.0.0.2"))
    assert ask_basic(p, target).status == 200, "at the other address she stays in"


@pytest.mark.parametrize("is_wrapped", [False, True])
@pytest.mark.parametrize("user, password", [("alice", "Secret-1"), ("alice1", "Secret-3")])
def test_ntlm_of_the_oldest_form_is_counted(guarded, client, target, is_wrapped, user, password):
    # Such a message has no flags: how its name is to be read the challenge says.
    p = guarded(["negotiate", "ntlm"], auth={"failures": {"burst": 3, "refill": "1h"}})

    def guess(number, word):
        spelled = "".join(c.upper() if number >> i & 1 else c for i, c in enumerate(user))
        with client(p) as c:
            first = ntlm_negotiate(FLAG_OEM | FLAG_NTLM)
            token = spnego_init([OID_NTLM], first) if is_wrapped else first
            challenge = ntlm_of(token_of(c.connect(target, [field_of(token)])))
            last = ntlm_authenticate(challenge, spelled, word, unicode=False)
            return c.connect(target, [field_of(spnego_resp(last) if is_wrapped else last)])
    for number in range(8):
        assert guess(number, f"wrong{number}").status == 407
    assert guess(9, password).status == 407
    assert scrape(p).value("sallyport_auth_total", scheme="negotiate", result="wrong") <= 3


@pytest.mark.parametrize("asked, sent", [(FLAG_UNICODE, FLAG_OEM), (FLAG_OEM, FLAG_UNICODE)])
def test_a_helper_reads_the_name_that_was_counted(proxy, client, target, tmp_path, asked, sent):
    # A helper goes by the challenge, whatever the last message says of itself.
    p, _, helper = helped(proxy, tmp_path)
    c = client(p)
    first = ntlm_negotiate(asked | FLAG_NTLM)
    challenge = ntlm_of(token_of(c.connect(target, [field_of(first, "NTLM")])))
    is_unicode = struct.unpack_from("<I", challenge, 20)[0] & FLAG_UNICODE != 0
    if is_unicode == bool(sent & FLAG_UNICODE):
        sent ^= FLAG_UNICODE | FLAG_OEM
    last = ntlm_authenticate(challenge, "alice", "Secret-1", sent | FLAG_NTLM, is_unicode)
    assert c.connect(target, [field_of(last, "NTLM")]).status == 407
    assert helper.asked() == []


def test_spellings_that_a_directory_takes_for_one_user(proxy, target, tmp_path):
    p, helper, _ = helped(proxy, tmp_path, auth={"failures": {"burst": 2, "refill": "1h"}})
    names = ["alice", "ALICE", "CORP\\alice", "corp.example\\Alice", "alice@corp.example",
             "CORP/alice"]
    answers = [ask_basic(p, target, name, f"wrong{n}") for n, name in enumerate(names)]
    assert [is_throttled(a) for a in answers] == [False] * 2 + [True] * (len(names) - 2)
    assert len(helper.asked()) == 2
    answers = [ask_basic(p, target, name, "x") for name in ("r\u00e9mi", "R\u00c9MI", "R\u00e9mi")]
    assert [is_throttled(a) for a in answers] == [False, False, True]


@pytest.mark.parametrize("name", [" alice", "alice ", "al  ice", "alice\u00a0"])
def test_blanks_that_a_directory_ignores(proxy, target, tmp_path, name):
    # Else a rule that denies alice would not know her.
    p, helper, _ = helped(proxy, tmp_path)
    assert ask_basic(p, target, name, "Secret-1").status == 407
    assert helper.asked() == []


# ---- what stands behind a 407 ----

@pytest.mark.parametrize("field, keeps", [
    ("Content-Length: 0", True), ("Content-Length: 40", False), ("Content-Length: x", False),
    ("Transfer-Encoding: chunked", False)])
def test_a_connect_with_content(guarded, client, closing, field, keeps):
    there = closing(RecordingOrigin())
    p = guarded(["basic"], guard={"http_ports": [there.port]})
    inside = request(f"http://origin.test:{there.port}/smuggled", basic())
    c = client(p)
    answer = c.connect(f"127.0.0.1:{there.port}", [field], behind=b"" if keeps else inside)
    # RFC 9110 section 9.3.6: there is none, so nobody can tell what such bytes are.
    assert (answer.status, answer.get("connection")) == \
        ((407, "keep-alive") if keeps else (400, "close"))
    assert keeps or c.is_ended()
    assert not there.is_waiting()


def test_bytes_for_a_tunnel_that_is_not_there(guarded, client, closing):
    # Who sends ahead means the far end; it must not be read as a request.
    there = closing(RecordingOrigin())
    p = guarded(["basic"], guard={"http_ports": [there.port]})
    inside = request(f"http://origin.test:{there.port}/smuggled", basic())
    c = client(p)
    answer = c.connect(f"127.0.0.1:{there.port}", behind=inside)
    assert (answer.status, answer.get("connection")) == (407, "close")
    assert c.is_ended()
    assert not there.is_waiting()


def test_an_origin_that_asks_like_a_proxy(guarded, client, closing):
    there = closing(RecordingOrigin())
    p = guarded(["basic"], guard={"http_ports": [there.port]})
    url = f"http://origin.test:{there.port}/"
    c = client(p)
    c.send(request(url, basic()))
    peer = closing(there.accept())
    assert not read_message(peer).values("Proxy-Authorization")
    peer.send(response(b"", 'Proxy-Authenticate: Basic realm="mine"',
                       "Proxy-Authentication-Info: a", status="407 Who"))
    # Who took that for the proxy's question would show its password to anybody's page.
    answer = c.read_answer()
    assert answer.all("proxy-authenticate") == answer.all("proxy-authentication-info") == []


@pytest.mark.soak
def test_a_helper_may_take_its_time(proxy, client, target, tmp_path):
    # One that asks a person: more than the 30 s that others have.
    helper = helpers.basic(tmp_path, {"alice": "Secret-1"}, slow=32.0)
    p = proxy(**{**OPEN, "limits": {"drain": "1s"},
                 "auth": {"realm": "Test", "schemes": ["basic"], "helper_timeout": "60s",
                          "basic": {"helper": helper.command}}})
    assert client(p, timeout=50).connect(target, [basic()]).status == 200


# ---- a random walk ----

class Walk:
    """Requests of all kinds on a few kept connections, in an order that a seed decides."""

    def __init__(self, p, there, seed):
        self.p, self.there, self.random = p, there, random.Random(seed)
        self.url = f"http://127.0.0.1:{there.port}/"
        self.clients = {}
        self.answers = {}

    def credentials(self, state):
        r, user = self.random, self.random.choice(["alice", "bob", "nobody", "alice1"])
        password = {"alice": "Secret-1", "bob": "Secret-2"}.get(user, "x") \
            if r.random() < 0.6 else "wrong" + str(r.randrange(4))
        kind = r.choice(["none", "none", "basic", "digest", "type1", "type1", "type3", "type3",
                         "init", "resp", "mutant", "mutant", "unknown"])
        if kind == "basic":
            return basic(user, password)
        if kind == "digest" and state.get("digest"):
            state["last"] = Digest(state["digest"], user, password).field(
                "GET", self.url, count=r.randrange(1, 4))
        elif kind == "type1":
            state["ntlm"] = Ntlm(user, password)
            state["scheme"] = r.choice(["NTLM", "Negotiate"])
            return state["ntlm"].negotiate(state["scheme"])
        elif kind == "type3" and state.get("challenge") and state.get("ntlm"):
            try:
                state["last"] = state.pop("ntlm").authenticate(state["challenge"], state["scheme"])
            except Exception:  # pylint: disable=broad-except
                return None  # the challenge was one for another message
        elif kind == "init":
            return field_of(spnego_init(r.sample([OID_KRB5, OID_NTLM, OID_OTHER], 2),
                                        r.choice([b"", b"x", ntlm_negotiate(0x201)])))
        elif kind == "resp":
            return field_of(spnego_resp(r.choice([b"", ntlm_negotiate(0x201), b"NTLMSSP\0\3"])))
        elif kind == "unknown":
            return "Proxy-Authorization: Bearer x"
        elif kind == "mutant" and state.get("last"):
            return self.mutate(state["last"])
        else:
            return None
        return state["last"]

    def mutate(self, field):
        r = self.random
        name, scheme, value = field.split(" ", 2)
        try:
            raw = bytearray(base64.b64decode(value, validate=True))
        except ValueError:
            raw = None
        if raw:
            for _ in range(r.randrange(1, 4)):
                raw[r.randrange(len(raw))] = r.randrange(256)
            value = base64.b64encode(raw[:r.randrange(1, len(raw) + 1)]).decode()
        else:
            at = r.randrange(len(value))
            value = value[:at] + r.choice(["", '"', ",", "=", "\\", "%"]) + value[at + 1:]
        return f"{name} {r.choice(['NTLM', 'Negotiate', 'Digest', 'Basic', scheme])} {value}"

    def step(self):
        r = self.random
        key = r.randrange(4)
        if key not in self.clients or r.random() < 0.05:
            if key in self.clients:
                self.clients.pop(key)[0].close()
            self.clients[key] = (Client(self.p.address), {})
        c, state = self.clients[key]
        field = self.credentials(state)
        fields = [field] if field else []
        method, body = "GET", b""
        if r.random() < 0.2:
            method, body = "POST", b"z" * r.randrange(0, 3000)
        count = 2 if r.random() < 0.1 else 1
        try:
            c.send(request(self.url, *fields, method=method, body=body) * count)
            for _ in range(count):
                answer = c.read_answer()
                self.answers[answer.status] = self.answers.get(answer.status, 0) + 1
                self.note(state, answer)
                if r.random() < 0.03:
                    c.reset()
                    raise ConnectionError
        except (ConnectionError, AssertionError):
            self.clients.pop(key)[0].close()

    def note(self, state, answer):
        offered = challenges(answer)
        if offered.get("digest"):
            state["digest"] = self.random.choice(offered["digest"])
        for scheme in ("ntlm", "negotiate"):
            for value in offered.get(scheme, []):
                if " " in value:
                    state["challenge"] = value

    def close(self):
        for c, _ in self.clients.values():
            c.close()


def answer_all(sock, record):
    """200 for every request; a body is read past by its length."""
    pending = b""
    while True:
        while b"\r\n\r\n" not in pending:
            data = record.recv(sock)
            if not data:
                return
            pending += data
        head, _, pending = pending.partition(b"\r\n\r\n")
        assert b"roxy-Authorization" not in head
        left = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                left = int(line.split(b":")[1])
        while len(pending) < left:
            data = record.recv(sock)
            if not data:
                return
            pending += data
        pending = pending[left:]
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


def walk(p, there, tmp_path, seed, seconds, steps, texts):
    """Steps with reloads in between; what came of it, by status."""
    end = time.monotonic() + seconds
    way = Walk(p, there, seed)
    try:
        for number in range(steps):
            if time.monotonic() > end:
                break
            if number % 40 == 39:
                if way.random.random() < 0.5:
                    accounts = {"alice": way.random.choice(["Secret-1", "Other-1"]),
                                "bob": "Secret-2"}
                    write_accounts(tmp_path, accounts)
                p.reload(way.random.choice(texts))
            way.step()
    finally:
        way.close()
    return way.answers


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_walk(proxy, origin, tmp_path, seed):
    seconds = float(os.environ.get("SALLYPORT_WALK_SECONDS", "8"))
    seed = int(os.environ.get("SALLYPORT_WALK_SEED", "0")) * 100 + seed
    write_accounts(tmp_path, {"alice": "Secret-1", "bob": "Secret-2"})
    there = origin(answer_all)
    first = helpers.basic(tmp_path, {"alice": "Secret-1", "bob": "Secret-2"})
    second = helpers.ntlmssp(tmp_path, {"alice": nt_hash("Secret-1")})
    wide = {"failures": {"burst": 1000, "address_burst": 100000}, "helper_timeout": "1s"}
    files = section(["negotiate", "ntlm", "digest", "basic"], tmp_path, **wide)
    helped_by = {**files, "basic": {"helper": first.command, "children": 2},
                 "ntlm": {"helper": second.command, "domain": "CORP", "children": 2}}
    fewer = section(["ntlm", "basic"], tmp_path, **wide)
    sections = {**OPEN, "guard": {"http_ports": [there.port]}, "limits": {"drain": "1s"},
                "workers": 2}
    texts = [config(**sections, auth=auth) for auth in (files, helped_by, fewer)]
    p = proxy.from_text(texts[0])
    answers = walk(p, there, tmp_path, seed, seconds, 600 if seconds <= 8 else 10 ** 9, texts)
    assert answers.get(200, 0) > 0 and answers.get(407, 0) > 0
    assert not {status for status in answers if status not in (200, 407, 503)}, answers
