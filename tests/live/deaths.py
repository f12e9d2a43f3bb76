# SPDX-License-Identifier: Apache-2.0
"""Operaglass is killed and started again, while somebody watches its counters."""
import os
import re
import signal
import threading
import time

COUNTER = re.compile(r".*(_total|_bucket|_count|_sum)$")
# Of a process, not of the host: they start again with it.
OWN = re.compile(r"process_|operaglass_(process|exporter|scrape|self|series|http|journal)_")


class Watch(threading.Thread):
    """Scrapes all the time and remembers what went backwards between two scrapes that were answered."""

    def __init__(self, og):
        super().__init__(daemon=True)
        self.og, self.done, self.scrapes, self.wrong = og, threading.Event(), 0, []

    def run(self):
        last = {}
        while not self.done.wait(0.02):
            try:
                metrics = self.og.metrics()
            except (OSError, ValueError):
                continue
            # A process that just started has nothing of the kernel's yet: it is not ready, and says so.
            if not metrics.total("operaglass_bpf_program_attached"):
                continue
            self.scrapes += 1
            now = {
                (name, labels): value
                for name, series in metrics.items()
                if COUNTER.match(name) and not OWN.match(name)
                for labels, value in series.items()
            }
            for key, value in last.items():
                if dict(key[1]).get("where") == "series":
                    continue
                if now.get(key, -1) < value:
                    self.wrong.append(f"{key[0]}{dict(key[1])}: {value} then {now.get(key)}")
            last = now

    def finish(self):
        self.done.set()
        self.join()


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def gone(pid):
    """Waits until the process is no more (a zombie is)."""
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):  # also between open and read
            return True
        time.sleep(0.01)
    return False


def restart_after(og, *pids):
    for pid in pids:
        kill(pid)
    og.process.wait(5)
    ends = [gone(pid) for pid in pids]
    og.start()
    return all(ends)
