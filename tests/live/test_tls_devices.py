#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""btrfs, and overlayfs over several file systems, give a file one device in stat() and another one where it is mapped:
it is one file all the same."""
import contextlib
import glob
import os
import re
import shutil
import subprocess
import tempfile

from tls_world import NODE_CLIENT, World


HOLD = "import ctypes, sys; ctypes.CDLL(sys.argv[1]); print('mapped', flush=True); sys.stdin.read()"


@contextlib.contextmanager
def roots_directory():
    """Nobody but root can write to it or above it: what is in there may be loaded by a proof."""
    with tempfile.TemporaryDirectory(prefix="og-devices-", dir="/run") as directory:
        os.chmod(directory, 0o755)
        yield directory


@contextlib.contextmanager
def overlay(directory):
    """A directory whose files come from another file system than the one that is written to."""
    with contextlib.ExitStack() as stack:
        lower, upper, merged = (f"{directory}/{name}" for name in ("lower", "upper", "merged"))
        layers = f"lowerdir={lower},upperdir={upper}/up,workdir={upper}/work"
        for kind, path, *options in (
            ("tmpfs", lower),
            ("tmpfs", upper),
            ("overlay", merged, "-o", layers),
        ):
            os.mkdir(path)
            if kind == "overlay":
                os.mkdir(f"{upper}/up")
                os.mkdir(f"{upper}/work")
            subprocess.run(["mount", "-t", kind, *options, kind, path], check=True, timeout=10)
            stack.callback(subprocess.run, ["umount", "--lazy", path], check=True, timeout=10)
        yield lower, merged


def mapped_device(pid, path):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        major, minor = re.search(rf"(\w+):(\w+) \d+ +{path}$", maps.read(), re.M).groups()
    return os.makedev(int(major, 16), int(minor, 16))


def another_build(path):
    """A copy of the host's libssl whose proof nobody remembers."""
    found = glob.glob("/usr/lib/*/libssl.so.3")[0]
    notes = subprocess.run(["readelf", "-n", found], check=True, capture_output=True, text=True).stdout
    build = bytes.fromhex(re.search(r"Build ID: (\w+)", notes)[1])
    with open(found, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content.replace(build, bytes(byte ^ 0xFF for byte in build)))


def probed(metrics):
    return metrics.value("operaglass_tls_targets", stack="node", state="attached")


def test_known_file(world, program):
    """A program in PATH is probed at the start, and found again where it is mapped."""
    world.tap.ok("a known file is probed", world.wait_log(program))
    before, pins = probed(world.og.metrics()), world.pins()
    script = world.directory + "/client.js"
    with open(script, "w", encoding="utf-8") as file:
        file.write(NODE_CLIENT)
    client = world.client([program, script, str(world.port)])
    device = mapped_device(client.process.pid, program)
    world.tap.ok("its device is another one where it is mapped", device != os.stat(program).st_dev, device)
    world.decoded("its call is counted once", client, "/mapped")
    world.scan()
    world.tap.equal("and it is probed once", (probed(world.og.metrics()), world.pins()), (before, pins))
    client.end()


def test_proof(world, library):
    """What was proven of a file is known of it where it is mapped."""
    client = world.client(["/usr/bin/python3", "-c", HOLD, library])
    said = f"where '{library}' is probed is proven"
    proven = world.og.wait(lambda m: said in world.og.logs(), 20) and said in world.og.logs()
    world.tap.ok("the proof of a library is that of what is mapped", proven, world.og.logs())
    client.end()


def main():
    with World() as world, roots_directory() as directory, overlay(directory) as (lower, merged):
        node = os.path.realpath(shutil.which("node", path="/usr/local/bin:/usr/bin"))
        shutil.copy(node, lower + "/node")
        another_build(lower + "/libssl.so.3")
        world.og.prefix = ["env", f"PATH={merged}:{os.environ['PATH']}"]
        with world.og:
            test_known_file(world, merged + "/node")
            test_proof(world, merged + "/libssl.so.3")
    world.tap.done()


if __name__ == "__main__":
    main()
