# SPDX-License-Identifier: MIT
"""Runs tests/data/http/*.case: whole exchanges, byte for byte, at both ends.

A case is a title and steps, which are done in their order:

    === a title
    --- client                    these bytes are sent
    --- client ends | closes      FIN; or closed both ways
    --- client gets               exactly these bytes
    --- client gets refusal N [ERROR]   an answer of the proxy's own, and the end
    --- client gets head of refusal N   the same to a HEAD
    --- client sees the end       nothing more, and a FIN
    --- client sees a cut         nothing more, then a FIN or a reset
    --- client gets at most       no byte that is not among these, in order, then the end
    --- client opens              a new connection of the client
    --- origin gets               exactly these bytes (on a new connection where none is open)
    --- origin gets nothing       neither a connection nor a byte
    --- origin | ends | closes | resets     as for the client
    --- origin sees the end       the proxy closes; what it sent before has been read
    --- random N                  N bytes from the client arrive at the origin, then N back
    --- log STATUS [KEY=VALUE...] the next line of the access log for this client;
                                  {SENT} and {GOT}: the client's bytes since the last one

Lines end with CR LF but for one that ends with a lone backslash. `\\r`, `\\n`, `\\0`,
`\\t`, `\\xHH`, `\\s` (a space) and `\\\\` are escapes. `origin.test`, with any port, stands
for the origin's name with the port that it really has; {PORT} for the port alone,
{CIP} for the client's address, {DATE} for a date of the last two seconds, {PROXY}
for host:port of the proxy.

At the end neither side may have got a byte that no step told of.
"""
import email.utils
import glob
import os
import re
import shlex
import time

from .client import Client, wait_until
from .config import ROOT
from .http_wire import RecordingOrigin, read_cut

FOLDER = os.path.join(ROOT, "tests", "data", "http")
ESCAPES = {"r": "\r", "n": "\n", "0": "\0", "t": "\t", "s": " ", "\\": "\\"}
NAME = re.compile(rb"(origin\.test)(:\d+)?", re.I)
DATE = b"<a date that is now, 29 byte>"
PSEUDONYM = "px1"


class Step:
    def __init__(self, words, text, line):
        self.words, self.text, self.line = words, text, line


class Case:
    def __init__(self, path, title):
        self.name = os.path.basename(path)[:-len(".case")] + ": " + title
        self.steps = []


def unescape(line):
    def replace(found):
        code = found.group(1)
        return chr(int(code[1:], 16)) if code[0] == "x" else ESCAPES[code]
    return re.sub(r"\\(x[0-9a-f]{2}|[rn0ts\\])", replace, line)


def join_lines(lines):
    text = ""
    for line in lines:
        goes_on = line.endswith("\\") and not line.endswith("\\\\")
        text += unescape(line[:-1] if goes_on else line) + ("" if goes_on else "\r\n")
    return text.encode("latin-1")


def read_file(path):
    """The cases of one file."""
    cases, lines = [], []
    with open(path, encoding="ascii") as f:
        for number, line in enumerate(f.read().splitlines(), 1):
            if line.startswith("=== "):
                cases.append(Case(path, line[4:]))
            elif line.startswith("--- "):
                lines = []
                cases[-1].steps.append(Step(line[4:], lines, number))
            elif cases and cases[-1].steps:
                lines.append(line)
            else:
                assert line.startswith("#") or not line, f"{path}:{number}: stray line"
    for case in cases:
        for step in case.steps:
            step.text = join_lines(step.text)
    return cases


def read_all():
    paths = sorted(glob.glob(os.path.join(FOLDER, "*.case")))
    assert paths, f"no cases in {FOLDER}"
    cases = [case for path in paths for case in read_file(path)]
    assert len({case.name for case in cases}) == len(cases), "a title twice"
    return cases


def check_date(text):
    then = email.utils.parsedate_to_datetime(text.decode("ascii"))
    assert text == email.utils.format_datetime(then, usegmt=True).encode(), text
    assert abs(then.timestamp() - time.time()) < 2.5, f"Date is not now: {text!r}"


class Run:
    """One case against one proxy."""

    def __init__(self, case, proxy, source):
        self.case, self.proxy, self.source = case, proxy, source
        self.origin = RecordingOrigin()
        self.client = self.there = None
        self.is_over = False  # the origin's connection
        self.logged = 0
        self.sent = self.got = 0
        self._things = [self.origin]

    def go(self):
        try:
            self._open_client()
            for step in self.case.steps:
                try:
                    self._do(step)
                except (AssertionError, OSError) as fault:
                    raise AssertionError(f"{self.case.name}, line {step.line}, "
                                         f"--- {step.words}: {fault!r}") from fault
            for peer in (self.client, self.there):
                assert peer is None or peer.sock.fileno() < 0 or peer.is_quiet(0.03) or \
                    peer.is_ended(0.03), \
                    f"{self.case.name}: more bytes than the steps tell of"
            assert not self.origin.is_waiting(), f"{self.case.name}: a connection too many"
        finally:
            for thing in self._things:
                thing.close()

    def _open_client(self):
        self.client = Client(self.proxy.address, source=(self.source, 0))
        self._things.append(self.client)

    def _fill(self, text):
        port = str(self.origin.port).encode()
        text = NAME.sub(lambda found: found.group(1) + b":" + port, text)
        for name, value in ((b"{PORT}", port), (b"{CIP}", self.source.encode()), (b"{DATE}", DATE),
                            (b"{PROXY}", b"%s:%d" % (self.proxy.address[0].encode(),
                                                     self.proxy.address[1]))):
            text = text.replace(name, value)
        return text

    def _do(self, step):
        words = step.words.split()
        side, rest = words[0], " ".join(words[1:])
        if side == "log":
            return self._log(words[1], shlex.split(" ".join(words[2:])))
        if side == "random":
            return self._random(int(words[1]))
        assert side in ("client", "origin"), f"no step: {step.words}"
        if rest == "opens":
            self.client.close()
            return self._open_client()
        if rest.startswith("gets refusal ") or rest.startswith("gets head of refusal "):
            is_head = "head of" in rest
            return self._refusal(rest.partition("refusal ")[2].split(), is_head)
        if rest == "gets nothing":
            return self._nothing()
        if side == "origin" and (self.there is None or self.is_over) and rest.startswith("gets"):
            self._accept()
        peer = self.client if side == "client" else self.there
        text = self._fill(step.text)
        if side == "client":
            self.sent += len(text) * (rest == "")
            self.got += len(text) * (rest == "gets")
        action = {"": lambda: peer.send(text),
                  "gets": lambda: self._gets(peer, text),
                  "gets at most": lambda: self._at_most(peer, text),
                  "ends": peer.end, "closes": peer.close, "resets": peer.reset,
                  "sees the end": lambda: self._end(peer, False),
                  "sees a cut": lambda: self._end(peer, True)}[rest]
        action()
        if side == "origin" and rest in ("closes", "resets", "sees the end", "sees a cut",
                                        "gets at most"):
            self.is_over = True
        return None

    def _accept(self):
        self.there, self.is_over = self.origin.accept(), False
        self._things.append(self.there)

    @staticmethod
    def _gets(peer, wanted):
        got = b""
        try:
            got = peer.read(len(wanted))
        except (AssertionError, OSError) as fault:
            got = peer._ahead  # pylint: disable=protected-access
            raise AssertionError(f"got only {got!r} of {wanted!r}") from fault
        at = wanted.find(DATE)
        if at >= 0:
            check_date(got[at:at + len(DATE)])
            got = got[:at] + DATE + got[at + len(DATE):]
        assert got == wanted, f"\n got {got!r}\nnot {wanted!r}"

    def _at_most(self, peer, most):
        got, _ = read_cut(peer)
        if DATE in most:
            got = re.sub(rb"Date: [^\r]{29}\r", b"Date: " + DATE + b"\r", got)
        assert most.startswith(got), f"got {got!r}"

    @staticmethod
    def _end(peer, may_reset):
        rest, was_reset = read_cut(peer)
        assert rest == b"", f"got {rest!r} in front of the end"
        assert may_reset or not was_reset, "a reset"

    def _nothing(self):
        assert not self.origin.is_waiting(0.05), "a connection"
        if self.there is not None and not self.is_over:
            assert self.there.is_quiet(0.05), "a byte or the end"

    def _refusal(self, words, is_head):
        answer = self.client.read_answer(has_body=not is_head)
        assert answer.status == int(words[0]), (answer.status, answer.fields, answer.body)
        assert answer.get("proxy-status").startswith("sallyport; error="), answer.fields
        assert len(words) < 2 or answer.proxy_error == words[1], answer.fields
        assert answer.get("via") is None, "an answer of our own is not forwarded"
        assert self.client.is_ended(), "the connection stays open"

    def _random(self, size):
        data = os.urandom(size)
        for source, sink in ((self.client, self.there), (self.there, self.client)):
            source.send(data)
            assert sink.read(size) == data

    def _log(self, status, words):
        log = self.proxy.log
        found = wait_until(
            lambda: [r for r in log.records(client=self.source)][self.logged:],
            what=f"a log line of {self.source}")
        record = found[0]
        self.logged += 1
        assert record.get("status") == (None if status == "-" else int(status)), record
        for word in words:
            key, _, value = word.partition("=")
            value = value.replace("{SENT}", str(self.sent)).replace("{GOT}", str(self.got))
            assert str(record.get(key)) == value, (word, value, record)
        self.sent = self.got = 0
