#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""More TLS libraries than there are rows for: each that finds none is counted, once, and its calls are timed."""
import os

from test_tls_hostile import MAP_ALL, counted, start
from tls_world import World

ROWS = 255  # TLS_TARGET_SLOTS - 1
CROWD = 270
SECONDS = 60  # 6 on an idle machine


def left_out(metrics):
    return metrics.value("operaglass_lost_total", where="tls_targets", cause="table_full")


def unread(world, sentence, client, reason, before):
    """The call is answered and counted without its endpoint, and it is said why."""
    status = client.call("/unread")
    client.end()
    metrics = world.og.wait(lambda m: (m - before).total("upstream_undecoded_connections_total"))
    delta = metrics - before
    world.tap.equal(
        sentence,
        (
            status,
            delta.by("upstream_requests_total", "endpoint"),
            delta.by("upstream_undecoded_connections_total", "reason"),
        ),
        ("200", {("unknown",): 1}, {(reason,): 1}),
    )


def test_crowd(world):
    for number in range(CROWD):
        world.library(f"crowd/{number}")
        os.unlink(f"{world.directory}/crowd/{number}/libcrypto.so.3")
    world.scan()
    taken = sum(counted(world).values())
    world.tap.equal("as long as there is room nothing is lost", left_out(world.og.metrics()), 0)
    crowd = start(MAP_ALL, f"{world.directory}/crowd")
    lost = taken + CROWD - ROWS
    metrics = world.og.wait(lambda m: left_out(m) >= lost, SECONDS)
    world.tap.equal(
        "every library that finds no row is counted",
        (left_out(metrics), sum(counted(world).values())),
        (lost, ROWS),
    )
    world.tap.equal("the log says so once", world.og.logs().count("different TLS libraries"), 1)
    library = world.library("one-more")
    first = world.python(library)
    lost += 1
    metrics = world.og.wait(lambda m: left_out(m) == lost)
    world.tap.equal("so is one that comes later", left_out(metrics), lost)
    unread(world, "its call is timed, and it is said why it is not read", first, "probe_refused", metrics)
    before = world.og.metrics()
    second = world.python(library)
    unread(world, "so is that of its next process", second, "probe_refused", before)
    kept = world.python(library)
    world.scan()
    world.tap.equal("no library is counted twice", left_out(world.og.metrics()), lost)
    crowd.communicate()
    world.scan()
    world.scan()
    world.tap.ok("when the others are gone it gets its probes", world.wait_pins(f"{library}/libssl.so.3"))
    world.decoded("and is read", kept, "/read")
    world.tap.equal("nothing more was lost", left_out(world.og.metrics()), lost)


def main():
    with World() as world:
        with world.og:
            os.mkdir(f"{world.directory}/crowd")
            test_crowd(world)
    world.tap.done()


if __name__ == "__main__":
    main()
