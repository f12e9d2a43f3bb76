#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every TLS stack that can be read is read: exact counts per endpoint and status, one per call."""

import contextlib
import json
import os
import subprocess

from harness import BUILD, Child, Operaglass, Tap
from scene import Scene, call
from stage import HERE, NAME, Stage

CONFIG = """
agents:
  - type: stacks
    names: [og-agent-static, og-agent-stripped, og-agent-signed, og-agent-go,
            og-agent-go-stripped, og-agent-go-pie]
"""


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
    command = ["gcc", "-O2", "-shared", "-fPIC", "-o", shim, f"{HERE}/clients/dotnet_shim.c"]
    subprocess.run([*command, "-ldl"], check=True, timeout=60)
    scene.check("SslStream's calls", "dotnet", conversation(), shim=shim)
    scene.tap.equal(
        "the shim is known, and read behind it",
        scene.operaglass.last.total("operaglass_tls_targets", stack="dotnet", state="covered"),
        1,
    )
    calls = [
        call("getMe" if n % 2 else "sendMessage", "POST", "delay=20", body=n * 100)
        for n in range(48)
    ]
    scene.check("SslStream on six connections", "dotnet", calls, shim=shim, connections=6)


@contextlib.contextmanager
def running(scene, command, stack, state):
    """A process of the program, which does nothing, once its file is a target in this state."""
    program = next(os.path.basename(word) for word in command if "og-agent" in word)
    before = scene.operaglass.metrics().total("operaglass_tls_targets", stack=stack, state=state)
    with Child(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.line()
        scene.operaglass.wait(
            lambda m: m.total("operaglass_tls_targets", stack=stack, state=state) == before + 1, 5
        )
        scene.tap.equal(
            f"{program} is {state}, as {stack}",
            scene.operaglass.last.total("operaglass_tls_targets", stack=stack, state=state),
            before + 1,
        )
        yield process
        process.stdin.close()


def test_static(scene):
    """OpenSSL inside of an executable: read by its symbols; without them, timed and named."""
    whole = scene.stage.tls_client("og-agent-static")
    stripped = scene.stage.tls_client("og-agent-stripped", "-s")
    with running(scene, [whole, NAME, "none"], "static", "attached"):
        scene.check("OpenSSL linked statically", "lines", conversation(), program=whole)
    host = scene.stage.network.in_client([stripped, NAME, scene.stage.ca])
    with running(scene, host, "static", "undecoded") as process:
        tell(scene, "OpenSSL linked statically and stripped", process, "no_symbols")


def inspect(scene, path, expected=0):
    """What `operaglass tls inspect` says of it."""
    done = subprocess.run(
        [
            f"{BUILD}/operaglass", "tls", "inspect", "--json",
            "--state.dir", f"{scene.operaglass.directory}/state", path,
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )  # fmt: skip
    if done.returncode != expected:
        raise RuntimeError(f"tls inspect {path}: {done}")
    return json.loads(done.stdout)


def sign(scene, name, build_id, functions, program=None):
    directory = f"{scene.operaglass.directory}/state/tls-signatures.d"
    os.makedirs(directory, mode=0o755, exist_ok=True)
    with open(f"{directory}/{name}.yaml", "w", encoding="utf-8") as file:
        file.write(f"build_id: {build_id}\n" + (f"file: {program}\n" if program else "") + "functions:\n")
        file.writelines(f"  {name}: {offset}\n" for name, offset in functions.items())
    return f"{directory}/{name}.yaml"


def test_signatures(scene):
    """A stripped program is read where a signature says; never by one that is wrong or not alone."""
    whole = scene.stage.tls_client("whole", "-Wl,--build-id=0x00112233445566778899")
    stripped = scene.stage.tls_client("og-agent-signed", "-s", "-Wl,--build-id=0x00112233445566778899")
    said = inspect(scene, whole)
    functions, build_id = said["functions"], said["build_id"]
    outside = {**functions, "SSL_read": "0x7ffffff0"}
    first = sign(scene, "first", build_id, outside)
    scene.tap.equal(
        "an offset outside of the code is refused by name",
        inspect(scene, stripped, 1)["why"],
        f"{first}: is refused: SSL_read at 0x7ffffff0 is outside of the executable segments",
    )
    sign(scene, "first", build_id, functions)
    second = sign(scene, "second", build_id, functions)
    why = inspect(scene, stripped, 1)["why"]
    scene.tap.ok(
        "two signatures of one build are both refused, by name",
        "is for the same build as" in why and first in why and second in why,
        why,
    )
    os.unlink(second)
    os.chmod(first, 0o666)
    scene.tap.equal(
        "one that anybody may write is no signature",
        inspect(scene, stripped, 1)["why"],
        "its symbols are stripped",
    )
    os.chmod(first, 0o644)
    scene.tap.equal(
        "the right one is taken",
        [inspect(scene, stripped)[key] for key in ("stack", "functions", "why")],
        ["boringssl", functions, ""],
    )
    with running(scene, [stripped, NAME, "none"], "boringssl", "attached"):
        scene.check("a stripped program with a signature", "lines", conversation(), program=stripped)


def tell(scene, sentence, process, reason):
    """The calls of a process that the observer has looked into: opaque, and it is said why."""
    calls, results = conversation(), []
    for request in calls:
        print(request["method"], request["path"], request.get("body") or 0, file=process.stdin)
        process.stdin.flush()
        results.append(json.loads(process.line()))
    process.stdin.close()
    truth = scene.stage.truth(len(calls))
    scene.compare(sentence, truth, results, calls, "telegram", True, None, reason)


def test_go(scene):
    """crypto/tls with symbols, stripped, and position-independent."""
    for name, flags in (
        ("og-agent-go", []),
        ("og-agent-go-stripped", ["-ldflags=-s -w"]),
        ("og-agent-go-pie", ["-ldflags=-s -w", "-buildmode=pie", "-trimpath"]),
    ):
        program = f"{scene.stage.directory}/{name}"
        scene.stage.build_go(f"{HERE}/clients/client.go", program, *flags)
        with running(scene, [program, json.dumps({"Hold": True})], "go", "attached"):
            scene.check(f"Go ({name})", program, conversation())


def main():
    tap = Tap()
    with Stage("stacks") as stage, Operaglass(CONFIG) as operaglass:
        Scene(operaglass, stage, tap).run([test_gnutls, test_dotnet, test_static, test_signatures, test_go])
    tap.done()


if __name__ == "__main__":
    main()
