#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing is missed: 20,000 processes in bursts, agents and tools without end, names of every kind."""
import os
import shutil
import time

from harness import BUILD, Child, Operaglass, Tap
from orchestra import TOOLS, Orchestra, exits, starts, tools

SPAWNERS, COUNT = 8, 20000
AGENTS = 1000
TOOL_LIMIT, NAMES = 256, 100000
# The journal's page cache of 2 MiB fills once, with the agents' starts and ends.
GROWTH_KIB = 3072
LOST = "operaglass_lost_total"


def test_bursts(tap, og, stage):
    """Bursts of 16 from each of 8 spawners, alive for about 1 ms, scraped all the while."""
    claude = stage.path("claude")
    shutil.copy(BUILD + "/tools/live/process_burst", claude)
    before = og.metrics()
    child = stage.start(claude, SPAWNERS, COUNT, 1)
    while child.poll() is None:
        og.metrics()
        time.sleep(0.02)
    expected = {("claude", "success"): COUNT + SPAWNERS}
    got = og.wait(lambda metrics: tools(metrics) == expected, 5, since=before)
    tap.equal("the burst was whole", child.wait(), 0)
    tap.equal(f"{COUNT} processes of 1 ms and their {SPAWNERS} spawners are counted, exactly", tools(got), expected)
    tap.equal("their agent is one agent", (starts(got), exits(got)), (1, {("success", "0"): 1}))
    tap.equal("each of them has a duration",
              got.total("orchestrate_tool_execution_seconds_count", type="claude-code"), COUNT + SPAWNERS)
    tap.equal("each of them has a peak of memory",
              got.total("orchestrate_agent_peak_memory_bytes_count", type="claude-code")
              + got.value(LOST, where="peak_memory", cause="hidden_by_former_image"), COUNT + SPAWNERS + 1)
    tap.equal("nothing is lost of processes",
              [got.total(LOST, where="processes"), got.total(LOST, where="tools")], [0, 0])


def test_agents(tap, og, stage):
    agent = stage.play("codex")
    before = og.metrics()
    for _ in range(AGENTS // 20):
        children = [Child([agent, "exit", str(code)]) for code in range(20)]
        for child in children:
            child.wait()
    expected = {("success" if code == 0 else "error", str(code)): AGENTS // 20 for code in range(20)}
    got = og.wait(lambda metrics: exits(metrics, "codex") == expected, 5, since=before)
    tap.equal(f"{AGENTS} agents with 20 codes", (starts(got, "codex"), exits(got, "codex")), (AGENTS, expected))


HOSTILE = [b"\xff\xfe\xfd", b"new\nline", b'quo"te', b"back\\slash", b"\xe2\x82", b"tab\tbell\x07", b" ", b"-",
           b"surrogate\xed\xa0\x80", b"x" * 60, "ünïcödé".encode()]


def test_hostile_names(tap, og, stage):
    """Tools are known by the basename of their image, whose bytes a label may not hold, or not as they are."""
    directory = os.fsencode(stage.path("names", ""))
    tiny = os.fsencode(stage.play("goose"))
    for name in HOSTILE:
        os.link(tiny, directory + name)
    runner = stage.script("hostile/goose", f"""#!/usr/bin/python3
import os
for name in os.listdir({directory!r}):
    os.waitpid(os.posix_spawn({directory!r} + name, [{directory!r} + name, b"exit", b"0"], {{}}), 0)
""")
    before = og.metrics()
    tap.equal("every name ran", stage.run("/usr/bin/python3", runner), 0)
    got = og.wait(lambda metrics: metrics.total(TOOLS, type="goose") == len(HOSTILE), 5, since=before)
    tap.equal("tools with hostile names are counted, each under a name of its own",
              sorted(got.rows(TOOLS, type="goose").values()), [1] * len(HOSTILE))
    status, _, body = og.get()
    tap.equal("/metrics is whole and UTF-8", (status, body.decode("utf-8").endswith("\n")), (200, True))


def test_names(tap, og, stage):
    """As many names as processes: the table holds what it can, `other` the rest, and memory does not grow."""
    shutil.copy(BUILD + "/tools/live/process_names", stage.path("many", "goose"))
    tiny = stage.path("many", "tiny")
    shutil.copy(BUILD + "/tools/bench/tiny", tiny)
    before, resident, begin = og.metrics(), og.resident_kib(), time.monotonic()
    child = stage.start(stage.path("many", "goose"), tiny, stage.path("many"), NAMES)
    tap.equal(f"a tool ran under {NAMES} names", child.wait(60), 0)
    tap.ok("in bounded time", time.monotonic() - begin < 60, time.monotonic() - begin)
    got = og.wait(lambda metrics: metrics.total(TOOLS, type="goose") == NAMES, 5, since=before)
    rows = got.rows(TOOLS, type="goose")
    other = got.value(TOOLS, type="goose", tool="other", reason="success")
    tap.equal("each of these processes is counted once", got.total(TOOLS, type="goose"), NAMES)
    tap.equal("each under its name, or under `other`", len(rows) - 1 + other, NAMES)
    kept = {(dict(key)["type"], dict(key)["tool"]) for key in og.last.rows(TOOLS)} - {("goose", "other")}
    tap.equal("the table is full to its last row", len(kept), TOOL_LIMIT)
    tap.equal("what found no room is counted as lost", got.value(LOST, where="tools", cause="table_full"), other)
    tap.equal("their agent ends as any other", exits(got, "goose"), {("success", "0"): 1})
    grown = [after - was for was, after in zip(resident, og.resident_kib())]
    tap.ok(f"neither process has grown by more than {GROWTH_KIB} KiB", max(grown) <= GROWTH_KIB, grown)


def main():
    tap = Tap()
    with Orchestra() as stage, Operaglass(f"limits:\n  tools: {TOOL_LIMIT}\n") as og:
        test_bursts(tap, og, stage)
        test_agents(tap, og, stage)
        test_hostile_names(tap, og, stage)
        test_names(tap, og, stage)
    tap.done()


if __name__ == "__main__":
    main()
