#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An agent as npm starts it: npm, a shell, env and node, of which one is the agent, once."""
import json
import os
import subprocess
import time

from harness import Operaglass, Tap
from orchestra import Orchestra, exits, starts

TYPE = "claude-code"
EXECUTION = "orchestrate_agent_execution_seconds"
CODE = 7
EXIT_SECONDS = 0.1  # node's own end, after the last line of the script
# Says what it knows of its own life: when the process began, in ticks, which is before it became the agent; when it
# ran, which is after that; and now; in nanoseconds.
SCRIPT = f"""#!/usr/bin/env node
const ran = process.hrtime.bigint();
const fs = require("fs");
const begin = fs.readFileSync("/proc/self/stat", "latin1").split(") ")[1].split(" ")[19];
setTimeout(() => {{
    fs.writeFileSync("life", begin + " " + ran + " " + process.hrtime.bigint());
    process.exit({CODE});
}}, 1000);
"""
MANIFEST = {"name": "claude-code", "version": "1.0.0", "bin": {"claude": "cli.js"}}
PROJECT = {"name": "project", "version": "1.0.0", "private": True, "scripts": {"agent": "claude"}}


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


class Project:
    """A directory of a user's, where npm has installed the agent from a local package."""

    def __init__(self, stage):
        write_json(stage.path("claude-code", "package.json"), MANIFEST)
        stage.script("claude-code/cli.js", SCRIPT)
        self.directory = stage.path("project", "")
        write_json(stage.path("project", "package.json"), PROJECT)
        self.environment = dict(
            os.environ,
            HOME=stage.path("home", ""),
            PATH="/usr/bin:/bin",
            npm_config_update_notifier="false",
            npm_config_audit="false",
            npm_config_fund="false",
            npm_config_offline="true",
        )
        self.npm("install", "../claude-code", code=0)

    def npm(self, *arguments, code=CODE):
        """Runs npm to its end; returns its seconds."""
        begin = time.monotonic()
        done = subprocess.run(
            ["/usr/bin/npm", *arguments],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != code:
            raise RuntimeError(
                f"npm {arguments}: exit {done.returncode}, not {code}: {done.stderr}"
            )
        return time.monotonic() - begin

    def life(self):
        """The least and the most seconds that the last agent lived until it said so; the kernel's clock of begins
        goes on in a suspend."""
        with open(os.path.join(self.directory, "life"), encoding="ascii") as file:
            begin, ran, end = map(int, file.read().split())
        asleep = time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
        return (end - ran) / 1e9, end / 1e9 + asleep - begin / os.sysconf("SC_CLK_TCK")


def test_one_agent(tap, og, project, *command):
    words = " ".join(("npm", *command))
    before = og.metrics()
    whole = project.npm(*command)
    ends = {("error", str(CODE)): 1}
    got = og.wait(lambda metrics: exits(metrics, TYPE) == ends, 5, since=before)
    tap.equal(
        f"`{words}` starts one agent, which ends with its own code",
        (starts(got, TYPE), exits(got, TYPE)),
        (1, ends),
    )
    tap.equal(
        f"`{words}` starts no agent of another type", got.total("orchestrate_agent_starts_total"), 1
    )
    seconds = got.value(EXECUTION + "_sum", type=TYPE, reason="error")
    least, most = project.life()
    tap.within(
        f"`{words}` gives it the time that it lived",
        seconds,
        least,
        most + EXIT_SECONDS,
    )
    tap.ok(f"`{words}` itself took longer", whole > seconds, (whole, seconds))


def main():
    tap = Tap()
    with Orchestra() as stage:
        project = Project(stage)
        with Operaglass() as og:
            test_one_agent(tap, og, project, "exec", "claude")
            test_one_agent(tap, og, project, "run", "agent")
            tap.equal(
                "npm has run the agent without a tool of its own",
                og.metrics().total("orchestrate_tool_executions_total", type=TYPE),
                0,
            )
    tap.done()


if __name__ == "__main__":
    main()
