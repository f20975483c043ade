# SPDX-License-Identifier: MIT
"""Case, a trailing dot and the IDN spelling of a host make no difference."""
import pytest

from lib.origin import echo
from lib.steps import close_record, open_tunnel


@pytest.mark.parametrize("name", ["BENCH.WEBEX.COM", "Bench.WeBex.CoM.", "bench.webex.com.",
                                  "bENCH.webex.com"])
def test_one_name_in_any_case(proxy, origin, hosts, client, name):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    open_tunnel(client(p), f"{name}:{there.port}").close()
    record = close_record(p)
    assert (record["host"], record["rule"]) == ("bench.webex.com", "webex")


def test_the_parent_of_a_wildcard(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"webex.com": "127.0.0.1", "a.b.c.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    for name in ("WeBex.COM.", "a.B.c.webex.com."):
        open_tunnel(client(p), f"{name}:{there.port}").close()
    hosts_seen = {r["host"] for r in p.log.wait(2, event="close")}
    assert hosts_seen == {"webex.com", "a.b.c.webex.com"}


def test_a_rule_in_unicode_matches_the_a_label(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"xn--bcher-kva.example": "127.0.0.1"})
    p = proxy(ports=[there.port], destinations={"books": {"domains": ["*.bücher.example"]}},
              rules=[{"name": "books", "to": ["books"], "action": "allow"}])
    open_tunnel(client(p), f"XN--BCHER-KVA.example:{there.port}").close()
    assert close_record(p)["host"] == "xn--bcher-kva.example"
