#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 connections that are older than the observer are read, too, as far as their bytes still say it.

Every client here is connected, and has made a call or two, before the observer starts. What it then sends as
literal or static fields is decoded; what it sends as an index into the table of before is unknown, and counted
once. Nothing else is taken for HTTP/2.
"""
import contextlib
import json
import signal
import subprocess

import ledger
import places
from harness import Child, Operaglass, Tap
from scene import TOKEN, Scene, call
from stage import HTTP2, NAME, Stage, wait_for

AUTHORITY = {"never": [":authority"]}
AGENTS_ONLY = """
tls:
  scope: agents
"""
OLD_STATUS = 409  # the server's table has it from before


class Early:
    """A client that has made its early calls, and makes the others at a word."""

    def __init__(self, stack, stage, client, early, calls, between=0, **options):
        self.stage, self.calls = stage, calls
        plan = {
            "host": NAME,
            "port": 443,
            "ca": stage.ca,
            "requests": early + calls,
            "before": len(early),
            "between": between and len(early) + between,
            **options,
        }
        self.process = Child(
            stage.network.in_client([*stage.command(client), json.dumps(plan)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(self.end)
        self.wait()
        stage.truth(len(early))

    def wait(self):
        line = self.process.line()
        if line != "connected\n":
            raise RuntimeError(f"an early client does not pause: {line!r}")

    def go_on(self):
        """Makes the calls in front of its second pause."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        self.wait()

    def go(self):
        """Makes the calls; returns what came of them, and what the server says."""
        output, _ = self.process.communicate("go\n", timeout=60)
        lines = [json.loads(line) for line in output.splitlines()]
        results = lines[-len(self.calls) :]
        if len(lines) < len(self.calls) or any(row["status"] is None for row in results):
            raise RuntimeError(f"an early client says {output}")
        return results, self.stage.truth(len(self.calls))

    def end(self):
        self.process.kill()
        self.process.communicate()


class Unknown(int):
    """A status that is no error, and has no number."""

    def __str__(self):
        return "unknown"


def compare(scene, sentence, client):
    """Its calls are counted once each, by what each is to be known as, in their own time."""
    results, truth = client.go()
    for row in truth:
        row["status"] = Unknown() if row["status"] == OLD_STATUS else row["status"]
    named = {row["path"].split("?")[0]: row["endpoint"] for row in client.calls}
    want = ledger.expected(truth, named)

    def over(metrics):
        return ledger.booked(metrics) == want

    delta = scene.wait(over)
    scene.tap.equal(
        f"{sentence}: every call is counted once, with its endpoint and status",
        ledger.booked(delta),
        want,
    )
    wrong = ledger.differences(delta, ledger.bounds(truth, results, named))
    scene.tap.ok(f"{sentence}: durations are within 2 ms + 5 % of the truth", not wrong, wrong)


def mixed():
    """Literal and static fields, indices of after, and two of before: a path, and a status."""
    return [
        call("getMe", **AUTHORITY),
        call("sendMessage", "POST", "delay=60", body=120, **AUTHORITY),
        call("sendMessage", "POST", "delay=60", body=120, **AUTHORITY),
        call("sendPhoto", "POST", "status=429&retry_after=7", body=50, **AUTHORITY),
        call("getFile", query="status=404&size=3000", **AUTHORITY),
        call("unknown", path=f"{TOKEN}/logOut?old=1", **AUTHORITY),
        call("getChat", query="status=502", **AUTHORITY),
        call("deleteWebhook", query=f"status={OLD_STATUS}", **AUTHORITY),
        call("getMyName", query="trailers=1", **AUTHORITY),
        call("getUpdates", query="delay=100", **AUTHORITY),
    ]


def old():
    """What the tables have before."""
    return [
        call("logOut", query="old=1", **AUTHORITY),
        call("getStickerSet", query=f"status={OLD_STATUS}", **AUTHORITY),
    ]


def plan(stack, stage):
    """Who is there before the observer."""
    named = [{**row, "never": []} for row in mixed()]
    nobody = [call("getChat", **AUTHORITY), call("getChat", **AUTHORITY)]
    many = [call("getMe", query=f"delay=80&n={n}", **AUTHORITY) for n in range(100)]
    paced = [row for row in mixed() if row["endpoint"] != "unknown"]
    return {
        "python": Early(stack, stage, "python_h2", old(), mixed(), at_once=1),
        "plain": Early(stack, stage, "python_h2", old(), mixed(), at_once=1, plain=True),
        "slow": Early(stack, stage, "python_h2", old(), mixed()[:4], at_once=1, read=9),
        "sni": Early(stack, stage, "python_h2", old(), named, at_once=1),
        "node": Early(stack, stage, "node_http2", old(), paced),
        "halves": Early(stack, stage, "python_h2", old(), mixed(), at_once=1, between=2),
        "many": Early(stack, stage, "python_h2", nobody, many),
    }


def test_one_after_the_other(scene, early):
    compare(scene, "literal and static fields of an old connection", early["python"])
    compare(scene, "the same without Huffman's code", early["plain"])
    compare(scene, "the same, nine bytes a read", early["slow"])
    compare(scene, "whom it speaks to is in the table of before, and the object says it", early["sni"])
    compare(scene, "Node's nghttp2", early["node"])


def test_place_found(scene, early):
    """Objects stay what they are when the place of their random is found while they are used."""
    proven = lambda m: m.total("operaglass_tls_probed_files", stack="openssl", trust="proven")
    wait_for(lambda: proven(scene.operaglass.metrics()), 20, "the proof of libssl")
    places.clear_table(scene.operaglass)
    with places.Hidden(scene.operaglass):
        early["halves"].go_on()
    compare(scene, "where a library keeps its random is found meanwhile", early["halves"])


def test_many(scene, early):
    compare(scene, "a hundred streams at once on an old connection", early["many"])


def test_rows(scene):
    """Nothing is left of connections that are closed, without any farewell."""

    def rows():
        scene.operaglass.metrics()
        done = subprocess.run(
            ["bpftool", "-j", "map", "dump", "pinned", f"{scene.operaglass.pins}/maps/http2_connections"],
            capture_output=True,
            text=True,
            check=True,
        )
        return len(json.loads(done.stdout))

    with contextlib.suppress(RuntimeError):
        wait_for(lambda: rows() == 0, 5, "an empty table")
    scene.tap.equal("no row of a connection that is gone is left", rows(), 0)


def attach(operaglass):
    """What any process maps is read from now on."""
    path = f"{operaglass.directory}/config.yml"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(AGENTS_ONLY, ""))
    operaglass.process.send_signal(signal.SIGHUP)
    wait_for(
        lambda: operaglass.metrics().total("operaglass_tls_targets", stack="openssl"),
        10,
        "libssl is probed",
    )


def test_read_later(scene, stack):
    """The connection is known, and timed; then its library is read. What waits for an answer then ends as it began."""
    early = [call("unknown", path=f"{TOKEN}/logOut?old=1"), call("unknown", path=f"{TOKEN}/logIn")]
    after = [{**row, "never": []} for row in mixed() if row["endpoint"] != "deleteWebhook"]
    client = Early(stack, scene.stage, "python_h2", early, after, at_once=1)
    opaque = {("unknown", "unknown"): 2}
    delta = scene.wait(lambda m: ledger.booked(m)["requests"] == opaque)
    scene.tap.equal(
        "a connection whose library is not read: its calls are timed, with no name",
        (ledger.booked(delta)["requests"], delta.by("upstream_connections_total", "visibility")),
        (opaque, {("encrypted",): 1}),
    )
    attach(scene.operaglass)
    scene.before = scene.operaglass.metrics()
    last = ledger.booked(scene.before)["durations"].get(("unknown", "unknown"), 0)
    results, truth = client.go()
    named = {row["path"].split("?")[0]: row["endpoint"] for row in client.calls}
    want = ledger.expected(truth, named)
    if last < 2:  # the last one before was over, and is counted with the next
        ledger.add(want["durations"], ("unknown", "unknown"), 2 - last)
    scene.tap.equal(
        "its library is read: from then on every call is counted once, with its endpoint and status",
        ledger.booked(scene.wait(lambda m: ledger.booked(m) == want)),
        want,
    )
    scene.tap.ok("every call was answered", all(row["status"] for row in results), results)


def read_later(tap):
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(Stage("http2later"))
        stage.network.set_hosts({NAME: [HTTP2]})
        operaglass = stack.enter_context(Operaglass(AGENTS_ONLY))
        Scene(operaglass, stage, tap).run([lambda scene: test_read_later(scene, stack)])


def main():
    tap = Tap()
    read_later(tap)
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(Stage("http2late"))
        stage.network.set_hosts({NAME: [HTTP2]})
        early = plan(stack, stage)
        operaglass = stack.enter_context(Operaglass())
        Scene(operaglass, stage, tap).run(
            [
                lambda scene: test_one_after_the_other(scene, early),
                lambda scene: test_place_found(scene, early),
                lambda scene: test_many(scene, early),
                test_rows,
            ]
        )
    tap.done()


if __name__ == "__main__":
    main()
