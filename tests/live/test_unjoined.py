#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A decoded call that no socket is known of ends, too: answered, or once as a failure, and its row goes.

Every client here is connected before the observer starts, so that nobody saw its handshake.
"""
import contextlib
import json
import subprocess

import ledger
from harness import Child, Operaglass, Tap
from scene import TOKEN, UNKNOWN, WAIT_SECONDS, Scene, call
from stage import NAME, Stage

HANG = call("sendMessage", "POST", "end=hang", body=20, timeout=30)
CALLS = {("sendMessage", "POST"): 1}
CONNECTIONS = "upstream_connections_total"
GAVE_UP = {("sendMessage", "timeout"): 1}


class Early:
    """A client that is connected, and makes its calls at a line of input."""

    def __init__(self, stage, *calls, **options):
        plan = {"host": NAME, "port": 443, "ca": stage.ca, "requests": calls, "hold": True}
        self.process = Child(
            stage.network.in_client(
                [*stage.command("python_sync"), json.dumps({**plan, **options})]
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.process.line() != "connected\n":
            raise RuntimeError("the early client did not connect")

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def tell(self, heard, line):
        """To the program that it became, once that has said so."""
        if self.process.line() != heard + "\n":
            raise RuntimeError(f"the client did not say: {heard}")
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.line()
        if line == "connected\n":  # once more
            self.go()
            line = self.process.line()
        return json.loads(line)["status"]

    def end(self):
        self.process.kill()
        self.process.communicate()


def rows(operaglass):
    """How many calls without a socket are in the map."""
    done = subprocess.run(
        ["bpftool", "-j", "map", "dump", "pinned", f"{operaglass.pins}/maps/calls"],
        capture_output=True,
        text=True,
        check=True,
    )
    return sum(1 for row in json.loads(done.stdout) if row["formatted"]["key"]["tgid"])


def begin(scene, client, sentence):
    """Its call is counted as begun, waits in the map, and scrapes do not end it."""
    client.go()
    book = ledger.booked(scene.wait(lambda m: ledger.booked(m)["requests"] == CALLS))
    for _ in range(3):
        scene.operaglass.metrics()
    scene.tap.equal(
        f"{sentence}: while it waits it is a request, no failure, and one row",
        (book["requests"], book["failures"], rows(scene.operaglass)),
        (CALLS, {}, 1),
    )


def ended(scene, sentence, failures, durations=None):
    """It has been counted once, and nothing of it is left."""

    def over(metrics):
        book = ledger.booked(metrics)
        return book["failures"] == failures and book["durations"] == (durations or {})

    book = ledger.booked(scene.wait(over, WAIT_SECONDS))
    for _ in range(3):
        scene.operaglass.metrics()
    scene.tap.equal(
        sentence,
        (book["failures"], book["durations"], rows(scene.operaglass)),
        (failures, durations or {}, 0),
    )


def test_killed(scene, client):
    begin(scene, client, "a client that will be killed")
    client.end()
    scene.stage.truth(1)
    ended(scene, "its process ends: one timeout, and the row is gone", GAVE_UP)


def test_freed(scene, client):
    begin(scene, client, "a client that will give up")
    scene.tap.equal("the client gives up", client.answer(), None)
    scene.stage.truth(1)
    ended(scene, "its object is freed: one timeout, and the row is gone", GAVE_UP)
    scene.tap.equal("its process lives on", client.process.poll(), None)


def test_next_connection(scene, client):
    """Its second connection is known, and often has an object at the same address."""
    client.go()
    scene.tap.equal(
        "a client gives up, and calls again on a new connection",
        (client.answer(), client.answer()),
        (None, 200),
    )
    scene.stage.truth(2)
    ended(
        scene,
        "the first call is one timeout, the second is answered",
        GAVE_UP,
        {("sendMessage", "200"): 1},
    )


def test_until_close(scene, client):
    client.go()
    scene.tap.equal("an answer that ends with its connection", client.answer(), 200)
    scene.stage.truth(1)
    ended(scene, "is an answer", {}, {("getMe", "200"): 1})


def test_exec(scene, client):
    """What nobody can look into is counted as opaque, though another program of the process was decoded."""
    client.go()
    scene.tap.equal("an answer to the program that a process runs first", client.answer(), 200)
    scene.stage.truth(1)
    ended(scene, "is counted as decoded", {}, {("getMe", "200"): 1})
    client.tell("ready", f"GET {TOKEN}/getMe 0")
    scene.tap.equal("an answer to the one that it executes then", client.answer(), 200)
    scene.stage.truth(1)
    delta = scene.wait(lambda m: sum(ledger.booked(m)["durations"].values()) == 1)
    book = ledger.booked(delta)
    scene.tap.equal(
        "is counted as opaque: what the first one was has no say in it",
        (book["requests"], book["durations"], delta.by(CONNECTIONS, "visibility")),
        ({UNKNOWN: 1}, {UNKNOWN: 1}, {("encrypted",): 1}),
    )


def test_nothing_is_added_later(scene):
    delta = scene.wait(lambda m: ledger.booked(m)["failures"], 2)
    book = ledger.booked(delta)
    scene.tap.equal(
        "nothing is counted after its time",
        (book["requests"], book["failures"], book["durations"]),
        ({}, {}, {}),
    )


def main():
    tap = Tap()
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(Stage("unjoined"))

        def early(*calls, **options):
            client = Early(stage, *calls, **options)
            stack.callback(client.end)
            return client

        impatient = {**HANG, "timeout": 1.5}
        killed, freed = early(HANG), early(impatient, stay=True)
        again = early({**HANG, "timeout": 0.5}, call("sendMessage", "POST", body=9), stay=True)
        closing = early(call("getMe", query="as=close&size=5000"), stay=True)
        opaque = stage.tls_client("nothing-can-be-read-here", "-s")
        becomes = early(call("getMe"), then=[opaque, NAME, stage.ca])
        operaglass = stack.enter_context(Operaglass())
        Scene(operaglass, stage, tap).run(
            [
                lambda scene: test_killed(scene, killed),
                lambda scene: test_freed(scene, freed),
                lambda scene: test_next_connection(scene, again),
                lambda scene: test_until_close(scene, closing),
                lambda scene: test_exec(scene, becomes),
                test_nothing_is_added_later,
            ]
        )
    tap.done()


if __name__ == "__main__":
    main()
