#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exporter, observer or both are killed while clients of every stack wait for their answers over HTTPS.

Each client makes calls before the kill, waits through it with one, and makes others afterwards, on one connection;
others come and go while nobody watches. The server holds the answers back until Operaglass is there again.
"""
import contextlib
import json
import os
import signal
import time

import ledger
import maps
from deaths import Watch, gone, kill
from harness import Operaglass, Tap
from network import SILENT4
from scene import UNKNOWN, Scene, call, held_go
from stage import HTTP2, NAME, Stage, wait_for
from test_tls_killed import connecting

CONFIG = """
agents:
  - type: victims
    names: [og-agent-go]
"""
SECONDS = 30


def flying(name):
    """{client: its calls, and options}. No endpoint is of two clients, so that a row of the truth tells whose it is."""
    held, half = f"held={name}", f"held={name}&at=body&as=chunked&pieces=6&size=60000"
    threads = [call("sendChatAction", "POST", held, body=30) for _ in range(4)]
    return {
        "python_threads": (threads + [call("sendChatAction", "POST", body=30)] * 8, {"threads": 4}),
        "curl": (
            [
                call("getMe"),
                call("sendMessage", "POST", "status=429&retry_after=3", body=50),
                call("sendPhoto", "POST", held, body=200000),
                call("sendMessage", "POST", body=50),
            ],
            {},
        ),
        "gnutls_curl": (
            [call("getChat"), call("getStickerSet", query=half), call("getChat", query="status=400")],
            {},
        ),
        "node_https": (
            [
                call("getFile"),
                call("sendVoice", "POST", held, body=10),
                call("getFile", query="size=200000"),
            ],
            {},
        ),
        "python_aiohttp": (
            [
                call("getMyName"),
                call("editMessageText", "POST", held + "&status=502", body=10),
                call("editMessageText", "POST", body=10),
            ],
            {},
        ),
        "python_sync": ([call("getUpdates", query=held), call("getUpdates", query="delay=30")], {}),
        "go": (
            [call("getMyCommands"), call("copyMessage", "POST", half, body=10), call("getMyCommands")],
            {"Hold": True},
        ),
        "python_h2": ([call("forwardMessage", query=held)] * 5, {}),
    }


MEANWHILE = {
    "python_urllib": [call("getWebhookInfo", query="delay=20"), call("getWebhookInfo")],
    "ruby": [call("setWebhook", "POST", "status=409", body=10), call("setWebhook", "POST", body=10)],
    "php": [call("getUserProfilePhotos", query="size=300000")],
}


def flights(requests):
    return sum("held=" in request["path"] for request in requests)


class Flight:
    """Clients on their way; `took` says what came of them."""

    def __init__(self, scene, name, stack):
        self.scene, self.name, self.clients, self.processes = scene, name, flying(name), {}
        for client, (requests, options) in self.clients.items():
            command, begin = scene.stage.command(client), None
            if client == "go":
                command, begin = held_go(scene)
            playing = scene.stage.playing(command, requests, begin, **options)
            self.processes[client] = stack.enter_context(playing)

    def in_flight(self, metrics):
        """Whether every held call, and all that its client makes before, was seen to leave."""
        want = {}
        for requests, _ in self.clients.values():
            last = max(n for n, request in enumerate(requests) if "held=" in request["path"])
            for request in requests[: last + 1]:
                ledger.add(want, (request["endpoint"], request["method"]))
        return ledger.booked(metrics)["requests"] == want

    def release(self):
        with open(f"{self.scene.stage.directory}/files/{self.name}", "w", encoding="ascii"):
            pass

    def finish(self):
        """{client: its results}"""
        results = {}
        for client, process in self.processes.items():
            output = process.communicate(timeout=SECONDS)[0]
            rows = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
            if len(rows) != len(self.clients[client][0]):
                raise RuntimeError(f"{client} says {output}")
            results[client] = rows
        return results


def check(scene, sentence, plans, results, alone_ns=None):
    """plans, results: {client: its requests}, {client: its results}. All of it is counted, and nothing else."""
    everything = [request for requests in plans.values() for request in requests]
    endpoints = {request["path"].split("?")[0]: request["endpoint"] for request in everything}
    truth = scene.stage.truth(len(everything))
    want = ledger.expected(truth, endpoints)
    connections = {("telegram", "decoded"): len({row["connection"] for row in truth})}
    limits = {}
    for client, requests in plans.items():
        own = {request["path"].split("?")[0] for request in requests}
        rows = [row for row in truth if row["path"] in own]
        for key, (least, most) in ledger.bounds(rows, results[client], endpoints).items():
            before = limits.get(key, (0, 0))
            limits[key] = (before[0] + least, before[1] + most)

    def seen(metrics):
        return metrics.by("upstream_connections_total", "upstream", "visibility")

    delta = scene.wait(lambda m: ledger.booked(m) == want and seen(m) == connections, 15)
    scene.tap.equal(
        f"{sentence}: every call is counted once, with its endpoint and status", ledger.booked(delta), want
    )
    wrong = ledger.differences(delta, limits)
    scene.tap.ok(f"{sentence}: durations are within 2 ms + 5 % of the truth", not wrong, wrong)
    scene.tap.equal(f"{sentence}: every connection is decoded", seen(delta), connections)
    handshakes = delta.by("upstream_tls_handshake_duration_seconds_count", "upstream")
    scene.tap.equal(
        f"{sentence}: and has its handshake", handshakes, {("telegram",): connections[("telegram", "decoded")]}
    )
    lost = delta.by("operaglass_lost_total", "where", "cause")
    scene.tap.equal(f"{sentence}: nothing is lost", lost, {})
    if alone_ns:
        through = [row for row in truth if row["head_first"] < alone_ns < row["response_last"]]
        scene.tap.equal(
            f"{sentence}: so many calls were in flight", len(through), sum(map(flights, plans.values()))
        )


def through(scene, who, end, start):
    """One kill: before it, through it, while nobody is there, and after it."""
    operaglass, stage = scene.operaglass, scene.stage
    before = maps.rows(operaglass)
    with contextlib.ExitStack() as stack:
        flight = Flight(scene, who.replace(" ", "-"), stack)
        flying = operaglass.wait(flight.in_flight, 20, since=scene.before)
        if not flight.in_flight(flying):
            raise RuntimeError(f"in flight is {ledger.booked(flying)['requests']}")
        end(operaglass)
        results = {client: stage.play(client, requests) for client, requests in MEANWHILE.items()}
        alone_ns = time.monotonic_ns()
        start(operaglass)
        flight.release()
        results |= flight.finish()
    plans = {client: requests for client, (requests, _) in flight.clients.items()} | MEANWHILE
    check(scene, who, plans, results, alone_ns)
    after = {client: stage.play(client, requests) for client, requests in MEANWHILE.items()}
    check(scene, f"after {who}", MEANWHILE, after)
    scene.tap.equal(f"{who}: all rows are gone", maps.settled(operaglass, before), before)


def kill_exporter(operaglass):
    exporter = operaglass.exporter()
    kill(exporter)
    if not gone(exporter):
        raise RuntimeError("the exporter lives on")


def kill_observer(operaglass, *others):
    exporter = operaglass.exporter()
    for pid in (*others, operaglass.process.pid):
        kill(pid)
    operaglass.process.wait()
    if not gone(exporter):
        raise RuntimeError("the exporter outlives its observer")


def kill_both(operaglass):
    kill_observer(operaglass, operaglass.exporter())


def test_exporter(scene):
    through(scene, "the exporter is killed", kill_exporter, Operaglass.wait_ready)


def test_observer(scene):
    through(scene, "the observer is killed", kill_observer, Operaglass.start)


def test_both(scene):
    through(scene, "both are killed", kill_both, Operaglass.start)


def test_handshakes(scene):
    """The ClientHello left before the kill, everything else comes after it."""
    stage, plans = scene.stage, {name: [call(name)] for name in ("getMe", "getChat", "getFile")}
    before = maps.rows(scene.operaglass)
    with contextlib.ExitStack() as stack:
        stack.callback(os.kill, stage.server.pid, signal.SIGCONT)
        os.kill(stage.server.pid, signal.SIGSTOP)
        clients = {
            name: stack.enter_context(stage.playing(stage.command("python_raw"), requests, greet=True))
            for name, requests in plans.items()
        }
        greeted = [process.line() for process in clients.values()]
        kill_both(scene.operaglass)
        scene.operaglass.start()
        os.kill(stage.server.pid, signal.SIGCONT)
        said = {name: process.communicate(timeout=SECONDS)[0] for name, process in clients.items()}
    scene.tap.equal("three clients have begun their handshakes", greeted, ["greeted\n"] * 3)
    check(scene, "both are killed during handshakes", plans, {name: [json.loads(line)] for name, line in said.items()})
    scene.tap.equal("handshakes: all rows are gone", maps.settled(scene.operaglass, before), before)


def test_connects(scene):
    """A SYN that nobody answers, sent before the kill and given up after it; no ClientHello ever says whose it was."""
    stage = scene.stage
    stage.network.set_hosts({})
    stage.set_name(NAME, a=[SILENT4])
    with stage.playing(stage.command("python_sync"), [call("getMe")]) as process:
        began = connecting(scene, "syn-sent")
        wait_for(lambda: began(process), SECONDS, "a SYN")
        kill_both(scene.operaglass)
        scene.operaglass.start()
        process.communicate(timeout=SECONDS)
    failure = {("unknown", "connect_timeout"): 1}
    scene.add_up("both are killed during a connect", failure, {UNKNOWN: 1}, "one that timed out")


def main():
    tap = Tap()
    with Stage("restart-https") as stage:
        os.mkdir(f"{stage.directory}/files")
        stage.network.set_hosts({NAME: [HTTP2]})
        with Operaglass(CONFIG) as operaglass:
            watch = Watch(operaglass)
            watch.start()
            Scene(operaglass, stage, tap).run(
                [test_exporter, test_observer, test_both, test_handshakes, test_connects]
            )
            watch.finish()
            tap.ok("counters were scraped all the time", watch.scrapes >= 50, watch.scrapes)
            tap.equal("no counter went backwards", watch.wrong[:10], [])
    tap.done()


if __name__ == "__main__":
    main()
