# SPDX-License-Identifier: MIT
"""Command-line clients, libraries and run-times that trust our CA take its leaves through a proxy
that inspects, and resume their sessions."""
import ssl

import pytest

from lib.client import wait_until
from lib.inspected_clients import CLIENTS, curl, git, make_store, proposals, s_client
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    ca, inspecting, issue, site)
from lib.java import Java
from lib.origin import pattern
from lib.proxy import run
from lib.web_site import BIG, TEXT, WebSite, make_repository

HOST, OTHER = "api.test", "other.test"
# Those that close without an alert when they do not take a certificate.
SILENT = ["wget", "node", "HttpClient"]


@pytest.fixture(scope="module", name="java")
def compiled_java(tmp_path_factory):
    return Java(tmp_path_factory.mktemp("java"))


@pytest.fixture(name="home")
def home_of_clients(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def start(inspecting, closing, site):  # noqa: F811
    """start(): a proxy that inspects, and a site behind it."""
    def run_both(newest=None, repositories=None, certificate=site, **options):
        i = inspecting(**options)
        return i, closing(WebSite(certificate, newest=newest, repositories=repositories))
    return run_both


@pytest.fixture(scope="module", name="rsa")
def rsa_authority(tmp_path_factory):
    """A CA with an RSA key."""
    return make_authority(tmp_path_factory.mktemp("rsa") / "ca", "--rsa")


def make_authority(folder, *options):
    done = run("ca", "init", "--name", "Inspection CA", *options, str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def url(there, path="/text", host=HOST):
    return f"https://{host}:{there.port}{path}"


def check_inspected(i, there, count=1, host=HOST):
    """So many requests came, and were seen inside."""
    assert there.requests == [(f"{host}:{there.port}", "GET /text")] * count
    for record in i.log.wait(count, event="request", status=200):
        assert (record["host"], record["tls"]) == (host, "inspect"), record
    assert [p for p in proposals(i.proxy) if p["alerts"]] == []


def check_proposed(i, client):
    """The client's refusal is counted, as an alert or as a close."""
    found = wait_until(lambda: proposals(i.proxy), what="a proposal")[0]
    wanted = (HOST, 0, 1) if client in SILENT else (HOST, 1, 0)
    assert (found["host"], found["alerts"], found["closed"]) == wanted, found


# Who takes the leaf

@pytest.mark.parametrize("client", CLIENTS)
def test_takes_the_leaf(start, home, client):
    i, there = start()
    status, said = CLIENTS[client](home, i.proxy, i.trust, url(there))
    assert status == 0 and TEXT.strip() in said, said
    check_inspected(i, there)


@pytest.mark.parametrize("client", CLIENTS)
def test_refuses_it_without_our_ca(start, home, pki, client):
    """What makes the test above one: the origins' own CA is trusted, ours is not."""
    i, there = start()
    status, said = CLIENTS[client](home, i.proxy, f"{pki}/ca.pem", url(there))
    assert status != 0, said
    assert there.requests == []
    check_proposed(i, client)


@pytest.mark.parametrize("client", ["curl", "python_urllib", "node"])
def test_takes_rsa(start, home, rsa, client):
    i, there = start(authority=rsa, inspection={"leaf_key": "rsa"})
    status, said = CLIENTS[client](home, i.proxy, i.trust, url(there))
    assert status == 0 and TEXT.strip() in said, said
    check_inspected(i, there)


@pytest.mark.parametrize("newest", ["1.2", "1.3"])
def test_s_client_sees_the_version_and_the_key(start, home, newest):
    i, there = start()
    status, said = s_client(home, i.proxy, i.trust, url(there), "-tls" + newest.replace(".", "_"))
    assert status == 0, said
    assert f"New, TLSv{newest}, Cipher is" in said and "Server public key is 256 bit" in said
    assert "Verify return code: 0 (ok)" in said and "issuer=CN = Inspection CA" in said


@pytest.mark.parametrize("kind, options", [("ec", {}), ("rsa", {"leaf_key": "rsa"})])
@pytest.mark.parametrize("client", ["HttpClient", "HttpURLConnection"])
def test_java_takes_the_leaf(start, home, java, rsa, kind, options, client):
    i, there = start(inspection=options, **({"authority": rsa} if kind == "rsa" else {}))
    results = java.fetch(i.proxy.address, url(there), trust=make_store(home, i.trust),
                         client=client)
    assert [(r.status, r.text) for r in results] == [(200, TEXT)], results
    check_inspected(i, there)


@pytest.mark.parametrize("client", ["HttpClient", "HttpURLConnection"])
def test_java_refuses_it_without_our_ca(start, home, java, pki, client):
    i, there = start()
    result, = java.fetch(i.proxy.address, url(there), trust=make_store(home, f"{pki}/ca.pem"),
                         client=client)
    assert result.status is None and "PKIX" in result.text, result
    assert there.requests == []
    check_proposed(i, client)


# What they do inside

def test_curl_that_offers_h2_gets_http_1(start, home):
    i, there = start()
    status, said = curl(home, i.proxy, i.trust, "--http2", "-w", "%{http_version}", url(there))
    assert (status, said) == (0, TEXT + "1.1")
    check_inspected(i, there)


def test_curl_keeps_the_connection(start, home):
    i, there = start()
    status, said = curl(home, i.proxy, i.trust, "-w", "%{num_connects}\n", *[url(there)] * 3)
    assert (status, said) == (0, f"{TEXT}1\n{TEXT}0\n{TEXT}0\n")
    check_inspected(i, there, 3)
    assert there.tcp == 1


def test_curl_fetches_a_large_file(start, home):
    i, there = start()
    status, said = curl(home, i.proxy, i.trust, "-o", "big", url(there, "/big"))
    assert status == 0, said
    assert (home / "big").read_bytes() == pattern(0, BIG)


def test_git_clones(start, home, tmp_path):
    """Through git's own program at the other end, so with its POST and its chunks."""
    commit = make_repository(tmp_path / "repositories")
    i, there = start(repositories=str(tmp_path / "repositories"))
    status, said = git(home, i.proxy, i.trust, "clone", url(there, "/git/one.git"), "copy")
    assert status == 0, said
    status, said = git(home, i.proxy, i.trust, "-C", "copy", "rev-parse", "HEAD")
    assert (status, said.strip()) == (0, commit)
    assert "POST /git/one.git/git-upload-pack" in [line for _, line in there.requests]


# Sessions

@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_s_client_resumes(start, home, version):
    i, there = start()
    name = version.replace("-tls1_", "TLSv1.")
    for options, wanted in ((["-sess_out", "session"], "New"),
                            (["-sess_in", "session"], "Reused")):
        status, said = s_client(home, i.proxy, i.trust, url(there), version, *options)
        assert status == 0 and f"{wanted}, {name}, " in said, said
        assert TEXT.strip() in said
    check_inspected(i, there, 2)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_session_is_good_for_its_host_alone(start, home, version):
    i, there = start()
    status, said = s_client(home, i.proxy, i.trust, url(there), version, "-sess_out", "session")
    assert status == 0, said
    status, said = s_client(home, i.proxy, i.trust, url(there, host=OTHER), version,
                            "-sess_in", "session")
    assert status == 0 and "New, TLSv1." in said and "Reused" not in said, said


def test_curl_resumes(start, home):
    i, there = start()
    status, said = curl(home, i.proxy, i.trust, "-v", "-H", "Connection: close",
                        *[url(there)] * 2)
    assert status == 0 and said.count(TEXT) == 2, said
    assert said.count("SSL re-using session ID") >= 1, said


@pytest.mark.parametrize("newest", ["TLSv1_2", "TLSv1_3"])
def test_the_proxy_resumes_with_an_origin(start, home, newest):
    """Each run of curl is a connection of its own; the second name begins anew."""
    i, there = start(newest=ssl.TLSVersion[newest])
    for host in (HOST, HOST, OTHER, HOST):
        status, said = curl(home, i.proxy, i.trust, url(there, host=host))
        assert (status, said) == (0, TEXT), said
    version = newest.replace("_", ".")
    assert there.handshakes == [(HOST, version, False), (HOST, version, True),
                                (OTHER, version, False), (HOST, version, True)]


# A CA with name constraints

@pytest.mark.parametrize("client", ["curl", "python_urllib", "node", "s_client"])
def test_a_constrained_ca_inside(start, home, pki, tmp_path, client):
    name = "www.corp.example"
    authority = make_authority(tmp_path / "constrained", "--permit", "corp.example")
    i, there = start(authority=authority, names=[name],
                     certificate=issue(pki, tmp_path, "inside", [name, "elsewhere.example"]))
    status, said = CLIENTS[client](home, i.proxy, i.trust, url(there, host=name))
    assert status == 0 and TEXT.strip() in said, said
    check_inspected(i, there, host=name)


def refuse_outside(start, home, pki, folder, names):
    """curl asks for the first of the origin's names, for which the CA may not issue, in vain."""
    authority = make_authority(folder / "constrained", "--permit", "corp.example")
    i, there = start(authority=authority, names=names,
                     certificate=issue(pki, folder, "outside", names))
    status, said = curl(home, i.proxy, i.trust, url(there, host=names[0]))
    assert status in (35, 60), said
    assert there.requests == [] and i.log.records(event="request") == []
    return i, said


def test_a_constrained_ca_outside(start, home, pki, tmp_path):
    """There is no leaf: an alert, and the log says why."""
    i, said = refuse_outside(start, home, pki, tmp_path, ["elsewhere.example"])
    assert "alert internal error" in said
    assert i.log.one(event="close")["end"] == "leaf_failed"
    i.proxy.wait_error(r"no leaf for elsewhere\.example: .*name constraints")
    assert proposals(i.proxy) == []


def test_a_constrained_ca_outside_beside_a_name_inside(start, home, pki, tmp_path):
    """A leaf for the origin's other names is of no use to who asked for this one: the operator is
    told what is wrong as plainly as in the case above."""
    i, _ = refuse_outside(start, home, pki, tmp_path, ["elsewhere.example", "www.corp.example"])
    assert i.log.one(event="close")["end"] == "leaf_failed"
    i.proxy.wait_error(r"no leaf for elsewhere\.example: .*name constraints")
