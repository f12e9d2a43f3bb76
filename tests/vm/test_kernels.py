#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The kernel matrix: on every supported kernel the programs load, attach, count exactly, and go.

usage: tests/vm/test_kernels.py [KERNEL...]
OPERAGLASS_BUILD says where the programs are (default: build).

What each guest said is kept in build/vm/log/KERNEL.txt.
"""
import concurrent.futures
import os
import re
import signal
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../live"))
import certificates  # noqa: E402
import kernels  # noqa: E402
import vm  # noqa: E402

TOP = kernels.TOP
HERE = os.path.join(TOP, "tests", "vm", "guest")
LOGS = os.path.join(kernels.CACHE, "log")
BUILD = os.environ.get("OPERAGLASS_BUILD") or os.path.join(TOP, "build")
GUESTS_AT_ONCE = 2
SCRIPT_SECONDS = 300

PASSWD = b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
GROUP = b"root:x:0:\nnogroup:x:65534:\n"

# Programs that may stay unattached, by kernel: HTTP/2 is read with bpf_loop, which came with 5.17.
OPTIONAL = {"5.10": {"og_tls_http2", "og_tls_authority", "sweep_http2"}}

AGENT = [
    ('orchestrate_agent_starts_total', {"type": "claude-code"}, 1),
    ('orchestrate_agent_exits_total', {"type": "claude-code", "reason": "error", "code": "3"}, 1),
    (
        'orchestrate_tool_executions_total',
        {"type": "claude-code", "tool": "fake-tool", "reason": "success"},
        1,
    ),
]
# Of guest/eater.c: an agent of another type.
EATER = [
    ('orchestrate_agent_starts_total', {"type": "codex"}, 1),
    ('orchestrate_agent_exits_total', {"type": "codex", "reason": "oom", "code": "SIGKILL"}, 1),
    ('orchestrate_agent_execution_seconds_count', {"type": "codex", "reason": "oom"}, 1),
]
# Of guest/database.c, whose request is 22 bytes and whose answer 8.
CONNECTION = [
    ('upstream_connections_total', {"upstream": "postgres", "visibility": "plain"}, 1),
    ('upstream_connections_total', {"upstream": "telegram", "visibility": "decoded"}, 1),
    (
        'upstream_requests_total',
        {"upstream": "postgres", "endpoint": "unknown", "method": "unknown"},
        1,
    ),
]
BYTES = [
    ('upstream_sent_bytes_total', {"upstream": "postgres"}, 22),
    ('upstream_received_bytes_total', {"upstream": "postgres"}, 8),
]
CALL = [
    ('telegram_api_requests_total', {"endpoint": "getMe", "method": "GET"}, 1),
    ('telegram_api_duration_seconds_count', {"endpoint": "getMe", "status_code": "200"}, 1),
]


def compile_static(name, output):
    """Builds one of the guest's own programs into build/vm and returns its path."""
    path = os.path.join(kernels.CACHE, output)
    os.makedirs(kernels.CACHE, exist_ok=True)
    subprocess.run(
        ["gcc", "-O2", "-Wall", "-Wextra", "-static", "-o", path, f"{HERE}/{name}.c"], check=True
    )
    return path


def make_guest():
    """What every kernel gets: operaglass as `make install` lays it out, and what it observes."""
    guest = vm.Guest()
    guest.add_program(f"{BUILD}/operaglass", "/usr/local/sbin/operaglass")
    guest.add_program(
        f"{BUILD}/operaglass-exporter", "/usr/local/libexec/operaglass/operaglass-exporter"
    )
    guest.add_program("/usr/sbin/bpftool")
    agent = compile_static("agent", "agent")
    guest.add_program(agent, "/usr/bin/claude")
    guest.add_program(agent, "/usr/bin/fake-tool")
    guest.add_program(compile_static("eater", "eater"), "/usr/bin/codex")
    guest.add_program(compile_static("database", "database"))
    guest.add_program(compile_static("bpf-ids", "bpf-ids"))
    guest.add_program("/usr/bin/openssl")
    for path, name in zip(certificates.server_pair(kernels.CACHE), ("certificate", "key")):
        with open(path, "rb") as file:
            guest.add("/tls/" + name, file.read())
    guest.add("/etc/passwd", PASSWD)
    guest.add("/etc/group", GROUP)
    return guest


def parts(output):
    """The script's output, by part."""
    pieces = re.split(r"^@@ ([\w-]+)\n", output, flags=re.M)
    return dict(zip(pieces[1::2], (text.strip() for text in pieces[2::2])))


def samples(text):
    """{(name, labels as a sorted tuple): value} of a Prometheus text."""
    found = {}
    for line in text.splitlines():
        match = re.match(r"^(\w+)(?:\{(.*)\})? (\S+)$", line)
        if match and not line.startswith("#"):
            labels = tuple(sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2) or "")))
            found[match.group(1), labels] = float(match.group(3))
    return found


def wrong_values(metrics, expected, alone=True):
    """One line per wrong sample; alone: nothing else of its family may have counted."""
    wrong = []
    for name, labels, value in expected:
        key = (name, tuple(sorted(labels.items())))
        if metrics.get(key) != value:
            wrong.append(f"{name}{labels} is {metrics.get(key)}, not {value}")
    if not alone:
        return wrong
    wanted = {(name, tuple(sorted(labels.items()))) for name, labels, _ in expected}
    for name in {name for name, _, _ in expected}:
        wrong += [
            f"{key[0]}{dict(key[1])} is {value}, not 0"
            for key, value in metrics.items()
            if key[0] == name and key not in wanted and value != 0
        ]
    return wrong


def of_agents(metrics, wanted):
    """The samples of agents whose type is wanted."""
    return {key: value for key, value in metrics.items() if wanted(dict(key[1]).get("type"))}


def check_attached(name, part, metrics):
    programs = {
        dict(labels)["program"]: value
        for (family, labels), value in metrics.items()
        if family == "operaglass_bpf_program_attached"
    }
    wrong = [
        f"program {program} is not attached"
        for program, value in sorted(programs.items())
        if value != 1 and program not in OPTIONAL.get(name, ())
    ]
    if part.get("ready") != "yes":
        wrong.append("/-/ready never answered 200")
    elif not programs:
        wrong.append("/metrics names no program")
    if part.get("doctor-code") not in ("0", "1"):
        wrong.append(f"doctor ended with {part.get('doctor-code')}")
    if part.get("run-code") != "0":
        wrong.append(f"run ended with {part.get('run-code')} after SIGTERM")
    return wrong


def check_agent(_name, part, metrics):
    wrong = (
        [] if part.get("agent-code") == "3" else [f"the agent ended with {part.get('agent-code')}"]
    )
    return wrong + wrong_values(of_agents(metrics, lambda agent: agent != "codex"), AGENT)


def check_out_of_memory(_name, part, metrics):
    """By the kernel's own word: nobody's limit, the whole machine's memory."""
    wrong = [] if part.get("eater-code") == "137" else [f"it ended with {part.get('eater-code')}"]
    killed = part.get("killed", "")
    if len(re.findall(r"Out of memory: Killed process \d+ \(codex\)", killed)) != 1:
        wrong.append(f"the kernel did not say once that it killed it: {killed}")
    if killed.count("Killed process") != 1 or "global_oom" not in killed:
        wrong.append(f"the kernel killed for another reason, or something else, too: {killed}")
    return wrong + wrong_values(of_agents(metrics, lambda agent: agent == "codex"), EATER)


def of_http2(name):
    """What is to be known of the call over HTTP/2: (connections and requests, reasons)."""
    opaque = "og_tls_http2" in OPTIONAL.get(name, ())
    labels = {"upstream": "anthropic"}
    seen = {"visibility": "encrypted" if opaque else "decoded"}
    said = ("unknown", "unknown") if opaque else ("/v1/messages", "POST")
    return [
        ("upstream_connections_total", {**labels, **seen}, 1),
        ("upstream_requests_total", {**labels, "endpoint": said[0], "method": said[1]}, 1),
    ], [("upstream_undecoded_connections_total", {**labels, "reason": "http2"}, int(opaque))]


def check_connection(name, part, metrics):
    wrong = (
        []
        if part.get("connection-code") == "0"
        else [f"the client ended with {part.get('connection-code')}"]
    )
    expected = CONNECTION + of_http2(name)[0]
    return wrong + wrong_values(metrics, expected) + wrong_values(metrics, BYTES, alone=False)


def check_http2(name, _part, metrics):
    return [line for rows in of_http2(name) for line in wrong_values(metrics, rows, alone=False)]


def check_call(_name, part, metrics):
    wrong = (
        []
        if part.get("call-code") == "0"
        else [f"the TLS client ended with {part.get('call-code')}", part.get("call-log", "")]
    )
    return wrong + wrong_values(metrics, CALL)


def check_unload(_name, part, _metrics):
    wrong = (
        [] if part.get("unload-code") == "0" else [f"unload ended with {part.get('unload-code')}"]
    )
    if not part.get("pins-before-unload"):
        wrong.append("nothing was pinned before unload")
    wrong += [f"{path} is left" for path in part.get("pins", "?").splitlines()]
    wrong += [f"of the kernel's objects: {line}" for line in part.get("objects", "?").splitlines()]
    if part.get("left-over"):
        wrong.append(part["left-over"])
    return wrong


CHECKS = [
    ("the programs load and attach", check_attached),
    ("one process life is counted", check_agent),
    ("an agent that the host's lack of memory ends is an `oom`", check_out_of_memory),
    ("one connection is counted", check_connection),
    ("one call inside TLS is decoded", check_call),
    ("one call over HTTP/2 is decoded, or timed and said why", check_http2),
    ("unload leaves nothing behind", check_unload),
]


def judge(name, guest, script):
    """Runs one kernel: [(sentence, problems)], and a remark."""
    try:
        kernel = kernels.fetch(name)
        result = guest.boot(kernel, script, SCRIPT_SECONDS)
    except (kernels.KernelError, vm.GuestError) as error:
        return [(sentence, [str(error)]) for sentence, _ in CHECKS], "the guest gave no result"
    with open(os.path.join(LOGS, name + ".txt"), "w", encoding="utf-8") as file:
        file.write(result.output + "\n--- console\n" + result.console)
    part = parts(result.output)
    metrics = samples(part.get("metrics", ""))
    verdicts = [(sentence, check(name, part, metrics)) for sentence, check in CHECKS]
    if any(problems for _, problems in verdicts):
        said = part.get("log", "").splitlines()[-15:] + part.get("doctor", "").splitlines()[-25:]
        verdicts[-1][1].extend("said: " + line for line in said if verdicts[-1][1])
        verdicts[0][1].extend("said: " + line for line in said if verdicts[0][1])
    return (
        verdicts,
        f"{kernel['release']}, {result.seconds:.1f} s, {result.retries} boots tried again",
    )


def stop(_signal, _frame):
    """Ends the guests, then the process: leaving the pool's scope waits for them."""
    vm.STOP.set()
    sys.exit(1)


def main(arguments):
    signal.signal(signal.SIGTERM, stop)
    names = arguments or list(kernels.SUITES)
    missing = [
        p for p in ("operaglass", "operaglass-exporter") if not os.access(f"{BUILD}/{p}", os.X_OK)
    ]
    if missing:
        print(f"not ok 1 - {' and '.join(missing)} exist in {BUILD}: run make first")
        return 1
    os.makedirs(LOGS, exist_ok=True)
    guest = make_guest()
    with open(f"{HERE}/script.sh", encoding="utf-8") as file:
        script = file.read()
    number = failed = 0
    print(f"1..{len(names) * len(CHECKS)}")
    with concurrent.futures.ThreadPoolExecutor(GUESTS_AT_ONCE) as pool:
        for name, (verdicts, remark) in zip(
            names, pool.map(lambda n: judge(n, guest, script), names)
        ):
            print(f"# {name}: {remark}")
            for sentence, problems in verdicts:
                number += 1
                failed += bool(problems)
                print(f"{'not ok' if problems else 'ok'} {number} - {name}: {sentence}")
                for problem in problems:
                    print("\n".join("#   " + line for line in problem.splitlines()), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
