# SPDX-License-Identifier: MIT
"""The proxy does not connect to its own listeners, by whatever name."""
import pytest

from lib.config import config
from lib.steps import ANYWHERE, refuse_connect


def start(proxy, hosts, listener):
    hosts({"me.webex.com": [listener]})
    return proxy(listeners=[{"address": listener, "port": 0}])


def reload_with_port(p, listener):
    """CONNECT to the proxy's own port must pass the port check first."""
    generation = config(ports=[p.address[1]], listeners=[{"address": listener, "port": 0}],
                        **ANYWHERE)
    p.reload(generation)
    p.wait_error("reloaded .*generation 2")


@pytest.mark.parametrize("listener", ["127.0.0.1", "::1"])
def test_its_own_listener_by_name_and_by_address(proxy, hosts, client, listener):
    p = start(proxy, hosts, listener)
    reload_with_port(p, listener)
    literal = f"[{listener}]" if ":" in listener else listener
    for host in ("me.webex.com", literal):
        refuse_connect(p, client(p), f"{host}:{p.address[1]}", 508, "proxy_loop_detected", "loop",
                       verdict="deny")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "[::1]", "[::ffff:127.0.0.1]",
                                  "0.0.0.0", "[::]"])
def test_a_listener_on_every_address_is_itself_on_each(proxy, hosts, client, host):
    p = proxy(listeners=[{"address": "::", "port": 0}])
    reload_with_port(p, "::")
    c = client(("127.0.0.1", p.address[1]))
    answer = c.connect(f"{host}:{p.address[1]}")
    assert answer.status == 508, (answer.status, answer.body)
    assert answer.proxy_error == "proxy_loop_detected"
    record = p.log.one(event="request")
    assert (record["status"], record["end"]) == (508, "loop")
