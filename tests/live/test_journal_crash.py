#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The journal under kill -9: 200 times, at a random moment under load, from one file that is never started afresh.

What was acknowledged is what the driver wrote to its pipe before it died. It is compared with what an independent
reader (Python's SQLite) finds in the file, and with what the next start counts.
"""
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from harness import BUILD, Child, Tap

PLAY = f"{BUILD}/tools/live/journal_play"
EXPORTER = f"{BUILD}/operaglass-exporter"
ROUNDS, GROUP, TICKETS = 200, 100, 4
SECONDS_MAX = 240  # of all rounds; they take some 40 on two CPUs


def start(directory, prefix, events=0):
    """The driver and what it found: (sms, accepted, stored)."""
    process = Child(
        [PLAY, directory, prefix, str(events), str(GROUP), str(TICKETS)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    words = process.line().split()
    if not words or words[0] != b"held":
        process.kill()
        raise SystemExit(f"journal_play: {process.communicate()[1].decode()}")
    return process, tuple(int(word) for word in words[1:4])


def acknowledged(output):
    """The numbers of the events in whole lines "first last"."""
    numbers = []
    for line in output[: output.rfind(b"\n") + 1].split(b"\n"):
        words = line.split()
        if len(words) == 2:
            numbers += range(int(words[0]), int(words[1]) + 1)
    return numbers


def one_round(directory, number, chance):
    process, held = start(directory, f"{number}-")
    first = process.line()
    time.sleep(chance.uniform(0, 0.03))  # the moment of death, not a wait for anything
    process.send_signal(signal.SIGKILL)
    rest, errors = process.communicate(timeout=30)
    return held, acknowledged(first + rest), errors.decode()


def count(db, query, *values):
    return db.execute(query, values).fetchone()[0]


def stored(db):
    return (
        count(db, "SELECT count(*) FROM events WHERE type = 'sms.received'"),
        count(db, "SELECT count(*) FROM approvals WHERE state = 1"),
        count(db, "SELECT count(*) FROM events"),
    )


def check_round(path, number, numbers):
    """(acknowledged events that are missing, (sms, accepted, stored), roll-up of the day, ids found twice)"""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        found = [row[0] for row in db.execute("SELECT id FROM events WHERE id GLOB ?", (f"{number}-*",))]
        missing = {f"{number}-{event}" for event in numbers} - set(found)
        day = count(db, "SELECT coalesce(sum(count), 0) FROM rollups WHERE window = 86400 AND series = 'sms_received'")
        result = len(missing), stored(db), day, len(found) - len(set(found))
    db.close()
    return result


def rounds(tap, directory, chance):
    path = f"{directory}/journal.db"
    expected = (0, 0, 0)
    missing = twice = wrong_counts = wrong_rollups = acks = done = 0
    log, begin = "", time.monotonic()
    for number in range(ROUNDS):
        if time.monotonic() - begin > SECONDS_MAX:
            break
        held, numbers, errors = one_round(directory, number, chance)
        wrong_counts += held != expected
        lost, expected, day, again = check_round(path, number, numbers)
        wrong_rollups += day != expected[0]
        missing, twice, acks, done = missing + lost, twice + again, acks + len(numbers), done + 1
        log += errors
    tap.equal(f"the journal was killed {ROUNDS} times under load", done, ROUNDS)
    tap.ok("every round acknowledged events before it was killed", acks >= ROUNDS * GROUP, acks)
    tap.equal("no acknowledged event is missing", missing, 0)
    tap.equal("no event is there twice", twice, 0)
    tap.equal("every start counts exactly the stored events: messages, acceptances, all", wrong_counts, 0)
    tap.equal("the day's roll-up is the number of stored messages after every kill", wrong_rollups, 0)
    tap.equal("no start says that something was wrong with the journal", log, "")
    print(f"# {acks} events acknowledged in {done} rounds, {time.monotonic() - begin:.1f} s")
    return expected


def verify(directory):
    state = os.path.dirname(directory)
    answer = subprocess.run([EXPORTER, "audit", "verify", f"--state.dir={state}"], stdout=subprocess.PIPE, timeout=60,
                            check=False)  # fmt: skip
    return answer.returncode, answer.stdout.decode()


def check_end(tap, directory, expected):
    path = f"{directory}/journal.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = count(db, "SELECT count(*) FROM audit")
        tap.equal("the file passes SQLite's own check", count(db, "PRAGMA integrity_check"), "ok")
    db.close()
    tap.equal("the audit chain is whole", verify(directory), (0, f"whole: {rows} rows\n"))
    process, held = start(directory, "0-", GROUP)
    output, errors = process.communicate(timeout=30)
    tap.equal("a last start counts the same", held, expected)
    tap.ok("events whose ids were acknowledged 200 kills ago are known, not stored again",
           process.returncode == 1 and b"not stored" in errors, (output, errors))  # fmt: skip


def check_second(tap, directory):
    process, _ = start(directory, "second-")
    other = subprocess.run([PLAY, directory, "x-", "0", "1", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=30, check=False)  # fmt: skip
    process.kill()
    process.communicate()
    tap.equal("a second instance is refused", other.returncode, 1)
    tap.ok("and says why", b"another instance keeps its journal in" in other.stderr, other.stderr)


def main():
    tap = Tap()
    state = tempfile.mkdtemp(prefix="operaglass-journal-")
    directory = f"{state}/journal"
    try:
        expected = rounds(tap, directory, random.Random(20261121))
        check_end(tap, directory, expected)
        check_second(tap, directory)
    finally:
        shutil.rmtree(state, ignore_errors=True)
    tap.done()


main()
