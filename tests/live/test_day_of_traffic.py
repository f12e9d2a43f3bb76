#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""24 hours of traffic in at most two minutes: half a million events of every type, dated over the last day, through the
unix socket. Every sum is exact at the end; memory, descriptors and the journal stay bounded at every look."""
import datetime
import glob
import json
import os
import re
import subprocess
import threading
import time

from api import Client, UnixConnection
from harness import BUILD, Operaglass, Tap

EVENTS, BATCH, SECONDS_MAX = 500_000, 2500, 120
APPROVALS = 20_000
KIB_MAX, LOOK_SECONDS = 40 * 1024, 0.1
JOURNAL_MIB = 32
# The write-ahead log comes on top of what is kept: what a few groups write before it is brought back.
JOURNAL_MAX = (JOURNAL_MIB + 16) * 1024 * 1024
DAY, MARGIN = 86400, 300  # events may be 24 hours old; the test itself takes a while
PENDING_SECONDS = 2 * DAY  # of an approval that waits or is decided; the others have 30 minutes
CONFIG = f"""
time_zone: UTC
events:
  sender_rate: {{per_second: 1000000, burst: 1000000}}
  total_rate: {{per_second: 1000000, burst: 1000000}}
journal:
  max_size: {JOURNAL_MIB}MiB
costs:
  prices:
    - {{model: day-model, input: 2, output: 10}}
metrics:
  - name: day_orders_total
    type: counter
    help: Orders of a day.
    labels: [shop]
"""
OUTCOMES = ("success", "failure", "success", "success")
# One round of everything but approvals: type and the function of the round's number that gives its fields.
ROUND = [
    ("sms.received", lambda n: {"outcome": OUTCOMES[n % 4]}),
    ("sms.received", lambda n: {"outcome": "success", "session_id": f"s-{n % 1000}"}),
    ("sms.sent", lambda n: {"outcome": OUTCOMES[n % 4]}),
    ("ai.response", lambda n: {"outcome": "success", "duration_seconds": n % 8 / 4}),
    ("payment_plan", lambda n: {"outcome": OUTCOMES[n % 4]}),
    ("escalation.raised", lambda n: {"kind": "billing", "severity": ("low", "high")[n % 2]}),
    ("escalation.resolved", lambda n: {}),
    ("workflow.step", lambda n: {"step": "triage", "outcome": "success", "duration_seconds": 0.5}),
    ("tokens.used", lambda n: {"model": "day-model", "agent_type": "codex", "input": 1000, "output": n % 10}),
    ("task.completed", lambda n: {"outcome": OUTCOMES[n % 4], "agent_type": "codex", "duration_seconds": 2}),
    ("queue.depth", lambda n: {"queue": "inbox", "depth": n % 100}),
    ("telegram.retry", lambda n: {"endpoint": "sendMessage", "attempt": 1}),
    ("circuit_breaker.state", lambda n: {"service": "sms", "state": ("open", "closed")[n % 2]}),
    ("service.health", lambda n: {"service": "worker", "healthy": True}),
    ("pull_request.merged", lambda n: {"duration_seconds": 3600}),
    ("code_review.done", lambda n: {"duration_seconds": 60}),
    ("deployment", lambda n: {"environment": "production", "outcome": "success"}),
    ("recovery", lambda n: {"duration_seconds": 120}),
    ("story", lambda n: {"outcome": "success", "story": f"s-{n % 50}"}),
    ("metric", lambda n: {"name": "day_orders_total", "value": 2, "labels": {"shop": ("north", "south")[n % 2]}}),
]
AUDITS = 1000
# Of ten approvals come 18 events.
ROUNDS = (EVENTS - APPROVALS * 18 // 10 - AUDITS) // len(ROUND)


class Day:
    """The events in the order of their times, and what was said."""

    def __init__(self):
        self.start = time.time() - DAY + MARGIN
        self.span = DAY - MARGIN
        self.counts, self.fates, self.sent = {}, {}, 0

    def event(self, type_name, at, **fields):
        self.counts[type_name] = self.counts.get(type_name, 0) + 1
        self.sent += 1
        return {"type": type_name, "time": round(at, 3), "id": f"day-{self.sent}", **fields}

    def approval(self, number, at):
        """A request, and what becomes of it a minute later: of ten, four are accepted (one by a machine), two
        rejected, one cancelled or reported as timed out, one waits on, two expire; one of those is decided
        when the day is over."""
        fate = number % 10
        name = f"ap-{number}"
        lasting = {} if fate >= 8 else {"timeout_seconds": PENDING_SECONDS}
        yield self.event("approval.requested", at, approval_id=name, tool="Bash", **lasting)
        if fate < 4:
            yield self.event("approval.accepted", at + 60, approval_id=name, auto=fate == 0, actor="ada")
        elif fate < 6:
            yield self.event("approval.rejected", at + 60, approval_id=name, reason="no")
        elif fate == 6:
            fate = "cancelled" if number // 10 % 2 else "reported"
            kind = {"cancelled": "approval.cancelled", "reported": "approval.timeout"}[fate]
            yield self.event(kind, at + 60, approval_id=name)
        self.fates[fate] = self.fates.get(fate, 0) + 1

    def events(self):
        approvals = 0
        for number in range(ROUNDS):
            at = self.start + self.span * number / ROUNDS
            for type_name, fields in ROUND:
                yield self.event(type_name, at, **fields(number))
            # Those that expire are to be over by now: none is younger than an hour.
            while approvals < APPROVALS * (number + 1) // ROUNDS:
                early = int(self.start + (self.span - 3600) * number / ROUNDS)
                yield from self.approval(approvals, early)
                approvals += 1
            if number % (ROUNDS // AUDITS) == 0 and self.counts.get("audit", 0) < AUDITS:
                yield self.event("audit", at, actor="ada", action="deploy", resource=f"build {number}")
        for late in range(9, APPROVALS, 10):
            yield self.event("approval.accepted", self.start + self.span, approval_id=f"ap-{late}")


class Watch(threading.Thread):
    """Looks at the exporter until it is told to stop; what it saw at most."""

    def __init__(self, og):
        super().__init__(daemon=True)
        self.pid, self.journal = og.exporter(), og.directory + "/state/journal/journal.db*"
        self.over = threading.Event()
        self.looks = self.kib = self.files = self.bytes = 0
        self.descriptors = set()

    def look(self):
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as status:
            kib = int(re.search(r"^VmRSS:\s*(\d+) kB$", status.read(), re.M)[1])
        self.kib = max(self.kib, kib)
        self.descriptors.add(len(os.listdir(f"/proc/{self.pid}/fd")))
        self.bytes = max(self.bytes, sum(os.stat(path).st_size for path in glob.glob(self.journal)))
        self.looks += 1

    def run(self):
        while not self.over.wait(LOOK_SECONDS):
            self.look()

    def settle(self):
        """The number of descriptors, once it has been the same for half a second."""
        limit, same = time.monotonic() + 10, 0
        while same < 5 and time.monotonic() < limit:
            before = set(self.descriptors)
            self.descriptors.clear()
            self.look()
            same = same + 1 if self.descriptors == before else 0
            time.sleep(LOOK_SECONDS)
        return self.descriptors.pop()

    def stop(self):
        self.over.set()
        self.join()


def batches(day):
    lines = []
    for event in day.events():
        lines.append(json.dumps(event))
        if len(lines) == BATCH:
            yield lines
            lines = []
    if lines:
        yield lines


def send(connection, lines):
    """(accepted, duplicates) of a batch; one that found the queue full is sent again."""
    while True:
        connection.request("POST", "/api/v1/events", "\n".join(lines), {"Content-Type": "application/x-ndjson"})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        if answer.status == 200:
            return body["accepted"], body["duplicates"]
        if answer.status not in (429, 503):
            raise RuntimeError(f"{answer.status}: {body}")
        time.sleep(0.05)


def play(tap, og, day):
    watch = Watch(og)
    idle = watch.settle()
    watch.start()
    connection = UnixConnection(og.directory + "/api.sock")
    begin, accepted, duplicates, last = time.monotonic(), 0, 0, []
    try:
        for lines in batches(day):
            new, known = send(connection, lines)
            accepted, duplicates, last = accepted + new, duplicates + known, lines
        seconds = time.monotonic() - begin
        again = send(connection, last)
    finally:
        watch.stop()
        connection.close()
    sent = day.sent
    print(f"# {sent} events in {seconds:.1f} s, {watch.looks} looks: at most {watch.kib} KiB resident, "
          f"{watch.bytes / 1048576:.1f} MiB of journal, {sorted(watch.descriptors)} descriptors ({idle} idle)")  # fmt: skip
    tap.ok(f"a day is played in {SECONDS_MAX} s", seconds <= SECONDS_MAX, seconds)
    tap.equal("every event is taken, none twice", (accepted, duplicates), (sent, 0))
    tap.equal("a batch that is sent again is known", again, (0, len(last)))
    tap.ok(f"the exporter had at most {KIB_MAX} KiB at each look", 0 < watch.kib <= KIB_MAX, watch.kib)
    tap.equal("one connection is one descriptor, at each look", sorted(watch.descriptors), [idle + 1])
    tap.within("the journal stayed within its size", watch.bytes, JOURNAL_MIB * 1024 * 1024, JOURNAL_MAX)
    return idle, last


def check_counters(tap, og, day, again):
    rounds = range(ROUNDS)
    failures = sum(OUTCOMES[n % 4] == "failure" for n in rounds)
    timeouts = day.fates[8] + day.fates[9] + day.fates["reported"]
    got = og.wait(lambda m: m.total("escalation_approvals_timeout_total") == timeouts, 20)
    received = {row[0]: value for row, value in got.by("operaglass_events_received_total", "type").items()}
    sent = dict(day.counts)
    for line in again:
        sent[json.loads(line)["type"]] += 1
    tap.equal("every type is counted as it was sent, what came twice, too", received, sent)
    expected = {
        "sms_messages_total": {("received", "success"): 2 * ROUNDS - failures, ("received", "failure"): failures,
                               ("sent", "success"): ROUNDS - failures, ("sent", "failure"): failures},
        "payment_plans_total": {("success",): ROUNDS - failures, ("failure",): failures},
        "ai_responses_total": {("success",): ROUNDS},
        "orchestrate_tasks_total": {("success",): ROUNDS - failures, ("failure",): failures},
        "orchestrate_tokens_total": {("day-model", "input"): 1000 * ROUNDS, ("day-model", "output"): sum(n % 10 for n in rounds)},
        "escalations_total": {("billing", "low"): (ROUNDS + 1) // 2, ("billing", "high"): ROUNDS // 2},
        "deployments_total": {("production", "success"): ROUNDS},
        "stories_total": {("success",): ROUNDS},
        "day_orders_total": {("north",): 2 * ((ROUNDS + 1) // 2), ("south",): 2 * (ROUNDS // 2)},
        "circuit_breaker_transitions_total": {("sms", "open"): (ROUNDS + 1) // 2, ("sms", "closed"): ROUNDS // 2},
        "escalation_approvals_rejected_total": {("", "no"): day.fates[4] + day.fates[5]},
    }  # fmt: skip
    labels = {
        "sms_messages_total": ("direction", "outcome"),
        "orchestrate_tokens_total": ("model", "direction"),
        "escalations_total": ("type", "severity"),
        "deployments_total": ("environment", "outcome"),
        "day_orders_total": ("shop",),
        "circuit_breaker_transitions_total": ("service", "to"),
        "escalation_approvals_rejected_total": ("session_id", "reason"),
    }
    for name, table in expected.items():
        tap.equal(f"{name} is exact", got.by(name, *labels.get(name, ("outcome",))), table)
    cost = round((2000 * ROUNDS + 10 * sum(n % 10 for n in rounds)) / 1e6, 6)
    tap.equal("the cost is exact", got.value("orchestrate_cost_usd_total", model="day-model", agent_type="codex"), cost)
    tap.equal("so is the time of the answers", (got.total("ai_response_duration_seconds_count"),
              got.total("ai_response_duration_seconds_sum")), (ROUNDS, sum(n % 8 / 4 for n in rounds)))  # fmt: skip
    return got


def check_approvals(tap, got, day):
    accepted, expired = sum(day.fates[fate] for fate in range(4)), day.fates[8] + day.fates[9]
    decided = {"accepted": accepted, "rejected": day.fates[4] + day.fates[5], "cancelled": day.fates["cancelled"],
               "timeout": expired + day.fates["reported"]}  # fmt: skip
    responses = {row[0]: int(count) for row, count in got.by("escalation_response_time_seconds_count", "result").items()}
    tap.equal("approvals are decided as they were", responses, decided)
    tap.equal("accepted ones are counted", got.total("escalation_approvals_accepted_total"), accepted)
    ignored = got.by("escalation_decisions_ignored_total", "kind")
    tap.equal("what comes too late is counted as that", ignored, {("late",): day.fates[9]})
    # Wall and boot clock are read one after the other.
    tap.within("an acceptance took its minute", got.value("escalation_response_time_seconds_sum", result="accepted"),
               60 * accepted - 0.01, 60 * accepted + 0.01)  # fmt: skip
    seconds = 1830 * expired + 60 * day.fates["reported"]
    tap.within("those that nobody decided expired half a minute after half an hour, to the second",
               got.value("escalation_response_time_seconds_sum", result="timeout"), seconds - 0.01, seconds + 0.01)  # fmt: skip
    tap.equal("the others wait", got.value("escalation_queue_size"), day.fates[7])
    tap.equal("enqueued less dequeued is what waits",
              got.value("escalation_queue_enqueue_total") - got.value("escalation_queue_dequeue_total"), day.fates[7])  # fmt: skip


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_rollups(tap, client, day):
    expected = {
        "sms_received": 2 * ROUNDS,
        "ai_responses": ROUNDS,
        "total_messages": 3 * ROUNDS + APPROVALS,
        "escalations": ROUNDS,
        "payment_plans": ROUNDS,
        "approvals": sum(day.fates[fate] for fate in range(6)),  # a human or a rule said yes or no
    }
    end = day.start + day.span + 1
    for window in ("1min", "1hour", "1day"):
        path = f"/orchestrate/metrics?window={window}&from={stamp(day.start)}&to={stamp(end)}"
        windows = client.get(path).json()["windows"]
        sums = {name: sum(row[name] for row in windows) for name in expected}
        tap.equal(f"the roll-ups of {window} add up ({len(windows)} of them)", sums, expected)


def check_journal(tap, og, client, idle):
    got = og.metrics()
    tap.ok("the oldest events are gone", got.value("operaglass_journal_removed_total") > 0)
    tap.equal("nothing was lost or failed", (got.total("operaglass_journal_failures_total"),
              got.total("operaglass_events_refused_total")), (0, 0))  # fmt: skip
    health = client.get("/health").json()
    tap.equal("all is well", health["status"], "up")
    verify = subprocess.run([f"{BUILD}/operaglass", "audit", "verify", f"--state.dir={og.directory}/state"],
                            capture_output=True, text=True, timeout=60, check=False)  # fmt: skip
    tap.ok("the audit log is whole", verify.returncode == 0 and verify.stdout.startswith("whole: "), verify)
    watch = Watch(og)
    tap.equal("no descriptor is left", watch.settle(), idle)
    tap.ok("nor memory", watch.kib <= KIB_MAX, watch.kib)


def main():
    tap = Tap()
    with Operaglass(CONFIG) as og:
        og.metrics()
        client = Client(og.port, og.directory + "/api.sock")
        day = Day()
        client.get("/orchestrate/metrics")  # SQLite keeps the descriptor of the first reader for the next one
        idle, again = play(tap, og, day)
        got = check_counters(tap, og, day, again)
        check_approvals(tap, got, day)
        check_rollups(tap, client, day)
        check_journal(tap, og, client, idle)
    tap.done()


if __name__ == "__main__":
    main()
