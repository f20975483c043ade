# SPDX-License-Identifier: MIT
"""Rules are asked in their order: the first that matches decides, by all its parts."""
from lib.origin import echo
from lib.steps import open_tunnel, refuse_connect


def denied(p, client, authority, rule=None, **options):
    answer, record = refuse_connect(p, client(p, **options), authority, 403,
                                    "http_request_denied", "denied", verdict="deny")
    assert record.get("rule") == rule
    if rule:
        assert f"rule '{rule}' denies it" in answer.get("proxy-status")
    return record


def test_a_deny_in_front_of_an_allow_wins(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1", "other.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port],
              destinations={"closed": {"domains": ["other.webex.com"]}},
              rules=[{"name": "closed", "to": ["closed"], "action": "deny"},
                     {"name": "webex", "to": ["webex"], "action": "allow"}])
    record = denied(p, client, f"other.webex.com:{there.port}", "closed")
    assert record["pattern"] == "other.webex.com"
    assert there.connections == []
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert p.log.one(event="close")["rule"] == "webex"


def test_an_allow_in_front_of_a_deny_wins(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1", "other.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port],
              destinations={"open": {"domains": ["bench.webex.com"]}},
              rules=[{"name": "open", "to": ["open"], "action": "allow"},
                     {"name": "closed", "to": ["webex"], "action": "deny"}])
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert p.log.one(event="close")["rule"] == "open"
    denied(p, client, f"other.webex.com:{there.port}", "closed")


def test_a_rule_for_other_methods_does_not_match_connect(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], rules=[
        {"name": "get", "to": ["webex"], "methods": ["GET"], "action": "allow"}])
    answer, record = refuse_connect(p, client(p), f"bench.webex.com:{there.port}", 403,
                                    "http_request_denied", "denied", verdict="deny")
    assert "method" in answer.get("proxy-status")
    assert there.connections == []


def test_a_rule_with_sources_matches_those_clients_only(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port],
              sources={"rooms": {"addresses": ["127.0.0.2/32"]}},
              rules=[{"name": "rooms", "from": ["rooms"], "to": ["webex"], "action": "allow"}])
    authority = f"bench.webex.com:{there.port}"
    denied(p, client, authority)
    assert there.connections == []
    open_tunnel(client(p, source=("127.0.0.2", 0)), authority).close()
    record = p.log.one(event="close")
    assert (record["client"], record["rule"]) == ("127.0.0.2", "rooms")


def test_a_deny_by_address_holds_for_the_address_a_name_leads_to(proxy, origin, hosts, client):
    there = origin(echo, address="127.0.0.3")
    hosts({"bench.webex.com": "127.0.0.3", "other.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port],
              destinations={"closed": {"addresses": ["127.0.0.3/32"]}},
              rules=[{"name": "closed", "to": ["closed"], "action": "deny"},
                     {"name": "webex", "to": ["webex"], "action": "allow"}])
    answer, record = refuse_connect(p, client(p), f"bench.webex.com:{there.port}", 403,
                                    "http_request_denied", "denied", verdict="deny")
    assert record["rule"] == "closed"
    assert there.connections == []
