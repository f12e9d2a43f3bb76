#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What Operaglass costs on this machine: interleaved runs with and without it, medians and ratios.

usage: bench.py [--rounds N] [ROW...]     ROW: spawn discovery https http2 tcp programs scrape idle start
                                         events (default: all)

"Without" means that nothing of Operaglass is attached. Both ends of a connection are pinned to one CPU, because
two CPUs flip between wake-up regimes that differ by five times.
"""
import argparse
import http.client
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.append(TOP + "/tests/live")
import certificates  # noqa: E402
import reporting  # noqa: E402
from harness import Child, free_port  # noqa: E402

BUILD = os.environ.get("OPERAGLASS_BUILD", TOP + "/build")
TOOLS = BUILD + "/tools/bench/"
PIN = "/sys/fs/bpf/og-bench"
PORT_HTTPS = 18443
UPSTREAM, STRANGER = "api.telegram.org", "api.unwatched.org"

CONFIG = f"""
upstreams:
  - name: telegram
    kind: telegram
    hosts: [api.telegram.org]
    ports: [443, {PORT_HTTPS}, {PORT_HTTPS + 1}]
"""


class Operaglass:
    """One run of the real program; `seconds_to_ready` is what its user waits."""

    def __init__(self, directory, more=""):
        self.port, self.directory = free_port(), directory
        self.events, self.stream = directory + "/events.sock", directory + "/api.sock"
        self.config = os.path.join(directory, "config.yaml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(CONFIG + more)
        begin = time.monotonic()
        self.process = Child(
            [BUILD + "/operaglass", "run", "--config.file", self.config, "--bpf.pin-path", PIN, "--state.dir",
             directory + "/state", "--web.listen-address", f"127.0.0.1:{self.port}", "--log.level", "error",
             "--events.socket", self.events, "--events.stream-socket", self.stream],
            stdout=subprocess.DEVNULL)
        while True:
            try:
                if self.get("/-/ready")[0] == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - begin > 20:
                sys.exit("bench: operaglass did not become ready")
            time.sleep(0.001)
        self.seconds_to_ready = time.monotonic() - begin

    def get(self, path, connection=None):
        c = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        c.request("GET", path)
        response = c.getresponse()
        body = response.read()
        if connection is None:
            c.close()
        return response.status, body

    def metrics(self):
        return self.get("/metrics")[1].decode()

    def stop(self, unload=True):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        if unload:
            subprocess.run([BUILD + "/operaglass", "unload", "--bpf.pin-path", PIN], check=True,
                           stdout=subprocess.DEVNULL)

    def processes(self):
        """(name, pid) of the observer and of its child, the exporter."""
        children = open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii").read().split()
        return [("observer", self.process.pid)] + [("exporter", int(pid)) for pid in children[:1]]


def output(*command):
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[0])


def pinned(*command):
    return output("taskset", "-c", "1", *command)


def both_ends(server, *command):
    """µs of CPU that a client of 5,000 requests and its server spend on one: waits for what else runs here are not
    in it."""
    before = run_seconds(server.pid)
    client = Child(["taskset", "-c", "1", *command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(client.pid, 0)
    client.returncode = os.waitstatus_to_exitcode(status)
    if client.returncode:
        sys.exit(f"bench: {command[0]} failed")
    return (run_seconds(server.pid) - before + used.ru_utime + used.ru_stime) / 5000 * 1e6


def with_and_without(directory, rounds, measurements, more=""):
    """{name: (without, with)}: medians of interleaved runs of each measurement."""
    results = {name: ([], []) for name in measurements}
    for number in range(rounds):
        for attached in ((False, True) if number % 2 == 0 else (True, False)):
            program = Operaglass(directory, more) if attached else None
            for name, measure in measurements.items():
                results[name][attached].append(measure())
            if program:
                program.stop()
    return {name: tuple(map(statistics.median, pair)) for name, pair in results.items()}


def row(what, without, with_it, unit, aim="", higher_is_better=False):
    ratio = with_it / without if without else 0
    difference = f"{with_it - without:+.2f}" if not higher_is_better else f"{100 * (ratio - 1):+.1f} %"
    print(f"| {what} | {without:,.2f} | {with_it:,.2f} | {difference} | {ratio:.3f} | {unit} | {aim} |", flush=True)


def head():
    print("| what | without | with | difference | ratio | unit | aim |\n|---|---|---|---|---|---|---|")


def bench_spawn(directory, rounds):
    agent = os.path.join(directory, "claude")
    shutil.copy(TOOLS + "spawn", agent)
    medians = with_and_without(directory, rounds, {
        "spawn and exit, no agent": lambda: pinned(TOOLS + "spawn", TOOLS + "tiny", "3000") / 1000,
        "spawn and exit of an agent's tool": lambda: pinned(agent, TOOLS + "tiny", "3000") / 1000,
    })
    for name, pair in medians.items():
        row(name, *pair, "µs", "≤ +2")


def bench_discovery(directory, rounds):
    """What the observer itself spends on process starts whose files it knows."""
    program, starts = Operaglass(directory), 10000
    try:
        pid = program.process.pid
        pinned(TOOLS + "spawn", TOOLS + "tiny", "1000")
        shares, rates = [], []
        for _ in range(rounds):
            cpu, begin = run_seconds(pid), time.monotonic()
            pinned(TOOLS + "spawn", TOOLS + "tiny", str(starts))
            shares.append((run_seconds(pid) - cpu) / starts * 1e6)
            rates.append(starts / (time.monotonic() - begin))
    finally:
        program.stop()
    print(f"\nAt {statistics.median(rates):,.0f} process starts a second of known files the observer uses "
          f"{statistics.median(shares):.2f} µs of CPU for each.", flush=True)


def bench_https(directory, rounds):
    """With and without Operaglass, to an upstream and to a server on its port that nobody watches."""
    cert, key = certificates.server_pair(directory)
    opaque, probed = "https_static", "https"
    rows = [("opaque client", opaque, opaque, UPSTREAM, "≤ +1"),
            ("decoded client", probed, opaque, UPSTREAM, "≤ +4"),
            ("decoded client and probed server", probed, probed, UPSTREAM, "≤ +10"),
            ("unwatched, neither end probed", opaque, opaque, STRANGER, ""),
            ("unwatched, client probed", probed, opaque, STRANGER, ""),
            ("unwatched, server probed", opaque, probed, STRANGER, "")]
    ports = {opaque: PORT_HTTPS, probed: PORT_HTTPS + 1}
    servers = {tool: Child(["taskset", "-c", "1", TOOLS + tool, "server", str(port), cert, key],
                                      stdout=subprocess.PIPE)
               for tool, port in ports.items()}
    for server in servers.values():
        server.line()
    measurements = {
        name: lambda tool=tool, peer=peer, host=host: both_ends(
            servers[peer], TOOLS + tool, "client", str(ports[peer]), "5000", host)
        for name, tool, peer, host, _ in rows}
    try:
        medians = with_and_without(directory, rounds, measurements)
        uncounted = with_and_without(directory, rounds, measurements, "bpf_stats: false\n")
    finally:
        for server in servers.values():
            server.kill()
            server.wait()
    for name, _, _, _, aim in rows:
        row("HTTPS keep-alive request, " + name, *medians[name], "µs", aim)
    for name, _, _, _, aim in rows:
        row(f"HTTPS keep-alive request, {name}, bpf_stats: false", *uncounted[name], "µs", aim)


def bench_http2(directory, rounds):
    """libnghttp2 on both sides; the server is opaque."""
    cert, key = certificates.server_pair(directory)
    rows = {
        "HTTP/2 request, opaque client": ("http2_static", "1"),
        "HTTP/2 request, decoded client": ("http2", "1"),
        "HTTP/2 request, decoded client, ten at once": ("http2", "10"),
    }
    server = Child(["taskset", "-c", "1", TOOLS + "http2_static", "server", str(PORT_HTTPS), cert, key],
                              stdout=subprocess.PIPE)
    server.line()
    try:
        medians = with_and_without(directory, rounds, {
            name: lambda tool=tool, streams=streams: pinned(TOOLS + tool, "client", str(PORT_HTTPS), "5000", streams)
            / 1000
            for name, (tool, streams) in rows.items()})
    finally:
        server.kill()
        server.wait()
    for name in rows:
        row(name, *medians[name], "µs", "")


def bench_tcp(directory, rounds):
    medians = with_and_without(directory, rounds, {
        "unwatched TCP, 200-byte round trips": lambda: pinned(TOOLS + "tcp", "rr", "0.5"),
        "unwatched TCP, bulk": lambda: pinned(TOOLS + "tcp", "bulk", "0.5") / 1e9,
    })
    row("unwatched TCP, 200-byte round trips", *medians["unwatched TCP, 200-byte round trips"], "1/s", "", True)
    row("unwatched TCP, bulk", *medians["unwatched TCP, bulk"], "GB/s", "", True)


def per_program(text):
    """{program: (seconds, runs)}"""
    found = {}
    for field, index in (("run_seconds", 0), ("runs", 1)):
        for name, value in re.findall(rf'operaglass_bpf_program_{field}_total{{program="([^"]+)"}} (\S+)', text):
            found.setdefault(name, [0.0, 0.0])[index] = float(value)
    return found


def bench_programs(directory, _rounds):
    """Nanoseconds per run by bpf_stats, under the loads of the other rows."""
    program = Operaglass(directory)
    cert, key = certificates.server_pair(directory)
    servers = [Child([TOOLS + tool, "server", str(port), cert, key], stdout=subprocess.PIPE)
               for tool, port in (("https_static", PORT_HTTPS), ("http2_static", PORT_HTTPS + 1),
                                  ("https", PORT_HTTPS + 2))]
    for server in servers:
        server.line()
    agent = os.path.join(directory, "claude")
    shutil.copy(TOOLS + "spawn", agent)
    loads = [("unwatched packets", [[TOOLS + "tcp", "rr", "1"]]),
             ("processes that are no agents", [[TOOLS + "spawn", TOOLS + "tiny", "5000"]]),
             ("tools of an agent", [[agent, TOOLS + "tiny", "5000"]]),
             ("opaque HTTPS", [[TOOLS + "https_static", "client", str(PORT_HTTPS), "5000"]]),
             ("decoded HTTPS", [[TOOLS + "https", "client", str(PORT_HTTPS), "5000"]]),
             ("HTTPS nobody watches, client probed", [[TOOLS + "https", "client", str(PORT_HTTPS), "5000", STRANGER]]),
             ("HTTPS nobody watches, server probed",
              [[TOOLS + "https_static", "client", str(PORT_HTTPS + 2), "5000", STRANGER]]),
             ("decoded HTTP/2", [[TOOLS + "http2", "client", str(PORT_HTTPS + 1), "5000", "1"]]),
             ("decoded HTTP/2, ten at once", [[TOOLS + "http2", "client", str(PORT_HTTPS + 1), "5000", "10"]])]
    print("\n| load | program | runs | ns per run |\n|---|---|---|---|")
    try:
        for name, commands in loads:
            before = per_program(program.metrics())
            for command in commands:
                pinned(*command)
            after = per_program(program.metrics())
            life = 0.0
            for key_, (seconds, runs) in sorted(after.items()):
                runs -= before.get(key_, (0, 0))[1]
                seconds -= before.get(key_, (0, 0))[0]
                if runs >= 500:
                    print(f"| {name} | {key_} | {runs:,.0f} | {seconds * 1e9 / runs:.0f} |")
                    life += seconds
            if "process" in name or "tools" in name:
                print(f"| {name} | all, for one process life | 5,000 | {life * 1e9 / 5000:.0f} |")
    finally:
        for server in servers:
            server.kill()
            server.wait()
        program.stop()


def bench_scrape(directory, _rounds):
    """A whole scrape over a kept connection, as Prometheus does it."""
    program = Operaglass(directory)
    agent = os.path.join(directory, "claude")
    shutil.copy(TOOLS + "tiny", agent)
    print("\n| live agents | scrape, median ms | 95th percentile ms | aim |\n|---|---|---|---|")
    try:
        for count in (0, 500, 2000):
            agents = None
            if count:
                agents = Child([TOOLS + "spawn", "-l", agent, str(count)], stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE)
                agents.line()
            connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=10)
            times = []
            for _ in range(60):
                begin = time.perf_counter()
                program.get("/metrics", connection)
                times.append((time.perf_counter() - begin) * 1000)
            times.sort()
            print(f"| {count} | {statistics.median(times):.2f} | {times[56]:.2f} | ≤ 1 |", flush=True)
            if agents:
                agents.stdin.close()
                agents.wait()
    finally:
        program.stop()



def run_seconds(pid):
    return int(open(f"/proc/{pid}/schedstat", encoding="ascii").read().split()[0]) / 1e9


def bench_idle(directory, _rounds):
    """Resident memory after 100 scrapes, and CPU while nothing happens."""
    program = Operaglass(directory)
    try:
        for _ in range(100):
            program.metrics()
        time.sleep(1)
        before = {name: run_seconds(pid) for name, pid in program.processes()}
        begin = time.monotonic()
        time.sleep(20)
        elapsed = time.monotonic() - begin
        total = 0.0
        print("\n| process | resident MiB | of it private MiB | idle CPU, % of a core |\n|---|---|---|---|")
        for name, pid in program.processes():
            status = open(f"/proc/{pid}/status", encoding="utf-8", errors="replace").read()
            resident = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024
            private = int(re.search(r"RssAnon:\s+(\d+)", status).group(1)) / 1024
            total += resident
            print(f"| {name} | {resident:.2f} | {private:.2f} | {100 * (run_seconds(pid) - before[name]) / elapsed:.3f} |")
        print(f"| both | {total:.2f} (aim ≤ 8) | | (aim ≤ 0.1) |", flush=True)
    finally:
        program.stop()


def bench_start(directory, rounds):
    fresh, adopted = [], []
    for _ in range(max(rounds, 5)):
        program = Operaglass(directory)
        fresh.append(program.seconds_to_ready * 1000)
        program.stop(unload=False)
        program = Operaglass(directory)
        adopted.append(program.seconds_to_ready * 1000)
        program.stop()
    print(f"\nStart to ready: {statistics.median(fresh):.0f} ms when everything is loaded anew (aim ≤ 100), "
          f"{statistics.median(adopted):.0f} ms when the pinned programs are taken over.", flush=True)


def bench_events(directory, rounds):
    reporting.bench_events(lambda more: Operaglass(directory, more), TOOLS, min(rounds, 5))


ROWS = {"spawn": bench_spawn, "discovery": bench_discovery, "https": bench_https, "http2": bench_http2, "tcp": bench_tcp, "programs": bench_programs,
        "scrape": bench_scrape, "idle": bench_idle, "start": bench_start, "events": bench_events}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("rows", nargs="*", default=list(ROWS))
    options = parser.parse_args()
    uname = os.uname()
    print(f"Linux {uname.release.split('-')[0]}, {os.cpu_count()} CPUs, {time.strftime('%Y-%m-%d')}; medians of "
          f"{options.rounds} interleaved rounds\n")
    directory = tempfile.mkdtemp(prefix="og-bench-")
    os.chmod(directory, 0o755)
    try:
        head()
        for name in options.rows:
            ROWS[name](directory, options.rounds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
