#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A probe that is blind is called stale, until it is hit.

The client maps a libssl of its own inode and speaks TLS by a copy that is linked into it: ciphertext flows, and the
probes of the file stay silent, as they do when a package upgrade replaces a library in a way that nobody noticed.
What was sent before a file was probed says nothing.
"""
import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile

import certificates
from harness import BUILD, Child, Operaglass, Tap, free_port
from stage import wait_for

PROGRAM = f"{BUILD}/tools/bench/https_static"
CONFIG = """
upstreams:
  - name: telegram
    kind: telegram
    hosts: [api.telegram.org]
    ports: {ports}
"""
STALE = ("openssl", "stale", "its probes are silent while it speaks with a watched upstream")
SCOPE = """
tls:
  scope: agents
"""
# A call through the library itself for each line, all on one connection.
CALLS = """
import http.client, socket, ssl, sys
context = ssl._create_unverified_context()
plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=20)
connection = http.client.HTTPConnection("api.telegram.org")
connection.sock = context.wrap_socket(plain, server_hostname="api.telegram.org")
for line in sys.stdin:
    connection.request("GET", "/bot1:A/getMe")
    answer = connection.getresponse()
    answer.read()
    print(answer.status, flush=True)
"""


class World:
    def __init__(self, stack):
        self.stack, self.port, self.second_port = stack, free_port(), free_port()
        self.config = CONFIG.format(ports=[self.port, self.second_port])
        self.directory = tempfile.mkdtemp(prefix="og-stale-")
        stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
        for name in ("libssl.so.3", "libcrypto.so.3"):
            shutil.copy(glob.glob(f"/usr/lib/*/{name}")[0], self.directory)
        self.library = f"{self.directory}/libssl.so.3"
        files = certificates.server_pair(self.directory)
        for port in (self.port, self.second_port):  # each serves one client at a time
            server = self.start([PROGRAM, "server", str(port), *files], {})
            if server.line() != b"ready\n":
                raise RuntimeError("the server is not ready")

    def start(self, command, environment):
        child = Child(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.stack.callback(child.communicate)
        self.stack.callback(child.kill)
        return child

    def environment(self, **more):
        return {"LD_LIBRARY_PATH": self.directory, **more}

    def copy(self, name):
        """One more libssl with an inode of its own; its path."""
        path = f"{self.directory}/{name}"
        os.mkdir(path)
        return shutil.copy(self.library, path)

    def blind_client(self, library=None):
        """Calls without end, by the copy that is linked into it."""
        return self.start(
            [PROGRAM, "client", str(self.port), "100000000"],
            self.environment(LD_PRELOAD=library or self.library),
        )

    def working_client(self, library=None):
        """Makes calls through the library, see call()."""
        return self.start(
            ["/usr/bin/python3", "-c", CALLS, str(self.second_port)],
            self.environment(LD_PRELOAD=library or self.library),
        )


def call(client):
    """The status of the answer."""
    client.stdin.write(b"\n")
    client.stdin.flush()
    return client.line().strip().decode()


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


def wait_shown(operaglass, client):
    """Until a call has shown that its probes are blind; then it makes no more."""
    wait_for(lambda: listed(operaglass, client) == [STALE], 30, "a call that nobody reads")
    client.send_signal(signal.SIGSTOP)


def test_attached_late(tap, world):
    """Files that are probed when their processes have made many calls on connections of long ago."""
    with Operaglass(world.config + SCOPE) as operaglass:
        working = world.working_client(world.copy("working"))
        blind = world.blind_client(world.copy("blind"))
        answers = {call(working) for _ in range(20)}
        wait_for(lambda: calls(operaglass, endpoint="unknown") > 20, 10, "the calls of both")
        tap.equal(
            "with scope agents a process that is none makes calls that nobody reads",
            (answers, targets(operaglass)[1], listed(operaglass, working)[0][1]),
            ({"200"}, 0, "refused"),
        )
        with open(f"{operaglass.directory}/config.yml", "w", encoding="utf-8") as file:
            file.write(world.config)
        tap.equal(
            "what was sent before their files were probed makes none stale",
            (targets(operaglass)[1], listed(operaglass, working)),
            (0, [("openssl", "attached", "")]),
        )
        wait_shown(operaglass, blind)
        tap.equal(
            "calls since then do, if the probes are blind; a process without any is not called so",
            (targets(operaglass)[1], listed(operaglass, working)),
            (1, [("openssl", "attached", "")]),
        )
        known = calls(operaglass, endpoint="unknown")
        answer = call(working)
        operaglass.wait(
            lambda m: m.total("telegram_api_requests_total", endpoint="unknown") == known + 1
        )
        tap.equal(
            "nor one that goes on with a connection that stays opaque, as it was when they came",
            (answer, calls(operaglass, endpoint="unknown"), targets(operaglass)[1]),
            ("200", known + 1, 1),
        )
        for client in (working, blind):
            client.kill()
            client.wait()


def test_silent(tap, world):
    with Operaglass(world.config) as operaglass:
        attached, stale = targets(operaglass)
        tap.equal("before anything happens no probe is stale", stale, 0)

        client = world.blind_client()
        wait_shown(operaglass, client)
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
        worker = world.working_client()
        tap.equal("a call through the library is answered", call(worker), "200")
        worker.kill()
        worker.wait()
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


def main():
    tap = Tap()
    with contextlib.ExitStack() as stack:
        world = World(stack)
        test_silent(tap, world)
        test_attached_late(tap, world)
    tap.done()


if __name__ == "__main__":
    main()
