# SPDX-License-Identifier: MIT
"""What a client sends behind its CONNECT without waiting is the first the origin sees."""
import os

import pytest

from lib.origin import echo
from lib.steps import close_record


@pytest.mark.parametrize("size", [1, 517, 40_000, 300_000])
def test_bytes_in_the_same_segment_reach_the_origin(proxy, origin, hosts, client, size):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    data = os.urandom(size)
    c = client(p)
    assert c.connect(f"bench.webex.com:{there.port}", behind=data).status == 200
    assert c.read(size) == data
    c.end()
    assert c.read_to_end() == b""
    assert bytes(there.wait_done(1)[0].received) == data
    record = close_record(p)
    assert (record["bytes_in"], record["bytes_out"]) == (size, size)


def test_an_end_behind_the_bytes_is_passed_on(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = client(p)
    c.send(f"CONNECT bench.webex.com:{there.port} HTTP/1.1\r\n"
           f"Host: bench.webex.com:{there.port}\r\n\r\nall at once")
    c.end()
    assert c.read_answer(has_body=False).status == 200
    assert c.read_to_end() == b"all at once"
    assert close_record(p)["bytes_in"] == 11


def test_nothing_of_the_connect_reaches_the_origin(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = client(p)
    answer = c.connect(f"bench.webex.com:{there.port}",
                       fields=["User-Agent: probe/1", "Proxy-Authorization: Basic dTpw"],
                       behind=b"first")
    assert answer.status == 200
    # RFC 9110 section 9.3.6: no content, so none of these.
    assert answer.get("content-length") is None and answer.get("transfer-encoding") is None
    assert c.read(5) == b"first"
    c.end()
    assert c.is_ended()
    assert bytes(there.wait_done(1)[0].received) == b"first"
    assert close_record(p)["bytes_in"] == 5
