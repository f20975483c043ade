# SPDX-License-Identifier: MIT
"""RFC 8305: a broken IPv6 costs a moment, not the tunnel."""
import time

from lib.origin import BlackHole, echo
from lib.steps import close_record, open_tunnel, refuse_connect

NAME = "bench.webex.com"


def timed_tunnel(p, client, port):
    c = client(p)
    began = time.monotonic()
    open_tunnel(c, f"{NAME}:{port}", behind=b"x")
    took = time.monotonic() - began
    assert c.read(1) == b"x"
    c.end()
    assert c.is_ended()
    return took


def both(hosts):
    hosts({NAME: ["127.0.0.1", "::1"]})


def test_ipv6_goes_first_where_it_works(proxy, origin, hosts, client):
    six = origin(echo, address="::1")
    four = origin(echo, port=six.port)
    both(hosts)
    p = proxy(ports=[six.port])
    timed_tunnel(p, client, six.port)
    assert close_record(p)["dst"] == "::1"
    assert four.connections == []


def test_a_refusing_ipv6_is_passed_over_at_once(proxy, origin, hosts, client):
    four = origin(echo)
    both(hosts)
    p = proxy(ports=[four.port])  # nothing listens on ::1 at that port
    assert timed_tunnel(p, client, four.port) < 0.2
    assert close_record(p)["dst"] == "127.0.0.1"


def test_a_silent_ipv6_costs_a_quarter_of_a_second(proxy, origin, hosts, client, closing):
    six = closing(BlackHole("::1"))
    origin(echo, port=six.port)
    both(hosts)
    p = proxy(ports=[six.port])
    assert 0.2 < timed_tunnel(p, client, six.port) < 1
    assert close_record(p)["dst"] == "127.0.0.1"


def test_a_silent_ipv4_does_not_matter_where_ipv6_works(proxy, origin, hosts, client, closing):
    four = closing(BlackHole("127.0.0.1"))
    origin(echo, address="::1", port=four.port)
    both(hosts)
    p = proxy(ports=[four.port])
    assert timed_tunnel(p, client, four.port) < 0.2
    assert close_record(p)["dst"] == "::1"


def test_both_silent_end_at_the_timeout(proxy, hosts, client, closing):
    six = closing(BlackHole("::1"))
    hosts({NAME: "::1"})
    p = proxy(ports=[six.port], limits={"connect_timeout": "1s"})
    refuse_connect(p, client(p), f"{NAME}:{six.port}", 504, "connection_timeout",
                   "connect_timeout")


def test_a_late_aaaa_answer_does_not_hold_up_ipv4(proxy, origin, dns, client):
    # Section 3: the Resolution Delay.
    four = origin(echo)
    dns.set(NAME, "A", ["127.0.0.1"])
    dns.set(NAME, "AAAA", ["::1"])
    dns.slow(NAME, "AAAA", 1.5)
    p = proxy(ports=[four.port], dns={"servers": [dns.server], "timeout": "3s"})
    assert timed_tunnel(p, client, four.port) < 1
    assert close_record(p)["dst"] == "127.0.0.1"


def test_a_late_a_answer_does_not_hold_up_ipv6(proxy, origin, dns, client):
    six = origin(echo, address="::1")
    dns.set(NAME, "AAAA", ["::1"])
    dns.slow(NAME, "A", 1.5)
    p = proxy(ports=[six.port], dns={"servers": [dns.server], "timeout": "3s"})
    assert timed_tunnel(p, client, six.port) < 1
    assert close_record(p)["dst"] == "::1"


def test_a_failing_aaaa_question_leaves_ipv4(proxy, origin, dns, client):
    four = origin(echo)
    dns.set(NAME, "A", ["127.0.0.1"])
    dns.slow(NAME, "AAAA", 10)  # no answer in time
    p = proxy(ports=[four.port], dns={"servers": [dns.server], "timeout": "1s"})
    timed_tunnel(p, client, four.port)
    assert close_record(p)["dst"] == "127.0.0.1"


def test_the_only_address_that_works_is_found(proxy, origin, hosts, client):
    there = origin(echo, address="127.0.0.9")
    hosts({NAME: ["127.0.0.2", "127.0.0.3", "::1", "127.0.0.4", "127.0.0.9"]})
    p = proxy(ports=[there.port])
    timed_tunnel(p, client, there.port)
    assert close_record(p)["dst"] == "127.0.0.9"
