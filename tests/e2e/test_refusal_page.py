# SPDX-License-Identifier: MIT
"""A refusal says what happened, to browsers in HTML and to programs in plain text."""
import email.utils
import re

import pytest

from lib.client import curl

TEXT, HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"

ACCEPT = {  # what a client says: what it gets
    None: TEXT,
    "*/*": TEXT,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": HTML,
    "text/html": HTML,
    "text/plain": TEXT,
    "application/json": TEXT,
    "text/html;q=0": TEXT,
    "text/plain;q=0.5, text/html;q=0.4": TEXT,
    "TEXT/HTML": HTML,
}


@pytest.mark.parametrize("accept", ACCEPT)
def test_the_form_follows_accept(proxy, client, accept):
    p = proxy()
    answer = client(p).connect("example.org:443", fields=[f"Accept: {accept}"] if accept else [])
    assert answer.status == 403
    assert answer.get("content-type") == ACCEPT[accept]
    text = answer.body.decode("utf-8")
    assert ("<html" in text) == (ACCEPT[accept] == HTML)
    assert "example.org" in text and "http_request_denied" in text
    assert "no rule" in text or "nothing" in text.lower() or "not allow" in text
    assert answer.get("x-request-id") in text
    assert p.log.one(event="request")["id"] == answer.get("x-request-id")


def test_the_fields_around_it(proxy, client):
    p = proxy()
    answer = client(p).connect("example.org:443", fields=["Accept: text/html"])
    assert int(answer.get("content-length")) == len(answer.body)
    assert answer.get("cache-control") == "no-store"
    assert answer.get("x-content-type-options") == "nosniff"
    assert "default-src 'none'" in answer.get("content-security-policy")
    assert email.utils.parsedate_to_datetime(answer.get("date"))
    # RFC 9209 section 2: an item with parameters; details is a quoted string.
    assert re.fullmatch(r'sallyport; error=http_request_denied; details="[ !#-\[\]-~]+"',
                        answer.get("proxy-status"))
    assert p.log.one(event="request")["status"] == 403


def test_it_never_echoes_fields_of_the_request(proxy, client):
    p = proxy()
    answer = client(p).connect("example.org:443", fields=[
        "Accept: text/html", "User-Agent: <script>alert(1)</script>", "X-Secret: s3cr3t",
        "Proxy-Authorization: Basic c2VjcmV0", "Cookie: session=s3cr3t"])
    whole = answer.body.decode() + str(answer.fields)
    for word in ("script>", "alert", "s3cr3t", "c2VjcmV0", "Cookie"):
        assert word not in whole
    assert p.log.one(event="request")["status"] == 403


def test_a_503_says_when_to_come_again(proxy, client, origin, hosts):
    there = origin()
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], limits={"tunnels_per_client": 1})
    first = client(p)
    assert first.connect(f"bench.webex.com:{there.port}").status == 200
    answer = client(p).connect(f"bench.webex.com:{there.port}")
    assert answer.status == 503 and answer.get("retry-after").isdigit()
    assert p.log.one(event="request")["status"] == 503


def test_curl_reports_the_status(proxy):
    p = proxy()
    done = curl(p, "https://example.org/", "-w", "%{http_connect}")
    assert done.returncode == 56 and done.stdout == b"403"
    assert b"403" in done.stderr
    assert p.log.one(event="request")["host"] == "example.org"
