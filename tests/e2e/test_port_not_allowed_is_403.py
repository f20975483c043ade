# SPDX-License-Identifier: MIT
"""A rule without ports allows those of guard.connect_ports, and no other."""
import pytest

from lib.origin import echo
from lib.steps import open_tunnel, refuse_connect


@pytest.mark.parametrize("port", [25, 22, 80, 8443, 65535])
def test_a_port_beside_connect_ports_is_denied(proxy, hosts, client, port):
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy()
    answer, record = refuse_connect(p, client(p), f"bench.webex.com:{port}", 403,
                                    "http_request_denied", "denied", verdict="deny", port=port)
    assert "port" in answer.get("proxy-status")
    assert "dst" not in record


def test_a_rule_with_ports_allows_those_only(proxy, origin, hosts, client):
    inside, outside = origin(echo), origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    # The rule's own list stands in for guard.connect_ports, which has both.
    p = proxy(ports=[inside.port, outside.port],
              rules=[{"name": "one-port", "to": ["webex"], "ports": [inside.port],
                      "action": "allow"}])
    open_tunnel(client(p), f"bench.webex.com:{inside.port}").close()
    assert p.log.one(event="close")["rule"] == "one-port"
    refuse_connect(p, client(p), f"bench.webex.com:{outside.port}", 403, "http_request_denied",
                   "denied", verdict="deny")
    assert outside.connections == []
