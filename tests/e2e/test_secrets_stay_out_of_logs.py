# SPDX-License-Identifier: MIT
"""Credentials, cookies and query strings are in no log, no page and no counter."""
import os

import pytest

from lib.client import curl
from lib.metrics import get
from lib.origin import echo
from lib.steps import open_tunnel

SECRETS = ["s3cr3t-password", "dXNlcjpzM2NyM3QtcGFzc3dvcmQ=", "s3cr3t-cookie", "s3cr3t-query",
           "s3cr3t-bearer"]
FIELDS = ["Proxy-Authorization: Basic dXNlcjpzM2NyM3QtcGFzc3dvcmQ=", "Cookie: sid=s3cr3t-cookie",
          "Authorization: Bearer s3cr3t-bearer", "X-Url: http://u:s3cr3t-password@a/?s3cr3t-query"]


def everything(p, answers):
    """All that the proxy wrote anywhere."""
    p.stop()
    out = [p.errors(), *answers]
    for name in os.listdir(p.folder):
        path = os.path.join(p.folder, name)
        if os.path.isfile(path) and name not in ("sallyport.conf", "hosts"):
            with open(path, encoding="latin-1") as f:
                out.append(f.read())
    return "\n".join(out)


@pytest.mark.parametrize("form", ["json", "squid"])
def test_no_secret_comes_back(proxy, origin, hosts, client, form):
    there = origin(echo)
    hosts({"bench.webex.com": "127.0.0.1"})
    p = proxy(ports=[there.port], log={"format": form, "errors": "stderr"})
    answers = []
    with client(p) as c:
        open_tunnel(c, f"bench.webex.com:{there.port}", fields=FIELDS)
    block = "".join(f"{line}\r\n" for line in FIELDS)
    requests = [
        f"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n{block}\r\n",
        f"CONNECT user:s3cr3t-password@example.org:443 HTTP/1.1\r\nHost: a\r\n{block}\r\n",
        f"CONNECT example.org:443?s3cr3t-query HTTP/1.1\r\nHost: a\r\n{block}\r\n",
        f"GET http://example.org/path?s3cr3t-query HTTP/1.1\r\nHost: a\r\n{block}\r\n",
        f"GET http://bench.webex.com/path?s3cr3t-query HTTP/1.1\r\nHost: a\r\n{block}\r\n",
        f"GET http://u:s3cr3t-password@example.org/ HTTP/1.1\r\nHost: a\r\n{block}\r\n",
        f"GET /path?s3cr3t-query HTTP/1.1\r\nHost: a\r\n{block}\r\n",
        f"CONNECT example.org:443 HTTP/1.1\r\n{block}Bad Field\r\n\r\n",
        f"CONNECT example.org:443 HTTP/1.1\r\n{block}",  # never ends
    ]
    for request in requests:
        c = client(p)
        c.send(request)
        c.end()
        answers.append(c.read_to_end().decode("latin-1"))
    curl(p, "http://bench.webex.com/?s3cr3t-query", "-b", "sid=s3cr3t-cookie", "--proxy-user",
         "user:s3cr3t-password")
    p.reload()
    p.wait_error("generation 2")
    answers.append(get(p, "/metrics")[2].decode())
    text = everything(p, answers)
    assert "example.org" in text and "bench.webex.com" in text  # it did write of them
    for secret in SECRETS:
        assert secret not in text, text[max(0, text.find(secret) - 200):]
