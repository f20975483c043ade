# SPDX-License-Identifier: MIT
"""The 407: what it looks like, that it keeps the connection, and what may stand behind it."""
import pytest

from lib.auth_wire import Digest, Ntlm, basic, challenges, section, write_accounts
from lib.client import wait_until
from lib.http_steps import OPEN, exchange, request
from lib.http_wire import RecordingOrigin, read_message
from lib.metrics import scrape
from lib.origin import echo

ALL = ("ntlm", "digest", "basic")


@pytest.fixture
def guarded(proxy, tmp_path, hosts):
    """guarded(schemes, ...): a proxy that asks everybody."""
    hosts({"origin.test": "127.0.0.1"})
    write_accounts(tmp_path)

    def start(schemes=ALL, auth=None, **sections):
        return proxy(**{**OPEN, "auth": section(schemes, tmp_path, **(auth or {})), **sections})
    return start


def check_407(proxy, answer, end="auth_required"):
    assert (answer.version, answer.status) == ("HTTP/1.1", 407)
    assert answer.reason == "Proxy Authentication Required"
    assert answer.get("proxy-status") is None
    assert int(answer.get("content-length")) == len(answer.body) > 0
    assert answer.get("connection") == "keep-alive"
    record = proxy.log.one(id=answer.get("x-request-id"))
    assert (record["verdict"], record["status"], record["end"]) == ("authenticate", 407, end)
    assert "user" not in record and "error" not in record and "auth" not in record
    return record


def test_one_line_for_each_scheme_in_the_order_of_the_configuration(guarded, client, origin):
    there = origin(echo)
    for schemes in (("ntlm", "digest", "basic"), ("basic", "digest", "ntlm"), ("digest",)):
        p = guarded(schemes, auth={"digest": {"algorithms": ["MD5"]}})
        answer = client(p).connect(f"127.0.0.1:{there.port}")
        check_407(p, answer)
        lines = answer.all("proxy-authenticate")
        assert [line.split()[0].lower() for line in lines] == list(schemes)
        if "basic" in schemes:
            assert 'Basic realm="Test proxy", charset="UTF-8"' in lines


def test_the_connection_goes_on_behind_it(guarded, client, origin):
    there = origin(echo)
    p = guarded()
    c = client(p)
    check_407(p, c.connect(f"127.0.0.1:{there.port}"))
    assert c.connect(f"127.0.0.1:{there.port}", [basic()]).status == 200
    c.send(b"through")
    assert c.read(7) == b"through"
    opened = p.log.one(event="open")
    assert (opened["user"], opened["auth"], opened["verdict"]) == ("alice", "basic", "allow")
    counts = scrape(p)
    assert counts.value("sallyport_auth_total", scheme="none", result="asked") == 1
    assert counts.value("sallyport_auth_total", scheme="basic", result="ok") == 1
    assert counts.value("sallyport_requests_total", verdict="authenticate", method="CONNECT") == 1


def test_content_of_a_request_that_is_asked_is_read_past(guarded, client, closing):
    there = closing(RecordingOrigin())
    p = guarded(guard={"http_ports": [there.port]})
    url = f"http://origin.test:{there.port}/x"
    c = client(p)
    for body in (b"a" * 10, b"b" * 70000):
        c.send(request(url, method="POST", body=body))
        check_407(p, c.read_answer())
    chunks = b"5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\n"
    c.send(request(url, "Transfer-Encoding: chunked", method="POST") + chunks)
    check_407(p, c.read_answer())
    c.send(request(url, basic(), method="POST", body=b"now"))
    peer = there.accept()
    assert read_message(peer).content == b"now"
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert read_message(c).content == b"ok"


def test_content_in_pieces_is_read_past(guarded, client, closing):
    there = closing(RecordingOrigin())
    p = guarded(guard={"http_ports": [there.port]})
    url = f"http://origin.test:{there.port}/x"
    c = client(p)
    whole = request(url, "Transfer-Encoding: chunked", method="POST") + \
        b"5\r\nhello\r\n0\r\n\r\n" + request(url)
    for at in range(len(whole)):
        c.send(whole[at:at + 1])
    assert [c.read_answer().status for _ in range(2)] == [407, 407]


def test_too_much_content_closes(guarded, client, closing):
    there = closing(RecordingOrigin())
    p = guarded(guard={"http_ports": [there.port]})
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/x", "Content-Length: 3000000",
                   method="POST") + b"x" * 1000)
    answer = c.read_answer()
    assert (answer.status, answer.get("connection")) == (407, "close")


def test_a_client_that_waits_for_100_is_closed(guarded, client, closing):
    # Nobody can tell whether the content comes after all (RFC 9110 section 10.1.1).
    there = closing(RecordingOrigin())
    p = guarded(guard={"http_ports": [there.port]})
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/x", "Content-Length: 5",
                   "Expect: 100-continue", method="POST"))
    answer = c.read_answer()
    assert (answer.status, answer.get("connection")) == (407, "close")
    assert c.is_ended()


def test_pipelined_requests_behind_a_407(guarded, client, closing):
    there = closing(RecordingOrigin())
    p = guarded(guard={"http_ports": [there.port]})
    url = f"http://origin.test:{there.port}/x"
    c = client(p)
    c.send(request(url) + request(url, method="HEAD") + request(url, basic()) + request(url))
    assert c.read_answer().status == 407
    assert c.read_answer(has_body=False).status == 407
    peer = there.accept()
    asked = read_message(peer)
    assert not asked.values("Proxy-Authorization")
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert c.read_answer().status == 200
    assert c.read_answer().status == 407, "Basic is for one request"
    assert not there.is_waiting()


def test_who_never_answers_is_closed_after_some_rounds(guarded, client, origin):
    there = origin(echo)
    p = guarded()
    c = client(p)
    for rounds in range(1, 40):
        answer = c.connect(f"127.0.0.1:{there.port}")
        assert answer.status == 407
        if answer.get("connection") == "close":
            break
    assert 6 <= rounds <= 20
    assert c.is_ended()


@pytest.mark.parametrize("field, keeps", [
    ("Connection: keep-alive", True), ("Proxy-Connection: keep-alive", True), (None, False)])
def test_http_1_0(guarded, client, field, keeps):
    p = guarded()
    c = client(p)
    c.send("CONNECT 127.0.0.1:443 HTTP/1.0\r\n" + (field + "\r\n" if field else "") + "\r\n")
    answer = c.read_answer()
    assert answer.status == 407
    assert answer.get("connection") == ("keep-alive" if keeps else "close")
    assert answer.get("proxy-connection") == ("keep-alive" if keeps else None)
    assert c.is_ended() != keeps


def test_denial_is_403_whoever_asks(guarded, client):
    p = guarded(rules=[{"name": "one", "to": ["any"], "ports": [443], "action": "allow"}])
    for fields in ([], [basic()], [basic(password="wrong")]):
        assert client(p).connect("127.0.0.1:444", fields).status == 403


def test_a_rule_without_auth_asks_nobody(guarded, client, origin):
    there = origin(echo)
    p = guarded(rules=[{"name": "free", "to": ["any"], "ports": ["1-65535"], "action": "allow",
                        "auth": "none"}])
    for fields in ([], [basic(password="wrong")]):
        assert client(p).connect(f"127.0.0.1:{there.port}", fields).status == 200


def test_offers_by_source(guarded, client, origin):
    there = origin(echo)
    p = guarded(sources={"rooms": {"addresses": ["127.0.0.2"]}}, auth={
        "offers": [{"from": ["rooms"], "schemes": ["basic"]}]})
    target = f"127.0.0.1:{there.port}"
    assert list(challenges(client(p).connect(target))) == list(ALL)
    room = client(p, source=("127.0.0.2", 0))
    assert list(challenges(room.connect(target))) == ["basic"]
    ntlm = client(p, source=("127.0.0.2", 0))
    assert list(challenges(ntlm.connect(target, [Ntlm().negotiate()]))) == ["basic"]
    assert room.connect(target, [basic()]).status == 200


def test_users_and_groups_in_rules(proxy, client, origin, hosts, tmp_path):
    there = origin(echo)
    hosts({"origin.test": "127.0.0.1"})
    write_accounts(tmp_path, {"alice": "pa", "bob": "pb", "carol": "pc"})
    (tmp_path / "groups").write_text("staff: bob\nother: alice carol\n")
    p = proxy(destinations=OPEN["destinations"], auth=section(["basic"], tmp_path, groups="groups"),
              sources={"few": {"users": ["ALICE"]}, "staff": {"groups": ["staff"]}},
              rules=[{"name": "no", "from": ["few"], "to": ["any"], "ports": [there.port],
                      "action": "deny"},
                     {"name": "yes", "from": ["staff"], "to": ["any"], "ports": [there.port],
                      "action": "allow"}])
    target = f"127.0.0.1:{there.port}"
    assert client(p).connect(target).status == 407
    assert client(p).connect(target, [basic("alice", "pa")]).status == 403
    assert client(p).connect(target, [basic("bob", "pb")]).status == 200
    assert client(p).connect(target, [basic("carol", "pc")]).status == 403
    denied = p.log.one(rule="no", verdict="deny")
    assert denied["user"] == "alice"
    assert client(p).connect("127.0.0.1:9").status == 403, "no rule would allow it to anybody"


def test_nothing_secret_is_written(guarded, client, origin, tmp_path):
    there = origin(echo)
    p = guarded()
    target = f"127.0.0.1:{there.port}"
    secrets = [basic(), basic(password="Wrong-2")]
    for field in secrets:
        client(p).connect(target, [field])
    c = client(p)
    digest = Digest(challenges(c.connect(target))["digest"][0])
    field = digest.field("CONNECT", target)
    assert c.connect(target, [field]).status == 200
    page = client(p).connect(target, [basic(password="Wrong-2")]).body
    metrics = "".join(f"{k}" for k in scrape(p).values)
    with open(f"/proc/{p.process.pid}/cmdline", "rb") as f:
        arguments = f.read().decode()
    p.log.wait(3, event="request")
    everything = "\n".join(p.log.lines()) + p.errors() + page.decode() + metrics + arguments
    coded = [field.split()[-1] for field in secrets]
    for secret in ["Secret-1", "Wrong-2", digest.params["nonce"], *coded]:
        assert secret not in everything
    with open(f"/proc/{p.process.pid}/limits", encoding="ascii") as f:
        core = next(line for line in f if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]


def test_squid_log_names_the_user(guarded, client, origin):
    there = origin(echo)
    p = guarded(log={"format": "squid"})
    target = f"127.0.0.1:{there.port}"
    client(p).connect(target)
    with client(p) as c:
        assert c.connect(target, [basic()]).status == 200
    lines = client_lines(p, 2)
    assert lines[0].split()[3:8] == ["TCP_DENIED/407", lines[0].split()[4], "CONNECT", target, "-"]
    assert lines[1].split()[3].startswith("TCP_TUNNEL/200") and lines[1].split()[7] == "alice"


def client_lines(p, count):
    return wait_until(lambda: len(p.log.lines()) >= count and p.log.lines(), what="log lines")


def test_ntlm_holds_for_the_connection_and_no_other(guarded, client, closing):
    there = closing(RecordingOrigin())
    p = guarded(guard={"http_ports": [there.port]})
    url = f"http://origin.test:{there.port}/x"
    c, ntlm = client(p), Ntlm()
    c.send(request(url, ntlm.negotiate()))
    answer = c.read_answer()
    assert answer.status == 407
    [challenge] = answer.all("proxy-authenticate")
    last = ntlm.authenticate(challenge)
    c.send(request(url, last))
    peer = there.accept()
    read_message(peer)
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert c.read_answer().status == 200
    exchange(c, peer, url)  # without credentials
    other = client(p)
    other.send(request(url, last))
    assert other.read_answer().status == 407, "a message 3 on another connection"
    other.send(request(url))
    assert other.read_answer().status == 407
    assert [r["user"] for r in p.log.wait(2, status=200)] == ["alice", "alice"]
