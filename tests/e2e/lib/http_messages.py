# SPDX-License-Identifier: MIT
"""Generates valid messages and says what must become of them.

The model is written from RFC 9110 and 9112 and from the closed list of allowed
differences in docs/conformance.md, not from the proxy's code: `Request.expected` and
`Response.expected` are the heads that must arrive, without the lines that are the
proxy's own, which `own` lists.
"""
import string

TOKEN_CHARS = "!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters
PATH_CHARS = string.ascii_letters + string.digits + "-._~!$&'()*+,;=:@/%[]|^`{}\\\"<>"
TEXT = [chr(c) for c in range(0x21, 0x7f)] + [chr(c) for c in range(0x80, 0x100)]

END_TO_END = ["User-Agent", "Accept", "accept-encoding", "ACCEPT-LANGUAGE", "Cookie", "Referer",
              "Authorization", "Range", "If-None-Match", "Cache-Control", "Pragma",
              "X-Device-Accept",
              "Forwarded", "Content-Type", "Content-Encoding", "Date", "Warning", "Priority",
              "From",
              "X-Real-IP", "Origin", "Sec-Fetch-Mode", "Set-Cookie", "ETag", "Server", "Vary",
              "Strict-Transport-Security", "Age", "Trailer", "Allow", "Location", "Alt-Svc",
              "Authentication-Info", "Content-MD5"]
HOP_BY_HOP = ["Keep-Alive", "Proxy-Connection", "TE", "Upgrade", "Proxy-Authorization",
              "Proxy-Authenticate", "Proxy-Authentication-Info", "HTTP2-Settings"]
SPECIAL = {"host", "connection", "content-length", "transfer-encoding", "via", "x-forwarded-for",
           "max-forwards", "expect", "date", "trailer"} | {name.lower() for name in HOP_BY_HOP}
REASONS = {200: "OK", 201: "Created", 203: "Non-Authoritative Information", 206: "Partial Content",
           301: "Moved", 304: "Not Modified", 404: "Not Found", 418: "", 451: "No \xfcbermut",
           500: "Oh  dear", 599: "?"}


class Maker:
    """Random parts of messages; `random` is a random.Random with a known seed."""

    def __init__(self, random):
        self.random = random

    def chance(self, share):
        return self.random.random() < share

    def text(self, alphabet, low, high):
        return "".join(self.random.choices(alphabet, k=self.random.randint(low, high)))

    def blanks(self):
        return "".join(self.random.choices(" \t", k=self.random.choice([0, 0, 1, 1, 1, 2, 5])))

    def value(self):
        """A field value with its blanks, inside and around it."""
        words = [self.text(TEXT, 1, 12) for _ in range(self.random.choice([0, 1, 1, 2, 4]))]
        inner = ""
        for word in words:
            inner += (self.text(" \t", 1, 3) if inner else "") + word
        if self.chance(0.01):
            inner += self.text(TEXT, 2000, 6000)
        return self.blanks() + inner + self.blanks()

    def free_name(self):
        while True:
            name = self.text(TOKEN_CHARS, 1, self.random.choice([3, 8, 20, 60]))
            if name.lower() not in SPECIAL:
                return name

    def end_to_end(self, most):
        """(name, value) pairs; some names come twice."""
        found = []
        for _ in range(self.random.randint(0, most)):
            name = self.random.choice(END_TO_END) if self.chance(0.6) else self.free_name()
            if found and self.chance(0.15):
                name = self.random.choice(found)[0]
            if self.chance(0.2):
                name = name.swapcase()
            if name.lower() in ("date", "trailer"):
                continue
            found.append((name, self.value()))
        return found

    def with_hop_by_hop(self, fields, names):
        """Mixes fields for the neighbour in: (all, those that must arrive)."""
        mixed = [(name, value, True) for name, value in fields]
        options = []
        for name in names:
            if self.chance(0.12):
                value = " trailers" if name == "TE" else " h2c" if name == "Upgrade" else " x=1"
                mixed.insert(self.random.randint(0, len(mixed)), (name, value, False))
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            name = "X-Hop-" + self.text(string.ascii_letters, 1, 4)
            if all(other.lower() != name.lower() for other, *_ in mixed):
                options.append(name.swapcase() if self.chance(0.5) else name)
                mixed.insert(self.random.randint(0, len(mixed)), (name, self.value(), False))
        if options or self.chance(0.2):
            options += self.random.choice([[], ["keep-alive"], ["TE"], ["", "Keep-Alive"]])
            value = self.random.choice([", ", ",", " ,\t", ",,"]).join(options)
            at = self.random.randint(0, len(mixed))
            mixed.insert(at, (self.random.choice(["Connection", "connection"]), " " + value, False))
        everything = [f"{name}:{value}" for name, value, _ in mixed]
        return everything, [f"{name}:{value}" for name, value, stays in mixed if stays]

    def body(self):
        size = self.random.choice([0, 1, 2, 17, 100, 1000, 1000, 5000])
        if self.chance(0.01):
            size = self.random.randint(50_000, 300_000)
        return self.random.randbytes(self.random.randint(0, size))

    def chunked(self, content):
        """(bytes on the wire, trailer lines)."""
        wire, at = b"", 0
        while at < len(content):
            size = self.random.randint(1, max(1, len(content) // self.random.randint(1, 6)))
            piece = content[at:at + size]
            at += len(piece)
            digits = f"{len(piece):x}"
            digits = digits.upper() if self.chance(0.3) else digits
            extension = self.random.choice(["", "", "", ";a", ";a=b", ' ; q = "x;\\"y"'])
            wire += ("0" * self.random.choice([0, 0, 0, 3]) + digits + extension).encode() + b"\r\n"
            wire += piece + b"\r\n"
        trailers = []
        for _ in range(self.random.choice([0, 0, 0, 1, 3])):
            trailers.append(f"X-T{self.random.randint(0, 9)}:{self.value()}".encode("latin-1"))
        wire += self.random.choice([b"0", b"000", b"0;last"]) + b"\r\n"
        wire += b"".join(line + b"\r\n" for line in trailers) + b"\r\n"
        return wire, trailers

    def fragments(self, wire):
        """The bytes in pieces: one at a time, or at random places, or whole."""
        kind = self.random.random()
        if kind < 0.12 and len(wire) < 1000:
            return [wire[i:i + 1] for i in range(len(wire))]
        if kind < 0.3:
            return [wire]
        cuts = sorted(self.random.sample(range(1, len(wire)),
                                         min(len(wire) - 1, self.random.randint(1, 12))))
        return [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)])]


def to_bytes(lines):
    return [line.encode("latin-1") for line in lines]


class Request:
    """`wire` is what the client sends; `start_line`, `expected`, `own`, `content`, `trailers` what
    the origin must get."""

    def __init__(self, maker, authority, client):
        random = maker.random
        self.method = random.choice(["GET"] * 4 + ["POST", "POST", "PUT", "HEAD", "DELETE", "PATCH",
                                                   "REPORT", "OPTIONS", "get"])
        path = random.choice(["", "/", "/", "/", "/"])
        path += maker.text(PATH_CHARS, 0, random.choice([0, 10, 200])) if path else ""
        path += "?" + maker.text(PATH_CHARS + "?", 0, 30) if maker.chance(0.3) else ""
        sent_path = path if path.startswith("/") else "/" + path
        if path == "" and self.method == "OPTIONS":
            sent_path = "*"
        version = "1.0" if maker.chance(0.02) else "1.1"
        self.closes = version == "1.0"
        everything, stay = maker.with_hop_by_hop(maker.end_to_end(8), HOP_BY_HOP)
        if maker.chance(0.1):
            line = "Via: 1.0 fred (a, b), 1.1 other"
            everything.append(line)
            stay.append(line)
        if maker.chance(0.1):
            line = "x-forwarded-for: 198.51.100.7"
            everything.append(line)
            stay.append(line)
        self.content, self.trailers, body = b"", [], b""
        if self.method in ("POST", "PUT", "PATCH", "REPORT") and not self.closes:
            self.content = maker.body()
            if maker.chance(0.5):
                body, self.trailers = maker.chunked(self.content)
                everything.append("Transfer-Encoding: chunked")
                stay.append("Transfer-Encoding: chunked")
            else:
                body = self.content
                everything.append(f"Content-Length: {len(body)}")
                stay.append(f"Content-Length: {len(body)}")
        host = authority if maker.chance(0.8) else "other.test"
        at = random.randint(0, len(everything))
        wire_lines = [*everything[:at], f"Host: {host}", *everything[at:]]
        head = "\r\n".join([f"{self.method} http://{authority}{path} HTTP/{version}", *wire_lines])
        self.wire = head.encode("latin-1") + b"\r\n\r\n" + body
        self.start_line = f"{self.method} {sent_path} HTTP/1.1".encode()
        self.expected = to_bytes(stay)
        self.own = to_bytes([f"Host: {authority}", f"X-Forwarded-For: {client}",
                             f"Via: {version} px1"])


class Response:
    """The same for a response to that request; `closes` where it ends the client's connection."""

    def __init__(self, maker, request):
        random = maker.random
        self.status = random.choice([200] * 6 + [201, 203, 204, 206, 301, 304, 404, 418, 451, 500,
                                                 599])
        reason = REASONS.get(self.status, "No Content")
        version = "1.0" if maker.chance(0.03) else "1.1"
        everything, stay = maker.with_hop_by_hop(maker.end_to_end(8), HOP_BY_HOP)
        self.interim, interim_wire = [], b""
        for _ in range(random.choice([0, 0, 0, 0, 0, 1, 2]) if version == "1.1" else 0):
            code = random.choice([102, 103, 110])
            lines = [f"HTTP/1.1 {code} Wait", f"Link:{maker.value()}"]
            interim_wire += "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
            self.interim.append(to_bytes([*lines, "Via: 1.1 px1"]))
        if request.closes:
            self.interim = []
        self.answers_head = request.method == "HEAD"
        self.content, self.trailers, body = b"", [], b""
        self.until_close = False
        own = [f"Via: {version} px1"]
        if self.status in (204, 304) or self.answers_head:
            if self.status != 204 and maker.chance(0.5):
                everything.append("Content-Length: 4711")
                stay.append("Content-Length: 4711")
        else:
            self.content = maker.body()
            kind = random.random()
            if kind < 0.5 and version == "1.1":
                body, self.trailers = maker.chunked(self.content)
                everything.append("Transfer-Encoding: chunked")
                if request.closes:
                    self.trailers = []
                else:
                    stay.append("Transfer-Encoding: chunked")
            elif kind < 0.97:
                body = self.content
                line = f"Content-length:  {len(body)}"
                everything.append(line)
                stay.append(line)
            else:
                body = self.content
                self.until_close = True
        if maker.chance(0.9):
            line = "Date: Tue, 15 Nov 1994 08:12:31 GMT"
            everything.insert(0, line)
            stay.insert(0, line)
            self.adds_date = False
        else:
            self.adds_date = True
        self.closes = self.until_close or request.closes
        self.origin_closes = self.until_close or version == "1.0"
        if maker.chance(0.02):
            everything.append("Connection: close")
            self.origin_closes = True
        head = "\r\n".join([f"HTTP/{version} {self.status} {reason}", *everything])
        self.wire = interim_wire + head.encode("latin-1") + b"\r\n\r\n" + body
        self.start_line = f"HTTP/1.1 {self.status} {reason}".encode("latin-1")
        self.expected = to_bytes(stay)
        self.own = to_bytes(own + (["Connection: close"] if self.closes else []))


def check_head(got, message, may_add_date=False):
    """`got` is a Message: its start line, the lines that must arrive in their order and spelling,
    and the lines that are ours, as a set."""
    assert got.start_line == message.start_line, (got.start_line, message.start_line)
    lines, own = got.lines, list(message.own)
    if may_add_date:
        dates = [line for line in lines if line.startswith(b"Date: ")]
        assert len(dates) == 1, lines
        own += dates
    rest = []
    for line in lines:
        if line in own:
            own.remove(line)
        else:
            rest.append(line)
    assert not own, f"missing: {own} in {lines}"
    assert rest == message.expected, f"\n got {rest}\nnot {message.expected}"
