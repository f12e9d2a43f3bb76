#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Why a connection is opaque, where that is its process's or the observer's doing: no TLS that is known at all, or one
that was found when the first call had left."""
import os
import signal
import subprocess
import sys

from book import Book
from harness import Child
from tls_world import World
from wire import Listener, Wire

CONFIG = """  - {{name: web, kind: https, hosts: [web.test], ports: [{port}]}}
"""
REASONS = "upstream_undecoded_connections_total"
# Sends what it is told to and takes so many bytes: no TLS library is in it.
SPEAKER = """
import socket, sys
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for line in sys.stdin:
    word, what = line.split()
    if word == "send":
        peer.sendall(bytes.fromhex(what))
    else:
        print(peer.recv(int(what)).hex(), flush=True)
"""


class Speaker:
    """The client's end of a Wire, in a process of its own."""

    def __init__(self, port):
        self.process = Child(
            [sys.executable, "-S", "-c", SPEAKER, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, word, what):
        self.process.stdin.write(f"{word} {what}\n")
        self.process.stdin.flush()

    def sendall(self, data):
        self.tell("send", data.hex())

    def recv(self, size):
        self.tell("recv", size)
        return bytes.fromhex(self.process.line())

    def close(self):
        self.process.communicate(timeout=10)


class SpokenWire(Wire):
    def __init__(self, listener):
        self.client = Speaker(listener.port)
        self.server = listener.accept()
        self.server.settimeout(5)
        self.tls12 = False


def reasons(metrics, upstream):
    return metrics.by(REASONS, "reason", upstream=upstream)


def test_no_stack(world, listener):
    book = Book(world.og, world.tap)
    wire = SpokenWire(listener)
    wire.shake_hands("web.test")
    for _ in range(3):
        wire.ask(300)
        wire.answer(700)
    wire.close()
    delta = book.expect("three calls of a program without any TLS library", calls=3, connections={"encrypted": 1})
    world.tap.equal(
        "its connection is opaque for want of a stack that is known", reasons(delta, "web"), {("unsupported_stack",): 1}
    )


def test_found_late(world):
    """The observer stands still while a library that nobody has mapped yet makes its first call."""
    before = world.og.metrics()
    library = world.library("late")
    os.kill(world.og.process.pid, signal.SIGSTOP)
    try:
        client = world.python(library)
        client.call("open")
        said = [client.call("/first")]
    finally:
        os.kill(world.og.process.pid, signal.SIGCONT)
    probed = world.wait_pins(library + "/libssl.so.3", seconds=30)
    said += [client.call("/second"), client.call("/third")]
    client.end()

    def seen(metrics):
        return {
            "calls": metrics.by("upstream_requests_total", "endpoint", upstream="discovery"),
            "answers": metrics.total("upstream_request_duration_seconds_count", upstream="discovery"),
            "reasons": reasons(metrics, "discovery"),
            "connections": metrics.by("upstream_connections_total", "visibility", upstream="discovery"),
        }

    want = {
        "calls": {("unknown",): 3},
        "answers": 3,
        "reasons": {("attached_late",): 1},
        "connections": {("encrypted",): 1},
    }
    delta = world.og.wait(lambda m: seen(m) == want, 10, since=before)
    world.tap.equal("all calls are answered, and the library is found", (said, probed), (["200"] * 3, True))
    world.tap.equal("a connection whose first call was not read stays opaque, and it is said why", seen(delta), want)
    world.decoded("the next connection of that library is read", world.python(library), "/fourth")


def main():
    with Listener("127.0.0.1") as listener, World(CONFIG.format(port=listener.port)) as world:
        with world.og:
            test_no_stack(world, listener)
            test_found_late(world)
    world.tap.done()


if __name__ == "__main__":
    main()
