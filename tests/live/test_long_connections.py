#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connections that have carried many small requests: each further one is read when its write begins, and the write's
return is not waited for. Whatever then becomes of the write, every call is counted once.
"""
import signal

from harness import Operaglass, Tap
from scene import Scene, call, usual
from stage import CLIENTS, Stage

WARM = [call("getMe") for _ in range(40)]
REPEATED = {("getMe", "GET"): len(WARM)}
# In flight at once, of which a connection may have 16: a small request, and more than both ends' buffers hold.
CROWD = [call("sendMessage")] + [call("sendMessage", field=15000) for _ in range(15)]


def test_usual(scene):
    for client in ("python_sync", "python_bio", "python_aiohttp", "node_https", "curl", "gnutls_curl"):
        scene.check(f"after {len(WARM)} calls the usual ones ({client})", client, WARM + usual() + WARM)


def test_other_writes(scene):
    """In pieces, several in one, with a body of its own, longer than what is taken whole."""
    last = [call("sendMessage", "POST", body=200), call("getChat"), call("sendDocument", "POST", body=300000), call("getMe")]
    for sentence, plan in (
        ("heads in two writes", {"split": 2}),
        ("requests before their answers", {"pipeline": True}),
        ("requests in one write", {"pipeline": "one write"}),
        ("writes that are tried again", {"nonblocking": True}),
    ):
        scene.check(f"after many small requests {sentence}", "python_raw", WARM + last, warm=len(WARM), **plan)


def test_blocked(scene):
    """The server reads no more: requests wait in the buffers, and the last of them before the library."""
    requests = [
        *WARM,
        call("getFile", query="freeze=1"),
        *CROWD,
    ]
    with scene.stage.playing(
        CLIENTS["python_raw"], requests, warm=len(WARM) + 1, pipeline=True, nonblocking=True, buffer=8192
    ) as process:
        for line in process.stdout:
            if line.strip() == "blocked":
                break
        scene.stage.server.send_signal(signal.SIGCONT)
        process.communicate(timeout=30)
    scene.stage.truth(len(requests))
    want = {("getMe", "GET"): len(WARM), ("getFile", "GET"): 1, ("sendMessage", "GET"): len(CROWD)}
    scene.add_up("writes that find the socket's buffer full and are tried again", {}, want, requests)


def test_failures(scene):
    last = [
        ("the server resets it", call("getChat", query="end=reset"), "reset"),
        ("the server closes it", call("getChat", query="end=close"), "closed"),
        ("the client gives up", call("getChat", query="end=hang", timeout=1), "timeout"),
    ]
    for sentence, request, error in last:
        scene.expect(
            f"after many calls one more, and {sentence}",
            "python_sync",
            WARM + [request],
            {("getChat", error): 1},
            {**REPEATED, ("getChat", "GET"): 1},
            seen=len(WARM) + 1,
            statuses=[200] * len(WARM) + [None],
        )


def test_written_too_late(scene):
    """The server reset the idle connection: the next request is begun, and cannot leave."""
    for client, body in (("python_sync", None), ("python_sync", 300)):
        scene.expect(
            f"after many calls one on a connection that was reset meanwhile (body {body})",
            client,
            [
                *WARM,
                call("getChat", query="idle=50&idle_end=reset", pause=0.3),
                call("sendMessage", "POST", "a=b", body=body),
            ],
            {("sendMessage", "reset"): 1},
            {**REPEATED, ("getChat", "GET"): 1, ("sendMessage", "POST"): 1},
            seen=len(WARM) + 1,
            statuses=[200] * (len(WARM) + 1) + [None],
        )


def test_nothing_lost(scene):
    lost = scene.operaglass.metrics().by("operaglass_lost_total", "where", "reason")
    scene.tap.equal("nothing was lost", {cause: number for cause, number in lost.items() if number}, {})


def main():
    tap = Tap()
    with Stage("long") as stage, Operaglass() as operaglass:
        Scene(operaglass, stage, tap).run(
            [test_usual, test_other_writes, test_blocked, test_failures, test_written_too_late, test_nothing_lost]
        )
    tap.done()


if __name__ == "__main__":
    main()
