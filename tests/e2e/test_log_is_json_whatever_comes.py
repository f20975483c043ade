# SPDX-License-Identifier: MIT
"""Each line is one JSON object with the fixed keys, whatever bytes a client sends."""
import datetime
import json
import random
import re

import pytest

from lib.client import wait_until
from lib.metrics import scrape

# The keys that scripts depend on; `end` says more than the fixed ones do.
KEYS = {"ts", "event", "id", "client", "user", "auth", "method", "host", "port", "path", "sni",
        "verdict", "rule", "pattern", "tls", "tls_reason", "status", "error", "dst", "bytes_in",
        "bytes_out", "ms", "end"}

ODD = [
    b"CONNECT b\xff\xfe.webex.com:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT b\xc3\xa4.webex.com:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT \"quoted\\\".webex.com:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a\\u0000b:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a\x00b:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a\x1b[31m:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: \xff\r\n\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\xfd\r\n\r\n",
    b"GET http://example.org/\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://example.org/%ff\"\\{} HTTP/1.1\r\nHost: a\r\n\r\n",
    b"M'\"ETHOD example.org:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"!#$%&'*+-.^_`|~ http://example.org/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\xff\xff\xff\xff\r\n\r\n",
    b"{\"event\":\"open\"}\n\n",
    bytes(range(256)),
]


def check_record(line):
    record = json.loads(line)
    assert set(record) <= KEYS, set(record) - KEYS
    assert not re.search(r"[\x00-\x1f\x7f]", line), line
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["ts"])
    moment = datetime.datetime.fromisoformat(record["ts"].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - moment).total_seconds()) < 300
    assert record["event"] in ("open", "close", "request")
    assert record["verdict"] in ("allow", "deny", "error")
    assert record["client"] == "127.0.0.1"
    assert None not in record.values() and "" not in record.values()
    return record


@pytest.mark.parametrize("number", range(len(ODD)))
def test_an_odd_request_is_one_good_line(proxy, client, number):
    p = proxy()
    c = client(p)
    c.send(ODD[number])
    answer = c.read_answer()
    assert answer.status in (400, 403, 501)
    wait_until(p.log.lines)
    lines = p.log.lines()
    assert len(lines) == 1
    record = check_record(lines[0])
    assert (record["event"], record["status"]) == ("request", answer.status)


def test_random_bytes_give_good_lines(proxy, client):
    dice = random.Random(7)
    p = proxy()
    answers = 0
    for _ in range(200):
        size = dice.randrange(1, 200)
        junk = bytes(dice.choice(b" \r\n\t:/\"\\\x00\x1b\x7f\x80\xffCONNECThost.443")
                     for _ in range(size))
        with client(p) as c:
            c.send(dice.choice([b"", b"CONNECT ", b"GET http://"]) + junk + b"\r\n\r\n")
            c.end()
            answers += c.read_to_end() != b""
    wait_until(lambda: scrape(p).value("sallyport_connections_open") == 0)
    assert answers > 150
    counted = scrape(p).sum("sallyport_requests_total")
    wait_until(lambda: len(p.log.lines()) == counted)
    ids = [check_record(line)["id"] for line in p.log.lines()]
    assert len(set(ids)) == len(ids)
