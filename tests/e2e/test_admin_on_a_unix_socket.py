# SPDX-License-Identifier: MIT
"""The administrator's door on a Unix socket, which only its owner and group may use."""
import os
import socket
import stat

from lib.client import wait_until
from lib.config import config


def start(proxy, path):
    p = proxy.from_text(config(admin={"address": f"unix:{path}", "port": None}), has_admin=False)
    p.wait_error(f"admin on unix:{path}\n")
    return p


def ask(path, target):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(path)
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := s.recv(65536):
            answer += data
        return answer


def test_it_answers_and_goes_away_with_the_proxy(proxy, tmp_path):
    path = str(tmp_path / "admin.sock")
    p = start(proxy, path)
    assert ask(path, "/healthz").startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\nsallyport_config_generation 1\n" in ask(path, "/metrics")
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) & 0o007 == 0
    p.stop()
    wait_until(lambda: not os.path.exists(path))
    assert p.log.lines() == []


def test_what_a_crash_left_behind_is_no_obstacle(proxy, tmp_path):
    path = str(tmp_path / "admin.sock")
    left = socket.socket(socket.AF_UNIX)
    left.bind(path)
    left.close()
    p = start(proxy, path)
    assert ask(path, "/healthz").endswith(b"ok\n")
    assert p.log.lines() == []
