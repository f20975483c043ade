# SPDX-License-Identifier: MIT
"""Old clients send CONNECT as HTTP/1.0, often without Host."""
import pytest

from lib.origin import echo
from lib.steps import close_record


@pytest.mark.parametrize("fields", ["", "Host: bench.webex.com\r\n",
                                    "Proxy-Connection: keep-alive\r\nUser-Agent: old/1\r\n"])
def test_it_opens_a_tunnel(proxy, origin, hosts, client, fields):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    c = client(p)
    c.send(f"CONNECT bench.webex.com:{there.port} HTTP/1.0\r\n{fields}\r\nhello")
    answer = c.read_answer(has_body=False)
    assert answer.status == 200
    assert c.read(5) == b"hello"
    c.end()
    assert c.is_ended()
    assert close_record(p)["bytes_in"] == 5
