# SPDX-License-Identifier: MIT
"""The CA's key is in a token, and never leaves it."""
import os
import signal
import ssl

import pytest

from lib.client import wait_until
from lib.config import config, write_hosts
from lib.http_steps import response
from lib.http_wire import read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    ca, inspecting, issue, request, section, site)
from lib.metrics import get, scrape
from lib.proxy import run
from lib.soft_token import MODULE, PIN, PROVIDER, Token
from test_inspect_signer import children, fetch as fetch_from, forms_of, holds, the_signer

pytestmark = pytest.mark.skipif(not os.path.exists(PROVIDER),
                                reason="the binary was built without the tests' provider")
HOST = "api.test"
PAGES = ["/metrics", "/healthz", "/api/proposed-exemptions"]
NO_KEY = "the token gives no private key for this URI"


def make_ca(folder, name, *words):
    done = run("ca", "init", "--name", name, *words, str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(name="token")
def fixture_token(tmp_path):
    return Token(tmp_path / "token")


@pytest.fixture(name="own")
def fixture_own(tmp_path, token):
    """A CA whose key is the object `ca` of the token, and no file any more."""
    folder = make_ca(tmp_path / "own", "Own CA")
    os.rename(folder / "ca.key", tmp_path / "saved.key")
    token.put(tmp_path / "saved.key", "ca")
    return folder


@pytest.fixture(name="start")
def fixture_start(inspecting, own, token):  # pylint: disable=redefined-outer-name
    def start(uri=token.uri("ca"), authority=own, **sections):
        return inspecting(authority=authority, inspection={"ca_key": uri},
                          environment=token.environment, **sections)
    return start


def run_with(token, *words):
    done = run(*map(str, words), env={**os.environ, **token.environment})
    assert PIN not in done.stdout + done.stderr
    return done


def write_config(folder, own, pki, uri):
    """A configuration's path, and the line in which the key stands."""
    folder.mkdir()
    write_hosts(folder, {})
    path = folder / "sallyport.conf"
    text = config(inspection=section(own, pki, ca_key=uri)).replace("ca_key =", "\nca_key =")
    path.write_text(text)
    path.chmod(0o600)
    return path, 1 + text[:text.index("ca_key =")].count("\n")


def with_key(i, uri):
    """The configuration that is in force, with another key."""
    with open(i.proxy.path, encoding="utf-8") as f:
        text = f.read()
    first, rest = text.split('ca_key = "')
    return first + f'ca_key = "{uri}"' + rest[rest.index('"') + 1:]


def has_module(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        return os.path.basename(MODULE) in f.read()


def generation(i):
    return scrape(i.proxy).value("sallyport_config_generation")


def restarts(i):
    return scrape(i.proxy).value("sallyport_signer_restarts_total")


def issuer(c):
    return c.certificate.issuer.rfc4514_string()


@pytest.fixture(name="fetch")
def fixture_fetch(tmp_path):
    """A request to an origin with a certificate of its own: a leaf must be made. For a leaf that
    is there already, fetch_from asks the same origin."""
    def fetch(i, host=HOST):
        there = i.origin(certificate=issue(i.pki, tmp_path, host, [host]))
        return *fetch_from(i, there, host), there
    return fetch


# Where all is well

@pytest.mark.parametrize("kind", ["--ec", "--rsa"])
def test_the_token_signs(start, fetch, token, tmp_path, pki, kind):
    folder = make_ca(tmp_path / "this", "Token CA", kind)
    token.take(folder / "ca.key", "this one", "02")
    uri = token.uri("this%20one")
    path, _ = write_config(tmp_path / "checked", folder, pki, uri)
    done = run_with(token, "check", "-c", path)
    assert (done.returncode, done.stderr) == (0, "")
    i = start(uri, folder)
    c, *_ = fetch(i)  # verified, strictly, with the CA alone
    assert "Token CA" in issuer(c)
    assert scrape(i.proxy).value("sallyport_leaf_certificates_total", result="forged") == 1
    c.close()
    assert i.log.one(event="request")["end"] == "done"
    assert i.log.one(event="open")["tls"] == "inspect"


def test_only_the_signer_talks_to_the_token(start, fetch, tmp_path):
    i = start()
    fetch(i)
    i.proxy.reload()
    i.proxy.wait_error("generation 2")
    fetch(i, "other.test")
    assert has_module(the_signer(i)) and not has_module(i.proxy.pid)
    # SoftHSM is a token in memory: the key itself is in the signer's at the most.
    assert not holds(i.proxy.pid, *forms_of(tmp_path / "saved.key"))


def test_the_pin_of_a_file(start, fetch, token, tmp_path, pki, own):
    (tmp_path / "pin").write_text(PIN + "\n")
    uri = f"pkcs11:token=corp;object=ca?pin-source=file:{tmp_path}/pin"
    path, _ = write_config(tmp_path / "checked", own, pki, uri)
    assert run_with(token, "check", "-c", path).returncode == 0
    i = start(uri)
    fetch(i)


def test_paths_that_are_relative(token, tmp_path, own, pki):
    """The configuration of OpenSSL and the token are found before the signer goes to /."""
    path, _ = write_config(tmp_path / "checked", own, pki, token.uri("ca"))
    done = run("check", "-c", str(path), cwd=tmp_path,
               env={**os.environ, "OPENSSL_CONF": "token/openssl.cnf",
                    "SOFTHSM2_CONF": "token/softhsm2.conf"})
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["--ec", "--rsa"])
def test_a_provider_that_stands_first(start, fetch, token, tmp_path, pki, own, kind):
    token.stand_first()
    done = run_with(token, "ca", "init", kind, tmp_path / "new")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "new" / "ca.key").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    path, _ = write_config(tmp_path / "checked", own, pki, token.uri("ca"))
    done = run_with(token, "check", "-c", path)
    assert (done.returncode, done.stderr) == (0, "")
    fetch(start())


# Secrets

def test_the_pin_is_nowhere(start, fetch, tmp_path):
    i = start()
    fetch(i)
    os.kill(the_signer(i), signal.SIGKILL)
    fetch(i, "other.test")
    before = len(i.proxy.errors())
    i.proxy.reload(with_key(i, f"pkcs11:token=corp;object=none?pin-value={PIN}"))
    i.proxy.wait_error("reload failed", after=before)
    for pid in (i.proxy.pid, the_signer(i)):
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", "rb") as f:
                assert PIN.encode() not in f.read(), (pid, name)
    told = [get(i.proxy, page) for page in PAGES]
    assert all(status == 200 for status, _, _ in told)
    i.proxy.stop()
    with open(i.log.path, encoding="utf-8") as f:
        told.append(f.read())
    told.append(i.proxy.errors())
    assert HOST in str(told) and "pkcs11" in str(told) and PIN not in str(told)
    for name in os.listdir(tmp_path):  # and nothing else was written
        if os.path.isfile(tmp_path / name) and not name.startswith("sallyport.conf"):
            with open(tmp_path / name, "rb") as f:
                assert PIN.encode() not in f.read(), name


def test_a_pin_that_others_can_read(token, tmp_path, own, pki):
    path, line = write_config(tmp_path / "checked", own, pki, token.uri("ca"))
    path.chmod(0o644)
    done = run_with(token, "check", "-c", path)
    assert done.returncode == 0
    assert done.stderr.startswith(f"sallyport: {path}:{line}: warning: {path} is a secret"), \
        done.stderr


# What check, a start and a reload refuse

FAULTS = {
    "pin": (Token.uri("ca", pin="1234567890"), f"{NO_KEY}: the token refuses the PIN"),
    "no pin": ("pkcs11:token=corp;object=ca", NO_KEY),
    "object": (Token.uri("none"), NO_KEY),
    "token": (Token.uri("ca", token="none"), f"{NO_KEY}: there is no such token"),
    "uri": ("pkcs11:nonsense", f"{NO_KEY}: the URI is malformed"),
    "other": (Token.uri("other"), "this is not the key of the CA's certificate"),
    "mute": (Token.uri("mute"), "the key makes no signature: the token does not sign"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_refused(start, fetch, token, tmp_path, own, pki, fault):
    uri, text = FAULTS[fault]
    if fault == "other":
        token.take(make_ca(tmp_path / "other", "Other CA") / "ca.key", "other", "02")
    if fault == "mute":
        token.make_mute("mute")
    path, line = write_config(tmp_path / "checked", own, pki, uri)
    done = run_with(token, "check", "-c", path)
    assert done.returncode == 1
    assert done.stderr == f"sallyport: {path}:{line}: ca_key: pkcs11:...: {text}\n"
    done = run_with(token, "serve", "-c", path)
    assert done.returncode == 1 and text in done.stderr, done.stderr
    assert f"{path}:{line}: pkcs11:...: {text}\n" in done.stderr
    i = start()
    fetch(i)
    i.proxy.reload(with_key(i, uri))
    i.proxy.wait_error("reload failed")
    assert text in i.proxy.errors()
    assert generation(i) == 1 and len(children(i.proxy.pid)) == 1
    fetch(i, "other.test")


def test_without_a_provider(token, tmp_path, own, pki):
    path, line = write_config(tmp_path / "checked", own, pki, token.uri("ca"))
    done = run("check", "-c", str(path))
    assert done.returncode == 1
    assert f"{path}:{line}: ca_key: pkcs11:...: no provider of OpenSSL for PKCS#11 is active" \
        in done.stderr


# Where something dies

def test_a_signer_that_is_killed_finds_its_token_again(start, fetch):
    i = start()
    fetch(i)
    first = the_signer(i)
    os.kill(first, signal.SIGKILL)
    c, *_ = fetch(i, "other.test")
    assert "Own CA" in issuer(c)
    assert the_signer(i) != first and has_module(the_signer(i))
    assert restarts(i) == 1


def test_a_token_that_was_away(start, fetch, token, tmp_path):
    """It knows nothing any more of what the signer holds of it; the client does not notice."""
    i = start()
    fetch(i)
    token.remove("ca")
    token.put(tmp_path / "saved.key", "ca")
    c, *_ = fetch(i, "other.test")
    assert "Own CA" in issuer(c)
    i.proxy.wait_error(r"warning: the signer \(\d+\) .*: pkcs11:\.\.\.: the key makes no "
                       "signature: the token does not sign; it is started again")
    assert restarts(i) == 1


def test_a_token_that_does_not_sign_any_more(start, fetch, token, tmp_path):
    i = start(limits={"header_timeout": "2s"})
    quiet, peer, there = fetch(i)
    token.remove("ca")
    with pytest.raises(ssl.SSLError, match="(?i)alert internal error"):
        fetch(i, "other.test")
    assert i.log.one(event="close", host="other.test")["end"] == "leaf_failed"
    i.proxy.wait_error("no leaf for other.test: ")
    i.proxy.wait_error(r"the signer \(\d+\) .*: the token does not sign; it is started again")
    i.proxy.wait_error(rf"the signer \(\d+\) .*: pkcs11:\.\.\.: {NO_KEY}; it is started again")
    fetch_from(i, there)  # needs no new leaf
    quiet.send(request(f"{HOST}:{there.port}", "/again"))
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(quiet).content == b"ok"
    token.put(tmp_path / "saved.key", "ca")
    i.proxy.wait_error(r"the signer \(\d+\) is ready")
    c, *_ = fetch(i, "origin.test")
    assert "Own CA" in issuer(c)


# Another key

def test_a_reload_to_another_key(start, fetch, token, tmp_path, own):
    i = start()
    fetch(i)
    folder = make_ca(tmp_path / "next", "Next CA")
    token.take(folder / "ca.key", "next", "02")
    text = with_key(i, token.uri("next")).replace(f"{own}/ca.pem", f"{folder}/ca.pem")
    i.proxy.reload(text)
    i.proxy.wait_error("generation 2")
    i.trust = folder / "ca.pem"
    c, *_ = fetch(i)
    assert "Next CA" in issuer(c)
    wait_until(lambda: len(children(i.proxy.pid)) == 1, what="the end of the old signer")


# The commands

def test_ca_show_tries_the_token(token, tmp_path, own):
    token.take(make_ca(tmp_path / "other", "Other CA") / "ca.key", "other", "02")
    token.make_mute("mute")
    for where in (own / "ca.pem", own):
        done = run_with(token, "ca", "show", "--key", token.uri("ca"), where)
        assert (done.returncode, done.stderr) == (0, "")
        assert "is there, and is the certificate's" in done.stdout
    for uri, text in FAULTS.values():
        done = run_with(token, "ca", "show", "--key", uri, own)
        assert (done.returncode, done.stderr) == (1, f"sallyport: pkcs11:...: {text}\n")
        assert "not there, or of another certificate" in done.stdout


def test_the_folder_without_its_key(token, own):
    """Nothing makes a key anew, or takes the CA for broken without a word of --key."""
    done = run_with(token, "ca", "show", own)
    assert done.returncode == 1
    assert f"{own}/ca.key: there is no such file; --key names it" in done.stderr
    before = sorted(os.listdir(own))
    done = run_with(token, "ca", "init", own)
    assert done.returncode == 1 and "nothing is overwritten" in done.stderr
    done = run_with(token, "ca", "rotate", own)
    assert done.returncode == 2 and "a CA whose key is elsewhere is changed by hand" in done.stderr
    assert sorted(os.listdir(own)) == before == ["ca-bundle.pem", "ca.pem"]
