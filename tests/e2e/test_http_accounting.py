# SPDX-License-Identifier: MIT
"""What is counted and logged of plain requests: header changes, bytes, squid's format."""
import re
import time

import pytest

from lib.client import curl, wait_until
from lib.http_steps import OPEN, request, response
from lib.http_wire import RecordingOrigin, read_message
from lib.metrics import scrape
from lib.origin import http

CHANGES = "sallyport_header_changes_total"


@pytest.fixture
def there(hosts, closing):
    hosts({"origin.test": "127.0.0.1"})
    return closing(RecordingOrigin())


def changes(proxy):
    """{(field, reason): count} of what has been counted, without zeros."""
    found = {}
    for (name, labels), value in scrape(proxy).values.items():
        if name == CHANGES and value:
            found[(dict(labels)["field"], dict(labels)["reason"])] = int(value)
    return found


def round_trip(proxy, client, there, asked, answer):
    with client(proxy) as c:
        c.send(asked)
        peer = there.accept()
        read_message(peer)
        peer.send(answer)
        got = read_message(c)
        peer.close()
    return got


def test_a_plain_exchange_changes_three_fields(proxy, client, there):
    p = proxy(**OPEN)
    round_trip(p, client, there, request(f"http://origin.test:{there.port}/"), response(b"ok"))
    assert changes(p) == {("via", "added"): 2, ("x-forwarded-for", "added"): 1}


def test_every_change_is_counted_by_field_and_reason(proxy, client, there):
    p = proxy(**OPEN)
    url = f"http://origin.test:{there.port}/"
    asked = (f"OPTIONS {url} HTTP/1.1\r\nHost: evil.test\r\nConnection: keep-alive, X-Hop, TE\r\n"
             "Keep-Alive: 5\r\nProxy-Connection: keep-alive\r\nX-Hop: 1\r\nX-Hop: 2\r\n"
             "TE: trailers\r\n"
             "Upgrade: h2c\r\nHTTP2-Settings: x\r\nProxy-Authorization: Basic dTpw\r\n"
             "Max-Forwards: 9\r\n\r\n").encode()
    answer = (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-Space : 1\r\n"
              b"Connection: close\r\n"
              b"Proxy-Authenticate: Basic\r\nProxy-Authentication-Info: x\r\nUpgrade: h2c\r\n\r\n")
    got = round_trip(p, client, there, asked, answer)
    assert sorted(line.partition(b":")[0] for line in got.lines) == [b"Date", b"Via", b"X-Space"]
    assert changes(p) == {
        ("host", "from_target"): 1, ("connection", "hop_by_hop"): 2, ("keep-alive",
                                                                      "hop_by_hop"): 1,
        ("proxy-connection", "hop_by_hop"): 1, ("te", "hop_by_hop"): 1, ("upgrade",
                                                                         "hop_by_hop"): 2,
        ("http2-settings", "hop_by_hop"): 1, ("other", "named_by_connection"): 2,
        ("proxy-authorization", "for_the_proxy"): 1, ("max-forwards", "counted_down"): 1,
        ("proxy-authenticate", "for_the_proxy"): 1, ("proxy-authentication-info",
                                                     "for_the_proxy"): 1,
        ("content-length", "framing"): 1, ("other", "repaired"): 1, ("date", "added"): 1,
        ("via", "added"): 2, ("x-forwarded-for", "added"): 1}


def test_dropped_trailer_fields_are_counted(proxy, client, there):
    p = proxy(**OPEN)
    url = f"http://origin.test:{there.port}/"
    asked = request(url, "Transfer-Encoding: chunked", "Connection: X-Hop", method="POST") + \
        b"0\r\nX-Hop: 1\r\nContent-Length: 5\r\nX-End: 1\r\n\r\n"
    answer = response(b"", "Transfer-Encoding: chunked", length=False) + \
        b"0\r\nConnection: close\r\nX-End: 1\r\n\r\n"
    round_trip(p, client, there, asked, answer)
    dropped = ("other", "named_by_connection")
    counted = wait_until(lambda: dropped in changes(p) and changes(p), what="the count")
    assert counted.pop(dropped) == 1
    assert counted.pop(("content-length", "barred")) == 1
    assert counted.pop(("connection", "hop_by_hop")) == 2  # the field, and the trailer
    assert counted == {("via", "added"): 2, ("x-forwarded-for", "added"): 1}


def test_forwarded_for_can_be_turned_off(proxy, client, there):
    p = proxy(**{**OPEN, "headers": {"via": "px1", "forwarded_for": False}})
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/", "X-Forwarded-For: 198.51.100.7"))
    assert read_message(there.accept()).values("x-forwarded-for") == [b"198.51.100.7"]


def test_without_a_name_via_has_one_of_its_own(proxy, client, there):
    names = set()
    for _ in range(2):
        p = proxy(**{**OPEN, "headers": {}})
        client(p).send(request(f"http://origin.test:{there.port}/"))
        via, = read_message(there.accept()).values("via")
        assert re.fullmatch(rb"1\.1 sallyport-[0-9a-zA-Z]+", via)
        names.add(via)
    assert len(names) == 2, "two instances with one name would take each other for a loop"


@pytest.mark.parametrize("strict", [False, True])
def test_bytes_are_those_on_the_wire(proxy, client, there, strict):
    p = proxy(**{**OPEN, "headers": {"via": "px1", "strict": strict}})
    url = f"http://origin.test:{there.port}/x?token=s3cr3t"
    asked = request(url, "Cookie: s3cr3t", method="POST", body=b"b" * 1000)
    got = round_trip(p, client, there, asked, response(b"a" * 50_000))
    record = p.log.one(event="request")
    assert record["bytes_in"] == len(asked)
    assert record["bytes_out"] == len(got.head) + 50_000
    expected = {"event": "request", "client": "127.0.0.1", "method": "POST", "host": "origin.test",
                "port": there.port, "path": "/x", "verdict": "allow", "rule": "any", "tls": "none",
                "status": 200, "dst": "127.0.0.1", "end": "done"}
    assert {key: record[key] for key in expected} == expected
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["ts"])
    assert "error" not in record and "sni" not in record and record["ms"] < 5000
    assert "s3cr3t" not in "\n".join(p.log.lines()) + p.errors()
    counts = scrape(p)
    assert counts.value("sallyport_bytes_total", direction="in") == len(asked)
    assert counts.value("sallyport_bytes_total", direction="out") == record["bytes_out"]
    assert counts.value("sallyport_requests_total", verdict="allow", method="other") == 1


def test_a_line_of_squids_format(proxy, origin, hosts):
    there = origin(http(body=b"hello"))
    hosts({"origin.test": "127.0.0.1"})
    p = proxy(**OPEN, log={"format": "squid"})
    done = curl(p, f"http://origin.test:{there.port}/page?token=s3cr3t", "-D", "-")
    wait_until(p.log.lines, what="a log line")
    found = re.fullmatch(
        r"(\d{10}\.\d{3}) +\d+ 127\.0\.0\.1 TCP_MISS/200 (\d+) GET "
        rf"http://origin\.test:{there.port}/page - HIER_DIRECT/127\.0\.0\.1 (\S+)",
        p.log.lines()[0])
    assert found, p.log.lines()
    assert int(found.group(2)) == len(done.stdout) and abs(float(found.group(1)) - time.time()) < 60


def test_squids_format_of_a_refusal(proxy):
    p = proxy(log={"format": "squid"})
    curl(p, "http://example.org/page?x=1")
    wait_until(p.log.lines, what="a log line")
    assert re.search(r" TCP_DENIED/403 \d+ GET http://example\.org/page - HIER_NONE/- ",
                     p.log.lines()[0]), p.log.lines()


def test_control_bytes_of_a_path_do_not_break_the_log(proxy, client, there):
    p = proxy(**OPEN)
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/\"\\%0a<x>{{}}|^`"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"ok"))
    read_message(c)
    assert p.log.one(event="request")["path"] == "/\"\\%0a<x>{}|^`"


# What the proxy answers itself

def test_options_star_is_about_the_proxy(proxy, client):
    p = proxy()
    c = client(p)
    c.send("OPTIONS * HTTP/1.1\r\nHost: proxy.test\r\n\r\n")
    answer = c.read_answer()
    assert answer.status == 200 and answer.get("content-length") == "0" and answer.get("allow")
    assert answer.get("via") is None


def test_options_with_no_forwards_left(proxy, client, there):
    p = proxy(**OPEN)
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/x", "Max-Forwards: 0", method="OPTIONS"))
    answer = c.read_answer()
    assert answer.status == 200 and answer.get("allow")
    assert not there.is_waiting(0.05)
    assert p.log.one(event="request")["status"] == 200


def test_trace_shows_the_request_without_secrets(proxy, client, there):
    p = proxy(**OPEN)
    c = client(p)
    c.send(request(f"http://origin.test:{there.port}/x", "Max-Forwards: 0", "Cookie: s3cr3t=1",
                   "Authorization: Basic s3cr3t", "Proxy-Authorization: Basic s3cr3t", "X-A: b",
                   "Via: 1.1 other", method="TRACE"))
    answer = c.read_answer()
    assert answer.status == 200 and answer.get("content-type") == "message/http"
    echoed = answer.body.decode().split("\r\n")
    assert echoed[0] == f"TRACE http://origin.test:{there.port}/x HTTP/1.1"
    assert "X-A: b" in echoed and "Via: 1.1 other" in echoed
    assert "s3cr3t" not in answer.body.decode() and not there.is_waiting(0.05)


def test_a_denied_trace_is_denied(proxy, client):
    p = proxy()
    c = client(p)
    c.send(request("http://example.org/", "Max-Forwards: 0", method="TRACE"))
    assert c.read_answer().status == 403
    assert p.log.one(event="request")["verdict"] == "deny"
