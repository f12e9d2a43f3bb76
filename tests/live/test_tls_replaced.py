#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Files that are replaced, overwritten, shared or given up while they are probed."""
import glob
import os
import shutil
import signal

from tls_world import LIBSSL_PROBES, NODE_CLIENT, World

HOLD = "import ctypes, sys; ctypes.CDLL(sys.argv[1]); print('mapped', flush=True); sys.stdin.read()"

# Two containers over one layer: overlay mounts in a mount namespace each.
OVERLAY = """
set -e
mkdir -p {0}/up {0}/work {0}/root
mount -t overlay overlay -o lowerdir={1},upperdir={0}/up,workdir={0}/work {0}/root
exec env LD_LIBRARY_PATH={0}/root "$@"
"""
BIND = """
set -e
mkdir -p {0}/root
mount --bind {1} {0}/root
exec env LD_LIBRARY_PATH={0}/root "$@"
"""


def upgrade(path):
    """As a package manager does it: a new file is renamed over the old one. Returns the old status."""
    old = os.stat(path)
    shutil.copy(path, path + ".new")
    os.rename(path + ".new", path)
    return old


def test_upgraded(world):
    library = world.library("upgraded")
    path = library + "/libssl.so.3"
    old_client = world.python(library)
    world.wait_pins(path)
    old = upgrade(path)
    world.decoded(
        "a process keeps being read when its library is upgraded", old_client, "/upgraded-old"
    )
    new_client = world.python(library)
    world.tap.ok("the new library is probed", world.wait_pins(path))
    world.decoded("a process that starts after that is read, too", new_client, "/upgraded-new")
    world.decoded("and the old one still", old_client, "/upgraded-still")
    old_client.end()
    world.scan()
    world.tap.equal(
        "when nobody maps the old library its probes are gone, the new one's stay",
        (world.og.probes(old), bool(world.pins(path))),
        ([], True),
    )
    new_client.end()
    world.scan()
    world.tap.equal("and so are those of the new one in its turn", world.pins(path), [])


def overwrite(path):
    """As cp does it: the same inode, cut and written again. Who maps it seldom survives that, observed or not."""
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content)


def said(world, path):
    return world.og.logs().count(f"inside the TLS of '{path}'")


def probed(metrics):
    return {
        stack: metrics.value("operaglass_tls_targets", stack=stack, state="attached")
        for stack in ("openssl", "gnutls")
    }


def test_overwritten(world):
    library = world.library("overwritten")
    path = library + "/libssl.so.3"
    client = world.python(library)
    world.wait_pins(path)
    world.decoded("a library is read before it is written to", client, "/overwritten-before")
    client.end()
    overwrite(path)
    world.tap.ok("a file that is written to loses its probes", world.wait_pins(path, False))
    second = world.python(library)
    world.tap.ok("who maps it next brings them back", world.wait_pins(path))
    world.decoded("and is read", second, "/overwritten-second")
    second.end()
    os.kill(world.og.process.pid, signal.SIGKILL)
    world.og.process.wait()
    before = said(world, path)
    overwrite(path)
    third = world.python(library)
    world.og.start()
    world.tap.equal(
        "what was written to while no observer ran is probed anew", said(world, path), before + 1
    )
    world.decoded("and read", third, "/overwritten-restart")
    third.end()


def test_one_goes_as_another_comes(world):
    """In one turn of the observer: as many files are probed as before."""
    world.scan()  # nobody maps what went before
    lost = world.library("lost") + "/libssl.so.3"
    gained = f"{world.directory}/libgnutls.so.30"
    shutil.copy(glob.glob("/usr/lib/*/libgnutls.so.30")[0], gained)
    first = world.client(["/usr/bin/python3", "-c", HOLD, lost])
    world.wait_pins(lost)
    before = world.og.wait(lambda m: probed(m)["openssl"] >= 2)
    first.end()
    world.og.process.send_signal(signal.SIGSTOP)
    overwrite(lost)
    second = world.client(["/usr/bin/python3", "-c", HOLD, gained])
    world.og.process.send_signal(signal.SIGCONT)
    want = {"openssl": probed(before)["openssl"] - 1, "gnutls": probed(before)["gnutls"] + 1}
    world.tap.equal(
        "one file that is probed for another is counted at once",
        probed(world.og.wait(lambda m: probed(m) == want)),
        want,
    )
    second.end()
    world.scan()


def test_self_update(world):
    directory = world.directory + "/self-update"
    program = directory + "/node"
    os.mkdir(directory)
    shutil.copy(os.path.realpath(shutil.which("node", path="/usr/local/bin:/usr/bin")), program)
    with open(directory + "/client.js", "w", encoding="utf-8") as file:
        file.write(NODE_CLIENT)
    command = [program, directory + "/client.js", str(world.port)]
    old_client = world.client(command)
    world.wait_pins(program)
    upgrade(program)
    world.decoded("a program that has replaced its own file is read", old_client, "/update-old")
    new_client = world.client(command)
    world.tap.ok("its new file is probed", world.wait_pins(program))
    world.decoded("and read", new_client, "/update-new")
    old_client.end()
    new_client.end()


def test_shared_layer(world, kind, script):
    """One file under two roots: probed once, each call counted once."""
    world.scan()
    layer = world.library(f"{kind}-layer")
    before, clients = world.pins(), []
    for number in range(2):
        root = f"{world.directory}/{kind}-{number}"
        os.mkdir(root)
        shell = ["unshare", "--mount", "sh", "-c", script.format(root, layer), "sh"]
        clients.append(world.client([*shell, *world.python_command()]))
    world.wait_log(f"{world.directory}/{kind}-")
    for number, client in enumerate(clients):
        world.decoded(
            f"a container over a shared layer is read ({kind}), call by call ({number})",
            client,
            f"/{kind}-{number}",
        )
    world.scan()
    world.tap.equal(
        f"the library of the layer ({kind}) is probed once for both",
        len(set(world.pins()) - set(before)),
        LIBSSL_PROBES,
    )
    for client in clients:
        client.end()
    world.scan()


def main():
    with World() as world:
        with world.og:
            test_upgraded(world)
            test_overwritten(world)
            test_one_goes_as_another_comes(world)
            test_self_update(world)
            test_shared_layer(world, "bind", BIND)
            test_shared_layer(world, "overlay", OVERLAY)
    world.tap.done()


if __name__ == "__main__":
    main()
