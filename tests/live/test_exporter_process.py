#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The exporter as a process: privileges, readiness, what it says of itself, memory, how it ends,
what it says when it cannot start, addresses."""
import json
import os
import re
import signal
import socket
import subprocess

from exporter import (
    COMPLETE,
    PROMETHEUS_ACCEPT,
    REPLACED,
    SECONDS,
    STATUS,
    Exporter,
    Response,
    sample,
    send,
    wait_for,
)
from harness import Tap

RESIDENT_KIB = 5632  # SQLite, JSON and TLS included

tap = Tap()


def check_privileges(exporter):
    tap.equal("it runs as nobody", exporter.status("Uid"), "\t".join(["65534"] * 4))
    tap.equal("it has no supplementary groups", exporter.status("Groups"), "")
    sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
    tap.equal("every capability set is empty", [exporter.status(s) for s in sets], ["0" * 16] * 5)
    tap.equal("it cannot gain privileges", exporter.status("NoNewPrivs"), "1")
    tap.equal("its system calls are filtered", exporter.status("Seccomp"), "2")
    tap.equal("it has three threads: the loop, the recorder, the worker", exporter.status("Threads"), "3")
    tap.equal("its directory is /", os.readlink(f"/proc/{exporter.process.pid}/cwd"), "/")


def check_ready(exporter):
    first = exporter.get("/-/ready")
    tap.equal("it is not ready before the observer says so", first.code, 503)
    tap.equal("it is healthy all the same", exporter.get("/-/healthy").code, 200)
    exporter.say(COMPLETE)
    tap.ok(
        "it is ready once everything is attached",
        wait_for(lambda: exporter.get("/-/ready").code == 200),
    )
    exporter.say(REPLACED)
    tap.ok(
        "it is not ready while a generation is replaced",
        wait_for(lambda: exporter.get("/-/ready").code == 503),
    )
    exporter.say(COMPLETE)
    tap.ok("and ready after it", wait_for(lambda: exporter.get("/-/ready").code == 200))


def seconds_of(pid):
    """CPU time by the kernel's own word, to a tick."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def check_process(exporter):
    """What it says of a process lies between what the kernel says of it before and after."""

    def facts():
        return {
            "process_cpu_seconds_total": seconds_of(exporter.process.pid),
            'operaglass_process_cpu_seconds_total{process="exporter"}': seconds_of(exporter.process.pid),
            'operaglass_process_cpu_seconds_total{process="observer"}': seconds_of(os.getpid()),
            "process_virtual_memory_bytes": int(exporter.status("VmSize").split()[0]) * 1024,
            "process_resident_memory_bytes": int(exporter.status("VmRSS").split()[0]) * 1024,
        }

    slack = {"cpu": 0.05, "virtual": 0, "resident": 1 << 20}  # ticks; what a scrape takes and gives back
    exporter.get()
    before = facts()
    text = exporter.get().text()
    after = facts()
    for name, least in before.items():
        give = next(number for part, number in slack.items() if part in name)
        tap.within(f"{name} is the kernel's", sample(text, name), least - give, after[name] + give)
    with open(f"/proc/{exporter.process.pid}/limits", encoding="ascii") as file:
        limit = re.search(r"^Max open files +(\d+)", file.read(), re.M)[1]
    tap.equal("process_max_fds is its limit", sample(text, "process_max_fds"), int(limit))


def check_self(exporter):
    exporter.say(STATUS, 1, "sockets")
    exporter.say(STATUS, 0, 'tls "x"')
    text = exporter.get().text()
    tap.equal("a component that is up is 1", sample(text, 'operaglass_up{component="sockets"}'), 1)
    tap.equal("one that is down is 0", sample(text, 'operaglass_up{component="tls \\"x\\""}'), 0)
    count = "operaglass_scrape_duration_seconds_count"
    before = sample(exporter.get().text(), count)
    exporter.get(method="HEAD")
    exporter.get("/")
    tap.equal("every scrape is counted once", sample(exporter.get().text(), count), before + 2)
    with exporter.connect() as connection:
        send(connection, "/metrics")
        text = Response(connection).text()
        tap.equal("open descriptors are right", sample(text, "process_open_fds"), exporter.fds())
    started = float(
        subprocess.check_output(["stat", "-c", "%.9Y", f"/proc/{exporter.process.pid}"])
    )
    tap.within(
        "the start time is right",
        sample(text, "process_start_time_seconds"),
        started - 2,
        started + 1,
    )
    resident = sample(text, 'operaglass_process_resident_memory_bytes{process="observer"}')
    with open("/proc/self/statm", encoding="ascii") as file:
        mine = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    tap.within("the observer's memory is this program's", resident, mine * 0.9, mine * 1.1)
    listed = dict(re.findall(r'^operaglass_series{family="([^"]+)"} (\d+)$', text, re.M))
    families = {re.split("[{ ]", line)[0] for line in text.splitlines() if line[0] != "#"}
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in families}
    tap.equal("every family with series is listed", set(listed), families)
    tap.equal("the list counts itself", int(listed["operaglass_series"]), len(listed))


def check_memory(exporter):
    for _ in range(100):
        exporter.get(Accept_Encoding="gzip", Accept=PROMETHEUS_ACCEPT)
    resident = int(exporter.status("VmRSS").split()[0])
    tap.within(
        f"after a hundred scrapes it has at most {RESIDENT_KIB} KiB", resident, 1, RESIDENT_KIB
    )
    print(f"# resident: {resident} KiB")


def check_stop():
    with Exporter() as exporter:
        exporter.process.send_signal(signal.SIGTERM)
        tap.equal("SIGTERM ends it with 0", exporter.process.wait(SECONDS), 0)
    with Exporter("--log.format=json", "--log.level=info") as exporter:
        exporter.process.send_signal(signal.SIGHUP)
        tap.equal("SIGHUP does not", exporter.get("/-/healthy").code, 200)
        exporter.socket.close()
        tap.equal("the end of the observer does", exporter.process.wait(SECONDS), 0)
        lines = [json.loads(line) for line in exporter.read_log().splitlines()]
        good = lines and all(set(line) == {"time", "level", "component", "msg"} for line in lines)
        tap.ok("every log line is JSON with four fields", good, lines)
    with Exporter("--log.level=error") as exporter:
        tap.equal("log.level drops lines below it", exporter.read_log(), "")


def ended(*options, addresses=("127.0.0.1:0",)):
    """Exit code and last message of an exporter that cannot start."""
    exporter = Exporter(*options, addresses=addresses)
    try:
        code = exporter.process.wait(SECONDS)
        message = re.findall(r'msg="(.*)"$', exporter.read_log(), re.M)
        return code, message
    finally:
        exporter.process.kill()
        exporter.process.wait()
        exporter.socket.close()


def check_refusals():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        tap.equal(
            "a taken port is one clear line and exit code 1",
            ended(addresses=[address]),
            (
                1,
                [
                    f"cannot listen on {address}: Address already in use; stop the other process or pass --web.listen-address"
                ],
            ),
        )
    tap.equal(
        "so is an address that is none",
        ended(addresses=["localhost"]),
        (1, ["cannot listen on localhost: not an address; write HOST:PORT, [IPV6]:PORT or :PORT"]),
    )
    tap.equal(
        "so is an unknown user",
        ended("--user=no-such-user"),
        (1, ["cannot become user 'no-such-user': no such user; pass --user=NAME"]),
    )
    tap.equal(
        "it refuses to stay root",
        ended("--user=root"),
        (1, ["cannot become user 'root': it is root; pass --user with another one"]),
    )
    tap.equal(
        "a bad option is one line and exit code 2",
        ended("--log.level=loud"),
        (2, ["--log.level: 'loud' is not allowed; it takes debug, info, warning, error"]),
    )


def check_addresses():
    with Exporter(
        "--web.telemetry-path=/telemetry", addresses=("127.0.0.1:0", "127.0.0.3:0", "[::1]:0")
    ) as exporter:
        listening = subprocess.check_output(["ss", "-Hltnp"], text=True)
        mine = [
            line.split()[3]
            for line in listening.splitlines()
            if f"pid={exporter.process.pid}," in line
        ]
        tap.equal(
            "it listens on every address",
            sorted(a.rsplit(":", 1)[0] for a in mine),
            ["127.0.0.1", "127.0.0.3", "[::1]"],
        )
        for address in mine:
            host, port = address.rsplit(":", 1)
            with socket.create_connection((host.strip("[]"), int(port)), SECONDS) as connection:
                send(connection, "/telemetry")
                tap.equal(f"{host} answers", Response(connection).code, 200)
        tap.equal("the default path is not there then", exporter.get("/metrics").code, 404)
        tap.ok("the page links the other one", '<a href="/telemetry">' in exporter.get("/").text())


def main():
    with Exporter() as exporter:
        check_privileges(exporter)
        check_ready(exporter)
        check_process(exporter)
        check_self(exporter)
        check_memory(exporter)
        tap.ok("it logged no error", "level=error" not in exporter.read_log(), exporter.read_log())
    check_stop()
    check_refusals()
    check_addresses()
    tap.done()


main()
