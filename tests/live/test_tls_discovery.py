#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TLS libraries are found wherever they come from, probed once, and stay probed.

Each case is a client with a libssl (or a Node) of its own inode; its call must be decoded: endpoint and status in
/metrics. The client waits for a word before each call, so that what is proven is the finding, not a race.
"""
import os
import shutil
import signal
import subprocess
import sys

from harness import Child
from tls_world import NODE_CLIENT, World

ATTACH_SECONDS = 0.1  # 20 ms on an idle machine: test_tls_attach.py measures
MAP_GARBAGE = """
import mmap, os, sys
f = os.open(sys.argv[1], os.O_RDONLY)
m = mmap.mmap(f, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
print("mapped", flush=True)
sys.stdin.read()
"""


def test_connections_before(world, clients):
    """No ClientHello was seen of them: their calls are known by the Host of each first request."""
    world.decoded("a connection older than the observer is known by its Host", clients[0], "/older")
    world.decoded("and so is its next call", clients[0], "/older-next")
    world.decoded("also by a wildcard", clients[1], "/wildcard", "Host=a.b.wild.test:443")
    world.tap.equal(
        "one to a host that nobody watches is answered",
        clients[2].call("/unwatched Host=wild.test"),
        "200",
    )
    world.decoded("and not counted, while others are", clients[0], "/older-last")
    world.tap.equal(
        "under no name",
        world.og.metrics().rows("upstream_requests_total", endpoint="/unwatched"),
        {},
    )
    for client in clients:
        client.end()


def test_running_before(world, client):
    world.decoded(
        "a library that was deleted under a process which runs already is probed",
        client,
        "/deleted",
    )
    client.end()


def test_new_file(world):
    library = world.library("fresh")
    client = world.python(library)
    probed = world.wait_log(library + "/libssl.so.3")
    world.tap.within(
        "a library that nobody mapped before is probed at once",
        probed and probed - client.mapped,
        -1,
        ATTACH_SECONDS,
    )
    world.decoded("and its call is decoded", client, "/fresh")
    before = world.pins()
    second = world.python(library)
    world.decoded("a second process with the same file is decoded", second, "/fresh-again")
    world.tap.equal("and the file is not probed a second time", world.pins(), before)
    client.end()
    second.end()


def test_late_load(world):
    library = world.library("late")
    client = world.python(library, late=True)
    client.tell("load")
    mapped = client.wait_mapped()
    probed = world.wait_log(library + "/libssl.so.3")
    world.tap.within(
        "a library that is loaded into a running process is probed at once",
        probed and probed - mapped,
        -1,
        ATTACH_SECONDS,
    )
    world.decoded("and its call is decoded", client, "/late")
    client.end()


def test_other_mount_namespace(world):
    library = world.library("inside")
    hidden = world.directory + "/mount"
    os.mkdir(hidden)
    script = f'mount -t tmpfs none {hidden} && cp {library}/* {hidden}/ && exec "$@"'
    client = world.client(
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            "env",
            "LD_LIBRARY_PATH=" + hidden,
            *world.python_command(),
        ]
    )
    world.wait_log(hidden + "/libssl.so.3")
    world.tap.ok(
        "the file is not there in our mount namespace", not os.path.exists(hidden + "/libssl.so.3")
    )
    world.decoded("a library of another mount namespace is probed", client, "/container")
    client.end()


def test_node(world):
    path = world.directory + "/node-of-its-own"
    os.mkdir(path)
    shutil.copy(
        os.path.realpath(shutil.which("node", path="/usr/local/bin:/usr/bin")), path + "/node"
    )
    with open(path + "/client.js", "w", encoding="utf-8") as file:
        file.write(NODE_CLIENT)
    client = world.client([path + "/node", path + "/client.js", str(world.port)])
    world.wait_log(path + "/node")
    world.decoded("a Node of its own is probed by its symbols", client, "/node")
    client.end()


def test_garbage(world):
    path = world.directory + "/garbage"
    os.mkdir(path)
    with open(path + "/libssl.so.3", "wb") as file:
        file.write(b"\x7fELF" + os.urandom(100000))
    before = world.og.metrics().by("operaglass_tls_targets", "stack", "state")
    child = Child(
        [sys.executable, "-c", MAP_GARBAGE, path + "/libssl.so.3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    child.line()
    client = world.python(world.library("after-garbage"))
    world.wait_log(world.directory + "/after-garbage/libssl.so.3")
    world.decoded(
        "a file that only pretends to be a library does no harm", client, "/after-garbage"
    )
    after = world.og.metrics().by("operaglass_tls_targets", "stack", "state")
    world.tap.equal(
        "and is no target", after[("openssl", "attached")], before[("openssl", "attached")] + 1
    )
    child.communicate()
    client.end()


def test_restart(world):
    library = world.library("restart")
    client = world.python(library)
    world.wait_log(library + "/libssl.so.3")
    world.decoded("a call before the observer is killed is decoded", client, "/restart-before")
    before = world.pins()
    os.kill(world.og.process.pid, signal.SIGKILL)
    world.og.process.wait()
    world.tap.equal(
        "a call while nobody watches is answered", client.call("/restart-meanwhile"), "200"
    )
    world.og.start()
    metrics = world.og.metrics()
    world.tap.equal(
        "and is counted with its endpoint",
        metrics.value(
            "upstream_requests_total",
            upstream="discovery",
            endpoint="/restart-meanwhile",
            method="GET",
        ),
        1,
    )
    world.decoded("a call after the restart is counted once", client, "/restart-after")
    world.tap.equal("the same probes are in place", world.pins(), before)
    client.end()


def main():
    with World() as world:
        library = world.library("deleted")
        client = world.python(library)
        os.unlink(library + "/libssl.so.3")
        older = [world.python(world.library(f"older{i}")) for i in range(3)]
        for process in older:
            process.call("open")
        with world.og as og:
            test_connections_before(world, older)
            test_running_before(world, client)
            for test in (
                test_new_file,
                test_late_load,
                test_other_mount_namespace,
                test_node,
                test_garbage,
                test_restart,
            ):
                test(world)
            metrics = og.metrics()
            calls = metrics.total("upstream_requests_total", upstream="discovery")
            world.tap.equal(
                "every connection was decoded",
                metrics.by("upstream_connections_total", "visibility", upstream="discovery"),
                {("decoded",): calls - 4},
            )
            pins = og.pins
        world.tap.ok("nothing stays behind", not os.path.exists(pins))
    world.tap.done()


if __name__ == "__main__":
    main()
