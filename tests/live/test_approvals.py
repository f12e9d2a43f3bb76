#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""An agent asks a human: it waits, the time counts, the message is found, the decision ends it."""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

from harness import Child, Operaglass, Tap
from stage import Stage, wait_for

TYPE = "asking-agent"
TOKEN = "7000000001:AAE-operaglass-test-token"
CONFIG = f"""
agents:
  - type: {TYPE}
    names: [{TYPE}]
  - type: other-agent
    names: [other-agent]
approvals:
  timeout: 30m
"""
# Reads lines: "ask ID", "tool", "send QUERY"; answers "done". Reports with its own pid, sends through curl,
# and says the pid of the tool that it starts.
AGENT = r"""#!/usr/bin/python3
import json, os, socket, subprocess, sys
events, ca, token = sys.argv[1:]
speaker = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for line in sys.stdin:
    word, _, rest = line.strip().partition(" ")
    if word == "ask":
        event = {"type": "approval.requested", "approval_id": rest, "pid": os.getpid(), "tool": "Bash"}
        speaker.sendto(json.dumps(event).encode(), events)
    elif word == "tool":
        print(subprocess.Popen(["sleep", "600"]).pid, flush=True)
    else:
        url = f"https://api.telegram.org/bot{token}/sendMessage?{rest}"
        subprocess.run(["curl", "-sS", "--http1.1", "--cacert", ca, "-o", "/dev/null", "-d", "x", url],
                       stdin=subprocess.DEVNULL, check=True)
    print("done", flush=True)
"""


class Agent:
    """A process of a configured type, in the client's network, that does what it is told."""

    def __init__(self, stage, og, directory, name):
        path = f"{directory}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(AGENT)
        os.chmod(path, 0o755)
        command = stage.network.in_client([path, f"{og.directory}/events.sock", stage.ca, TOKEN])
        self.process = Child(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.tools = []

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        if self.process.line() != "done\n":
            raise RuntimeError(f"the agent did not {line}")

    def tool(self):
        """Starts a tool that stays; its pid."""
        self.process.stdin.write("tool\n")
        self.process.stdin.flush()
        self.tools.append(int(self.process.line()))
        if self.process.line() != "done\n":
            raise RuntimeError("the agent did not start a tool")
        return self.tools[-1]

    def end(self):
        for pid in self.tools:
            os.kill(pid, signal.SIGKILL)
        self.tools.clear()
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def pending(og):
    with urllib.request.urlopen(og.url + "/api/approvals", timeout=5) as answer:
        return {row["approval_id"]: row for row in json.load(answer)["approvals"]}


def say(og, **event):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        speaker.sendto(json.dumps(event).encode(), f"{og.directory}/events.sock")


def waiting(metrics, agent_type=TYPE):
    return metrics.value("orchestrate_agents", type=agent_type, state="waiting")


def blocked(metrics, agent_type=TYPE):
    return metrics.value("orchestrate_agent_blocked_seconds_total", type=agent_type)


def message(og, approval, state):
    """The approval's message, once it is in that state."""

    def look():
        row = pending(og).get(approval)
        return row["message"] if row and row["message"]["state"] == state else None

    return wait_for(look, 5, f"{approval}: message {state}")


def test_waits(tap, og, agent):
    tap.equal("nobody waits at first", waiting(og.metrics()), 0)
    agent.tell("ask ap-1")
    got = og.wait(lambda m: waiting(m) == 1, 5)
    tap.equal("an agent that asked counts as waiting", waiting(got), 1)
    tap.equal("and not as running", got.value("orchestrate_agents", type=TYPE, state="running"), 0)
    tap.equal("the other agent runs", waiting(got, "other-agent"), 0)
    row = pending(og)["ap-1"]
    tap.equal("the approval says whose it is", row["agent"]["type"], TYPE)
    tap.equal("and the tool that asks", row["tool"], "Bash")
    tap.equal("its message was not seen yet", row["message"]["state"], "not_seen")


def test_pid_field(tap, og, agent):
    """This test's own process is nobody's: only the pid that it names can lead to an agent."""
    say(og, type="approval.requested", approval_id="of-nobody", tool="Bash")
    say(og, type="approval.requested", approval_id="of-agent", tool="Bash", pid=agent.process.pid)
    say(og, type="approval.requested", approval_id="of-tool", tool="Bash", pid=agent.tool())
    asked = {"of-nobody", "of-agent", "of-tool"}
    rows = wait_for(lambda: (got := pending(og)).keys() >= asked and got, 5, "three approvals")
    whose = {name: (row["agent"]["root"], row["agent"]["type"]) for name, row in rows.items()}
    root = (agent.process.pid, TYPE)
    tap.equal("who asks itself belongs to its own tree", whose["ap-1"], root)
    tap.equal("who names no pid and is no agent's asks for no agent", whose["of-nobody"], (0, ""))
    tap.equal("a pid that is named leads to its agent", whose["of-agent"], root)
    tap.equal("a tool's pid leads to the root of its tree", whose["of-tool"], root)
    for approval in asked:
        say(og, type="approval.cancelled", approval_id=approval)
    wait_for(lambda: not pending(og).keys() & asked, 5, "their end")


def test_blocked_time(tap, og):
    begin, first = time.monotonic(), blocked(og.metrics())
    wait_for(lambda: time.monotonic() - begin > 1.5, 3, "a second and a half")
    second, end = blocked(og.metrics()), time.monotonic()
    tap.within(
        "while it waits its blocked time is the clock's",
        second - first,
        end - begin - 0.1,
        end - begin + 0.1,
    )


def test_message(tap, og, stage, agent, other):
    other.tell("send size=10")
    agent.tell("send delay=300")
    truth = stage.truth(2)
    got = message(og, "ap-1", "delivered")
    tap.within("the agent's message is linked, with its time", got["seconds"], 0.3, 0.4)
    tap.equal("two messages were sent", len(truth), 2)


def test_failed_message(tap, og, stage, agent, other):
    agent.tell("ask ap-2")
    wait_for(lambda: "ap-2" in pending(og), 5, "the second approval")
    other.tell("send size=10")
    agent.tell("send status=429&retry_after=1")
    stage.truth(2)
    message(og, "ap-2", "failed")
    tap.ok("a message that was refused is seen to have failed", True)
    other.tell("ask ap-3")
    wait_for(lambda: "ap-3" in pending(og), 5, "the third approval")
    agent.tell("send size=10")
    stage.truth(1)
    got = og.wait(
        lambda m: m.value("orchestrate_agents", type="other-agent", state="waiting") == 1, 5
    )
    tap.equal("the other agent waits, too", waiting(got, "other-agent"), 1)
    tap.equal(
        "another agent's message is not its message",
        pending(og)["ap-3"]["message"]["state"],
        "not_seen",
    )


def test_decided_at_once(tap, og, stage, agent):
    """A message is read once a second; one whose approval is decided before that is not lost."""
    before = og.metrics()
    for n in range(5):
        agent.tell(f"ask at-once-{n}")
        agent.tell("send size=10")
        say(og, type="approval.accepted", approval_id=f"at-once-{n}")
    stage.truth(5)
    og.wait(lambda m: (m - before).total("escalation_approvals_accepted_total") == 5, 5)
    tap.equal(
        "five approvals that are decided as soon as they are sent have five messages",
        (og.last - before).by("escalation_messages_total", "outcome"),
        {("delivered",): 5},
    )


def still(og, agent_type):
    """Whether its blocked time is the same after half a second."""
    first, begin = blocked(og.metrics(), agent_type), time.monotonic()
    wait_for(lambda: time.monotonic() - begin > 0.5, 2, "half a second")
    return blocked(og.metrics(), agent_type) == first


def test_decisions(tap, og):
    say(og, type="approval.accepted", approval_id="ap-1")
    wait_for(lambda: "ap-1" not in pending(og), 5, "the first decision")
    tap.equal("with one of two decided the agent still waits", waiting(og.metrics()), 1)
    say(og, type="approval.rejected", approval_id="ap-2", reason="no")
    got = og.wait(lambda m: waiting(m) == 0, 5)
    tap.equal("with both decided it does not", waiting(got), 0)
    tap.ok("and its blocked time stands still", still(og, TYPE))
    tap.equal("six approvals were accepted", got.total("escalation_approvals_accepted_total"), 6)
    tap.equal("and one rejected", got.total("escalation_approvals_rejected_total"), 1)


def test_end_of_agent(tap, og, other):
    tap.ok("its blocked time grows while it lives", not still(og, "other-agent"))
    other.end()
    got = og.wait(lambda m: waiting(m, "other-agent") == 0, 5)
    tap.equal("an agent that ended waits no longer", waiting(got, "other-agent"), 0)
    wait_for(lambda: still(og, "other-agent"), 5, "the end of blocked time")
    tap.ok("its blocked time stands still", still(og, "other-agent"))
    tap.equal("its approval still waits", sorted(pending(og)), ["ap-3"])


def main():
    tap = Tap()
    directory = tempfile.mkdtemp(prefix="og-approvals-")
    os.chmod(directory, 0o755)
    try:
        with Stage("approvals") as stage, Operaglass(CONFIG) as og:
            agent = Agent(stage, og, directory, TYPE)
            other = Agent(stage, og, directory, "other-agent")
            try:
                og.wait(lambda m: m.total("orchestrate_agents", state="running") >= 2, 5)
                test_waits(tap, og, agent)
                test_pid_field(tap, og, agent)
                test_blocked_time(tap, og)
                test_message(tap, og, stage, agent, other)
                test_failed_message(tap, og, stage, agent, other)
                test_decided_at_once(tap, og, stage, agent)
                test_decisions(tap, og)
                test_end_of_agent(tap, og, other)
                logs = og.logs()
                tap.ok("the bot's token is in no log line", TOKEN not in logs, logs)
            finally:
                for one in (agent, other):
                    if one.process.poll() is None:
                        one.end()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    tap.done()


if __name__ == "__main__":
    main()
