# SPDX-License-Identifier: MIT
"""A name without an address: 502 destination_not_found; a failing resolver: 502 dns_error."""
import pytest

from lib.client import wait_until
from lib.metrics import scrape
from lib.steps import refuse_connect


def dns_count(p, result):
    return scrape(p).value("sallyport_dns_queries_total", result=result)


def test_nxdomain(proxy, dns, client):
    p = proxy(dns={"servers": [dns.server]})
    answer, record = refuse_connect(p, client(p), "gone.webex.com:443", 502,
                                    "destination_not_found", "no_such_host", rule="webex")
    assert answer.reason == "Bad Gateway" and "dst" not in record
    assert {kind for _, kind, _ in dns.queries} == {"A", "AAAA"}
    wait_until(lambda: dns_count(p, "no_name") == 1)


def test_a_name_without_addresses(proxy, dns, client):
    dns.set("empty.webex.com", "A", [])
    p = proxy(dns={"servers": [dns.server]})
    refuse_connect(p, client(p), "empty.webex.com:443", 502, "destination_not_found",
                   "no_such_host")


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "FORMERR"])
def test_a_resolver_that_fails(proxy, dns, client, rcode):
    dns.fail("bad.webex.com", rcode)
    p = proxy(dns={"servers": [dns.server]})
    refuse_connect(p, client(p), "bad.webex.com:443", 502, "dns_error", "dns_failed")
    wait_until(lambda: dns_count(p, "failed") == 1)


def test_a_resolver_that_answers_nonsense(proxy, dns, client):
    dns.garble("bad.webex.com", b"\x81\x80\x00\x01\xff\xff\x00\x00\x00\x00\xc0\x0c")
    p = proxy(dns={"servers": [dns.server], "timeout": "1s"})
    answer = client(p).connect("bad.webex.com:443")
    assert (answer.status, answer.proxy_error) in ((502, "dns_error"), (504, "dns_timeout"))
    assert p.log.one(event="request")["error"] == answer.proxy_error


def test_a_resolver_that_is_not_there(proxy, dns, client):
    dns.close()
    p = proxy(dns={"servers": [dns.server], "timeout": "1s"})
    answer = client(p).connect("bench.webex.com:443")
    assert (answer.status, answer.proxy_error) in ((502, "dns_error"), (504, "dns_timeout"))
    assert p.log.one(event="request")["error"] == answer.proxy_error
