# SPDX-License-Identifier: MIT
"""USR1: after a rotation the logs go to new files of the old names."""
import os
import signal

from lib.accesslog import AccessLog
from lib.client import wait_until
from lib.origin import echo
from lib.steps import open_tunnel


def test_a_renamed_access_log_gets_no_more_lines(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    authority = f"bench.webex.com:{there.port}"
    open_tunnel(client(p), authority).close()
    first = p.log.one(event="close")
    held = open_tunnel(client(p), authority)
    p.log.wait(2, event="open")
    os.rename(p.log.path, p.log.path + ".1")
    p.signal(signal.SIGUSR1)
    wait_until(lambda: os.path.exists(p.log.path))
    held.close()
    open_tunnel(client(p), authority).close()
    late = p.log.wait(2, event="close")
    assert len(late) == 2
    old = AccessLog(p.log.path + ".1").records()
    assert [r["event"] for r in old] == ["open", "close", "open"]
    assert old[1]["id"] == first["id"] and old[2]["id"] == late[0]["id"]
