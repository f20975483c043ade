# SPDX-License-Identifier: MIT
"""Who may fetch what over plain HTTP: rules, URL patterns, ports, and the guard."""
import pytest

from lib.client import curl
from lib.http_steps import OPEN, exchange, request, response
from lib.http_wire import RecordingOrigin, read_message
from lib.origin import ClosedPort
from lib.steps import check_refusal


def ask(client, target, method="GET"):
    client.send(request(target, method=method))
    return client.read_answer(has_body=method != "HEAD")


def serve(there, client, target, *fields):
    """The request arrives and is answered."""
    client.send(request(target, *fields))
    peer = there.accept()
    asked = read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(client).content == b"ok"
    return peer, asked


@pytest.fixture
def there(hosts, closing):
    hosts({name: "127.0.0.1" for name in
           ("msftncsi.com", "www.msftncsi.com", "bench.webex.com", "origin.test", "host.test")})
    return closing(RecordingOrigin())


def test_the_url_of_the_connectivity_check(proxy, there, client):
    # The shipped Webex sets hold msftncsi.com/ncsi.txt, and nothing else of that host.
    p = proxy(guard={"http_ports": [there.port]})
    base = f"http://msftncsi.com:{there.port}"
    serve(there, client(p), base + "/ncsi.txt")
    for path in ("/other", "/", "", "/ncsi.txt/", "/ncsi.txtx", "/NCSI.TXT", "//ncsi.txt",
                 "/ncsi%2Etxt%00", "/ncsi.txt/../other", "/ncsi.txt%2f..%2fother"):
        answer = ask(client(p), base + path)
        assert (answer.status, answer.proxy_error) == (403, "http_request_denied"), path
    assert client(p).connect(f"msftncsi.com:{there.port}").status == 403
    assert not there.is_waiting()
    allowed = p.log.one(event="request", verdict="allow")
    assert (allowed["path"], allowed["rule"]) == ("/ncsi.txt", "webex")
    assert allowed["pattern"].startswith("msftncsi.com/ncsi.txt")


@pytest.mark.parametrize("path", ["/ncsi.txt?x=1", "/%6ecsi.txt", "/a/../ncsi.txt"])
def test_spellings_of_the_same_url_are_decided_alike_and_sent_as_they_are(
        proxy, there, client, path):
    # RFC 3986 section 6.2.2: these are equivalent. RFC 9110 section 7.7: none is rewritten.
    p = proxy(guard={"http_ports": [there.port]})
    _, asked = serve(there, client(p), f"http://msftncsi.com:{there.port}{path}")
    assert asked.start_line == f"GET {path} HTTP/1.1".encode()


def test_a_denied_url_of_a_kept_connection(proxy, there, client):
    # Each request of a connection is judged, not only its first.
    p = proxy(guard={"http_ports": [there.port]})
    c, base = client(p), f"http://msftncsi.com:{there.port}"
    peer, _ = serve(there, c, base + "/ncsi.txt")
    exchange(c, peer, base + "/ncsi.txt")
    assert ask(c, base + "/other").status == 403
    assert [r["verdict"] for r in p.log.wait(3, event="request")] == ["allow", "allow", "deny"]


def test_url_rules_see_path_and_query(proxy, there, client):
    port = there.port
    p = proxy(destinations={"page": {"urls": [f"http://host.test:{port}/page"]},
                            "all": {"domains": ["host.test"]}},
              rules=[{"name": "page", "to": ["page"], "ports": [port], "action": "allow"},
                     {"name": "rest", "to": ["all"], "action": "deny"}])
    serve(there, client(p), f"http://host.test:{port}/page")
    denied = ask(client(p), f"http://host.test:{port}/pages-of-others")
    record = check_refusal(p, denied, 403, "http_request_denied", "denied", verdict="deny",
                           rule="rest", host="host.test", path="/pages-of-others", method="GET")
    assert record["port"] == port


@pytest.mark.parametrize("method,status", [("GET", 200), ("HEAD", 403), ("POST", 403), ("get",
                                                                                        403)])
def test_rules_by_method(proxy, there, client, method, status):
    p = proxy(destinations=OPEN["destinations"],
              rules=[{**OPEN["rules"][0], "methods": ["GET"]}])
    target = f"http://origin.test:{there.port}/"
    if status == 200:
        serve(there, client(p), target)
    else:
        assert ask(client(p), target, method).status == status
    assert p.log.one(event="request")["method"] == method


def test_a_port_that_is_not_for_http(proxy, there, client):
    p = proxy(guard={"http_ports": [80], "connect_ports": [443, there.port]})
    answer = ask(client(p), f"http://bench.webex.com:{there.port}/")
    check_refusal(p, answer, 403, "http_request_denied", "denied", verdict="deny")
    assert not there.is_waiting()


def test_a_port_that_is_not_for_connect(proxy, there, client):
    p = proxy(guard={"http_ports": [there.port], "connect_ports": [443]})
    assert client(p).connect(f"bench.webex.com:{there.port}").status == 403
    serve(there, client(p), f"http://bench.webex.com:{there.port}/")


def test_without_a_port_it_is_80(proxy, hosts, client):
    hosts({"bench.webex.com": "127.9.8.7"})
    p = proxy()
    answer = ask(client(p), "http://bench.webex.com/x")
    assert answer.status in (200, 404, 502), answer.status  # whoever listens there, if anybody
    record = p.log.one(event="request")
    assert (record["port"], record["dst"] if "dst" in record else "127.9.8.7") == (80, "127.9.8.7")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost.test",
                                  "[64:ff9b::7f00:1]"])
def test_the_guard_refuses(proxy, hosts, client, there, host):
    hosts({"localhost.test": "127.0.0.1"})
    p = proxy(destinations=OPEN["destinations"], rules=OPEN["rules"], guard={"allow": None})
    answer = ask(client(p), f"http://{host}:{there.port}/")
    check_refusal(p, answer, 403, "destination_ip_prohibited", "address_forbidden", verdict="deny")
    assert not there.is_waiting(0.05)


def test_an_address_that_only_looks_like_a_name(proxy, there, client):
    # Spellings that a resolver would take for 127.0.0.1.
    p = proxy(destinations=OPEN["destinations"], rules=OPEN["rules"], guard={"allow": None})
    for host in ("127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1", "127.0.0.1."):
        assert ask(client(p), f"http://{host}:{there.port}/").status in (400, 403, 502), host
    assert not there.is_waiting(0.05)


def test_no_such_host_and_nobody_there(proxy, client, closing, hosts):
    dead = closing(ClosedPort())
    hosts({"dead.test": "127.0.0.1"})
    p = proxy(**OPEN)
    answer = ask(client(p), f"http://dead.test:{dead.port}/")
    check_refusal(p, answer, 502, "connection_refused", "refused")
    head = ask(client(p), f"http://dead.test:{dead.port}/", "HEAD")
    assert head.status == 502


def test_the_page_names_the_host_and_never_the_query(proxy):
    p = proxy()
    done = curl(p, "http://example.org/page?token=s3cr3t", "-H", "Accept: text/html",
                "-H", "Cookie: s3cr3t=1", "-w", "%{http_code}")
    assert done.stdout.endswith(b"403") and b"example.org" in done.stdout
    assert b"s3cr3t" not in done.stdout
    p.log.one(event="request", path="/page")
    assert "s3cr3t" not in "\n".join(p.log.lines()) + p.errors()


@pytest.mark.parametrize("target", ["/", "ftp://origin.test/", "https://origin.test/",
                                    "origin.test",
                                    "//origin.test/", "http:/origin.test/", "http://",
                                    "http:///x", "http://:80/", "http://origin.test:0/",
                                    "http://origin.test:99999/", "http://origin.test:8a/",
                                    "http://[::1/", "http://a@origin.test/", "http://or igin/",
                                    "http://origin.test\\@evil.test/"])
def test_a_target_that_is_no_http_url_gets_400(proxy, client, target):
    p = proxy(**OPEN)
    c = client(p)
    c.send(f"GET {target} HTTP/1.1\r\nHost: origin.test\r\n\r\n")
    check_refusal(p, c.read_answer(), 400, "http_request_error", "bad_request")
