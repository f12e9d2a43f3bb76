#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The command line: what each wrong call says and how it ends, and that nothing is left behind."""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile

from harness import BUILD, Operaglass, Tap, free_port, mount_bpffs

PROGRAM = f"{BUILD}/operaglass"
COMMANDS = ("run", "doctor", "unload", "check-config", "version", "tls")
PASSED = ("emit", "audit", "cost", "analytics")
RUN_OPTIONS = {
    "config.file", "web.listen-address", "web.telemetry-path", "bpf.pin-path", "cgroup.path", "state.dir", "user",
    "events.socket", "events.stream-socket", "web.config.file", "log.level", "log.format", "help",
}  # fmt: skip
# What `run` needs, by the kernel's numbers.
BITS = {
    "dac_read_search": 2, "kill": 5, "setgid": 6, "setuid": 7, "setpcap": 8, "net_admin": 12, "sys_ptrace": 19,
    "perfmon": 38, "bpf": 39, "checkpoint_restore": 40,
}  # fmt: skip
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

# arguments: the one line on standard error
WRONG = {
    (): None,
    ("frobnicate",): "operaglass: no command 'frobnicate' ('operaglass --help' lists them)",
    ("run", "--frobnicate"): (
        "operaglass: unknown option '--frobnicate' of run ('operaglass run --help' lists them)"
    ),
    ("run", "--frobnicate=7"): (
        "operaglass: unknown option '--frobnicate' of run ('operaglass run --help' lists them)"
    ),
    ("unload", "--user", "x"): (
        "operaglass: unknown option '--user' of unload ('operaglass unload --help' lists them)"
    ),
    (
        "run",
        "now",
    ): "operaglass: run takes no argument 'now' ('operaglass run --help' lists its options)",
    ("run", "--user"): "operaglass: --user needs a NAME",
    ("run", "--user="): "operaglass: --user: its NAME is empty",
    ("run", "--help=yes"): "operaglass: --help takes no value",
    ("run", "--log.level", "loud"): (
        "operaglass: --log.level: no level 'loud' (debug, info, warning, error)"
    ),
    ("run", "--log.format=xml"): "operaglass: --log.format: no format 'xml' (logfmt, json)",
    ("run", "--web.listen-address", "localhost"): (
        "operaglass: --web.listen-address: 'localhost' is not HOST:PORT"
        " (127.0.0.1:9782, [::1]:9782, :9782)"
    ),
    ("run", "--web.listen-address", "localhost:65536"): (
        "operaglass: --web.listen-address: 'localhost:65536' is not HOST:PORT"
        " (127.0.0.1:9782, [::1]:9782, :9782)"
    ),
    ("run", "--web.telemetry-path", "metrics"): (
        "operaglass: --web.telemetry-path: 'metrics' does not begin with '/'"
    ),
    ("run", "--state.dir", "/tmp/"): "operaglass: --state.dir: '/tmp/' ends with '/'",
    ("check-config", "a", "b"): "operaglass: check-config takes one file, and 'b' is a second one",
}


def run(*arguments, prefix=()):
    return subprocess.run([*prefix, PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20)  # fmt: skip


def message(line):
    """The text of a log line."""
    found = re.search(r'msg="((?:[^"\\]|\\.)*)"', line)
    return found[1] if found else line


def check_usage(tap):
    for arguments, line in WRONG.items():
        done = run(*arguments)
        said = done.stderr.rstrip("\n")
        good = done.returncode == 2 and done.stdout == "" and (line is None or said == line)
        tap.ok(f"'operaglass {' '.join(arguments)}' says what is wrong and exits 2", good,
               f"exit {done.returncode}\nexpected: {line}\n     got: {said}")  # fmt: skip


def check_help(tap):
    overview = run("--help")
    named = re.findall(r"^  (\S+) ", overview.stdout, re.M)
    tap.equal("--help lists every command", (overview.returncode, tuple(named)), (0, COMMANDS + PASSED))
    for command in COMMANDS:
        done = run(command, "--help")
        tap.ok(f"{command} --help prints its options and exits 0",
               done.returncode == 0 and f"usage: operaglass {command}" in done.stdout and "--help" in done.stdout)  # fmt: skip
    for command in PASSED:
        done = run(command, "--help")
        tap.ok(f"{command} --help, of the other program, exits 0",
               done.returncode == 0 and f"operaglass {command}" in done.stdout)  # fmt: skip
    options = set(re.findall(r"^  --(\S+)", run("run", "--help").stdout, re.M))
    tap.equal("run --help lists the options of run and no other", options, RUN_OPTIONS)
    done = run("version")
    tap.ok(
        "version prints name and version",
        re.fullmatch(r"operaglass \d+\.\d+\.\d+\n", done.stdout),
        done.stdout,
    )


def check_configuration(tap, directory):
    path = f"{directory}/bad.yml"
    with open(path, "w", encoding="utf-8") as file:
        file.write("agents: []\nupstream: []\n")
    done = run("check-config", path)
    tap.ok("check-config names file, line and column of an unknown key and exits 2",
           done.returncode == 2 and done.stderr.startswith(f"{path}:2:1: ") and done.stderr.count("\n") == 1,
           done.stderr)  # fmt: skip
    same = run("check-config", "--config.file", path)
    tap.equal("check-config takes the file as --config.file, too", same.stderr, done.stderr)
    done = run("check-config")
    tap.equal("check-config says ok to the defaults", (done.returncode, done.stdout), (0, "ok\n"))
    dump = run("check-config", "--dump").stdout
    with open(path, "w", encoding="utf-8") as file:
        file.write(dump)
    tap.equal(
        "check-config --dump of its own dump gives the same",
        run("check-config", "--dump", path).stdout,
        dump,
    )
    missing = run("check-config", f"{directory}/none.yml")
    tap.ok("check-config of a missing file says so in one line and exits 2",
           missing.returncode == 2 and missing.stderr.count("\n") == 1 and "none.yml" in missing.stderr,
           missing.stderr)  # fmt: skip


def check_start_failures(tap, directory):
    pins = f"/sys/fs/bpf/og-test-{os.getpid()}-cl"
    common = ["--bpf.pin-path", pins, "--state.dir", f"{directory}/state"]
    bad = f"{directory}/bad.yml"
    with open(bad, "w", encoding="utf-8") as file:
        file.write("defaults: perhaps\n")
    done = run("run", "--config.file", bad, *common)
    tap.ok("run with a wrong configuration says where, exits 2 and starts nothing",
           done.returncode == 2 and message(done.stderr).startswith(f"{bad}:1:11: ") and done.stderr.count("\n") == 1
           and not os.path.exists(pins) and not os.path.exists(f"{directory}/state"), done.stderr)  # fmt: skip
    for command in ("run", "unload"):
        done = run(command, "--bpf.pin-path", pins, prefix=NOBODY)
        tap.ok(f"{command} by somebody else than root says so in one line and exits 2",
               done.returncode == 2 and message(done.stderr).startswith(f"operaglass {command} needs root")
               and done.stderr.count("\n") == 1 and not done.stdout, done.stderr)  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = run("run", *common, "--web.listen-address", f"127.0.0.1:{port}")
    lines = done.stderr.splitlines()
    tap.ok("run with a used port says so in one line and exits 1",
           done.returncode == 1 and len(lines) == 1 and f"127.0.0.1:{port}" in lines[0]
           and "in use" in lines[0], done.stderr)  # fmt: skip
    tap.ok("run with a used port leaves nothing pinned", not os.path.exists(pins))
    done = run(
        "run", *common, "--user", "no-such-user", "--web.listen-address", f"127.0.0.1:{free_port()}"
    )
    tap.ok("run with an unknown --user says so in one line, exits 1 and leaves nothing pinned",
           done.returncode == 1 and done.stderr.count("\n") == 1 and "no-such-user" in done.stderr
           and not os.path.exists(pins), done.stderr)  # fmt: skip
    done = run("run", "--bpf.pin-path", f"{directory}/pins", "--state.dir", f"{directory}/state")
    tap.ok("run with a pin path that is on no bpf file system says so in one line and exits 1",
           done.returncode == 1 and done.stderr.count("\n") == 1 and "not on a bpf file system" in done.stderr,
           done.stderr)  # fmt: skip
    done = run("unload", "--bpf.pin-path", pins)
    tap.equal("unload with nothing loaded says so and exits 0", (done.returncode, done.stdout, done.stderr),
              (0, f"nothing is loaded below {pins}\n", ""))  # fmt: skip


def check_running(tap):
    with Operaglass() as og:
        pid = og.process.pid
        tap.ok(
            "run prints the address of the metrics",
            f"listening on {og.url}/metrics\n" in og.logs(),
            og.logs(),
        )
        done = run("unload", "--bpf.pin-path", og.pins)
        tap.ok("unload refuses while an instance runs, names its pid and exits 1",
               done.returncode == 1 and f"operaglass (pid {pid}) is running" in done.stderr, done.stderr)  # fmt: skip
        with tempfile.TemporaryDirectory() as other:
            second = run("run", "--bpf.pin-path", og.pins, "--state.dir", other)
            tap.ok("a second run with the same pins names the pid of the first and exits 1",
                   second.returncode == 1 and f"another operaglass (pid {pid}) has the pin directory" in second.stderr
                   and second.stderr.count("\n") == 1, second.stderr)  # fmt: skip
        second = run(
            "run", "--bpf.pin-path", og.pins + "-2", "--state.dir", og.directory + "/state"
        )
        tap.ok("a second run with the same state directory names the pid of the first and exits 1",
               second.returncode == 1 and f"another operaglass (pid {pid}) has the state directory" in second.stderr
               and not os.path.exists(og.pins + "-2"), second.stderr)  # fmt: skip
        tap.equal("and the first one is as ready as before", og.get("/-/ready")[0], 200)
        doctor = run("doctor", "--json", "--bpf.pin-path", og.pins)
        report = json.loads(doctor.stdout)
        names = {check["name"] for check in report["checks"]}
        programs = {
            key
            for key in (dict(k)["program"] for k in og.metrics()["operaglass_bpf_program_attached"])
        }
        tap.ok("doctor has a row for every program and for what they need", programs <= names and
               {"kernel", "btf", "lockdown", "capabilities", "cgroup_v2", "bpffs"} <= names, names)  # fmt: skip
        bad = [check for check in report["checks"] if check["state"] != "ok"]
        tap.ok(
            "doctor finds this host complete and exits 0", doctor.returncode == 0 and not bad, bad
        )
        table = run("doctor", "--bpf.pin-path", og.pins).stdout.splitlines()
        tap.equal(
            "doctor's table has a line for each row and a verdict",
            len(table),
            len(report["checks"]) + 1,
        )
        tap.equal("doctor leaves a running instance alone", og.get("/-/ready")[0], 200)
        og.process.send_signal(signal.SIGTERM)
        tap.equal("SIGTERM ends it with 0", og.process.wait(5), 0)
        tap.ok(
            "and it says that counting goes on",
            "counting goes on in the kernel" in og.logs(),
            og.logs(),
        )
        tap.ok("the programs stay pinned", os.path.exists(og.pins + "/identity"))
        done = og.unload()
        tap.ok("unload then removes them and exits 0", done.returncode == 0 and not os.path.exists(og.pins),
               done.stdout + done.stderr)  # fmt: skip
    nobody = run("doctor", prefix=NOBODY)
    tap.ok("doctor by somebody else than root says what is missing and exits 2",
           nobody.returncode == 2 and "CAP_BPF" in nobody.stdout, nobody.stdout)  # fmt: skip


def attached(metrics):
    series = metrics["operaglass_bpf_program_attached"]
    return {dict(key)["program"]: value for key, value in series.items()}


def bad_lines(log):
    return [message(line) for line in log.splitlines() if re.search("level=(warning|error)", line)]


def check_missing(tap):
    """What is missing on a host is said in one line, and the rest works."""
    hide_types = [
        "unshare",
        "-m",
        "sh",
        "-c",
        'mount -t tmpfs none /sys/kernel/btf && exec "$@"',
        "sh",
    ]
    with Operaglass(prefix=hide_types) as og:
        lines = bad_lines(og.logs())
        tap.ok("without BTF one line says so", len(lines) == 1 and "has no BTF" in lines[0], lines)
        metrics = og.metrics()
        tap.equal("no program is attached", set(attached(metrics).values()), {0})
        up = {dict(key)["component"]: value for key, value in metrics["operaglass_up"].items()}
        wanted = {"exporter": 1, "observer": 1, "journal": 1, "process": 0, "socket": 0, "tls": 0}
        tap.equal("the rest is up and served", up, wanted)
    with Operaglass("", ["--cgroup.path", "/nonexistent"]) as og:
        lines = bad_lines(og.logs())
        said = "cannot open the root of cgroup v2 at /nonexistent: No such file or directory"
        tap.ok(
            "without cgroup v2 one line says so",
            len(lines) == 1 and lines[0].startswith(said),
            lines,
        )
        missing = {name for name, value in attached(og.metrics()).items() if not value}
        wanted = {"socket_egress", "socket_ingress", "socket_connect4", "socket_connect6"}
        tap.equal("only its programs are not attached", missing, wanted)
        tap.equal("and the component is down", down(og.metrics()), {"socket"})
    unmount = ["unshare", "-m", "sh", "-c", 'umount -a -t cgroup2 && exec "$@"', "sh"]
    with Operaglass(prefix=unmount) as og:
        tap.equal(
            "where cgroup v2 is not mounted, nothing is missing",
            set(attached(og.metrics()).values()),
            {1},
        )
    with Operaglass("bpf_stats: false", prefix=bounded(set(BITS))) as og:
        tap.equal(
            "with the capabilities that README lists nothing is said", bad_lines(og.logs()), []
        )
        tap.equal("and every program is attached", set(attached(og.metrics()).values()), {1})


def bounded(names):
    return ["setpriv", "--bounding-set", ",".join(["-all", *(f"+{n}" for n in names)]), "--"]


def down(metrics):
    series = metrics["operaglass_up"]
    return {dict(key)["component"] for key, value in series.items() if not value}


def check_missing_capabilities(tap):
    """What cannot do without is down, and one line says so; the rest is attached and at work."""
    packets = {"socket_egress", "socket_ingress", "socket_connect4", "socket_connect6"}
    for name, lost, blind in (
        ("net_admin", "calls and connections", packets),
        ("sys_ptrace", "endpoint and status of calls of other users' processes", set()),
    ):
        prefix, shown = bounded(set(BITS) - {name}), "CAP_" + name.upper()
        with Operaglass("bpf_stats: false", prefix=prefix) as og:
            lines = bad_lines(og.logs())
            said = f"capabilities are not there: {shown} (without it is missing: {lost})"
            tap.ok(
                f"without {shown} one line says so",
                len(lines) == 1 and lines[0].startswith(said),
                lines,
            )
            metrics = og.metrics()
            missing = {program for program, value in attached(metrics).items() if not value}
            tap.equal(f"without {shown} the rest is attached", missing, blind)
            tap.equal("what is blind is down", down(metrics), {"socket"} if blind else set())
            doctor = run("doctor", "--json", "--bpf.pin-path", og.pins, prefix=prefix)
            rows = {row["name"]: row for row in json.loads(doctor.stdout)["checks"]}
            row = rows["capabilities"]
            tap.equal(
                f"without {shown} doctor says degraded, which it is, and exits 1",
                (doctor.returncode, row["state"], row["detail"]),
                (1, "degraded", f"missing: {shown}"),
            )
            tap.ok("with what is lost, and what to do", row["lost"] and row["advice"], row)


def check_privileges(tap):
    """Of both processes: who they are and what they may do while they run."""
    with Operaglass() as og:
        observer, exporter = status_of(og.process.pid), status_of(child_of(og.process.pid))
        kept = set(BITS) - {"net_admin"}
        tap.equal("the observer keeps what it needs later", capabilities(observer["CapPrm"]), kept)
        tap.equal("the exporter keeps nothing", capabilities(exporter["CapPrm"]), set())
        tap.equal("the exporter is nobody", set(exporter["Uid"].split()), {"65534"})
        for name, process in (("observer", observer), ("exporter", exporter)):
            tap.equal(f"the {name} cannot gain privileges", process["NoNewPrivs"], "1")
        tap.equal("the exporter is under seccomp", exporter["Seccomp"], "2")


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def capabilities(mask):
    return {name for name, bit in BITS.items() if int(mask, 16) >> bit & 1} | (
        {"others"} if int(mask, 16) & ~sum(1 << bit for bit in BITS.values()) else set()
    )


def main():
    tap = Tap()
    mount_bpffs()
    check_usage(tap)
    check_help(tap)
    with tempfile.TemporaryDirectory(prefix="og-test-") as directory:
        check_configuration(tap, directory)
    with tempfile.TemporaryDirectory(prefix="og-test-") as directory:
        os.chmod(directory, 0o755)
        check_start_failures(tap, directory)
    check_running(tap)
    check_missing(tap)
    check_missing_capabilities(tap)
    check_privileges(tap)
    tap.done()


if __name__ == "__main__":
    main()
