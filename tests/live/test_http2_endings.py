#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""However streams of HTTP/2 end, each is one call: answered, or one failure, and no row of a table stays."""
import contextlib
import signal

import ledger
import maps
from harness import Operaglass, Tap
from scene import Scene, call, held_go
from stage import HTTP2, NAME, Stage

CONFIG = """
agents:
  - type: endings
    names: [og-agent-go]
"""
HALF = "size=4000&at=body"
STREAMS = 100


def many(count, query, endpoint="getMe"):
    return [call(endpoint, query=query) for _ in range(count)]


def seen(metrics):
    book = ledger.booked(metrics)
    return (book["requests"], book["durations"], book["failures"])


def wanted(requests, durations, failures):
    calls = {}
    for request in requests:
        ledger.add(calls, (request["endpoint"], request["method"]))
    return (calls, durations, failures)


def compare(scene, sentence, requests, durations, failures, before):
    want = wanted(requests, durations, failures)
    scene.tap.equal(sentence, seen(scene.wait(lambda m: seen(m) == want)), want)
    scene.tap.equal(f"{sentence}: all rows are gone", maps.settled(scene.operaglass, before), before)


def spoke_http2(scene, sentence, count):
    if not all(row.get("alpn") == "h2" for row in scene.stage.truth(count)):
        raise RuntimeError(f"{sentence}: not over HTTP/2")


def check(scene, sentence, requests, durations, failures, client="python_h2", **plan):
    before = maps.rows(scene.operaglass)
    scene.stage.play(client, requests, **plan)
    spoke_http2(scene, sentence, len(requests))
    compare(scene, sentence, requests, durations, failures, before)


def test_resets(scene):
    check(
        scene,
        "fifty streams that the server resets after half of their answers, fifty that it answers",
        many(50, f"{HALF}&end=reset", "getFile") + many(50, "delay=50"),
        {("getMe", "200"): 50},
        {("getFile", "reset"): 50},
    )
    check(
        scene,
        "fifty streams that the client resets after half of their answers, fifty that it lets go on",
        [{**row, "cancel": 150} for row in many(50, f"{HALF}&end=hang", "getFile")]
        + many(50, "delay=300"),
        {("getMe", "200"): 50},
        {("getFile", "timeout"): 50},
    )


def test_goaway(scene):
    check(
        scene,
        "a GOAWAY that refuses nothing: every stream is answered, none fails",
        many(30, "delay=150") + [call("getChat", query="end=farewell&delay=30")],
        {("getMe", "200"): 30, ("getChat", "200"): 1},
        {},
    )
    check(
        scene,
        "of a GOAWAY's refused streams each is closed, those below it are answered",
        many(40, "delay=200")
        + [call("getFile", query="end=goaway&delay=60")]
        + many(40, "delay=400", "getChat"),
        {("getMe", "200"): 40},
        {("getFile", "closed"): 1, ("getChat", "closed"): 40},
    )


def test_connection(scene):
    check(
        scene,
        "streams of a connection that the server resets are resets, half an answer or none",
        many(50, "end=hang")
        + many(49, f"{HALF}&end=hang", "getFile")
        + [call("getChat", query="end=abort&delay=150")],
        {},
        {("getMe", "reset"): 50, ("getFile", "reset"): 49, ("getChat", "reset"): 1},
    )


def killed(scene, sentence, requests, durations, failures, reached, others=(), **options):
    """One client is killed as soon as `reached` of the metrics is true; the others play their requests."""
    before = maps.rows(scene.operaglass)
    command = options.pop("command", scene.stage.command("python_h2"))
    calls = wanted([*requests, *others], {}, {})[0]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(scene.stage.playing(command, requests, **options))
        living = others and stack.enter_context(
            scene.stage.playing(scene.stage.command("python_h2"), others)
        )
        scene.operaglass.wait(
            lambda m: ledger.booked(m)["requests"] == calls and reached(m), 10, since=scene.before
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
        if living:
            living.stdout.read()
    spoke_http2(scene, sentence, len(requests) + len(others))
    compare(scene, sentence, [*requests, *others], durations, failures, before)


def test_killed(scene):
    killed(
        scene,
        f"a client is killed with {STREAMS} streams, the {STREAMS} of another one are answered",
        many(STREAMS, "end=hang"),
        {("getChat", "200"): STREAMS},
        {("getMe", "timeout"): STREAMS},
        lambda m: True,
        others=many(STREAMS, "delay=1500", "getChat"),
    )
    killed(
        scene,
        f"a client is killed with half of {STREAMS} answers",
        many(STREAMS, f"{HALF}&end=hang", "getFile"),
        {},
        {("getFile", "timeout"): STREAMS},
        lambda m: m.total("upstream_received_bytes_total", upstream="telegram") > STREAMS * 2000,
    )
    killed(
        scene,
        "a client is killed while all its streams wait for room in the window",
        many(20, f"size={1 << 20}", "getFile"),
        {},
        {("getFile", "timeout"): 20},
        lambda m: m.total("upstream_received_bytes_total", upstream="telegram") > 5000,
        window=300,
        stingy=True,
    )


def test_go(scene):
    """Go's own HTTP/2, of which no return is seen."""
    command, attached = held_go(scene)
    for sentence, query in (
        ("Go is killed while it waits", "end=hang"),
        ("Go is killed with half of an answer", f"{HALF}&end=hang"),
    ):
        killed(
            scene,
            sentence,
            [call("getMe"), call("getFile", query=query)],
            {("getMe", "200"): 1},
            {("getFile", "timeout"): 1},
            lambda m: True,
            command=command,
            begin=attached,
            Hold=True,
            http="2",
        )


def main():
    tap = Tap()
    with Stage("endings") as stage, Operaglass(CONFIG) as operaglass:
        stage.network.set_hosts({NAME: [HTTP2]})
        Scene(operaglass, stage, tap).run(
            [test_resets, test_goaway, test_connection, test_killed, test_go]
        )
    tap.done()


if __name__ == "__main__":
    main()
