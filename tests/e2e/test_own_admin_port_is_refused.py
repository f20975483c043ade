# SPDX-License-Identifier: MIT
"""No client reaches the administrator's door through the proxy, though loopback is allowed."""
import socket

from lib.metrics import get
from lib.steps import ANYWHERE, refuse_connect


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_the_admin_port_is_refused(proxy, hosts, client):
    port = free_port()
    hosts({"me.webex.com": "127.0.0.1"})
    p = proxy(ports=[port], admin={"address": "127.0.0.1", "port": port}, **ANYWHERE)
    assert get(p, "/healthz")[0] == 200
    for host in ("127.0.0.1", "me.webex.com", "0x7f.1", "[::ffff:127.0.0.1]"):
        refuse_connect(p, client(p), f"{host}:{port}", 403, "destination_ip_prohibited",
                       "address_forbidden", verdict="deny")
