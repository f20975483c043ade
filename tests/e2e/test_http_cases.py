# SPDX-License-Identifier: MIT
"""Every exchange of tests/data/http/*.case, with headers.strict off and on: it changes nothing."""
import pytest

from lib.config import config, write_hosts
from lib.http_cases import PSEUDONYM, Run, read_all
from lib.proxy import Proxy

CASES = read_all()
SOURCES = (f"127.{mode}.{n // 250}.{n % 250 + 1}" for mode in range(1, 3) for n in range(50000))


@pytest.fixture(scope="module", params=["plain", "strict"])
def shared(request, tmp_path_factory):
    """One proxy for all cases; each has an origin and a client address of its own."""
    folder = tmp_path_factory.mktemp(request.param)
    write_hosts(folder, {"origin.test": "127.0.0.1", "ORIGIN.test": "127.0.0.1"})
    proxy = Proxy(folder, config(
        destinations={"any": {"domains": ["*"]}},
        rules=[{"name": "any", "to": ["any"], "ports": ["1-65535"], "action": "allow"}],
        headers={"via": PSEUDONYM, "strict": request.param == "strict"}))
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_exchange(shared, case):
    Run(case, shared, next(SOURCES)).go()
