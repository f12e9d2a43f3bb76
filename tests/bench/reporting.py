# SPDX-License-Identifier: Apache-2.0
"""What taking application events costs: rows of bench.py."""
import http.client
import json
import os
import re
import sqlite3
import statistics
import subprocess
import time

PENDING, STORED = 10_000, 1_000_000
UNLIMITED = """
events:
  sender_rate: {per_second: 1000000, burst: 1000000}
  total_rate: {per_second: 1000000, burst: 1000000}
"""


def value(text, series):
    match = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
    return float(match.group(1)) if match else 0.0


def total(text, family):
    return sum(float(v) for v in re.findall(rf"^{family}(?:{{.*}})? (\S+)$", text, re.M))


def bench_datagrams(start, tools, rounds):
    """100,000 events, as fast as one sender can: what it takes the sender, and where each one went."""
    program = start(UNLIMITED)
    try:
        costs, rates, refused = [], [], []
        for _ in range(rounds):
            before = program.metrics()
            out = subprocess.run([tools + "datagrams", program.events, "100000"], check=True, capture_output=True,
                                 text=True).stdout.split()
            limit = time.monotonic() + 20
            while True:
                after = program.metrics()
                taken = total(after, "operaglass_events_received_total") - total(before,
                                                                                 "operaglass_events_received_total")
                if taken >= 100_000 or time.monotonic() > limit:
                    break
                time.sleep(0.05)
            lost = total(after, "operaglass_events_refused_total") - total(before, "operaglass_events_refused_total")
            if taken != 100_000:
                raise SystemExit(f"bench: {100_000 - taken:.0f} datagrams are neither taken nor refused")
            costs.append(float(out[0]) / 1000)
            rates.append(float(out[1]))
            refused.append(lost)
        print(f"| datagram, for its sender | {statistics.median(costs):.1f} µs | ≤ 20 |")
        print(f"| datagrams a second, one sender | {statistics.median(rates):,.0f} | 100,000 |")
        print(f"| of 100,000 in one burst, refused for a full queue and counted | {statistics.median(refused):,.0f} | |",
              flush=True)
    finally:
        program.stop()


def bench_http(start, tools, rounds):
    """20,000 events a second in batches of 100 over the unix socket, acknowledged from disk."""
    program = start(UNLIMITED)
    try:
        rows = []
        for _ in range(rounds):
            out = subprocess.run([tools + "ingest", program.stream, program.directory, "20000", "3"], check=True,
                                 capture_output=True, text=True).stdout.split()
            rows.append([float(x) for x in out])
        rate, median, p99, _, sync99 = map(statistics.median, zip(*rows))
        print(f"| HTTP, batches of 100: acknowledged events a second | {rate:,.0f} | 20,000 |")
        print(f"| HTTP, time to acknowledge: median, 99th percentile | {median:.1f}, {p99:.1f} ms; this disk's own "
              f"fdatasync: 99th {sync99:.1f} ms | ≤ 10 above it |", flush=True)
    finally:
        program.stop()


def bench_record(tools):
    out = subprocess.run([tools + "record"], check=True, capture_output=True, text=True).stdout.split()
    print(f"| recording one event in the model: tokens.used, approval.requested | {float(out[0]) / 1000:.2f}, "
          f"{float(out[1]) / 1000:.2f} µs | ≤ 5 |", flush=True)


def post(program, lines):
    connection = http.client.HTTPConnection("localhost", timeout=30)
    import socket
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(program.stream)
    connection.request("POST", "/api/v1/events", "\n".join(lines), {"Content-Type": "application/x-ndjson"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"bench: {answer.status} {answer.read()[:200]}")
    connection.close()


def fill(directory):
    """A journal of a million events, as months of use leave one behind."""
    db = sqlite3.connect(os.path.join(directory, "state/journal/journal.db"))
    now = int(time.time() * 1e6)
    columns = [row[1] for row in db.execute("PRAGMA table_info(events)")]
    have = db.execute("SELECT count(*) FROM events").fetchone()[0]
    rows = ((f"bench-{i}", now - i * 1000, now - i * 1000, "tokens.used", 0, 0, 1,
             '{"model":"claude-sonnet-4-5","input":1200,"output":300}', 1) for i in range(STORED - have))
    assert {"id", "time", "received", "type", "way", "uid", "pid", "json", "remembered"} <= set(columns)
    db.executemany("INSERT INTO events(id, time, received, type, way, uid, pid, json, remembered) "
                   "VALUES(?,?,?,?,?,?,?,?,?)", rows)
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    owner = os.stat(os.path.join(directory, "state/journal"))
    db.close()
    for name in os.listdir(os.path.join(directory, "state/journal")):
        os.chown(os.path.join(directory, "state/journal", name), owner.st_uid, owner.st_gid)


def bench_full(start, rounds):
    """Scrape, start and memory with 10,000 pending approvals and 1,000,000 stored events."""
    program = start(UNLIMITED)
    try:
        for first in range(0, PENDING, 1000):
            post(program, [json.dumps({"type": "approval.requested", "approval_id": f"a{i}", "timeout_seconds": 80000})
                           for i in range(first, first + 1000)])
        directory = program.directory
        program.stop(unload=False)
        fill(directory)
        starts = []
        for _ in range(max(rounds, 3)):
            program = start(UNLIMITED)
            starts.append(program.seconds_to_ready * 1000)
            if _ + 1 < max(rounds, 3):
                program.stop(unload=False)
        pending = value(program.metrics(), "escalation_queue_size")
        if pending != PENDING:
            raise SystemExit(f"bench: {pending:.0f} approvals wait instead of {PENDING}")
        connection, times = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10), []
        for _ in range(60):
            begin = time.perf_counter()
            program.get("/metrics", connection)
            times.append((time.perf_counter() - begin) * 1000)
        resident = {}
        for name, pid in program.processes():
            status = open(f"/proc/{pid}/status", encoding="utf-8", errors="replace").read()
            resident[name] = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024
        print(f"| 10,000 pending, 1,000,000 stored: scrape | {statistics.median(times):.2f} ms | ≤ 5 |")
        print(f"| … start to ready | {statistics.median(starts):.0f} ms | ≤ 500 |")
        print(f"| … resident, observer + exporter | {resident['observer']:.1f} + {resident['exporter']:.1f} MiB | ≤ 40 |",
              flush=True)
    finally:
        program.stop()


def bench_events(start, tools, rounds):
    print("\n| application events | measured | aim |\n|---|---|---|")
    bench_datagrams(start, tools, rounds)
    bench_http(start, tools, rounds)
    bench_record(tools)
    bench_full(start, rounds)
