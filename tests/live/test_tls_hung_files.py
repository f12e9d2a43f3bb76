#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A library on a file system that somebody answers for who may stop to: it is not touched, and it is said so.

The daemon of such a file system is stopped after clients have mapped a library on it: by its path, and through an
overlay above it, of root's and of a user's own. Whoever asks for anything of these files then waits until it goes on.
"""
import os
import re
import subprocess

from fuse_directory import FuseDirectory
from harness import Child
from test_tls_full import unread
from tls_world import World

WARNING = "may leave us waiting for ever"
OVERLAY = """
mount -t tmpfs tmpfs {scratch} && mkdir {scratch}/up {scratch}/work {scratch}/merged &&
mount -t overlay overlay -o lowerdir={served},upperdir={scratch}/up,workdir={scratch}/work {scratch}/merged &&
LD_LIBRARY_PATH={scratch}/merged exec "$@"
"""
OF_ROOT, OF_USER = ["unshare", "--mount"], ["unshare", "--mount", "--user", "--map-root-user"]
# Has what it says to be in the place of each library, before anybody can have looked at that.
REPLACE = """
import mmap, os, sys, ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
served = os.open(sys.argv[1], os.O_RDONLY)
print("opened", flush=True)
sys.stdin.readline()
def put(place, file):
    return libc.mmap(place, 4096, 5, 0x10 * bool(place) | 2, file, 0)
for path in sys.argv[2:]:
    put(put(None, os.open(path, os.O_RDONLY)), served)
print("replaced", flush=True)
sys.stdin.read()
"""
REPLACED = 20
# What it has written goes to the file before the place of that is given away: until then its memory is locked.
LOCK = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
place = libc.mmap(None, 4096, 3, 1, os.open(sys.argv[1], os.O_RDWR), 0)
ctypes.memset(place, 0, 1)
for path in sys.argv[2:]:
    libc.mmap(None, 4096, 5, 2, os.open(path, os.O_RDONLY), 0)
print("written", flush=True)
sys.stdin.readline()
libc.mmap(place, 4096, 3, 0x32, -1, 0)
print("unlocked", flush=True)
sys.stdin.read()
"""


def through_overlay(world, namespaces, name):
    """A client whose library lies below an overlay that only it sees."""
    scratch = f"{world.directory}/{name}"
    os.mkdir(scratch)
    script = OVERLAY.format(scratch=scratch, served=f"{world.directory}/served")
    return world.client([*namespaces, "sh", "-c", script, "sh", *world.python_command()])


def writer(served, *libraries):
    """A process that maps some of a file of the daemon to write to it, and libraries."""
    process = Child(
        ["/usr/bin/python3", "-c", LOCK, f"{served.mountpoint}/libssl.so.3", *libraries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.line()
    return process


def lock(served, process):
    """Stops the daemon, and returns when the process keeps its memory locked."""
    served.stop()
    process.stdin.write("\n")
    process.stdin.flush()
    syscall = ""
    while not syscall.startswith("9 "):  # mmap, in which it waits
        with open(f"/proc/{process.pid}/syscall", encoding="ascii") as file:
            syscall = file.read()


def unlock(served, process):
    served.go_on()
    if process.line() != "unlocked\n":
        raise RuntimeError("the daemon that goes on does not unlock anything")
    process.communicate()


def mapped(client):
    """(device, inode) of the libssl that it runs."""
    with open(f"/proc/{client.process.pid}/maps", encoding="utf-8") as maps:
        return re.search(r" r-xp \w+ (\S+) (\d+) +/\S*libssl", maps.read()).groups()


def left_out(metrics):
    return metrics.value("operaglass_lost_total", where="tls_targets", cause="file_system_may_hang")


def test_start(world, clients):
    """It has been started behind the stop, and read every process' mappings."""
    lost = len({mapped(client) for client in clients})
    metrics = world.og.wait(lambda m: left_out(m) == lost)
    world.tap.equal(
        "it starts, and counts each library that it leaves out",
        (left_out(metrics), world.og.logs().count(WARNING)),
        (lost, lost),
    )
    return lost


def test_others(world, name):
    path = world.library(name)
    client = world.python(path)
    world.tap.ok(f"{name}: what others map meanwhile is probed at once", world.wait_pins(f"{path}/libssl.so.3", seconds=3))
    world.decoded(f"{name}: and their calls are read", client, f"/{name}")
    client.end()


def test_replaced(world, served):
    """The kernel tells of a library, and when it is opened by its place something else is there."""
    served.go_on()
    libraries = [f"{world.library(f'replaced{number}')}/libssl.so.3" for number in range(REPLACED)]
    process = Child(
        ["/usr/bin/python3", "-c", REPLACE, f"{served.mountpoint}/libssl.so.3", *libraries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.line()
    served.stop()
    process.stdin.write("\n")
    process.stdin.flush()
    world.tap.equal("libraries are replaced by files that do not answer", process.line(), "replaced\n")
    test_others(world, "after-replaced")
    world.tap.equal("none of them is taken for what it was", [p for p in libraries if world.pins(p)], [])
    served.go_on()
    process.communicate()


def locks(metrics):
    return metrics.value("operaglass_lost_total", where="tls_targets", cause="process_memory_locked")


def test_locked(world, served, process):
    """The kernel would wait for that process to set a probe in what it maps, and nobody knows what that is."""
    name = f"'/proc/{process.pid}/maps' does not answer"
    world.tap.ok("a process that keeps its memory locked is said not to answer", name in world.og.logs())
    path = world.library("locked-out")
    client = world.python(path)
    before = world.og.metrics()
    unread(world, "meanwhile no library gets probes, and calls are timed", client, "probe_refused", before)
    client = world.python(path)
    before = world.og.metrics()
    world.scan()
    delta = world.og.wait(lambda m: locks(m) >= 3, since=before)
    # Of its command line, by which agents are known, and of its mappings, before and in the scan.
    world.tap.equal("each look at it that is given up is counted", locks(delta), 3)
    unlock(served, process)
    before = world.og.metrics()
    world.scan()
    world.tap.ok("when it goes on the library gets its probes", world.wait_pins(f"{path}/libssl.so.3"))
    world.decoded("and calls are read", client, "/locked-out")
    world.tap.equal("and no look is given up", locks(world.og.metrics() - before), 0)


def test_kept(world, served):
    """Nobody is seen to map it any more, but the kernel would wait to take its probes away."""
    path = f"{world.library('kept')}/libssl.so.3"
    process = writer(served, path)
    world.tap.ok("a library is probed", world.wait_pins(path))
    lock(served, process)
    world.scan()
    world.scan()
    world.tap.ok("it keeps its probes when who maps it keeps its memory locked", world.pins(path))
    unlock(served, process)
    world.scan()
    world.tap.ok("and loses them when that has ended", world.wait_pins(path, present=False))


def test_answers_again(world, served, clients, lost):
    served.go_on()
    for client in clients:
        unread(world, "a call by such a library is timed, and it is said why not more", client, "probe_refused", world.og.metrics())
    unread(world, "so is that of its next process", world.python(served.mountpoint), "probe_refused", world.og.metrics())
    world.tap.equal("no library is told of twice", world.og.logs().count(WARNING), lost)


def test_all(world, served):
    clients = [
        world.python(served.mountpoint),
        through_overlay(world, OF_ROOT, "of-root"),
        through_overlay(world, OF_USER, "of-user"),
    ]
    process = writer(served)
    lock(served, process)
    # It looks for programs in there, too.
    world.og.prefix = ["env", f"PATH={os.environ['PATH']}:{served.mountpoint}"]
    world.og.start()
    lost = test_start(world, clients)
    test_locked(world, served, process)
    served.stop()
    test_others(world, "ordinary")
    world.tap.equal(
        "`tls list` says it of each of them",
        [(row["state"], row["why"]) for client in clients for row in world.og.tls_list(client.process.pid)],
        3 * [("refused", "its file system may not answer")],
    )
    world.scan()
    world.tap.equal("the next scan counts none of them again", left_out(world.og.metrics()), lost)
    served.go_on()
    test_kept(world, served)
    test_replaced(world, served)
    test_answers_again(world, served, clients, lost)


def main():
    with World() as world, world.og:
        # It is to start when they are there, which no other test's observer is to see: the lock is held.
        world.og.stop()
        os.unlink(f"{world.library('source')}/libcrypto.so.3")
        os.mkdir(f"{world.directory}/served")
        with FuseDirectory(f"{world.directory}/source", f"{world.directory}/served") as served:
            test_all(world, served)
    world.tap.done()


if __name__ == "__main__":
    main()
