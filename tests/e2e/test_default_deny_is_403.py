# SPDX-License-Identifier: MIT
"""Where no rule matches, the answer is no; nothing is asked of DNS and nothing dialled."""
import pytest

from lib.origin import echo
from lib.steps import refuse_connect


@pytest.mark.parametrize("name", [
    "evilwebex.com", "webex.com.evil.test", "example.org", "mcs.webex.com.evil.test",
    "xn--wbex-epa.com", "webexcom", "com"])
def test_a_name_beside_the_policy_is_denied(proxy, origin, client, dns, name):
    there = origin(echo)
    dns.set(name, "A", ["127.0.0.1"])
    p = proxy(ports=[there.port], dns={"servers": [dns.server]})
    answer, record = refuse_connect(p, client(p), f"{name}:{there.port}", 403,
                                    "http_request_denied", "denied", verdict="deny", host=name,
                                    port=there.port)
    assert answer.reason == "Forbidden"
    assert "rule" not in record and "dst" not in record
    assert dns.queries == []
    assert there.connections == []


def test_no_rules_at_all_deny_everything(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], rules=[])
    refuse_connect(p, client(p), f"bench.webex.com:{there.port}", 403, "http_request_denied",
                   "denied", verdict="deny")
    assert there.connections == []
