# SPDX-License-Identifier: MIT
"""A raw client with a timeout on every wait, and real clients as processes."""
import os
import socket
import ssl
import subprocess
import time

from .origin import hard_close

SECONDS = 10


class Answer:
    """One response head and its body."""

    def __init__(self, head, body=b""):
        lines = head.decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        code, _, self.reason = rest.partition(" ")
        assert version.startswith("HTTP/1.") and len(code) == 3 and code.isdigit(), lines[0]
        self.version = version
        self.status = int(code)
        self.body = body
        self.fields = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            assert colon and name and name == name.strip(), f"bad field line {line!r}"
            self.fields.append((name.lower(), value.strip()))

    def all(self, name):
        """Each value of a field, in order."""
        return [value for key, value in self.fields if key == name.lower()]

    def get(self, name):
        """The value of a field that may come once, or None."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    @property
    def proxy_error(self):
        """The error of Proxy-Status (RFC 9209), or None."""
        for part in (self.get("proxy-status") or "").split(";")[1:]:
            key, _, value = part.strip().partition("=")
            if key == "error":
                return value
        return None


class Client:
    """One TCP connection to the proxy; what was read too far is kept."""

    def __init__(self, address, timeout=SECONDS, source=None):
        self.sock = socket.create_connection(address, timeout, source)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ahead = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Writing

    def send(self, data):
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def end(self):
        """FIN: no more data from here; reading goes on."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends the connection with a TCP reset."""
        hard_close(self.sock)

    def close(self):
        self.sock.close()

    # Reading; each raises TimeoutError (socket.timeout) when nothing comes

    def _more(self, size=65536):
        data = self.sock.recv(size)
        self._ahead += data
        return data

    def read_until(self, mark, limit=1 << 20):
        while mark not in self._ahead:
            assert len(self._ahead) < limit, f"{limit} bytes without {mark!r}"
            assert self._more(), f"the connection ended before {mark!r}: {self._ahead!r}"
        part, _, self._ahead = self._ahead.partition(mark)
        return part

    def read(self, size):
        """Exactly size bytes."""
        while len(self._ahead) < size:
            assert self._more(), f"the connection ended after {len(self._ahead)} of {size} bytes"
        part, self._ahead = self._ahead[:size], self._ahead[size:]
        return part

    def read_to_end(self):
        """All until the peer's end of data."""
        while self._more():
            pass
        part, self._ahead = self._ahead, b""
        return part

    def is_ended(self, timeout=SECONDS):
        """True when the peer ends (FIN or reset) within timeout without a byte more."""
        self.sock.settimeout(timeout)
        try:
            return not self._ahead and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        finally:
            if self.sock.fileno() >= 0:
                self.sock.settimeout(SECONDS)

    def is_quiet(self, seconds):
        """True when neither a byte nor an end comes for that long."""
        if self._ahead:
            return False
        self.sock.settimeout(seconds)
        try:
            self._more()
            return False
        except TimeoutError:
            return True
        except OSError:
            return False
        finally:
            self.sock.settimeout(SECONDS)

    # HTTP

    def read_answer(self, has_body=True):
        """One answer; its body by Content-Length, or to the end without one."""
        answer = Answer(self.read_until(b"\r\n\r\n"))
        if has_body:
            length = answer.get("content-length")
            answer.body = self.read(int(length)) if length is not None else self.read_to_end()
        return answer

    def connect(self, authority, fields=(), behind=b""):
        """CONNECT authority; behind is sent in the same segment. A 2xx has no body."""
        head = "".join(f"{line}\r\n" for line in
                       [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *fields])
        self.send(head.encode("latin-1") + b"\r\n" + behind)
        answer = Answer(self.read_until(b"\r\n\r\n"))
        if not 200 <= answer.status < 300:
            length = answer.get("content-length")
            answer.body = self.read(int(length)) if length is not None else self.read_to_end()
        return answer

    def start_tls(self, ca, name):
        """TLS to the origin inside the tunnel; the certificate is verified."""
        assert not self._ahead, "bytes from the tunnel before the handshake"
        context = ssl.create_default_context(cafile=str(ca))
        self.sock = context.wrap_socket(self.sock, server_hostname=name)
        return self


def wait_until(condition, timeout=SECONDS, what="the condition"):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come true in {timeout} s"
        time.sleep(0.02)


def run_tool(*command, stdin=b"", timeout=30):
    """A real client (curl, openssl) without the environment's own proxy settings."""
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return subprocess.run(command, input=stdin, capture_output=True, timeout=timeout,
                          env=environment)


def curl(proxy, url, *options, ca=None, timeout=20):
    """curl through the proxy: the finished process; its stdout is the body."""
    trust = ["--cacert", str(ca)] if ca else []
    return run_tool("curl", "-q", "-sS", "--max-time", str(timeout), "--proxy", proxy.url,
                    "--noproxy", "", *trust, *options, url, timeout=timeout + 5)
