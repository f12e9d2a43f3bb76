#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""operaglass_bpf_*: what the kernel itself says of the same programs and maps, and what was played before."""
import os
import subprocess
import tempfile

from harness import Operaglass, Tap, free_port
from kernel_bytes import bpftool
from maps import dump
from orchestra import Orchestra
from tls_pair import CONFIG, Pair

ATTACHED, RUNS = "operaglass_bpf_program_attached", "operaglass_bpf_program_runs_total"
SECONDS = "operaglass_bpf_program_run_seconds_total"
ENTRIES, CAPACITY = "operaglass_bpf_map_entries", "operaglass_bpf_map_capacity"
# Called by others: the kernel counts the time as the caller's, and no runs.
CALLED = {"og_tls_lines", "og_tls_decode", "og_tls_event", "og_tls_path", "og_tls_host", "og_tls_http2",
          "og_tls_authority"}  # fmt: skip


def series(metrics, family, label):
    return {dict(key)[label]: value for key, value in metrics[family].items()}


class Kernel:
    """The kernel's own word, by bpftool."""

    def __init__(self, og):
        self.pins = og.pins

    def programs(self):
        """{name: (runs, seconds)}"""
        shown = {name: bpftool("prog", "show", "pinned", f"{self.pins}/programs/{name}")
                 for name in os.listdir(self.pins + "/programs")}
        return {name: (of.get("run_cnt", 0), of.get("run_time_ns", 0) / 1e9) for name, of in shown.items()}

    def maps(self):
        """{name: (type, capacity)}"""
        shown = {name: bpftool("map", "show", "pinned", f"{self.pins}/maps/{name}")
                 for name in os.listdir(self.pins + "/maps")}
        return {name: (of["type"], of["max_entries"]) for name, of in shown.items()}


def forks():
    """Of processes and threads, since the host booted."""
    with open("/proc/stat", encoding="ascii") as stat:
        return int(next(line for line in stat if line.startswith("processes ")).split()[1])


def test_programs(tap, og, kernel):
    before = kernel.programs()
    metrics = og.metrics()
    after = kernel.programs()
    runs, seconds = (series(metrics, family, "program") for family in (RUNS, SECONDS))
    tap.equal("every program is attached", set(series(metrics, ATTACHED, "program").items()), {(n, 1) for n in before})
    tap.equal("each has its runs and its time, but for those that only others call", (set(runs), set(seconds)),
              (set(before) - CALLED,) * 2)  # fmt: skip
    tap.equal("of which the kernel itself counts no run", {n for n in CALLED if after[n] != (0, 0)}, set())
    wrong = [name for name, count in runs.items() if not before[name][0] <= count <= after[name][0]]
    tap.equal("every count of runs is the kernel's", wrong, [])
    wrong = [name for name, time in seconds.items() if not before[name][1] <= time <= after[name][1]]
    tap.equal("every time is the kernel's", wrong, [])


def grown(og, play, *programs):
    """(runs, seconds) of each of these programs that went by meanwhile."""
    before = og.metrics()
    play()
    got = og.metrics() - before
    return [(got.value(RUNS, program=name), got.value(SECONDS, program=name)) for name in programs]


def test_calls(tap, og, calls):
    sessions = any("sessions" in check["detail"] for check in og.said("doctor")["checks"])
    # Of writes, the client's call and its return; of the server, who speaks to nobody that is watched, a session sees
    # the call only; nor does it wait for the returns of a client's writes that come after sixteen small requests. Of
    # each read one place inside of it.
    made = 0
    for count in (10, 300):
        got = grown(og, lambda count=count: calls.play(count), "og_tls_write_ex", "og_tls_inside")
        waited = max(0, min(16 - made, count))
        runs = [2 * count + waited if sessions else 4 * count, 2 * count]
        tap.equal(f"{count} requests and {count} answers are so many writes and reads", [n for n, _ in got], runs)
        made += count
    for name, (number, seconds) in zip(("a write", "a read"), got):
        tap.within(f"{name} takes 50 ns to 100 µs", seconds / number, 50e-9, 100e-6)


def test_forks(tap, og, stage):
    agent = stage.play("claude")
    first = forks()
    [(runs, seconds)] = grown(og, lambda: [subprocess.run([agent, "exit", "0"], check=True) for _ in range(100)], "process_fork")
    tap.within("100 processes are as many forks, and no more than the host had", runs, 100, forks() - first)
    tap.within("a fork takes 50 ns to 100 µs", seconds / runs, 50e-9, 100e-6)


def test_maps(tap, og, stage, kernel):
    maps = kernel.maps()
    tables = {name: capacity for name, (kind, capacity) in maps.items() if kind in ("hash", "lru_hash")}
    tap.equal("every table that can fill up has its capacity, as the kernel says it", series(og.metrics(), CAPACITY, "map"), tables)
    for name in ("rg", "fd", "jq", "gh", "sed"):
        subprocess.run([stage.play("codex"), "fork", stage.play(name), "exit", "0"], check=True)
    # One table is counted each second, so that no scrape waits for it.
    wanted = {"tools": 5, "agent_exits": 2, "agent_executions": 2, "connections": 0}
    wanted["connections"] = len(dump(og, "connections"))
    got = og.wait(lambda m: all(m.value(ENTRIES, map=name) == rows for name, rows in wanted.items()), 3 * len(tables))
    tap.equal("five tools, the ends of two types of agents and the one connection are the entries of their tables",
              {name: got.value(ENTRIES, map=name) for name in wanted}, wanted | {"connections": 1})  # fmt: skip
    # Of the last of its counts, while others come and go.
    off = lambda m: abs(m.value(ENTRIES, map="processes") - len(dump(og, "processes")))
    got = og.wait(lambda m: off(m) <= 10, 3 * len(tables))
    tap.within("every process of the host is an entry of theirs", off(got), 0, 20)


def main():
    tap, port = Tap(), free_port()
    with tempfile.TemporaryDirectory(prefix="og-test-") as directory, Orchestra() as stage:
        with Operaglass(CONFIG.format(port=port)) as og:
            # The proof makes calls of its own.
            og.wait(lambda m: m.value("operaglass_tls_probed_files", stack="openssl", trust="proven"), 30)
            kernel, calls = Kernel(og), Pair(directory, port)
            test_programs(tap, og, kernel)
            test_calls(tap, og, calls)
            test_forks(tap, og, stage)
            test_maps(tap, og, stage, kernel)
            calls.close()
    tap.done()


if __name__ == "__main__":
    main()
