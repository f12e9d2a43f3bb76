# SPDX-License-Identifier: Apache-2.0
"""What tests of finding TLS libraries share: a server, clients that wait for a word before each call, libraries with
inodes of their own, and the observer that is to find them.

    with World() as world:
        client = world.python(world.library("fresh"))
        world.decoded("its call is decoded", client, "/fresh")
"""
import contextlib
import glob
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from datetime import datetime, timezone

import certificates
from harness import Child, Operaglass, Tap, free_port

HOST = "discovery.test"
# Sessions (Linux 6.13): one in each of the functions that SSL_write and SSL_read call, one at SSL_free.
LIBSSL_PROBES = 4
CONFIG = """
upstreams:
  - name: discovery
    kind: https
    hosts: [{host}, "*.wild.test"]
    ports: [{port}]
"""
PYTHON_CLIENT = """
import sys, time
port, late = int(sys.argv[1]), sys.argv[2] == "late"
if not late:
    import ssl
print("mapped", time.time(), flush=True)
kept = None
for line in sys.stdin:
    word, *fields = line.split()
    if word == "load":
        import ssl
        print("mapped", time.time(), flush=True)
        continue
    import http.client
    context = ssl._create_unverified_context()
    class Here(http.client.HTTPSConnection):
        def connect(self):
            import socket
            self.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port)),
                                            server_hostname="discovery.test")
    if word == "open":
        kept = Here("discovery.test", port)
        kept.connect()
        print("open", flush=True)
        continue
    c = kept or Here("discovery.test", port)
    c.request("GET", word, headers=dict(f.split("=") for f in fields))
    answer = c.getresponse()
    answer.read()
    print(answer.status, flush=True)
    if not kept:
        c.close()
"""
NODE_CLIENT = """
const https = require("https"), port = Number(process.argv[2]);
console.log("mapped", Date.now() / 1000);
require("readline").createInterface({input: process.stdin}).on("line", (path) => {
    https.get({host: "127.0.0.1", port, path, servername: "discovery.test", agent: false,
               rejectUnauthorized: false, headers: {Host: "discovery.test"}},
              (r) => { r.resume(); r.on("end", () => console.log(r.statusCode)); });
});
"""

class Server(threading.Thread):
    """Answers every request with 200 and an empty body, over the same host's own libssl."""

    def __init__(self, directory, port):
        super().__init__(daemon=True)
        pair = certificates.server_pair(directory, HOST)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        self.listener = socket.create_server(("127.0.0.1", port))

    def run(self):
        while True:
            peer, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with contextlib.suppress(OSError), self.context.wrap_socket(peer, server_side=True) as s:
            head = b""
            while True:
                data = s.recv(65536)
                if not data:
                    return
                head += data
                while b"\r\n\r\n" in head:
                    head = head.split(b"\r\n\r\n", 1)[1]
                    s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class Client:
    """A process that says when it has mapped its TLS code, and makes a call for each path it is told."""

    def __init__(self, command, environment=None):
        self.process = Child(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.mapped = self.wait_mapped()

    def wait_mapped(self):
        words = self.process.line().split()
        if not words or words[0] != "mapped":
            raise RuntimeError("the client did not start")
        return float(words[1]) if len(words) > 1 else 0

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def call(self, path):
        self.tell(path)
        return self.process.line().strip()

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class World:
    """Everything is there on entry but the observer: start it by `with world.og:`."""

    def __init__(self, config=""):
        self.tap, self.port, self.clients = Tap(), free_port(), []
        self.og = Operaglass(CONFIG.format(host=HOST, port=self.port) + config)

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="og-tls-discovery-")
        os.chmod(self.directory, 0o755)
        Server(self.directory, self.port).start()
        return self

    def __exit__(self, *exception):
        for client in self.clients:
            client.process.kill()
            client.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def library(self, name):
        """A copy of libssl with an inode of its own; returns its directory."""
        path = f"{self.directory}/{name}"
        os.mkdir(path)
        for library in ("libssl.so.3", "libcrypto.so.3"):
            found = glob.glob(f"/usr/lib/*/{library}")[0]
            shutil.copy(found, path)
        return path

    def client(self, command, environment=None):
        client = Client(command, environment)
        self.clients.append(client)
        return client

    def python_command(self, late=False, program="/usr/bin/python3"):
        return [program, "-c", PYTHON_CLIENT, str(self.port), "late" if late else "now"]

    def python(self, library, late=False):
        return self.client(self.python_command(late), {"LD_LIBRARY_PATH": library})

    def pins(self, path=None):
        """Names of all pinned probes, or of those of this file."""
        return self.og.probes(os.stat(path) if path else None)

    def wait_pins(self, path, present=True, seconds=5):
        """Whether the file gets (or loses) its probes in time."""
        limit = time.monotonic() + seconds
        while bool(self.pins(path)) != present and time.monotonic() < limit:
            time.sleep(0.002)
        return bool(self.pins(path)) == present

    def scan(self):
        """A look at every process, as it is made once a minute; a reload makes it at once."""
        before = self.og.logs().count("reloaded")
        self.og.process.send_signal(signal.SIGHUP)
        limit = time.monotonic() + 10
        while self.og.logs().count("reloaded") == before and time.monotonic() < limit:
            time.sleep(0.01)

    def wait_log(self, path, seconds=5):
        """When the log says that this file is probed, in seconds since 1970; None if it does not."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            for line in self.og.logs().splitlines():
                if f"inside the TLS of '{path}" in line:
                    when = re.search(r"time=(\S+)Z", line)[1]
                    return datetime.fromisoformat(when).replace(tzinfo=timezone.utc).timestamp()
            time.sleep(0.005)
        return None

    def decoded(self, sentence, client, endpoint, fields=""):
        """A call of this client is counted once, with its endpoint and status."""
        status = client.call(f"{endpoint} {fields}".strip())
        labels = {"upstream": "discovery", "endpoint": endpoint}
        metrics = self.og.wait(
            lambda m: m.value(
                "upstream_request_duration_seconds_count", status_code="200", **labels
            )
            == 1
        )
        self.tap.equal(
            sentence,
            (
                status,
                metrics.value("upstream_requests_total", method="GET", **labels),
                metrics.value(
                    "upstream_request_duration_seconds_count", status_code="200", **labels
                ),
            ),
            ("200", 1, 1),
        )
