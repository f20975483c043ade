# SPDX-License-Identifier: MIT
"""With guard.deny_private no spelling of a special address is dialled, whatever the rules say."""
import pytest

from lib.origin import echo
from lib.steps import ANYWHERE, refuse_connect

GUARD = {"deny_private": True, "allow": None}

# RFC 6890 and its kin, and the IPv6 forms that carry an IPv4 address.
SPECIAL = {
    "loopback": ["127.0.0.1", "127.255.255.254", "[::1]"],
    "unspecified": ["0.0.0.0", "[::]", "0.1.2.3"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1"],
    "shared": ["100.64.0.1", "100.127.255.254"],
    "link-local": ["169.254.169.254", "[fe80::1]", "[febf::1]"],
    "unique local": ["[fc00::1]", "[fdff::1]"],
    "multicast": ["224.0.0.1", "239.255.255.255", "[ff02::1]"],
    "broadcast and reserved": ["255.255.255.255", "240.0.0.1"],
    "mapped": ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:10.0.0.1]"],
    "compatible": ["[::127.0.0.1]", "[::10.0.0.1]"],
    "NAT64": ["[64:ff9b::127.0.0.1]", "[64:ff9b::a00:1]"],
    "6to4": ["[2002:7f00:1::]", "[2002:a00:1::1]", "[2002:c0a8:101::1]"],
}

# What inet_aton and with it many a resolver takes for 127.0.0.1 or 10.0.0.1.
SPELLINGS = ["0x7f.1", "2130706433", "0177.0.0.1", "127.1", "127.0.1", "0x7f000001", "0x7F.0.0.0x1",
             "017700000001", "127.0.0.1.", "012.1", "00000000177.1", "localhost", "LocalHost.",
             "a.localhost"]


@pytest.mark.parametrize("host", [a for kind in SPECIAL.values() for a in kind])
def test_a_special_address_is_refused(proxy, client, host):
    p = proxy(guard=GUARD, **ANYWHERE)
    answer, record = refuse_connect(p, client(p), f"{host}:443", 403,
                                    "destination_ip_prohibited", "address_forbidden",
                                    verdict="deny", rule="any")
    assert "dst" not in record


@pytest.mark.parametrize("host", SPELLINGS)
def test_loopback_in_another_spelling_is_refused(proxy, origin, client, host):
    there = origin(echo)
    p = proxy(ports=[there.port], guard=GUARD, **ANYWHERE)
    refuse_connect(p, client(p), f"{host}:{there.port}", 403, "destination_ip_prohibited",
                   "address_forbidden", verdict="deny")
    assert there.connections == []


def test_the_same_addresses_pass_where_the_guard_allows_them(proxy, origin, client):
    there = origin(echo)
    p = proxy(ports=[there.port], guard={"deny_private": True, "allow": ["127.0.0.0/8"]},
              **ANYWHERE)
    for host in ("127.0.0.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "127.1"):
        c = client(p)
        assert c.connect(f"{host}:{there.port}").status == 200, host
        c.close()
    records = p.log.wait(5, event="close")
    # One spelling in the log, whatever the client wrote.
    assert [r["host"] for r in records] == ["127.0.0.1"] * 5
    assert [r["dst"] for r in records] == ["127.0.0.1"] * 5


def test_a_metadata_address_is_refused_without_any_rule_for_it(proxy, client):
    p = proxy(guard=GUARD)  # the Webex rules
    refuse_connect(p, client(p), "169.254.169.254:443", 403, "http_request_denied", "denied",
                   verdict="deny")
