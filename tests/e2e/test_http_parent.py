# SPDX-License-Identifier: MIT
"""Requests and tunnels through a parent proxy, and what the client learns when it refuses."""
import base64

import pytest

from lib.client import curl
from lib.http_servers import Squid
from lib.http_steps import OPEN, exchange, request, response
from lib.http_wire import RecordingOrigin, read_message
from lib.origin import ClosedPort, echo, http

SECRET = "p4ss:w\u00f6rd with spaces"


@pytest.fixture
def parent(closing):
    return closing(RecordingOrigin())


@pytest.fixture
def child(proxy, tmp_path):
    """child(parent, user=..., password=...): a proxy whose every request goes to the parent."""
    def start(parent, user=None, password=None, **sections):
        fields = {"name": "corp", "url": f"http://127.0.0.1:{parent.port}"}
        if user is not None:
            secret = tmp_path / "parent.password"
            secret.write_text(password + "\n", encoding="utf-8")
            fields.update(user=user, password_file=str(secret))
        return proxy(**{**OPEN, "parents": [fields],
                        "rules": [{**OPEN["rules"][0], "via": "corp"}], **sections})
    return start


def test_a_get_keeps_its_absolute_form(child, parent, client):
    p = child(parent)
    c = client(p)
    c.send(request("http://origin.test:8080/x?y=1", "X-A: 1", "Proxy-Authorization: Basic dTpw"))
    peer = parent.accept()
    asked = peer.read_until(b"\r\n\r\n")
    assert asked == (b"GET http://origin.test:8080/x?y=1 HTTP/1.1\r\nHost: origin.test:8080\r\n"
                     b"X-A: 1\r\nX-Forwarded-For: 127.0.0.1\r\nVia: 1.1 px1")
    peer.send(response(b"ok"))
    answer = read_message(c)
    assert answer.content == b"ok" and answer.values("via") == [b"1.1 px1"]
    exchange(c, peer, "http://other.test/")  # one connection serves all origins
    records = p.log.wait(2, event="request")
    assert [(r["host"], r["dst"], r["status"]) for r in records] == [
        ("origin.test", "127.0.0.1", 200), ("other.test", "127.0.0.1", 200)]


@pytest.mark.parametrize("target", ["http://origin.test", "http://origin.test?q",
                                    "HTTP://Origin.Test:80/%7e"])
def test_the_target_is_what_it_was(child, parent, client, target):
    p = child(parent)
    client(p).send(request(target))
    assert read_message(parent.accept()).start_line == f"GET {target} HTTP/1.1".encode()


def test_options_of_a_whole_origin_stays_absolute(child, parent, client):
    # RFC 9112 section 3.2.4: the last proxy makes it "*".
    p = child(parent)
    client(p).send(request("http://origin.test", method="OPTIONS"))
    assert read_message(parent.accept()).start_line == b"OPTIONS http://origin.test HTTP/1.1"


def test_t27_connect_to_the_parent(child, parent, client):
    p = child(parent)
    c = client(p)
    c.send("CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\nUser-Agent: U\r\n"
           "Proxy-Authorization: Basic dTpw\r\n\r\nfrom the client")
    peer = parent.accept()
    head = peer.read_until(b"\r\n\r\n").split(b"\r\n")
    assert head[0] == b"CONNECT origin.test:443 HTTP/1.1"
    assert sorted(head[1:]) == [b"Host: origin.test:443", b"User-Agent: U", b"Via: 1.1 px1",
                                b"X-Forwarded-For: 127.0.0.1"]
    assert peer.is_quiet(0.05), "bytes for the tunnel before there is one"
    peer.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 Fine\r\nX: y\r\n\r\nfrom the origin")
    answer = c.read_answer(has_body=False)
    assert answer.status == 200 and answer.all("content-length") + answer.all("x") == []
    assert c.read(15) == b"from the origin" and peer.read(15) == b"from the client"
    c.close()
    assert peer.is_ended()
    peer.close()
    record = p.log.one(event="close")
    assert (record["bytes_in"], record["bytes_out"], record["dst"]) == (15, 15, "127.0.0.1")


def test_credentials_go_to_the_parent_and_into_no_log(child, parent, client):
    p = child(parent, "corp-user", SECRET)
    wanted = b"Basic " + base64.b64encode(f"corp-user:{SECRET}".encode())
    client(p).send(request("http://origin.test/", "Proxy-Authorization: Basic bWluZTptaW5l"))
    peer = parent.accept()
    assert read_message(peer).values("proxy-authorization") == [wanted]
    peer.send(response(b"", status="407 Proxy Authentication Required"))
    c = client(p)
    c.send("CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n")
    tunnel = parent.accept()
    assert read_message(tunnel).values("proxy-authorization") == [wanted]
    tunnel.send(b"HTTP/1.1 407 no\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n")
    page = c.read_answer().body
    p.log.wait(2, event="request")
    said = "\n".join(p.log.lines()) + p.errors() + page.decode()
    for secret in (SECRET, SECRET.split(" ", maxsplit=1)[0], wanted.decode().split()[1]):
        assert secret not in said


@pytest.mark.parametrize("answer,cause", [
    (b"HTTP/1.1 403 Not For You\r\nContent-Length: 0\r\n\r\n", "403"),
    (b"HTTP/1.1 407 Who Are You\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", "407"),
    (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", "503"),
    (b"HTTP/1.1 302 Found\r\nLocation: http://evil.test/\r\n\r\n", "302"),
    (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "101"),
    (b"SSH-2.0-x\r\n\r\n", "read"),
    (b"", "clos"),
])
def test_a_tunnel_that_the_parent_refuses(child, parent, client, answer, cause):
    p = child(parent)
    c = client(p)
    c.send("CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n")
    peer = parent.accept()
    read_message(peer)
    peer.send(answer)
    peer.end()
    got = c.read_answer()
    assert got.status == 502, (got.status, got.body)
    text = got.body.decode()
    assert "corp" in text and cause in text, text
    assert got.get("proxy-authenticate") is None and got.get("location") is None
    assert c.is_ended() and peer.is_ended()
    record = p.log.one(event="request")
    assert (record["status"], record["verdict"]) == (502, "error")


@pytest.mark.parametrize("method", ["CONNECT", "GET"])
def test_a_dead_parent(child, client, closing, method):
    p = child(closing(ClosedPort()))
    c = client(p)
    c.send("CONNECT origin.test:443 HTTP/1.1\r\nHost: origin.test:443\r\n\r\n"
           if method == "CONNECT" else request("http://origin.test/"))
    answer = c.read_answer()
    assert (answer.status, answer.proxy_error) == (502, "connection_refused")
    assert "corp" in answer.body.decode(), "the page does not say that it is the parent"
    assert p.log.one(event="request")["end"] == "refused"


def test_a_parent_that_closes_on_a_get(child, parent, client):
    p = child(parent)
    c = client(p)
    c.send(request("http://origin.test/"))
    peer = parent.accept()
    read_message(peer)
    peer.close()
    answer = c.read_answer()
    assert (answer.status, answer.proxy_error) == (502, "connection_terminated")
    assert "corp" in answer.body.decode(), "the page does not say that it is the parent"
    assert p.log.one(event="request")["end"] == "origin_closed"


def test_answers_of_the_parent_to_a_get_reach_the_client(child, parent, client):
    p = child(parent)
    c = client(p)
    c.send(request("http://origin.test/"))
    peer = parent.accept()
    read_message(peer)
    peer.send(response(b"because", "X-Squid-Error: ERR_ACCESS_DENIED 0", status="403 Forbidden"))
    answer = read_message(c)
    assert answer.start_line == b"HTTP/1.1 403 Forbidden" and answer.content == b"because"
    assert answer.values("x-squid-error") == [b"ERR_ACCESS_DENIED 0"]
    assert p.log.one(event="request")["status"] == 403


def test_a_407_for_our_own_credentials_is_no_matter_of_the_client(child, parent, client):
    # The client has none that would help: a 407 would only make it ask its user.
    p = child(parent, "corp-user", "wrong")
    c = client(p)
    c.send(request("http://origin.test/"))
    peer = parent.accept()
    read_message(peer)
    peer.send(response(b"no", "Proxy-Authenticate: Basic realm=\"parent\"",
                       status="407 Proxy Authentication Required"))
    answer = c.read_answer()
    assert answer.status == 502, (answer.status, answer.fields)
    assert "corp" in answer.body.decode() and "407" in answer.body.decode()
    assert p.log.one(event="request")["verdict"] == "error"


def test_rules_choose_the_parent(child, parent, client, origin, hosts):
    direct = origin(http(body=b"direct"))
    hosts({"direct.test": "127.0.0.1"})
    p = child(parent, destinations={**OPEN["destinations"], "near": {"domains": ["direct.test"]}},
              rules=[{"name": "near", "to": ["near"], "ports": ["1-65535"], "action": "allow"},
                     {**OPEN["rules"][0], "via": "corp"}])
    assert curl(p, f"http://direct.test:{direct.port}/").stdout == b"direct"
    assert not parent.is_waiting()
    client(p).send(request("http://origin.test/"))
    assert read_message(parent.accept()).start_line.startswith(b"GET http://origin.test/")


# Real parents

def test_another_sallyport_as_parent(child, proxy, hosts, origin):
    web, tunnel = origin(http(body=b"through two")), origin(http(body=b"by tls"),
                                                            certificate="bench")
    hosts({"bench.webex.com": "127.0.0.1"})
    upper = proxy(**{**OPEN, "headers": {"via": "upper"}})
    lower = child(type("At", (), {"port": upper.address[1]}))
    assert curl(lower, f"http://bench.webex.com:{web.port}/x").stdout == b"through two"
    seen = bytes(web.wait(1)[0].received).split(b"\r\n")
    assert [line for line in seen if line.lower().startswith(b"via")] == [b"Via: 1.1 px1",
                                                                          b"Via: 1.1 upper"]
    done = curl(lower, f"https://bench.webex.com:{tunnel.port}/x", "--insecure")
    assert done.stdout == b"by tls", done.stderr
    assert upper.log.one(event="request")["path"] == "/x"
    assert upper.log.one(event="close")["host"] == "bench.webex.com"
    refused = curl(lower, "http://127.0.0.1:1/", "-w", "%{http_code}")
    assert refused.stdout.endswith(b"502") and b"refused" in refused.stdout.lower()


@pytest.fixture(scope="module")
def squid(tmp_path_factory):
    server = Squid(tmp_path_factory.mktemp("squid"), hosts=["bench.webex.com", "forbidden.test"],
                   users={"corp-user": "right"})
    yield server
    server.close()


def test_squid_as_parent(child, squid, origin, client):
    web, tunnel = origin(http(body=b"by squid")), origin(echo)
    p = child(squid, "corp-user", "right")
    for _ in range(3):
        done = curl(p, f"http://bench.webex.com:{web.port}/x")
        assert done.stdout == b"by squid", done
    assert len(web.connections) == 1, "nothing is kept"
    with client(p) as c:
        assert c.connect(f"bench.webex.com:{tunnel.port}", behind=b"hello").status == 200
        assert c.read(5) == b"hello"
    assert p.log.one(event="close")["bytes_out"] == 5
    assert any("corp-user" in line for line in squid.lines())


def test_squid_refuses(child, squid, origin):
    p = child(squid, "corp-user", "right")
    done = curl(p, "http://bench.webex.com/forbidden", "-w", "%{http_code}")
    assert done.stdout.endswith(b"403") and b"Access Denied" in done.stdout
    done = curl(p, "https://forbidden.test/", "-w", "%{http_connect}")
    assert done.stdout == b"502"
    assert [r["status"] for r in p.log.wait(2, event="request")] == [403, 502]
    assert p.log.one(status=502)["error"] == "destination_unavailable"


def test_squid_does_not_know_the_password(child, squid):
    p = child(squid, "corp-user", "wrong")
    done = curl(p, "https://bench.webex.com/", "-w", "%{http_connect}")
    assert done.stdout == b"502", done
    done = curl(p, "http://bench.webex.com/", "-w", "%{http_code}")
    assert done.stdout.endswith(b"502") and b"407" in done.stdout, done
