#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stacks that cannot be read are recognised: their calls are timed at the socket, and it is said why.

Real programs of the distribution: tldr (rustls), tstclnt (NSS, of a build that is not understood), keytool (Java;
recognised only).
"""
import contextlib
import ctypes
import glob
import os
import struct
import subprocess

import ledger
from harness import Child, Operaglass, Tap
from scene import UNKNOWN, Scene
from stage import Stage, wait_for

HOST = "tldr.sh"
CONFIG = f"""
upstreams:
  - name: tldr
    kind: https
    hosts: [{HOST}]
agents:
  - type: reader
    names: [tldr]
"""
TRACE_ME, CONTINUE, DETACH = 0, 7, 17
PT_GNU_EH_FRAME = 0x6474E550
LIBC = ctypes.CDLL(None, use_errno=True)


def opaque(scene, sentence, reason, stack):
    truth = scene.stage.truth(1)

    def over(metrics):
        return metrics.total("upstream_undecoded_connections_total") == 1 and ledger.booked(
            metrics, "tldr"
        )["durations"] == {UNKNOWN: 1}

    delta = scene.wait(over)
    scene.tap.equal(
        f"{sentence}: its connection is opaque, and it is said why",
        delta.by("upstream_undecoded_connections_total", "upstream", "reason"),
        {("tldr", reason): 1},
    )
    book = ledger.booked(delta, "tldr")
    scene.tap.equal(
        f"{sentence}: its call is counted once, with a duration",
        (book["requests"], book["durations"], len(truth)),
        ({UNKNOWN: 1}, {UNKNOWN: 1}, 1),
    )
    scene.tap.equal(
        f"{sentence}: its file is undecoded, as {stack}",
        scene.operaglass.last.total("operaglass_tls_targets", stack=stack, state="undecoded"),
        1,
    )


def listed(scene, pid):
    """What `operaglass tls list` says of a process."""
    return [
        (row["stack"], row["state"], bool(row["why"])) for row in scene.operaglass.tls_list(pid)
    ]


def targets(scene, stack):
    metrics = scene.operaglass.metrics()
    return metrics.total("operaglass_tls_targets", stack=stack, state="undecoded")


@contextlib.contextmanager
def stopped_at_exec(command, environment):
    """A process that stands still behind its last exec, all that it maps by then is mapped."""
    process = Child(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: LIBC.ptrace(TRACE_ME, 0, None, None),
    )
    wanted = command[-2]
    while True:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            raise RuntimeError(f"{command} ended: {status}")
        if os.path.samefile(f"/proc/{process.pid}/exe", wanted):
            break
        LIBC.ptrace(CONTINUE, process.pid, None, None)
    yield process
    LIBC.ptrace(DETACH, process.pid, None, None)
    process.communicate(timeout=30)


def test_rustls(scene):
    home = f"{scene.stage.directory}/home"
    os.makedirs(home)
    environment = dict(
        os.environ, HOME=home, XDG_CACHE_HOME=home, XDG_CONFIG_HOME=home, SSL_CERT_FILE=scene.stage.ca
    )
    command = scene.stage.network.in_client(["/usr/bin/tldr", "--update"])
    # Standing still it maps nothing more: it has to be found by the exec alone.
    with stopped_at_exec(command, environment) as process:
        wait_for(lambda: targets(scene, "rustls") == 1, 5, "tldr is looked into")
        scene.tap.equal(
            "a process with rustls is listed, with a reason",
            listed(scene, process.pid),
            [("rustls", "undecoded", True)],
        )
    opaque(scene, "tldr (rustls)", "rustls", "rustls")


def unreadable_nss(scene):
    """The directory of a copy of NSS without a table that tells where its functions are."""
    directory = f"{scene.stage.directory}/nss"
    os.makedirs(directory)
    with open(glob.glob("/usr/lib/*/libssl3.so")[0], "rb") as file:
        image = bytearray(file.read())
    at, count = struct.unpack_from("<Q", image, 32)[0], struct.unpack_from("<H", image, 56)[0]
    for header in range(at, at + count * 56, 56):
        kind, _, offset = struct.unpack_from("<IIQ", image, header)
        if kind == PT_GNU_EH_FRAME:
            image[offset] = 99  # a version that nobody knows
    with open(f"{directory}/libssl3.so", "wb") as file:
        file.write(image)
    return directory


def test_nss(scene):
    command = ["tstclnt", "-h", HOST, "-p", "443", "-D", "-o"]
    process = Child(
        scene.stage.network.in_client(command),
        env=dict(os.environ, LD_LIBRARY_PATH=unreadable_nss(scene)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: targets(scene, "nss") == 1, 5, "NSS is seen")
        process.stdin.write(f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        process.stdin.flush()
        wait_for(lambda: answered(scene), 10, "the answer")
    finally:
        process.kill()  # at the end of its input it spins
        process.communicate()
    opaque(scene, "tstclnt (NSS)", "nss", "nss")


def answered(scene):
    """The server has written the answer, so the kernel has seen the request."""
    with open(f"{scene.stage.directory}/truth.jsonl", encoding="utf-8") as file:
        return len(file.read().splitlines()) > scene.stage.seen


def test_java(scene):
    """A JVM that waits on its input is seen as what it is."""
    command = ["keytool", "-importcert", "-file", scene.stage.ca, "-keystore"]
    process = Child(
        [*command, f"{scene.stage.directory}/trusted"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: targets(scene, "java") == 1, 10, "the JVM is seen")
        scene.tap.equal(
            "a process with a JVM is listed, with a reason",
            listed(scene, process.pid),
            [("java", "undecoded", True)],
        )
    finally:
        process.kill()
        process.communicate()


def main():
    tap = Tap()
    with Stage("reasons") as stage, Operaglass(CONFIG) as operaglass:
        Scene(operaglass, stage, tap).run([test_rustls, test_nss, test_java])
    tap.done()


if __name__ == "__main__":
    main()
