#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What applications said outlives the end, a kill and a damaged file; what became due meanwhile is due to the second."""
import glob
import os
import shutil
import signal
import sqlite3
import subprocess
import time

from api import Client
from harness import BUILD, Operaglass, Tap, free_port
from stage import wait_for

CONFIG = """
approvals:
  grace: 1s
metrics:
  - {name: configured_total, type: counter, help: Configured., labels: [shop]}
"""
EVENTS, METRICS = "/api/v1/events", "/api/v1/metrics"
ACCEPTED, TIMEOUT = "escalation_approvals_accepted_total", "escalation_approvals_timeout_total"
RESPONSE, IGNORED = "escalation_response_time_seconds", "escalation_decisions_ignored_total"

tap = Tap()


def journal(og):
    return og.directory + "/state/journal/journal.db"


def rows(og, query):
    with sqlite3.connect(f"file:{journal(og)}?mode=ro", uri=True) as file:
        return file.execute(query).fetchall()


def approval(og, name):
    """(microseconds from request to due, from due to decision, state), as stored."""
    return rows(
        og,
        "SELECT due - requested, decided - due, state FROM approvals "
        f"WHERE approval_id = '{name}'",
    )


def ask(client, name, seconds, **more):
    event = {"type": "approval.requested", "approval_id": name, "timeout_seconds": seconds}
    return client.post(EVENTS, {**event, **more}).status


def timed_out(og, count):
    return lambda: og.metrics().total(TIMEOUT) == count


def kill_both(og):
    for pid in (og.exporter(), og.process.pid):
        os.kill(pid, signal.SIGKILL)
    og.process.wait(5)


def check_second(og, client):
    """Nobody decides: it ends by itself, in the second it is due."""
    begin = time.monotonic()
    tap.equal("an approval with a second's timeout is taken", ask(client, "soon", 1), 200)
    wait_for(timed_out(og, 1), 10, "timed out by itself")
    tap.within("it is timed out after timeout and grace", time.monotonic() - begin, 2, 3)
    tap.equal("dated to when it was due", approval(og, "soon"), [(2000000, 0, 4)])
    tap.equal("and so is its duration", og.metrics().value(RESPONSE + "_sum", result="timeout"), 2)


def prepare(client):
    answers = [
        client.post(METRICS, {"name": "orders_total", "type": "counter", "help": "Orders."}).status,
        client.post(EVENTS, {"type": "metric", "name": "orders_total", "value": 2.5}).status,
        client.post(
            EVENTS,
            {"type": "metric", "name": "configured_total", "value": 3, "labels": {"shop": "a"}},
        ).status,
        client.post(EVENTS, {"type": "sms.received", "id": "only-once"}).status,
        client.post(
            EVENTS, {"type": "tokens.used", "model": "claude-sonnet-4-5", "input": 1000}
        ).status,
        client.post("/api/v1/budget", {"monthly_usd": 50}).status,
        ask(client, "overdue", 2),
        ask(client, "patient", 3600),
    ]
    tap.equal("events, a declaration and a budget are taken", answers, [201] + [200] * 7)


KEPT = (
    "orders_total",
    "configured_total",
    "sms_messages_total",
    "orchestrate_tokens_total",
    "orchestrate_cost_usd_total",
    "orchestrate_month_cost_usd",
    "orchestrate_budget_usd",
    "operaglass_journal_events",
)


def kept(metrics):
    return {name: dict(metrics.get(name, {})) for name in KEPT}


def check_kill(og, client):
    prepare(client)
    before = kept(og.metrics())
    asked = time.monotonic()
    kill_both(og)
    # It is due after three seconds; nobody runs then.
    time.sleep(max(0.0, asked + 4.5 - time.monotonic()))
    og.start()
    wait_for(timed_out(og, 2), 5, "timed out while it was down")
    tap.equal(
        "what became due while nothing ran is dated to its second",
        approval(og, "overdue"),
        [(3000000, 0, 4)],
    )
    metrics = og.metrics()
    tap.equal("and counts so", metrics.value(RESPONSE + "_sum", result="timeout"), 5)
    after = kept(metrics)
    key = "operaglass_journal_events"
    tap.equal(
        "one event more is in the journal, the expiry",
        sum(after.pop(key).values()),
        sum(before.pop(key).values()) + 1,
    )
    tap.ok("every sum is there", all(before.values()), before)
    tap.equal("counters, costs, budget and declared metrics are as before", after, before)
    tap.equal("the other approval waits on", metrics.value("escalation_queue_size"), 1)
    tap.within(
        "and has aged meanwhile", metrics.value("escalation_oldest_pending_seconds"), 4.5, 30
    )
    again = client.post(EVENTS, {"type": "sms.received", "id": "only-once"}).json()
    tap.equal("an id of before is known", again, {"accepted": 0, "duplicates": 1})
    late = client.post(EVENTS, {"type": "approval.accepted", "approval_id": "overdue"}).status
    good = client.post(EVENTS, {"type": "approval.accepted", "approval_id": "patient"}).status
    metrics = og.metrics()
    tap.equal(
        "a decision after it is taken, and late",
        (late, metrics.value(IGNORED, kind="late")),
        (200, 1),
    )
    tap.equal("the other's decision counts", (good, metrics.total(ACCEPTED)), (200, 1))


def check_second_instance(og):
    other = subprocess.run(
        [
            f"{BUILD}/operaglass",
            "run",
            f"--web.listen-address=127.0.0.1:{free_port()}",
            f"--bpf.pin-path={og.pins}-other",
            f"--state.dir={og.directory}/state",
            f"--events.socket={og.directory}/other.sock",
            f"--events.stream-socket={og.directory}/other-api.sock",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    tap.equal("a second instance on this state directory exits 1", other.returncode, 1)
    text = other.stdout + other.stderr
    tap.ok("and says why", f"{og.directory}/state" in text and "nother" in text, text)
    tap.equal("the first goes on", og.get("/-/ready")[0], 200)
    subprocess.run(
        [f"{BUILD}/operaglass", "unload", f"--bpf.pin-path={og.pins}-other"],
        capture_output=True,
        check=False,
        timeout=10,
    )


def damage(path):
    """The file's header, and a copy of what it is then."""
    with open(path, "r+b") as file:
        file.write(b"this is no database any more\n" * 100)
    shutil.copy(path, path + ".expected")
    with open(path + ".expected", "rb") as file:
        return file.read()


def check_damage(og, client):
    og.process.send_signal(signal.SIGTERM)
    tap.equal("SIGTERM ends it with 0", og.process.wait(10), 0)
    before = og.logs().count("set aside")
    damaged = damage(journal(og))
    og.start()
    said = [line for line in og.logs().splitlines() if "set aside as" in line]
    tap.equal("a damaged journal is set aside and said to be, once", len(said) - before, 1)
    aside = [path for path in glob.glob(journal(og) + "*") if open(path, "rb").read() == damaged]
    aside = [path for path in aside if not path.endswith(".expected")]
    tap.equal("under another name, untouched", len(aside), 1)
    tap.ok("which the line tells", aside and aside[0] in said[-1], (aside, said))
    tap.equal("and a new one takes events", client.post(EVENTS, {"type": "sms.sent"}).status, 200)
    tap.equal("it is healthy", client.get("/health").json()["status"], "up")
    kill_both(og)
    og.start()
    count = len([line for line in og.logs().splitlines() if "set aside as" in line])
    tap.equal("the next start finds nothing wrong", count - before, 1)
    tap.equal(
        "and counts what came after the damage",
        og.metrics().value("sms_messages_total", direction="sent", outcome="unknown"),
        1,
    )


def main():
    with Operaglass(CONFIG) as og:
        client = Client(og.port, og.directory + "/api.sock")
        check_second(og, client)
        check_kill(og, client)
        check_second_instance(og)
        check_damage(og, client)
    tap.done()


if __name__ == "__main__":
    main()
