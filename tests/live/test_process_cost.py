#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What agents cost: CPU, memory, I/O, faults and switches against wait4 and /proc, dead and alive."""
import os
import shutil
import signal
import threading

from harness import BUILD, Operaglass, Tap
from maps import dump
from orchestra import Orchestra, exits

CPU, IO, PEAK = ("orchestrate_agent_cpu_seconds_total", "orchestrate_agent_io_bytes_total",
                 "orchestrate_agent_peak_memory_bytes")
TOOL_CPU = "orchestrate_tool_cpu_seconds_total"
SWITCHES, FAULTS = "orchestrate_agent_context_switches_total", "orchestrate_agent_page_faults_total"
KIB, MIB = 1 << 10, 1 << 20
# A type of its own for every test: exact totals come some 20 ms after the end that one test waits for.
KIND = {"type": "claude-code"}


def numbers(pid, name):
    """The numbers of a file of /proc/PID that has a line each."""
    with open(f"/proc/{pid}/{name}", encoding="ascii", errors="replace") as file:
        lines = [line.split(":") for line in file]
    return {key: int(value) for key, value in lines if value.strip().isdigit()}


def run_and_measure(command):
    """(rusage, /proc/PID/io) of a process of its own, read while it is a zombie."""
    pid = os.posix_spawn(command[0], command, os.environ)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    io = numbers(pid, "io")
    return os.wait4(pid, 0)[2], io


def test_dead(tap, og, stage):
    command = [stage.play("claude"), "work", "400", "96", "1000", "500"]
    before = og.metrics()
    usage, io = run_and_measure(command)
    got = og.wait(lambda metrics: metrics.total(CPU, **KIND) >= (usage.ru_utime + usage.ru_stime) * 0.999, 3, since=before)
    total = usage.ru_utime + usage.ru_stime
    tap.within("CPU is wait4's to 1 %", got.total(CPU, **KIND), total * 0.99, total * 1.01)
    for mode, truth in (("user", usage.ru_utime), ("system", usage.ru_stime)):
        tap.within(f"{mode} time is wait4's to 1 % of the whole", got.value(CPU, mode=mode, **KIND), truth - total * 0.01,
                   truth + total * 0.01)
    tap.equal("bytes are those of /proc/PID/io",
              {way: got.value(IO, direction=way, **KIND) for way in ("read", "written", "disk_read", "disk_written")},
              {"read": io["rchar"], "written": io["wchar"], "disk_read": io["read_bytes"], "disk_written": io["write_bytes"]})
    tap.equal("peak memory is wait4's", (got.total(PEAK + "_count", **KIND), got.total(PEAK + "_sum", **KIND)),
              (1, usage.ru_maxrss * KIB))
    tap.equal("page faults are wait4's", [got.value(FAULTS, kind=kind, **KIND) for kind in ("minor", "major")],
              [usage.ru_minflt, usage.ru_majflt])
    tap.equal("context switches are wait4's", [got.value(SWITCHES, kind=kind, **KIND) for kind in ("voluntary", "involuntary")],
              [usage.ru_nvcsw, usage.ru_nivcsw])


def test_small_after_large(tap, og, stage):
    """A small program that a large one forked and exec'd; wait4 reports the large one's peak."""
    small = stage.play("codex")
    before = og.metrics()
    script = stage.script("large.py", f"import os\nx = bytearray({200 * MIB})\npid = os.fork()\n"
                          f"pid or os.execv({small!r}, [{small!r}, 'work', '0', '2', '0', '0'])\nos.waitpid(pid, 0)\n")
    tap.equal("ran", stage.run("/usr/bin/python3", script), 0)
    got = og.wait(lambda metrics: exits(metrics, "codex"), 3, since=before)
    hidden = got.value("operaglass_lost_total", where="peak_memory", cause="hidden_by_former_image")
    peak = got.total(PEAK + "_sum", type="codex")
    tap.ok("its peak is its own, or (before 6.16) counted as unknown",
           (hidden == 0 and 2 * MIB <= peak <= 8 * MIB) or (hidden == 1 and peak == 0), (hidden, peak))


def run_ns(pid):
    """CPU time of every thread so far, to the nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def test_alive(tap, og, stage):
    before = og.metrics()
    child = stage.start(stage.play("goose"), "threads", 4, 50)
    child.line()
    got = og.metrics() - before
    truth = run_ns(child.pid) / 1e9
    with open(f"/proc/{child.pid}/statm", encoding="ascii") as file:
        resident = int(file.read().split()[1]) * 4 * KIB
    gauges = {name: got.value(f"orchestrate_agent_{name}", type="goose") for name in ("threads", "open_fds", "processes")}
    tap.equal("threads, descriptors and processes of a living agent", gauges,
              {"threads": 5, "open_fds": len(os.listdir(f"/proc/{child.pid}/fd")), "processes": 1})
    tap.within("its CPU is that of all its threads to 1 %", got.total(CPU, type="goose"), truth * 0.99, truth * 1.01)
    # The kernel's per-CPU parts are not read: 32 pages for each of 2 CPUs and 3 counters at most.
    tap.within("its resident memory", got.value("orchestrate_agent_resident_memory_bytes", type="goose"),
               resident - 2 * MIB, resident + 2 * MIB)
    child.kill()
    child.wait()
    got = og.wait(lambda metrics: metrics.value("orchestrate_agent_processes", type="goose") == 0, 3, since=before)
    tap.equal("nothing of it is left", [got.value(f"orchestrate_agent_{name}", type="goose") for name in
                                        ("threads", "open_fds", "processes", "resident_memory_bytes")], [0, 0, 0, 0])
    tap.within("its CPU stays", got.total(CPU, type="goose"), truth * 0.99, truth * 1.02)


def test_tools(tap, og, stage):
    """What a tool used is its own, and a part of what its agent's tree used: while it lives, and afterwards."""
    kind = {"type": "crush"}
    agent, tool, other = stage.play("crush"), stage.play("tool-of-crush"), stage.play("other-of-crush")
    before = og.metrics()
    child = stage.start(agent, "fork", tool, "threads", 2, 150)
    child.line()
    truth = run_ns(stage.running("tool-of-crush")[0]) / 1e9
    got = og.metrics() - before
    tap.within("a living tool's CPU is that of its threads to 1 %", got.value(TOOL_CPU, tool="tool-of-crush", **kind),
               truth * 0.99, truth * 1.01)
    os.kill(stage.running("tool-of-crush")[0], signal.SIGTERM)
    child.wait()
    pid = os.posix_spawn(agent, [agent, "fork", other, "work", "300", "1", "0", "0"], os.environ)
    usage = os.wait4(pid, 0)[2]  # of the agent and of the tool that it waited for
    total = usage.ru_utime + usage.ru_stime
    got = og.wait(lambda metrics: metrics.total(CPU, **kind) >= (truth + total) * 0.999, 3, since=before)
    tap.within("a dead tool's CPU is wait4's but for its agent's part", got.value(TOOL_CPU, tool="other-of-crush", **kind),
               total * 0.95, total)
    tap.within("that of the one before is as it was", got.value(TOOL_CPU, tool="tool-of-crush", **kind), truth * 0.99,
               truth * 1.02)
    tap.equal("no other tool has any", got.by(TOOL_CPU, "tool", **kind).keys(),
              {("tool-of-crush",), ("other-of-crush",)})


def test_many_threads(tap, og, stage):
    """200 threads: more than a loop could follow that the verifier must unroll."""
    before = og.metrics()
    child = stage.start(stage.play("qwen"), "threads", 200, 1)
    child.line()
    got = og.metrics() - before
    truth = run_ns(child.pid) / 1e9
    tap.equal("201 threads", got.value("orchestrate_agent_threads", type="qwen-code"), 201)
    tap.within("and the CPU of all of them to 1 %", got.total(CPU, type="qwen-code"), truth * 0.99, truth * 1.01)
    child.kill()
    child.wait()


def untold(og):
    """Rows of members that are gone, though sched_process_free was not seen.

    Some kernels keep programs from looking at pid 1, this one among them; what a soft interrupt does on its time is hidden
    with it, such as the release of a burst: about 1 of 1,000, of whom what they used since the last scrape is lost.
    """
    rows = [row["formatted"]["value"] for row in dump(og, "processes")]
    return sum(row["exited"] and not os.path.exists(f"/proc/{row['tgid']}") for row in rows)


def test_never_backwards(tap, og, stage):
    """Short members come and go, 2,000 a time, in trees that are scraped without a pause, 50 times."""
    agent = stage.path("burst", "gemini")
    shutil.copy(BUILD + "/tools/live/process_burst", agent)
    before, dips, scrapes, usage = og.metrics(), [], 0, []

    def run():
        while scrapes < 50:
            pid = os.posix_spawn(agent, [agent, "4", "2000", "2"], os.environ,
                                 file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
            usage.append(os.wait4(pid, 0)[2])

    thread = threading.Thread(target=run)
    thread.start()
    names = (CPU, IO, SWITCHES, FAULTS)
    last = before
    while thread.is_alive():
        now = og.metrics()
        scrapes += 1
        dips += [(name, key, last[name][key], value) for name in names for key, value in now[name].items()
                 if value < last[name].get(key, 0)]
        last = now
    thread.join()
    truth, ends = sum(part.ru_utime + part.ru_stime for part in usage), len(usage) * (1 + 4 + 2000)
    got = og.wait(lambda metrics: metrics.total(CPU, type="gemini") >= truth * 0.9999, 5, since=before)
    lost = untold(og) + got.value("operaglass_lost_total", where="processes", cause="pid_reused_early")
    tap.equal("no counter of a living tree goes backwards", dips, [])
    tap.within("its sum is wait4's of all to 1 %, without those whose release nobody told",
               got.total(CPU, type="gemini"), truth * (0.99 - lost / ends), truth * 1.01)
    tap.within("which is next to none, and they are counted when their pid is used again", lost, 0, ends * 0.03)


def main():
    tap = Tap()
    with Orchestra() as stage, Operaglass() as og:
        for test in (test_dead, test_small_after_large, test_alive, test_tools, test_many_threads, test_never_backwards):
            test(tap, og, stage)
    tap.done()


if __name__ == "__main__":
    main()
