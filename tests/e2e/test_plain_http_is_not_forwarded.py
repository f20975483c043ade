# SPDX-License-Identifier: MIT
"""A plain request is decided by the policy; what is allowed gets 501: only CONNECT goes through."""
import pytest

from lib.client import curl
from lib.origin import http
from lib.steps import check_refusal


def test_a_denied_url_gets_403(proxy):
    p = proxy()
    done = curl(p, "http://example.org/page", "-w", "%{http_code}")
    assert done.returncode == 0 and done.stdout.endswith(b"403")
    record = p.log.one(event="request")
    assert (record["method"], record["host"], record["port"]) == ("GET", "example.org", 80)
    assert (record["verdict"], record["error"]) == ("deny", "http_request_denied")


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "DELETE", "BREW"])
def test_an_allowed_url_gets_501(proxy, origin, hosts, client, method):
    there = origin(http())
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(guard={"deny_private": True, "allow": ["127.0.0.0/8"], "http_ports": [there.port]})
    c = client(p)
    c.send(f"{method} http://bench.webex.com:{there.port}/page HTTP/1.1\r\n"
           f"Host: bench.webex.com:{there.port}\r\n\r\n")
    answer = c.read_answer(has_body=method != "HEAD")
    if method == "HEAD":
        assert c.is_ended()
        answer.body = answer.get("x-request-id").encode()  # it has none, see check_refusal
    record = check_refusal(p, answer, 501, "http_request_error", "not_forwarded",
                           host="bench.webex.com")
    assert record["method"] == method
    assert there.connections == []


def test_the_two_urls_of_the_connectivity_check(proxy, client):
    # msftncsi.com/ncsi.txt is in the set, other paths and CONNECT are not.
    p = proxy(guard={"http_ports": [80]})
    for target, status in (("http://msftncsi.com/ncsi.txt", 501),
                           ("http://msftncsi.com/other", 403)):
        c = client(p)
        c.send(f"GET {target} HTTP/1.1\r\nHost: msftncsi.com\r\n\r\n")
        assert c.read_answer().status == status
    assert client(p).connect("msftncsi.com:443").status == 403
    records = p.log.wait(3, event="request")
    assert [r["status"] for r in records] == [501, 403, 403]


@pytest.mark.parametrize("target", ["/", "*", "ftp://bench.webex.com/", "https://bench.webex.com/",
                                    "bench.webex.com", "//bench.webex.com/"])
def test_a_target_that_is_no_http_url_gets_400(proxy, client, target):
    p = proxy()
    c = client(p)
    c.send(f"GET {target} HTTP/1.1\r\nHost: bench.webex.com\r\n\r\n")
    check_refusal(p, c.read_answer(), 400, "http_request_error", "bad_request")
