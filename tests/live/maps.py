# SPDX-License-Identifier: Apache-2.0
"""How many rows the kernel's tables hold: what a test has used is to go again."""
import json
import subprocess
import time

# What each connection, call and handshake takes and is to give back; others forget the oldest by themselves.
TABLES = ("calls", "client_randoms", "connections", "hellos")


def rows(operaglass, tables=TABLES):
    """{table: rows}, of pinned maps."""
    return {table: len(dump(operaglass, table)) for table in tables}


def dump(operaglass, table):
    done = subprocess.run(
        ["bpftool", "-j", "map", "dump", "pinned", f"{operaglass.pins}/maps/{table}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def put(operaglass, table, key, value):
    words = [["hex", *part.hex(" ").split()] for part in (key, value)]
    pinned = f"{operaglass.pins}/maps/{table}"
    subprocess.run(
        ["bpftool", "map", "update", "pinned", pinned, "key", *words[0], "value", *words[1]],
        check=True,
        capture_output=True,
    )


def settled(operaglass, wanted, seconds=8):
    """The rows, once they are those wanted or the time is over; each scrape sweeps."""
    limit = time.monotonic() + seconds
    while True:
        operaglass.metrics()
        found = rows(operaglass, tuple(wanted))
        if found == wanted or time.monotonic() > limit:
            return found
        time.sleep(0.05)
