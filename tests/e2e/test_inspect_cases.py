# SPDX-License-Identifier: MIT
"""The exchanges of tests/data/http/wire-*.case inside inspected TLS, byte for byte: what becomes
of a request and its answer is the same as over plain HTTP.

Their targets are told in origin-form, as to an origin. Cases about other forms of targets, and
about what a proxy alone is asked, stay with plain HTTP.
"""
import re
import ssl

import pytest

from lib.config import config, write_hosts
from lib.http_cases import PSEUDONYM, Run, read_all
from lib.http_steps import OPEN
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    Inside, TlsOrigin, ca, section, site, trusting)
from lib.client import Client, wait_until
from lib.proxy import Proxy

PLAIN = re.compile(rb"^([A-Za-z0-9.]+ +)http://origin\.test(/[^ ]*)( |\r)", re.M)
OTHER = re.compile(rb"^[A-Za-z(.0-9]+ +(?!/)\S+ HTTP/|^CONNECT ", re.M)


def inside_form(text):
    return PLAIN.sub(rb"\1\2\3", text)


def is_for_origins(case):
    """Where each request of the client has a target that can be told in origin-form."""
    texts = [inside_form(step.text) for step in case.steps if step.words == "client"]
    return all(not OTHER.search(text) and b"http://origin.test" not in text.replace(
        b"Referer: http://origin.test/", b"") for text in texts)


CASES = [case for case in read_all() if is_for_origins(case)]
SOURCES = (f"127.3.{n // 250}.{n % 250 + 1}" for n in range(50000))


class QuietOrigin(TlsOrigin):
    """The connection is there before there is a request; one with a request waits."""

    def is_waiting(self, seconds=0.0):
        return self.has_request(max(seconds, 0.01))


class InsideRun(Run):
    """A case whose client has done TLS in a tunnel to the origin."""

    def __init__(self, case, proxy, source, certificate, trust):
        super().__init__(case, proxy, source)
        self.origin.close()
        self.origin = QuietOrigin(certificate)
        self._things[0] = self.origin
        self._trust = trust

    def _open_client(self):
        tunnel = Client(self.proxy.address, source=(self.source, 0))
        self._things.append(tunnel)
        assert tunnel.connect(f"origin.test:{self.origin.port}").status == 200
        self.client = Inside(tunnel, trusting(self._trust), "origin.test")

    def _fill(self, text):
        return super()._fill(inside_form(text))

    @staticmethod
    def _end(peer, may_reset):
        """A FIN alone, without close_notify, may be the work of somebody between."""
        try:
            Run._end(peer, may_reset)
        except ssl.SSLEOFError:
            assert may_reset, "no close_notify"

    def _at_most(self, peer, most):
        try:
            super()._at_most(peer, most)
        except ssl.SSLEOFError:  # what came before is kept
            got, peer._ahead = peer._ahead, b""  # pylint: disable=protected-access
            assert most.startswith(got), f"got {got!r}"

    def _records(self):
        """What was asked inside; the tunnels themselves have lines of their own."""
        return [record for record in self.proxy.log.records(client=self.source)
                if record.get("method") != "CONNECT"]

    def _log(self, status, words):
        words = ["tls=inspect" if word == "tls=none" else word for word in words]
        found = wait_until(lambda: self._records()[self.logged:],
                           what=f"a log line of {self.source}")
        record = found[0]
        self.logged += 1
        assert record.get("status") == (None if status == "-" else int(status)), record
        for word in words:
            key, _, value = word.partition("=")
            value = value.replace("{SENT}", str(self.sent)).replace("{GOT}", str(self.got))
            assert str(record.get(key)) == value, (word, value, record)
        self.sent = self.got = 0


@pytest.fixture(scope="module")
def shared(tmp_path_factory, ca, pki):
    """One proxy for all cases; each has an origin and a client address of its own."""
    folder = tmp_path_factory.mktemp("inside")
    write_hosts(folder, {"origin.test": "127.0.0.1"})
    proxy = Proxy(folder, config(**{**OPEN, "headers": {"via": PSEUDONYM},
                                    "inspection": section(ca, pki)}))
    yield proxy
    proxy.stop()


def test_most_cases_are_for_origins():
    assert len(CASES) > 60


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_exchange(shared, case, site, ca):
    InsideRun(case, shared, next(SOURCES), site, f"{ca}/ca.pem").go()
