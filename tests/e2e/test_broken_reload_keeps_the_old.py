# SPDX-License-Identifier: MIT
"""A faulty configuration changes nothing, and the log says what is wrong and where."""
import os
import re

import pytest

from lib.client import wait_until
from lib.config import config
from lib.metrics import scrape
from lib.origin import echo
from lib.steps import open_tunnel

FAULTS = {  # what becomes of a good text: what the log must say
    "syntax": (lambda t: t + "rules = (\n", r"sallyport\.conf:\d+: "),
    "unknown key": (lambda t: t + 'lisners = "x";\n', r"sallyport\.conf:\d+: .*lisners"),
    "wrong type": (lambda t: t.replace("workers = 1;", 'workers = "one";'),
                   r"sallyport\.conf:\d+: .*workers"),
    "undefined set": (lambda t: t.replace('"webex-third-party"', '"webex-fourth"'),
                      r"sallyport\.conf:\d+: .*webex-fourth"),
    "missing include": (lambda t: '@include "absent.conf"\n' + t, r"absent\.conf"),
    "empty file": (lambda t: "", r"sallyport\.conf"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_old_one_stays_in_force(proxy, origin, hosts, client, name):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    authority = f"bench.webex.com:{there.port}"
    old = open_tunnel(client(p), authority)
    change, message = FAULTS[name]
    good = config(ports=[there.port])
    broken = change(good)
    assert broken != good
    p.reload(broken)
    p.wait_error(message)
    p.wait_error("generation 1")
    wait_until(lambda: scrape(p).value("sallyport_config_last_reload_ok") == 0)
    assert scrape(p).value("sallyport_config_generation") == 1
    open_tunnel(client(p), authority).close()
    old.send(b"x")
    assert old.read(1) == b"x"
    old.close()
    assert len(p.log.wait(2, event="close")) == 2
    p.reload(good)
    p.wait_error("generation 2")
    assert scrape(p).value("sallyport_config_last_reload_ok") == 1


def test_all_faults_are_reported(proxy):
    p = proxy()
    p.reload(config().replace("workers = 1;", 'workers = "one";') + "a = 1;\nb = 2;\n")
    p.wait_error("generation 1")
    lines = re.findall(r"sallyport\.conf:(\d+): ", p.errors())
    assert len(set(lines)) == 3, p.errors()
    assert p.log.lines() == []


def test_a_file_that_is_gone(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    os.unlink(p.path)
    p.reload()
    p.wait_error("generation 1")
    assert scrape(p).value("sallyport_config_last_reload_ok") == 0
    open_tunnel(client(p), f"bench.webex.com:{there.port}").close()
    assert p.log.one(event="close")["rule"] == "webex"
