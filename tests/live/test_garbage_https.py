#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Inside TLS either side may say what is no HTTP: every call is counted once and ends once, never with another's status.

Each case is two calls on one connection. When the bytes no longer say where an answer ends, the first is known by what
was read of it, the second is timed only; what was no HTTP is counted.
"""
import socket
import ssl
import subprocess
import tempfile
import threading

from harness import Operaglass, Tap, free_port
from ledger import booked

NAME = "api.telegram.org"
CONFIG = """
upstreams:
  - {{name: telegram, kind: telegram, hosts: [api.telegram.org], ports: [{port}]}}
"""
CERTIFICATE = """openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2
    -subj /CN=api.telegram.org -keyout {0}/key.pem -out {0}/cert.pem"""
FIELDS = f" HTTP/1.1\r\nHost: {NAME}\r\n".encode()
FIRST, SECOND = b"GET /bot1:A/getMe" + FIELDS + b"\r\n", b"GET /bot1:A/getChat" + FIELDS + b"\r\n"
POST = b"POST /bot1:A/getMe" + FIELDS
HEAD = b"HTTP/1.1 200 OK\r\n"
GOOD = HEAD + b"Content-Length: 2\r\n\r\nok"

ME, ME_POST, CHAT, UNKNOWN = ("getMe", "GET"), ("getMe", "POST"), ("getChat", "GET"), ("unknown",) * 2
BOTH = ({ME: 1, CHAT: 1}, {}, {("getMe", "200"): 1, ("getChat", "200"): 1})
# The first answer is none, the second call is timed.
BROKEN = ({ME: 1, UNKNOWN: 1}, {("getMe", "closed"): 1}, {UNKNOWN: 1})
# Nobody can tell where the second answer begins.
NEVER_ENDS = ({ME: 1, CHAT: 1}, {("getMe", "closed"): 1, ("getChat", "closed"): 1}, {})

# (sentence, the first answer, what is counted, what is counted as no HTTP)
ANSWERS = (
    ("is good", GOOD, BOTH, None),
    ("is zeroes", bytes(300), BROKEN, "malformed"),
    ("is every byte there is", bytes(range(256)) * 20, BROKEN, "malformed"),
    ("is a banner of another protocol", b"SSH-2.0-OpenSSH_9.2p1\r\n", BROKEN, "malformed"),
    ("has letters in its status", b"HTTP/1.1 2x0 OK\r\n\r\n", BROKEN, "malformed"),
    ("has a status of four digits", b"HTTP/1.1 2000 OK\r\n\r\n", BROKEN, "malformed"),
    ("has a negative length", HEAD + b"Content-Length: -1\r\n\r\nx", BROKEN, "malformed"),
    (
        "has two lengths",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        BROKEN,
        "malformed",
    ),
    (
        "has a chunk without a size",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        BROKEN,
        "malformed",
    ),
    (
        "has a chunk of 2^64 bytes",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\nx",
        BROKEN,
        "malformed",
    ),
    ("has a NUL in a header", HEAD + b"X\0Y: 1\r\nContent-Length: 2\r\n\r\nok", BROKEN, "malformed"),
    ("has a header of 300,000 bytes", HEAD + b"X: " + b"y" * 300_000, BROKEN, "head_too_long"),
    ("has bytes above ASCII in a header", HEAD + b"\xff: \x80\r\nContent-Length: 2\r\n\r\nok", BOTH, None),
    ("ends in its head", HEAD + b"Content-Len", NEVER_ENDS, "malformed"),
    ("ends in its body", HEAD + b"Content-Length: 100\r\n\r\nhalf", NEVER_ENDS, None),
    ("is two answers", GOOD + GOOD, ({ME: 1, UNKNOWN: 1}, {}, {("getMe", "200"): 1, UNKNOWN: 1}), None),
)  # fmt: skip

ONE_UNKNOWN = ({("unknown", "GET"): 1, UNKNOWN: 1}, {}, {("unknown", "200"): 1, UNKNOWN: 1})
ONE_POST = ({ME_POST: 1, UNKNOWN: 1}, {}, {("getMe", "200"): 1, UNKNOWN: 1})
NONE_KNOWN = ({UNKNOWN: 2}, {}, {UNKNOWN: 2})
REQUESTS = (
    (
        "has a method of 21 letters",
        b"ABCDEFGHIJKLMNOPQRSTU /bot1:A/getMe" + FIELDS + b"\r\n",
        ({UNKNOWN: 2}, {}, {("unknown", "200"): 1, UNKNOWN: 1}),
        "malformed",
    ),
    ("has no version", b"GET /bot1:A/getMe\r\n\r\n", ONE_UNKNOWN, "malformed"),
    ("has version 3.7", b"GET /bot1:A/getMe HTTP/3.7\r\n\r\n", ONE_UNKNOWN, "malformed"),
    ("has a NUL in its path", b"GET /bot1:A/get\0Me" + FIELDS + b"\r\n", ONE_UNKNOWN, "malformed"),
    ("has two lengths", POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy", ONE_POST, "malformed"),
    ("has a negative length", POST + b"Content-Length: -1\r\n\r\n", ONE_POST, "malformed"),
    ("has a chunk without a size", POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", ONE_POST, "malformed"),
    ("is zeroes", bytes(300), NONE_KNOWN, None),
    ("is a banner of another protocol", b"SSH-2.0-OpenSSH_9.2p1\r\n", NONE_KNOWN, None),
    ("names no host", b"GET /bot1:A/getMe HTTP/1.1\r\n\r\n", BOTH, None),
)  # fmt: skip


class Ends:
    """Both ends of connections through a real TLS library; each writes what it is told to."""

    def __init__(self, directory, port):
        subprocess.run(CERTIFICATE.format(directory).split(), check=True, stderr=subprocess.DEVNULL)
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(f"{directory}/cert.pem", f"{directory}/key.pem")
        self.client = ssl.create_default_context(cafile=f"{directory}/cert.pem")
        self.listener = socket.create_server(("127.0.0.1", port))
        self.address = self.listener.getsockname()

    def serve(self, talk):
        """Takes a request, says its answer, and so on; then it is gone."""
        with self.server.wrap_socket(self.listener.accept()[0], server_side=True) as end:
            for request, answer in talk:
                take(end, len(request))
                end.sendall(answer)

    def play(self, *talk):
        """One connection, on which these requests are answered so."""
        thread = threading.Thread(target=self.serve, args=(talk,))
        thread.start()
        plain = socket.create_connection(self.address)
        with self.client.wrap_socket(plain, server_hostname=NAME) as end:
            for request, answer in talk:
                end.sendall(request)
                take(end, len(answer))
            thread.join()
            if end.recv(1):
                raise RuntimeError("the server said more than it was told to")


def take(end, size):
    while size > 0:
        got = end.recv(min(size, 65536))
        if not got:
            raise RuntimeError(f"{size} bytes are missing")
        size -= len(got)


def expect(og, tap, sentence, before, tables, lost):
    def counted(metrics):
        book = booked(metrics)
        return book["requests"], book["failures"], book["durations"]

    def over(metrics):
        return counted(metrics) == tables and metrics.total("upstream_connections_total") == 1

    got = og.wait(over, 6, since=before)
    tap.equal(f"{sentence}: each call is counted once, and ends once", counted(got), tables)
    tap.equal(
        f"{sentence}: what is counted as lost",
        set(got.by("operaglass_lost_total", "where", "cause")),
        {("http", lost)} if lost else set(),
    )
    tap.equal("it was one connection", got.total("upstream_connections_total"), 1)


def main():
    tap = Tap()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="og-test-") as directory:
        ends = Ends(directory, port)
        with Operaglass(CONFIG.format(port=port)) as og:
            before = og.metrics()
            for sentence, answer, tables, lost in ANSWERS:
                ends.play((FIRST, answer), (SECOND, GOOD))
                expect(og, tap, f"an answer {sentence}", before, tables, lost)
                before = og.last
            for sentence, request, tables, lost in REQUESTS:
                ends.play((request, GOOD), (SECOND, GOOD))
                expect(og, tap, f"a request {sentence}", before, tables, lost)
                before = og.last
            tap.equal(
                "no connection is left open",
                og.wait(lambda m: not m.total("upstream_connections")).total("upstream_connections"),
                0,
            )
    tap.done()


if __name__ == "__main__":
    main()
