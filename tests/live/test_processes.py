#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How agents and tools begin and end, with real processes: every number is exact."""
import os
import resource
import signal
import subprocess

from harness import Operaglass, Tap
from orchestra import STARTS, Orchestra, exits, starts, tools

SUCCESS = ("success", "0")


class Case:
    """One life, and what is counted of it."""

    def __init__(self, tap, og, stage):
        self.tap, self.og, self.stage = tap, og, stage

    def expect(self, sentence, act, ends, tool_ends=None, begun=None, agent="claude-code"):
        """act() lives; then exactly these ends of agents and tools are counted, and as many starts as ends."""
        before = self.og.metrics()
        act()
        expected = (sum(ends.values()) if begun is None else begun, ends, tool_ends or {})

        def seen(metrics):
            return starts(metrics, agent), exits(metrics, agent), tools(metrics, agent)

        got = self.og.wait(lambda metrics: seen(metrics) == expected, 5, since=before)
        lost = got.by("operaglass_lost_total", "where", "cause")
        self.tap.equal(sentence, (*seen(got), lost), (*expected, {}))


def test_codes(case):
    claude = case.stage.play("claude")
    for code in (0, 1, 42, 255):
        reason = "success" if code == 0 else "error"
        case.expect(f"exit code {code}", lambda code=code: case.stage.run(claude, "exit", code), {(reason, str(code)): 1})


def without_core():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def with_core():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_signals(case):
    claude = case.stage.play("claude")

    def run(*words, **more):
        return lambda: case.stage.run(claude, *words, **more)

    def by_parent(number):
        def act():
            child = case.stage.ready(claude, "wait")
            child.send_signal(number)
            child.wait()

        return act

    def by_stranger(number):
        def act():
            child = case.stage.ready(claude, "wait")
            subprocess.run(["/bin/kill", f"-{number}", str(child.pid)], check=True)
            child.wait()

        return act

    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        name = number.name
        case.expect(f"{name} from its parent", by_parent(number), {("signal_parent", name): 1})
        case.expect(f"{name} from somebody else", by_stranger(int(number)), {("signal_other", name): 1})
        case.expect(f"{name} from itself", run("kill", int(number)), {("signal_self", name): 1})
    case.expect("a fault without core", run("fault", preexec_fn=without_core), {("signal_self", "SIGSEGV"): 1})
    case.expect("a fault with core", run("fault", preexec_fn=with_core), {("core", "SIGSEGV"): 1})
    case.expect("SIGABRT with core", run("kill", int(signal.SIGABRT), preexec_fn=with_core), {("core", "SIGABRT"): 1})
    case.expect("SIGPIPE", run("pipe"), {("signal_self", "SIGPIPE"): 1})
    case.expect("its own alarm", run("alarm"), {("signal_self", "SIGALRM"): 1})
    case.expect("the death of its parent", lambda: case.stage.run(claude, "pdeath"), {SUCCESS: 1},
                {("claude", "signal_parent"): 1})

    def handled():
        child = case.stage.ready(claude, "handle", 7)
        child.terminate()
        child.wait()

    def ignored_then_killed():
        child = case.stage.ready(claude, "ignore")
        child.terminate()
        subprocess.run(["/bin/kill", "-9", str(child.pid)], check=True)
        child.wait()

    case.expect("a signal that was handled did not end it", handled, {("error", "7"): 1})
    case.expect("of two signals the one that killed counts", ignored_then_killed, {("signal_other", "SIGKILL"): 1})


def test_out_of_memory(case):
    """The memory controller of cgroup v1, or of v2 where that has it."""
    claude = case.stage.play("claude")
    v1, v2 = "/sys/fs/cgroup/memory", "/sys/fs/cgroup"
    base, limit = (v1, "memory.limit_in_bytes") if os.path.isdir(v1) else (v2, "memory.max")
    group = f"{base}/og-test-{os.getpid()}"
    os.mkdir(group)
    try:
        with open(f"{group}/{limit}", "w", encoding="ascii") as file:
            file.write(str(16 << 20))

        def enter():
            with open(f"{group}/cgroup.procs", "w", encoding="ascii") as procs:
                procs.write(str(os.getpid()))

        case.expect("out of memory", lambda: case.stage.run(claude, "work", 0, 64, 0, 0, preexec_fn=enter),
                    {("oom", "SIGKILL"): 1})
    finally:
        os.rmdir(group)


def test_threads(case):
    claude, tool = case.stage.play("claude"), case.stage.play("tool")

    def run(*words):
        return lambda: case.stage.run(claude, *words)

    # On 5.10 the main thread's code is the process's, later the last one's: wait4 is the judge.
    code = case.stage.run(tool, "last-thread", 9)
    case.expect("the main thread ends first", run("last-thread", 9), {("error", str(code)): 1})
    case.expect("another thread calls exit", run("thread-exit", 5), {("error", "5"): 1})
    case.expect("a thread execs a tool: the agent goes on under its number", run("thread-exec", tool, "exit", 3),
                {("error", "3"): 1})
    case.expect("a thread of a stranger execs an agent", lambda: case.stage.run(tool, "thread-exec", claude, "exit", 6),
                {("error", "6"): 1})
    case.expect("threads that end at the same moment are one end",
                lambda: [case.stage.run(claude, "race", 8) for _ in range(100)], {SUCCESS: 100})


def test_spawning(case):
    claude, tool = case.stage.play("claude"), case.stage.play("tool")
    for way in ("fork", "vfork", "spawn"):
        case.expect(f"an agent by {way}", lambda way=way: case.stage.run(tool, way, claude, "exit", 2), {("error", "2"): 1})
        case.expect(f"a tool of an agent by {way}", lambda way=way: case.stage.run(claude, way, tool, "exit", 3),
                    {("error", "3"): 1}, {("tool", "error"): 1})
    case.expect("a tool of a tool", lambda: case.stage.run(claude, "fork", tool, "fork", case.stage.play("deep"), "exit", 0),
                {SUCCESS: 1}, {("tool", "success"): 1, ("deep", "success"): 1})
    case.expect("a child by clone(CLONE_PARENT) belongs to whoever made it",
                lambda: case.stage.run(claude, "sibling", tool, "exit", 4), {SUCCESS: 1}, {("tool", "error"): 1})
    case.expect("a double fork stays in the tree", lambda: case.stage.run(claude, "daemon", tool, "exit", 0),
                {SUCCESS: 1}, {("claude", "success"): 1, ("tool", "success"): 1})
    case.expect("an agent of an agent is a second agent", lambda: case.stage.run(claude, "fork", claude, "exit", 8),
                {("error", "8"): 2})
    case.expect("an agent that becomes another program stays an agent", lambda: case.stage.run(claude, "exec", tool, "exit", 0),
                {SUCCESS: 1})
    case.expect("an agent that becomes itself starts once", lambda: case.stage.run(claude, "exec", claude, "exit", 0),
                {SUCCESS: 1})


def test_names(case):
    stage = case.stage
    tool = stage.play("tool")
    node = stage.script("bin/claude", "#!/usr/bin/env node\nprocess.exit(11)\n")
    package = stage.script("lib/node_modules/claude-code/cli.js", "process.exit(12)\n")
    other = stage.script("lib/node_modules/other/cli.js", "process.exit(13)\n")
    shell = stage.script("sh/claude", "#!/bin/sh\nexit 14\n")
    shim = stage.script("npm", f"#!/bin/sh\n{package[:-6]}/run \"$@\"\n")
    stage.script("lib/node_modules/claude-code/run", f"#!/bin/sh\nexec node {package}\n")
    module = stage.script("aider.py", "raise SystemExit(15)\n")
    link = stage.path("versions", "claude")
    os.symlink(stage.play("versions/2.0.76"), link)
    long_name = "claude" + "e" * 40

    def run(*command):
        return lambda: stage.run(*command)

    def one(code):
        return {("error", str(code)): 1}

    case.expect("a script with #!/usr/bin/env node", run(node), one(11))
    case.expect("node with a script", run("node", node), one(11))
    case.expect("node with options before the script", run("node", "--no-warnings", "--trace-uncaught", node), one(11))
    case.expect("a script known by its directory", run("node", package), one(12))
    case.expect("the same basename elsewhere is nobody", run("node", other), {})
    case.expect("a script with #!/bin/sh", run(shell), one(14))
    case.expect("sh with a script", run("sh", shell), one(14))
    case.expect("npm, sh, node: one agent", run(shim), one(12))
    case.expect("python -m", run("/usr/bin/python3", "-m", "aider"), one(15), agent="aider")
    case.expect("python with a script of another name", run("/usr/bin/python3", module), {}, agent="aider")
    case.expect("sh -c only mentions it", run("sh", "-c", "true claude; exit 1"), {})
    case.expect("an argument of a tool is no agent", run(tool, "fork", tool, "exit", 1, "claude"), {})
    case.expect("a link with its name", run(link, "exit", 16), one(16))
    case.expect("the file behind a link", run(os.path.realpath(link), "exit", 16), {})
    case.expect("a file that nothing but its first argument names", lambda: stage.run(
        "claude", "exit", 17, executable=os.path.realpath(link)), one(17))
    case.expect("a name that only begins like it", run(stage.play(long_name), "exit", 1), {})
    case.expect("a deep path", run(stage.play("d/" * 120 + "claude"), "exit", 18), one(18))
    case.expect("in memory", run(tool, "memfd", "claude", tool, "exit", 19), one(19))
    doomed = stage.play("doomed/claude")
    case.expect("deleted before it runs", run(tool, "unlink", doomed, "exit", 20), one(20))


# What each of them is installed as; the others are known by the same rule.
COMMANDS = {"claude": "claude-code", "codex": "codex", "gemini": "gemini", "aider": "aider", "opencode": "opencode",
            "goose": "goose", "cursor-agent": "cursor-agent", "copilot": "copilot", "amp": "amp", "qwen": "qwen-code",
            "crush": "crush", "openhands": "openhands", "plandex": "plandex", "cline": "cline", "cn": "continue",
            "droid": "droid", "kiro-cli": "kiro-cli", "auggie": "auggie"}
# Packages of npm, whose command is a link to a script in their directory.
SCRIPTS = {"@anthropic-ai/claude-code/cli.js": "claude-code", "@openai/codex/bin/codex.js": "codex",
           "@google/gemini-cli/bundle/gemini.js": "gemini", "@github/copilot/index.js": "copilot"}


def test_defaults(case):
    """Without any configuration the common agents are known, each as its own type."""
    def types(metrics):
        return {row[0]: number for row, number in metrics.by(STARTS, "type").items()}

    before = case.og.metrics()
    for command in COMMANDS:
        case.stage.run(case.stage.play("defaults/" + command), "exit", 0)
    for script in SCRIPTS:
        case.stage.run("node", case.stage.script("node_modules/" + script, "process.exit(0)\n"))
    wanted = {kind: 1 + list(SCRIPTS.values()).count(kind) for kind in COMMANDS.values()}
    got = case.og.wait(lambda metrics: types(metrics) == wanted, 3, since=before)
    case.tap.equal("every default agent is known by its command, or by the script of its package", types(got), wanted)


def test_relaunch(case):
    stage = case.stage
    tool, codex = stage.play("tool"), stage.play("native/codex")
    launcher = stage.script("codex", f"#!/bin/sh\n{tool} exit 0\n{codex} fork {tool} exit 21\nexit $?\n")
    case.expect("an agent under its own launcher is one agent, and no tool", lambda: stage.run(launcher),
                {("error", "21"): 1}, {("tool", "success"): 1, ("tool", "error"): 1}, agent="codex")


def main():
    tap = Tap()
    with Orchestra() as stage, Operaglass() as og:
        case = Case(tap, og, stage)
        for test in (test_codes, test_signals, test_out_of_memory, test_threads, test_spawning, test_names, test_defaults,
                     test_relaunch):
            test(case)
    tap.done()


if __name__ == "__main__":
    main()
