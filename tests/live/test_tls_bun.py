#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bun, a stripped BoringSSL: its functions are found by two anchors that agree, or it is not read at all.

Two versions from npm, between which the compiler has changed how errors are put and memory is copied.
"""
import contextlib
import json
import os
import shutil
import subprocess
import tarfile

import network
from harness import BUILD, Child, Operaglass, Tap
from scene import Scene, call
from stage import CLIENTS, HERE, NAME, Stage, wait_for
from test_tls_stacks import conversation, inspect

PACKAGE = "@oven/bun-linux-x64"
OLD, NEW = "1.1.45", "1.4.5"
BUILD_IDS = {
    OLD: "e751a0df8e52d64a4644b38a6994ab1db3926bc7",
    NEW: "b5188e4f53b53f3a346614bd78ba53f2ff234402",
}
BY = "its errors of BoringSSL and the shape of its functions, which agree"
CONFIG = """
agents:
  - type: stacks
    names: [og-agent-bun]
"""
SCRIPT = [f"{HERE}/clients/bun_fetch.js"]
STARTS = 20
# Each keeps what the program does, and takes one anchor away: the reason of SSL_write's bad length is another one; and
# of a number that was tested, `jl` asks what `js` does.
SPOILED = {
    "errors": (b"\xba\x6f\x00\x00\x00", b"\xba\x70\x00\x00\x00", "no place of it puts SSL_write's error of a bad length"),
    "shape": (b"\x45\x85\xff\x0f\x88", b"\x45\x85\xff\x0f\x8c", "no function has the shape of BoringSSL's SSL_write"),
}  # fmt: skip
FUNCTION_SIZE = 0x184


def fetch(version):
    """The program of this version, from npm once a build directory."""
    directory = f"{BUILD}/tools/live/bun-{version}"
    if not os.path.exists(directory):
        new = f"{directory}.new"
        shutil.rmtree(new, ignore_errors=True)
        os.makedirs(new)
        done = subprocess.run(
            ["npm", "pack", f"{PACKAGE}@{version}", "--pack-destination", new],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"npm pack: exit {done.returncode}: {done.stderr}")
        archive = f"{new}/oven-bun-linux-x64-{version}.tgz"
        with tarfile.open(archive) as tar, open(f"{new}/og-agent-bun", "wb") as program:
            shutil.copyfileobj(tar.extractfile("package/bin/bun"), program)
        os.chmod(f"{new}/og-agent-bun", 0o755)
        os.unlink(archive)
        os.rename(new, directory)
    return f"{directory}/og-agent-bun"


def targets(metrics, state):
    return metrics.total("operaglass_tls_targets", stack="boringssl", state=state)


def searches(scene, path):
    """The lines of the log that say that this file was searched."""
    return [line for line in scene.operaglass.logs().splitlines() if f"searched '{path}'" in line]


@contextlib.contextmanager
def running(scene, program, requests, **plan):
    """A Bun, by its command, that makes its calls when it is told to, once its file is in the state that is waited for."""
    plan = {"host": NAME, "ca": scene.stage.ca, "requests": requests, "hold": True, **plan}
    with Child(
        scene.stage.network.in_client([*program, json.dumps(plan)]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.line() != "mapped\n":
            raise RuntimeError(f"{program} did not start")
        yield process


def play(scene, sentence, program, requests, state, opaque=False, script=SCRIPT, **plan):
    """Its calls, made after its file was seen in this state."""
    before = targets(scene.before, state)
    with running(scene, [program, *script], requests, **plan) as process:
        found = scene.operaglass.wait(lambda m: targets(m, state) == before + 1, 10)
        scene.tap.equal(f"{sentence}: its file is {state}", targets(found, state), before + 1)
        output, _ = process.communicate("go\n", timeout=60)
    results = [json.loads(line) for line in output.splitlines()]
    truth = scene.stage.truth(len(requests))
    wanted = [row["status"] for row in truth]
    if sorted(result["status"] or 0 for result in results) != sorted(wanted):
        raise RuntimeError(f"Bun says {results}, the server {truth}")
    reason = "no_symbols" if opaque else None
    scene.compare(sentence, truth, results, requests, "telegram", opaque, None, reason)


def test_version(scene, version):
    program = fetch(version)
    said = inspect(scene, program)
    scene.tap.equal(
        f"Bun {version} is readable, and by which anchors is said",
        [said[key] for key in ("stack", "by", "build_id", "readable", "why")],
        ["boringssl", BY, BUILD_IDS[version], True, ""],
    )
    scene.tap.equal(f"Bun {version} has two functions", sorted(said["functions"]), ["SSL_read", "SSL_write"])
    play(scene, f"Bun {version}", program, conversation(), "attached")
    calls = [call("getMe", query="delay=30") for _ in range(24)]
    CLIENTS["bun"] = [program, *SCRIPT]
    scene.check(f"Bun {version}, six calls at a time", "bun", calls, connections=6)
    for _ in range(STARTS):
        subprocess.run([program, "-e", "0"], check=True, timeout=20, stdin=subprocess.DEVNULL)
    scene.wait(lambda m: True)
    scene.tap.equal(f"Bun {version} is searched once", len(searches(scene, program)), 1)


def test_old(scene):
    test_version(scene, OLD)


def test_new(scene):
    test_version(scene, NEW)


def test_compiled(scene):
    """A program that Bun has put into one file with itself, as Claude Code is, has Bun's build-id."""
    program = f"{scene.stage.directory}/compiled/og-agent-bun"
    subprocess.run(
        [fetch(NEW), "build", "--compile", *SCRIPT, "--outfile", program],
        check=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    play(scene, "a compiled program", program, conversation(), "attached", script=[])
    scene.tap.equal("a compiled program is read by what was found in Bun", searches(scene, program), [])


def spoil(scene, anchor):
    """A copy of the program with one anchor spoiled; its build-id stays."""
    old, new, why = SPOILED[anchor]
    path = f"{scene.stage.directory}/{anchor}/og-agent-bun"
    os.makedirs(os.path.dirname(path))
    begin = int(inspect(scene, fetch(NEW))["functions"]["SSL_write"], 16)
    shutil.copy(fetch(NEW), path)
    with open(path, "r+b") as file:
        file.seek(begin)
        code = file.read(FUNCTION_SIZE)
        if code.count(old) != 1:
            raise RuntimeError(f"SSL_write has {code.count(old)} places to spoil its {anchor}")
        file.seek(begin + code.index(old))
        file.write(new)
    return path, why


def test_spoiled(scene):
    """What one anchor alone says is not believed, whatever was found in a file of the same build-id."""
    calls = [call("getMe"), call("getFile", query="delay=40"), call("sendMessage", "POST", body=200)]
    for anchor in SPOILED:
        program, why = spoil(scene, anchor)
        said = inspect(scene, program, 1)
        scene.tap.equal(
            f"without its {anchor} nothing is found, and it is said why",
            (said["readable"], said["functions"], said["why"].split(", and ")[-1]),
            (False, {}, why),
        )
        play(scene, f"Bun without its {anchor}", program, calls, "undecoded", opaque=True)
        wait_for(lambda: searches(scene, program), 20, f"{program} was searched")
        scene.tap.ok(
            f"the log says why Bun without its {anchor} is not read",
            why in searches(scene, program)[0],
            searches(scene, program),
        )


def test_restart(scene):
    """What was found is kept by build-id, and believed because the file bears it out."""
    operaglass, program = scene.operaglass, fetch(NEW)
    operaglass.stop()
    before = len(searches(scene, program))
    operaglass.start()
    scene.before = operaglass.metrics()
    play(scene, "Bun after a restart", program, [call("getMe"), call("getFile")], "attached")
    scene.tap.equal("it is not searched again", len(searches(scene, program)), before)
    with open(f"{operaglass.directory}/state/tls-signatures.d/{BUILD_IDS[NEW]}.yaml", encoding="ascii") as file:
        kept = file.read()
    offsets = inspect(scene, program)["functions"]
    scene.tap.equal(
        "the file that keeps it is a signature",
        kept,
        f"build_id: {BUILD_IDS[NEW]}\nfunctions:\n  SSL_write: {offsets['SSL_write']}\n"
        f"  SSL_read: {offsets['SSL_read']}\nfound_by: anchors\n",
    )


def test_known(scene):
    """Where Bun is installed before the observer starts, the first call of its first process is read."""
    operaglass = scene.operaglass
    operaglass.stop()
    shutil.rmtree(f"{operaglass.directory}/state/tls-signatures.d")
    directory = f"{scene.stage.directory}/bin"
    os.mkdir(directory)
    os.symlink(fetch(OLD), f"{directory}/bun")
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{directory}:{path}"
    try:
        operaglass.start()
    finally:
        os.environ["PATH"] = path
    found = operaglass.wait(lambda m: targets(m, "attached") == 1, 20)
    scene.tap.equal("an installed Bun is attached before it runs", targets(found, "attached"), 1)
    scene.before = operaglass.metrics()
    CLIENTS["bun"] = [fetch(OLD), *SCRIPT]
    scene.check("the first process of an installed Bun", "bun", [call("getMe"), call("getFile", query="delay=20")])


def main():
    tap = Tap()
    with Stage("bun") as stage, Operaglass(CONFIG) as operaglass:
        # With two addresses Bun opens two connections and resets one of them.
        stage.set_name(NAME, a=[network.SERVER4], aaaa=[])
        Scene(operaglass, stage, tap).run([test_old, test_new, test_compiled, test_spoiled, test_restart, test_known])
    tap.done()


if __name__ == "__main__":
    main()
