#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TLS 1.3 of a server that packs its extensions with its certificate: nobody is told that HTTP/2 was agreed upon.

What the client offered, and how long the first records of both sides are, must tell it; and a client that offered
HTTP/2, speaks HTTP/1.1 and sends records of such lengths must lose no call.
"""
import time

from book import CONFIG, Book
from harness import Operaglass, Tap, free_port
from wire import Listener, Wire, client_hello, in_records

SEAL = 17
OFFER = ["http/1.1", "h2"]
PREFACE, ACKNOWLEDGE, WINDOW = 24, 9, 13
SETTINGS = 9 + 3 * 6 + WINDOW
GREETING = PREFACE + SETTINGS
ENCRYPTED = {"encrypted": 1}


class Untold(Wire):
    """A connection after its handshake; everything in it has the length that it says before it is sealed."""

    def __init__(self, listener, offer=OFFER, sealed=900, tickets=2):
        super().__init__(listener)
        hello = [in_records(client_hello("web.test", offer=offer))]
        self.shake_hands("", hello=hello, sealed=sealed, tickets=tickets)

    def ask(self, *sizes):
        super().ask(*(size + SEAL for size in sizes))

    def answer(self, *sizes):
        super().answer(*(size + SEAL for size in sizes))

    def over(self, book, sentence, **what):
        self.close()
        return book.expect(sentence, connections=ENCRYPTED, **what)


def seconds(delta):
    return delta.total("upstream_request_duration_seconds_sum", upstream="web")


def test_greetings(book, listener):
    for sentence, greeting in (("", [GREETING]), (", the preface by itself", [PREFACE, SETTINGS])):
        for tickets in (0, 1, 2):
            wire = Untold(listener, tickets=tickets)
            wire.ask(*greeting)
            wire.answer(SETTINGS, ACKNOWLEDGE)
            wire.ask(ACKNOWLEDGE)
            for _ in range(6):
                wire.ask(60)
                wire.answer(40, 300)
            wire.over(book, f"settings that go ahead{sentence}; {tickets} session tickets", calls=6)
        wire = Untold(listener)
        wire.ask(*greeting, 60)
        wire.answer(SETTINGS, ACKNOWLEDGE)
        wire.ask(ACKNOWLEDGE)
        wire.answer(40, 300)
        wire.ask(60)
        wire.answer(40, 300)
        wire.over(book, f"settings and a request at once{sentence}", calls=2)


def test_durations(book, listener):
    """A connection that was made ahead: the time until its first request is nobody's."""
    for sentence, greeting in (("", [GREETING]), (", the preface by itself", [PREFACE, SETTINGS])):
        wire = Untold(listener)
        wire.ask(*greeting)
        wire.answer(SETTINGS, ACKNOWLEDGE)
        wire.ask(ACKNOWLEDGE)
        time.sleep(1)
        begin = time.monotonic()
        wire.ask(60)
        wire.answer(40, 300)
        most = time.monotonic() - begin
        delta = wire.over(book, f"a connection that waits for its first request{sentence}", calls=1)
        book.tap.within(f"it took as long as its answer did{sentence}", seconds(delta), 0, most)


def test_windows(book, listener):
    """The windows that a server gives while a request goes on end nothing."""
    for sentence, first in (("after settings", [GREETING, 60]), ("after a preface", [PREFACE, SETTINGS, 60])):
        wire = Untold(listener)
        wire.ask(*first, 16000)
        wire.answer(SETTINGS, ACKNOWLEDGE)
        for _ in range(5):
            wire.ask(16000)
            wire.answer(2 * WINDOW)
        wire.ask(ACKNOWLEDGE, 16000)
        wire.answer(40, 300)
        wire.over(book, f"windows of a long request, {sentence}", calls=1)
    wire = Untold(listener)
    wire.ask(200)  # its settings among it
    wire.answer(SETTINGS, ACKNOWLEDGE)
    wire.ask(ACKNOWLEDGE)
    wire.answer(40, 300)
    wire.ask(60, 16000)
    for _ in range(5):
        wire.answer(WINDOW)
        wire.ask(16000)
    wire.answer(40, 300)
    wire.over(book, "windows of a long request, after settings were acknowledged", calls=2)


def test_http1(book, listener):
    """No length of a request or a response makes a call of HTTP/1 disappear."""
    told = {"which the extensions tell": {"sealed": 42}, "which nobody offered against": {"offer": ["http/1.1"]}}
    for sentence, plan in ({"which nobody tells": {}} | told).items():
        for tickets, size in ((0, 9000), (2, 330)):  # without tickets, one would be looked for
            wire = Untold(listener, tickets=tickets, **plan)
            for answer in ([size], [9000], [330], [64], [154, 27]):
                wire.ask(GREETING)
                wire.answer(*answer)
            wire.over(book, f"HTTP/1.1, {sentence}, {tickets} session tickets", calls=5)
    wire = Untold(listener)
    for _ in range(3):
        wire.ask(150)
        wire.answer(27)
    wire.over(book, "answers that are as short as settings", calls=3)
    wire = Untold(listener)
    wire.ask(PREFACE, 130)
    wire.answer(700)
    wire.over(book, "a request whose first line goes ahead", calls=1)


def main():
    tap, port = Tap(), free_port()
    with Listener("127.0.0.1", port) as listener:
        with Operaglass(CONFIG.format(port=port)) as operaglass:
            book = Book(operaglass, tap)
            test_greetings(book, listener)
            test_durations(book, listener)
            test_windows(book, listener)
            test_http1(book, listener)
    tap.done()


if __name__ == "__main__":
    main()
