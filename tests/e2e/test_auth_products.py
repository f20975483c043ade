# SPDX-License-Identifier: MIT
"""Each Webex product as a client that knows only the schemes of its row, and `check`'s proof."""
import itertools

import pytest

from lib.auth_wire import (Digest, Ntlm, basic, challenges, guard_everything, section,
                           write_accounts)
from lib.config import config
from lib.origin import echo
from lib.proxy import run

# What each can do, by the vendor's table of proxy authentication.
PRODUCTS = {
    "Webex for Mac": "basic ntlm",
    "Webex for Windows": "basic ntlm",
    "Webex for iOS": "basic digest ntlm",
    "Webex for Android": "basic digest ntlm",
    "Webex web app": "basic digest ntlm negotiate",
    "Cisco video devices": "basic digest",
    "Webex Video Mesh Node": "basic digest ntlm",
    "Hybrid Data Security node": "basic digest",
    "Hybrid Services host management connector": "basic",
    "Hybrid Services directory connector": "basic ntlm",
    "Hybrid Services calendar connector": "basic ntlm",
    "Hybrid Services call connector": "basic",
}
SCHEMES = ("negotiate", "ntlm", "digest", "basic")


def log_in(c, target, known):
    """The status that a client gets which can do `known`, after all it can do."""
    offered = challenges(c.connect(target))
    usable = [name for name in offered if name in known]
    if not usable:
        return 407
    if usable[0] == "basic":
        return c.connect(target, [basic()]).status
    if usable[0] == "digest":
        digest = Digest(offered["digest"][-1])  # the last is the oldest algorithm
        return c.connect(target, [digest.field("CONNECT", target)]).status
    scheme = "NTLM" if usable[0] == "ntlm" else "Negotiate"
    ntlm = Ntlm()
    [challenge] = c.connect(target, [ntlm.negotiate(scheme)]).all("proxy-authenticate")
    return c.connect(target, [ntlm.authenticate(challenge, scheme)]).status


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_product_gets_through_where_all_schemes_are_offered(
        proxy, client, origin, tmp_path, product):
    write_accounts(tmp_path)
    target = f"127.0.0.1:{origin(echo).port}"
    p = guard_everything(proxy, tmp_path, SCHEMES)
    assert log_in(client(p), target, PRODUCTS[product].split()) == 200


def stranded(tmp_path, auth, **sections):
    """Product names by what the warning says is offered."""
    path = tmp_path / "check.conf"
    (tmp_path / "hosts").touch()
    path.write_text(config(auth=auth, **sections))
    done = run("check", "-c", str(path))
    assert done.returncode == 0, done.stderr
    found = {}
    for line in (done.stdout + done.stderr).splitlines():
        if "stranded" in line:
            offered, _, names = line.partition("auth offers only ")[2].partition(": ")
            names = names.partition(" are stranded")[0].partition(" is stranded")[0]
            found[offered] = set(names.split(", "))
    return found


@pytest.mark.parametrize("schemes", [s for n in range(1, 5)
                                     for s in itertools.combinations(SCHEMES, n)])
def test_check_names_who_is_left_out(tmp_path, schemes):
    write_accounts(tmp_path)
    expected = {name for name, known in PRODUCTS.items() if not set(known.split()) & set(schemes)}
    found = stranded(tmp_path, section(schemes, tmp_path))
    assert set().union(*found.values()) == expected


def test_offers_and_rules_save_them(tmp_path):
    write_accounts(tmp_path)
    auth = section(["negotiate", "basic"], tmp_path)
    auth["schemes"] = ["negotiate"]
    auth["offers"] = [{"from": ["rooms"], "schemes": ["basic"]}]
    rooms = {"rooms": {"addresses": ["10.20.0.0/16"], "product": "cisco-video-device"}}
    found = stranded(tmp_path, auth, sources=rooms)
    assert "Cisco video devices" not in set().union(*found.values())
    assert "Webex for Windows" in set().union(*found.values())
    free = [{"name": "webex", "to": ["webex"], "action": "allow", "auth": "none"}]
    assert stranded(tmp_path, auth, sources=rooms, rules=free) == {}
