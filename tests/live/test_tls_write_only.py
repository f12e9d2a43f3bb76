#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A library whose results no cheap probe shows is read where it writes: each call is counted once, with its endpoint
and method, and timed at its socket; single-stepped probes are set only where that is configured.

The library is OpenSSL inside of a program, with an SSL_read that hands on what another function returns.
"""
import signal
import subprocess

import ledger
from harness import Child, Operaglass, Tap
from scene import Scene, call
from stage import HERE, NAME, Stage, wait_for

NAMED = "og-agent-writes"
CONFIG = f"""
agents:
  - type: writes
    names: [{NAMED}]
tls:
  stepped_probes: """
CALLS = [
    call("getMe"),
    call("getChat", query="status=401"),
    call("sendMessage", "POST", "delay=30", body=120),
    call("sendDocument", "POST", body=300000),
    call("sendPhoto", query="status=429&retry_after=7&delay=20"),
    call("getUpdates", query="delay=80"),
    call("getMyCommands", query="size=40000&pieces=4&gap=10"),
    call("editMessageText", "POST", "status=500", body=300),
    call("getMe", query="as=chunked&pieces=6&gap=5"),
]


def build(stage):
    """clients/tls_client.c with such a library inside."""
    archive = subprocess.run(
        ["gcc", "-print-file-name=libssl.a"], check=True, capture_output=True, text=True
    ).stdout.strip()
    command = ["objcopy", "--redefine-sym", "SSL_read=og_real_read"]
    subprocess.run([*command, archive, f"{stage.directory}/libssl.a"], check=True, timeout=60)
    return stage.tls_client(NAMED, f"-L{stage.directory}", f"{HERE}/clients/blind_read.S")


def nameless(table):
    """Without the status."""
    rows = {}
    for (endpoint, _), number in table.items():
        ledger.add(rows, (endpoint, "unknown"), number)
    return rows


def expected(truth, endpoints):
    """Names are known, what servers say is not: none of it is a failure."""
    book = ledger.expected(truth, endpoints)
    polls = sum(book["long_polls"].values())
    return {
        **{table: {} for table in ledger.TABLES},
        "requests": book["requests"],
        "durations": nameless(book["durations"]),
        "long_polls": {("unknown",): polls} if polls else {},
    }


def limits(truth, results, endpoints):
    rows = {}
    for (endpoint, _), (least, most) in ledger.bounds(truth, results, endpoints).items():
        low, high = rows.get((endpoint, "unknown"), (0, 0))
        rows[endpoint, "unknown"] = (low + least, high + most)
    return rows


def listed(scene, pid):
    """What `operaglass tls list` says of a process."""
    rows = scene.operaglass.tls_list(pid)
    return [(row["stack"], row["state"], row["trust"], bool(row["why"])) for row in rows]


def holder(program):
    """A process that maps the program, and does nothing."""
    process = Child(
        [program, NAME, "none"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.line()
    return process


def targets(scene, state):
    return scene.operaglass.metrics().value("operaglass_tls_targets", stack="static", state=state)


def test_writes(scene, program):
    process = holder(program)
    wait_for(lambda: targets(scene, "write_only") == 1, 5, "the program is probed")
    scene.tap.equal("it is a target of its own kind", targets(scene, "attached"), 0)
    scene.tap.equal(
        "it is listed so, by process",
        listed(scene, process.pid),
        [("static", "write-only", "decoded", True)],
    )
    scene.tap.equal(
        "and doctor names the process",
        scene.operaglass.doctor_names(process.pid),
        [("ok", "static write-only")],
    )
    results = scene.stage.play("lines", CALLS, program=program)
    truth = scene.stage.truth(len(CALLS))
    endpoints = {request["path"].split("?")[0]: request["endpoint"] for request in CALLS}
    want = expected(truth, endpoints)
    delta = scene.wait(lambda metrics: ledger.booked(metrics, "telegram") == want)
    scene.tap.equal(
        "every call is counted once, with endpoint and method, without status",
        ledger.booked(delta, "telegram"),
        want,
    )
    wrong = ledger.differences(delta, limits(truth, results, endpoints), "telegram")
    scene.tap.ok("durations are within 2 ms + 5 % of the truth", not wrong, wrong)
    scene.tap.equal(
        "its connection is opaque, and it is said why",
        (
            delta.by("upstream_connections_total", "visibility", upstream="telegram"),
            delta.by("upstream_undecoded_connections_total", "reason", upstream="telegram"),
        ),
        ({("encrypted",): 1}, {("write_only",): 1}),
    )
    return process


def test_stepped(scene, program, process):
    """The same program, once stepped probes are configured."""
    og = scene.operaglass
    before = og.logs().count("reloaded")
    with open(og.directory + "/config.yml", "w", encoding="utf-8") as file:
        file.write(CONFIG + "true\n")
    og.process.send_signal(signal.SIGHUP)
    wait_for(lambda: og.logs().count("reloaded") > before, 10, "the reload")
    scene.tap.equal(
        "where it is configured, single-stepped probes take their place",
        (targets(scene, "write_only"), targets(scene, "attached")),
        (0, 1),
    )
    scene.tap.equal(
        "and the list says so", listed(scene, process.pid), [("static", "attached", "decoded", False)]
    )
    scene.check("stepped", "lines", CALLS, program=program)
    process.stdin.close()
    process.wait()


def main():
    tap = Tap()
    with Stage("writes") as stage, Operaglass(CONFIG + "false\n") as operaglass:
        program = build(stage)
        scene = Scene(operaglass, stage, tap)
        scene.run([lambda scene: test_stepped(scene, program, test_writes(scene, program))])
    tap.done()


if __name__ == "__main__":
    main()
