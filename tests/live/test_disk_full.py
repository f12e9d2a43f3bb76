#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The disk of the journal fills up under a running operaglass: it says so, goes on measuring, and recovers by itself."""
import json
import os
import shutil
import socket
import sqlite3
import time

from api import Client
from harness import Operaglass, Tap
from stage import wait_for

EVENTS = "/api/v1/events"
SIZE = "24m"
CONFIG = "approvals:\n  grace: 1s\n"
REFUSED, FAILURES = "operaglass_events_refused_total", "operaglass_journal_failures_total"
TIMEOUT = "escalation_approvals_timeout_total"

tap = Tap()


class Cramped(Operaglass):
    """Its state is in a file system of its own, that nobody else sees and that goes away with it."""

    def start(self, wait=True):
        state = self.directory + "/state"
        os.makedirs(state, exist_ok=True)
        mount = f'mount -t tmpfs -o size={SIZE},mode=755 none {state} && exec "$@"'
        self.prefix = ["unshare", "-m", "sh", "-c", mount, "sh"]
        super().start(wait)

    def path(self, name):
        return f"/proc/{self.process.pid}/root{self.directory}/state/{name}"


def fill(og):
    """Takes what room there is, to the last byte."""
    with open(og.path("filler"), "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


class Sender:
    def __init__(self, og):
        self.og = og
        self.client = Client(og.port, og.directory + "/api.sock")
        self.acknowledged, self.refused = [], []

    def send(self):
        """One event with an id of its own; remembers what became of it."""
        name = f"event-{len(self.acknowledged) + len(self.refused)}"
        event = {"type": "audit", "id": name, "actor": "a", "action": "b", "resource": "c"}
        answer = self.client.post(EVENTS, {**event, "details": "x" * 8000})
        (self.acknowledged if answer.status == 200 else self.refused).append(name)
        return answer

    def until(self, status, limit):
        """Sends until that is the answer; at most so many."""
        for _ in range(limit):
            answer = self.send()
            if answer.status == status:
                break
        return answer

    def component(self, name="journal"):
        return self.client.get("/health").json()["components"][name]


def say(og, **event):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        speaker.sendto(json.dumps(event).encode(), f"{og.directory}/events.sock")


def check_full(og, sender):
    sender.until(503, 100)
    tap.equal("while there is room all events are taken", sender.refused, [])
    due = {"type": "approval.requested", "approval_id": "due", "timeout_seconds": 1}
    tap.equal("an approval, too", sender.client.post(EVENTS, due).status, 200)
    before = time.time()
    fill(og)
    answer = sender.until(503, 2000)
    tap.equal("on a full disk an event is a 503", answer.status, 503)
    error = answer.json()["error"]
    tap.equal("of one kind", error["code"], "journal_failed")
    tap.ok("that says where to look", "/health" in error["message"], error)
    tap.within("and when to come again", int(answer.headers["Retry-After"]), 1, 60)
    state = sender.component()
    tap.equal("/health says that the journal is down", state["status"], "down")
    tap.ok("and why", "full" in state["detail"], state)
    since = time.strptime(state["since"][:19], "%Y-%m-%dT%H:%M:%S")
    tap.within("and since when", time.mktime(since) - time.timezone, before - 1, time.time() + 1)
    status = sender.client.get("/health").status
    tap.equal("by its status, too", status, 503)


def check_meanwhile(og, sender):
    begin = time.monotonic()
    metrics = og.metrics()
    tap.within("metrics are served all the while", time.monotonic() - begin, 0, 1)
    tap.ok(
        "the failure is counted",
        metrics.value(FAILURES, cause="disk_full") >= 1,
        metrics.get(FAILURES),
    )
    tap.equal("and the component is down", metrics.value("operaglass_up", component="journal"), 0)
    refused = metrics.value(REFUSED, reason="journal_failed")
    for _ in range(5):
        say(og, type="sms.received")
    tap.ok(
        "refused datagrams are counted",
        wait_for(
            lambda: og.metrics().value(REFUSED, reason="journal_failed") == refused + 5,
            5,
            "5 refused",
        ),
    )
    tap.equal("every refused request is", refused, len(sender.refused))
    tap.equal(
        "what waits is shown",
        [row["approval_id"] for row in sender.client.get("/api/approvals").json()["approvals"]],
        ["due"],
    )
    tap.equal("reports are read", sender.client.get("/api/audit?limit=1").status, 200)
    tap.equal("nothing was stored of what was refused", og.metrics().total("sms_messages_total"), 0)
    lines = [line for line in og.logs().splitlines() if "cannot write the journal" in line]
    tap.equal("it is said once in the log", len(lines), 1)


def stored(og):
    """Ids of events, and (from request to due, from due to decision): of a copy, as SQLite finds no
    file of another mount namespace."""
    for name in ("journal.db", "journal.db-wal"):
        shutil.copy(og.path("journal/" + name), f"{og.directory}/{name}")
    with sqlite3.connect(f"{og.directory}/journal.db") as file:
        found = [row[0] for row in file.execute("SELECT id FROM events WHERE id IS NOT NULL")]
        late = file.execute("SELECT due - requested, decided - due FROM approvals").fetchall()
    return found, late


def check_recovery(og, sender):
    # What is due in two seconds cannot be written yet.
    wait_for(lambda: og.metrics().value("approval_timeout_service_health") == 0, 20, "overdue")
    tap.equal("it was not said to work in between", og.logs().count("' works again"), 0)
    os.unlink(og.path("filler"))
    begin = time.monotonic()
    wait_for(lambda: sender.send().status == 200, 10, "events are taken again")
    tap.within("with room again it recovers by itself", time.monotonic() - begin, 0, 3)
    tap.equal("and says so", sender.component()["status"], "up")
    tap.equal("once in the log", og.logs().count("' works again"), 1)
    tap.equal("as a metric, too", og.metrics().value("operaglass_up", component="journal"), 1)
    wait_for(lambda: og.metrics().total(TIMEOUT) == 1, 5, "the expiry is written")
    found, late = stored(og)
    tap.equal(
        "no acknowledged event is missing, no refused one is there",
        sorted(n for n in found if n.startswith("event-")),
        sorted(sender.acknowledged),
    )
    tap.equal("what became due meanwhile is dated to its second", late, [(2000000, 0)])


def main():
    with Cramped(CONFIG) as og:
        sender = Sender(og)
        check_full(og, sender)
        check_meanwhile(og, sender)
        check_recovery(og, sender)
    tap.done()


if __name__ == "__main__":
    main()
