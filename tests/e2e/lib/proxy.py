# SPDX-License-Identifier: MIT
"""Starts, watches, reloads and stops the real binary."""
import os
import re
import signal
import subprocess
import threading
import time

from .accesslog import AccessLog
from .config import ROOT

BINARY = os.environ.get("SALLYPORT_BIN", os.path.join(ROOT, "build", "sallyport"))
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:"
                       r"|sallyport: bug:")
BOUND = re.compile(r"\b(listening|admin|portal) on (\S+):(\d+)\s*$")
START_SECONDS = 30  # a sanitizer build on a busy machine


def assert_clean(text, what):
    """Fails where a sanitizer or an ASSERT spoke."""
    assert not SANITIZER.search(text), f"{what} reports a bug:\n{text}"


def run(*arguments, timeout=60, **options):
    """Runs the binary's other commands; returns the finished process, as text."""
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=timeout,
                          stdin=subprocess.DEVNULL, **options)
    assert_clean(done.stderr, " ".join(arguments))
    return done


class Proxy:
    """One `sallyport serve` in a folder of its own.

    Its configuration is FOLDER/sallyport.conf, its log FOLDER/access.log. With
    descriptors it cannot have more than so many open.
    """

    def __init__(self, folder, text, listeners=1, has_admin=True, environment=None,
                 descriptors=None, stdout=subprocess.DEVNULL):
        self.folder = str(folder)
        self.path = os.path.join(self.folder, "sallyport.conf")
        self.log = AccessLog(os.path.join(self.folder, "access.log"))
        self.listeners = []  # (host, port) in the order of the configuration
        self.admin = None
        self.portal = None
        self._stderr = []
        self._news = threading.Condition()
        self._is_checked = False
        self.write_config(text)
        limit = ["prlimit", f"--nofile={descriptors}"] if descriptors else []
        self.process = subprocess.Popen(
            [*limit, BINARY, "serve", "-c", self.path], cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, text=True,
            errors="replace", env={**os.environ, **(environment or {})})
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()
        self._wait_until_bound(listeners, has_admin)

    # What it said and where it listens

    def _read_stderr(self):
        for line in self.process.stderr:
            with self._news:
                self._stderr.append(line)
                found = BOUND.search(line)
                if found:
                    bound = (found.group(2).strip("[]"), int(found.group(3)))
                    if found.group(1) == "listening":
                        self.listeners.append(bound)
                    else:
                        setattr(self, found.group(1), bound)
                self._news.notify_all()

    def _wait_until_bound(self, listeners, has_admin):
        def is_up():
            return len(self.listeners) >= listeners and (self.admin or not has_admin)

        end = time.monotonic() + START_SECONDS
        while True:
            with self._news:
                self._news.wait_for(is_up, 0.1)
                if is_up():
                    return
            died = self.process.poll()
            if died is not None or time.monotonic() > end:
                self.kill()
                raise AssertionError(f"sallyport did not come up (exit status {died}):\n"
                                     f"{self.errors()}")

    @property
    def address(self):
        """(host, port) of the first listener."""
        return self.listeners[0]

    @property
    def url(self):
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def pid(self):
        return self.process.pid

    def errors(self):
        """All that came on standard error so far."""
        with self._news:
            return "".join(self._stderr)

    def wait_error(self, pattern, timeout=10, after=0):
        """Waits for a line on standard error; after skips that many characters."""
        end = time.monotonic() + timeout
        with self._news:
            while True:
                found = re.search(pattern, "".join(self._stderr)[after:])
                if found:
                    return found
                left = end - time.monotonic()
                assert left > 0, f"no {pattern!r} on standard error:\n{''.join(self._stderr)}"
                self._news.wait(left)

    # Control

    def write_config(self, text):
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.replace(self.path + ".new", self.path)

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, text=None):
        """HUP, after writing text as the new configuration."""
        if text is not None:
            self.write_config(text)
        self.signal(signal.SIGHUP)

    def wait_exit(self, timeout=30):
        """Its exit status, once it has ended by itself."""
        status = self.process.wait(timeout)
        self._reader.join(timeout)
        return status

    def stop(self, timeout=30):
        """TERM; it must end with status 0 and must have reported no bug."""
        if self._is_checked:
            return
        self._is_checked = True
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            status = self.wait_exit(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still there {timeout} s after TERM:\n{self.errors()}") from None
        assert_clean(self.errors(), "sallyport serve")
        assert status == 0, f"exit status {status}:\n{self.errors()}"

    def kill(self):
        self._is_checked = True
        self.process.kill()
        self.process.wait()
        self._reader.join(5)

    # What the kernel knows of it

    def descriptors(self):
        """How many file descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def pss_kib(self):
        """Its memory: the proportional set size, in KiB."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="ascii") as f:
            return int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M).group(1))

    def cpu_seconds(self):
        """The processor time that it has used so far."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
