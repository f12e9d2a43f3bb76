#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reports of what was said and seen: cost, budget, agents, audit; the same from the command line and over HTTP, to the
last number, and after kill -9 of the exporter, which counts nothing twice."""
import calendar
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from api import Client, exposition
from harness import BUILD, Child, Operaglass, Tap

TYPE = "report-agent"
CONFIG = f"""
agents:
  - type: {TYPE}
    names: [{TYPE}]
time_zone: UTC
costs:
  monthly_budget_usd: 96
  prices:
    - {{model: test-large, input: 3, output: 15, cache_read: 0.3, cache_write: 3.75}}
    - {{model: "test-small-*", input: 0.5, output: 1.5, cache_read: 0.05, cache_write: 0.5}}
metrics:
  - name: review_findings_total
    type: counter
    help: Findings of the review bot.
    labels: [severity]
"""
# Two tools, the second of which fails; then it waits for the end of its input.
AGENT = "#!/bin/bash\n/bin/true\n/bin/false\nread -r line\nexit \"${1:-0}\"\n"
TOKENS = [
    {"agent_type": TYPE, "model": "test-large", "input": 1000000, "output": 100000, "epic": "checkout", "story": "s-1"},
    {"agent_type": "codex", "model": "test-small-2", "input": 500000, "cache_read": 1000000, "epic": "checkout",
     "story": "s-2"},
    {"agent_type": "codex", "model": "nobody-knows-it", "input": 12345, "epic": "search"},
]  # fmt: skip
TASKS = [
    (TYPE, "test-large", "success", 1),
    (TYPE, "test-large", "success", 2),
    (TYPE, "test-large", "success", 3),
    (TYPE, "test-large", "success", 4),
    (TYPE, "test-large", "failure", 10),
    ("codex", "test-small-2", "success", 8),
    ("codex", "test-small-2", "success", 8),
]
METRIC = {"name": "basket_seconds", "type": "histogram", "help": "Time to a basket.", "labels": ["shop"],
          "buckets": [1, 10]}  # fmt: skip

tap = Tap()


class Command:
    """`operaglass ...` on the state and the sockets of a running one."""

    def __init__(self, og):
        self.state = f"--state.dir={og.directory}/state"
        self.socket = f"--events.stream-socket={og.directory}/api.sock"

    def run(self, *words, text=None, expected=0):
        result = subprocess.run(
            [f"{BUILD}/operaglass", *words],
            input=text or "",
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "TZ": "UTC"},
            check=False,
        )
        if result.returncode != expected:
            raise RuntimeError(f"{words}: {result.returncode}: {result.stdout}{result.stderr}")
        return result.stdout

    def emit(self, *events):
        self.run("emit", self.socket, text="".join(json.dumps(event) + "\n" for event in events))

    def report(self, *words):
        return json.loads(self.run(*words, "--json", self.state))

    def search(self, *words):
        lines = self.run("audit", "search", "--json", self.state, *words).splitlines()
        return [json.loads(line) for line in lines]


class Agent:
    def __init__(self, path, code):
        self.process = Child([path, str(code)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def end(self):
        self.process.stdin.close()
        return self.process.wait(10)


def kill_exporter(og, command):
    """Returns when a new one is ready, and has on disk what it counted when it began: events keep their order."""
    old = og.exporter()
    os.kill(old, signal.SIGKILL)
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        try:
            if og.exporter() != old:
                og.wait_ready()
                return command.emit({"type": "queue.depth", "queue": "barrier", "depth": 0})
        except (IndexError, OSError):
            pass
        time.sleep(0.01)
    raise RuntimeError("the exporter was not started again")


def rows(report, *names):
    return [tuple(row[name] for name in names) for row in report["rows"]]


def forecast_now(total):
    """What report_cost.c says it is: all of it was spent in the last week, today and six days."""
    now = time.time()
    date = time.gmtime(now)
    today = (now % 86400) / 86400
    left = calendar.monthrange(date.tm_year, date.tm_mon)[1] - (date.tm_mday - 1 + today)
    return total + total / (6 + today) * left


def check_cost(command, client):
    command.emit(*({"type": "tokens.used", **use} for use in TOKENS))
    report = command.report("cost", "report")
    tap.equal(
        "tokens are priced by model, an unknown one is counted and costs nothing",
        rows(report, "model", "events", "input_tokens", "output_tokens", "cache_read_tokens", "cost_usd", "unpriced_events"),
        [
            ("test-large", 1, 1000000, 100000, 0, 4.5, 0),
            ("test-small-2", 1, 500000, 0, 1000000, 0.3, 0),
            ("nobody-knows-it", 1, 12345, 0, 0, 0, 1),
        ],
    )
    tap.equal("the sum is exact", report["total_usd"], 4.8)
    tap.equal("shares are of the sum", [row["share"] for row in report["rows"]], [0.9375, 0.0625, 0])
    tap.within("the forecast goes on as the week went", report["forecast_usd"], forecast_now(4.8) - 0.01,
               forecast_now(4.8) + 0.01)  # fmt: skip
    for by, expected in [
        ("agent", [(TYPE, 4.5), ("codex", 0.3)]),
        ("epic", [("checkout", 4.8), ("search", 0)]),
        ("story", [("s-1", 4.5), ("s-2", 0.3), ("", 0)]),
    ]:
        tap.equal(f"by {by}", rows(command.report("cost", "report", f"--by={by}"), by, "cost_usd"), expected)
    got = exposition(client)
    tap.equal("the metric says the same", got[f'orchestrate_cost_usd_total{{model="test-large",agent_type="{TYPE}"}}'], 4.5)
    tap.equal("and so it does of what has no price", got['orchestrate_unpriced_tokens_total{model="nobody-knows-it"}'], 12345)


def check_budget(command, client):
    report = client.get("/api/cost/report").json()
    tap.equal("the configured budget is in the report", (report["budget_usd"], report["budget_used_ratio"]), (96, 0.05))
    command.run("cost", "budget", "set", "--monthly", "48", command.socket)
    report = client.get("/api/cost/report").json()
    tap.equal("one that was set goes before it", (report["budget_usd"], report["budget_used_ratio"]), (48, 0.1))
    tap.equal("the command line says the same", command.report("cost", "report")["budget_usd"], 48)
    tap.equal("and the metric", exposition(client)["orchestrate_budget_used_ratio"], 0.1)
    command.run("cost", "budget", "set", "--monthly", "-1", command.socket, expected=2)


def run_agents(og, command, path):
    """Two agents: one asks a human, waits and succeeds; one fails. Returns the bounds of the blocked time."""
    before = og.metrics()
    asking, failing = Agent(path, 0), Agent(path, 3)
    og.wait(lambda m: m.total("orchestrate_tool_executions_total", type=TYPE) == 4, 10, since=before)
    request = {"type": "approval.requested", "approval_id": "ap-1", "pid": asking.process.pid}
    begin = time.monotonic()
    command.emit(request)
    asked = time.monotonic()
    og.wait(lambda m: m.value("orchestrate_agents", type=TYPE, state="waiting") == 1, 5)
    time.sleep(0.3)  # a time to be measured, not a wait for anything
    decided = time.monotonic()
    command.emit({"type": "approval.accepted", "approval_id": "ap-1", "actor": "ada"})
    end = time.monotonic()
    tap.equal("the agents end as they should", (asking.end(), failing.end()), (0, 3))
    og.wait(lambda m: m.total("orchestrate_agent_exits_total", type=TYPE) == 2, 5, since=before)
    return decided - asked, end - begin


def agent_rows(report):
    return {(row["agent_type"], row["model"]): row for row in report["agents"]}


def when_ended(command, count):
    """The analytics once so many ends of agents are in the journal."""
    limit = time.monotonic() + 10
    while True:
        found = agent_rows(command.report("analytics", "agents"))
        row = found.get((TYPE, ""))
        if row and row["kernel"]["exits"] == count or time.monotonic() > limit:
            return found
        time.sleep(0.1)


def check_analytics(og, command, client, path):
    blocked = run_agents(og, command, path)
    command.emit(*({"type": "task.completed", "agent_type": a, "model": m, "outcome": o, "duration_seconds": s}
                   for a, m, o, s in TASKS))  # fmt: skip
    when_ended(command, 2)
    kill_exporter(og, command)  # what it counts now and then is counted by the next one
    found = when_ended(command, 2)
    tap.equal("a row for each type, and for each of its models", sorted(found), sorted(
        [("codex", ""), ("codex", "test-small-2"), ("codex", "nobody-knows-it"), (TYPE, ""), (TYPE, "test-large")]
    ))  # fmt: skip
    reported = found[TYPE, "test-large"]["reported"]
    p95 = reported.pop("p95_seconds")
    tap.equal("tasks are counted, and their mean and tokens", reported, {
        "runs": 5, "success_rate": 0.8, "mean_seconds": 4, "tokens_per_task": 220000, "blocked_seconds": None
    })  # fmt: skip
    tap.within("p95 is right to 7 %", p95, 9.3, 10.7)
    kernel = found[TYPE, ""]["kernel"]
    cpu = kernel.pop("cpu_seconds")
    tap.equal("beside them what the kernel saw: ends of agents and of their tools", kernel, {
        "exits": 2, "failed_exits": 1, "tool_runs": 4, "tool_failures": 2
    })  # fmt: skip
    tap.within("and their CPU", cpu, 0.0001, 5)
    tap.within("the time that the agent waited", found[TYPE, ""]["reported"]["blocked_seconds"], *blocked)
    tap.equal("a model's row has no facts of the kernel", found["codex", "test-small-2"]["kernel"], None)
    answer = client.get("/api/analytics/agents").json()
    tap.equal("the answer over HTTP is the same", agent_rows(answer), agent_rows(command.report("analytics", "agents")))
    return kernel


def check_restarts(og, command, path, kernel):
    kill_exporter(og, command)
    found = when_ended(command, 2)
    got = {name: found[TYPE, ""]["kernel"][name] for name in kernel}
    tap.equal("a second kill -9 counts no tool twice", got, kernel)
    agent = Agent(path, 0)
    og.wait(lambda m: m.total("orchestrate_tool_executions_total", type=TYPE) == 6, 10)
    agent.end()
    og.wait(lambda m: m.total("orchestrate_agent_exits_total", type=TYPE) == 3, 5)
    when_ended(command, 3)
    og.stop()
    og.start()
    command.emit({"type": "queue.depth", "queue": "barrier", "depth": 0})
    found = when_ended(command, 3)
    tap.equal("a stop counts what has ended, a start with new maps begins at 0", found[TYPE, ""]["kernel"]["tool_runs"], 6)
    tap.equal("and the failures", found[TYPE, ""]["kernel"]["tool_failures"], 3)


def check_while_dead(og, command, path):
    """The kernel counts on while nothing of Operaglass lives."""
    os.killpg(og.process.pid, signal.SIGKILL)
    og.process.wait(10)
    agent = Agent(path, 0)
    agent.end()
    og.log.close()
    og.start()
    command.emit({"type": "queue.depth", "queue": "barrier", "depth": 0})
    found = when_ended(command, 4)
    got = {name: found[TYPE, ""]["kernel"][name] for name in ("exits", "failed_exits", "tool_runs", "tool_failures")}
    tap.equal("what ended while nothing ran is counted, once", got, {
        "exits": 4, "failed_exits": 1, "tool_runs": 8, "tool_failures": 4
    })  # fmt: skip


def check_custom(og, command, client):
    tap.equal("a metric is declared over HTTP", client.post("/api/v1/metrics", METRIC).status, 201)
    metric = {"type": "metric", "name": "review_findings_total", "labels": {"severity": "high"}}
    basket = {"type": "metric", "name": "basket_seconds", "labels": {"shop": "north"}}
    command.emit({**metric, "value": 2}, {**metric, "value": 3}, {**basket, "value": 0.5}, {**basket, "value": 7})
    names = ('review_findings_total{severity="high"}', 'basket_seconds_bucket{shop="north",le="1.0"}',
             'basket_seconds_count{shop="north"}', 'basket_seconds_sum{shop="north"}')  # fmt: skip
    values = exposition(client)
    tap.equal("both count", [values.get(name) for name in names], [5, 1, 2, 7.5])
    kill_exporter(og, command)
    values = exposition(client)
    tap.equal("both survive kill -9", [values.get(name) for name in names], [5, 1, 2, 7.5])
    tap.equal("the declaration, too", client.post("/api/v1/metrics", METRIC).status, 200)
    command.emit({**metric, "value": 1}, {**basket, "value": 1})
    values = exposition(client)
    tap.equal("and they go on", [values.get(name) for name in names], [6, 2, 3, 8.5])


def check_audit(command):
    command.emit({"type": "audit", "actor": "ada", "action": "deploy", "resource": "production", "details": {"build": 7}})
    found = command.search("--action=deploy")
    tap.equal("an audit event is found", [(row["resource"], row["details"]) for row in found], [("production", {"build": 7})])
    tap.equal("by its text, too", len(command.search("--text=production")), 1)
    tap.equal("every start of an agent has a row", len(command.search("--action=agent.started", f"--resource={TYPE}")), 4)
    ends = command.search("--action=agent.ended", f"--resource={TYPE}")
    reasons = sorted(row["details"]["reason"] for row in ends)
    tap.equal("and every end, with its reason", reasons, ["error"] + ["success"] * 3)
    tap.equal("and the decision", [row["resource"] for row in command.search("--action=approval.accepted")], ["ap-1"])
    tap.equal("and the budget", [row["details"] for row in command.search("--action=budget.set")], [{"amount": 48000000}])
    count = len(command.search("--limit=10000"))
    tap.equal("the log is whole", command.run("audit", "verify", command.state), f"whole: {count} rows\n")


def main():
    directory = tempfile.mkdtemp(prefix="og-reports-")
    path = f"{directory}/{TYPE}"
    try:
        os.chmod(directory, 0o755)
        with open(path, "w", encoding="utf-8") as file:
            file.write(AGENT)
        os.chmod(path, 0o755)
        with Operaglass(CONFIG) as og:
            command, client = Command(og), Client(og.port, og.directory + "/api.sock")
            check_cost(command, client)
            check_budget(command, client)
            kernel = check_analytics(og, command, client, path)
            check_custom(og, command, client)
            check_restarts(og, command, path, kernel)
            check_while_dead(og, command, path)
            check_audit(command)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    tap.done()


if __name__ == "__main__":
    main()
