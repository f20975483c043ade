# SPDX-License-Identifier: MIT
"""A real client's TLS passes through the tunnel untouched."""
from lib.client import curl
from lib.metrics import scrape
from lib.origin import http


def page(sock, record):
    """One page; then closed without a word that the client could no longer take."""
    http(body=b"a page\n")(sock, record)
    sock.close()


def test_curl_fetches_a_page_through_the_tunnel(proxy, origin, hosts, pki):
    there = origin(page, certificate="bench")
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    url = f"https://bench.webex.com:{there.port}/"
    done = curl(p, url, "-w", "%{http_connect} %{ssl_verify_result}", ca=pki / "ca.pem")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"a page\n200 0"
    assert there.wait(1)[0].sni == "bench.webex.com"
    start = p.log.one(event="open")
    end = p.log.one(event="close")
    expected = {"client": "127.0.0.1", "method": "CONNECT", "host": "bench.webex.com",
                "port": there.port, "verdict": "allow", "rule": "webex",
                "pattern": "*.webex.com", "tls": "tunnel", "status": 200, "dst": "127.0.0.1"}
    assert {key: start.get(key) for key in expected} == expected
    assert {key: end.get(key) for key in expected} == expected
    assert start["id"] == end["id"] and end["end"] == "done"
    assert end["bytes_in"] > 300 and end["bytes_out"] > 300
    assert "bytes_in" not in start
    counts = scrape(p)
    assert counts.value("sallyport_requests_total", verdict="allow", method="CONNECT") == 1
    assert counts.value("sallyport_tunnels_open") == 0
    assert counts.value("sallyport_bytes_total", direction="in") == end["bytes_in"]
    assert counts.value("sallyport_bytes_total", direction="out") == end["bytes_out"]
