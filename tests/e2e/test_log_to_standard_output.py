# SPDX-License-Identifier: MIT
"""log.access = "-" writes the access log to standard output, and nothing else."""
import json
import signal

from lib.client import wait_until
from lib.origin import echo
from lib.steps import open_tunnel


def test_lines_come_as_they_happen(proxy, origin, hosts, client, tmp_path):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    path = tmp_path / "stdout"
    with open(path, "wb") as out:
        p = proxy(ports=[there.port], log={"access": "-"}, stdout=out)
    c = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    wait_until(lambda: path.read_text().count("\n") == 1)
    p.signal(signal.SIGUSR1)  # there is nothing to open anew
    c.close()
    wait_until(lambda: path.read_text().count("\n") == 2)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [r["event"] for r in records] == ["open", "close"]
    assert not (tmp_path / "-").exists()


def test_without_an_access_log_it_works_all_the_same(proxy, origin, hosts, client, tmp_path):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], log={"access": "none"})
    with client(p) as c:
        open_tunnel(c, f"bench.webex.com:{there.port}", behind=b"x")
        assert c.read(1) == b"x"
    assert client(p).connect("example.org:443").status == 403
    assert not (tmp_path / "access.log").exists() and not (tmp_path / "none").exists()
