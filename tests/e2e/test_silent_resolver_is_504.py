# SPDX-License-Identifier: MIT
"""A resolver that says nothing: 504 dns_timeout after dns.timeout."""
import time

from lib.client import wait_until
from lib.dns import DnsServer
from lib.metrics import scrape
from lib.origin import echo
from lib.steps import open_tunnel, refuse_connect


def test_silence_ends_at_the_timeout(proxy, dns, client):
    dns.silence("mute.webex.com")
    p = proxy(dns={"servers": [dns.server], "timeout": "1s"})
    began = time.monotonic()
    answer, record = refuse_connect(p, client(p), "mute.webex.com:443", 504, "dns_timeout",
                                    "dns_timeout")
    assert 0.9 < time.monotonic() - began < 2.5
    assert answer.reason == "Gateway Timeout"
    assert record["ms"] >= 900
    assert dns.count("mute.webex.com", "A") >= 2  # asked again meanwhile
    wait_until(lambda: scrape(p).value("sallyport_dns_queries_total", result="timed_out") == 1)


def test_a_silent_name_holds_up_no_other(proxy, origin, dns, client):
    there = origin(echo)
    dns.silence("mute.webex.com")
    dns.set("bench.webex.com", "A", ["127.0.0.1"])
    p = proxy(ports=[there.port], dns={"servers": [dns.server], "timeout": "1500ms"})
    waiting = client(p)
    waiting.send("CONNECT mute.webex.com:443 HTTP/1.1\r\nHost: mute.webex.com\r\n\r\n")
    began = time.monotonic()
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert time.monotonic() - began < 1
    assert p.log.one(event="close")["host"] == "bench.webex.com"
    assert waiting.read_answer().status == 504


def test_a_silent_resolver_beside_a_good_one(proxy, origin, dns, client, closing):
    mute = closing(DnsServer())
    mute.silence("bench.webex.com")
    there = origin(echo)
    dns.set("bench.webex.com", "A", ["127.0.0.1"])
    p = proxy(ports=[there.port], dns={"servers": [mute.server, dns.server], "timeout": "5s"})
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert p.log.one(event="close")["status"] == 200
    assert mute.count("bench.webex.com") >= 1
