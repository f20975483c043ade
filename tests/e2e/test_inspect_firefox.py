# SPDX-License-Identifier: MIT
"""Firefox, whose only added trust is our CA, loads sites through inspection, and shows our page
for origins that are not what they say."""
import json

import pytest
from cryptography import x509

from lib.badcerts import BadCerts
from lib.client import wait_until
from lib.firefox import Firefox
from lib.inspected_clients import proposals
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    alt_names, ca, inspecting, issue, site)
from lib.proxy import run
from lib.web_site import BIG, FETCH_BIG, FETCH_ECHO, HAS_ALL, SOCKET_ECHO, WebSite

HOST = "api.test"
EXEMPT = "x.mcs.webex.com"


@pytest.fixture
def browser(tmp_path, closing):
    """browser(address, trust=[files]): a new Firefox."""
    return lambda address, trust: closing(Firefox(tmp_path, address, trust=trust))


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
    assert evaluate(here, HAS_ALL) == [17, host, "rgb(1, 2, 3)"]
    assert {line for _, line in there.requests} == {
        "GET /", "GET /style.css", "GET /script.js", "GET /image.svg"}
    for record in i.log.wait(4, event="request", status=200):
        assert (record["host"], record["tls"]) == (HOST, "inspect")
    assert proposals(i.proxy) == []


def test_what_it_sees_of_the_leaf(start):
    """Secure, by our CA, with the origin's names; and nothing that it holds against it."""
    _, there, here = start()
    page = here.open(url(there))
    seen = here.security()
    assert page.status == 200
    assert (seen["state"], seen["issuer"]) == ("secure", "CN=Inspection CA"), seen
    assert seen["error"] == ""
    leaf = x509.load_der_x509_certificate(seen["leaf"])
    with open(f"{there.stem}.pem", "rb") as f:
        assert alt_names(leaf) == alt_names(x509.load_pem_x509_certificate(f.read()))


def evaluate(here, script):
    """An array of plain values."""
    return json.loads(here.evaluate(f"Promise.resolve({script}).then(JSON.stringify)"))


def test_what_scripts_do(start):
    _, there, here = start()
    assert here.open(url(there)).status == 200
    assert evaluate(here, FETCH_ECHO) == [200, 300000, True]
    assert evaluate(here, FETCH_BIG) == [200, BIG, True]
    assert evaluate(here, SOCKET_ECHO) == [1000, True, True]


def test_the_page_for_an_expired_origin(inspecting, closing, browser, tmp_path):  # noqa: F811
    folder = tmp_path / "bad"
    folder.mkdir()
    bad = BadCerts(folder)
    there = closing(bad.serve("expired"))
    i = inspecting(inspection={"trust": bad.root})
    here = browser(i.proxy.address, [i.trust])
    page = here.open(url(there, host=bad.host("expired")))
    here.screenshot(tmp_path / "page.png")
    assert (page.status, here.security()["state"]) == (502, "secure"), page
    assert "expired" in page.text.lower() and bad.host("expired") in page.text, page.text
    assert there.received() == b""
    assert i.log.one(event="request", status=502)["error"] == "tls_certificate_error"


def test_an_exempt_host_shows_its_own(inspecting, closing, browser, pki, tmp_path):  # noqa: F811
    there = closing(WebSite(issue(pki, tmp_path, "mcs", [EXEMPT])))
    i = inspecting(names=[EXEMPT])
    here = browser(i.proxy.address, [i.trust, f"{pki}/ca.pem"])
    page = here.open(url(there, host=EXEMPT))
    assert (page.status, page.text) == (200, "the page"), page
    seen = here.security()
    with open(f"{there.stem}.pem", "rb") as f:
        own = x509.load_pem_x509_certificate(f.read())
    assert x509.load_der_x509_certificate(seen["leaf"]) == own and seen["state"] == "secure"
    assert i.log.wait(1, event="open", host=EXEMPT)[0]["tls"] == "tunnel"


def test_without_our_ca_it_refuses(inspecting, closing, browser, site):  # noqa: F811
    i = inspecting()
    there = closing(WebSite(site))
    page = browser(i.proxy.address, []).open(url(there))
    assert page.status is None and "SEC_ERROR_UNKNOWN_ISSUER" in page.error, page
    assert there.requests == []
    found, = wait_until(lambda: proposals(i.proxy), what="a proposal")
    assert (found["host"], found["port"], found["clients"]) == (HOST, there.port, 1)
    assert found["alerts"] >= 1 and found["last_alert"] == "unknown CA", found
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
    assert (page.status, here.security()["state"]) == (200, "secure"), page
    page = here.open(url(outside, host=names[1]))
    assert page.status is None and page.error, page
    assert outside.requests == []
