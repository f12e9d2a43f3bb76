#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""NSS is read at the methods of its TLS descriptors, and nowhere else: every call of it is counted once."""

import glob
import os
import subprocess

import ledger
from harness import Child, Operaglass, Tap
from scene import Scene, call
from stage import HERE, NAME, Stage
from test_tls_stacks import conversation

KINDS = (
    ("PR_Write and PR_Read", []),
    ("PR_Send and PR_Recv, with a look ahead", ["WITH_SEND"]),
    ("TLS 1.2", ["TLS12"]),
    ("a layer on top of TLS", ["LAYERED"]),
    ("descriptors that are used again", ["CLOSES"]),
    ("the same said to a file and to plain sockets", ["BYSTANDERS"]),
)


def program(scene, *kinds):
    binary = f"{scene.stage.directory}/{'-'.join(['nss', *kinds]).lower()}"
    command = ["gcc", "-O2", "-D_GNU_SOURCE", *(f"-D{kind}" for kind in kinds)]
    command += ["-I/usr/include/nss", "-I/usr/include/nspr", "-o", binary]
    command += [f"{HERE}/clients/nss_client.c", "-lssl3", "-lnss3", "-lnspr4"]
    subprocess.run(command, check=True, timeout=60)
    return binary


def test_kinds(scene):
    for sentence, kinds in KINDS:
        scene.check(sentence, "lines", conversation(), program=program(scene, *kinds))


def test_tstclnt(scene):
    """The library's own client: sockets that do not block, PR_Poll."""
    request = call("getMe")
    command = ["tstclnt", "-h", NAME, "-p", "443", "-D", "-o"]
    process = Child(
        scene.stage.network.in_client(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        process.stdin.write(f"GET {request['path']} HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
        process.stdin.flush()
        delta = scene.wait(lambda m: ledger.booked(m)["durations"] == {("getMe", "200"): 1}, 10)
    finally:
        process.kill()  # at the end of its input it spins
        process.communicate()
    scene.stage.truth(1)
    book = ledger.booked(delta)
    scene.tap.equal(
        "tstclnt: its call is counted once, with its endpoint and status",
        (book["requests"], book["durations"]),
        ({("getMe", "GET"): 1}, {("getMe", "200"): 1}),
    )
    scene.tap.equal(
        "tstclnt: its connection is counted as decoded",
        delta.by("upstream_connections_total", "upstream", "visibility"),
        {("telegram", "decoded"): 1},
    )


def test_only_tls(scene):
    """PR_Write itself is not probed: whoever writes to files or plain sockets meets no probe."""

    def probes(library):
        found = glob.glob(f"/usr/lib/*/{library}")[0]
        return len(scene.operaglass.probes(os.stat(found)))

    scene.tap.equal(
        "NSS has five probes, all of them in libssl3.so",
        (probes("libssl3.so"), probes("libnspr4.so"), probes("libnss3.so")),
        (5, 0, 0),
    )


def test_curl(scene):
    scene.check("libcurl over NSS", "nss_curl", conversation())
    scene.check("libcurl over NSS, HTTP/2", "nss_curl", conversation(), http="2")


def main():
    tap = Tap()
    with Stage("nss") as stage, Operaglass() as operaglass:
        Scene(operaglass, stage, tap).run([test_only_tls, test_kinds, test_tstclnt, test_curl])
    tap.done()


if __name__ == "__main__":
    main()
