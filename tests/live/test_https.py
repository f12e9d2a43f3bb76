#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every call that real clients make over HTTPS is counted exactly, timed and attributed."""

import json
import os
import signal
import subprocess
import time

import ledger
from harness import Child, Operaglass, Tap
from scene import FILES, TOKEN, Scene, call, usual
from stage import NAME, Stage, wait_for

DECODED = (
    "curl",
    "python_sync",
    "python_urllib",
    "python_aiohttp",
    "python_raw",
    "node_https",
    "node_fetch",
    "ruby",
    "php",
    "s_client",
)
# These send HEAD and bodies with any method, and take 1xx answers, as they are told to.
FULL = ("curl", "python_sync", "python_aiohttp", "node_https", "ruby")
MEBIBYTE = 1 << 20
SLOW_SECONDS = 0.5  # of a server, for its part of a handshake


def conversation(client):
    """What a bot does in a day, in half a second."""
    calls = [
        *usual(),
        call("editMessageText", "POST", "status=500", body=300),
        call("editMessageText", "POST", "status=502", body=300),
        call("editMessageText", "POST", body=300),
        call("getUpdates", query="delay=150&as=chunked&pieces=3"),
        call("getUpdates", query="delay=80&status=409"),
        call("sendDocument", "POST", "delay=30", body=3 * MEBIBYTE),
        call("getUserProfilePhotos", query="as=chunked&pieces=6&gap=15"),
        call("getStickerSet", query="size=4000&pieces=4&gap=20"),
        call("getMyCommands", query="one=1"),
        call("file", path=FILES + "/photos/file_17.jpg", query="size=300000"),
        call("sendPhoto", "POST", "delay=10", path=TOKEN + "/sendphoto", body=2000),
        call("answerCallbackQuery", "POST", path=TOKEN + "/ANSWERCALLBACKQUERY", body=50),
        call("getChatAdministrators", query=f"size={5 * MEBIBYTE}"),
    ]
    if client in FULL:
        calls += [
            call("getWebhookInfo", "HEAD"),
            call("deleteWebhook", "POST", "status=204", body=5),
            call("getMyName", query="status=304"),
            call("logOut", query="info=2"),
            call("close", query="as=chunked&trailers=1"),
        ]
    if client in ("curl", "python_aiohttp", "node_https"):
        calls.append(call("logOut", query="info=1&code=103"))
    if client != "s_client":
        calls.append(call("getChatMember", query="as=close&size=5000"))
    return calls


def test_clients(scene):
    for client in DECODED:
        delta = scene.check(client, client, conversation(client))
        scene.tap.equal(
            f"{client}: the 429 asked for seven seconds",
            delta.by("telegram_api_retry_after_seconds_sum", "endpoint"),
            {("sendMessage",): 7},
        )
    scene.check("PHP streams", "php", conversation("php")[:12], streams=True)
    scene.check("Python over TLS 1.2", "python_sync", conversation("python_sync"), tls="1.2")


def test_a_head_that_is_too_long(scene):
    """More than is read of one: its call is counted by what was read, the next ones are opaque."""
    wide = {"X-" + "Wide" * 16 + f"-{n}": "w" * 1500 for n in range(74)}  # names that are read byte by byte
    requests = [call("getMe", query="delay=20", headers=wide), call("getChat"), call("getFile")]
    scene.stage.play("python_raw", requests)
    scene.stage.truth(len(requests))
    delta = scene.wait(lambda m: m.total("telegram_api_duration_seconds_count") == len(requests))
    scene.tap.equal(
        "of a connection with a head of 116,000 bytes in one write every call is counted once",
        delta.by("telegram_api_duration_seconds_count", "endpoint", "status_code"),
        {("getMe", "200"): 1, ("unknown", "unknown"): 2},
    )
    scene.tap.equal(
        "the head that was too long is counted as lost",
        delta.by("operaglass_lost_total", "where", "cause"),
        {("http", "head_too_long"): 1},
    )


def test_odd_clients(scene):
    some = [
        call("getMe"),
        call("sendMessage", "POST", "delay=40", body=500),
        call("getChat", query="status=400"),
    ]
    scene.check("request heads split over seven writes", "python_raw", some, split=7)
    scene.check("requests with Host as the last header", "python_raw", some, order="host-last")
    scene.check(
        "answers read one byte at a time",
        "python_raw",
        [
            call("getMe"),
            call("getChat", query="as=chunked&pieces=3&size=900"),
            call("getMe", query="size=700"),
        ],
        read=1,
    )
    scene.check(
        "an upload on a non-blocking socket",
        "python_raw",
        [call("sendVideo", "POST", "delay=50", body=8 * MEBIBYTE), call("getMe")],
        nonblocking=True,
    )
    wide = {f"X-Wide-{n}": "w" * 1500 for n in range(8)}
    scene.check(
        "requests with a head of 12,000 bytes, answers with one of 30,000",
        "python_raw",
        [
            call("sendMessage", "POST", "delay=30", body=400, headers=wide),
            call("getChat", query="pad=30&status=429&retry_after=4"),
            call("getMe", query="pad=30&as=chunked&pieces=3", headers=wide),
            call("getMe"),
        ],
        order="host-last",
    )
    wide = {f"X-Wide-{n}": "w" * 1500 for n in range(20)}
    scene.check(
        "a head of 30,000 bytes in one write",
        "python_raw",
        [call("getMe", query="delay=20", headers=wide), call("getMe")],
    )
    test_a_head_that_is_too_long(scene)
    scene.check("TLS on a memory BIO", "python_bio", some)
    scene.check("a ClientHello in five pieces", "python_bio", some, hello=[1, 5, 30, 90])
    scene.check("a ClientHello of 4,000 bytes", "python_bio", some, alpn=3600)
    scene.check("such a one in pieces", "python_bio", some, alpn=3600, hello=[3, 700, 1500, 2900])
    scene.check(
        "sixty requests in six threads",
        "python_threads",
        [
            call("getMe" if n % 2 else "sendPhoto", "POST", "delay=20", body=n * 100)
            for n in range(60)
        ],
        threads=6,
    )
    for way in ("one write", "a write each"):
        scene.check(
            f"five pipelined requests ({way})",
            "python_raw",
            [
                call("getMe"),
                call("sendMessage", "POST", "status=429&retry_after=3", body=10),
                call("getChat", query="as=chunked"),
                call("sendPhoto", "POST", body=300),
                call("getMe"),
            ],
            pipeline=way,
        )
    scene.check(
        "forty requests on eight connections at once",
        "python_aiohttp",
        [call("getMe" if n % 2 else "sendMessage", "GET", "delay=30") for n in range(40)],
        connections=8,
    )


def test_handshake_inside_a_write(scene):
    """A request leaves when the handshake is made, which a slow server makes last: its call begins then."""
    os.kill(scene.stage.server.pid, signal.SIGSTOP)
    try:
        with scene.stage.playing(
            scene.stage.command("python_raw"), [call("getMe", query="delay=20")], greet=True
        ) as process:
            greeted = process.line()
            time.sleep(SLOW_SECONDS)
            os.kill(scene.stage.server.pid, signal.SIGCONT)
            process.communicate(timeout=20)
    finally:
        os.kill(scene.stage.server.pid, signal.SIGCONT)
    scene.stage.truth(1)
    delta = scene.wait(lambda m: m.total("telegram_api_duration_seconds_count") == 1)
    got = delta.by("telegram_api_duration_seconds_sum", "endpoint", "status_code")
    scene.tap.equal(
        "a request whose write makes the handshake is one call", (greeted, [*got]), ("greeted\n", [("getMe", "200")])
    )
    scene.tap.within("and lasts from the handshake's end", sum(got.values()), 0.020, SLOW_SECONDS / 2)
    shaken = delta.total("upstream_tls_handshake_duration_seconds_sum")
    scene.tap.within("which took until the server did its part", shaken, SLOW_SECONDS, 2 * SLOW_SECONDS)


def test_opaque(scene):
    calls = [
        call("getMe"),
        call("sendMessage", query="delay=60"),
        call("getChat", query="status=429&retry_after=2"),
        call("getUpdates", query="delay=120"),
        call("getFile", query="size=300000&delay=30"),
        call("getMe", query="as=chunked&pieces=5&gap=25"),
    ]
    program = scene.stage.tls_client("nothing-can-be-read-here", "-s")
    scene.check("a stripped program", "lines", calls, opaque=True, program=program)
    # The server's session tickets arrive between the head and the body of a POST: no answer to it.
    posts = [call("sendMessage", "POST", "delay=40", body=100 * (n + 1)) for n in range(8)]
    scene.check("its POSTs", "lines", posts, opaque=True, program=program, fresh=True)
    scene.check("both", "lines", calls + posts, opaque=True, program=program)


def test_unwatched(scene):
    scene.stage.play("python_sync", [call("getMe"), call("getMe")], host="not-watched.example")
    scene.stage.truth(2)
    delta = scene.check("a watched call after unwatched ones", "python_sync", [call("getMe")])
    scene.tap.equal(
        "calls to a name nobody watches are not counted",
        delta.total("upstream_connections_total"),
        1,
    )


def test_families(scene):
    for version, addresses in (
        ("IPv4", ["10.77.0.2"]),
        ("IPv6", ["fd00:77::2"]),
        ("v4-mapped", ["::ffff:10.77.0.2"]),
    ):
        scene.stage.network.set_hosts({"api.telegram.org": addresses})
        scene.check(
            f"over {version}", "python_sync", [call("getMe", query="delay=20"), call("getMe")]
        )
    scene.stage.network.set_hosts({})


def connect_and_hold(stage, calls):
    """A client that is connected before the observer starts, and makes its calls at a line of input."""
    plan = {"host": NAME, "port": 443, "ca": stage.ca, "requests": calls, "hold": True}
    client = Child(
        stage.network.in_client([*stage.command("python_sync"), json.dumps(plan)]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if client.line() != "connected\n":
        raise RuntimeError("the early client did not connect")
    return client


def test_early_connection(scene, client, calls):
    """Nobody saw its handshake; what is said inside is read all the same."""
    client.communicate("go\n", timeout=20)
    truth = scene.stage.truth(len(calls))
    want = ledger.expected(truth, {row["path"].split("?")[0]: row["endpoint"] for row in calls})
    delta = scene.wait(lambda m: ledger.booked(m) == want)
    scene.tap.equal(
        "a connection older than the observer: every call is counted once",
        ledger.booked(delta),
        want,
    )
    scene.tap.equal(
        "it is not counted as a new connection",
        delta.by("upstream_connections_total", "upstream", "visibility"),
        {},
    )


def test_nothing_is_added_later(scene):
    wait_for(
        lambda: not scene.operaglass.metrics().total("upstream_connections"),
        10,
        "every connection is closed",
    )
    delta = scene.wait(lambda m: True)
    scene.tap.equal(
        "nothing was counted after its time",
        {
            name: delta.total(name)
            for name in (
                "telegram_api_requests_total",
                "upstream_requests_total",
                "telegram_api_failures_total",
                "upstream_failures_total",
            )
            if delta.total(name)
        },
        {},
    )


def main():
    tap = Tap()
    early = [call("getMe"), call("sendMessage", "POST", "delay=40", body=99), call("getMe")]
    with Stage("https") as stage:
        client = connect_and_hold(stage, early)
        with Operaglass() as operaglass:
            scene = Scene(operaglass, stage, tap)
            scene.run(
                [
                    lambda scene: test_early_connection(scene, client, early),
                    test_clients,
                    test_odd_clients,
                    test_handshake_inside_a_write,
                    test_opaque,
                    test_unwatched,
                    test_families,
                    test_nothing_is_added_later,
                ]
            )
    tap.done()


if __name__ == "__main__":
    main()
