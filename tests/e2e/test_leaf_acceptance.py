# SPDX-License-Identifier: MIT
"""`sallyport signer`: its leaves are taken by those who verify certificates, and nothing that
it is told makes it crash, sign what it must not, or show its key."""
import os
import random
import signal
import ssl
import subprocess
import time

import pytest

from lib import leaves
from lib.client import wait_until
from lib.leaves import CLIENTS, openssl
from lib.proxy import BINARY
from lib.signer import (FAULT, LEAF, ORDER, READY, REFUSED, SETUP, Signer, message, order,
                        setup_message)

NAME = "www.corp.example"
DAY = 86400


class Place:
    """A folder with a CA and the key of leaves."""
    def __init__(self, folder, *words, leaf="ec"):
        self.folder = folder
        done = subprocess.run([BINARY, "ca", "init", *words, str(folder / "ca")],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        self.ca, self.key = folder / "ca" / "ca.pem", folder / "ca" / "ca.key"
        self.leaf_key = folder / "leaf.key"
        kind = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if leaf == "rsa" else \
            ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        assert openssl("genpkey", "-algorithm", *kind, "-out", self.leaf_key)[0]
        self.public = subprocess.run(
            ["openssl", "pkey", "-in", self.leaf_key, "-pubout", "-outform", "DER"],
            capture_output=True, check=True, timeout=60).stdout

    def setup(self, **changes):
        parts = {"certificate": self.ca.read_bytes(), "key": os.fsencode(self.key),
                 "leaf_key": self.public, **changes}
        return setup_message(**parts)

    def write(self, stem, der):
        """STEM.pem and STEM.key, as the clients of lib/leaves.py want them."""
        path = self.folder / f"{stem}.pem"
        path.write_text(ssl.DER_cert_to_PEM_cert(der))
        (self.folder / f"{stem}.key").write_bytes(self.leaf_key.read_bytes())
        return str(path)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def signer(place, closing):
    one = closing(Signer(place.setup()))
    assert one.receive() == (READY, 0, b"")
    return one


def text_of(leaf):
    return openssl("x509", "-in", leaf, "-noout", "-text")[1]


def make(place, signer, *names, stem="leaf", **dates):
    kind, der = signer.ask(order(*names, **dates))
    assert kind == LEAF, der
    return place.write(stem, der)


# Who takes the leaves

@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("ca,leaf", [("--ec", "ec"), ("--rsa", "ec"), ("--rsa", "rsa")])
def test_clients_take_it(tmp_path, closing, client, ca, leaf):
    place = Place(tmp_path, ca, leaf=leaf)
    signer = closing(Signer(place.setup()))
    assert signer.receive()[0] == READY
    names = ["127.0.0.1"] if client == "wget" else [NAME]
    path = make(place, signer, *names, stem=names[0])
    is_fine, said = leaves.verify(path, place.ca)
    assert is_fine, said
    is_taken, said = CLIENTS[client](path, names[0], str(place.ca), tmp_path)
    assert is_taken, said


@pytest.mark.parametrize("client", ["curl", "python", "node", "java"])
@pytest.mark.parametrize("names", [
    ["*.corp.example", "corp.example"],
    ["f" * 50 + ".example.com", "h" * 63 + "." + NAME, NAME],
    ["h" * 63 + ".example.com", NAME],
    [*[f"host-{i}.corp.example" for i in range(99)], NAME],
    ["10.1.2.3", "2001:db8::1", NAME],
], ids=["wildcard", "two long", "no subject", "100 names", "addresses too"])
def test_clients_take_names_of_all_kinds(place, signer, client, names):
    path = make(place, signer, *names, stem=NAME)
    is_fine, said = leaves.verify(path, place.ca)
    assert is_fine, said
    is_taken, said = CLIENTS[client](path, NAME, str(place.ca), place.folder)
    assert is_taken, said


def test_clients_refuse_it_for_another_name(place, signer):
    path = make(place, signer, "elsewhere.example", stem=NAME)
    for name in ("curl", "python", "node"):
        assert not CLIENTS[name](path, NAME, str(place.ca), place.folder)[0]


@pytest.mark.parametrize("names", [["127.0.0.1"], ["::1"], ["a_b.corp.example"],
                                   ["xn--bcher-kva.corp.example"],
                                   [f"host-{i}.corp.example" for i in range(1000)]])
def test_strict_verification(place, signer, names):
    path = make(place, signer, *names, seconds=90 * DAY - 1)
    is_fine, said = leaves.verify(path, place.ca)
    assert is_fine, said
    text = text_of(path)
    assert ("Subject Alternative Name: critical" in text) == (names[0] in ("127.0.0.1", "::1"))
    assert text.count("DNS:") + text.count("IP Address:") == len(names)


def test_a_constrained_ca(tmp_path, closing):
    place = Place(tmp_path, "--permit", "corp.example")
    signer = closing(Signer(place.setup()))
    assert signer.receive()[0] == READY
    path = make(place, signer, "elsewhere.example", NAME, "127.0.0.1", stem=NAME)
    text = text_of(path)
    assert f"DNS:{NAME}\n" in text and "elsewhere" not in text and "IP Address" not in text
    assert leaves.verify(path, place.ca)[0]
    for client in ("curl", "python", "node", "java"):
        is_taken, said = CLIENTS[client](path, NAME, str(place.ca), tmp_path)
        assert is_taken, said
    assert signer.ask(order("elsewhere.example")) == \
        (REFUSED, "the CA's name constraints forbid every name of the order")


def test_no_two_serials_are_equal(place, signer):
    serials = set()
    for _ in range(200):
        path = make(place, signer, NAME)
        serials.add(ssl._ssl._test_decode_cert(path)["serialNumber"])
    assert len(serials) == 200 and {len(s) for s in serials} == {32}


# What it refuses

@pytest.mark.parametrize("body,fault", [
    (b"", "malformed"), (b"x" * 40, "malformed"), (order(), "malformed"),
    (order("a..b"), "malformed"), (order("UPPER.example"), "malformed"),
    (order("*.com"), "malformed"), (order("a\0b.example"), "malformed"),
    (order("10.1.2.3."), "malformed"), (order(NAME)[:-1], "malformed"),
    (order(NAME, seconds=90 * DAY), "malformed"), (order(NAME, seconds=0), "malformed"),
    (order(*["a.b"] * 1001), "malformed"), (order(NAME) + b"y" * 40000, "malformed"),
    (order(NAME, start=30 * DAY), "not of today"), (order(NAME, start=-30 * DAY), "not of today"),
    (order(NAME, start=-7200, seconds=3600), "expired"),
], ids=map(str, range(16)))
def test_orders_that_are_refused(signer, body, fault):
    kind, said = signer.ask(body)
    assert kind == REFUSED and fault in said
    assert signer.ask(order(NAME))[0] == LEAF


@pytest.mark.parametrize("data", [
    b"x", b"\0" * 9, b"\xff" * 9, message(READY), message(FAULT, 0, b"no"), message(LEAF, 1, b"0"),
    message(REFUSED, 1), message(SETUP), message(READY, 1), message(ORDER, 1, b"x" * 131072),
    setup_message(b"", b"/etc/passwd", b""),
], ids=map(str, range(11)))
def test_what_is_no_order_ends_it(place, data):
    signer = Signer(place.setup())
    assert signer.receive()[0] == READY
    signer.send(data)
    assert signer.receive() is None
    assert signer.end() == (1, "")


def test_any_bytes(place):
    """Mutated messages, as many as fit into a few seconds."""
    luck, end = random.Random(5), time.monotonic() + 5
    seeds = [message(ORDER, 1, order(NAME, "127.0.0.1", "*.corp.example")),
             message(ORDER, 2, order(*[f"h{i}.example" for i in range(99)]))]
    signer = None
    answers = {LEAF: 0, REFUSED: 0, None: 0}
    while time.monotonic() < end:
        if signer is None:
            signer = Signer(place.setup())
            assert signer.receive()[0] == READY
        data = bytearray(luck.choice(seeds))
        for _ in range(luck.randint(0, 4)):
            data[luck.randrange(len(data))] = luck.randrange(256)
        if luck.random() < .3:
            del data[luck.randrange(9, len(data)):]
        signer.send(bytes(data))
        answer = signer.receive()
        answers[answer and answer[0]] += 1
        if answer is None:
            assert signer.end() == (1, "")
            signer = None
    if signer is not None:
        assert signer.end() == (0, "")
    assert all(answers.values()), answers


# What it begins with

@pytest.mark.parametrize("changes,fault", [
    ({"certificate": b""}, "the CA's certificate: holds no certificate in PEM form"),
    ({"key": b"/nonexistent/ca.key"}, "/nonexistent/ca.key: No such file or directory"),
    ({"key": b"/dev/zero"}, "/dev/zero: is not a regular file"),
    ({"key": b"/"}, "/: is not a regular file"),
    ({"key": b""}, "the place of the CA's key is no path"),
    ({"key": b"/a\0b"}, "the place of the CA's key is no path"),
    ({"leaf_key": b""}, "the public key of leaves cannot be read"),
    ({"leaf_key": b"\x30\x59"}, "the public key of leaves cannot be read"),
])
def test_a_bad_beginning(place, changes, fault):
    check_fault(place.setup(**changes), fault)


def check_fault(first, fault):
    signer = Signer(first)
    kind, number, said = signer.receive()
    assert (kind, number) == (FAULT, 0) and said.decode().startswith(fault), said
    assert signer.receive() is None
    assert signer.end() == (1, "")
    return said.decode()


def test_keys_that_do_not_do(place, tmp_path):
    other, text, big = (tmp_path / n for n in ("other.key", "text.key", "big.key"))
    other.write_bytes(place.leaf_key.read_bytes())
    text.write_text("no key\n")
    big.write_bytes(place.key.read_bytes() + b"\n" * (1 << 20))
    check_fault(place.setup(key=os.fsencode(other)),
                f"{other}: this is not the key of the CA's certificate")
    check_fault(place.setup(key=os.fsencode(text)), f"{text}: holds no private key in PEM form")
    check_fault(place.setup(key=os.fsencode(big)), f"{big}: is too large")
    said = check_fault(place.setup(key=b"pkcs11:object=ca?pin-value=4711"), "pkcs11:...: ")
    assert "4711" not in said


def test_a_certificate_that_is_no_ca(place, tmp_path):
    leaf = leaves.issue(tmp_path, "plain", place.ca, place.key, f"DNS:{NAME}")
    with open(leaf, "rb") as f:
        check_fault(place.setup(certificate=f.read()), "the CA's certificate: it is no CA")


def test_a_beginning_that_is_none():
    for first in (message(ORDER, 1, order(NAME)), b"x", message(READY)):
        check_fault(first, "the signer was not told what to sign with")


def test_the_first_certificate_signs(place, tmp_path, closing):
    (tmp_path / "second").mkdir()
    second = Place(tmp_path / "second")
    both = place.ca.read_bytes() + second.ca.read_bytes()
    signer = closing(Signer(place.setup(certificate=both)))
    assert signer.receive()[0] == READY
    assert leaves.verify(make(place, signer, NAME), place.ca)[0]
    check_fault(second.setup(certificate=both), f"{second.key}: this is not the key")


def test_a_relative_path_is_of_the_folder_it_is_started_in(place, closing):
    signer = closing(Signer(place.setup(key=b"ca/ca.key"), folder=place.folder))
    assert signer.receive()[0] == READY
    assert signer.ask(order(NAME))[0] == LEAF


# What it is

def status_of(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(next(line.split()[1] for line in f if line.startswith(field + ":")))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees into a process like this")
def test_it_holds_nothing_else(signer):
    pid = signer.process.pid
    there = {int(n): os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")}
    assert there.pop(3).startswith("socket:") and there.pop(2).startswith("pipe:")
    assert there == {0: "/dev/null", 1: "/dev/null"}
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert status_of(pid, "Threads") == 1


def test_nobody_reads_its_memory(signer):
    pid = signer.process.pid
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        cores = next(line for line in f if line.startswith("Max core file size"))
    assert cores.split()[4:6] == ["0", "0"]


def test_it_cannot_be_traced():
    """The files in /proc of a process that cannot be dumped belong to root, whoever it is."""
    is_root = os.geteuid() == 0
    try:
        signer = Signer(**({"user": 65534, "extra_groups": []} if is_root else {}))
    except PermissionError:
        pytest.skip("the program lies where nobody else can run it")
    wait_until(lambda: os.stat(f"/proc/{signer.process.pid}/mem").st_uid == 0)
    assert status_of(signer.process.pid, "Uid") == (65534 if is_root else os.geteuid())
    assert signer.end()[0] == 1


def test_signals_of_the_group_are_not_for_it(signer):
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE):
        signer.process.send_signal(number)
    for _ in range(20):
        assert signer.ask(order(NAME))[0] == LEAF
    signer.process.terminate()
    assert signer.process.wait(10) == -signal.SIGTERM


def test_many_orders_at_once(signer):
    for number in range(100):
        signer.send(message(ORDER, number, order(f"h{number}.example")))
        if number >= 5:
            assert signer.receive()[:2] == (LEAF, number - 5)
    for number in range(95, 100):
        assert signer.receive()[:2] == (LEAF, number)


def test_a_proxy_that_goes_without_its_answers(place):
    signer = Signer(place.setup())
    for number in range(20):
        signer.send(message(ORDER, number, order(f"h{number}.example")))
    assert signer.receive()[0] == READY
    assert signer.end() == (0, "")


def test_by_hand():
    for words in ([], ["--help"], ["more"]):
        done = subprocess.run([BINARY, "signer", *words], capture_output=True, text=True,
                              timeout=30)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "sallyport: signer is started by 'serve', not by people\n"
    done = subprocess.run([BINARY, "signr"], capture_output=True, text=True, timeout=30)
    assert "did you mean" not in done.stderr
    assert "signer" not in subprocess.run([BINARY, "--help"], capture_output=True, text=True,
                                          timeout=30).stdout
