#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An SSL object is joined to its connection by the place of the client random that was found in its very library.

The table of places that known builds have is emptied: what was found by a proof is all there is then, and a program
that cannot be proven, an executable, is not joined.
"""
import subprocess

import maps
import places
from harness import Child, Operaglass, Tap
from scene import Scene, call
from stage import NAME, Stage

PROGRAM = "og-agent-table"
CONFIG = f"agents:\n  - {{type: table, names: [{PROGRAM}]}}\n"
CALLS = [
    call("getMe"),
    call("getChat", query="status=401"),
    call("getUpdates", query="delay=60"),
    call("getFile", query="size=40000&pieces=4&gap=5"),
]


def joined(operaglass):
    """How many objects of clients were joined to their connections: the server's are at the other ends."""
    rows = [row["formatted"]["value"] for row in maps.dump(operaglass, "tls_streams")]
    return sum(row["sock"] != 0 and not row["foreign"] for row in rows)


def check(scene, sentence, client, expected, **options):
    """Every call is counted once, joined or not; so many objects are, by then."""
    scene.check(sentence, client, CALLS, **options)
    scene.tap.equal(f"{sentence}: objects joined so far", joined(scene.operaglass), expected)


def without(scene, program):
    """Nothing was found in an executable, and the table is empty: what it says is all that is known."""
    scene.stage.play("lines", CALLS[:1], program=program)
    scene.stage.truth(1)
    scene.wait(lambda m: m.value("telegram_api_requests_total", endpoint="getMe", method="GET") == 1)
    scene.tap.equal("a program without a place is not joined", joined(scene.operaglass), 3)


def main():
    tap = Tap()
    with Stage("places") as stage, Operaglass(CONFIG) as operaglass:
        program = stage.tls_client(PROGRAM)
        held = Child(
            [program, NAME, "none"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        places.wait_until_found(operaglass)
        scene = Scene(operaglass, stage, tap)
        scene.run(
            [
                lambda scene: check(scene, "a program by the table", "lines", 1, program=program),
                lambda _: places.clear_table(operaglass),
                lambda scene: check(scene, "OpenSSL by what was found in it", "python_sync", 2),
                lambda scene: check(scene, "GnuTLS by what was found in it", "gnutls_curl", 3),
                lambda scene: without(scene, program),
            ]
        )
        held.communicate()
    tap.done()


if __name__ == "__main__":
    main()
