#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""As many connections with HTTP/2 are decoded as there is room for; the others are timed, and say why."""
import ledger
import maps
from harness import Operaglass, Tap
from scene import Scene, call
from stage import HTTP2, NAME, Stage

ROOM = 512  # HTTP2_CONNECTIONS of bpf/tls_http2_rows.bpf.h
MORE = 8


def test_room(scene):
    before = maps.rows(scene.operaglass, ("http2_connections",))
    scene.stage.play("python_h2_many", [call("getMe")] * (ROOM + MORE))
    scene.stage.truth(ROOM + MORE)
    want = {("getMe", "200"): ROOM, ("unknown", "unknown"): MORE}
    delta = scene.wait(lambda m: ledger.booked(m)["durations"] == want)
    scene.tap.equal(
        f"of {ROOM + MORE} connections at once {ROOM} are decoded, each call of the others is timed",
        (ledger.booked(delta)["durations"], ledger.booked(delta)["failures"]),
        (want, {}),
    )
    scene.tap.equal(
        "each connection is counted as what it is",
        delta.by("upstream_connections_total", "visibility", upstream="telegram"),
        {("decoded",): ROOM, ("encrypted",): MORE},
    )
    scene.tap.equal(
        "and says why it is not decoded",
        delta.by("upstream_undecoded_connections_total", "reason", upstream="telegram"),
        {("http2",): MORE},
    )
    scene.tap.equal(
        "and what was missing",
        delta.by("operaglass_lost_total", "where", "cause"),
        {("tls_streams", "table_full"): MORE},
    )
    scene.tap.equal(
        "all of them are gone without a farewell, and their rows with them",
        maps.settled(scene.operaglass, before),
        before,
    )
    scene.check("there is room again", "python_h2_many", [call("getMe"), call("getChat")])


def main():
    tap = Tap()
    with Stage("limits") as stage, Operaglass() as operaglass:
        stage.network.set_hosts({NAME: [HTTP2]})
        Scene(operaglass, stage, tap).run([test_room])
    tap.done()


if __name__ == "__main__":
    main()
