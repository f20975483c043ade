# SPDX-License-Identifier: MIT
"""What the tests of plain HTTP have in common: a permissive policy, requests, and answers."""
from .http_wire import read_message

# Every name, address and port; what is left is the guard.
OPEN = {
    "destinations": {"any": {"domains": ["*"], "addresses": ["0.0.0.0/0", "::/0"]}},
    "rules": [{"name": "any", "to": ["any"], "ports": ["1-65535"], "action": "allow"}],
    "headers": {"via": "px1"},
}
DATE = "Date: Tue, 15 Nov 1994 08:12:31 GMT"


def request(target, *fields, method="GET", body=b"", version="1.1"):
    """A request with the Host of its target."""
    host = target.split("/")[2].partition("?")[0]
    length = [f"Content-Length: {len(body)}"] if body else []
    lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *fields, *length]
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


def response(body=b"", *fields, status="200 OK", length=True):
    lines = [f"HTTP/1.1 {status}", DATE, *fields] + [f"Content-Length: {len(body)}"] * length
    return "".join(line + "\r\n" for line in lines).encode("latin-1") + b"\r\n" + body


def exchange(client, there, target, *fields, body=b"ok", method="GET"):
    """One request that arrives on the open connection `there` and is answered 200."""
    client.send(request(target, *fields, method=method))
    asked = read_message(there)
    there.send(response(body))
    answer = read_message(client)
    assert answer.start_line == b"HTTP/1.1 200 OK" and answer.content == body, answer.head
    return asked
