#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A signature that is wrong is refused by name and with its reason: nothing is attached, and it is counted.

Each case is a stripped program of a build of its own, which makes a call: it is answered, and measured at the socket.
"""
import os
import subprocess

import ledger
from harness import Child, Operaglass, Tap
from scene import UNKNOWN, Scene, call
from stage import NAME, Stage
from test_tls_stacks import inspect, sign

CONFIG = """
agents:
  - type: signed
    names: [og-agent-twice, og-agent-outside, og-agent-inside, og-agent-data, og-agent-other,
            og-agent-updated, og-agent-right]
"""


class Builds:
    """One stripped program, under build-ids of its own."""

    def __init__(self, scene):
        self.scene, self.number = scene, 0
        build_id = "-Wl,--build-id=0x" + "00" * 20
        whole = scene.stage.tls_client("whole", build_id)
        self.functions = inspect(scene, whole)["functions"]
        with open(scene.stage.tls_client("stripped", "-s", build_id), "rb") as file:
            self.bytes = file.read()
        if self.bytes.count(b"GNU\0" + bytes(20)) != 1:
            raise RuntimeError("the build-id is not where it is looked for")

    def program(self, name):
        """(path, build-id)"""
        self.number += 1
        build_id = bytes([self.number]) * 20
        path = f"{self.scene.stage.directory}/{name}"
        with open(path, "wb") as file:
            file.write(self.bytes.replace(b"GNU\0" + bytes(20), b"GNU\0" + build_id))
        os.chmod(path, 0o755)
        return path, build_id.hex()


def targets(metrics):
    return metrics.by("operaglass_tls_targets", "stack", "state")


def play(scene, path):
    """The program starts, is looked into, listed, and calls."""
    before = targets(scene.operaglass.metrics())
    process = Child(
        scene.stage.network.in_client([path, NAME, scene.stage.ca]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.line()
    after = targets(scene.operaglass.wait(lambda m: targets(m) != before, 5))
    pins = scene.operaglass.probes(os.stat(path))
    listed = [(row["stack"], row["state"], row["why"]) for row in scene.operaglass.tls_list(process.pid)]
    named = scene.operaglass.doctor_names(process.pid)
    output = process.communicate("GET /bot1:A/getMe 0\n", timeout=20)[0]
    scene.stage.truth(1)
    changed = {row: after[row] - before.get(row, 0) for row in after}
    return {row: n for row, n in changed.items() if n}, pins, '"status": 200' in output, listed, named


def refused(scene, sentence, path, why, state=("boringssl", "refused"), misfit=""):
    looked, logged = inspect(scene, path, 1), scene.operaglass.logs
    changed, pins, answered, listed, named = play(scene, path)
    scene.tap.equal(
        f"{sentence}: `tls inspect` says so", (looked["why"], looked["misfit"]), (why, misfit)
    )
    scene.tap.equal(
        f"{sentence}: nothing is attached, its file is counted, its call is answered",
        (changed, pins, answered),
        ({state: 1}, [], True),
    )
    scene.tap.equal(
        f"{sentence}: `tls list` and doctor say so of the process",
        (listed, named),
        (
            [(*state, why)],
            [("degraded" if state[1] == "refused" else "ok", " ".join(state))],
        ),
    )
    if state[1] == "refused":
        scene.tap.equal(
            f"{sentence}: the log names both files, once",
            logged().count(f"'{path}' is not probed: {why}"),
            1,
        )
    delta = scene.wait(lambda m: ledger.booked(m)["durations"] == {UNKNOWN: 1})
    scene.tap.equal(
        f"{sentence}: its call is measured at the socket",
        (
            ledger.booked(delta)["requests"],
            delta.by("upstream_undecoded_connections_total", "reason"),
        ),
        ({UNKNOWN: 1}, {("no_symbols",): 1}),
    )


def test_twice(scene, builds):
    path, build_id = builds.program("og-agent-twice")
    both = [sign(scene, name, build_id, builds.functions) for name in ("one", "two")]
    said = inspect(scene, path, 1)["why"]
    later, first = both if said.startswith(both[0]) else reversed(both)
    refused(
        scene, "two signatures of one build", path,
        f"{later}: is for the same build as '{first}': both refused",
    )  # fmt: skip


def test_places(scene, builds):
    begin = builds.functions["SSL_read"]
    inside = hex(int(begin, 16) + 1)
    outside = "is outside of the executable segments"
    for name, sentence, function, place, why in (
        ("outside", "an offset behind the end of the file", "SSL_read", "0x7ffffff0", outside),
        ("data", "an offset in data", "SSL_write", "0x40", outside),
        (
            "inside",
            "an offset in the middle of a function",
            "SSL_read",
            inside,
            f"is inside of a function that begins at {begin}",
        ),
    ):
        path, build_id = builds.program(f"og-agent-{name}")
        signature = sign(scene, name, build_id, {**builds.functions, function: place})
        refused(scene, sentence, path, f"{signature}: is refused: {function} at {place} {why}")


def test_other_build(scene, builds):
    path, _ = builds.program("og-agent-other")
    sign(scene, "other", "ee" * 20, builds.functions)
    refused(
        scene, "a signature of another build", path, "its symbols are stripped", ("static", "undecoded")
    )


def test_updated(scene, builds):
    """One that says whose build it is, after that has become another."""
    path, build_id = builds.program("og-agent-updated")
    before = "dd" * 20
    signature = sign(scene, "updated", before, builds.functions, "og-agent-upd*")
    why = (
        f"{signature}: is refused: it is for 'og-agent-upd*' of the build {before}, "
        f"and this file is of the build {build_id}"
    )
    refused(scene, "a signature of this program's build before", path, why, ("static", "refused"), why)


def test_right(scene, builds):
    """So that what came before was refused for its reason alone."""
    path, build_id = builds.program("og-agent-right")
    sign(scene, "before", "cc" * 20, builds.functions, "og-agent-right")
    sign(scene, "right", build_id, builds.functions, path)
    scene.tap.equal(
        "beside one that fits, one of another build is nobody's mistake",
        [inspect(scene, path)[key] for key in ("why", "misfit")],
        ["", ""],
    )
    changed, pins, answered, listed, named = play(scene, path)
    scene.tap.equal(
        "one that is right is taken",
        (changed, len(pins) > 0, answered, listed, named),
        ({("boringssl", "attached"): 1}, True, True, [("boringssl", "attached", "")], []),
    )
    delta = scene.wait(lambda m: m.total("telegram_api_duration_seconds_count") == 1)
    scene.tap.equal(
        "and the call is read",
        ledger.booked(delta)["durations"],
        {(call("getMe")["endpoint"], "200"): 1},
    )


def test_bad_files(scene):
    """Files that are no signature are named when they are read."""
    directory = f"{scene.operaglass.directory}/state/tls-signatures.d"
    bad = {
        "no-build": "functions:\n  SSL_write: 0x1000\n  SSL_read: 0x2000\n",
        "short-build": "build_id: abcd\nfunctions:\n  SSL_write: 0x1000\n  SSL_read: 0x2000\n",
        "same-place": f"build_id: {'ab' * 20}\nfunctions:\n  SSL_write: 0x1000\n  SSL_read: 0x1000\n",
        "no-reader": f"build_id: {'ab' * 20}\nfunctions:\n  SSL_write: 0x1000\n",
        "ab" * 20: f"build_id: {'ba' * 20}\nfunctions:\n  SSL_write: 0x1000\n  SSL_read: 0x2000\n",
        "huge": "# " + "x" * 20000 + "\n",
    }
    for name, text in bad.items():
        with open(f"{directory}/{name}.yaml", "w", encoding="utf-8") as file:
            file.write(text)
    scene.operaglass.stop()
    scene.operaglass.start()
    named = [
        name for name in bad if f"signature file {directory}/{name}.yaml:" in scene.operaglass.logs()
    ]
    scene.tap.equal("every file that is no signature is named, with a reason", named, list(bad))


def main():
    tap = Tap()
    with Stage("signatures") as stage, Operaglass(CONFIG) as operaglass:
        scene = Scene(operaglass, stage, tap)
        builds = Builds(scene)
        scene.run(
            [
                lambda scene: test_twice(scene, builds),
                lambda scene: test_places(scene, builds),
                lambda scene: test_other_build(scene, builds),
                lambda scene: test_updated(scene, builds),
                lambda scene: test_right(scene, builds),
                test_bad_files,
            ]
        )
    tap.done()


if __name__ == "__main__":
    main()
