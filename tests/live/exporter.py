# SPDX-License-Identifier: Apache-2.0
"""A running exporter with this program as its observer, and HTTP as plain as it is on the wire.

    with Exporter() as exporter:
        exporter.say(COMPLETE)
        tap.equal("it answers", exporter.get("/metrics").code, 200)
"""
import ctypes
import fcntl
import gzip
import json
import os
import re
import socket
import struct
import tempfile
import time

from harness import BUILD, Child

EXPORTER = os.environ.get("OPERAGLASS_EXPORTER", os.path.join(BUILD, "operaglass-exporter"))
MAP, PROGRAM, ITERATOR, COMPLETE, REPLACED, LISTENING, STATUS = range(1, 8)
SETTINGS = 10
PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
SECONDS = 5  # for everything that has no time of its own
FIRST_REQUEST_SECONDS = 10  # WEB_HEAD_SECONDS


class Price(ctypes.Structure):
    _fields_ = [("model", ctypes.c_char * 64), ("per_million", ctypes.c_uint64 * 4)]


class Custom(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char * 64),
        ("help", ctypes.c_char * 160),
        ("labels", ctypes.c_char * 64 * 4),
        ("bounds", ctypes.c_double * 20),
        ("bound_count", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
    ]


class Settings(ctypes.Structure):
    """struct reporting_settings of include/reporting.h; with another size the exporter ends."""

    _fields_ = [
        ("uid_count", ctypes.c_uint32),
        ("gid_count", ctypes.c_uint32),
        ("uids", ctypes.c_uint32 * 64),
        ("gids", ctypes.c_uint32 * 64),
        ("sender_rate", ctypes.c_uint32),
        ("sender_burst", ctypes.c_uint32),
        ("total_rate", ctypes.c_uint32),
        ("total_burst", ctypes.c_uint32),
        ("id_window_ns", ctypes.c_uint64),
        ("approval_timeout_ns", ctypes.c_uint64),
        ("approval_grace_ns", ctypes.c_uint64),
        ("pending_max", ctypes.c_uint32),
        ("session_label", ctypes.c_uint32),
        ("session_key", ctypes.c_uint8 * 32),
        ("plain_actors", ctypes.c_bool),
        ("retention_ns", ctypes.c_uint64),
        ("retention_bytes", ctypes.c_uint64),
        ("time_zone", ctypes.c_char * 64),
        ("prices_date", ctypes.c_char * 16),
        ("price_count", ctypes.c_uint32),
        ("prices", Price * 256),
        ("monthly_budget", ctypes.c_uint64),
        ("custom_count", ctypes.c_uint32),
        ("custom", Custom * 64),
        ("ingest_token", ctypes.c_char * 256),
        ("read_token", ctypes.c_char * 256),
    ]


def default_settings():
    """Root may report; no limit of rates; everything is kept for a day."""
    day = 86400 * 10**9
    return Settings(
        uid_count=1,
        id_window_ns=day,
        approval_timeout_ns=1800 * 10**9,
        approval_grace_ns=30 * 10**9,
        pending_max=1000,
        retention_ns=day,
        retention_bytes=1 << 30,
    )


class Exporter:
    """A running exporter and the observer's end of its socket."""

    def __init__(self, *options, addresses=("127.0.0.1:0",), settings=None):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(SECONDS)
        self.set(settings or default_settings())
        self.log = tempfile.TemporaryFile()
        with theirs:
            self.process = Child(
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

    def set(self, settings):
        """What the observer sends at start and after each reload."""
        fd = os.memfd_create("reporting", os.MFD_ALLOW_SEALING)
        os.write(fd, bytes(settings))
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 0xF)  # F_SEAL_SEAL, _SHRINK, _GROW, _WRITE
        head = struct.pack("<II64s", SETTINGS, ctypes.sizeof(settings), b"reporting")
        socket.send_fds(self.socket, [head], [fd])
        os.close(fd)

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
