#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two hundred processes start at once and call at once, by a library that nobody has mapped before.

Whoever is faster than the observer is measured at the socket: one call each, decoded or not, never both, never none.
"""
import glob
import os
import shutil
import subprocess

import maps
from harness import Child, Operaglass, Tap, bounded
from network import SERVER4
from scene import TOKEN, Scene
from stage import HERE, NAME, Stage

CROWD = 200
SHELL = 'echo waiting; read -r _; exec "$@" <"$CALL"'


class Crowd:
    def __init__(self, stage):
        self.stage = stage
        self.program, self.call = f"{stage.directory}/crowd", f"{stage.directory}/call"
        source = f"{HERE}/clients/tls_client.c"
        subprocess.run(
            ["gcc", "-O2", "-D_GNU_SOURCE", "-o", self.program, source, "-lssl", "-lcrypto"],
            check=True,
            timeout=60,
        )
        with open(self.call, "w", encoding="utf-8") as file:
            file.write(f"GET {TOKEN}/getMe 0\n")
        self.library = f"{stage.directory}/library"
        os.mkdir(self.library)
        for library in ("libssl.so.3", "libcrypto.so.3"):
            shutil.copy(glob.glob(f"/usr/lib/*/{library}")[0], self.library)
        self.environment = dict(os.environ, LD_LIBRARY_PATH=self.library, CALL=self.call)

    def start(self, *command, **pipes):
        arguments = [self.program, NAME, self.stage.ca]
        return Child(
            self.stage.network.in_client([*command, *arguments]), env=self.environment, **pipes
        )

    def go(self):
        """All wait for the end of one pipe; how many got their answer."""
        gate, release = os.pipe()
        output, said = os.pipe()
        processes = [
            self.start("sh", "-c", SHELL, "sh", stdin=gate, stdout=said) for _ in range(CROWD)
        ]
        os.close(gate)
        os.close(said)
        with open(output, encoding="ascii") as lines:
            for _ in processes:
                bounded(lines.readline)
            os.close(release)
            answers = bounded(lines.read).count('"status": 200')
        for process in processes:
            process.wait()
        return answers


def seen(metrics):
    return {
        "calls": metrics.by("telegram_api_requests_total", "endpoint", "method"),
        "answers": metrics.by("telegram_api_duration_seconds_count", "endpoint", "status_code"),
        "failures": metrics.by("telegram_api_failures_total", "endpoint", "error_type"),
        "connections": metrics.by("upstream_connections_total", "upstream", "visibility"),
        "reasons": sum(metrics.by("upstream_undecoded_connections_total", "reason").values()),
    }


def expected(decoded):
    """So many calls of the crowd are decoded, the rest is opaque."""

    def table(first, second):
        rows = {first: decoded, second: CROWD - decoded}
        return {row: number for row, number in rows.items() if number}

    return {
        "calls": table(("getMe", "GET"), ("unknown", "unknown")),
        "answers": table(("getMe", "200"), ("unknown", "unknown")),
        "failures": {},
        "connections": table(("telegram", "decoded"), ("telegram", "encrypted")),
        "reasons": CROWD - decoded,
    }


def test_new_library(scene, crowd):
    before = maps.rows(scene.operaglass)
    scene.tap.equal("the whole crowd is answered", crowd.go(), CROWD)
    scene.stage.truth(CROWD, 30)
    delta = scene.wait(lambda m: m.total("telegram_api_duration_seconds_count") == CROWD)
    decoded = int(seen(delta)["calls"].get(("getMe", "GET"), 0))
    print(f"# {decoded} of {CROWD} calls were decoded", flush=True)
    scene.tap.equal(
        f"of {CROWD} processes with a library that is new each call and connection is counted once",
        seen(delta),
        expected(decoded),
    )
    scene.tap.equal("and all rows are gone", maps.settled(scene.operaglass, before), before)


def test_known_library(scene, crowd):
    scene.tap.equal("the whole crowd is answered again", crowd.go(), CROWD)
    scene.stage.truth(CROWD, 30)
    delta = scene.wait(lambda m: seen(m) == expected(CROWD))
    scene.tap.equal(
        "once the library is known all calls are decoded", seen(delta), expected(CROWD)
    )


def main():
    tap = Tap()
    with Stage("crowd") as stage:
        crowd = Crowd(stage)
        stage.network.set_hosts({NAME: [SERVER4]})
        with Operaglass() as operaglass:
            scene = Scene(operaglass, stage, tap)
            scene.run([lambda scene: test_new_library(scene, crowd)])
            # Whoever maps the library keeps its probes.
            keeper = crowd.start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            keeper.line()
            scene.run([lambda scene: test_known_library(scene, crowd)])
            keeper.communicate()
    tap.done()


if __name__ == "__main__":
    main()
