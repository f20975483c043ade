# SPDX-License-Identifier: MIT
"""A request with a fault gets 400, and nothing is dialled (RFC 9112, RFC 9110 section 9.3.6)."""
import pytest

from lib.origin import echo
from lib.steps import check_refusal

# What stands in for the target: host:port only, nothing more and nothing less.
TARGETS = {
    "no port": "bench.webex.com",
    "empty port": "bench.webex.com:",
    "port 0": "bench.webex.com:0",
    "port 99999": "bench.webex.com:99999",
    "port 65536": "bench.webex.com:65536",
    "port beyond 64 bits": "bench.webex.com:18446744073709552059",
    "port +443": "bench.webex.com:+{port}",
    "port -443": "bench.webex.com:-{port}",
    "port in hex": "bench.webex.com:0x1bb",
    "port as a word": "bench.webex.com:https",
    "leading zero": "bench.webex.com:0{port}",
    "two ports": "bench.webex.com:{port}:{port}",
    "no host": ":{port}",
    "port only": "{port}",
    "URL": "http://bench.webex.com:{port}/",
    "https URL": "https://bench.webex.com:{port}",
    "path": "/",
    "asterisk": "*",
    "path behind": "bench.webex.com:{port}/",
    "query behind": "bench.webex.com:{port}?a",
    "fragment behind": "bench.webex.com:{port}#a",
    "user": "user@bench.webex.com:{port}",
    "user and password": "u:p@bench.webex.com:{port}",
    "percent": "bench%2ewebex.com:{port}",
    "percent NUL": "bench.webex.com%00.evil.test:{port}",
    "backslash": "bench.webex.com\\:{port}",
    "comma": "bench.webex.com,evil.test:{port}",
    "empty label": "bench..webex.com:{port}",
    "leading dot": ".webex.com:{port}",
    "label of 64": "a" * 64 + ".webex.com:{port}",
    "name of 300": ".".join(["a" * 49] * 6) + ":{port}",
    "open bracket": "[::1:{port}",
    "bracket and text": "[::1]x:{port}",
    "name in brackets": "[bench.webex.com]:{port}",
    "empty brackets": "[]:{port}",
    "zone": "[fe80::1%25eth0]:{port}",
    "IPv6 without brackets": "::1:{port}",
    "number too large": "4294967296:{port}",
    "five numbers": "127.0.0.1.1:{port}",
    "number beyond 255": "127.0.0.256:{port}",
}

# Whole heads; @ stands for the right authority.
HEADS = {
    "no Host": "CONNECT @ HTTP/1.1\r\n\r\n",
    "two Hosts": "CONNECT @ HTTP/1.1\r\nHost: @\r\nHost: @\r\n\r\n",
    "two different Hosts": "CONNECT @ HTTP/1.1\r\nHost: @\r\nHost: evil.test\r\n\r\n",
    "Host with a space": "CONNECT @ HTTP/1.1\r\nHost: a b\r\n\r\n",
    "empty Host": "CONNECT @ HTTP/1.1\r\nHost:\r\n\r\n",
    "space before the colon": "CONNECT @ HTTP/1.1\r\nHost: @\r\nX-Bad : 1\r\n\r\n",
    "space before the first field": "CONNECT @ HTTP/1.1\r\n X-Lead: 1\r\nHost: @\r\n\r\n",
    "folded field": "CONNECT @ HTTP/1.1\r\nHost: @\r\nX-F: one\r\n two\r\n\r\n",
    "bare CR": "CONNECT @ HTTP/1.1\r\nHost: @\r\nX-A: b\rc\r\n\r\n",
    "NUL": "CONNECT @ HTTP/1.1\r\nHost: @\r\nX-N: b\0c\r\n\r\n",
    "lone LF": "CONNECT @ HTTP/1.1\nHost: @\n\n",
    "lone LF in a field": "CONNECT @ HTTP/1.1\r\nHost: @\nX: 1\r\n\r\n",
    "field without a colon": "CONNECT @ HTTP/1.1\r\nHost: @\r\nnonsense\r\n\r\n",
    "field without a name": "CONNECT @ HTTP/1.1\r\nHost: @\r\n: 1\r\n\r\n",
    "field name with brackets": "CONNECT @ HTTP/1.1\r\nHost: @\r\nX(1): 1\r\n\r\n",
    "control byte": "CONNECT @ HTTP/1.1\r\nHost: @\r\nX: \x01\r\n\r\n",
    "content": "CONNECT @ HTTP/1.1\r\nHost: @\r\nContent-Length: 3\r\n\r\nabc",
    "chunked content":
        "CONNECT @ HTTP/1.1\r\nHost: @\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length and chunked":
        "CONNECT @ HTTP/1.1\r\nHost: @\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two lengths":
        "CONNECT @ HTTP/1.1\r\nHost: @\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "length +0": "CONNECT @ HTTP/1.1\r\nHost: @\r\nContent-Length: +0\r\n\r\n",
    "length 0x0": "CONNECT @ HTTP/1.1\r\nHost: @\r\nContent-Length: 0x0\r\n\r\n",
    "length -1": "CONNECT @ HTTP/1.1\r\nHost: @\r\nContent-Length: -1\r\n\r\n",
    "length 0, 0": "CONNECT @ HTTP/1.1\r\nHost: @\r\nContent-Length: 0, 0\r\n\r\n",
    "empty length": "CONNECT @ HTTP/1.1\r\nHost: @\r\nContent-Length:\r\n\r\n",
    "length too large":
        "CONNECT @ HTTP/1.1\r\nHost: @\r\nContent-Length: 18446744073709551619\r\n\r\n",
    "unknown coding": "CONNECT @ HTTP/1.1\r\nHost: @\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "chunked not last":
        "CONNECT @ HTTP/1.1\r\nHost: @\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    "chunked in HTTP/1.0": "CONNECT @ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two spaces": "CONNECT  @ HTTP/1.1\r\nHost: @\r\n\r\n",
    "two spaces before the version": "CONNECT @  HTTP/1.1\r\nHost: @\r\n\r\n",
    "tab for a space": "CONNECT\tH HTTP/1.1\r\nHost: @\r\n\r\n",
    "space in the target": "CONNECT bench.webex.com evil.test:443 HTTP/1.1\r\nHost: @\r\n\r\n",
    "space behind the version": "CONNECT @ HTTP/1.1 \r\nHost: @\r\n\r\n",
    "space in front": " CONNECT @ HTTP/1.1\r\nHost: @\r\n\r\n",
    "no target": "CONNECT HTTP/1.1\r\nHost: @\r\n\r\n",
    "no version": "CONNECT @\r\nHost: @\r\n\r\n",
    "HTTP/2.0": "CONNECT @ HTTP/2.0\r\nHost: @\r\n\r\n",
    "HTTP/1.2": "CONNECT @ HTTP/1.2\r\nHost: @\r\n\r\n",
    "HTTP/1.10": "CONNECT @ HTTP/1.10\r\nHost: @\r\n\r\n",
    "HTTP/0.9": "CONNECT @ HTTP/0.9\r\nHost: @\r\n\r\n",
    "small http": "CONNECT @ http/1.1\r\nHost: @\r\n\r\n",
    "small connect": "connect @ HTTP/1.1\r\nHost: @\r\n\r\n",  # a method is case-sensitive
    "method with a colon": "CON:NECT @ HTTP/1.1\r\nHost: @\r\n\r\n",
    "very long method": "C" * 500 + " @ HTTP/1.1\r\nHost: @\r\n\r\n",
    "two empty lines in front": "\r\n\r\nCONNECT @ HTTP/1.1\r\nHost: @\r\n\r\n",
    "byte beyond ASCII": "CONNECT b\xe4nch.webex.com:443 HTTP/1.1\r\nHost: @\r\n\r\n",
    "HTTP/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "SOCKS": "\x05\x01\x00",
}



def check_is_bad(p, there, c, head):
    c.send(head)
    check_refusal(p, c.read_answer(), 400, "http_request_error", "bad_request")
    assert c.is_ended()
    assert there.connections == []
    assert p.log.records(event="open") == []


@pytest.fixture
def bench(proxy, origin, hosts):
    """A proxy, and an origin that a request without a fault would reach."""
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    return proxy(ports=[there.port]), there


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_that_is_not_host_and_port(bench, client, name):
    p, there = bench
    target = TARGETS[name].replace("{port}", str(there.port))
    host = f"bench.webex.com:{there.port}"
    check_is_bad(p, there, client(p), f"CONNECT {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")


@pytest.mark.parametrize("name", HEADS)
def test_a_head_with_a_fault(bench, client, name):
    p, there = bench
    head = HEADS[name].replace("@", f"bench.webex.com:{there.port}")
    check_is_bad(p, there, client(p), head)


def test_the_same_without_a_fault_opens_a_tunnel(bench, client):
    p, there = bench
    c = client(p)
    assert c.connect(f"bench.webex.com:{there.port}", behind=b"x").status == 200
    assert c.read(1) == b"x"
    assert len(there.connections) == 1
    c.close()
    assert p.log.one(event="close")["status"] == 200


def test_content_length_0_is_no_content(bench, client):
    p, there = bench
    c = client(p)
    assert c.connect(f"bench.webex.com:{there.port}", fields=["Content-Length: 0"]).status == 200
    c.close()
    assert p.log.one(event="close")["status"] == 200
