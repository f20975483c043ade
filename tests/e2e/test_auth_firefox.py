# SPDX-License-Identifier: MIT
"""Firefox gets in with each of the four schemes, by the name and password or by the ticket."""
import pytest

from lib.auth import ALICE, BOB, HTTP_NAME, PAGE, pages  # noqa: F401  # pylint: disable=W0611
from lib.firefox import Firefox
from lib.kdc import Kdc

TEXT = PAGE.decode().strip()
ALL = ["negotiate", "ntlm", "digest", "basic"]


@pytest.fixture
def browser(tmp_path, closing):
    """browser(address, settings=None, env=None): a new Firefox."""
    return lambda address, **options: closing(Firefox(tmp_path, address, **options))


@pytest.fixture
def kdc(tmp_path, closing):
    return closing(Kdc(tmp_path / "kdc", users=dict([ALICE, BOB])))


def ticket(kdc, user):  # pylint: disable=redefined-outer-name
    """What a browser must have in its environment to find the user's ticket."""
    found = kdc.kinit(user) if user else kdc.client_environment(None)
    return {name: found[name] for name in ("KRB5_CONFIG", "KRB5CCNAME")}


@pytest.mark.parametrize("scheme", ["basic", "digest", "ntlm"])
def test_password(pages, browser, scheme):  # noqa: F811
    there = pages([scheme])
    here = browser(there.address)
    page = here.open(there.http, *ALICE)
    assert (page.status, page.text) == (200, TEXT), page
    assert [p["scheme"].lower() for p in page.prompts] == [scheme]
    page = here.open(there.https, *ALICE)
    assert (page.status, page.text, page.prompts) == (200, TEXT, []), page
    there.allowed("alice", scheme)
    there.allowed("alice", scheme, is_tunnel=True)
    there.check_log()


def test_tunnel_first(pages, browser):  # noqa: F811
    # The handshake of NTLM inside CONNECT, on a browser that has sent nothing before.
    there = pages(["ntlm"])
    page = browser(there.address).open(there.https, *BOB)
    assert (page.status, page.text) == (200, TEXT), page
    there.allowed("bob", "ntlm", is_tunnel=True)


@pytest.mark.parametrize("algorithms", [["SHA-256"], ["MD5"]])
def test_digest_algorithms(pages, browser, algorithms):  # noqa: F811
    there = pages(["digest"], algorithms=algorithms)
    page = browser(there.address).open(there.http, *BOB)
    assert (page.status, page.text) == (200, TEXT), page
    there.allowed("bob", "digest")


def test_ticket(pages, browser, kdc):  # noqa: F811  # pylint: disable=W0621
    there = pages(["negotiate"], keytab=kdc.keytab, environment=kdc.proxy_environment())
    here = browser(("localhost", there.address[1]), env=ticket(kdc, "alice"))
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
    assert there.allowed("alice", "ntlm", is_tunnel=True)


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
    })).then(all => all.join())"""
    assert here.evaluate(script) == ",".join([f"200{TEXT}"] * 40)
    records = there.proxy.log.wait(41, event="request", status=200, host=HTTP_NAME)
    assert {(r["user"], r["auth"]) for r in records} == {("alice", scheme)}


@pytest.mark.parametrize("scheme", ["basic", "ntlm"])
def test_wrong_password(pages, browser, scheme):  # noqa: F811
    there = pages([scheme])
    page = browser(there.address).open(there.http, "bob", "not it")
    assert page.status != 200 and TEXT not in page.text, page
    assert len(page.prompts) >= 2
    assert all(not r.get("user") for r in there.refused())
