#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Agents that ran before Operaglass, and the states of those that live: orphaned, zombie, idle."""
import os
import signal
import time

from harness import Operaglass, Tap
from orchestra import Orchestra, exits, starts, tools

AGENTS, PROCESSES = "orchestrate_agents", "orchestrate_agent_processes"
SUM = "orchestrate_agent_execution_seconds_sum"
CPU = "orchestrate_agent_cpu_seconds_total"
IDLE_SECONDS = 1


def now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def start_ns(pid):
    """Start of a process in seconds of CLOCK_BOOTTIME, to a hundredth."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return int(file.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def states(metrics, agent):
    return metrics.by(AGENTS, "state", type=agent)


def until(condition, seconds=5):
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.005)


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


# Names of nobody else: what runs already cannot be told apart by a difference.
OWN_AGENTS = """agents:
  - {type: solo, names: [og-solo]}
  - {type: parent, names: [og-parent]}
  - {type: launcher, names: [og-launcher], relaunches: true}
  - {type: script, names: [og-script]}
"""


def test_before(tap, stage):
    """Everything here runs before Operaglass starts."""
    tool = stage.play("tool")
    solo = stage.ready(stage.play("og-solo"), "threads", 1, 200)
    parent = stage.start(stage.play("og-parent"), "fork", tool, "fork", tool, "wait")
    until(lambda: children_of(parent.pid) and children_of(children_of(parent.pid)[0]))
    launcher = stage.start("/bin/sh", stage.script("og-launcher", f"{stage.play('native/og-launcher')} wait 2>/dev/null\nexit 0\n"))
    until(lambda: children_of(launcher.pid))
    script = stage.ready("/usr/bin/python3", stage.script("og-script", "import signal\nprint(flush=True)\nsignal.pause()\n"))
    begun = start_ns(solo.pid)
    with Operaglass(OWN_AGENTS) as og:
        first = og.metrics()
        types = ("solo", "parent", "launcher", "script")
        tap.equal("what runs already is found: one agent each, a launcher and its agent being one",
                  {agent: sum(states(first, agent).values()) for agent in types}, dict.fromkeys(types, 1))
        tap.equal("with everything that they had spawned", [first.value(PROCESSES, type=agent) for agent in types], [1, 3, 2, 1])
        tap.equal("without counting a start", [starts(first, agent) for agent in types], [0] * 4)
        tap.within("and with the CPU that they had used", first.total(CPU, type="solo"), 0.2, 0.25)
        solo.kill()
        solo.wait()
        lasted = now() - begun
        got = og.wait(lambda metrics: exits(metrics, "solo"), 3)
        tap.within("one of them lasted from its true start", got.total(SUM, type="solo"), lasted - 0.05, lasted + 0.02)
        tap.equal("and its end has its cause", exits(got, "solo"), {("signal_parent", "SIGKILL"): 1})
        for child in children_of(children_of(parent.pid)[0]):
            os.kill(child, signal.SIGTERM)
        parent.wait()
        got = og.wait(lambda metrics: exits(metrics, "parent"), 3)
        # The tool waited for its own child, and ended with the code that process_play has for a signal.
        tap.equal("tools that ran before end as tools", tools(got, "parent"),
                  {("tool", "signal_other"): 1, ("tool", "error"): 1})
        for child in children_of(launcher.pid):
            os.kill(child, signal.SIGTERM)
        launcher.wait()
        got = og.wait(lambda metrics: exits(metrics, "launcher"), 3)
        tap.equal("the relaunched one is no tool", (exits(got, "launcher"), tools(got, "launcher")), ({("success", "0"): 1}, {}))


def test_states(tap, og, stage):
    tool = stage.play("tool")
    idle = stage.start(stage.play("opencode"), "wait")
    got = og.wait(lambda metrics: states(metrics, "opencode") == {("idle",): 1}, IDLE_SECONDS + 5)
    tap.equal("an agent that uses no CPU is idle", states(got, "opencode"), {("idle",): 1})
    idle.kill()
    idle.wait()
    busy = stage.start(stage.play("crush"), "fork", tool, "work", 20000, 0, 0, 0)
    limit = time.monotonic() + 2 * IDLE_SECONDS
    seen = set()
    while time.monotonic() < limit:
        seen |= set(states(og.metrics(), "crush"))
        time.sleep(0.05)
    tap.equal("an agent whose tool works is not", seen - {()}, {("running",)})
    for child in children_of(busy.pid):
        os.kill(child, signal.SIGKILL)
    busy.wait()

    orphan_start = og.metrics()
    stage.run(tool, "daemon", stage.play("droid"), "wait")
    got = og.wait(lambda metrics: states(metrics, "droid") == {("orphaned",): 1}, 5)
    tap.equal("an agent whose spawner has gone is orphaned", states(got, "droid"), {("orphaned",): 1})
    tap.equal("it started all the same", starts(got - orphan_start, "droid"), 1)
    for pid in stage.running("droid"):
        os.kill(pid, signal.SIGKILL)

    zombie = stage.start(stage.play("amp"), "exit", 5)
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    got = og.metrics()
    tap.equal("an agent that nobody reaps is a zombie, and has ended", (states(got, "amp"), exits(got, "amp")),
              ({("zombie",): 1}, {("error", "5"): 1}))
    zombie.wait()
    got = og.wait(lambda metrics: not states(metrics, "amp"), 3)
    tap.equal("reaped, it is gone, and has ended once", (states(got, "amp"), exits(got, "amp")), ({}, {("error", "5"): 1}))


def test_reload(tap, og, stage):
    child = stage.start(stage.play("ensemble"), "wait")
    until(lambda: os.path.realpath(f"/proc/{child.pid}/exe").endswith("ensemble"))
    with open(og.directory + "/config.yml", "a", encoding="utf-8") as file:
        file.write("agents:\n  - type: ensemble\n    names: [ensemble]\n")
    before = og.metrics()
    og.process.send_signal(signal.SIGHUP)
    got = og.wait(lambda metrics: sum(states(metrics, "ensemble").values()) == 1, 3)
    tap.equal("a new rule finds what runs already", sum(states(got, "ensemble").values()), 1)
    tap.equal("without counting a start", starts(got, "ensemble"), 0)
    tap.equal("numbers of other types stay with their names", (got - before).by("orchestrate_agent_starts_total", "type"), {})
    child.terminate()
    child.wait()
    tap.equal("and how it ends", exits(og.wait(lambda metrics: exits(metrics, "ensemble"), 3), "ensemble"),
              {("signal_parent", "SIGTERM"): 1})


def test_restart(tap, og, stage):
    child = stage.ready(stage.play("claude"), "threads", 1, 100)
    before = og.metrics()
    og.process.kill()
    og.process.wait()
    og.start()
    got = og.metrics()
    tap.equal("a second start finds nothing twice",
              [sum(states(got, "claude-code").values()), starts(got) - starts(before), got.value(PROCESSES, type="claude-code")],
              [1, 0, 1])
    tap.within("nor counts its CPU twice", got.total(CPU, type="claude-code") - before.total(CPU, type="claude-code"), 0, 0.01)
    child.kill()


def main():
    tap = Tap()
    with Orchestra() as stage:
        test_before(tap, stage)
        with Operaglass(f"idle_after: {IDLE_SECONDS}s\n") as og:
            for test in (test_states, test_reload, test_restart):
                test(tap, og, stage)
    tap.done()


if __name__ == "__main__":
    main()
