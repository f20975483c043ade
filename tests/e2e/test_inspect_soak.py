# SPDX-License-Identifier: MIT
"""Five thousand inspected hosts, many more than there is room for leaves, leave nothing behind:
neither under sanitizers nor by valgrind's measure of the heap."""
import glob
import os
import re
import shutil
import signal
import time

import pytest

from lib import proxy as proxy_lib
from lib.client import wait_until
from lib.config import ROOT
from lib.http_steps import OPEN
from lib.inspected_crowd import (
    Crowd, CrowdOrigin, count, mood_of, name_of, resets_after_answer)
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    ca, inspecting, issue, site)
from lib.metrics import scrape

HOSTS = range(5000)
LEAVES = 100  # the least that can be configured
SANITIZED = os.environ.get("SALLYPORT_ASAN_BIN", os.path.join(ROOT, "build-asan", "sallyport"))
pytestmark = pytest.mark.soak


def is_sanitized(binary):
    with open(binary, "rb") as f:
        return b"__asan_init" in f.read()


@pytest.fixture
def crowd_of(inspecting, tmp_path, pki, closing, monkeypatch):  # noqa: F811
    """crowd_of(hosts, binary, *tool): (Crowd, Inspecting) around that binary, run by that tool.
    Wherever it fails, what the tool wrote stays in tmp_path."""
    def start(hosts, binary, *tool, workers=2):
        near = closing(CrowdOrigin(tmp_path))
        trust = tmp_path / "trust.pem"
        with open(trust, "wb") as out:
            for path in (near.trust, pki / "ca.pem"):
                with open(path, "rb") as f:
                    out.write(f.read())
        if tool:
            wrapper = tmp_path / "wrapped"
            wrapper.write_text("#!/bin/sh\nexec " + " ".join([*tool, binary]) + ' "$@"\n')
            wrapper.chmod(0o755)
        monkeypatch.setattr(proxy_lib, "BINARY", str(wrapper) if tool else binary)
        expired = issue(pki, tmp_path, "expired", ["*.expired.test"], days=-0.5)
        i = inspecting(inspection={"leaves": LEAVES, "trust": str(trust),
                                   "never": ["webex-uninspectable", "exempt"]},
                       names=[name_of(n) for n in hosts], workers=workers,
                       destinations={**OPEN["destinations"],
                                     "exempt": {"domains": ["*.exempt.test"]}},
                       rules=[{**OPEN["rules"][0], "to": ["any", "exempt"]}])
        return Crowd(i, near, i.origin(certificate=expired)), i
    return start


def the_signer(i):
    found = []
    for task in os.listdir(f"/proc/{i.proxy.pid}/task"):
        with open(f"/proc/{i.proxy.pid}/task/{task}/children", encoding="ascii") as f:
            found += map(int, f.read().split())
    assert len(found) == 1, found
    return found[0]


def own_kib(pid):
    """What it has written to. What it shares with others counts for less while they are there."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return int(re.search(r"^Private_Dirty:\s+(\d+) kB", f.read(), re.M).group(1))


def rest(i, seconds=120):
    """The metrics once every connection has ended, which they must."""
    wait_until(lambda: scrape(i.proxy).value("sallyport_connections_open") == 0, seconds,
               "the end of all connections")
    return scrape(i.proxy)


def check_figures(i, hosts, rounds):
    """What the counters and the log say of that many visits to each of the hosts."""
    page = scrape(i.proxy)
    expired, resets = count(hosts, "expired"), count(hosts, "reset")
    late = sum(mood_of(n) == "reset" and resets_after_answer(n) for n in hosts)
    whole = count(hosts, "plain", "records", "segments")
    forged = page.value("sallyport_leaf_certificates_total", result="forged")
    assert rounds * whole <= forged <= rounds * (whole + expired + late)
    assert page.value("sallyport_leaf_certificates_total", result="failed") == 0
    assert page.value("sallyport_leaf_certificates_kept") <= LEAVES
    assert page.value("sallyport_leaf_certificates_evicted_total") >= forged - LEAVES - expired
    assert page.value("sallyport_signer_restarts_total") == 0
    assert page.value("sallyport_tls_total", decision="exempt") == rounds * count(hosts, "exempt")
    done = rounds * (whole + expired)
    assert page.value("sallyport_tls_handshakes_total", side="client", result="ok") == done
    assert page.value("sallyport_log_lines_dropped_total") == 0
    check_log(i, {("close", "leaf_refused"): late, ("request", "client_reset"): resets - late,
                  ("request", "origin_certificate"): expired, ("request", "done"): whole},
              rounds, len(hosts) - (resets - late))


def check_log(i, ends, rounds, tunnels):
    """So many lines of each end, and a close line for each open line."""
    i.log.wait(rounds * tunnels, 20, event="close")
    starts, closes = i.log.records(event="open"), i.log.records(event="close")
    assert len(starts) == len(closes) == rounds * tunnels
    assert {r["id"] for r in starts} == {r["id"] for r in closes}
    for (event, end), number in ends.items():
        assert number > 0
        assert len(i.log.records(event=event, end=end)) == rounds * number, (event, end)


# Three times the same hosts

# What is freed would be kept for a while, to catch a late use of it; and its pages for ever.
FRUGAL = "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:" \
         "allocator_release_to_os_interval_ms=500"


@pytest.mark.parametrize("binary", ["sanitized", "plain"])
def test_5000_hosts_three_times(crowd_of, monkeypatch, record_property, binary):
    path = {"sanitized": SANITIZED, "plain": proxy_lib.BINARY}[binary]
    assert is_sanitized(path) == (binary == "sanitized"), f"{path} is no {binary} build"
    monkeypatch.setenv("ASAN_OPTIONS", ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"),
                                                              FRUGAL])))
    crowd, i = crowd_of(HOSTS, path)
    signer, fds = the_signer(i), rest(i).value("sallyport_fds_open")
    proxy_kib, signer_kib = [], []
    for number in range(3):
        began = time.monotonic()
        crowd.visit(HOSTS, 8)
        page = rest(i)
        time.sleep(2)
        proxy_kib.append(own_kib(i.proxy.pid))
        signer_kib.append(own_kib(signer))
        print(f"round {number + 1}: {time.monotonic() - began:.0f} s, proxy {proxy_kib[-1]} KiB, "
              f"signer {signer_kib[-1]} KiB, descriptors {page.value('sallyport_fds_open')}"
              f" ({fds} at the start)")
        # The pools of a worker may keep some pipes, of two descriptors each.
        assert page.value("sallyport_fds_open") <= fds + 8
    record_property("proxy_kib", proxy_kib)
    record_property("signer_kib", signer_kib)
    check_figures(i, HOSTS, 3)
    assert the_signer(i) == signer
    # A sanitizer's allocator goes on to spread what lives over more pages for a while.
    most = {"sanitized": 1.08, "plain": 1.05}[binary]
    assert max(proxy_kib[1:]) <= proxy_kib[0] * most, proxy_kib
    assert max(signer_kib[1:]) <= signer_kib[0] * most + 100, signer_kib
    i.proxy.stop(120)  # a leak is told now


# Under valgrind

def massif_figures(path):
    """[(milliseconds, bytes)] of each snapshot: the blocks with what the allocator adds to them."""
    with open(path, encoding="ascii") as f:
        text = f.read()
    return [(int(at), int(heap) + int(extra)) for at, heap, extra in re.findall(
        r"^time=(\d+)\nmem_heap_B=(\d+)\nmem_heap_extra_B=(\d+)$", text, re.M)]


def split(figures, marks):
    """The bytes of the snapshots between each two marks, in seconds."""
    parts = [[size for at, size in figures if first * 1000 <= at < last * 1000]
             for first, last in zip(marks, marks[1:])]
    assert all(len(part) >= 10 for part in parts), [len(part) for part in parts]
    return parts


def test_5000_hosts_under_massif(crowd_of, tmp_path, record_property):
    assert shutil.which("valgrind"), "valgrind is not there"
    binary = proxy_lib.BINARY
    assert not is_sanitized(binary), f"{binary}: valgrind runs no sanitizer build"
    began = time.monotonic()
    crowd, i = crowd_of(HOSTS, binary, "valgrind", "-q", "--tool=massif", "--time-unit=ms",
                        "--max-snapshots=1000", "--detailed-freq=1000000", "--trace-children=yes",
                        f"--massif-out-file={tmp_path}/massif.%p")
    signer, step = the_signer(i), len(HOSTS) // 5
    marks = [0]
    for at in range(0, len(HOSTS), step):
        crowd.visit(HOSTS[at:at + step], 4)
        rest(i)
        time.sleep(1)
        rest(i)
        marks.append(time.monotonic() - began)
    check_figures(i, HOSTS, 1)
    assert the_signer(i) == signer
    i.proxy.stop(120)
    for who, pid in (("proxy", i.proxy.pid), ("signer", signer)):
        figures = massif_figures(tmp_path / f"massif.{pid}")
        parts = split(figures, marks)
        peaks = [max(part) for part in parts]
        print(f"{who}: peaks by thousand {peaks}, at the end of each {[p[-1] for p in parts]}")
        record_property(f"{who}_peaks", peaks)
        assert max(peaks[1:]) <= peaks[0] * 1.05, (who, peaks)
    print(f"{marks[-1]:.0f} s")


def check_memcheck(folder, least):
    """No error and no leak in any of the reports; those of killed processes have no end."""
    paths = glob.glob(f"{folder}/memcheck.*")
    whole = 0
    for path in paths:
        with open(path, encoding="utf-8", errors="replace") as f:
            text = f.read()
        summary = re.search(r"ERROR SUMMARY: (\d+) errors", text)
        whole += summary is not None
        assert "Invalid " not in text and "uninitialised" not in text, text
        assert summary is None or summary.group(1) == "0", text
        assert not re.search(r"(definitely|indirectly) lost: [1-9]", text), text
    assert whole >= least, paths


def test_a_whole_life_under_memcheck(crowd_of, tmp_path):
    """Hosts of all kinds, then a reload, a signer that is killed, and the same again."""
    assert shutil.which("valgrind"), "valgrind is not there"
    binary = proxy_lib.BINARY
    assert not is_sanitized(binary), f"{binary}: valgrind runs no sanitizer build"
    hosts = range(0, 300, 10)
    crowd, i = crowd_of(range(300), binary, "valgrind", "--leak-check=full", "--trace-children=yes",
                        "--show-leak-kinds=definite,indirect", f"--log-file={tmp_path}/memcheck.%p")
    more = [n + 1 for n in hosts]
    crowd.visit([*hosts, *more], 2)
    i.proxy.reload()
    wait_until(lambda: scrape(i.proxy).value("sallyport_config_generation") == 2, 60)
    crowd.visit([*hosts, *more], 2)
    os.kill(the_signer(i), signal.SIGKILL)
    crowd.visit([n + 2 for n in hosts], 2)
    page = rest(i)
    assert page.value("sallyport_signer_restarts_total") == 1
    assert page.value("sallyport_leaf_certificates_evicted_total") == 0
    assert {r["status"] for r in i.log.records(event="request")} == {200, 502}
    the_signer(i)
    i.proxy.stop(120)
    check_memcheck(tmp_path, least=2)
