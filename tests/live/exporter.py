# SPDX-License-Identifier: Apache-2.0
"""A running exporter with this program as its observer, and HTTP as plain as it is on the wire.

    with Exporter() as exporter:
        exporter.say(COMPLETE)
        tap.equal("it answers", exporter.get("/metrics").code, 200)
"""
import gzip
import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import time

from harness import BUILD

EXPORTER = os.environ.get("OPERAGLASS_EXPORTER", os.path.join(BUILD, "operaglass-exporter"))
MAP, PROGRAM, ITERATOR, COMPLETE, REPLACED, LISTENING, STATUS = range(1, 8)
PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
SECONDS = 5  # for everything that has no time of its own
FIRST_REQUEST_SECONDS = 10  # WEB_FIRST_REQUEST_SECONDS


class Exporter:
    """A running exporter and the observer's end of its socket."""

    def __init__(self, *options, addresses=("127.0.0.1:0",)):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(SECONDS)
        self.log = tempfile.TemporaryFile()
        with theirs:
            self.process = subprocess.Popen(
                [EXPORTER, f"--handover.fd={theirs.fileno()}"]
                + [f"--web.listen-address={address}" for address in addresses]
                + list(options),
                pass_fds=[theirs.fileno()],
                stderr=self.log,
            )
        self.port = None

    def __enter__(self):
        kind, self.port = struct.unpack("<II64x", self.socket.recv(4096) or bytes(72))
        assert kind == LISTENING, self.read_log()
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        self.log.close()

    def say(self, kind, value=0, name=""):
        self.socket.send(struct.pack("<II64s", kind, value, name.encode()))

    def read_log(self):
        self.log.seek(0)
        return self.log.read().decode()

    def status(self, field):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return re.search(rf"^{field}:(.*)$", file.read(), re.M).group(1).strip()

    def fds(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def connect(self, source="127.0.0.1"):
        return socket.create_connection(("127.0.0.1", self.port), SECONDS, (source, 0))

    def get(self, path="/metrics", method="GET", source="127.0.0.1", **headers):
        """One request on a connection of its own."""
        with self.connect(source) as connection:
            send(connection, path, method, **headers)
            return Response(connection, method)


class Response:
    """Status, headers in lower case, body. Reads exactly one response."""

    def __init__(self, connection, method="GET"):
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                raise ConnectionError(f"end of stream after {data!r}")
            data += more
        head, self.body = data.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        self.code = int(first.split()[1])
        self.headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        self.size = int(self.headers.get("content-length", -1))
        while method != "HEAD" and len(self.body) < self.size:
            more = connection.recv(65536)
            if not more:
                raise ConnectionError("the body is cut")
            self.body += more

    def text(self):
        body = (
            gzip.decompress(self.body)
            if self.headers.get("content-encoding") == "gzip"
            else self.body
        )
        return body.decode()

    def json(self):
        return json.loads(self.body)


def send(connection, path, method="GET", **headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


def sample(text, name):
    match = re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)
    return float(match.group(1)) if match else None


def wait_for(condition, seconds=SECONDS):
    """Polls until the condition holds; its last result."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result or time.monotonic() > end:
            return result
        time.sleep(0.01)
