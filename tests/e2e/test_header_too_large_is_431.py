# SPDX-License-Identifier: MIT
"""limits.header_bytes bounds the header section."""
import pytest

from lib.origin import echo
from lib.steps import check_refusal

HEAD = "CONNECT bench.webex.com:443 HTTP/1.1\r\nHost: bench.webex.com:443\r\n"


@pytest.mark.parametrize("pieces", [1, 8])
def test_a_header_beyond_the_limit_gets_431(proxy, client, pieces):
    p = proxy(limits={"header_bytes": "4KiB"})
    c = client(p)
    head = HEAD + "X-Fill: " + "a" * 8192
    step = len(head) // pieces + 1
    for at in range(0, len(head), step):
        c.send(head[at:at + step])
    answer = c.read_answer()
    check_refusal(p, answer, 431, "http_request_error", "header_too_large")
    assert answer.reason == "Request Header Fields Too Large"


def test_too_many_fields_get_431(proxy, client):
    p = proxy()
    c = client(p)
    c.send(HEAD + "".join(f"X-{i}: 1\r\n" for i in range(3000)) + "\r\n")
    check_refusal(p, c.read_answer(), 431, "http_request_error", "header_too_large")


def test_a_header_within_the_limit_passes(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], limits={"header_bytes": "4KiB"})
    c = client(p)
    answer = c.connect(f"bench.webex.com:{there.port}", fields=["X-Fill: " + "a" * 3500],
                       behind=b"x" * 8192)
    assert answer.status == 200
    assert c.read(8192) == b"x" * 8192
    c.close()
    assert p.log.one(event="close")["status"] == 200


def test_the_answer_survives_a_client_that_sends_on(proxy, client):
    p = proxy(limits={"header_bytes": "4KiB"})
    c = client(p)
    c.send(HEAD + "X-Fill: " + "a" * 100_000)
    assert c.read_answer().status == 431
    assert p.log.one(event="request")["status"] == 431
