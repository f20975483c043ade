# SPDX-License-Identifier: MIT
"""Reads the metrics page, strictly: what a lenient scraper would take fails here."""
import http.client
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)\Z")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\Z)')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}


def get(proxy, path, method="GET"):
    """(status, fields, body) from the administrator's door."""
    door = http.client.HTTPConnection(*proxy.admin, timeout=10)
    try:
        door.request(method, path)
        answer = door.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        door.close()


def parse_labels(text):
    labels, at = [], 0
    while text and at < len(text):
        found = LABEL.match(text, at)
        assert found, f"bad labels {text!r}"
        labels.append((found.group(1), found.group(2)))
        at = found.end()
    assert len({name for name, _ in labels}) == len(labels), f"a label twice in {text!r}"
    return tuple(sorted(labels))


class Metrics:
    """One page: types by family, values by name and labels."""

    def __init__(self, text):
        assert text.endswith("\n"), "the last line has no end"
        self.types = {}
        self.values = {}
        self._helped = set()
        family = None
        for line in text.splitlines():
            family = self._take(line, family)
        self._check_histograms()

    def _take(self, line, family):
        """One line; returns the family it belongs to."""
        if line.startswith("# HELP "):
            name, _, words = line[7:].partition(" ")
            assert NAME.match(name) and words, line
            assert name not in self._helped, f"{name} comes twice"
            self._helped.add(name)
            return name
        if line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            assert name == family and name not in self.types, f"TYPE out of place: {line}"
            assert kind in ("counter", "gauge", "histogram"), line
            self.types[name] = kind
            return name
        found = SAMPLE.match(line)
        assert found, f"no sample: {line!r}"
        name, labels, value = found.groups()
        kind = self.types.get(family)
        allowed = [family + suffix for suffix in SUFFIXES.get(kind, ("",))]
        assert name in allowed, f"{name} stands under {family}"
        key = (name, parse_labels(labels or ""))
        assert key not in self.values, f"{line} comes twice"
        number = float(value)
        assert number >= 0, line
        self.values[key] = number
        return family

    def _check_histograms(self):
        for family, kind in self.types.items():
            if kind != "histogram":
                continue
            buckets = sorted((float(dict(labels)["le"]), value)
                             for (name, labels), value in self.values.items()
                             if name == family + "_bucket")
            counts = [value for _, value in buckets]
            assert counts == sorted(counts), f"{family} is not cumulative"
            assert buckets[-1] == (float("inf"), self.value(family + "_count"))

    def value(self, name, **labels):
        return self.values[(name, tuple(sorted(labels.items())))]

    def sum(self, name):
        """Over all labels."""
        return sum(value for (at, _), value in self.values.items() if at == name)


def scrape(proxy):
    status, fields, body = get(proxy, "/metrics")
    assert status == 200 and fields["Content-Type"].startswith("text/plain; version=0.0.4")
    return Metrics(body.decode("ascii"))
