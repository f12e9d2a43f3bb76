# SPDX-License-Identifier: Apache-2.0
"""Boots a kernel in QEMU under software emulation, with busybox and the files under test.

    guest = Guest()
    guest.add_program("build/operaglass")     # with its shared libraries, at the same paths
    guest.add("/etc/passwd", b"root:x:0:0::/:/bin/sh\\n")
    result = guest.boot(kernel, "operaglass doctor", seconds=60)
    result.code, result.output                # of the script; result.console is the kernel's

The script's output leaves through a second serial port, so kernel messages never fall between its
lines. The guest has no disk and no network but its own loopback. QEMU dies with the thread that
started it.
"""
import gzip
import io
import os
import re
import stat
import subprocess
import tempfile
import threading
import time

BUSYBOX = "/bin/busybox"
BEGIN, END = "@@operaglass-guest-begin@@", "@@operaglass-guest-end@@"
BOOT_SECONDS = 60  # takes 3 on an idle machine
BOOT_TRIES = 7
MEMORY_MIB = 320  # little, so that running out of it is a matter of a second

# Without cx16 because QEMU 7.2 emulates cmpxchg16b wrongly under two vCPUs: Debian's 6.12 then dies
# in its slab allocator. rdrand feeds the random pool, or getrandom() would keep programs waiting.
CPU = "qemu64,-cx16,+rdrand"
KERNEL_ARGUMENTS = "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on"

INIT = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LANG=C
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
exec >/dev/ttyS1 2>&1 </dev/null
stty -F /dev/ttyS1 raw
mkdir -p /tmp /run /var /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t bpf bpf /sys/fs/bpf
ip link set lo up
echo '{begin}'
setsid sh /script
echo "{end} $?"
sync
sleep 0.2
reboot -f
"""


# Set by whoever wants every guest of this process to stop soon.
STOP = threading.Event()


class GuestError(Exception):
    """The guest gave no answer; the text holds the last lines of its console."""


class Result:
    """What a boot gave: the script's exit code and output, the console, boots that died early."""

    def __init__(self, code, output, console, retries, seconds):
        self.code, self.output, self.console = code, output, console
        self.retries, self.seconds = retries, seconds


def shared_libraries(program):
    """Paths of the shared libraries and the loader that a program needs; none for a static one."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    if "not found" in done.stdout:
        raise GuestError(f"{program} needs a library that is not installed: {done.stdout.strip()}")
    return re.findall(r"(?:=> |^\s*)(/\S+) \(0x", done.stdout, re.M)


class Guest:
    """The files of a guest. Boots do not change it; one Guest serves any number of kernels."""

    def __init__(self):
        self.files = {}
        self.add_program(BUSYBOX, BUSYBOX)
        applets = subprocess.run(
            [BUSYBOX, "--list-full"], capture_output=True, text=True, check=True
        ).stdout.split()
        for applet in applets:
            if applet != "bin/busybox":
                self.files["/" + applet] = (stat.S_IFLNK | 0o777, BUSYBOX.encode())
        for directory in ("/proc", "/sys", "/dev", "/tmp", "/etc"):
            self.files[directory] = (stat.S_IFDIR | 0o755, b"")
        # The kernel opens it before devtmpfs is there.
        self.files["/dev/console"] = (stat.S_IFCHR | 0o600, b"", (5, 1))
        self.add("/init", INIT.format(begin=BEGIN, end=END).encode(), 0o755)

    def add(self, path, content, mode=0o644):
        """Puts bytes at an absolute path."""
        self.files[path] = (stat.S_IFREG | mode, content)

    def add_program(self, source, path=None):
        """Puts a program at `path` (default: /usr/bin/NAME), its libraries where they are here."""
        for library in shared_libraries(source):
            with open(library, "rb") as file:
                self.add(library, file.read(), 0o755)
        with open(source, "rb") as file:
            self.add(path or "/usr/bin/" + os.path.basename(source), file.read(), 0o755)

    def _archive(self, script):
        """The initramfs: a gzipped cpio archive in the newc format."""
        files = dict(self.files)
        files["/script"] = (stat.S_IFREG | 0o644, script.encode())
        for path in list(files):
            while (path := os.path.dirname(path)) != "/":
                files.setdefault(path, (stat.S_IFDIR | 0o755, b""))
        out = io.BytesIO()

        def entry(inode, path, mode, content, device=(0, 0)):
            name = path.lstrip("/").encode() + b"\0"
            fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0)
            out.write(b"070701" + b"".join(b"%08X" % f for f in fields) + name)
            out.write(b"\0" * (-(110 + len(name)) % 4) + content + b"\0" * (-len(content) % 4))

        for inode, path in enumerate(sorted(files), 1):
            entry(inode, path, *files[path])
        entry(0, "TRAILER!!!", 0, b"")
        return gzip.compress(out.getvalue(), 1)

    def boot(self, kernel, script, seconds=60):
        """Runs `script` in the guest's shell, for `seconds` at most, and returns a Result.

        A boot that dies or hangs before the script starts is the emulator's fault and is tried
        again, one that dies later is the result of the test: GuestError."""
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="operaglass-vm-") as work:
            initrd = os.path.join(work, "initrd")
            with open(initrd, "wb") as file:
                file.write(self._archive(script))
            for retries in range(BOOT_TRIES):
                output, console, why = _run_qemu(kernel["image"], initrd, work, seconds)
                if STOP.is_set():
                    raise GuestError(f"{kernel['release']}: stopped from outside")
                if BEGIN in output:
                    break
            else:
                raise GuestError(
                    f"{kernel['release']}: {BOOT_TRIES} boots, none reached the script: {why}\n"
                    + "\n".join(console.splitlines()[-30:])
                )
        body = output.split(BEGIN, 1)[1].lstrip("\n")
        match = re.search(r"^" + re.escape(END) + r" (\d+)$", body, re.M)
        if not match:
            raise GuestError(
                f"{kernel['release']}: the script did not end: {why}\n{body[-4000:]}\n--- console\n"
                + "\n".join(console.splitlines()[-40:])
            )
        return Result(
            int(match.group(1)), body[: match.start()], console, retries, time.monotonic() - begin
        )


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace").replace("\r", "")
    except FileNotFoundError:
        return ""


def _run_qemu(image, initrd, work, seconds):
    """One boot: (script's port, console, why it ended), within BOOT_SECONDS + seconds."""
    port, console = os.path.join(work, "output"), os.path.join(work, "console")
    for path in (port, console):
        if os.path.exists(path):
            os.unlink(path)
    command = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        "qemu-system-x86_64",
        "-nodefaults",
        "-no-user-config",
        "-nographic",
        "-no-reboot",
        "-accel",
        "tcg",
        "-cpu",
        CPU,
        "-smp",
        "2",
        "-m",
        str(MEMORY_MIB),
        "-kernel",
        image,
        "-initrd",
        initrd,
        "-append",
        KERNEL_ARGUMENTS,
        "-serial",
        f"file:{console}",
        "-serial",
        f"file:{port}",
        "-monitor",
        "none",
    ]
    qemu = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    started, limit, why = False, time.monotonic() + BOOT_SECONDS, "the guest stopped"
    try:
        while qemu.poll() is None:
            if not started and BEGIN in _read(port):
                started, limit = True, time.monotonic() + seconds
            if STOP.is_set() or time.monotonic() > limit:
                why = (
                    f"nothing after {seconds} s"
                    if started
                    else f"not booted after {BOOT_SECONDS} s"
                )
                break
            time.sleep(0.1)
    finally:
        if qemu.poll() is None:
            qemu.kill()
        said = qemu.communicate()[0].decode("utf-8", "replace").strip()
    if qemu.returncode > 0:
        why = f"qemu-system-x86_64 ended with {qemu.returncode}: {said}"
    return _read(port), _read(console), why
