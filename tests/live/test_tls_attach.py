#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How soon a new file is probed, and that none is missed when many things happen at once."""
import glob
import mmap
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time

from harness import BUILD, Child
from tls_world import LIBSSL_PROBES, World

FILES, STARTS, LOST = 50, 200, 2000
ATTACH_SECONDS, WORST_SECONDS = 0.02, 0.1
PAUSES = (0.1, 0.012)  # from rest, and while the observer looks by the clock
SOURCE = glob.glob("/usr/lib/*/libssl.so.3")[0]
# One call as soon as the go-ahead comes: the first TLS call of this process.
STARTER = """
import http.client, socket, ssl, sys
port, path = int(sys.argv[1]), sys.argv[2]
context = ssl._create_unverified_context()
print("mapped", flush=True)
sys.stdin.readline()
sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="discovery.test")
c = http.client.HTTPConnection("discovery.test")
c.sock = sock
c.request("GET", path)
print(c.getresponse().status, flush=True)
"""


def copy(world, name):
    path = f"{world.directory}/{name}/libssl.so.3"
    os.mkdir(os.path.dirname(path))
    shutil.copy(SOURCE, path)
    return path


def map_code(path):
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)


def attach_seconds(world, name):
    """Of each of 50 files in turn: from its mapping until all its probes are pinned."""
    took, mapped = [], []
    for number in range(FILES):
        path = copy(world, f"{name}-{number}")
        status = os.stat(path)
        time.sleep(PAUSES[number % len(PAUSES)])
        begin = time.monotonic()
        mapped.append(map_code(path))
        while len(world.og.probes(status)) < LIBSSL_PROBES and time.monotonic() - begin < 2:
            time.sleep(0.0003)
        took.append(time.monotonic() - begin)
    print(f"# median {statistics.median(took) * 1000:.1f} ms, worst {max(took) * 1000:.1f} ms")
    for mapping in mapped:
        mapping.close()
    world.scan()
    return took


def test_latency(world):
    took = attach_seconds(world, "latency")
    world.tap.within(
        f"of {FILES} new files, half are probed within 20 ms of being mapped",
        statistics.median(took),
        0,
        ATTACH_SECONDS,
    )
    world.tap.within("and the last within 100 ms", max(took), 0, WORST_SECONDS)


def test_latency_beside_busy_loops(world):
    """This test wants its turn among them, too: what it measures is what anybody sees."""
    loops = []
    try:
        for cpu in sorted(os.sched_getaffinity(0)):
            command = ["taskset", "-c", str(cpu), sys.executable, "-c", "while True: pass"]
            loops.append(Child(command))
        took = attach_seconds(world, "busy")
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    world.tap.within(
        "with a busy loop on each CPU, half within 40 ms",
        statistics.median(took),
        0,
        2 * ATTACH_SECONDS,
    )


def test_lost_records(world):
    """The observer is stopped while more is mapped than the rings hold; then nothing is mapped any more."""
    known, late = copy(world, "lost-known"), copy(world, "lost-late")
    held = map_code(known)
    world.wait_pins(known)
    world.og.process.send_signal(signal.SIGSTOP)
    try:
        for cpu in sorted(os.sched_getaffinity(0)):
            os.sched_setaffinity(0, {cpu})
            for _ in range(LOST):
                map_code(known).close()
        kept = map_code(late)
    finally:
        os.sched_setaffinity(0, range(os.cpu_count()))
        world.og.process.send_signal(signal.SIGCONT)
    world.tap.ok("a file whose record was lost is found by looking again", world.wait_pins(late))
    held.close()
    kept.close()


def start_clients(world, library, count, path):
    command = ["/usr/bin/python3", "-c", STARTER, str(world.port), path]
    return [world.client(command, {"LD_LIBRARY_PATH": library}) for _ in range(count)]


def test_all_at_once(world):
    """Processes that start together; each makes its first TLS call when all others do."""
    library = world.library("at-once")
    clients = start_clients(world, library, STARTS, "/at-once")
    for client in clients:
        client.tell("go")
    statuses = [client.process.line().strip() for client in clients]
    labels = {"upstream": "discovery", "endpoint": "/at-once"}
    metrics = world.og.wait(
        lambda m: m.value(
            "upstream_request_duration_seconds_count", status_code="200", **labels
        )
        >= STARTS,
        20,
    )
    world.tap.equal(
        f"{STARTS} processes call at once: each call is answered, and counted once",
        (
            statuses.count("200"),
            metrics.value("upstream_requests_total", method="GET", **labels),
            metrics.value("upstream_request_duration_seconds_count", status_code="200", **labels),
            metrics.by("upstream_connections_total", "visibility", upstream="discovery"),
        ),
        (STARTS, STARTS, STARTS, {("decoded",): STARTS}),
    )
    for client in clients:
        client.end()


def test_known_starts(world):
    """Files that are known and no TLS: nothing is looked into, no probe comes or goes."""
    before = world.pins()
    targets = world.og.metrics().by("operaglass_tls_targets", "stack", "state")
    spawn = BUILD + "/tools/bench/spawn"
    subprocess.run([spawn, BUILD + "/tools/bench/tiny", "10000"], check=True, capture_output=True)
    world.tap.equal("10,000 process starts leave the probes as they are", world.pins(), before)
    world.tap.equal(
        "and the targets",
        world.og.metrics().by("operaglass_tls_targets", "stack", "state"),
        targets,
    )


def main():
    with World() as world:
        with world.og:
            test_latency(world)
            test_latency_beside_busy_loops(world)
            test_lost_records(world)
            test_all_at_once(world)
            test_known_starts(world)
    world.tap.done()


if __name__ == "__main__":
    main()
