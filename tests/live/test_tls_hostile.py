#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Files that are made to mislead, mapped by a process: they cost a bounded time, are counted, and hinder nobody."""
import collections
import glob
import json
import os
import shutil
import subprocess
import time

import hostile_elf
from harness import BUILD, Child
from tls_world import World

AGENTS = """
agents:
  - type: hostile
    names: [hostile-agent]
"""
# Maps each file of a directory executable, then says so, and lives until its input ends.
MAP_ALL = """
import mmap, os, sys
kept = []
for name in sorted(os.listdir(sys.argv[1])):
    for file in os.listdir(f"{sys.argv[1]}/{name}"):
        fd = os.open(f"{sys.argv[1]}/{name}/{file}", os.O_RDONLY)
        size = min(os.fstat(fd).st_size, 1 << 20)
        kept.append(mmap.mmap(fd, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC))
        os.close(fd)
print("mapped", flush=True)
sys.stdin.read()
"""
ESCAPES = "\x1b[2J\x1b]0;mine\x07\r"  # clears the screen, sets the title
RENAMED = f"""
import ctypes, sys
for path in sys.argv[1:]:
    ctypes.CDLL(path)
ctypes.CDLL(None).prctl(15, {ESCAPES.encode()!r})  # PR_SET_NAME
print("mapped", flush=True)
sys.stdin.read()
"""
# The owner of a file holds a lease on it: whoever opens it waits until the lease is broken.
LEASE = """
import fcntl, mmap, os, signal, sys
signal.signal(signal.SIGIO, signal.SIG_IGN)
fd = os.open(sys.argv[1], os.O_RDWR)
kept = mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
libc = __import__("ctypes").CDLL(None)
libc.mmap.restype = __import__("ctypes").c_void_p
libc.mmap(None, 4096, mmap.PROT_READ | mmap.PROT_EXEC, mmap.MAP_PRIVATE, fd, 0)
print("mapped", flush=True)
sys.stdin.read()
"""
SECONDS = 5  # for all of them together; 0.2 on an idle machine
CROWD = 400  # more than there are rows (TLS_TARGET_SLOTS)


def inspect(path):
    done = subprocess.run(
        [f"{BUILD}/operaglass", "tls", "inspect", "--json", path],
        capture_output=True,
        text=True,
        timeout=20,
    )
    return json.loads(done.stdout)["why"]


def write(world, directory, file):
    """Every variant under this name; {variant: what `tls inspect` says}, and what it should."""
    with open(glob.glob("/usr/lib/*/libssl.so.3")[0], "rb") as library:
        made = hostile_elf.variants(library.read())
    said, wanted = {}, {}
    for name, (content, size, expected) in made.items():
        os.makedirs(f"{world.directory}/{directory}/{name}")
        path = f"{world.directory}/{directory}/{name}/{file}"
        with open(path, "wb") as out:
            out.write(content)
            out.truncate(size)
        said[name] = inspect(path)
        if expected is not hostile_elf.ANY:
            wanted[name] = expected
    return said, wanted


def start(program, *arguments, name="python3"):
    process = Child(
        [name, "-c", program, *arguments],
        executable="/usr/bin/python3" if "/" not in name else name,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.line()
    return process


def counted(world):
    rows = collections.Counter()
    for (_, state), number in world.og.metrics().by("operaglass_tls_targets", "stack", "state").items():
        rows[state] += int(number)
    return rows


def cpu_seconds(world):
    """Of the observer."""
    with open(f"/proc/{world.og.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_variants(world):
    said, wanted = write(world, "named", "libssl.so.3")
    world.tap.equal(
        "`tls inspect` says what is wrong with them", {name: said[name] for name in wanted}, wanted
    )
    bad = sum(why in (hostile_elf.MALFORMED, hostile_elf.TOO_LARGE) for why in said.values())
    before, busy, begin = counted(world), cpu_seconds(world), time.monotonic()
    process = start(MAP_ALL, f"{world.directory}/named")
    client = world.python(world.library("after-variants"))
    found = world.wait_log(f"{world.directory}/after-variants/libssl.so.3", SECONDS)
    world.tap.ok(
        f"a library that is mapped behind {len(said)} hostile ones is found within {SECONDS} s", found
    )
    world.tap.within(
        "and what they cost is bounded",
        cpu_seconds(world) - busy,
        0,
        min(SECONDS, time.monotonic() - begin + 1),
    )
    world.decoded("and it is read", client, "/after-variants")
    world.tap.equal(
        "each that contradicts itself is counted", counted(world)["malformed"] - before["malformed"], bad
    )
    process.communicate()
    client.end()


def test_names(world):
    """What a process calls itself and its files does nothing to the terminal of who looks at it."""
    library = world.library(ESCAPES)
    shutil.copy(f"{library}/libssl.so.3", f"{library}/libjvm.so")  # doctor names who maps what is not read
    process = start(RENAMED, f"{library}/libssl.so.3", f"{library}/libjvm.so")
    for words, named in ((("tls", "list"), 2), (("doctor",), 1)):
        done = subprocess.run(
            [
                f"{BUILD}/operaglass", *words,
                "--bpf.pin-path", world.og.pins, "--state.dir", world.og.directory + "/state",
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        rows = [row for row in done.stdout.split("\n") if f"{process.pid} " in row]
        control = {letter for letter in done.stdout if ord(letter) < 32} - {"\n"}
        world.tap.equal(
            f"`{' '.join(words)}` shows names without their control characters",
            (control, len(rows)),
            (set(), named),
        )
    process.communicate()


def test_unnamed(world):
    """The same under names that say nothing, in an agent: all that it maps is looked into."""
    agent = f"{world.directory}/hostile-agent"
    shutil.copy(os.path.realpath("/usr/bin/python3"), agent)
    said, _ = write(world, "unnamed", "data")
    bad = sum(why in (hostile_elf.MALFORMED, hostile_elf.TOO_LARGE) for why in said.values())
    before, busy = counted(world), cpu_seconds(world)
    process = start(MAP_ALL, f"{world.directory}/unnamed", name=agent)
    client = world.python(world.library("after-unnamed"))
    found = world.wait_log(f"{world.directory}/after-unnamed/libssl.so.3", 2 * SECONDS)
    world.tap.ok("a library that is mapped behind what an agent maps is found in time", found)
    print(f"# {cpu_seconds(world) - busy:.2f} s of the observer's CPU time", flush=True)
    world.decoded("and it is read, too", client, "/after-unnamed")
    world.tap.equal(
        "what contradicts itself is counted under any name",
        counted(world)["malformed"] - before["malformed"],
        bad,
    )
    process.communicate()
    client.end()


def test_many(world):
    """More files that only have a library's name than there are rows."""
    for number in range(CROWD):
        path = f"{world.directory}/many/{number}"
        os.makedirs(path)
        with open(f"{path}/libssl.so.3", "wb") as file:
            file.write(b"\x7fELF" + bytes([number % 251]) * 5000)
    process = start(MAP_ALL, f"{world.directory}/many")
    client = world.python(world.library("after-many"))
    world.tap.ok(
        f"{CROWD} files with nothing in them take no library's place",
        world.wait_pins(f"{world.directory}/after-many/libssl.so.3"),
    )
    world.decoded("and its calls are read", client, "/after-many")
    process.communicate()
    client.end()


def test_lease(world):
    os.mkdir(f"{world.directory}/lease")
    path = f"{world.directory}/lease/libssl.so.3"
    shutil.copy(glob.glob("/usr/lib/*/libssl.so.3")[0], path)
    process = start(LEASE, path)
    begin = time.monotonic()
    client = world.python(world.library("after-lease"))
    found = world.wait_pins(f"{world.directory}/after-lease/libssl.so.3")
    world.tap.ok(
        "a file whose owner lets nobody open it stops nobody", found, time.monotonic() - begin
    )
    world.decoded("what is mapped meanwhile is read", client, "/after-lease")
    process.kill()
    process.communicate()
    client.end()


def main():
    with World(AGENTS) as world:
        with world.og as og:
            for test in (test_names, test_variants, test_unnamed, test_many, test_lease):
                test(world)
            world.tap.equal("the observer lives", og.process.poll(), None)
            world.scan()
            rows = counted(world)
            world.tap.equal("when nobody maps them they are gone", rows["malformed"], 0)
    world.tap.done()


if __name__ == "__main__":
    main()
