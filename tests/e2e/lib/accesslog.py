# SPDX-License-Identifier: MIT
"""Reads an access log while the proxy writes it."""
import json
import time


class AccessLog:
    """The lines of one log file, each a record that must be valid JSON."""

    def __init__(self, path):
        self.path = path

    def lines(self):
        """Every complete line so far; none while the file is absent."""
        try:
            with open(self.path, encoding="utf-8") as f:
                text = f.read()
        except FileNotFoundError:
            return []
        return text[:text.rfind("\n") + 1].splitlines()

    def records(self, **wanted):
        """The records whose keys have the wanted values, in order."""
        found = []
        for line in self.lines():
            record = json.loads(line)
            assert isinstance(record, dict), f"not an object: {line}"
            if all(record.get(key) == value for key, value in wanted.items()):
                found.append(record)
        return found

    def wait(self, count=1, timeout=10, **wanted):
        """At least count matching records; fails the test after timeout seconds."""
        end = time.monotonic() + timeout
        while True:
            found = self.records(**wanted)
            if len(found) >= count:
                return found
            assert time.monotonic() < end, (
                f"{len(found)} of {count} log records with {wanted} after {timeout} s; "
                f"the log has: {self.lines()}")
            time.sleep(0.02)

    def one(self, timeout=10, **wanted):
        """Exactly one matching record."""
        found = self.wait(1, timeout, **wanted)
        assert len(found) == 1, f"{len(found)} log records with {wanted}: {found}"
        return found[0]
