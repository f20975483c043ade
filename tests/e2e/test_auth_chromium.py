# SPDX-License-Identifier: MIT
"""Chromium gets in with each of the four schemes, by the name and password or by the ticket."""
import pytest

from lib.auth import ALICE, BOB, HTTP_NAME, PAGE, pages  # noqa: F401  # pylint: disable=W0611
from lib.chromium import PROMPTS, Chromium
from lib.kdc import Kdc

TEXT = PAGE.decode().strip()
ALL = ["negotiate", "ntlm", "digest", "basic"]


@pytest.fixture
def browser(tmp_path, closing):
    """browser(address, scheme=None, env=None): a new Chromium."""
    return lambda address, **options: closing(Chromium(tmp_path, address, **options))


@pytest.fixture
def kdc(tmp_path, closing):
    return closing(Kdc(tmp_path / "kdc", users=dict([ALICE, BOB])))


def ticket(kdc, user):  # pylint: disable=redefined-outer-name
    """What a browser must have in its environment to find the user's ticket."""
    found = kdc.kinit(user) if user else kdc.client_environment(None)
    return {name: found[name] for name in ("KRB5_CONFIG", "KRB5CCNAME")}


@pytest.mark.parametrize("scheme", ["basic", "digest", "ntlm"])
@pytest.mark.parametrize("user,password", [ALICE, BOB])
def test_password(pages, browser, scheme, user, password):  # noqa: F811
    there = pages([scheme])
    here = browser(there.address)
    page = here.open(there.http, user, password)
    assert (page.status, page.text) == (200, TEXT), page
    assert [p["scheme"] for p in page.prompts] == [scheme]
    page = here.open(there.https, user, password)
    assert (page.status, page.text, page.prompts) == (200, TEXT, []), page
    there.allowed(user, scheme)
    there.allowed(user, scheme, is_tunnel=True)
    there.check_log()


@pytest.mark.parametrize("algorithms", [["SHA-256"], ["MD5"], ["SHA-256", "MD5"]])
def test_digest_algorithms(pages, browser, algorithms):  # noqa: F811
    there = pages(["digest"], algorithms=algorithms)
    page = browser(there.address).open(there.http, *BOB)
    assert (page.status, page.text) == (200, TEXT), page
    there.allowed(BOB[0], "digest")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_ticket(pages, browser, kdc, name):  # noqa: F811  # pylint: disable=W0621
    there = pages(["negotiate"], keytab=kdc.keytab, environment=kdc.proxy_environment())
    here = browser((name, there.address[1]), env=ticket(kdc, "alice"))
    for url in (there.http, there.https):
        page = here.open(url)
        assert (page.status, page.text, page.prompts) == (200, TEXT, []), page
    there.allowed("alice", "negotiate")
    there.allowed("alice", "negotiate", is_tunnel=True)
    there.check_log()


def test_all_offered_and_a_ticket(pages, browser, kdc):  # noqa: F811  # pylint: disable=W0621
    there = pages(ALL, keytab=kdc.keytab, environment=kdc.proxy_environment())
    page = browser(("localhost", there.address[1]), env=ticket(kdc, "bob")).open(there.https)
    assert (page.status, page.text, page.prompts) == (200, TEXT, []), page
    there.allowed("bob", "negotiate", is_tunnel=True)


def test_all_offered_and_no_ticket(pages, browser, kdc):  # noqa: F811  # pylint: disable=W0621
    there = pages(ALL, keytab=kdc.keytab, environment=kdc.proxy_environment())
    here = browser(("localhost", there.address[1]), env=ticket(kdc, None))
    page = here.open(there.https, *ALICE)
    assert (page.status, page.text) == (200, TEXT), page
    assert [p["scheme"] for p in page.prompts] == ["ntlm"]
    there.allowed("alice", "ntlm", is_tunnel=True)


@pytest.mark.parametrize("scheme", ["basic", "digest", "ntlm"])
def test_picks_what_it_may(pages, browser, kdc, scheme):  # noqa: F811  # pylint: disable=W0621
    there = pages(ALL, keytab=kdc.keytab, environment=kdc.proxy_environment())
    page = browser(there.address, scheme=scheme).open(there.http, *BOB)
    assert (page.status, [p["scheme"] for p in page.prompts]) == (200, [scheme]), page
    there.allowed("bob", scheme)


@pytest.mark.parametrize("scheme", ["basic", "digest", "ntlm"])
def test_web_socket(pages, browser, scheme):  # noqa: F811
    # Browsers open one by CONNECT, on a connection of its own, even without TLS.
    there = pages([scheme])
    here = browser(there.address)
    assert here.open(there.http, *ALICE).status == 200
    script = """new Promise(done => {
        const socket = new WebSocket(location.href.replace("http:", "ws:") + "socket");
        socket.onmessage = event => done(event.data);
        socket.onerror = () => done("error");
    })"""
    assert here.evaluate(script).strip() == TEXT
    record = there.proxy.log.one(event="open", host=HTTP_NAME)
    assert (record["method"], record["user"], record["auth"]) == ("CONNECT", "alice", scheme)


@pytest.mark.parametrize("scheme", ["basic", "digest", "ntlm"])
def test_many_requests_at_once(pages, browser, scheme):  # noqa: F811
    there = pages([scheme])
    here = browser(there.address)
    assert here.open(there.http, *ALICE).status == 200
    script = """Promise.all([...Array(40).keys()].map(async n => {
        const post = {method: "POST", body: "x".repeat(50000)};
        const answer = await fetch("/" + n, n % 4 ? {cache: "no-store"} : post);
        return answer.status + (await answer.text()).trim();
    }))"""
    assert here.evaluate(script) == [f"200{TEXT}"] * 40
    records = there.proxy.log.wait(41, event="request", status=200, host=HTTP_NAME)
    assert {(r["user"], r["auth"]) for r in records} == {("alice", scheme)}


@pytest.mark.parametrize("scheme", ["basic", "digest", "ntlm"])
def test_wrong_password(pages, browser, scheme):  # noqa: F811
    there = pages([scheme])
    page = browser(there.address).open(there.http, "bob", "not it")
    assert page.status in (407, 429) and TEXT not in page.text, page
    assert 2 <= len(page.prompts) <= 2 * (PROMPTS + 1)  # the icon of the page prompts too
    assert all(not r.get("user") for r in there.refused())


def test_nobody_answers(pages, browser):  # noqa: F811
    there = pages(ALL[1:])
    page = browser(there.address).open(there.http)
    assert page.status == 407 and "407" in page.text, page
    there.refused()
