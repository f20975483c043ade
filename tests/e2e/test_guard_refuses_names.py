# SPDX-License-Identifier: MIT
"""The guard judges the address a name leads to: an allowed name is no way around it."""
import pytest

from lib.origin import echo
from lib.steps import close_record, open_tunnel, refuse_connect

SPECIAL = ["127.0.0.1", "10.1.2.3", "172.20.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1",
           "0.0.0.0", "224.0.0.1", "::1", "fe80::1", "fd00::1", "ff02::1",
           "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"]


def check_forbidden(p, c, there):
    answer, record = refuse_connect(p, c, f"bench.webex.com:{there.port}", 403,
                                    "destination_ip_prohibited", "address_forbidden",
                                    verdict="deny", rule="webex", host="bench.webex.com")
    assert "dst" not in record
    assert there.connections == []
    return answer


@pytest.mark.parametrize("address", SPECIAL)
def test_a_name_in_hosts_that_leads_there_is_refused(proxy, origin, hosts, client, address):
    there = origin(echo)
    hosts({"bench.webex.com": address})
    p = proxy(ports=[there.port], guard={"deny_private": True, "allow": None})
    check_forbidden(p, client(p), there)


@pytest.mark.parametrize("kind,address", [("A", "127.0.0.1"), ("A", "10.0.0.1"), ("AAAA", "::1"),
                                          ("AAAA", "fd00::1")])
def test_a_name_in_dns_that_leads_there_is_refused(proxy, origin, dns, client, kind, address):
    there = origin(echo)
    dns.set("bench.webex.com", kind, [address])
    p = proxy(ports=[there.port], guard={"deny_private": True, "allow": None},
              dns={"servers": [dns.server]})
    check_forbidden(p, client(p), there)
    assert dns.count("bench.webex.com") == 2


def test_an_ipv4_address_in_an_ipv6_answer_is_no_address(proxy, origin, dns, client):
    there = origin(echo)
    dns.set("bench.webex.com", "AAAA", ["::ffff:127.0.0.1"])
    p = proxy(ports=[there.port], dns={"servers": [dns.server]})  # loopback is allowed
    refuse_connect(p, client(p), f"bench.webex.com:{there.port}", 502, "destination_not_found",
                   "no_such_host")
    assert there.connections == []


def test_an_alias_to_a_forbidden_address_is_refused(proxy, origin, dns, client):
    there = origin(echo)
    dns.alias("bench.webex.com", "inside.test")
    dns.set("inside.test", "A", ["127.0.0.1"])
    p = proxy(ports=[there.port], guard={"deny_private": True, "allow": None},
              dns={"servers": [dns.server]})
    check_forbidden(p, client(p), there)


def test_of_two_addresses_only_the_allowed_one_is_dialled(proxy, origin, hosts, client):
    allowed = origin(echo, address="127.0.0.2")
    forbidden = origin(echo, address="127.0.0.3", port=allowed.port)
    hosts({"bench.webex.com": ["127.0.0.3", "::1", "10.0.0.1", "127.0.0.2"]})
    p = proxy(ports=[allowed.port], guard={"deny_private": True, "allow": ["127.0.0.2/32"]})
    for _ in range(5):
        open_tunnel(client(p), f"bench.webex.com:{allowed.port}").close()
    records = p.log.wait(5, event="close")
    assert {r["dst"] for r in records} == {"127.0.0.2"}
    assert len(allowed.connections) == 5 and forbidden.connections == []


def test_a_refused_address_is_no_second_try_when_the_allowed_one_fails(proxy, origin, hosts,
                                                                       client):
    forbidden = origin(echo, address="127.0.0.3")
    hosts({"bench.webex.com": ["127.0.0.2", "127.0.0.3"]})
    p = proxy(ports=[forbidden.port], guard={"deny_private": True, "allow": ["127.0.0.2/32"]})
    refuse_connect(p, client(p), f"bench.webex.com:{forbidden.port}", 502, "connection_refused",
                   "refused")
    assert forbidden.connections == []


def test_without_deny_private_the_name_passes(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], guard={"deny_private": False, "allow": None})
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert close_record(p)["dst"] == "127.0.0.1"
