# SPDX-License-Identifier: MIT
"""log.format = "squid": lines that tools for Squid's native format read."""
import re
import time

from lib.client import wait_until
from lib.origin import ClosedPort, echo
from lib.steps import open_tunnel

# time.ms elapsed client result/status bytes method URL user hierarchy/peer type
NATIVE = re.compile(
    r"(?P<time>\d{10}\.\d{3}) +(?P<ms>\d+) (?P<client>\S+) (?P<result>[A-Z_]+)/(?P<status>\d{3}) "
    r"(?P<bytes>\d+) (?P<method>\S+) (?P<url>\S+) (?P<user>\S+) "
    r"(?P<hierarchy>[A-Z_]+)/(?P<peer>\S+) (?P<type>\S+)")


def read_lines(p, count):
    wait_until(lambda: len(p.log.lines()) >= count, what=f"{count} log lines")
    lines = p.log.lines()
    assert len(lines) == count, lines
    found = [NATIVE.fullmatch(line) for line in lines]
    assert all(found), lines
    return found


def test_each_kind_of_end_is_a_line(proxy, origin, hosts, client, closing):
    there, dead = origin(echo), closing(ClosedPort())
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port, dead.port], log={"format": "squid"})
    with client(p) as c:
        open_tunnel(c, f"bench.webex.com:{there.port}", behind=b"hello")
        assert c.read(5) == b"hello"
    tunnel, = read_lines(p, 1)
    assert tunnel.group("client", "result", "status", "bytes", "method", "url", "user",
                        "hierarchy", "peer", "type") == (
        "127.0.0.1", "TCP_TUNNEL", "200", "5", "CONNECT", f"bench.webex.com:{there.port}", "-",
        "HIER_DIRECT", "127.0.0.1", "-")
    assert abs(float(tunnel["time"]) - time.time()) < 60
    assert client(p).connect("example.org:443").status == 403
    denied = read_lines(p, 2)[1]
    assert denied.group("result", "status", "url", "hierarchy", "peer") == (
        "TCP_DENIED", "403", "example.org:443", "HIER_NONE", "-")
    assert client(p).connect(f"bench.webex.com:{dead.port}").status == 502
    failed = read_lines(p, 3)[2]
    assert failed.group("status", "url") == ("502", f"bench.webex.com:{dead.port}")
    c = client(p)
    c.send("nonsense\r\n\r\n")
    assert c.read_answer().status == 400
    assert read_lines(p, 4)[3].group("result", "status", "hierarchy") == (
        "NONE_NONE", "400", "HIER_NONE")


def test_an_ipv6_target_has_its_brackets(proxy, client):
    p = proxy(log={"format": "squid"})
    assert client(p).connect("[::1]:443").status == 403
    assert read_lines(p, 1)[0]["url"] == "[::1]:443"
