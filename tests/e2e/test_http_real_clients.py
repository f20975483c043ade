# SPDX-License-Identifier: MIT
"""curl, wget, Python requests and apt fetch through the proxy from real servers."""
import hashlib
import http.server
import os
import threading

import pytest

from lib import apt
from lib.client import curl, run_tool
from lib.http_servers import Nginx
from lib.http_steps import OPEN
from lib.origin import http as pages

PAGE = b"<html>hello</html>\n" * 1000


class Files(http.server.SimpleHTTPRequestHandler):
    """A folder over HTTP/1.1, quietly; POST answers with the digest of what came."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def do_POST(self):  # pylint: disable=invalid-name
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = hashlib.sha256(body).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class FileServer:
    def __init__(self, folder):
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *a, **k: Files(*a, directory=str(folder), **k))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def files(tmp_path, closing, hosts):
    """A file server whose folder is files.folder."""
    hosts({"files.test": "127.0.0.1"})
    folder = tmp_path / "www"
    folder.mkdir()
    (folder / "page.html").write_bytes(PAGE)
    server = closing(FileServer(folder))
    server.folder = folder
    server.url = f"http://files.test:{server.port}"
    return server


@pytest.fixture
def payload(tmp_path):
    path = tmp_path / "payload"
    path.write_bytes(os.urandom(3_000_000))
    return path, hashlib.sha256(path.read_bytes()).hexdigest().encode()


def test_curl_gets(proxy, files):
    p = proxy(**OPEN)
    done = curl(p, f"{files.url}/page.html?secret=s3cr3t", "-D", "-")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    assert body == PAGE and b"via: 1.1 px1" in head.lower().replace(b"via: 1.0", b"via: 1.1")
    record = p.log.one(event="request")
    assert (record["path"], record["status"], record["method"]) == ("/page.html", 200, "GET")
    assert record["bytes_out"] == len(done.stdout) and "s3cr3t" not in p.log.lines()[0]


def test_curl_several_at_once_on_one_connection(proxy, files):
    p = proxy(**OPEN)
    done = curl(p, f"{files.url}/page.html", f"{files.url}/page.html", f"{files.url}/none",
                "-w", "%{http_code} %{num_connects}\\n", "-o", "/dev/null", "-o", "/dev/null",
                "-o", "/dev/null")
    assert done.stdout == b"200 1\n404 0\n200 0\n", done


@pytest.mark.parametrize("options", [[], ["-H", "Transfer-Encoding: chunked"],
                                     ["-H", "Expect: 100-continue"], ["--http1.0"]])
def test_curl_posts(proxy, files, payload, options):
    path, digest = payload
    p = proxy(**OPEN)
    done = curl(p, f"{files.url}/x", "--data-binary", f"@{path}", *options)
    assert done.stdout == digest, done.stderr
    record = p.log.one(event="request")
    assert record["method"] == "POST" and record["bytes_in"] > 3_000_000


def test_curl_head_range_and_condition(proxy, files):
    p = proxy(**OPEN)
    head = curl(p, f"{files.url}/page.html", "--head")
    assert b"content-length: 19000" in head.stdout.lower()
    modified = [line for line in head.stdout.split(b"\r\n") if line.startswith(b"Last-Modified")][0]
    done = curl(p, f"{files.url}/page.html", "-H",
                "If-Modified-Since:" + modified.decode().partition(":")[2], "-w", "%{http_code}")
    assert done.stdout == b"304"
    assert [r["status"] for r in p.log.wait(2, event="request")] == [200, 304]


def test_curl_through_nginx_with_ranges(proxy, hosts, closing, tmp_path):
    hosts({"files.test": "127.0.0.1"})
    server = closing(Nginx(tmp_path / "nginx"))
    p = proxy(**OPEN)
    for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
        options = ["--head"] if method == "HEAD" else ["-X", method]
        assert curl(p, f"http://files.test:{server.port}/x", *options).returncode == 0
    assert [line.split()[0] for line in server.lines()] == ["GET", "HEAD", "OPTIONS", "DELETE"]


def test_wget_mirrors(proxy, files, tmp_path):
    for n in range(5):
        (files.folder / f"f{n}.txt").write_bytes(b"%d" % n * 10_000)
    p = proxy(**OPEN)
    out = tmp_path / "out"
    done = run_tool("wget", "--no-config", "-e", f"http_proxy={p.url}", "-e", "use_proxy=yes",
                    "-q", "-r", "-np", "-nH", "-P", str(out), "--tries=1", "--timeout=10",
                    f"{files.url}/")
    assert done.returncode == 0, done.stderr
    for n in range(5):
        assert (out / f"f{n}.txt").read_bytes() == b"%d" % n * 10_000
    assert len(p.log.wait(7, event="request", status=200)) >= 7


def test_wget_is_refused(proxy, files):
    p = proxy()
    done = run_tool("wget", "--no-config", "-e", f"http_proxy={p.url}", "-S", "-O", "-",
                    "--tries=1", f"{files.url}/page.html")
    assert done.returncode == 8 and b"403" in done.stderr
    assert p.log.one(event="request")["verdict"] == "deny"


REQUESTS = """
import hashlib, sys, requests
proxy, url = sys.argv[1:3]
s = requests.Session()
s.trust_env = False
s.proxies = {"http": proxy}
s.headers["X-Thing"] = "a  b"
for _ in range(5):
    r = s.get(url + "/page.html", timeout=10)
    assert r.status_code == 200 and len(r.content) == 19000, r
r = s.post(url + "/x", data=(b"chunk %d" % n for n in range(1000)), timeout=10)
assert r.text == hashlib.sha256(b"".join(b"chunk %d" % n for n in range(1000))).hexdigest()
r = s.post(url + "/x", data=b"y" * 500000, timeout=10)
assert r.text == hashlib.sha256(b"y" * 500000).hexdigest()
r = s.head(url + "/page.html", timeout=10)
assert r.headers["Content-Length"] == "19000" and r.headers["Via"].endswith("px1")
assert s.get(url + "/none", timeout=10).status_code == 404
print("done")
"""


def test_python_requests(proxy, files):
    p = proxy(**OPEN)
    done = run_tool("/usr/bin/python3", "-c", REQUESTS, p.url, files.url)
    assert done.stdout == b"done\n", done.stderr.decode()
    records = p.log.wait(9, event="request")
    assert [r["method"] for r in records] == ["GET"] * 5 + ["POST"] * 2 + ["HEAD", "GET"]


def test_apt_updates_and_downloads(proxy, files, tmp_path):
    deb = apt.build_repository(str(files.folder))
    p = proxy(**OPEN)
    root = tmp_path / "apt"
    for command in (["update"], ["update"], ["download", "tiny"]):
        status, said = apt.apt_get(root, p.url, files.url, *command)
        assert status == 0 and "Err:" not in said, said
    assert (root / "tiny_1.0_amd64.deb").read_bytes() == deb
    assert p.log.one(path="/pool/tiny_1.0_amd64.deb")["status"] == 200
    assert {r["end"] for r in p.log.records(event="request")} == {"done"}


def test_apt_is_told_of_a_refusal(proxy, files, tmp_path):
    apt.build_repository(str(files.folder))
    p = proxy()
    said = apt.apt_get(tmp_path / "apt", p.url, files.url, "update")[1]
    assert "403" in said, said
    assert {r["verdict"] for r in p.log.wait(1, event="request")} == {"deny"}


def test_a_browser_like_burst(proxy, origin, hosts):
    # Six connections, each with several requests, as a browser opens them.
    there = origin(pages(body=b"x" * 5000))
    hosts({"files.test": "127.0.0.1"})
    p = proxy(**OPEN)
    url = f"http://files.test:{there.port}/"
    done = curl(p, url + "[1-60]", "--parallel", "--parallel-max", "6", "-o", "/dev/null",
                "-w", "%{http_code}\\n")
    assert done.stdout.split() == [b"200"] * 60, done.stderr
    assert len(there.connections) <= 12
    assert len(p.log.wait(60, event="request")) == 60
