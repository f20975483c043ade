# SPDX-License-Identifier: MIT
"""Every name of tests/data/policy/exemptions.tsv as the host of a CONNECT, with a rule that says
"inspect": inside the globs the ClientHello arrives as it is, just outside of them it never does."""
import os

import pytest

from lib.client import Client
from lib.config import ROOT, config, write_hosts
from lib.http_steps import OPEN
from lib.http_wire import RecordingOrigin
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    alpn, ca, make_hello, section, server_name)
from lib.proxy import Proxy


def read_names():
    """(host, pattern or "-"); addresses are not dialled here, and a CONNECT is spelled in ASCII."""
    path = os.path.join(ROOT, "tests", "data", "policy", "exemptions.tsv")
    with open(path, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f
                if line.strip() and not line.startswith("#")]
    assert rows.pop(0)[:3] == ["host", "verdict", "pattern"]
    return [(row[0], row[2]) for row in rows
            if row[0].isascii() and row[0].rstrip(".").rpartition(".")[2][:1].isalpha()]


NAMES = read_names()


@pytest.fixture(scope="module")
def shared(tmp_path_factory, ca, pki):
    folder = tmp_path_factory.mktemp("names")
    write_hosts(folder, {host.lower().rstrip("."): "127.0.0.1" for host, _ in NAMES})
    rules = [{**OPEN["rules"][0], "tls": "inspect"}]
    proxy = Proxy(folder, config(**{**OPEN, "rules": rules}, inspection=section(ca, pki)))
    yield proxy
    proxy.stop()


def test_the_data_has_both_kinds():
    assert sum(pattern != "-" for _, pattern in NAMES) > 30
    assert sum(pattern == "-" for _, pattern in NAMES) > 30


SOURCES = (f"127.4.{n // 250}.{n % 250 + 1}" for n in range(50000))


@pytest.mark.parametrize("host, pattern", NAMES)
def test_name(shared, closing, host, pattern):
    there, source = closing(RecordingOrigin()), next(SOURCES)
    c = closing(Client(shared.address, source=(source, 0)))
    assert c.connect(f"{host}:{there.port}").status == 200
    hello = make_hello(server_name("www.webex.com") + alpn("h2", "http/1.1"))
    c.send(hello)
    peer = there.accept()
    came = peer.read(len(hello))
    if pattern == "-":
        assert came != hello and came[:1] == b"\x16", "the client's own hello was passed on"
        c.close()
        assert shared.log.one(event="open", client=source)["tls"] == "inspect"
        return
    assert came == hello
    peer.send(b"octets \0\xff")
    assert c.read(9) == b"octets \0\xff"
    record = shared.log.one(event="open", client=source)
    assert record["tls"] == "tunnel" and record["tls_reason"].startswith("never: ")
