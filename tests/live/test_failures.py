#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A request that gets no whole answer is one failure; what is no failure is counted as none."""
import json
import signal
import subprocess

import ledger
from harness import Child, Operaglass, Tap
from network import SERVER4
from scene import SETTLE_SECONDS, UNKNOWN, Scene, call
from stage import NAME, Stage


DECODED = ("curl", "python_sync", "python_aiohttp", "node_https", "ruby")
OPAQUE = ("wget", "go")
# How the server ends a request that has arrived, and what that is.
WAYS = (
    ("reset before the answer", "end=reset", "reset"),
    ("reset in the middle of the answer", "end=reset&at=body&size=200000&pieces=4", "reset"),
    ("closed before the answer", "end=close", "closed"),
    ("TLS closed before the answer, TCP left open", "end=notify", "closed"),
    ("closed in the middle of the answer", "end=close&at=body&size=200000&pieces=4", "closed"),
    (
        "closed in the middle of a chunked answer",
        "end=close&at=body&size=9000&pieces=3&as=chunked",
        "closed",
    ),
    ("the client gives up before the answer", "end=hang", "timeout"),
    (
        "the client gives up in the middle of the answer",
        "end=hang&at=body&size=9000&pieces=3",
        "timeout",
    ),
)


def fails(scene, sentence, client, query, error, want, statuses):
    """One POST that the server ends in this way: one call `want` and one failure of its endpoint."""
    patience = 0.5 if error == "timeout" else 10
    scene.expect(
        f"{sentence} ({client})",
        client,
        [call("sendMessage", "POST", query, body=200, timeout=patience)],
        {(want[0], error): 1},
        {want: 1},
        seen=1,
        statuses=statuses,
    )


def test_after_the_request(scene):
    """The request arrived and no whole answer came back."""
    scene.stage.set_name(NAME, a=[SERVER4])
    for sentence, query, error in WAYS:
        statuses = "any" if "at=body" in query else None
        for client in DECODED:
            fails(scene, sentence, client, query, error, ("sendMessage", "POST"), statuses)


def test_opaque(scene):
    """The same, of clients that are not looked into; the answers' middle cannot be told there."""
    for sentence, query, error in WAYS:
        for client in OPAQUE if "at=body" not in query else ():
            fails(scene, f"{sentence}, opaque", client, query, error, UNKNOWN, None)


def test_killed(scene):
    """A client that is killed while it waits has given up."""
    plan = {
        "host": NAME,
        "port": 443,
        "ca": scene.stage.ca,
        "requests": [call("sendMessage", query="end=hang")],
    }
    client = Child(
        scene.stage.network.in_client([*scene.stage.command("python_sync"), json.dumps(plan)]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    scene.operaglass.wait(
        lambda m: m.value("upstream_connections", upstream="telegram", state="active") == 1
    )
    client.send_signal(signal.SIGKILL)
    client.wait()
    scene.stage.truth(1)
    want = {("sendMessage", "timeout"): 1}
    book = ledger.booked(scene.wait(lambda m: ledger.booked(m)["failures"] == want, SETTLE_SECONDS))
    scene.tap.equal("a client killed while it waits: a timeout", book["failures"], want)


def test_repeated(scene):
    """A failure and its repetition by the same process."""
    for query, error, client in (
        ("end=reset", "reset", "python_sync"),
        ("end=close", "closed", "ruby"),
        ("end=hang", "timeout", "python_sync"),
    ):
        requests = [
            call("sendMessage", "POST", query, body=20, timeout=0.5),
            call("sendMessage", "POST", body=20),
        ]
        book = scene.expect(
            f"{error}, then repeated",
            client,
            requests,
            {("sendMessage", error): 1},
            {("sendMessage", "POST"): 2},
            seen=2,
            statuses=[None, 200],
        )
        scene.tap.equal(
            f"{error}, then repeated: one retry", book["retries"], {("sendMessage",): 1}
        )


def test_many_at_once(scene):
    requests = [
        call("sendPhoto", "POST", "end=reset&delay=40" if n % 3 == 0 else "delay=40", body=50)
        for n in range(30)
    ]
    results = scene.stage.play("python_aiohttp", requests, connections=10)
    truth = scene.stage.truth(30)
    resets = sum(row["ended"] == "reset" for row in truth)
    want = {("sendPhoto", "reset"): resets}
    book = ledger.booked(
        scene.wait(
            lambda m: ledger.booked(m)["failures"] == want
            and m.total("telegram_api_requests_total") == 30,
            SETTLE_SECONDS,
        )
    )
    scene.tap.equal(
        "ten connections at once, a third of the calls reset: failures", book["failures"], want
    )
    scene.tap.equal("ten connections at once: calls", book["requests"], {("sendPhoto", "POST"): 30})
    scene.tap.equal(
        "ten connections at once: answers", book["durations"], {("sendPhoto", "200"): 30 - resets}
    )
    scene.tap.equal(
        "the client saw as many failures",
        sum(result["status"] is None for result in results),
        resets,
    )


def test_written_too_late(scene):
    """The server reset the idle connection: the next request is begun, and cannot leave."""
    for client, body in (("python_sync", None), ("python_sync", 300), ("python_bio", None)):
        scene.expect(
            f"a request on a connection that was reset meanwhile ({client}, body {body})",
            client,
            [
                call("getMe", query="idle=50&idle_end=reset"),
                call("sendMessage", "POST", "a=b", body=body),
            ],
            {("sendMessage", "reset"): 1},
            {("getMe", "GET"): 1, ("sendMessage", "POST"): 1},
            seen=1,
            statuses=[200, None],
            pause=0.3,
        )


def test_no_failures(scene):
    """Ends that are none of a call's failures."""
    good = {("getMe", "GET"): 1}
    scene.expect(
        "the server closes an idle connection",
        "python_sync",
        [call("getMe", query="idle=100")],
        {},
        good,
        seen=1,
        statuses=[200],
        pause=0.4,
    )
    scene.expect(
        "the client closes an idle connection",
        "python_sync",
        [call("getMe")],
        {},
        good,
        seen=1,
        statuses=[200],
        pause=0.2,
    )
    scene.expect(
        "an answer that ends with the connection",
        "python_sync",
        [call("getMe", query="as=close&size=70000")],
        {},
        good,
        seen=1,
        statuses=[200],
    )


def test_opaque_no_failures(scene):
    scene.expect(
        "an opaque answer that ends with the connection",
        "wget",
        [call("getMe", query="as=close&size=70000")],
        {},
        {UNKNOWN: 1},
        seen=1,
        statuses=[200],
    )
    scene.expect(
        "an opaque idle connection that the client closes",
        "go",
        [call("getMe"), call("getMe")],
        {},
        {UNKNOWN: 2},
        seen=2,
        statuses=[200, 200],
    )


def test_nothing_is_added_later(scene):
    delta = scene.wait(lambda m: ledger.booked(m)["failures"], 3)
    scene.tap.equal("no failure is added after its time", ledger.booked(delta)["failures"], {})


def main():
    tap = Tap()
    with Stage("failures") as stage:
        with Operaglass() as operaglass:
            Scene(operaglass, stage, tap).run(
                [
                    test_after_the_request,
                    test_killed,
                    test_repeated,
                    test_many_at_once,
                    test_written_too_late,
                    test_no_failures,
                    test_nothing_is_added_later,
                ]
            )
        # None of them is an agent: nothing is read inside their TLS, whatever it is.
        with Operaglass("tls: {scope: agents}") as operaglass:
            Scene(operaglass, stage, tap).run(
                [test_opaque, test_opaque_no_failures, test_nothing_is_added_later]
            )
    tap.done()


if __name__ == "__main__":
    main()
