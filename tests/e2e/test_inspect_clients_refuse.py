# SPDX-License-Identifier: MIT
"""Clients that do not take our leaf are counted by host and proposed for exemption; nothing is
exempted by itself."""
import json
import ssl

import pytest

from lib.client import curl, run_tool, wait_until
from lib.http_steps import response
from lib.http_wire import read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    ca, inspecting, request, site, trusting)
from lib.metrics import get

HOST = "api.test"


def proposals(i):
    status, fields, body = get(i.proxy, "/api/proposed-exemptions")
    assert (status, fields["Content-Type"]) == (200, "application/json")
    page = json.loads(body)
    assert "inspection.never" in page["note"]
    return page["proposed_exemptions"]


def one_proposal(i, **wanted):
    found = wait_until(lambda: proposals(i), what="a proposal")
    assert len(found) == 1, found
    assert {key: found[0].get(key) for key in wanted} == wanted, found
    return found[0]


def check_log(i, count=1):
    found = i.log.wait(count, event="close", end="leaf_refused")
    assert len(found) == count
    for record in found:
        assert (record["host"], record["tls"]) == (HOST, "inspect"), record
    assert i.log.records(event="request") == []
    return found[0]


@pytest.mark.parametrize("newest", ["1.2", "1.3"])
def test_curl_without_our_ca(inspecting, pki, newest):
    i = inspecting()
    there = i.origin()
    done = curl(i.proxy, f"https://{HOST}:{there.port}/", "--tls-max", newest, ca=pki / "ca.pem")
    assert done.returncode == 60, done.stderr
    check_log(i)
    found = one_proposal(i, host=HOST, port=there.port, alerts=1, closed=0, clients=1, inspected=0,
                         client_certificates=0, alpn=0)
    assert "unknown" in found["last_alert"].lower()
    assert found["first"] == found["last"] and found["first"].endswith("Z")
    assert not there.has_request()


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_pins_another_name(inspecting, newest):
    """Its alert is bad_certificate."""
    i = inspecting()
    there = i.origin()
    with pytest.raises(ssl.SSLCertVerificationError):
        i.inside(HOST, there, newest=newest, sni="not-in-the-leaf.test")
    check_log(i)
    assert one_proposal(i, alerts=1)["last_alert"]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_that_closes_straight_after_the_leaf(inspecting, version):
    """Those that pin a key finish the handshake, look at the leaf, and go without a word."""
    i = inspecting()
    there = i.origin()
    done = run_tool("sh", "-c", 'echo Q | openssl s_client "$@"', "s_client", "-proxy",
                    "%s:%d" % i.proxy.address, "-connect", f"{HOST}:{there.port}", "-servername",
                    HOST, version, "-CAfile", i.trust)
    assert b"Inspection CA" in done.stdout, done.stderr
    assert i.log.one(event="close")["tls"] == "inspect"
    one_proposal(i, host=HOST, alerts=0, closed=1)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_one_that_resets_straight_after_the_leaf(inspecting, version):
    """What is proposed is what the log says."""
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there, newest=version, oldest=version)
    c.reset()
    check_log(i)
    one_proposal(i, host=HOST, alerts=0, closed=1)


@pytest.mark.parametrize("way", ["close", "reset"])
def test_a_client_that_breaks_off_within_the_handshake(inspecting, way):
    """TLS 1.2: it has the leaf, and closes without an alert."""
    i = inspecting()
    there = i.origin()
    c = i.tunnel(HOST, there)
    context = trusting(i.trust, newest=ssl.TLSVersion.TLSv1_2)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    c.send(outgoing.read())
    assert c.read(1) == b"\x16"
    getattr(c, way)()
    check_log(i)
    one_proposal(i, host=HOST, alerts=0, closed=1)


def test_requests_after_the_handshake_are_no_failure(inspecting):
    i = inspecting()
    there = i.origin()
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"
    c.close()
    i.log.one(event="close")
    assert proposals(i) == []


def test_failures_are_counted_by_host_and_client(inspecting, pki):
    i = inspecting()
    there = i.origin()
    for source in ("127.0.5.1", "127.0.5.2", "127.0.5.1"):
        with pytest.raises(ssl.SSLError):
            i.inside(HOST, there, trust=f"{pki}/ca.pem", strict=False, source=(source, 0))
    with pytest.raises(ssl.SSLError):
        i.inside("other.test", there, trust=f"{pki}/ca.pem", strict=False)
    wait_until(lambda: sum(p["alerts"] for p in proposals(i)) == 4)
    rows = {p["host"]: p for p in proposals(i)}
    assert [p["host"] for p in proposals(i)] == [HOST, "other.test"], "the most failures first"
    assert (rows[HOST]["alerts"], rows[HOST]["clients"]) == (3, 2)
    assert (rows["other.test"]["alerts"], rows["other.test"]["clients"]) == (1, 1)
    assert b"127.0.5" not in get(i.proxy, "/api/proposed-exemptions")[2]
    # and whoever trusts us is shown beside them
    c = i.inside(HOST, there)
    c.send(request(f"{HOST}:{there.port}"))
    assert wait_until(lambda: [p for p in proposals(i) if p["inspected"] == 1])[0]["host"] == HOST


def test_nothing_is_exempted_by_itself(inspecting, pki):
    i = inspecting()
    there = i.origin()
    for _ in range(30):
        with pytest.raises(ssl.SSLError):
            i.inside(HOST, there, trust=f"{pki}/ca.pem", strict=False)
    wait_until(lambda: proposals(i) and proposals(i)[0]["alerts"] == 30)
    c = i.inside(HOST, there)
    assert "Inspection CA" in c.certificate.issuer.rfc4514_string()


def test_counts_outlive_a_reload(inspecting, pki):
    i = inspecting()
    there = i.origin()
    with pytest.raises(ssl.SSLError):
        i.inside(HOST, there, trust=f"{pki}/ca.pem", strict=False)
    one_proposal(i, alerts=1)
    i.proxy.reload()
    i.proxy.wait_error(r"(?i)reload|in force|configuration")
    one_proposal(i, alerts=1)


@pytest.mark.parametrize("method, status", [("HEAD", 200), ("POST", 501), ("DELETE", 501)])
def test_the_page_is_for_reading(inspecting, method, status):
    i = inspecting()
    got, _, body = get(i.proxy, "/api/proposed-exemptions", method)
    assert got == status
    assert method != "HEAD" or body == b""
