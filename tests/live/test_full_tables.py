#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every table too small, the ring full: nothing crashes, what has room is exact, what has none is counted."""
import itertools
import os
import shutil
import signal
import socket
import ssl
import string
import subprocess
import tempfile
import time

import certificates
from harness import BUILD, Child, Operaglass, Tap, free_port

TOOLS = BUILD + "/tools/bench/"
LOST, REQUESTS = "operaglass_lost_total", "telegram_api_requests_total"
ENDPOINTS, CONNECTIONS, PROCESSES = 16, 256, 1024
METHODS = 1 + 10**5
MESSAGES = 6000  # the ring has room for a third of them
GROWTH_KIB = 256
ANSWER_LENGTH = 40  # of tests/bench/https.c


def methods():
    """Letters only, as the Bot API's methods are. The first one is the one whose calls are told one by one."""
    digits = string.ascii_lowercase[:10]
    yield "sendMessage"
    yield from ("distinct" + "".join(word) for word in itertools.product(digits, repeat=5))


def call_each(port, names):
    """Each of these methods once, over one keep-alive connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as plain:
        with context.wrap_socket(plain, server_hostname="api.telegram.org") as connection:
            for method in names:
                connection.sendall(f"GET /bot123456:full/{method} HTTP/1.1\r\nHost: api.telegram.org\r\n\r\n".encode())
                left = ANSWER_LENGTH
                while left:
                    left -= len(connection.recv(left))


def test_endpoints(tap, og, port):
    names, begin = methods(), time.monotonic()
    call_each(port, itertools.islice(names, 2 * ENDPOINTS))
    og.wait(lambda m: m.total(REQUESTS) == 2 * ENDPOINTS)
    resident = og.resident_kib()
    call_each(port, names)
    seconds = time.monotonic() - begin
    got = og.wait(lambda m: m.total(REQUESTS) == METHODS)
    tap.equal(f"every call with one of {METHODS} methods is counted once", got.total(REQUESTS), METHODS)
    names = {dict(labels)["endpoint"] for labels in got.rows(REQUESTS)} - {"unknown", "other"}
    tap.equal("as many names as the limit says are kept", len(names), ENDPOINTS)
    tap.equal("each of them with one call", [got.value(REQUESTS, endpoint=name, method="GET") for name in names],
              [1] * ENDPOINTS)
    tap.equal("and the others are together", got.value(REQUESTS, endpoint="other", method="GET"), METHODS - ENDPOINTS)
    tap.equal("each of them is counted", got.value(LOST, where="endpoints", cause="table_full"), METHODS - ENDPOINTS)
    tap.ok("in bounded time", seconds < 60, seconds)
    grown = [after - was for was, after in zip(resident, og.resident_kib())]
    tap.ok(f"since the table was full, neither process has grown by more than {GROWTH_KIB} KiB", max(grown) <= GROWTH_KIB, grown)


def test_ring(tap, og, port):
    before = og.metrics()
    exporter = og.exporter()
    os.kill(exporter, signal.SIGSTOP)
    try:
        call_each(port, itertools.repeat("sendMessage", MESSAGES))
    finally:
        os.kill(exporter, signal.SIGCONT)
    got = og.wait(lambda m: (m - before).total(REQUESTS) == MESSAGES, 10, since=None)
    tap.equal("while nobody reads the ring, every call is counted", (got - before).total(REQUESTS), MESSAGES)
    tap.ok("and what the ring had no room for is", (got - before).value(LOST, where="facts", cause="ring_full") > 0,
           got.rows(LOST))


def test_connections(tap, og, port):
    listener = socket.create_server(("127.0.0.1", port), backlog=512)
    before = og.metrics()
    kept = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS + 44)]
    accepted = [listener.accept()[0] for _ in kept]
    got = og.wait(lambda m: (m - before).value(LOST, where="connections", cause="table_full") >= 44)
    lost = (got - before).value(LOST, where="connections", cause="table_full")
    idle = got.value("upstream_connections", upstream="full-database", state="idle")
    tap.equal("a connection without a row is counted as lost, every other one as itself", (idle, lost),
              (CONNECTIONS, 44))
    for connection in kept + accepted + [listener]:
        connection.close()
    got = og.wait(lambda m: m.total("upstream_connections", upstream="full-database") == 0)
    tap.equal("when they close, none is left", got.total("upstream_connections", upstream="full-database"), 0)
    tap.equal("and those with a row were counted once",
              (got - before).total("upstream_connections_total", upstream="full-database"), CONNECTIONS)


def test_processes(tap, og, directory):
    agent = directory + "/claude"
    shutil.copy(TOOLS + "tiny", agent)
    before = og.metrics()
    crowd = Child([TOOLS + "spawn", "-l", agent, str(PROCESSES + 200)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    crowd.line()
    got = og.metrics() - before
    lost = got.value(LOST, where="processes", cause="table_full")
    started = got.value("orchestrate_agent_starts_total", type="claude-code")
    tap.ok("processes without a row are counted as lost", lost >= 200, lost)
    tap.ok("those with one are agents", 0 < started <= PROCESSES, started)
    crowd.stdin.close()
    crowd.wait()
    got = og.wait(lambda m: m.total("orchestrate_agents", type="claude-code") == 0, 10)
    tap.equal("none is left when they have ended", got.total("orchestrate_agents", type="claude-code"), 0)
    ended = (got - before).total("orchestrate_agent_exits_total", type="claude-code")
    tap.equal("and each agent ended as often as it started", ended, started)


def main():
    tap, directory = Tap(), tempfile.mkdtemp(prefix="og-full-")
    os.chmod(directory, 0o755)
    https, database = free_port(), free_port()
    server = Child([TOOLS + "https_static", "server", str(https), *certificates.server_pair(directory)],
                              stdout=subprocess.PIPE)
    server.line()
    config = (f"limits: {{endpoints: {ENDPOINTS}, connections: {CONNECTIONS}, processes: {PROCESSES}}}\nupstreams:\n"
              f"  - {{name: telegram, kind: telegram, hosts: [api.telegram.org], ports: [{https}]}}\n"
              f"  - {{name: full-database, kind: database, ports: [{database}]}}\n")
    try:
        with Operaglass(config) as og:
            test_endpoints(tap, og, https)
            test_ring(tap, og, https)
            test_connections(tap, og, database)
            test_processes(tap, og, directory)
            tap.equal("it lives on", og.process.poll(), None)
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(directory, ignore_errors=True)
    tap.done()


if __name__ == "__main__":
    main()
