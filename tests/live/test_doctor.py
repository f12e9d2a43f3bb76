#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`operaglass doctor` where something is missing: each row says what there is, what is lost without it and what to do.

Private mount namespaces, fewer capabilities and another kernel's name play what is missing; tests/unit/test_doctor.c has
the answers that this kernel never gives.
"""
import json
import os
import subprocess
import tempfile

from harness import BUILD, BPFFS, Tap, mount_bpffs

DOCTOR = [BUILD + "/operaglass", "doctor"]
VERDICTS = ("everything is there", "operaglass runs, but something is lost", "operaglass cannot run")
STATES = ("ok", "degraded", "broken")
ROOT = "start as root, or with the capabilities that are missing"
BLIND = "endpoint and status of calls: they are only timed"
CALLS = "endpoint and status of calls"
# Of one program of each object: what is lost without it.
PROGRAMS = {
    "process_fork": "agents and tools",
    "socket_egress": "calls and connections",
    "socket_connect4": "connections that failed for want of a route",
    "sweep_lookups": "DNS questions without an answer",
    "og_tls_read": CALLS,
}


def mounted(script):
    """Runs what follows after this, in a mount namespace of its own."""
    return ["unshare", "-m", "sh", "-c", script + ' && exec "$@"', "sh"]


def without(*capabilities):
    return ["setpriv", "--bounding-set=" + ",".join("-" + name for name in capabilities), "--"]


def asked(command, prefix=(), arguments=()):
    pins = [] if "--bpf.pin-path" in arguments else ["--bpf.pin-path", f"{BPFFS}/og-test-{os.getpid()}-doctor"]
    return subprocess.run([*prefix, *DOCTOR, *command, *pins, *arguments], capture_output=True, text=True, timeout=120)


def expect(tap, what, code, rows, prefix=(), arguments=()):
    """rows: {name: (state, detail, lost, advice)}, of all that are not ok, and of some programs."""
    done = asked(["--json"], prefix, arguments)
    report = json.loads(done.stdout)
    found = {row["name"]: (row["state"], row["detail"], row["lost"], row["advice"]) for row in report["checks"]
             if row["state"] != "ok" or row["name"] in rows}  # fmt: skip
    programs = {name for name in found if name not in rows and name.startswith(("process_", "socket_", "sweep_", "og_tls_"))}
    shown = {name: row for name, row in found.items() if name not in programs | {"members", "bootstrap"}}
    tap.equal(f"{what}: the rows say what there is, what is lost and what to do", shown, rows)
    tap.equal(f"{what}: it ends with {code}, and says so as JSON", (done.returncode, report["state"]), (code, STATES[code]))
    table = asked([], prefix, arguments)
    wanted = [f"{state:9} {name:28} {detail}\n" + "".join(
        f"{'':9} {'':28} {word}: {text}\n" for word, text in (("lost", lost), ("do", advice)) if state != "ok")
        for name, (state, detail, lost, advice) in rows.items()]  # fmt: skip
    tap.equal(f"{what}: the table says the same", [text for text in wanted if text not in table.stdout], [])
    tap.equal(f"{what}: and its last line is the verdict", (table.returncode, table.stdout.splitlines()[-1]),
              (code, VERDICTS[code]))  # fmt: skip


def degraded(*words):
    return ("degraded", *words)


def broken(*words):
    return ("broken", *words)


def test_host(tap):
    expect(tap, "on this host", 0, {})
    with tempfile.TemporaryDirectory(prefix="og-test-") as nowhere:
        expect(tap, "pins elsewhere", 2, {"bpffs": broken(
            f"{nowhere} is not on a bpf file system", "nothing can be pinned",
            f"mount -t bpf bpf {BPFFS}, and give a --bpf.pin-path below it")}, arguments=["--bpf.pin-path", nowhere])  # fmt: skip
    unmounted = mounted(f"umount {BPFFS}")
    expect(tap, "without bpffs", 0, {"bpffs": ("ok", f"not mounted; run mounts {BPFFS}", "", "")}, unmounted)


def test_kernel(tap):
    name = subprocess.run(["setarch", "--uname-2.6", "uname", "-r"], check=True, capture_output=True, text=True).stdout.strip()
    expect(tap, "an old kernel", 1, {"kernel": degraded(
        name, "older than 5.10: whatever it lacks, nothing was tried there", "use Linux 5.10 or later")},
        ["setarch", "--uname-2.6"])  # fmt: skip
    text = "none integrity [confidentiality]"
    expect(tap, "lockdown", 2, {"lockdown": broken(
        text, "programs may not read what they measure", "boot without lockdown=confidentiality")},
        mounted(f"mount -t tmpfs none /sys/kernel/security && echo '{text}' >/sys/kernel/security/lockdown"))  # fmt: skip
    rows = {"btf": broken("/sys/kernel/btf/vmlinux: No such file or directory", "no program can be loaded",
                          "use a kernel with CONFIG_DEBUG_INFO_BTF=y (every distribution's since 2021)")}  # fmt: skip
    rows |= {name: degraded("does not load: this kernel has no BTF", lost, "see 'btf'") for name, lost in PROGRAMS.items()}
    expect(tap, "without BTF", 2, rows, mounted("mount -t tmpfs none /sys/kernel/btf"))


def test_cgroups(tap):
    lost = "connections and calls of what runs outside of it"
    do = "mount cgroup2 ('mount -t cgroup2 none /sys/fs/cgroup'), or give --cgroup.path"
    with tempfile.TemporaryDirectory(prefix="og-test-") as other:
        for what, path, detail in (("without a hierarchy", "/nonexistent", "/nonexistent: No such file or directory"),
                                   ("another file system", other, f"{other}: Wrong medium type")):  # fmt: skip
            expect(tap, what, 1, {"cgroup_v2": degraded(detail, lost, do)}, arguments=["--cgroup.path", path])
        inner, mount = f"{other}/og-test-{os.getpid()}", f"mount -t cgroup2 none {other}"
        try:
            expect(tap, "a part of the hierarchy", 1, {
                "cgroup_v2": degraded(f"{inner} is not the root of the hierarchy", lost, do)},
                mounted(f"{mount} && mkdir -p {inner}"), ["--cgroup.path", inner])  # fmt: skip
        finally:
            subprocess.run([*mounted(mount), "rmdir", inner], check=True)


def test_rights(tap):
    losses = {"net_admin": "calls and connections", "sys_ptrace": f"{CALLS} of other users' processes",
              "dac_read_search": f"{CALLS} by files that others may not read",
              "kill": "the end of an exporter that hangs"}  # fmt: skip
    for name, lost in losses.items():
        shown = "CAP_" + name.upper()
        expect(tap, f"without {shown}", 1, {"capabilities": degraded(f"missing: {shown}", f"{lost} ({shown})", ROOT)},
               without(name))  # fmt: skip
    rows = {"capabilities": broken("missing: CAP_BPF CAP_PERFMON", "no program can be loaded", ROOT),
            "multi_uprobes": degraded("no user probes: Operation not permitted", BLIND, ROOT),
            "return_probes": degraded("could not be tried: not used", "status of calls where nothing else tells it",
                                      "see 'multi_uprobes'")}  # fmt: skip
    rows |= {name: degraded("does not load: Operation not permitted", lost, ROOT) for name, lost in PROGRAMS.items()}
    rows["bpffs"] = ("ok", f"{BPFFS}/og-test-{os.getpid()}-doctor", "", "")
    expect(tap, "without CAP_BPF", 2, rows, without("bpf", "perfmon", "sys_admin"))
    expect(tap, "without bpffs and the right to mount it", 2, {"bpffs": broken(
        f"{BPFFS}/og-test-{os.getpid()}-doctor is not on a bpf file system", "nothing can be pinned",
        f"mount -t bpf bpf {BPFFS}, and give a --bpf.pin-path below it")},
        [*mounted(f"umount {BPFFS}"), *without("sys_admin")])  # fmt: skip


def test_user(tap):
    root = "root:x:0:0:root:/root:/bin/sh\n"
    for what, users, detail in (("without an ordinary user", root, "no user 'nobody'"),
                                ("where that one is root", root + "nobody:x:0:0:::/bin/sh\n", "'nobody' is root")):  # fmt: skip
        with tempfile.NamedTemporaryFile("w", prefix="og-test-") as file:
            file.write(users)
            file.flush()
            expect(tap, what, 2, {"user": broken(
                detail, "the exporter cannot give up root", "give --user an ordinary user")},
                mounted(f"mount --bind {file.name} /etc/passwd && mount --bind /dev/null /etc/nsswitch.conf"))  # fmt: skip


def main():
    tap = Tap()
    mount_bpffs()
    for test in (test_host, test_kernel, test_cgroups, test_rights, test_user):
        test(tap)
    tap.done()


if __name__ == "__main__":
    main()
