# SPDX-License-Identifier: MIT
"""An origin that refuses: 502 connection_refused, at once."""
import time

import pytest

from lib.origin import ClosedPort
from lib.steps import refuse_connect


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_closed_port(proxy, hosts, client, closing, address):
    there = closing(ClosedPort(address))
    hosts({"bench.webex.com": address})
    p = proxy(ports=[there.port])
    began = time.monotonic()
    answer, record = refuse_connect(p, client(p), f"bench.webex.com:{there.port}", 502,
                                    "connection_refused", "refused", rule="webex")
    assert time.monotonic() - began < 2
    assert answer.reason == "Bad Gateway"
    assert "dst" not in record and p.log.records(event="open") == []


def test_all_addresses_refuse(proxy, hosts, client, closing):
    there = closing(ClosedPort())
    hosts({"bench.webex.com": ["127.0.0.1", "::1", "127.0.0.2", "127.0.0.3"]})
    p = proxy(ports=[there.port])
    refuse_connect(p, client(p), f"bench.webex.com:{there.port}", 502, "connection_refused",
                   "refused")
