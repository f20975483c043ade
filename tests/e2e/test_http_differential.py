# SPDX-License-Identifier: MIT
"""2,000 generated exchanges, in random fragments, arrive with the allowed differences only."""
import random

import pytest

from lib.client import Client
from lib.http_messages import Maker, Request, Response, check_head
from lib.http_steps import OPEN
from lib.http_wire import RecordingOrigin, read_message, send_pieces

COUNT = 500  # times two seeds, with and without headers.strict
PAUSE = 0.00005  # so that a fragment is often read by itself


class Pair:
    """The client's connection and the origin's, opened anew where they were closed."""

    def __init__(self, proxy, there):
        self.proxy, self.there = proxy, there
        self.client = self.peer = None
        self.accepted = 0

    def open_client(self):
        if self.client is None:
            self.client = Client(self.proxy.address)
        return self.client

    def open_origin(self):
        """Where the proxy opened another connection, this one is over."""
        if self.peer is None or self.there.is_waiting():
            self.peer = self.there.accept()
            self.accepted += 1
        return self.peer

    def drop(self, client, origin):
        if client:
            self.client.close()
            self.client = None
        if origin:
            self.peer.close()
            self.peer = None


def interim_heads(client, wanted):
    for lines in wanted:
        head = client.read_until(b"\r\n\r\n")
        assert sorted(head.split(b"\r\n")) == sorted(lines), (head, lines)


def exchange(pair, maker, authority):
    client = pair.open_client()
    asked = Request(maker, authority, "127.0.0.1")
    send_pieces(client, maker.fragments(asked.wire), PAUSE)
    peer = pair.open_origin()
    got = read_message(peer)
    check_head(got, asked)
    assert got.content == asked.content and got.trailers == asked.trailers
    answer = Response(maker, asked)
    send_pieces(peer, maker.fragments(answer.wire), PAUSE)
    if answer.origin_closes:
        peer.end()
    interim_heads(client, answer.interim)
    got = read_message(client, answer.answers_head)
    check_head(got, answer, answer.adds_date)
    assert got.content == answer.content and got.trailers == answer.trailers
    if answer.closes:
        assert client.is_ended()
    pair.drop(answer.closes, answer.origin_closes)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_they_arrive_unchanged(proxy, hosts, closing, seed, strict):
    hosts({"origin.test": "127.0.0.1"})
    there = closing(RecordingOrigin())
    p = proxy(**{**OPEN, "headers": {"via": "px1", "strict": strict}})
    pair = Pair(p, there)
    maker = Maker(random.Random(seed + 2 * strict))
    for number in range(COUNT):
        try:
            exchange(pair, maker, f"origin.test:{there.port}")
        except (AssertionError, OSError) as fault:
            raise AssertionError(f"seed {seed}, exchange {number}: {fault!r}") from fault
    pair.drop(pair.client is not None, pair.peer is not None)
    records = p.log.wait(COUNT, event="request")
    assert len(records) == COUNT and {r["end"] for r in records} == {"done"}
    assert pair.accepted < COUNT // 5, "connections were not kept"
