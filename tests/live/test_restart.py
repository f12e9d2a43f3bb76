#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Exporter, observer or both are killed under load: no counter goes backwards and nothing is missing."""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from deaths import Watch, gone, kill, restart_after
from harness import Child, Operaglass, Tap, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = """
upstreams:
  - name: restart-db
    kind: database
    ports: [{port}]
"""
AGENT = "#!/bin/sh\n/bin/true\nexit 3\n"


class World:
    """A database of the tests' own, an agent, and whoever uses both."""

    def __init__(self, directory):
        self.directory, self.port = directory, free_port()
        self.agent = directory + "/claude"
        with open(self.agent, "w", encoding="utf-8") as file:
            file.write(AGENT)
        os.chmod(self.agent, 0o755)
        config = {
            "truth": directory + "/truth",
            "listeners": [{"address": "127.0.0.1", "port": self.port, "mode": "tcp"}],
        }
        with open(directory + "/server.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.server = Child(
            [sys.executable, HERE + "/truth_server.py", directory + "/server.json"],
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.server.line() != "ready\n":
            raise RuntimeError("the truth server did not start")
        self.load = None

    def start_load(self):
        self.load = Child(
            [sys.executable, HERE + "/clients/load.py", self.agent, str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
        )

    def stop_load(self):
        self.load.send_signal(signal.SIGTERM)
        made = json.loads(self.load.communicate(timeout=10)[0])
        self.load = None
        return made

    def close(self):
        for process in (self.load, self.server):
            if process and process.poll() is None:
                process.kill()
                process.wait()


def counts(metrics):
    return {
        "agents": metrics.total("orchestrate_agent_starts_total", type="claude-code"),
        "ends": metrics.value(
            "orchestrate_agent_exits_total", type="claude-code", reason="error", code="3"
        ),
        "other ends": metrics.total("orchestrate_agent_exits_total")
        - metrics.value(
            "orchestrate_agent_exits_total", type="claude-code", reason="error", code="3"
        ),
        "tools": metrics.value(
            "orchestrate_tool_executions_total", type="claude-code", tool="true", reason="success"
        ),
        "lives": metrics.total("orchestrate_agent_execution_seconds_count", type="claude-code"),
        "calls": metrics.total("upstream_requests_total", upstream="restart-db"),
        "answers": metrics.total("upstream_request_duration_seconds_count", upstream="restart-db"),
        "failures": metrics.total("upstream_failures_total", upstream="restart-db"),
        "connections": metrics.total("upstream_connections_total", upstream="restart-db"),
    }


def expect(made, more_calls=0, connections=1):
    return {
        "agents": made["agents"],
        "ends": made["agents"],
        "other ends": 0,
        "tools": made["agents"],
        "lives": made["agents"],
        "calls": made["calls"] + more_calls,
        "answers": made["calls"] + more_calls,
        "failures": 0,
        "connections": connections,
    }


def check_kills(tap, world, og):
    watch = Watch(og)
    watch.start()
    world.start_load()
    og.wait(lambda m: counts(m)["agents"] >= 10)
    first = og.exporter()
    kill(first)
    tap.ok("an exporter that is killed is started again", gone(first))
    og.wait_ready()
    tap.ok("with another pid", og.exporter() not in (0, first))
    tap.equal("and counted", og.metrics().value("operaglass_exporter_restarts_total"), 1)
    og.wait(lambda m: counts(m)["agents"] >= 20)
    exporter, observer = og.exporter(), og.process.pid
    kill(observer)
    tap.ok("the exporter ends with its observer", gone(exporter))
    og.process.wait(5)
    og.start()
    og.wait(lambda m: counts(m)["agents"] >= 40)
    tap.ok("both are killed and started again", restart_after(og, og.exporter(), og.process.pid))

    # A call that began before and ends after.
    flying = socket.create_connection(("127.0.0.1", world.port))
    flying.sendall(struct.pack("!III", 1_500_000, 10, 0).ljust(64, b"\0"))
    tap.ok("both again, with a call in flight", restart_after(og, og.exporter(), og.process.pid))
    flying.recv(10, socket.MSG_WAITALL)
    flying.close()
    og.wait(lambda m: counts(m)["agents"] >= 60 and watch.scrapes >= 50, 30)
    made = world.stop_load()
    wanted = expect(made, more_calls=1, connections=2)
    got = og.wait(lambda m: counts(m) == wanted, 10)
    tap.equal("every agent, tool and call is counted exactly once", counts(got), wanted)
    lost = {key: value for key, value in got["operaglass_lost_total"].items() if value}
    tap.equal("nothing is reported as lost", lost, {})
    watch.finish()
    tap.ok(
        "the counters were scraped at least 50 times meanwhile",
        watch.scrapes >= 50,
        watch.scrapes,
    )
    tap.equal("no counter went backwards", watch.wrong[:10], [])
    tap.equal(
        "an earlier run's programs were taken over each time", og.logs().count("took over"), 3
    )


def check_repairs(tap, og):
    before = og.metrics()
    os.kill(og.process.pid, signal.SIGTERM)
    tap.equal("SIGTERM ends it with 0", og.process.wait(5), 0)
    os.unlink(og.pins + "/links/process_exit")
    og.start()
    attached = og.metrics()["operaglass_bpf_program_attached"]
    tap.ok("an attachment that is gone is made again", all(attached.values()), attached)
    tap.ok("and pinned again", os.path.exists(og.pins + "/links/process_exit"))
    same = counts(og.metrics())
    tap.equal("the counters are the same", same, counts(before))


def check_replacements(tap, world, og):
    os.kill(og.process.pid, signal.SIGTERM)
    og.process.wait(5)
    # Another layout is another hash; the version is a text of 32 bytes.
    value = struct.pack("=QQ32s", 1, 1, b"0.0.1")
    subprocess.run(
        ["bpftool", "map", "update", "pinned", og.pins + "/identity"]
        + ["key", "0", "0", "0", "0", "value", *map(str, value)],
        check=True,
    )
    og.start()
    tap.ok(
        "another version's programs are replaced, and the log says so",
        "replacing version 0.0.1: its counters start again at 0" in og.logs(),
        og.logs(),
    )
    tap.equal("its counters start again at 0", set(counts(og.metrics()).values()), {0})
    world.start_load()
    og.wait(lambda m: counts(m)["agents"] >= 5)
    made = world.stop_load()
    wanted = expect(made)
    tap.equal("and count", counts(og.wait(lambda m: counts(m) == wanted)), wanted)

    os.kill(og.process.pid, signal.SIGTERM)
    og.process.wait(5)
    os.unlink(og.pins + "/identity")
    og.start()
    tap.ok(
        "pins of an interrupted start are replaced, and the log says so",
        "removing pins of a start that was interrupted" in og.logs(),
        og.logs(),
    )
    tap.equal("and it is ready", og.get("/-/ready")[0], 200)


def check_answers(tap, og):
    """What was asked of the kernel: a file that is written is another one, with another inode."""
    path = og.directory + "/state/probe-answers"
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        boot = file.read().strip()
    kept, asked = open(path, encoding="ascii").read().splitlines(), os.stat(path)
    tap.ok("what probes can do here is remembered for this boot", f" boot {boot} " in kept[0], kept)
    tap.equal("by root, for root", (asked.st_uid, asked.st_mode & 0o777), (0, 0o600))
    restart(og)
    again = os.stat(path)
    tap.equal("and not asked again", (again.st_ino, again.st_mtime_ns), (asked.st_ino, asked.st_mtime_ns))
    for damage in ("", kept[0].replace(boot, "another"), kept[0] + "\nkind 9 return 9 cheap 9"):
        with open(path, "w", encoding="ascii") as file:
            file.write(damage)
        restart(og)
        got = open(path, encoding="ascii").read().splitlines()
        tap.equal(f"but is after it says '{damage[-20:]}'", (got[0], len(got)), (kept[0], 2))


def restart(og):
    os.kill(og.process.pid, signal.SIGTERM)
    og.process.wait(5)
    og.start()


def pinned_programs(pins):
    """Ids of the programs below a pin path."""
    ids = set()
    for name in os.listdir(pins + "/programs"):
        done = subprocess.run(
            ["bpftool", "-j", "prog", "show", "pinned", f"{pins}/programs/{name}"],
            capture_output=True,
            text=True,
            check=True,
        )
        ids.add(json.loads(done.stdout)["id"])
    return ids


def check_unload(tap, og):
    ids = pinned_programs(og.pins)
    os.kill(og.process.pid, signal.SIGKILL)
    og.process.wait(5)
    done = og.unload()
    limit = time.monotonic() + 5
    left = ids
    # The kernel frees a program some milliseconds after its last link.
    while left and time.monotonic() < limit:
        shown = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, text=True)
        left = ids & {program["id"] for program in json.loads(shown.stdout)}
        time.sleep(0.02)
    tap.ok("unload after a kill ends with 0", done.returncode == 0, done.stderr)
    tap.ok("it had programs to remove", ids)
    tap.equal("no program of it is left in the kernel", left, set())
    tap.ok("no pin is left", not os.path.exists(og.pins))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="og-test-") as directory:
        world = World(directory)
        try:
            with Operaglass(CONFIG.format(port=world.port)) as og:
                check_kills(tap, world, og)
                check_repairs(tap, og)
                check_replacements(tap, world, og)
                check_answers(tap, og)
                check_unload(tap, og)
        finally:
            world.close()
    tap.done()


if __name__ == "__main__":
    main()
