#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Memory, descriptors, sockets and files are where they were after many requests, aborted uploads and reloads."""
import os
import signal
import socket
import time

from api import Client
from harness import Operaglass, Tap
from stage import wait_for

EVENTS = "/api/v1/events"
REQUESTS, UPLOADS, RELOADS = 1000, 1000, 100
GROWTH_KIB = 1024  # allocators round up and keep a little; 1,000 leaks of a body would be 64 MiB
PATHS = ("/metrics", "/health", "/api/approvals", "/api/audit?limit=5", "/orchestrate/metrics")

tap = Tap()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets(pid):
    found = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            pass
    return found


def files(og):
    return sorted(
        os.path.join(where, name)
        for where, _, names in os.walk(og.directory)
        for name in names
        if not name.startswith("journal.db-")
    )


class State:
    def __init__(self, og):
        pids = (og.process.pid, og.exporter())
        self.pids = pids
        self.resident = og.resident_kib()
        self.descriptors = [descriptors(pid) for pid in pids]
        self.sockets = [sockets(pid) for pid in pids]
        self.threads = [len(os.listdir(f"/proc/{pid}/task")) for pid in pids]
        self.files = files(og)


def settled(og, before):
    """Connections are closed a moment after their clients are."""
    limit = time.monotonic() + 5
    while True:
        now = State(og)
        if (now.descriptors, now.threads) == (before.descriptors, before.threads):
            return now
        if time.monotonic() > limit:
            return now
        time.sleep(0.05)


def compare(og, before, what):
    now = settled(og, before)
    tap.equal(f"after {what} it is the same two processes", now.pids, before.pids)
    tap.equal("descriptors are as many as before", now.descriptors, before.descriptors)
    tap.equal("sockets, too", now.sockets, before.sockets)
    tap.equal("threads, too", now.threads, before.threads)
    tap.equal("and files", now.files, before.files)
    grown = [after - then for after, then in zip(now.resident, before.resident)]
    print(f"# resident {before.resident} KiB, after {what} {now.resident} KiB")
    tap.ok(f"and memory, within {GROWTH_KIB} KiB", max(grown) <= GROWTH_KIB, grown)


def requests(client, count):
    """GETs and reports in turn, each on a connection of its own, half of them by the unix socket."""
    wrong = 0
    for number in range(count):
        connection = client.web() if number % 2 else None
        if number % 6 < 5:
            answer = client.ask("GET", PATHS[number % len(PATHS)], connection=connection)
        else:
            answer = client.post(EVENTS, {"type": "sms.received", "id": f"r{number % 60}"})
        wrong += answer.status != 200
    return wrong


def uploads(og, count):
    """Most of a body of 64 KiB, then the client is gone: by closing, by a reset, or in the head."""
    head = f"POST {EVENTS} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    full = f"{head}Content-Length: 65536\r\n\r\n".encode() + b" " * 60000
    for number in range(count):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(og.directory + "/api.sock")
            try:
                connection.sendall(full if number % 3 else head.encode())
            except (BrokenPipeError, ConnectionResetError):
                pass


def reloads(og, count):
    """SIGHUP, and the next one when the last one is done."""
    start = og.logs().count("reloaded")
    for number in range(count):
        og.process.send_signal(signal.SIGHUP)
        wait_for(lambda n=number: og.logs().count("reloaded") > start + n, 10, "reloaded")


def main():
    with Operaglass("") as og:
        client = Client(og.port, og.directory + "/api.sock")
        wait_for(
            lambda: og.metrics().total("operaglass_tls_probed_files", trust="proven") == 2,
            20,
            "the proofs of libssl and of GnuTLS",
        )
        # What is made once: proofs of the host's TLS libraries, caches of SQLite and of the library, buffers of responses.
        requests(client, 200)
        uploads(og, 200)
        reloads(og, 10)
        before = State(og)
        tap.equal("every request is answered with 200", requests(client, REQUESTS), 0)
        compare(og, before, f"{REQUESTS} requests")
        uploads(og, UPLOADS)
        compare(og, before, f"{UPLOADS} aborted uploads")
        reloads(og, RELOADS)
        compare(og, before, f"{RELOADS} reloads")
        tap.equal("and it is ready", og.get("/-/ready")[0], 200)
    tap.done()


if __name__ == "__main__":
    main()
