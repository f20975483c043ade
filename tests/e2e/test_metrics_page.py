# SPDX-License-Identifier: MIT
"""GET /metrics is well-formed and its numbers are those of what happened; /healthz says ok."""
from lib.client import wait_until
from lib.metrics import get, scrape
from lib.origin import ClosedPort, echo
from lib.steps import open_tunnel

# Those that dashboards depend on, as far as this version has something to count.
FAMILIES = {
    "sallyport_build_info": "gauge", "sallyport_connections_total": "counter",
    "sallyport_connections_open": "gauge", "sallyport_tunnels_open": "gauge",
    "sallyport_requests_total": "counter", "sallyport_bytes_total": "counter",
    "sallyport_tls_total": "counter", "sallyport_tls_handshakes_total": "counter",
    "sallyport_dns_queries_total": "counter",
    "sallyport_connect_seconds": "histogram", "sallyport_errors_total": "counter",
    "sallyport_config_generation": "gauge", "sallyport_config_last_reload_ok": "gauge",
    "sallyport_fds_open": "gauge",
}


def test_the_page_is_well_formed(proxy):
    p = proxy()
    page = scrape(p)
    assert {name: page.types.get(name) for name in FAMILIES} == FAMILIES
    assert page.value("sallyport_config_generation") == 1
    assert page.value("sallyport_config_last_reload_ok") == 1
    assert page.value("sallyport_fds_open") > 5
    assert page.value("sallyport_log_lines_dropped_total") == 0


def test_the_numbers_are_right(proxy, origin, hosts, client, closing):
    there, dead = origin(echo), closing(ClosedPort())
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port, dead.port], workers=2)
    held = open_tunnel(client(p), f"bench.webex.com:{there.port}")
    for _ in range(3):
        with client(p) as c:
            open_tunnel(c, f"bench.webex.com:{there.port}", behind=b"1234")
            assert c.read(4) == b"1234"
    p.log.wait(3, event="close")
    page = scrape(p)
    assert page.value("sallyport_tunnels_open") == 1
    assert page.value("sallyport_connections_open") == 1
    for _ in range(2):
        with client(p) as c:
            assert c.connect("example.org:443").status == 403
    with client(p) as c:
        assert c.connect(f"bench.webex.com:{dead.port}").status == 502
    with client(p) as c:
        c.send("GET http://example.org/ HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.read_answer().status == 403
    held.close()
    wait_until(lambda: scrape(p).value("sallyport_connections_open") == 0)
    page = scrape(p)
    wanted = {
        ("sallyport_connections_total",): 8,
        ("sallyport_tunnels_open",): 0,
        ("sallyport_requests_total", "verdict", "allow", "method", "CONNECT"): 4,
        ("sallyport_requests_total", "verdict", "deny", "method", "CONNECT"): 2,
        ("sallyport_requests_total", "verdict", "deny", "method", "other"): 1,
        ("sallyport_requests_total", "verdict", "error", "method", "CONNECT"): 1,
        ("sallyport_bytes_total", "direction", "in"): 12,
        ("sallyport_bytes_total", "direction", "out"): 12,
        ("sallyport_tls_total", "decision", "tunnel"): 4,
        ("sallyport_errors_total", "error", "http_request_denied"): 3,
        ("sallyport_errors_total", "error", "connection_refused"): 1,
        ("sallyport_connect_seconds_count",): 4,
    }
    found = {key: page.value(key[0], **dict(zip(key[1::2], key[2::2]))) for key in wanted}
    assert found == wanted
    assert 0 < page.value("sallyport_connect_seconds_sum") < 4
    assert len(p.log.wait(4, event="open")) == len(p.log.wait(4, event="close")) == 4
    assert len(p.log.wait(4, event="request")) == 4


def test_descriptors_are_counted_as_the_kernel_has_them(proxy, origin, hosts, client):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port])
    scrape(p)
    before = scrape(p).value("sallyport_fds_open")
    held = [open_tunnel(client(p), f"bench.webex.com:{there.port}") for _ in range(10)]
    assert scrape(p).value("sallyport_fds_open") == before + 20
    for c in held:
        c.close()
    p.log.wait(10, event="close")
    wait_until(lambda: scrape(p).value("sallyport_fds_open") == before)


def test_healthz_and_what_is_not_there(proxy):
    p = proxy()
    status, fields, body = get(p, "/healthz")
    assert (status, body) == (200, b"ok\n")
    assert fields["Cache-Control"] == "no-store"
    assert get(p, "/nothing")[0] == 404
    assert get(p, "/metrics", "POST")[0] in (405, 501)
    assert get(p, "/metrics", "HEAD")[2] == b""
    assert p.log.lines() == []  # the administrator's visits are no clients' requests
