# SPDX-License-Identifier: MIT
"""CONNECT [::1]:port, from clients of both families."""
import pytest

from lib.client import curl
from lib.origin import echo, http
from lib.steps import ANYWHERE, close_record, open_tunnel


@pytest.mark.parametrize("host", ["[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]"])
def test_an_ipv6_origin(proxy, origin, client, host):
    there = origin(echo, address="::1")
    p = proxy(ports=[there.port], **ANYWHERE)
    c = open_tunnel(client(p), f"{host}:{there.port}", behind=b"x")
    assert c.read(1) == b"x"
    c.close()
    record = close_record(p)
    assert (record["host"], record["dst"], record["pattern"]) == ("::1", "::1", "::/0")


def test_an_ipv6_client(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], listeners=[{"address": "::1", "port": 0}])
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert close_record(p)["client"] == "::1"


def test_a_listener_on_all_addresses_takes_both_families(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], listeners=[{"address": "::", "port": 0}])
    for address in ("127.0.0.1", "::1"):
        open_tunnel(client((address, p.address[1])), f"bench.webex.com:{there.port}").close()
        p.log.wait(1, event="close", client=address)


def test_curl_with_an_ipv6_url(proxy, origin, pki):
    def page(sock, record):
        http(body=b"six\n")(sock, record)
        sock.close()

    there = origin(page, address="::1", certificate="media")
    p = proxy(ports=[there.port], **ANYWHERE)
    done = curl(p, f"https://[::1]:{there.port}/", ca=pki / "ca.pem")
    assert (done.returncode, done.stdout) == (0, b"six\n"), done.stderr
    assert close_record(p)["host"] == "::1"
