#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand approvals wait at once: bounded memory, quick answers, one more is refused, all are there again."""
import os
import signal
import time

from api import Client
from harness import Operaglass, Tap, quickest

PENDING, BATCH = 100000, 5000
GROWTH_KIB = 64 * 1024
CONFIG = f"""
events:
  sender_rate: {{per_second: 1000000, burst: 1000000}}
  total_rate: {{per_second: 1000000, burst: 1000000}}
approvals: {{pending_max: {PENDING}}}
"""
EVENTS = "/api/v1/events"

tap = Tap()


def names(first, count=BATCH):
    return [f"approval-{number}" for number in range(first, first + count)]


def report(client, kind, which):
    answer = client.post(
        EVENTS, [{"type": f"approval.{kind}", "approval_id": name} for name in which]
    )
    return answer.json().get("accepted", answer.body)


def check_full(og, client):
    before = og.resident_kib()[1]
    begin = time.monotonic()
    accepted = sum(report(client, "requested", names(at)) for at in range(0, PENDING, BATCH))
    took = time.monotonic() - begin
    tap.equal(f"{PENDING} approvals are taken", accepted, PENDING)
    after = og.resident_kib()[1]
    print(f"# {PENDING} approvals in {took:.1f} s; exporter {before} KiB, then {after} KiB")
    tap.within("and wait in bounded memory", after - before, 0, GROWTH_KIB)
    tap.equal("all of them", og.metrics().value("escalation_queue_size"), PENDING)
    seconds = quickest(og.get)
    print(f"# /metrics meanwhile: {seconds * 1000:.1f} ms")
    tap.within("metrics are as quick as ever", seconds, 0, 0.05)
    tap.within("and a page of them", quickest(lambda: client.get("/api/approvals")), 0, 0.05)
    answer = client.post(EVENTS, {"type": "approval.requested", "approval_id": "one more"})
    error = answer.json()["error"]
    tap.equal(
        "one more is refused", (error["code"], error["field"]), ("pending_limit", "approval_id")
    )
    tap.equal("like every event that cannot be taken", answer.status, 400)
    refused = og.metrics().value("operaglass_events_refused_total", reason="not_applicable")
    tap.equal("and counted", refused, 1)
    tap.equal("and does not wait", og.metrics().value("escalation_queue_size"), PENDING)
    return after


def check_restart(og):
    for pid in (og.exporter(), og.process.pid):
        os.kill(pid, signal.SIGKILL)
    og.process.wait(5)
    begin = time.monotonic()
    og.start()
    print(
        f"# ready {time.monotonic() - begin:.2f} s after a kill; exporter {og.resident_kib()[1]} KiB"
    )
    tap.equal(
        "after a kill all of them wait again", og.metrics().value("escalation_queue_size"), PENDING
    )


def check_decided(og, client, full):
    decided = sum(report(client, "accepted", names(at)) for at in range(0, PENDING, BATCH))
    tap.equal("every one is decided", decided, PENDING)
    metrics = og.metrics()
    tap.equal("none waits", metrics.value("escalation_queue_size"), 0)
    tap.equal("all are counted", metrics.total("escalation_approvals_accepted_total"), PENDING)
    left = og.resident_kib()[1]
    tap.within("in the memory that they needed", left, 0, full + 16 * 1024)
    print(f"# exporter {left} KiB with all decided")


def main():
    with Operaglass(CONFIG) as og:
        client = Client(og.port, og.directory + "/api.sock")
        full = check_full(og, client)
        check_restart(og)
        check_decided(og, client, full)
    tap.done()


if __name__ == "__main__":
    main()
