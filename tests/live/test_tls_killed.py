#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A client that is killed in the middle of a call: that call is one timeout, and no row of a table stays.

It waits for its answer, has read half of it, or has sent half of what it had to say; over OpenSSL, GnuTLS and Go,
and where nothing can be read.
"""
import os
import signal
import subprocess
import time

import ledger
import maps
import network
from harness import Child, Operaglass, Tap
from network import SERVER4, SILENT4
from scene import UNKNOWN, Scene, call, held_go
from stage import BROKEN, NAME, Stage, wait_for

CONFIG = """
agents:
  - type: victims
    names: [og-agent-go]
"""
HANGS = next(address for address, mode in BROKEN.items() if mode == "handshake-hang")
HALF = 240000  # of 400,000 bytes in ten pieces six are sent
MEBIBYTE = 1 << 20
WINDOW = 30000  # what leaves, at least, while nobody reads
ROUTE_SECONDS = 0.05  # a connection that goes in the first 10 ms, PATIENCE_MIN_NS, had no route


def conversation(last):
    return [call("getMe"), call("getChat", query="status=400"), last]


WAITING = conversation(call("sendMessage", "POST", "end=hang", body=20))
READING = conversation(call("getFile", query="end=hang&at=body&size=400000&pieces=10"))
WRITING = [
    call("getMe"),
    call("getChat", query="status=400&freeze=1"),
    call("sendDocument", "POST", body=48 * MEBIBYTE),
]


def killed(scene, sentence, command, requests, reached, frozen=False, **options):
    """Kills it as soon as `reached` of the metrics is true; everything else follows from its requests."""
    last = requests[-1]
    before = maps.rows(scene.operaglass)
    with scene.stage.playing(command, requests, **options) as process:
        scene.operaglass.wait(
            lambda m: reached(m) and ledger.booked(m)["requests"].get((last["endpoint"], last["method"])),
            10,
            since=scene.before,
        )
        during = maps.rows(scene.operaglass)
        scene.tap.equal(
            f"{sentence}: its connection is a row, with its call in it",
            {table: during[table] - before[table] for table in ("calls", "connections")},
            {"calls": 0, "connections": 1},
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
    if frozen:
        scene.stage.server.send_signal(signal.SIGCONT)
    scene.stage.truth(len(requests) - bool(frozen))
    want = {
        "requests": {(row["endpoint"], row["method"]): 1 for row in requests},
        "failures": {("getChat", "client_error"): 1, (last["endpoint"], "timeout"): 1},
        "durations": {("getMe", "200"): 1, ("getChat", "400"): 1},
        "connections": {("telegram", "decoded"): 1},
    }
    scene.tap.equal(
        f"{sentence}: every call is counted once, the last one as a timeout",
        seen(scene.wait(lambda m: seen(m) == want)),
        want,
    )
    scene.tap.equal(f"{sentence}: all its rows are gone", maps.settled(scene.operaglass, before), before)


def seen(metrics):
    book = ledger.booked(metrics)
    return {
        **{table: book[table] for table in ("requests", "failures", "durations")},
        "connections": metrics.by("upstream_connections_total", "upstream", "visibility"),
    }


def half_read(metrics):
    return metrics.total("upstream_received_bytes_total", upstream="telegram") >= HALF


def half_sent(metrics):
    return metrics.total("upstream_sent_bytes_total", upstream="telegram") >= WINDOW


def in_every_way(scene, name, command, **options):
    killed(scene, f"{name}, waiting for an answer", command, WAITING, lambda m: True, **options)
    killed(scene, f"{name}, with half of an answer", command, READING, half_read, **options)
    killed(scene, f"{name}, in the middle of a body", command, WRITING, half_sent, frozen=True, **options)


def test_openssl(scene):
    in_every_way(scene, "OpenSSL", scene.stage.command("python_sync"))


def test_gnutls(scene):
    in_every_way(scene, "GnuTLS", scene.stage.command("gnutls_curl"))


def test_go(scene):
    command, attached = held_go(scene)
    in_every_way(scene, "Go", command, begin=attached, Hold=True)


def test_threads(scene):
    """All six connections of one process at once."""
    before = maps.rows(scene.operaglass)
    requests = [call("getMe" if n % 2 else "sendPhoto", query="end=hang") for n in range(6)]
    command = scene.stage.command("python_threads")
    want = {("getMe", "GET"): 3, ("sendPhoto", "GET"): 3}
    with scene.stage.playing(command, requests, threads=6):
        scene.operaglass.wait(lambda m: ledger.booked(m)["requests"] == want, 10, since=scene.before)
    scene.stage.truth(6)
    failures = {("getMe", "timeout"): 3, ("sendPhoto", "timeout"): 3}
    book = ledger.booked(scene.wait(lambda m: ledger.booked(m)["failures"] == failures))
    scene.tap.equal(
        "six connections of one process: six calls, six timeouts",
        (book["requests"], book["failures"], book["durations"]),
        (want, failures, {}),
    )
    scene.tap.equal(
        "six connections: all rows are gone", maps.settled(scene.operaglass, before), before
    )


def test_opaque(scene):
    """Of half an answer nobody can say that it was one: it counts as answered when its last byte came."""
    program = scene.stage.tls_client("unread", "-s")
    for sentence, query, durations, failures in (
        ("waiting for an answer", "end=hang", {}, {("unknown", "timeout"): 1}),
        ("with half of an answer", "end=hang&at=body&size=400000&pieces=10", {UNKNOWN: 1}, {}),
    ):
        before = maps.rows(scene.operaglass)
        process = Child(
            scene.stage.network.in_client([program, NAME, scene.stage.ca]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        process.line()
        process.stdin.write(f"GET /botT/getMe?{query} 0\n")
        process.stdin.flush()
        scene.operaglass.wait(
            lambda m: ledger.booked(m)["requests"] == {UNKNOWN: 1} and (not durations or half_read(m)),
            10,
            since=scene.before,
        )
        process.kill()
        process.communicate()
        scene.stage.truth(1)

        def got(metrics):
            book = ledger.booked(metrics)
            return (book["requests"], book["durations"], book["failures"])

        want = ({UNKNOWN: 1}, durations, failures)
        scene.tap.equal(
            f"where nothing can be read, {sentence}: one call",
            got(scene.wait(lambda m: got(m) == want)),
            want,
        )
        scene.tap.equal(
            f"where nothing can be read, {sentence}: all its rows are gone",
            maps.settled(scene.operaglass, before),
            before,
        )


def before_a_request(scene, sentence, address, began, failures, seen_by_server=0):
    """Killed on its way to its connection: a call that was not to be, or none at all."""
    scene.stage.set_name(NAME, a=[address])  # known by its name, before there is a ClientHello
    before = maps.rows(scene.operaglass)
    command = scene.stage.command("python_sync")
    with scene.stage.playing(command, [call("getMe", query="idle=20000")], stay=True) as process:
        wait_for(lambda: began(process), 10, sentence)
        process.send_signal(signal.SIGKILL)
        process.wait()
    scene.stage.truth(seen_by_server)
    calls = {("unknown", "unknown"): sum(failures.values())} if failures else {}

    def got(metrics):
        book = ledger.booked(metrics)
        return (book["requests"], book["failures"])

    if seen_by_server and not failures:
        calls = {("getMe", "GET"): 1}
    scene.tap.equal(
        f"{sentence}: failures", got(scene.wait(lambda m: got(m) == (calls, failures))), (calls, failures)
    )
    scene.tap.equal(f"{sentence}: all its rows are gone", maps.settled(scene.operaglass, before), before)


def connecting(scene, state):
    """A predicate: the client has had a connection in this state for longer than it takes to find no route."""
    since = []

    def found(_):
        command = ["ss", "-Htn", "state", state, "dst", ":443"]
        if not network.run(*scene.stage.network.in_client(command)).strip():
            since.clear()
            return False
        since.append(time.monotonic())
        return since[-1] - since[0] > ROUTE_SECONDS

    return found


def test_before_a_request(scene):
    before_a_request(
        scene,
        "killed while it connects",
        SILENT4,
        connecting(scene, "syn-sent"),
        {("unknown", "connect_timeout"): 1},
    )
    before_a_request(
        scene,
        "killed in the handshake",
        HANGS,
        connecting(scene, "established"),
        {("unknown", "tls_handshake"): 1},
        1,
    )
    before_a_request(
        scene,
        "killed with an idle connection",
        SERVER4,
        lambda process: process.line(),
        {},
        1,
    )


def test_attempts(scene):
    """Why the first address of a name did not matter is remembered for some seconds."""
    scene.tap.equal(
        "what is known of each client's way to its connection is forgotten",
        maps.settled(scene.operaglass, {"attempts": 0}, 20),
        {"attempts": 0},
    )


def main():
    tap = Tap()
    with Stage("killed") as stage, Operaglass(CONFIG) as operaglass:
        try:
            Scene(operaglass, stage, tap).run(
                [test_openssl, test_gnutls, test_go, test_threads, test_opaque, test_before_a_request, test_attempts]
            )
        finally:
            os.kill(stage.server.pid, signal.SIGCONT)
    tap.done()


if __name__ == "__main__":
    main()
