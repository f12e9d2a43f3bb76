#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: the new configuration is in force at once, a bad one leaves the old one, counters go on."""
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from harness import Child, Operaglass, Tap

SCRIPT = "#!/bin/sh\nread line\nexit 0\n"
ONE = """
agents:
  - type: first-agent
    names: [first-agent]
"""
TWO = """
agents:
  - type: second-agent
    names: [second-agent]
  - type: first-agent
    names: [first-agent]
"""
WITHOUT = """
agents:
  - type: second-agent
    names: [second-agent]
"""
BAD = """
agents:
  - type: third-agent
    names: [third-agent]
    relaunch: true
"""
LIMITS = (
    ONE
    + """
limits:
  tools: 77
"""
)


class Agents:
    """Programs of any name that live until they are told to end."""

    def __init__(self, directory):
        self.directory, self.living = directory, []

    def start(self, name):
        path = f"{self.directory}/{name}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(SCRIPT)
        os.chmod(path, 0o755)
        process = Child([path], stdin=subprocess.PIPE)
        self.living.append(process)
        return process

    def end(self, process):
        process.stdin.close()
        process.wait(5)
        self.living.remove(process)

    def close(self):
        for process in list(self.living):
            self.end(process)


def reload(og, config, words):
    """Writes the file, sends the signal, waits for a new log line that holds these words; whether it came."""
    with open(og.directory + "/config.yml", "w", encoding="utf-8") as file:
        file.write(config)
    before = og.logs().count(words)
    og.process.send_signal(signal.SIGHUP)
    limit = time.monotonic() + 5
    while og.logs().count(words) == before and time.monotonic() < limit:
        time.sleep(0.01)
    return og.logs().count(words) == before + 1


def starts(metrics, kind):
    return metrics.value("orchestrate_agent_starts_total", type=kind)


def alive(metrics, kind):
    return metrics.total("orchestrate_agents", type=kind)


def check_agents(tap, og, agents):
    agents.end(agents.start("first-agent"))
    got = og.wait(lambda m: starts(m, "first-agent") == 1)
    tap.equal("an agent of the first configuration is counted", starts(got, "first-agent"), 1)
    early = agents.start("second-agent")
    known = starts(og.metrics(), "second-agent")
    tap.equal("an agent that nobody configured is not", known, 0)

    tap.ok("a new configuration is read and said to be", reload(og, TWO, "reloaded"), og.logs())
    got = og.wait(lambda m: alive(m, "second-agent") == 1)
    tap.equal("an agent that ran before its rule is found", alive(got, "second-agent"), 1)
    agents.end(early)
    known = starts(got, "second-agent")
    agents.end(agents.start("second-agent"))
    got = og.wait(lambda m: starts(m, "second-agent") == known + 1)
    tap.equal(
        "an agent that starts under the new rule is counted",
        starts(got, "second-agent"),
        known + 1,
    )
    agents.end(agents.start("first-agent"))
    got = og.wait(lambda m: starts(m, "first-agent") == 2)
    tap.equal("the other's counter goes on, whatever the order", starts(got, "first-agent"), 2)

    tap.ok("a configuration without it is read", reload(og, WITHOUT, "reloaded"), og.logs())
    agents.end(agents.start("first-agent"))
    agents.end(agents.start("second-agent"))
    got = og.wait(lambda m: starts(m, "second-agent") == known + 2)
    tap.equal("its agents are no longer counted", starts(got, "first-agent"), 2)
    tap.ok("it comes back", reload(og, TWO, "reloaded"), og.logs())
    agents.end(agents.start("first-agent"))
    got = og.wait(lambda m: starts(m, "first-agent") == 3)
    tap.equal("and goes on where it was", starts(got, "first-agent"), 3)


def post(og, token):
    """The status of an event that is sent to the web address with this token."""
    request = urllib.request.Request(
        og.url + "/api/v1/events",
        data=b'{"type": "queue.depth", "queue": "q", "depth": 1}',
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def check_tokens(tap, og):
    one, two = "the-first-token-1", "the-second-token-2"
    path = og.directory + "/token"

    def put(text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def until(condition):
        limit = time.monotonic() + 6
        while not condition() and time.monotonic() < limit:
            time.sleep(0.05)
        return condition()

    tap.equal("without a token the web address takes no events", post(og, one), 403)
    put(one)
    said = reload(og, TWO + f"events:\n  token_file: {path}\n", "reloaded")
    tap.ok("a configuration with a token file is read", said, og.logs())
    tap.ok("its token is good", until(lambda: post(og, one) == 200))
    tap.equal("another is not", post(og, two), 401)
    put(two)
    tap.ok("a changed file is in force without a signal", until(lambda: post(og, two) == 200))
    tap.equal("and the old token is not", post(og, one), 401)
    put("short")
    words = f"cannot use events.token_file '{path}': a token of less than 16 bytes can be guessed"
    tap.ok("a bad file is named", until(lambda: words in og.logs()), og.logs())
    tap.equal("and what it held before stays in force", post(og, two), 200)
    tap.ok("a configuration without it is read", reload(og, TWO, "reloaded"), og.logs())
    tap.ok("and the web address takes none", until(lambda: post(og, two) == 403))

    def audited():
        with urllib.request.urlopen(og.url + "/api/audit?limit=100", timeout=5) as answer:
            rows = json.load(answer)["entries"]
        return [
            row["details"] for row in rows if row["details"] == {"changed": ["events.token_file"]}
        ]

    until(lambda: len(audited()) >= 3)
    tap.equal("each change is in the audit log, without its value", len(audited()), 3)
    tap.ok("no token is in a log line", one not in og.logs() and two not in og.logs())
    tap.equal("it was said once", og.logs().count(words), 1)


def check_bad(tap, og, agents):
    line = f"{og.directory}/config.yml:5:5: "
    said = reload(og, BAD, "the old configuration stays in force")
    tap.ok("a bad file is refused and said to be", said, og.logs())
    tap.ok("with file, line and column", line in og.logs(), og.logs())
    agents.end(agents.start("first-agent"))
    got = og.wait(lambda m: starts(m, "first-agent") == 4)
    tap.equal("the old configuration is in force", starts(got, "first-agent"), 4)
    os.unlink(og.directory + "/config.yml")
    og.process.send_signal(signal.SIGHUP)
    limit = time.monotonic() + 5
    words = "config.yml: cannot open the configuration: No such file or directory"
    while words not in og.logs() and time.monotonic() < limit:
        time.sleep(0.01)
    tap.ok(
        "a file that is gone is said to be, and the old one stays", words in og.logs(), og.logs()
    )


def check_limits(tap, og, agents):
    said = reload(og, LIMITS, "limits and histograms change at the next start only")
    tap.ok("a limit that changes is said to need a start", said, og.logs())
    agents.end(agents.start("first-agent"))
    got = og.wait(lambda m: starts(m, "first-agent") == 5)
    tap.equal("and the counters go on", starts(got, "first-agent"), 5)
    tap.equal("it is as ready as before", og.get("/-/ready")[0], 200)
    og.process.send_signal(signal.SIGTERM)
    og.process.wait(5)
    og.start()
    metrics = og.metrics()
    tap.ok(
        "the start replaces the programs", "its counters start again at 0" in og.logs(), og.logs()
    )
    tap.equal(
        "the table has its new size", metrics.value("operaglass_bpf_map_capacity", map="tools"), 77
    )
    tap.equal("counters start again at 0", starts(metrics, "first-agent"), 0)


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="og-test-") as directory:
        agents = Agents(directory)
        try:
            with Operaglass(ONE) as og:
                check_agents(tap, og, agents)
                check_tokens(tap, og)
                check_bad(tap, og, agents)
                check_limits(tap, og, agents)
        finally:
            agents.close()
    tap.done()


if __name__ == "__main__":
    main()
