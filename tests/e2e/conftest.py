# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests; README.md beside this file lists them."""
import os
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lib import client as client_lib  # noqa: E402
from lib import config as config_lib  # noqa: E402
from lib import dns as dns_lib  # noqa: E402
from lib import origin as origin_lib  # noqa: E402
from lib import proxy as proxy_lib  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="run the soak tests, and only those")


def pytest_configure(config):
    # A shell starts what is to run beside it with these ignored, nohup(1) does with SIGHUP, and so
    # would every program be that a test starts and interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(config, items):
    wants_soak = config.getoption("--soak")
    unwanted = [i for i in items if (i.get_closest_marker("soak") is not None) != wants_soak]
    config.hook.pytest_deselected(items=unwanted)
    items[:] = [i for i in items if i not in unwanted]


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    """The folder with a fresh authority and its leaves; ca.pem is the trust."""
    folder = tmp_path_factory.mktemp("pki")
    subprocess.run(["sh", os.path.join(config_lib.ROOT, "tools", "gen-pki"), str(folder)],
                   check=True, capture_output=True)
    return folder


@pytest.fixture
def closing():
    """Takes what has a close(), and closes it when the test ends."""
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in reversed(things):
        thing.close()


@pytest.fixture
def origin(closing, pki):
    """origin(behaviour, ...): a new Origin; certificate="bench" makes it TLS."""
    def start(behaviour=origin_lib.echo, **options):
        return closing(origin_lib.Origin(behaviour, pki=str(pki), **options))
    return start


@pytest.fixture
def dns(closing):
    """A scripted name server."""
    return closing(dns_lib.DnsServer())


@pytest.fixture
def hosts(tmp_path):
    """hosts({"bench.webex.com": "127.0.0.1"}): the names that dns.hosts gives."""
    config_lib.write_hosts(tmp_path, {})
    return lambda names: config_lib.write_hosts(tmp_path, names)


@pytest.fixture
def proxy(tmp_path, hosts):
    """proxy(ports=[...], rules=[...], ...): a running Proxy (see lib/config.py).

    Every one is stopped when the test ends; it must end with status 0 and no
    report of a sanitizer. proxy.from_text(text, ...) takes a configuration as it is.
    """
    started = []

    def start_text(text, **options):
        folder = tmp_path if not started else tmp_path / f"proxy{len(started)}"
        folder.mkdir(exist_ok=True)
        if folder != tmp_path:
            os.link(tmp_path / "hosts", folder / "hosts")
        started.append(proxy_lib.Proxy(folder, text, **options))
        return started[-1]

    def start(ports=(), environment=None, descriptors=None, stdout=subprocess.DEVNULL,
              **sections):
        merged = {**config_lib.DEFAULTS, **sections}
        return start_text(config_lib.config(ports, **sections), environment=environment,
                          descriptors=descriptors, stdout=stdout,
                          listeners=len(merged["listeners"]),
                          has_admin=merged["admin"] is not None)

    start.from_text = start_text
    yield start
    faults = []
    for one in started:
        try:
            one.stop()
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n".join(faults)


@pytest.fixture
def client(closing):
    """client(proxy): a raw connection to its first listener (or to an address)."""
    def start(target, **options):
        address = getattr(target, "address", target)
        return closing(client_lib.Client(address, **options))
    return start
