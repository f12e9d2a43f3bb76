# SPDX-License-Identifier: Apache-2.0
"""A directory of make-believe agents and tools for tests of processes, and what /metrics says of them."""
import os
import shutil
import signal
import subprocess
import tempfile

from harness import BUILD, Child

PLAY = BUILD + "/tools/live/process_play"
EXITS, STARTS = "orchestrate_agent_exits_total", "orchestrate_agent_starts_total"
TOOLS = "orchestrate_tool_executions_total"


class Orchestra:
    """Programs under any name; removed with everything that still runs on leaving the context."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="og-processes-")
        self.children = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        for pid in self.running():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def running(self, *parts):
        """Pids of everything that runs an image of this directory, or this one."""
        wanted = os.path.join(self.directory, *parts)
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                image = os.readlink(f"/proc/{entry}/exe").removesuffix(" (deleted)")
            except OSError:
                continue
            if image == wanted or (not parts and image.startswith(wanted + "/")):
                found.append(int(entry))
        return found

    def path(self, *parts):
        path = os.path.join(self.directory, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def play(self, name):
        """tests/live/process_play.c under this name."""
        path = self.path(name)
        if not os.path.exists(path):
            shutil.copy(PLAY, path)
        return path

    def script(self, name, text):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def start(self, *command, **more):
        """Output is a pipe; a child of its own is this process's to reap."""
        more.setdefault("stdin", subprocess.DEVNULL)
        child = Child([str(part) for part in command], stdout=subprocess.PIPE, cwd=self.directory, **more)
        self.children.append(child)
        return child

    def ready(self, *command, **more):
        """Starts it and waits for its line: Popen alone returns while the kernel is still within the exec."""
        child = self.start(*command, **more)
        if not child.line():
            raise RuntimeError(f"{command}: it never said that it is ready")
        return child

    def run(self, *command, **more):
        """Waits for the end; returns the exit code (negative: the signal)."""
        return self.start(*command, **more).wait(30)


def exits(metrics, agent="claude-code"):
    """{(reason, code): count}"""
    return metrics.by(EXITS, "reason", "code", type=agent)


def tools(metrics, agent="claude-code"):
    """{(tool, reason): count}"""
    return metrics.by(TOOLS, "tool", "reason", type=agent)


def starts(metrics, agent="claude-code"):
    return metrics.value(STARTS, type=agent)
