# SPDX-License-Identifier: MIT
"""An origin that cannot prove who it is never gets an octet of a request, and its client a page
that says what is wrong, under a leaf that carries no name of the origin's."""
import json
import ssl
import threading
import time

import pytest

from lib.badcerts import PAGE, BadCerts
from lib.client import curl
from lib.http_steps import response
from lib.http_wire import RecordingOrigin, read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    alt_names, ca, check_page, inspecting, issue, request, site)
from lib.metrics import get, scrape
from lib.origin import Origin, http, sink

# What the page and the log say of each: words of which one must be there.
FAULTS = {
    "expired": ["expired"],
    "not-yet-valid": ["not valid before", "not yet valid"],
    "self-signed": ["signed itself", "signs itself", "self-signed", "signed by itself"],
    "unknown-ca": ["unknown", "not trusted", "nobody here trusts", "does not trust", "not known"],
    "wrong-name": ["other.test"],
    "sha1": ["SHA-1", "SHA1", "weak"],
    "rsa-1024": ["1024", "weak"],
    "no-san": ["without names", "no name"],
    "revoked": ["revoked"],
    "missing-intermediate": ["unknown", "not trusted", "issuer", "does not trust", "not known"],
    "may-not-sign": ["may not sign", "digitalSignature"],
    "excluded-name": ["constraint", "may not", "must not", "not allowed", "excluded"],
}
FINE = ["good", "ip-san", "wildcard", "many-sans", "idn", "staple-good", "permitted-name",
        "may-sign"]
HOSTS = {"origin.test": "127.0.0.1", "a.wild.test": "127.0.0.1", "host-99.test": "127.0.0.1",
         "xn--bcher-kva.test": "127.0.0.1"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return BadCerts(tmp_path_factory.mktemp("bad"))


@pytest.fixture
def start(inspecting, made):
    def run(**inspection):
        return inspecting(inspection={"trust": made.root, **inspection}, names=HOSTS)
    return run


def check_refused(i, there, host, words, error="tls_certificate_error", end="origin_certificate"):
    """The page, the leaf it comes under, the log lines and the counters; the answer."""
    c = i.inside(host, there)
    assert alt_names(c.certificate) == [host], "a name of the origin's in the leaf"
    assert c.certificate.not_valid_after.timestamp() - time.time() < 2 * 86400
    c.send(request(f"{host}:{there.port}", "/secret/path?q=s3cr3t", "Cookie: s3cr3t"))
    answer = c.read_answer()
    request_id = check_page(answer, 502, error)
    said = answer.get("proxy-status") + answer.body.decode()
    assert any(word.lower() in said.lower() for word in words), said
    assert "s3cr3t" not in said
    record = i.log.one(id=request_id)
    wanted = {"event": "request", "status": 502, "error": error, "end": end, "host": host,
              "port": there.port, "path": "/secret/path", "tls": "inspect"}
    assert {key: record.get(key) for key in wanted} == wanted
    c.close()
    assert i.log.one(event="open")["tls"] == "inspect"
    i.log.one(event="close")
    assert scrape(i.proxy).value("sallyport_errors_total", error=error) >= 1
    return answer


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_certificate(start, made, closing, name):
    i = start()
    there = closing(made.serve(name))
    check_refused(i, there, made.host(name), FAULTS[name])
    assert there.received() == b"", "the origin was sent something"


@pytest.mark.parametrize("name", FINE)
def test_a_good_one(start, made, closing, name):
    i = start()
    there, host = closing(made.serve(name)), made.host(name)
    c = i.inside(host, there)
    c.send(request(f"{host}:{there.port}", "/p"))
    answer = c.read_answer()
    assert (answer.status, answer.body) == (200, PAGE)
    assert there.received().startswith(b"GET /p HTTP/1.1\r\n")


def test_a_wrong_name_is_wrong_by_the_connect_host_too(start, made, closing):
    """The certificate must be for the host of the CONNECT, or for what the client asked for: not
    for any other name at that address."""
    i = start()
    there = closing(made.serve("wildcard"))
    check_refused(i, there, "origin.test", ["a certificate for other names", "wild.test"])
    assert there.received() == b""


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_page_in_both_versions_of_tls(start, made, closing, newest):
    i = start()
    there = closing(made.serve("expired"))
    c = i.inside("origin.test", there, newest=newest)
    c.send(request(f"origin.test:{there.port}"))
    check_page(c.read_answer(), 502, "tls_certificate_error", "expired")


def test_curl_shows_the_page(start, made, closing):
    i = start()
    there = closing(made.serve("unknown-ca"))
    done = curl(i.proxy, f"https://origin.test:{there.port}/", "-w", "%{http_code}", ca=i.trust)
    assert done.returncode == 0 and done.stdout.endswith(b"502"), done.stderr
    assert there.received() == b""


def test_a_good_certificate_later_is_taken(start, made, closing):
    """A fault is not kept: the next tunnel looks again."""
    i = start()
    there = closing(made.serve("expired"))
    port = there.port
    c = i.inside("origin.test", there)
    c.send(request(f"origin.test:{port}"))
    assert c.read_answer().status == 502
    c.close()
    there.close()
    good = closing(Origin(http(body=PAGE), port=port))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.path("good"), made.path("good", "key"))
    good._context = context  # pylint: disable=protected-access
    c = i.inside("origin.test", good)
    c.send(request(f"origin.test:{port}"))
    assert c.read_answer().status == 200


def test_trust_is_ours_alone(start, made, closing):
    """The system's CAs and our own CA mean nothing for origins."""
    i = start()
    good = i.origin()  # by the authority of tools/gen-pki, which is not in made.root
    c = i.inside("api.test", good)
    c.send(request(f"api.test:{good.port}"))
    check_page(c.read_answer(), 502, "tls_certificate_error")
    assert good.accepted == [] or not good.has_request()


def test_an_origin_under_our_own_ca_is_not_trusted(inspecting, ca, tmp_path):
    i = inspecting()
    stem = issue(ca, tmp_path, "forged", ["api.test"])
    there = i.origin(certificate=stem)
    c = i.inside("api.test", there)
    c.send(request(f"api.test:{there.port}"))
    check_page(c.read_answer(), 502, "tls_certificate_error")
    assert not there.has_request()


# What is no TLS, or not enough of it

def test_an_origin_that_is_not_tls(inspecting, closing):
    i = inspecting()
    there = closing(Origin(lambda sock, record: sock.sendall(
        b"HTTP/1.1 400 Bad Request\r\n\r\n") if record.recv(sock) else None))
    c = i.inside("api.test", there)
    c.send(request(f"api.test:{there.port}", "/", "Cookie: s3cr3t"))
    check_page(c.read_answer(), 502, "tls_protocol_error")
    assert b"s3cr3t" not in bytes(there.wait_done(1)[0].received)


@pytest.mark.parametrize("way", ["close", "reset"])
def test_an_origin_that_breaks_off_within_the_handshake(inspecting, closing, way):
    i = inspecting()
    there = closing(RecordingOrigin())

    def behave():
        peer = there.accept()
        peer.read(5)
        getattr(peer, way)()

    threading.Thread(target=behave, daemon=True).start()
    c = i.inside("api.test", there)
    c.send(request(f"api.test:{there.port}"))
    check_page(c.read_answer(), 502, "tls_protocol_error")


def test_an_origin_that_never_shakes_hands(inspecting, closing):
    i = inspecting(limits={"connect_timeout": "1s", "header_timeout": "1s"})
    there = closing(Origin(sink))
    before = time.monotonic()
    c = i.inside("api.test", there)
    c.send(request(f"api.test:{there.port}"))
    answer = c.read_answer()
    assert answer.status in (502, 504) and answer.get("proxy-status"), answer.fields
    assert time.monotonic() - before < 6


@pytest.mark.parametrize("oldest, fine", [("1.2", True), ("1.3", False)])
def test_min_tls(inspecting, oldest, fine):
    i = inspecting(inspection={"min_tls": oldest})
    there = i.origin(newest=ssl.TLSVersion.TLSv1_2)
    c = i.inside("api.test", there)
    c.send(request(f"api.test:{there.port}"))
    if fine:
        peer = there.accept()
        read_message(peer)
        peer.send(response(b"ok"))
        assert read_message(c).content == b"ok"
    else:
        check_page(c.read_answer(), 502, "tls_protocol_error")


# A certificate of the client

@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_origin_that_asks_for_a_certificate_of_the_client(inspecting, pki, newest):
    i = inspecting()
    there = i.origin(client_ca=f"{pki}/ca.pem", newest=newest)
    c = i.inside("api.test", there)
    c.send(request(f"api.test:{there.port}"))
    answer = c.read_answer()
    request_id = check_page(answer, 502, "tls_protocol_error", "certificate of the client")
    assert not there.has_request()
    record = i.log.one(id=request_id)
    assert record["end"] == "client_certificate_wanted" and record["host"] == "api.test"
    i.proxy.wait_error(r"api\.test\D+%d?.*exempt|exempt.*api\.test" % there.port)
    page = json.loads(get(i.proxy, "/api/proposed-exemptions")[2])
    [found] = page["proposed_exemptions"]
    assert (found["host"], found["port"]) == ("api.test", there.port)
    assert (found["client_certificates"], found["alerts"], found["clients"]) == (1, 0, 1)


def test_an_origin_that_would_like_one_gets_none(inspecting, pki):
    """CertificateRequest alone is a demand: nobody can know that the origin goes on without."""
    i = inspecting()
    there = i.origin(client_ca=f"{pki}/ca.pem")
    there.context.verify_mode = ssl.CERT_OPTIONAL
    c = i.inside("api.test", there)
    c.send(request(f"api.test:{there.port}"))
    check_page(c.read_answer(), 502, "tls_protocol_error", "certificate of the client")
    assert not there.has_request()


# Each connection of a tunnel is verified

def test_an_origin_that_turns_bad_gets_nothing_more(inspecting, made):
    """It closes, and the one that answers on the next connection cannot prove who it is."""
    i = inspecting(inspection={"trust": f"{made.root}"}, names=HOSTS)
    good = i.origin(certificate=made.path("good")[:-len(".pem")])
    c = i.inside("origin.test", good)
    host = f"origin.test:{good.port}"
    c.send(request(host, "/1"))
    peer = good.accept()
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"
    good.close()
    bad = i.origin(certificate=made.path("unknown-ca")[:-len(".pem")], port=good.port)
    c.send(request(host, "/2", "Cookie: s3cr3t"))
    check_page(c.read_answer(), 502, "tls_certificate_error")
    assert bad.tcp >= 1 and not bad.has_request()
