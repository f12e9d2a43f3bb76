#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A probe that is blind is called stale, until it is hit.

The client maps a libssl of its own inode and speaks TLS by a copy that is linked into it: ciphertext flows, and the
probes of the file stay silent, as they do when a package upgrade replaces a library in a way that nobody noticed.
"""
import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile

import certificates
from harness import BUILD, Operaglass, Tap, free_port
from stage import wait_for

PROGRAM = f"{BUILD}/tools/bench/https_static"
CONFIG = """
upstreams:
  - name: telegram
    kind: telegram
    hosts: [api.telegram.org]
    ports: [{port}]
"""
STALE = ("openssl", "stale", "its probes are silent while it speaks with a watched upstream")
# One call through the library itself.
CALL = """
import http.client, socket, ssl, sys
context = ssl._create_unverified_context()
plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection = http.client.HTTPConnection("api.telegram.org")
connection.sock = context.wrap_socket(plain, server_hostname="api.telegram.org")
connection.request("GET", "/bot1:A/getMe")
print(connection.getresponse().status)
"""


class World:
    def __init__(self, stack):
        self.stack, self.port = stack, free_port()
        self.directory = tempfile.mkdtemp(prefix="og-stale-")
        stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        for name in ("libssl.so.3", "libcrypto.so.3"):
            shutil.copy(glob.glob(f"/usr/lib/*/{name}")[0], self.directory)
        self.library = f"{self.directory}/libssl.so.3"
        files = certificates.server_pair(self.directory)
        server = self.start([PROGRAM, "server", str(self.port), *files], {})
        if server.stdout.readline() != b"ready\n":
            raise RuntimeError("the server is not ready")

    def start(self, command, environment):
        child = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE)
        self.stack.callback(child.communicate)
        self.stack.callback(child.kill)
        return child

    def environment(self, **more):
        return {"LD_LIBRARY_PATH": self.directory, **more}

    def blind_client(self):
        """Calls without end, by the copy that is linked into it."""
        return self.start(
            [PROGRAM, "client", str(self.port), "100000000"],
            self.environment(LD_PRELOAD=self.library),
        )

    def call(self):
        """A call through the library; the status of its answer."""
        done = subprocess.run(
            ["/usr/bin/python3", "-c", CALL, str(self.port)],
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            timeout=20,
        )
        return done.stdout.strip() or done.stderr[-500:]


def targets(operaglass):
    """(attached, stale) files of OpenSSL, after the observer has looked at every process again."""
    before = operaglass.logs().count("reloaded")
    operaglass.process.send_signal(signal.SIGHUP)
    wait_for(lambda: operaglass.logs().count("reloaded") > before, 5, "the reload")
    metrics = operaglass.metrics()
    return tuple(
        metrics.value("operaglass_tls_targets", stack="openssl", state=state)
        for state in ("attached", "stale")
    )


def listed(operaglass, process):
    """[(stack, state, why)] of what it maps, as `operaglass tls list` has it."""
    return [(row["stack"], row["state"], row["why"]) for row in operaglass.tls_list(process.pid)]


def calls(operaglass, **labels):
    return operaglass.metrics().total("telegram_api_requests_total", **labels)


def main():
    tap = Tap()
    with contextlib.ExitStack() as stack:
        world = World(stack)
        operaglass = stack.enter_context(Operaglass(CONFIG.format(port=world.port)))
        attached, stale = targets(operaglass)
        tap.equal("before anything happens no probe is stale", stale, 0)

        client = world.blind_client()
        wait_for(lambda: calls(operaglass, endpoint="unknown"), 10, "ciphertext")
        client.send_signal(signal.SIGSTOP)
        tap.equal(
            "a file whose probes are silent while ciphertext flows is one stale target",
            targets(operaglass),
            (attached, 1),
        )
        tap.equal("`tls list` says so of the process", listed(operaglass, client), [STALE])
        tap.equal(
            "and doctor, which calls this host degraded for it",
            operaglass.doctor_names(client.pid),
            [("degraded", "openssl stale")],
        )
        client.kill()
        client.wait()
        # A process that maps the file and sends nothing keeps it a target.
        idle = world.start(["/bin/sleep", "60"], world.environment(LD_PRELOAD=world.library))
        wait_for(
            lambda: world.library in open(f"/proc/{idle.pid}/maps", encoding="ascii").read(),
            5,
            "the idle process",
        )
        tap.equal("it stays so when the connection is closed", targets(operaglass), (attached, 1))
        tap.equal(
            "of a process that sends nothing it is only said that it maps the file",
            (listed(operaglass, idle), operaglass.doctor_names(idle.pid)),
            ([("openssl", "attached", "")], []),
        )
        tap.equal("a call through the library is answered", world.call(), "200")
        tap.equal("and decoded", calls(operaglass, endpoint="getMe"), 1)
        tap.equal("then its probes are as good as any", targets(operaglass), (attached + 1, 0))
        client = world.blind_client()
        known = calls(operaglass, endpoint="unknown")
        wait_for(lambda: calls(operaglass, endpoint="unknown") > known, 10, "ciphertext again")
        client.send_signal(signal.SIGSTOP)
        tap.equal(
            "and stay so whatever else a process does", targets(operaglass), (attached + 1, 0)
        )
        tap.equal(
            "also where each process is listed",
            (listed(operaglass, client), operaglass.doctor_names(client.pid)),
            ([("openssl", "attached", "")], []),
        )
        client.kill()
        client.wait()
        idle.kill()
        idle.wait()
        tap.equal("when nobody maps the file it is no target", targets(operaglass), (attached, 0))
    tap.done()


if __name__ == "__main__":
    main()
