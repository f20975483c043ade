# SPDX-License-Identifier: MIT
"""HUP: a new configuration decides new requests; open tunnels are not disturbed."""
from lib.client import wait_until
from lib.config import config
from lib.metrics import scrape
from lib.origin import echo
from lib.steps import open_tunnel, refuse_connect


def test_new_rules_decide_new_requests(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    authority = f"bench.webex.com:{there.port}"
    old = open_tunnel(client(p), authority)
    assert scrape(p).value("sallyport_config_generation") == 1
    p.reload(config(ports=[there.port], rules=[]))
    p.wait_error(r"reloaded \S+sallyport\.conf \(generation 2\)")
    refuse_connect_while_open(p, client(p), authority)
    old.send(b"still there")
    assert old.read(11) == b"still there"
    p.reload(config(ports=[there.port], rules=[
        {"name": "again", "to": ["webex"], "action": "allow"}]))
    p.wait_error(r"generation 3")
    new = open_tunnel(client(p), authority)
    new.close()
    old.close()
    records = p.log.wait(2, event="close")
    assert sorted(r["rule"] for r in records) == ["again", "webex"]
    counts = scrape(p)
    assert counts.value("sallyport_config_generation") == 3
    assert counts.value("sallyport_config_last_reload_ok") == 1


def refuse_connect_while_open(p, c, authority):
    answer = c.connect(authority)
    assert (answer.status, answer.proxy_error) == (403, "http_request_denied")
    assert p.log.one(event="request")["end"] == "denied"


def test_a_client_that_connected_before_is_decided_by_the_new_rules(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = client(p)
    wait_until(lambda: scrape(p).value("sallyport_connections_open") == 1)
    p.reload(config(ports=[there.port], rules=[]))
    p.wait_error("generation 2")
    refuse_connect(p, c, f"bench.webex.com:{there.port}", 403, "http_request_denied", "denied",
                   verdict="deny")


def test_other_parts_change_too(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.9"})
    p = proxy(ports=[there.port])
    hosts({"bench.webex.com": "127.0.0.1"})
    p.reload(config(ports=[there.port], limits={"tunnels_per_client": 1}))
    p.wait_error("generation 2")
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    assert client(p).connect(f"bench.webex.com:{there.port}").status == 503
    c.close()
    assert p.log.one(event="close")["dst"] == "127.0.0.1"


def test_many_reloads_under_load_lose_nothing(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], workers=2)
    authority = f"bench.webex.com:{there.port}"
    old = open_tunnel(client(p), authority)
    for generation in range(2, 12):
        p.reload()
        for _ in range(5):
            with client(p) as c:
                open_tunnel(c, authority, behind=b"x")
                assert c.read(1) == b"x"
        p.wait_error(f"generation {generation}\\)")
    old.send(b"x")
    assert old.read(1) == b"x"
    old.close()
    assert len(p.log.wait(51, event="close")) == 51
    assert scrape(p).value("sallyport_tunnels_open") == 0
