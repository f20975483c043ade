# SPDX-License-Identifier: MIT
"""The CA's key lives in a process of its own, which may die at any moment."""
import os
import re
import shutil
import signal
import ssl
import threading
import time

import pytest
from cryptography.hazmat.primitives import serialization

from lib.client import wait_until
from lib.config import config, write_hosts
from lib.http_steps import response
from lib.http_wire import read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    TlsOrigin, ca, inspecting, issue, request, section, site)
from lib.metrics import scrape
from lib.proxy import run

HOST = "api.test"


def children(pid):
    """The processes that it has started."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
            found += map(int, f.read().split())
    return found


def the_signer(i):
    found = children(i.proxy.pid)
    assert len(found) == 1, found
    return found[0]


def memory(pid):
    """What it has written to, block by block: heap, stacks, data."""
    with open(f"/proc/{pid}/smaps", encoding="ascii") as f:
        blocks = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) (.w..) .*\n(?:[A-Z].*\n)*?Rss: +(\d+) kB",
                            f.read(), re.M)
    assert len(blocks) > 10
    with open(f"/proc/{pid}/mem", "rb") as f:
        for first, last, _, resident in blocks:
            size = int(last, 16) - int(first, 16)
            if resident != "0" and size < 1 << 30:  # more is a sanitizer's shadow, without contents
                f.seek(int(first, 16))
                yield f.read(size)


def holds(pid, *needles):
    return any(needle in block for block in memory(pid) for needle in needles)


def forms_of(path):
    """The private scalar of a P-256 key as it lies in memory: big-endian as in files, and in
    OpenSSL's words, the lowest first."""
    with open(path, "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    scalar = key.private_numbers().private_value
    return scalar.to_bytes(32, "big"), scalar.to_bytes(32, "little")


def public_forms(path):
    with open(path, "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    numbers = key.public_key().public_numbers()
    return (numbers.x.to_bytes(32, "big"),)


def fetch(i, there, host=HOST):
    c = i.inside(host, there)
    c.send(request(f"{host}:{there.port}"))
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"
    return c, peer


@pytest.fixture
def own_ca(tmp_path):
    folder = tmp_path / "own"
    done = run("ca", "init", "--name", "Own CA", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


# Where the key is

def test_the_proxy_never_holds_the_key(inspecting, ca):
    i = inspecting()
    there = i.origin()
    fetch(i, there)
    signer = the_signer(i)
    key = forms_of(f"{ca}/ca.key")
    # The search finds what is there: the CA's public half in the proxy, the key in the signer.
    assert holds(i.proxy.pid, *public_forms(f"{ca}/ca.key"))
    assert holds(signer, *key)
    assert not holds(i.proxy.pid, *key), "the proxy has the CA's key in its memory"
    i.proxy.reload()
    i.proxy.wait_error(r"(?i)reload|in force|configuration")
    fetch(i, there, "other.test")
    assert not holds(i.proxy.pid, *key), "the proxy has the CA's key after a reload"


def test_the_signer_is_a_process_of_its_own(inspecting):
    i = inspecting()
    signer = the_signer(i)
    with open(f"/proc/{signer}/cmdline", "rb") as f:
        words = f.read().split(b"\0")
    assert b"signer" in words[1], words
    assert not any(b".key" in word or b".pem" in word for word in words)
    # It has a socket to its parent, and nothing that leads elsewhere.
    kinds = [os.readlink(f"/proc/{signer}/fd/{n}") for n in os.listdir(f"/proc/{signer}/fd")]
    assert sum(kind.startswith("socket:") for kind in kinds) == 1, kinds
    limits = open(f"/proc/{signer}/limits", encoding="ascii").read()
    assert "Max core file size        0 " in limits, "a core would hold the key"


def test_there_is_no_signer_without_inspection(proxy):
    assert children(proxy().pid) == []


def test_the_signer_ends_with_the_proxy(inspecting):
    i = inspecting()
    signer = the_signer(i)
    i.proxy.stop()
    wait_until(lambda: not os.path.exists(f"/proc/{signer}"), what="the end of the signer")


def test_the_signer_ends_with_a_proxy_that_is_killed(inspecting):
    i = inspecting()
    signer = the_signer(i)
    i.proxy.kill()
    wait_until(lambda: not os.path.exists(f"/proc/{signer}"), what="the end of the signer")


# Where it dies

def test_killed_in_the_middle_of_a_burst(inspecting, pki, tmp_path, closing):
    names = [f"n{n}.burst.test" for n in range(60)]
    certificates = [issue(pki, tmp_path, name, [name]) for name in names]
    i = inspecting(names=names)
    there = i.origin()
    quiet, peer = fetch(i, there)
    first = the_signer(i)
    results, started = {}, threading.Semaphore(0)

    def ask(name, certificate):
        origin = closing(TlsOrigin(certificate))
        started.release()
        try:
            c = i.inside(name, origin)
            c.send(request(f"{name}:{origin.port}"))
            end = origin.accept()
            read_message(end)
            end.send(response(b"ok"))
            results[name] = read_message(c).content
        except (OSError, AssertionError) as fault:
            results[name] = fault

    threads = [threading.Thread(target=ask, args=pair, daemon=True)
               for pair in zip(names, certificates)]
    for n, thread in enumerate(threads):
        thread.start()
        if n in (20, 40):
            started.acquire(timeout=5)
            for pid in children(i.proxy.pid):
                os.kill(pid, signal.SIGKILL)
    for thread in threads:
        thread.join(30)
    assert {name: results.get(name) for name in names} == {name: b"ok" for name in names}
    assert first not in children(i.proxy.pid)
    assert wait_until(lambda: len(children(i.proxy.pid)) == 1)
    # what needs no leaf has not noticed
    quiet.send(request(f"{HOST}:{there.port}", "/again"))
    assert read_message(peer).start_line == b"GET /again HTTP/1.1"
    peer.send(response(b"still"))
    assert read_message(quiet).content == b"still"


def test_known_hosts_need_no_signer(inspecting):
    i = inspecting()
    there = i.origin()
    fetch(i, there)
    os.kill(the_signer(i), signal.SIGSTOP)
    fetch(i, there)
    for pid in children(i.proxy.pid):
        os.kill(pid, signal.SIGCONT)


def test_the_dead_are_buried(inspecting, closing, pki, tmp_path):
    i = inspecting()
    for n in range(3):
        os.kill(the_signer(i), signal.SIGKILL)
        name = ["api.test", "other.test", "origin.test"][n]
        fetch(i, closing(TlsOrigin(issue(pki, tmp_path, f"{name}{n}", [name]))), name)
    wait_until(lambda: len(children(i.proxy.pid)) == 1, what="one signer and no zombie")


def test_while_the_key_is_gone(inspecting, own_ca, pki, tmp_path):
    """Nobody waits for what cannot come, and all is well when the key is back."""
    i = inspecting(authority=own_ca)
    there = i.origin()
    quiet, peer = fetch(i, there)
    os.rename(own_ca / "ca.key", own_ca / "away")
    os.kill(the_signer(i), signal.SIGKILL)
    other = i.origin(certificate=issue(pki, tmp_path, "other", ["other.test"]))
    for n in range(3):
        before = len(i.proxy.errors())
        began = time.monotonic()
        with pytest.raises(ssl.SSLError, match="(?i)alert internal error"):
            i.inside("other.test", other)
        assert time.monotonic() - began < (5 if n == 0 else 2)
        other.accept()  # it comes first
        i.proxy.wait_error(r"warning: no leaf for other\.test: the signer cannot begin: "
                           r".*/ca\.key: No such file", after=before)
    ends = [r["end"] for r in i.log.wait(3, event="close", host="other.test")]
    assert ends == 3 * ["leaf_failed"]
    assert scrape(i.proxy).value("sallyport_leaf_certificates_total", result="failed") == 3
    fetch(i, there)  # needs no new leaf
    quiet.send(request(f"{HOST}:{there.port}", "/again"))
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(quiet).content == b"ok"
    before = len(i.proxy.errors())
    os.rename(own_ca / "away", own_ca / "ca.key")
    i.proxy.wait_error(r"the signer \(\d+\) is ready", after=before)
    fetch(i, other, "other.test")


# Another CA

def copy_key(folder, name, text):
    path = folder / name
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(text)
    return path


def generation(i):
    return scrape(i.proxy).value("sallyport_config_generation")


def issuer(c):
    return c.certificate.issuer.rfc4514_string()


@pytest.mark.parametrize("fault", ["absent", "garbage", "of another CA"])
def test_a_broken_key_at_a_reload_keeps_the_old(inspecting, own_ca, ca, fault):
    i = inspecting(authority=own_ca)
    there = i.origin()
    fetch(i, there)
    shutil.copy(own_ca / "ca.key", own_ca / "saved")
    if fault == "absent":
        (own_ca / "ca.key").unlink()
    elif fault == "garbage":
        copy_key(own_ca, "ca.key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n")
    else:
        copy_key(own_ca, "ca.key", (ca / "ca.key").read_bytes())
    before = len(i.proxy.errors())
    i.proxy.reload()
    i.proxy.wait_error(r"ca\.key|ca_key", after=before)
    wait_until(lambda: scrape(i.proxy).value("sallyport_config_last_reload_ok") == 0)
    assert generation(i) == 1
    said = i.proxy.errors()[before:]
    assert "BEGIN" not in said and "AAAA" not in said
    fetch(i, there, "other.test")
    c, _ = fetch(i, there, "origin.test")
    assert "Own CA" in issuer(c)
    os.replace(own_ca / "saved", own_ca / "ca.key")
    i.proxy.reload()
    wait_until(lambda: generation(i) == 2)
    assert wait_until(lambda: len(children(i.proxy.pid)) == 1)
    fetch(i, there)


def test_a_change_of_the_ca_changes_the_issuer(inspecting, own_ca):
    i = inspecting(authority=own_ca)
    there = i.origin()
    old, peer = fetch(i, there)
    assert "Own CA" in issuer(old) and "G2" not in issuer(old)
    for step in ([], ["--commit"]):
        done = run("ca", "rotate", *step, str(own_ca))
        assert done.returncode == 0, done.stderr
    i.proxy.reload()
    wait_until(lambda: generation(i) == 2)
    i.trust = f"{own_ca}/ca-bundle.pem"
    new = i.inside(HOST, there)
    assert "Own CA G2" in issuer(new), issuer(new)
    # what is open goes on
    old.send(request(f"{HOST}:{there.port}", "/old"))
    assert read_message(peer).start_line == b"GET /old HTTP/1.1"
    peer.send(response(b"ok"))
    assert read_message(old).content == b"ok"


def test_a_signer_that_dies_between_the_change_and_the_reload(inspecting, own_ca, pki, tmp_path):
    """The old key is gone, and the new one is another CA's: the log says so, and a reload helps."""
    i = inspecting(authority=own_ca)
    for step in ([], ["--commit"]):
        assert run("ca", "rotate", *step, str(own_ca)).returncode == 0
    os.kill(the_signer(i), signal.SIGKILL)
    there = i.origin(certificate=issue(pki, tmp_path, "other", ["other.test"]))
    with pytest.raises(ssl.SSLError, match="(?i)alert internal error"):
        i.inside("other.test", there)
    there.accept()
    i.proxy.wait_error(r"no leaf for other\.test: the signer cannot begin: .*/ca\.key: "
                       "this is not the key of the CA's certificate")
    assert i.log.one(event="close")["end"] == "leaf_failed"
    i.proxy.reload()
    wait_until(lambda: generation(i) == 2)
    i.trust = f"{own_ca}/ca-bundle.pem"
    c, _ = fetch(i, there, "other.test")
    assert "Own CA G2" in issuer(c)


def test_inspection_switched_off_and_on(inspecting):
    i = inspecting()
    there = i.origin()
    fetch(i, there)
    text = open(i.proxy.path, encoding="utf-8").read()
    i.proxy.reload(text.replace("enabled = true", "enabled = false"))
    wait_until(lambda: generation(i) == 2)
    wait_until(lambda: children(i.proxy.pid) == [], what="the end of the signer")
    c = i.inside(HOST, there, trust=f"{i.pki}/ca.pem", strict=False)
    assert "Sallyport test CA" in issuer(c)
    i.proxy.reload(text)
    wait_until(lambda: generation(i) == 3)
    assert "Inspection CA" in issuer(i.inside(HOST, there))


def test_one_forging_for_many_that_ask_at_once(inspecting):
    i = inspecting()
    there = i.origin()
    serials = []

    def ask():
        serials.append(i.inside(HOST, there).certificate.serial_number)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(serials) == 20 and len(set(serials)) == 1
    assert scrape(i.proxy).value("sallyport_leaf_certificates_total", result="forged") == 1


def test_rsa_leaves_by_option(inspecting):
    i = inspecting(inspection={"leaf_key": "rsa"})
    there = i.origin()
    c, _ = fetch(i, there)
    assert c.certificate.public_key().key_size >= 2048
    assert hasattr(c.certificate.public_key().public_numbers(), "n")


def test_start_fails_without_the_key(own_ca, pki, tmp_path):
    (own_ca / "ca.key").unlink()
    folder = tmp_path / "fails"
    folder.mkdir()
    write_hosts(folder, {})
    path = folder / "sallyport.conf"
    path.write_text(config(inspection=section(own_ca, pki)))
    done = run("serve", "-c", str(path), timeout=20)
    assert done.returncode == 1 and "ca.key" in done.stderr, done.stderr
