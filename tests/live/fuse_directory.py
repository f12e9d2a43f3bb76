#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A file system that a process answers for: the files of one directory, read-only, for everybody.

    with FuseDirectory(source, mountpoint) as served:
        served.stop()     # SIGSTOP: from now on nothing on it is answered
        served.go_on()

As a program (the daemon itself): fuse_directory.py SOURCE MOUNTPOINT. It speaks the kernel's protocol
(linux/fuse.h) of version 7.31, and no more of it than a library that is loaded needs.
"""
import ctypes
import os
import signal
import stat
import struct
import subprocess
import sys

from harness import Child

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT, OPENDIR = 1, 2, 3, 14, 15, 17, 18, 25, 26, 27
RELEASEDIR = 29
INTERRUPT, DESTROY, BATCH_FORGET = 36, 38, 42
UNANSWERED = {FORGET, BATCH_FORGET, INTERRUPT}
IN_HEADER, OUT_HEADER = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
ROOT, ENOENT, ENOSYS = 1, 2, 38
MOUNT_FLAGS = 2 | 4  # MS_NOSUID | MS_NODEV


class Daemon:
    def __init__(self, source):
        self.names, self.contents = {}, {}
        for number, name in enumerate(sorted(os.listdir(source)), ROOT + 1):
            with open(f"{source}/{name}", "rb") as file:
                self.names[name.encode()], self.contents[number] = number, file.read()

    def attributes(self, node):
        size = len(self.contents.get(node, b""))
        mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o755
        return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, code, node, body):
        """What is valid is so for no time at all: each look asks again."""
        if code == INIT:
            return struct.pack("<IIIIHHIIHHI7I", 7, 31, 131072, 0, 16, 12, 131072, 1, 32, 0, 0, *[0] * 7)
        if code == LOOKUP:
            found = self.names.get(body.rstrip(b"\0"))
            return struct.pack("<4Q2I", found, 0, 0, 0, 0, 0) + self.attributes(found) if found else -ENOENT
        if code == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(node)
        if code == STATFS:
            return struct.pack("<5Q10I", 0, 0, 0, 0, 0, 4096, 255, 4096, *[0] * 7)
        if code in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if code == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return self.contents[node][offset : offset + size]
        return b"" if code in (RELEASE, RELEASEDIR, FLUSH, DESTROY) else -ENOSYS

    def serve(self, device):
        while True:
            try:
                request = os.read(device, 1 << 20)
            except OSError:  # unmounted
                return
            _, code, unique, node, *_ = IN_HEADER.unpack_from(request)
            if code in UNANSWERED:
                continue
            answer = self.answer(code, node, request[IN_HEADER.size :])
            error, body = (answer, b"") if isinstance(answer, int) else (0, answer)
            try:
                os.write(device, OUT_HEADER.pack(OUT_HEADER.size + len(body), error, unique) + body)
            except FileNotFoundError:
                pass  # who asked has been killed


def main():
    source, mountpoint = sys.argv[1:]
    daemon, device = Daemon(source), os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"og-test", mountpoint.encode(), b"fuse.ogtest", MOUNT_FLAGS, options.encode()):
        raise OSError(ctypes.get_errno(), "cannot mount a file system of FUSE")
    print("ready", flush=True)
    daemon.serve(device)


class FuseDirectory:
    """Unmounted on exit, whatever state its daemon is in."""

    def __init__(self, source, mountpoint):
        self.source, self.mountpoint, self.daemon = source, mountpoint, None

    def __enter__(self):
        self.daemon = Child(
            ["setpriv", "--pdeathsig", "KILL", sys.executable, __file__, self.source, self.mountpoint],
            stdout=subprocess.PIPE,
            text=True,
        )
        if self.daemon.line() != "ready\n":
            self.__exit__()
            raise RuntimeError("no file system of FUSE could be mounted")
        return self

    def __exit__(self, *exception):
        """What waits for it gets an error when its daemon ends."""
        self.daemon.kill()
        self.daemon.wait()
        self.daemon.stdout.close()
        subprocess.run(["umount", "--lazy", self.mountpoint], check=False, capture_output=True, timeout=10)

    def stop(self):
        self.daemon.send_signal(signal.SIGSTOP)
        while self.state() != "T":
            pass

    def go_on(self):
        self.daemon.send_signal(signal.SIGCONT)

    def state(self):
        with open(f"/proc/{self.daemon.pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0]


if __name__ == "__main__":
    main()
