# SPDX-License-Identifier: MIT
"""limits.header_timeout bounds the whole header: a byte now and then buys no time."""
import time

from lib.client import wait_until
from lib.metrics import scrape
from lib.steps import check_refusal

HEAD = b"CONNECT bench.webex.com:443 HTTP/1.1\r\nHost: bench.webex.com:443\r\n\r\n"


def drip(c, data, pause):
    """Sends byte by byte until the peer answers or ends; the seconds that took."""
    began = time.monotonic()
    for at in range(len(data)):
        c.send(data[at:at + 1])
        if not c.is_quiet(pause):
            return time.monotonic() - began
    raise AssertionError("the whole header was taken")


def test_one_byte_each_200_ms_is_cut_at_the_deadline(proxy, client):
    p = proxy(limits={"header_timeout": "1s"})
    c = client(p)
    assert 0.9 < drip(c, HEAD, 0.2) < 2
    answer = c.read_answer()
    check_refusal(p, answer, 408, "http_request_error", "header_timeout")
    assert answer.reason == "Request Timeout"
    assert c.is_ended()


def test_a_client_that_sends_nothing_is_closed(proxy, client):
    p = proxy(limits={"header_timeout": "1s"})
    c = client(p)
    began = time.monotonic()
    assert c.is_ended(5)  # without an answer: nothing was asked
    assert 0.9 < time.monotonic() - began < 2
    wait_until(lambda: scrape(p).value("sallyport_ends_total", reason="client_idle") == 1)
    assert scrape(p).value("sallyport_connections_open") == 0
    assert p.log.records() == []


def test_the_deadline_counts_from_the_connection(proxy, client):
    p = proxy(limits={"header_timeout": "1s"})
    c = client(p)
    began = time.monotonic()
    assert c.is_quiet(0.6)
    c.send(HEAD[:20])
    assert c.read_answer().status == 408
    assert time.monotonic() - began < 2
    assert p.log.one(event="request")["end"] == "header_timeout"


def test_a_client_that_goes_in_mid_header_is_logged(proxy, client):
    p = proxy()
    c = client(p)
    c.send(HEAD[:20])
    c.end()
    assert c.is_ended()
    record = p.log.one(event="request")
    assert record["end"] == "client_gone" and "status" not in record
    assert record["verdict"] == "error"
