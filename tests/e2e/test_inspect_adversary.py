# SPDX-License-Identifier: MIT
"""Inspection, tried by whoever wants around it or through it."""
import time

import pytest

from lib.http_steps import OPEN, response
from lib.http_wire import read_message
from lib.inspection import (  # noqa: F401  # pylint: disable=unused-import
    ca, hosts_of, inspecting, request, site)

ANY = OPEN["destinations"]["any"]


def answered(c, peer, asked):
    c.send(asked)
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"


def test_an_exempt_address_is_not_decrypted_when_the_origin_is_dialled_again(inspecting):
    """The name has two addresses; the exempt one is what is left when the other one ends."""
    i = inspecting(inspection={"never": ["media"]}, names={"api.test": ["127.0.0.1", "127.0.0.9"]},
                   destinations={"media": {"addresses": ["127.0.0.9/32"]}, "any": ANY},
                   rules=OPEN["rules"])
    there = i.origin()
    c = i.inside("api.test", there)
    peer = there.accept()
    asked = request(f"api.test:{there.port}")
    answered(c, peer, asked)
    peer.close()
    there.close()
    media = i.origin(address="127.0.0.9", port=there.port)
    time.sleep(0.1)
    c.send(asked)
    time.sleep(0.5)
    assert not media.accepted, "TLS of ours with an exempt address"


def through_parent(inspecting, proxy, hosts, parent_rule):
    hosts(hosts_of([]))
    parent = proxy(**{**OPEN, "headers": {"via": "px2"}})
    rules = [{"name": "get", "to": ["any"], "methods": ["GET"], "action": "allow",
              "ports": ["1-65535"]},
             {"name": "any", "to": ["any"], "action": "allow", "ports": ["1-65535"]}]
    for rule in rules:
        if rule["name"] == parent_rule:
            rule["via"] = "corp"
    i = inspecting(
        parents=[{"name": "corp", "url": f"http://127.0.0.1:{parent.address[1]}"}],
        rules=rules)
    return i, parent


@pytest.mark.parametrize("rule", ["any", "get"])
def test_a_connection_keeps_its_way_when_dialled_again(inspecting, proxy, hosts, rule):
    """The rule of a request inside has no say in how the tunnel goes."""
    i, parent = through_parent(inspecting, proxy, hosts, rule)
    there = i.origin()
    c = i.inside("api.test", there)
    peer = there.accept()
    asked = request(f"api.test:{there.port}", "/api/x")
    answered(c, peer, asked)
    peer.close()
    time.sleep(0.3)
    before = len(parent.log.records(event="open"))
    c.send(asked)
    peer = there.accept()
    read_message(peer)
    peer.send(response(b"ok"))
    assert read_message(c).content == b"ok"
    time.sleep(0.3)
    assert len(parent.log.records(event="open")) == 2 * before == (2 if rule == "any" else 0)
