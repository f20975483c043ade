# SPDX-License-Identifier: MIT
"""Java 17's HttpURLConnection gets in with each of the four schemes, for http and https."""
import pytest

from lib.auth import ALICE, BOB, PAGE, pages  # noqa: F401  # pylint: disable=W0611
from lib.java import Java
from lib.kdc import Kdc

TEXT = PAGE.decode().strip()
ALL = ["negotiate", "ntlm", "digest", "basic"]


@pytest.fixture(scope="module", name="java")
def compiled(tmp_path_factory):
    return Java(tmp_path_factory.mktemp("java"))


@pytest.fixture
def kdc(tmp_path, closing):
    return closing(Kdc(tmp_path / "kdc", users=dict([ALICE, BOB])))


def check(there, results, user, scheme):
    assert [(r.status, r.text.strip()) for r in results] == [(200, TEXT)] * len(results), results
    there.allowed(user, scheme)
    there.allowed(user, scheme, is_tunnel=True)
    there.check_log()


# Java's Digest knows Latin-1 alone, whatever charset it is told: no ALICE with it.
@pytest.mark.parametrize("scheme,account", [("basic", ALICE), ("ntlm", ALICE), ("basic", BOB),
                                            ("digest", BOB), ("ntlm", BOB)])
def test_password(pages, java, scheme, account):  # noqa: F811
    user, password = account
    there = pages([scheme])
    results = java.fetch(there.address, there.http, there.http + "2", there.https, user=user,
                         password=password)
    assert results[0].prompts == [scheme]
    check(there, results, user, scheme)


@pytest.mark.parametrize("algorithms", [["SHA-256"], ["MD5"], ["SHA-256", "MD5"]])
def test_digest_algorithms(pages, java, algorithms):  # noqa: F811
    there = pages(["digest"], algorithms=algorithms)
    results = java.fetch(there.address, there.http, there.https, user=BOB[0], password=BOB[1])
    check(there, results, "bob", "digest")


def test_ticket(pages, java, kdc):  # noqa: F811  # pylint: disable=redefined-outer-name
    there = pages(["negotiate"], keytab=kdc.keytab, environment=kdc.proxy_environment())
    found = kdc.kinit("alice")
    results = java.fetch(("localhost", there.address[1]), there.http, there.https,
                         kerberos=(found["KRB5_CONFIG"], found["KRB5CCNAME"]))
    check(there, results, "alice", "negotiate")


def test_all_offered_and_a_ticket(pages, java, kdc):  # noqa: F811  # pylint: disable=W0621
    there = pages(ALL, keytab=kdc.keytab, environment=kdc.proxy_environment())
    found = kdc.kinit("bob")
    results = java.fetch(("localhost", there.address[1]), there.http, there.https,
                         kerberos=(found["KRB5_CONFIG"], found["KRB5CCNAME"]))
    check(there, results, "bob", "negotiate")


def test_all_passwords_offered(pages, java):  # noqa: F811
    there = pages(ALL[1:])
    results = java.fetch(there.address, there.http, there.https, user=BOB[0], password=BOB[1])
    assert [(r.status, r.text.strip()) for r in results] == [(200, TEXT)] * 2, results
    record = there.proxy.log.wait(event="request", status=200)[0]
    assert record["user"] == "bob" and record["auth"] in ALL[1:]


@pytest.mark.parametrize("scheme", ["basic", "digest", "ntlm"])
def test_wrong_password(pages, java, scheme):  # noqa: F811
    there = pages([scheme])
    results = java.fetch(there.address, there.http, user="bob", password="not it")
    assert results[0].status in (407, 429, None) and TEXT not in results[0].text, results
    assert all(not r.get("user") for r in there.refused())


def test_java_as_it_is_installed_refuses_basic_for_tunnels(pages, java):  # noqa: F811
    # Its own setting forbids it (JDK 8u111 and later): the proxy sees no credentials.
    there = pages(["basic"])
    results = java.fetch(there.address, there.https, user=BOB[0], password=BOB[1],
                         settings=["-Djdk.http.auth.tunneling.disabledSchemes=Basic"])
    assert results[0].status == 407 and results[0].prompts == [], results
    there.refused()
