#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every TLS stack that can be read is read: exact counts per endpoint and status, one per call."""

import contextlib
import os
import subprocess

from harness import Operaglass, Tap
from scene import Scene, call
from stage import HERE, Stage

CONFIG = """
agents:
  - type: stacks
    names: [og-agent-static, og-agent-stripped, og-agent-go, og-agent-go-stripped, og-agent-go-pie]
"""
STATIC = ["-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic", "-lpthread", "-ldl"]


def conversation(full=True):
    """Calls of each outcome; full: with bodies and any method."""
    calls = [
        call("getMe"),
        call("getChat", query="status=401"),
        call("getFile", query="status=400"),
        call("getFile"),
        call("getUpdates", query="delay=80"),
        call("sendPhoto", query="status=429&retry_after=7&delay=20"),
        call("getMyCommands", query="size=40000&pieces=4&gap=10"),
        call("getUserProfilePhotos", query="as=chunked&pieces=6&gap=5"),
    ]
    if full:
        calls += [
            call("sendMessage", "POST", "delay=30", body=120),
            call("sendDocument", "POST", body=300000),
            call("editMessageText", "POST", "status=500", body=300),
            call("editMessageText", "POST", body=300),
        ]
    return calls


def test_gnutls(scene):
    """wget, and libcurl as git uses it; joined to their connections by the client random."""
    scene.check("libcurl over GnuTLS", "gnutls_curl", conversation())
    scene.check("wget", "wget", conversation(full=False))
    posts = [call("sendMessage", "POST", "delay=40", body=100 * (n + 1)) for n in range(4)]
    scene.check("wget's POSTs", "wget", posts)


def test_dotnet(scene):
    """The shim and the libssl behind it are in every call: it is counted once."""
    shim = f"{scene.stage.directory}/libSystem.Security.Cryptography.Native.OpenSsl.so"
    compile_client(["-shared", "-fPIC", "-o", shim, f"{HERE}/clients/dotnet_shim.c", "-ldl"])
    scene.check("SslStream's calls", "dotnet", conversation(), shim=shim)
    calls = [
        call("getMe" if n % 2 else "sendMessage", "POST", "delay=20", body=n * 100)
        for n in range(48)
    ]
    scene.check("SslStream on six connections", "dotnet", calls, shim=shim, connections=6)


def compile_client(arguments):
    subprocess.run(["gcc", "-O2", *arguments], check=True, timeout=60)


@contextlib.contextmanager
def running(scene, program, stack, state):
    """A process of the program, which does nothing, once its file is a target in this state."""
    before = scene.operaglass.metrics().total("operaglass_tls_targets", stack=stack, state=state)
    with subprocess.Popen(
        [program, "nowhere", "nothing"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        scene.operaglass.wait(
            lambda m: m.total("operaglass_tls_targets", stack=stack, state=state) == before + 1, 5
        )
        scene.tap.equal(
            f"{os.path.basename(program)} is {state}, as {stack}",
            scene.operaglass.last.total("operaglass_tls_targets", stack=stack, state=state),
            before + 1,
        )
        yield
        process.stdin.close()


def test_static(scene):
    """OpenSSL inside of an executable: read by its symbols; without them, timed and named."""
    whole = f"{scene.stage.directory}/og-agent-static"
    stripped = f"{scene.stage.directory}/og-agent-stripped"
    source = f"{HERE}/clients/tls_client.c"
    compile_client(["-no-pie", "-D_GNU_SOURCE", "-o", whole, source, *STATIC])
    compile_client(["-no-pie", "-D_GNU_SOURCE", "-s", "-o", stripped, source, *STATIC])
    with running(scene, whole, "static", "attached"):
        scene.check("OpenSSL linked statically", "lines", conversation(), program=whole)
    with running(scene, stripped, "static", "undecoded"):
        scene.check(
            "OpenSSL linked statically and stripped",
            "lines",
            conversation(),
            program=stripped,
            opaque=True,
            reason="no_symbols",
        )


def main():
    tap = Tap()
    with Stage("stacks") as stage, Operaglass(CONFIG) as operaglass:
        Scene(operaglass, stage, tap).run([test_gnutls, test_dotnet, test_static])
    tap.done()


if __name__ == "__main__":
    main()
