# SPDX-License-Identifier: MIT
"""Thousands of hosts behind one inspecting proxy: an origin with a certificate for each name,
and clients that visit them, some of which fail.

    near = CrowdOrigin(folder)         # the benchmark's origin, one response to every request
    far = TlsOrigin(...)               # whose certificate has expired
    crowd = Crowd(i, near, far)
    crowd.visit(range(5000), 8)        # eight at a time; raises what went wrong

What becomes of host N is told by `mood_of(N)`, its name by `name_of(N)`.
"""
import os
import queue
import select
import socket
import ssl
import subprocess
import threading

from .client import Client
from .inspection import Inside, cut_records, make_hello, request, server_name, trusting
from .proxy import BINARY

ORIGIN = os.path.join(os.path.dirname(BINARY), "tests", "bench", "origin")
SIZE = 1000
WAIT_SECONDS = 60  # of a client: a proxy under valgrind is slow
# Of each fifty hosts these are not visited as the others are.
MOODS = {0: "expired", 10: "reset", 20: "exempt", 30: "records", 40: "segments"}


def mood_of(number):
    return MOODS.get(number % 50, "plain")


def name_of(number):
    mood = mood_of(number)
    return f"h{number}.{mood if mood in ('expired', 'exempt') else 'soak'}.test"


def resets_after_answer(number):
    """Of the clients that reset, every other one has seen the beginning of the ServerHello."""
    return number % 100 == 60


def count(numbers, *moods):
    return sum(mood_of(n) in moods for n in numbers)


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class CrowdOrigin:
    """The benchmark's origin, with a leaf for every name."""

    def __init__(self, folder):
        self.port, self.trust = unused_port(), os.path.join(str(folder), "crowd-ca.pem")
        self.process = subprocess.Popen(
            [ORIGIN, "--ca", self.trust, "--tls", f"{SIZE},127.0.0.1:{self.port}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert select.select([self.process.stdout], [], [], 30)[0], "the origin does not come up"
        assert self.process.stdout.readline() == b"ready=1\n"

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Crowd:
    """Clients of an Inspecting; near: the origin of all hosts but the expired, which are far's."""

    def __init__(self, inspecting, near, far):
        self.address = inspecting.proxy.address
        self.ports = {True: far.port, False: near.port}
        newest = ssl.TLSVersion.TLSv1_2
        self.contexts = [trusting(inspecting.trust), trusting(inspecting.trust, newest=newest)]
        self.outside = trusting(near.trust)

    def visit(self, numbers, at_once):
        left, faults = queue.Queue(), []
        for number in numbers:
            left.put(number)
        threads = [threading.Thread(target=self._work, args=(left, faults), daemon=True)
                   for _ in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not faults, f"{len(faults)} clients failed, the first ones: {faults[:3]}"

    def _work(self, left, faults):
        while len(faults) < 10:
            try:
                number = left.get_nowait()
            except queue.Empty:
                return
            try:
                self._visit(number)
            except Exception as fault:  # for the test to see, whatever it is
                faults.append((name_of(number), mood_of(number), repr(fault)))

    def _visit(self, number):
        name, mood = name_of(number), mood_of(number)
        authority = f"{name}:{self.ports[mood == 'expired']}"
        with Client(self.address, timeout=WAIT_SECONDS) as outer:
            answer = outer.connect(authority)
            assert answer.status == 200, (answer.status, answer.body)
            context = self.outside if mood == "exempt" else self.contexts[number % 5 == 3]
            if mood == "reset":
                self._reset(outer, context, name, number)
                return
            c = Inside(outer, context, name, cut=CUTS.get(mood))
            c.send(request(authority))
            answer = c.read_answer()
            expected = 502 if mood == "expired" else 200
            assert answer.status == expected, (answer.status, answer.body)
            assert mood == "expired" or len(answer.body) == SIZE, len(answer.body)
            if number % 2:
                c.sock.shutdown()  # the others end without a word of TLS

    @staticmethod
    def _reset(outer, context, name, number):
        if not resets_after_answer(number):
            outer.send(make_hello(server_name(name))[:30])
            outer.reset()
            return
        got, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(got, out, server_hostname=name)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        outer.send(out.read())
        outer.read(1)
        outer.reset()


CUTS = {
    "records": lambda flight: [cut_records(flight, 20)],
    "segments": lambda flight: [flight[i:i + 40] for i in range(0, len(flight), 40)],
}
