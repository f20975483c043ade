# SPDX-License-Identifier: MIT
"""However a request head is cut into segments, it means the same."""
import time

import pytest

from lib.origin import echo
from lib.steps import close_record


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_head_in_small_segments_opens_a_tunnel(proxy, origin, hosts, client, size):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = client(p)
    head = (f"CONNECT bench.webex.com:{there.port} HTTP/1.1\r\n"
            f"Host: bench.webex.com:{there.port}\r\nUser-Agent: pieces\r\n\r\nbehind")
    for at in range(0, len(head), size):
        c.send(head[at:at + size])
        time.sleep(0.001)  # so that each is a segment of its own
    assert c.read_answer(has_body=False).status == 200
    assert c.read(6) == b"behind"
    c.end()
    assert c.is_ended()
    assert close_record(p)["bytes_in"] == 6


def test_an_empty_line_in_front_is_skipped(proxy, origin, hosts, client):
    # RFC 9112 section 2.2: at least one empty line in front of a request.
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = client(p)
    c.send("\r\n")
    assert c.connect(f"bench.webex.com:{there.port}", behind=b"x").status == 200
    assert c.read(1) == b"x"
    c.end()
    assert c.is_ended()
    assert close_record(p)["bytes_in"] == 1
