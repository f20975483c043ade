# SPDX-License-Identifier: MIT
"""What many tests do: open a tunnel, be refused, and look at all that follows."""
from .metrics import scrape

# Destinations and rules that let everything through: what is left is the guard.
ANYWHERE = {
    "destinations": {"any": {"domains": ["*"], "addresses": ["0.0.0.0/0", "::/0"]}},
    "rules": [{"name": "any", "to": ["any"], "action": "allow"}],
}


def send_connect(client, authority, version="1.1"):
    """A CONNECT without waiting for its answer."""
    client.send(f"CONNECT {authority} HTTP/{version}\r\nHost: {authority}\r\n\r\n")


def open_tunnel(client, authority, **options):
    answer = client.connect(authority, **options)
    assert answer.status == 200, (answer.status, answer.body)
    return client


def check_refusal(proxy, answer, status, error, end, verdict="error", **logged):
    """A refusal is right in the answer, in the log, and in the counters.

    Returns the log record; `logged` are further keys it must have.
    """
    assert answer.status == status, (answer.status, answer.reason, answer.body)
    assert answer.reason, "no reason phrase"
    assert answer.get("proxy-status").startswith("sallyport; error=")
    assert answer.proxy_error == error
    request_id = answer.get("x-request-id")
    assert request_id and request_id.encode() in answer.body
    assert answer.get("connection") == "close"
    record = proxy.log.one(id=request_id)
    expected = {"event": "request", "status": status, "error": error, "end": end,
                "verdict": verdict, **logged}
    assert {key: record.get(key) for key in expected} == expected
    counts = scrape(proxy)
    assert counts.value("sallyport_errors_total", error=error) >= 1
    assert counts.value("sallyport_ends_total", reason=end) >= 1
    assert counts.value("sallyport_tunnels_open") == 0
    return record


def refuse_connect(proxy, client, authority, status, error, end, **checked):
    """CONNECT authority must be refused so; the answer and the log record."""
    answer = client.connect(authority)
    record = check_refusal(proxy, answer, status, error, end, **checked)
    assert client.is_ended(), "the connection stays open"
    return answer, record


def close_record(proxy, end="done", timeout=10, **wanted):
    """The only close line; it follows an open line of the same id and agrees with it."""
    record = proxy.log.one(timeout, event="close", **wanted)
    opened = proxy.log.one(event="open", id=record["id"])
    assert record["end"] == end, record
    common = ("client", "method", "host", "port", "verdict", "rule", "pattern", "tls", "status",
              "dst")
    assert {k: opened.get(k) for k in common} == {k: record.get(k) for k in common}
    return record
