# SPDX-License-Identifier: MIT
"""A name is asked for once within the lifetime of its answer, good or bad."""

from lib.client import wait_until
from lib.metrics import scrape
from lib.origin import echo
from lib.steps import open_tunnel, refuse_connect


def test_two_tunnels_ask_once(proxy, origin, dns, client):
    there = origin(echo)
    dns.set("bench.webex.com", "A", ["127.0.0.1"], ttl=60)
    p = proxy(ports=[there.port], dns={"servers": [dns.server]})
    for _ in range(2):
        open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert len(p.log.wait(2, event="close")) == 2
    assert dns.count("bench.webex.com", "A") == 1
    assert dns.count("bench.webex.com", "AAAA") == 1
    wait_until(lambda: scrape(p).value("sallyport_dns_queries_total", result="cached") == 1)
    assert scrape(p).value("sallyport_dns_queries_total", result="found") == 1


def test_tunnels_at_the_same_time_share_one_question(proxy, origin, dns, client):
    there = origin(echo)
    dns.set("bench.webex.com", "A", ["127.0.0.1"])
    dns.slow("bench.webex.com", "A", 0.3)
    p = proxy(ports=[there.port], dns={"servers": [dns.server]})
    clients = [client(p) for _ in range(5)]
    for c in clients:
        c.send(f"CONNECT bench.webex.com:{there.port} HTTP/1.1\r\nHost: bench.webex.com\r\n\r\n")
    for c in clients:
        assert c.read_answer(has_body=False).status == 200
        c.close()
    p.log.wait(5, event="close")
    assert dns.count("bench.webex.com", "A") == 1


def test_an_answer_is_asked_for_again_when_it_is_over(proxy, origin, dns, client):
    there = origin(echo)
    second = origin(echo, address="127.0.0.2", port=there.port)
    dns.set("bench.webex.com", "A", ["127.0.0.1"], ttl=1)
    p = proxy(ports=[there.port], dns={"servers": [dns.server]})
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    dns.set("bench.webex.com", "A", ["127.0.0.2"], ttl=1)

    def leads_to_the_new_address():
        c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
        c.close()
        return second.connections

    wait_until(leads_to_the_new_address, 5)
    assert p.log.wait(1, event="close", dst="127.0.0.2")


def test_a_name_that_does_not_exist_is_asked_for_once(proxy, dns, client):
    p = proxy(dns={"servers": [dns.server]})
    for _ in range(3):
        c = client(p)
        assert c.connect("gone.webex.com:443").proxy_error == "destination_not_found"
    assert len(p.log.wait(3, event="request", error="destination_not_found")) == 3
    assert dns.count("gone.webex.com", "A") == 1
    assert dns.count("gone.webex.com", "AAAA") == 1


def test_the_soa_bounds_the_life_of_a_negative_answer(proxy, origin, dns, client):
    # RFC 2308 section 5.
    there = origin(echo)
    dns.negative_ttl = 1
    p = proxy(ports=[there.port], dns={"servers": [dns.server]})
    authority = f"new.webex.com:{there.port}"
    refuse_connect(p, client(p), authority, 502, "destination_not_found", "no_such_host")
    dns.set("new.webex.com", "A", ["127.0.0.1"])
    wait_until(lambda: client(p).connect(authority).status == 200, 5)
    assert p.log.wait(1, event="open", host="new.webex.com")


def test_hosts_go_before_dns(proxy, origin, hosts, dns, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    dns.set("bench.webex.com", "A", ["127.0.0.9"])
    p = proxy(ports=[there.port], dns={"servers": [dns.server]})
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert p.log.one(event="close")["dst"] == "127.0.0.1"
    assert dns.queries == []


def test_a_truncated_answer_is_asked_for_over_tcp(proxy, origin, dns, client):
    there = origin(echo)
    dns.set("bench.webex.com", "A", ["127.0.0.1"])
    dns.truncate("bench.webex.com")
    p = proxy(ports=[there.port], dns={"servers": [dns.server]})
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert p.log.one(event="close")["dst"] == "127.0.0.1"
    assert ("bench.webex.com", "A", "tcp") in dns.queries
