# SPDX-License-Identifier: MIT
"""Chromium, whose only added trust is our CA, loads sites through inspection, and shows our page
for origins that are not what they say."""
import pytest
from cryptography import x509

from lib.badcerts import BadCerts
from lib.chromium import Chromium
from lib.client import wait_until
from lib.inspected_clients import proposals
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    alt_names, ca, inspecting, issue, site)
from lib.proxy import run
from lib.web_site import BIG, FETCH_BIG, FETCH_ECHO, HAS_ALL, SOCKET_ECHO, WebSite

HOST = "api.test"
EXEMPT = "x.mcs.webex.com"


@pytest.fixture
def browser(tmp_path, closing):
    """browser(address, trust=[files]): a new Chromium."""
    return lambda address, trust: closing(Chromium(tmp_path, address, trust=trust))


@pytest.fixture
def start(inspecting, closing, browser, site):  # noqa: F811  # pylint: disable=W0621
    """start(): a proxy that inspects, a site behind it, and a browser that trusts our CA."""
    def run_all(**options):
        i = inspecting(**options)
        there = closing(WebSite(site))
        return i, there, browser(i.proxy.address, [i.trust])
    return run_all


def url(there, path="/", host=HOST):
    return f"https://{host}:{there.port}{path}"


def test_a_page_and_what_belongs_to_it(start):
    i, there, here = start()
    page = here.open(url(there))
    assert (page.status, page.text, page.error) == (200, "the page", None), page
    host = f"{HOST}:{there.port}"
    assert here.evaluate(HAS_ALL) == [17, host, "rgb(1, 2, 3)"]
    assert {line for _, line in there.requests} == {
        "GET /", "GET /style.css", "GET /script.js", "GET /image.svg"}
    for record in i.log.wait(4, event="request", status=200):
        assert (record["host"], record["tls"]) == (HOST, "inspect")
    assert proposals(i.proxy) == []


def test_what_it_sees_of_the_leaf(start):
    """Secure, by our CA, with the origin's names; and nothing that it holds against it."""
    _, there, here = start()
    page = here.open(url(there))
    seen = page.security
    assert (seen["state"], seen["issuer"]) == ("secure", "Inspection CA"), seen
    assert seen["protocol"] in ("TLS 1.3", "TLS 1.2") and HOST in seen["sanList"]
    chain = here.certificates(url(there, ""))
    leaf = x509.load_der_x509_certificate(chain[0])
    assert leaf.issuer.rfc4514_string() == "CN=Inspection CA"
    with open(f"{there.stem}.pem", "rb") as f:
        assert alt_names(leaf) == alt_names(x509.load_pem_x509_certificate(f.read()))


@pytest.mark.parametrize("script, answer", [
    (FETCH_ECHO, [200, 300000, True]), (FETCH_BIG, [200, BIG, True]),
    (SOCKET_ECHO, [1000, True, True])], ids=["post", "5 MB", "web socket"])
def test_what_scripts_do(start, script, answer):
    _, there, here = start()
    assert here.open(url(there)).status == 200
    assert here.evaluate(script) == answer


@pytest.mark.parametrize("name, word", [("expired", "expired"), ("wrong-name", "name"),
                                        ("unknown-ca", "stranger")])
def test_the_page_for_a_bad_origin(inspecting, closing, browser, tmp_path,  # noqa: F811
                                   name, word):
    folder = tmp_path / "bad"
    folder.mkdir()
    bad = BadCerts(folder)
    there = closing(bad.serve(name))
    i = inspecting(inspection={"trust": bad.root})
    here = browser(i.proxy.address, [i.trust])
    page = here.open(url(there, host=bad.host(name)))
    here.screenshot(tmp_path / "page.png")
    assert (page.status, page.security["state"]) == (502, "secure"), page
    assert word in page.text.lower() and bad.host(name) in page.text, page.text
    assert there.received() == b""
    assert i.log.one(event="request", status=502)["error"] == "tls_certificate_error"


def test_an_exempt_host_shows_its_own(inspecting, closing, browser, pki, tmp_path):  # noqa: F811
    there = closing(WebSite(issue(pki, tmp_path, "mcs", [EXEMPT])))
    i = inspecting(names=[EXEMPT])
    here = browser(i.proxy.address, [i.trust, f"{pki}/ca.pem"])
    page = here.open(url(there, host=EXEMPT))
    assert (page.status, page.text, page.security["state"]) == (200, "the page", "secure"), page
    with open(f"{there.stem}.pem", "rb") as f:
        own = x509.load_pem_x509_certificate(f.read())
    assert x509.load_der_x509_certificate(here.certificates(url(there, "", EXEMPT))[0]) == own
    assert i.log.wait(1, event="open", host=EXEMPT)[0]["tls"] == "tunnel"


def test_without_our_ca_it_refuses(inspecting, closing, browser, site):  # noqa: F811
    i = inspecting()
    there = closing(WebSite(site))
    page = browser(i.proxy.address, []).open(url(there))
    assert (page.status, page.error) == (None, "net::ERR_CERT_AUTHORITY_INVALID"), page
    assert there.requests == []
    found, = wait_until(lambda: proposals(i.proxy), what="a proposal")
    assert (found["host"], found["port"], found["clients"]) == (HOST, there.port, 1)
    assert found["alerts"] >= 1 and found["last_alert"] == "certificate unknown", found
    assert {record["host"] for record in i.log.records()} == {HOST}, "it asked somebody else"


def test_a_constrained_ca(inspecting, closing, browser, pki, tmp_path):  # noqa: F811
    authority = tmp_path / "constrained"
    done = run("ca", "init", "--name", "Inspection CA", "--permit", "corp.example", str(authority))
    assert done.returncode == 0, done.stderr
    names = ["www.corp.example", "elsewhere.example"]
    inside, outside = [closing(WebSite(issue(pki, tmp_path, name, [name]))) for name in names]
    i = inspecting(authority=authority, names=names)
    here = browser(i.proxy.address, [i.trust])
    page = here.open(url(inside, host=names[0]))
    assert (page.status, page.security["state"]) == (200, "secure"), page
    page = here.open(url(outside, host=names[1]))
    assert page.status is None and page.error, page
    assert outside.requests == []
