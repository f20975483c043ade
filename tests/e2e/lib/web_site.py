# SPDX-License-Identifier: MIT
"""A web site over TLS for real clients: pages with what belongs to them, an echo of bodies, a
large file, an echo over a web socket (RFC 6455), and git repositories.

    there = WebSite(certificate)     # as lib.inspection.TlsOrigin, which it is
    there.stem                       # the certificate's file without .pem
    there.port, there.requests       # [(host, "GET /style.css"), ...] in the order they came
    there.handshakes                 # [(sni, "TLSv1.3", True where it was resumed), ...]
"""
import base64
import hashlib
import os
import socket
import subprocess
import threading

from . import process
from .http_wire import read_message
from .inspection import TlsOrigin
from .origin import pattern

TEXT = "the page\n"
BIG = 5_000_000
SECONDS = 60  # browsers keep connections
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PAGE = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Site</title><link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:,"></head>
<body><p id="text">the page</p><img id="image" src="/image.svg" alt="">
<script src="/script.js"></script></body></html>
"""
FILES = {
    "/": ("text/html", PAGE),
    "/text": ("text/plain", TEXT),
    "/style.css": ("text/css", "p { color: rgb(1, 2, 3) }\n"),
    "/script.js": ("text/javascript", "window.hasRun = location.host;\n"),
    "/image.svg": ("image/svg+xml",
                   '<svg xmlns="http://www.w3.org/2000/svg" width="17" height="11"/>'),
}

# For pages of the site: what a browser does there, and must get.
FETCH_ECHO = """(async () => {
    const sent = new Uint8Array(300000).map((_, n) => n * n % 251);
    const answer = await fetch("/echo", {method: "POST", body: sent});
    const got = new Uint8Array(await answer.arrayBuffer());
    return [answer.status, got.length, got.every((byte, n) => byte === sent[n])];
})()"""
FETCH_BIG = """(async () => {
    const answer = await fetch("/big");
    const got = new Uint8Array(await answer.arrayBuffer());
    return [answer.status, got.length, got.every((byte, n) => byte === n % 251)];
})()"""
SOCKET_ECHO = """new Promise(done => {
    const socket = new WebSocket(`wss://${location.host}/socket`), got = [];
    const texts = ["one", "x".repeat(70000), "three"];
    socket.onopen = () => texts.forEach(text => socket.send(text));
    socket.onerror = () => done("error");
    socket.onmessage = event => got.push(event.data) === 3 && socket.close(1000, "done");
    socket.onclose = event => done([event.code, event.wasClean, got.join() === texts.join()]);
})"""
HAS_ALL = """[document.getElementById("image").naturalWidth, window.hasRun,
    getComputedStyle(document.getElementById("text")).color]"""


class WebSite(TlsOrigin):
    """Answers every connection in a thread of its own; repositories: the folder of git's."""

    def __init__(self, certificate, repositories=None, **options):
        self.stem, self.requests, self.handshakes = certificate, [], []
        self.repositories, self._threads = repositories, []
        super().__init__(certificate, **options)
        self._accepting = threading.Thread(target=self._accept_all, daemon=True)
        self._accepting.start()

    def _accept_all(self):
        while (peer := self._ready.get()) is not None:
            sock = peer.sock
            self.handshakes.append((peer.sni, sock.version(), sock.session_reused))
            sock.settimeout(SECONDS)
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer):
        try:
            while True:
                asked = read_message(peer)
                if self._answer(peer, asked):
                    break
        except (OSError, AssertionError, ValueError):
            pass  # it went away
        peer.close()

    def close(self):
        """Each connection is closed by the thread that reads it."""
        self._ready.put(None)
        self._accepting.join(SECONDS)
        for peer in self.accepted:
            try:
                socket.socket.shutdown(peer.sock, socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended
        for thread in self._threads:
            thread.join(SECONDS)
        super().close()

    def _answer(self, peer, asked):
        """True where the connection ends behind it."""
        method, target, _ = asked.start_line.decode().split(" ")
        self.requests.append((asked.values("host")[0].decode(), f"{method} {target}"))
        path = target.partition("?")[0]
        if asked.values("sec-websocket-key"):
            echo_frames(peer, asked.values("sec-websocket-key")[0])
            return True
        if self.repositories and path.startswith("/git/"):
            status, kind, body = self._run_git(method, target, asked)
        elif path == "/echo":
            status, kind, body = "200 OK", "application/octet-stream", asked.content
        elif path == "/big":
            status, kind, body = "200 OK", "application/octet-stream", pattern(0, BIG)
        elif path in FILES:
            status, (kind, body) = "200 OK", FILES[path]
        else:
            status, kind, body = "404 Not Found", "text/plain", "not here\n"
        send_answer(peer, status, kind, body, method == "HEAD")
        return b"close" in b",".join(asked.values("connection")).lower()

    def _run_git(self, method, target, asked):
        """By git's own CGI program."""
        path, _, query = target.partition("?")
        said = subprocess.run(
            ["git", "http-backend"], input=asked.content, capture_output=True, check=True,
            timeout=SECONDS, env=process.environment(
                self.repositories, GIT_PROJECT_ROOT=self.repositories, GIT_HTTP_EXPORT_ALL="1",
                REQUEST_METHOD=method, PATH_INFO=path.removeprefix("/git"), QUERY_STRING=query,
                CONTENT_LENGTH=len(asked.content),
                CONTENT_TYPE=b"".join(asked.values("content-type")).decode(),
                HTTP_CONTENT_ENCODING=b"".join(asked.values("content-encoding")).decode(),
                GIT_PROTOCOL=b"".join(asked.values("git-protocol")).decode())).stdout
        head, _, body = said.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return fields.get("Status", "200 OK"), fields["Content-Type"], body


def send_answer(peer, status, kind, body, is_head=False):
    body = body.encode() if isinstance(body, str) else body
    head = (f"HTTP/1.1 {status}\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n\r\n").encode()
    peer.send(head + (b"" if is_head else body))


def echo_frames(peer, key):
    """RFC 6455 sections 4.2.2 and 5.2: every frame comes back without its mask, to a Close."""
    proof = base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
    peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Accept: {proof}\r\n\r\n")
    while True:
        first, size = peer.read(2)
        assert size & 0x80, "a client's frame without a mask"
        length = bytes([size & 0x7f])
        if length[0] > 125:
            length += peer.read(2 if length[0] == 126 else 8)
        count = int.from_bytes(length[1:], "big") if len(length) > 1 else length[0]
        mask = peer.read(4)
        data = peer.read(count)
        wide = (mask * (count // 4 + 1))[:count]
        plain = (int.from_bytes(data, "big") ^ int.from_bytes(wide, "big")).to_bytes(count, "big")
        peer.send(bytes([first]) + length + plain)
        if first & 0x0f == 8:
            return


def make_repository(folder):
    """FOLDER/one.git, with one commit on the branch `trunk`; the id of it."""
    work = os.path.join(str(folder), "one.git")
    env = process.environment(folder, GIT_CONFIG_NOSYSTEM=1, GIT_AUTHOR_NAME="alice",
                              GIT_AUTHOR_EMAIL="alice@origin.test", GIT_COMMITTER_NAME="alice",
                              GIT_COMMITTER_EMAIL="alice@origin.test")

    def git(*words, data=b""):
        status, said = process.run(["git", "-C", work, *words], env, data=data)
        assert status == 0, said
        return said.strip()
    os.makedirs(work)
    git("init", "-q", "--bare", "-b", "trunk")
    blob = git("hash-object", "-w", "--stdin", data=os.urandom(100_000))
    tree = git("mktree", data=f"100644 blob {blob}\tfile\n".encode())
    commit = git("commit-tree", "-m", "One", tree)
    git("update-ref", "refs/heads/trunk", commit)
    return commit
