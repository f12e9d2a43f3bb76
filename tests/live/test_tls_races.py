#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No new file is missed because of when it is looked at: after the process that mapped it has executed another program
or has ended, or before it is known that its exec made an agent; nor because others had it before."""
import os
import shutil
import signal
import struct
import subprocess
import sys
import time

from harness import BUILD, TOP, Child
from test_tls_attach import copy, map_code
from tls_world import World

EXECS, AGENTS = 40, 12
CHAIN = BUILD + "/tools/live/exec_chain"
CONFIG = """
agents:
  - type: racer
    names: [racer]
"""


def chain(world, name):
    """Directories 0 to EXECS - 1, each with a libssl and a program of new inodes."""
    directory = f"{world.directory}/{name}"
    os.mkdir(directory)
    for number in range(EXECS):
        copy(world, f"{name}/{number}")
        shutil.copy(CHAIN, f"{directory}/{number}/exec_chain")
    return directory, [f"{directory}/{n}/libssl.so.3" for n in range(EXECS)]


def unprobed(world, paths, seconds=10):
    """Those of the files that have no probes when all have had time to get them."""
    limit = time.monotonic() + seconds
    while True:
        left = [path for path in paths if not world.pins(path)]
        if not left or time.monotonic() > limit:
            return left
        time.sleep(0.01)


def test_execs(world):
    directory, paths = chain(world, "execs")
    process = Child([CHAIN, directory, str(EXECS), "stay"])
    world.tap.equal(
        f"a process that executes {EXECS} programs in a row, each with a new library: all are probed",
        unprobed(world, paths),
        [],
    )
    process.kill()
    process.wait()


def test_ended(world):
    directory, paths = chain(world, "ended")
    world.og.process.send_signal(signal.SIGSTOP)
    try:
        subprocess.run([CHAIN, directory, str(EXECS)], check=True)
    finally:
        world.og.process.send_signal(signal.SIGCONT)
    world.tap.equal(
        "also when the process has ended before the first look", unprobed(world, paths), []
    )


def as_idle():
    os.sched_setaffinity(0, {0})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def build_held(program, *flags):
    libraries = ["-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic", "-lpthread", "-ldl"]
    source = f"{TOP}/tests/live/clients/tls_held.c"
    subprocess.run(["gcc", "-O2", "-no-pie", *flags, "-o", program, source, *libraries], check=True)
    return program


def test_agents(world):
    """Beside a busy loop, each exec takes so long that the observer looks in the midst of it."""
    program = build_held(world.directory + "/held")
    paths, agents = [], []
    for number in range(AGENTS):
        path = f"{world.directory}/agent-{number}"
        os.mkdir(path)
        paths.append(shutil.copy(program, path + "/racer"))
    hog = Child(
        [sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, {0})
    )
    try:
        for path in paths:
            agents.append(Child([path], preexec_fn=as_idle))
            time.sleep(0.05)  # a rest, so that a bell rings for the next
        missed = unprobed(world, paths, 20)
    finally:
        for process in [hog, *agents]:
            process.kill()
            process.wait()
    world.tap.equal(
        f"{AGENTS} agents whose exec goes on while it is looked at: all are probed", missed, []
    )


def is_noted(world, pid):
    """Whether the kernel's half knows why connections of this process are opaque."""
    key = struct.pack("=I", pid).hex(" ").split()
    command = ["bpftool", "map", "lookup", "pinned", world.og.pins + "/maps/tls_processes", "key", "hex"]
    return subprocess.run([*command, *key], capture_output=True).returncode == 0


def maps_code(pid, path):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        return any(" r-xp " in line and line.rstrip().endswith(path) for line in maps)


def until(condition, seconds=10):
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.01)
    return condition()


def test_stripped(world):
    """One file under two names: nobody's, which is not looked into, and an agent's, which is."""
    directory = world.directory + "/stripped"
    os.mkdir(directory)
    agents = build_held(directory + "/racer", "-s")
    others = directory + "/other"
    os.link(agents, others)
    running = []

    def start(path):
        running.append(Child([path]))
        return running[-1].pid

    try:
        before = start(others)
        until(lambda: maps_code(before, others))
        later = copy(world, "later")
        mapping = map_code(later)
        world.tap.ok("what is mapped later is probed", world.wait_pins(later))
        world.tap.ok("an agent's program that cannot be read is noted", until(
            lambda pid=start(agents): is_noted(world, pid)))
        world.tap.ok("whoever had it before is nobody's concern", not is_noted(world, before))
        world.tap.ok("whoever runs it from now on is noted, too", until(
            lambda pid=start(others): is_noted(world, pid)))
        mapping.close()
    finally:
        for process in running:
            process.kill()
            process.wait()


def main():
    with World(CONFIG) as world:
        with world.og:
            test_execs(world)
            test_ended(world)
            test_agents(world)
            test_stripped(world)
    world.tap.done()


if __name__ == "__main__":
    main()
