#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Where a return probe kills a process under seccomp, none is placed: it is said, and what can be read without is read.

The kernels with this fault (6.11 to 6.13, as they were first released) are not at hand. clients/return_probe_fault.c has
the child die that operaglass tries a return probe in; all that follows is the real thing.
"""
import json
import os
import subprocess
import tempfile

from harness import BUILD, Operaglass, Tap, free_port
from tls_pair import CONFIG, Pair

HERE = os.path.dirname(os.path.abspath(__file__))
RUNS, TARGETS = "operaglass_bpf_program_runs_total", "operaglass_tls_targets"
SAID = ("return probes are dangerous on this kernel: of most libraries only requests are read, calls are timed at the "
        "socket, without status")
CALLS = 30


def build(directory):
    library = directory + "/fault.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, HERE + "/clients/return_probe_fault.c"], check=True)
    return ["env", "LD_PRELOAD=" + library]


def test_said(tap, og, fault):
    lines = [line for line in og.logs().splitlines() if "return probes" in line]
    tap.ok("one line of the log says so", len(lines) == 1 and "level=warning" in lines[0] and SAID in lines[0], lines)
    command = [*fault, BUILD + "/operaglass", "doctor", "--json", "--bpf.pin-path", og.pins]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    row = next(row for row in json.loads(done.stdout)["checks"] if row["name"] == "return_probes")
    tap.equal("doctor says so, what is lost, and what to do", row, {
        "state": "degraded", "name": "return_probes", "detail": "they kill a process under seccomp: not used",
        "lost": "status of calls where nothing else tells it",
        "advice": "update the kernel: 6.11 to 6.13 have this fault"})  # fmt: skip
    tap.equal("and ends with 1", done.returncode, 1)


def test_read(tap, og, pair):
    before = og.wait(lambda m: m.value(TARGETS, stack="openssl", state="write_only"))
    tap.equal("OpenSSL is read where it writes, and nothing that would need a return is probed",
              (before.value(TARGETS, stack="openssl", state="write_only"), before.total(TARGETS, state="attached")), (1, 0))
    rows = [(row["stack"], row["state"]) for row in og.tls_list(os.getpid())]
    tap.equal("tls list says so of this process", rows, [("openssl", "write-only")])
    pair.play(CALLS)
    pair.close()
    over = lambda m: m.total("telegram_api_duration_seconds_count") == CALLS
    got = og.wait(over, since=before)
    tap.equal("every call is counted, with its endpoint and method",
              got.by("telegram_api_requests_total", "endpoint", "method"), {("getMe", "GET"): CALLS})
    tap.equal("and timed at its socket, without status",
              got.by("telegram_api_duration_seconds_count", "endpoint", "status_code"), {("getMe", "unknown"): CALLS})
    runs = {program: number for (program,), number in got.by(RUNS, "program").items() if program.startswith("og_tls_")}
    tap.equal("each write of both ends is one run of one program: no return was seen", runs,
              {"og_tls_write_only": 2 * CALLS})  # fmt: skip
    tap.equal("the connection says why it is not decoded",
              got.by("upstream_undecoded_connections_total", "reason"), {("write_only",): 1})


def main():
    tap, port = Tap(), free_port()
    with tempfile.TemporaryDirectory(prefix="og-test-") as directory:
        os.chmod(directory, 0o755)
        fault = build(directory)
        with Operaglass(CONFIG.format(port=port), prefix=fault) as og:
            test_said(tap, og, fault)
            og.wait(lambda m: m.value("operaglass_tls_probed_files", stack="openssl", trust="proven"), 30)
            test_read(tap, og, Pair(directory, port))
    tap.done()


if __name__ == "__main__":
    main()
