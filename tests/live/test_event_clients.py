#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Events from real clients: curl, Node's fetch and http, Python, a shell with `operaglass emit`."""
import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import tempfile
import time

from api import Client
from harness import BUILD, Operaglass, Tap
from stage import wait_for

BURST = 60000
TOKEN = "a-token-of-the-clients-0123456789"
BATCH = [{"type": "sms.received"}, {"type": "sms.received"}, {"type": "sms.lost"}]
LINES = "".join(json.dumps(event) + "\n" for event in BATCH)
PYTHON = """
import json, sys, urllib.error, urllib.request
url, token, kind, body = sys.argv[1:]
fields = {"Content-Type": kind, "Authorization": "Bearer " + token}
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, body.encode(), fields), timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
"""
NODE = """
const [url, token, kind, body] = process.argv.slice(1);
fetch(url, {method: 'POST', headers: {'Content-Type': kind, Authorization: 'Bearer ' + token}, body})
  .then(async (answer) => console.log(answer.status, await answer.text()));
"""
# The one-liner of README.
NODE_UNIX = """
require('http').request({socketPath: process.argv[1], path: '/api/v1/events', method: 'POST',
  headers: {'Content-Type': 'application/json'}}, r => r.resume()).end(JSON.stringify({type: 'sms.sent'}))
"""
PYTHON_UNIX = """
import json, socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(
    json.dumps({"type": "approval.requested", "approval_id": "deploy-7"}).encode(), sys.argv[1])
"""

tap = Tap()


def run(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, **more)


def curl(url, token, kind, body):
    fields = ["-H", "Content-Type: " + kind, "-H", "Authorization: Bearer " + token]
    got = run("curl", "-sS", "-w", "\n%{http_code}", *fields, "--data-binary", body, url).stdout
    text, _, status = got.rpartition("\n")
    return f"{status} {text}"


CLIENTS = {
    "curl": curl,
    "Python": lambda *words: run("/usr/bin/python3", "-c", PYTHON, *words).stdout,
    "Node's fetch": lambda *words: run("node", "-e", NODE, *words).stdout,
}


def ask(client, og, kind, body, token=TOKEN):
    """(status, the JSON of the answer)"""
    status, _, text = CLIENTS[client](og.url + "/api/v1/events", token, kind, body).partition(" ")
    return int(status or 0), json.loads(text or "null")


def received(og):
    return og.metrics().value("sms_messages_total", direction="received", outcome="unknown")


def check_web(og, client):
    before = received(og)
    one = json.dumps(BATCH[0])
    got = ask(client, og, "application/json", one)
    tap.equal(f"{client}: one object", got, (200, {"accepted": 1, "duplicates": 0}))
    for name, kind, body in (
        ("an array", "application/json", json.dumps(BATCH)),
        ("lines", "application/x-ndjson", LINES),
    ):
        status, answer = ask(client, og, kind, body)
        errors = [(error["index"], error["field"]) for error in answer["errors"]]
        got = status, answer["accepted"], errors
        tap.equal(f"{client}: {name} with a bad one", got, (207, 2, [(2, "type")]))
    status, answer = ask(client, og, "application/json", '{"type":"sms.lost"}')
    tap.equal(f"{client}: a bad one", (status, answer["error"]["code"]), (400, "unknown_type"))
    status, answer = ask(client, og, "application/json", one, "another-token-0123456789")
    tap.equal(f"{client}: a wrong token", (status, answer["error"]["code"]), (401, "unauthorized"))
    tap.equal(f"{client}: counted when it was answered", received(og) - before, 5)


# One batch, and what it makes of families that nothing else here is about.
REPORTED = [
    {"type": "circuit_breaker.state", "service": "sms", "state": "open"},
    {"type": "circuit_breaker.state", "service": "sms", "state": "half_open"},
    {"type": "service.health", "service": "billing", "healthy": True},
    {"type": "service.health", "service": "sms", "healthy": False},
    {"type": "queue.depth", "queue": "planning", "depth": 7},
    {"type": "queue.depth", "queue": "planning", "depth": 3},
    {"type": "telegram.retry", "endpoint": "sendMessage", "attempt": 1},
    {"type": "telegram.retry", "endpoint": "sendMessage", "attempt": 2},
    {"type": "task.completed", "outcome": "success", "duration_seconds": 1.5},
    {"type": "workflow.step", "step": "plan", "outcome": "ok", "duration_seconds": 2.5},
    {"type": "pull_request.merged", "duration_seconds": 7200},
    {"type": "code_review.done", "duration_seconds": 600},
    {"type": "recovery", "duration_seconds": 90},
]
FAMILIES = {
    "circuit_breaker_state": {("sms", "closed"): 0, ("sms", "open"): 0, ("sms", "half_open"): 1},
    "circuit_breaker_transitions_total": {("sms", "open"): 1, ("sms", "half_open"): 1},
    "service_health": {("billing",): 1, ("sms",): 0},
    "orchestrate_queue_depth": {("planning",): 3},
    "telegram_reported_retries_total": {("sendMessage",): 2},
    "orchestrate_task_duration_seconds_count": {(): 1},
    "orchestrate_task_duration_seconds_sum": {(): 1.5},
    "workflow_step_duration_seconds_count": {("plan", "ok"): 1},
    "workflow_step_duration_seconds_sum": {("plan", "ok"): 2.5},
    "pull_request_cycle_seconds_sum": {(): 7200},
    "code_review_turnaround_seconds_sum": {(): 600},
    "recovery_seconds_sum": {(): 90},
}
LABELS = ("service", "state", "to", "queue", "endpoint", "step", "outcome")
PAGE_BYTES = 4096
COMMIT, INGEST = "operaglass_journal_commit_seconds", "operaglass_event_ingest_seconds"


def check_families(og, client):
    before, begin = og.metrics(), time.monotonic()
    answer = client.post("/api/v1/events", REPORTED)
    seconds, now = time.monotonic() - begin, og.metrics()
    tap.equal("a batch of other types is taken", answer.json(), {"accepted": len(REPORTED), "duplicates": 0})
    tap.equal(
        "each family says what was reported",
        {
            family: {tuple(dict(key)[name] for name in LABELS if name in dict(key)): value
                     for key, value in now[family].items()}
            for family in FAMILIES
        },
        FAMILIES,
    )  # fmt: skip
    added = now - before
    tap.equal(
        "the batch is one group of the journal, on disk when it is answered",
        {
            name: added.value(name)
            for name in ("operaglass_journal_events", "operaglass_journal_commits_total", f"{COMMIT}_count",
                         f"{INGEST}_count")
        },
        {
            "operaglass_journal_events": len(REPORTED),
            "operaglass_journal_commits_total": 1,
            f"{COMMIT}_count": 1,
            f"{INGEST}_count": len(REPORTED),
        },
    )  # fmt: skip
    tap.equal("and nothing waits for it", now.get("operaglass_journal_queue_events"), {frozenset(): 0})
    tap.within("its commit took a part of that time", added.value(f"{COMMIT}_sum"), 1e-9, seconds)
    tap.within(
        "and each event all of it until then",
        added.value(f"{INGEST}_sum"),
        len(REPORTED) * added.value(f"{COMMIT}_sum"),
        len(REPORTED) * seconds,
    )
    path = f"{og.directory}/state/journal/journal.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
        bytes_in_pages = journal.execute("PRAGMA page_count").fetchone()[0] * PAGE_BYTES
    tap.within(
        "its size is that of its pages, and of the log beside them",
        now.value("operaglass_journal_size_bytes"),
        bytes_in_pages,
        bytes_in_pages + os.stat(path + "-wal").st_size,
    )


def check_emit(og):
    emit = [BUILD + "/operaglass", "emit", f"--events.stream-socket={og.directory}/api.sock"]
    before = received(og)
    done = run(*emit, "sms.received")
    tap.equal("emit: exit 0 once it is on disk", (done.returncode, received(og)), (0, before + 1))
    done = run(*emit, input=json.dumps(BATCH[0]) + "\n" + json.dumps(BATCH[1]) + "\n")
    tap.equal("emit: lines from a pipe", (done.returncode, received(og)), (0, before + 3))
    done = run(*emit, input=LINES)
    tap.equal("emit: a bad line is exit 1", (done.returncode, received(og)), (1, before + 5))
    tap.ok("and is named", "sms.lost" in done.stderr, done.stderr)
    done = run(*emit, "sms.received", "no value")
    tap.equal("emit: a word that is no field is exit 2", done.returncode, 2)
    shell = (
        f'{" ".join(emit)} approval.accepted approval_id=nobody-asked actor=joe reason="it is fine"'
    )
    tap.equal("emit in a shell, with words", run("bash", "-c", shell).returncode, 0)
    unmatched = og.metrics().value("escalation_decisions_ignored_total", kind="unmatched")
    tap.equal("a decision of nothing is unmatched", unmatched, 1)


REFUSED = "operaglass_events_refused_total"


def burst(og, event, count):
    """Datagrams as fast as they go; what became of them: {reason: number}, refused ones only."""
    before = og.metrics()
    text = json.dumps(event).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        speaker.connect(og.directory + "/events.sock")
        for _ in range(count):
            speaker.send(text)
    names = {"sms.received": "sms_messages_total", "metric": "none_total"}
    name = names[event["type"]]

    def told(metrics):
        return metrics.total(name) + metrics.total(REFUSED)

    got = og.wait(lambda metrics: told(metrics) >= count, 30, since=before)
    return got.total(name), {key[0]: int(n) for key, n in got.by(REFUSED, "reason").items()}


def check_datagrams(og):
    """More than the sender's rate: what is not taken is counted, and nothing is lost in between."""
    taken, refused = burst(og, BATCH[0], BURST)
    print(f"# of {BURST} datagrams {taken:.0f} were taken, refused: {refused}")
    tap.equal("every datagram is taken or counted", taken + sum(refused.values()), BURST)
    tap.ok("as many as the rate allows", taken >= 20000, taken)
    tap.ok("the others for one of two reasons", set(refused) <= {"rate_limited", "queue_full"})
    stored = og.metrics().value("operaglass_journal_events")
    tap.ok("what is counted is stored", stored >= taken, (stored, taken))
    # The rate has recovered: what follows is refused for what it is.
    time.sleep(0.5)
    undeclared = {"type": "metric", "name": "nobody_declared_this", "value": 1}
    got = burst(og, undeclared, 10)
    tap.equal("what the accounts refuse is counted, too", got, (0, {"not_applicable": 10}))
    lost = og.metrics().value("operaglass_lost_total", where="journal", cause="refused")
    tap.equal("and as lost", lost, 10)


def check_readme(og):
    run("/usr/bin/python3", "-c", PYTHON_UNIX, og.directory + "/events.sock")
    tap.ok(
        "README's line for Python reports an approval",
        wait_for(lambda: og.metrics().value("escalation_queue_size") == 1, 5, "one waits"),
    )
    run("node", "-e", NODE_UNIX, og.directory + "/api.sock")
    sent = og.metrics().value("sms_messages_total", direction="sent", outcome="unknown")
    tap.equal("and that for Node a message", sent, 1)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../README.md")
    with open(path, encoding="utf-8") as file:
        text = " ".join(file.read().split())
    for name, line in (
        ("Python", 'sendto( json.dumps({"type": "approval.requested", "approval_id": "deploy-7"})'),
        ("Node", "r => r.resume()).end(JSON.stringify({type: 'sms.sent'}))"),
        ("C#", "s.Connect(new UnixDomainSocketEndPoint("),
        ("the shell", "operaglass emit approval.requested approval_id=deploy-7"),
    ):
        tap.ok(f"README has a line for {name}", line in text)


def main():
    with tempfile.NamedTemporaryFile("w", prefix="og-token-") as file:
        file.write(TOKEN + "\n")
        file.flush()
        with Operaglass(f"defaults: false\nevents: {{token_file: {file.name}}}") as og:
            client = Client(og.port, og.directory + "/api.sock")
            tap.equal("it is up", client.get("/health").status, 200)
            check_families(og, client)
            for name in CLIENTS:
                check_web(og, name)
            check_emit(og)
            check_readme(og)
            check_datagrams(og)
    tap.done()


if __name__ == "__main__":
    main()
