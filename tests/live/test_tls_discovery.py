#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TLS libraries are found wherever they come from, probed once, and stay probed.

Each case is a client with a libssl (or a Node) of its own inode; its call must be decoded: endpoint and status in
/metrics. The client waits for a word before each call, so that what is proven is the finding, not a race.
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
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Operaglass, Tap, free_port  # noqa: E402

HOST = "discovery.test"
CONFIG = """
upstreams:
  - name: discovery
    kind: https
    hosts: [{host}, "*.wild.test"]
    ports: [{port}]
"""
SCOPE = """
agents:
  - type: discoverer
    names: [discoverer]
tls:
  scope: agents
"""
ATTACH_SECONDS = 0.1  # 20 ms on an idle machine
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
MAP_GARBAGE = """
import mmap, os, sys
f = os.open(sys.argv[1], os.O_RDONLY)
m = mmap.mmap(f, 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
print("mapped", flush=True)
sys.stdin.read()
"""


class Server(threading.Thread):
    """Answers every request with 200 and an empty body, over the same host's own libssl."""

    def __init__(self, directory, port):
        super().__init__(daemon=True)
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=" + HOST,
                "-keyout",
                directory + "/key.pem",
                "-out",
                directory + "/cert.pem",
            ],
            check=True,
            capture_output=True,
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(directory + "/cert.pem", directory + "/key.pem")
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
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.mapped = self.wait_mapped()

    def wait_mapped(self):
        words = self.process.stdout.readline().split()
        if not words or words[0] != "mapped":
            raise RuntimeError("the client did not start")
        return float(words[1]) if len(words) > 1 else 0

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def call(self, path):
        self.tell(path)
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class World:
    def __init__(self, directory, og, tap, port):
        self.directory, self.og, self.tap, self.port = directory, og, tap, port
        self.clients = []

    def library(self, name):
        """A copy of libssl with an inode of its own; returns its directory."""
        path = f"{self.directory}/{name}"
        os.mkdir(path)
        for library in ("libssl.so.3", "libcrypto.so.3"):
            found = glob.glob(f"/usr/lib/*/{library}")[0]
            shutil.copy(found, path)
        return path

    def python(self, library, late=False):
        client = Client(
            ["/usr/bin/python3", "-c", PYTHON_CLIENT, str(self.port), "late" if late else "now"],
            {"LD_LIBRARY_PATH": library},
        )
        self.clients.append(client)
        return client

    def pins(self):
        return sorted(os.listdir(self.og.pins + "/tls"))

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


def test_connections_before(world, clients):
    """No ClientHello was seen of them: their calls are known by the Host of each first request."""
    world.decoded("a connection older than the observer is known by its Host", clients[0], "/older")
    world.decoded("and so is its next call", clients[0], "/older-next")
    world.decoded("also by a wildcard", clients[1], "/wildcard", "Host=a.b.wild.test:443")
    world.tap.equal(
        "one to a host that nobody watches is answered",
        clients[2].call("/unwatched Host=wild.test"),
        "200",
    )
    world.decoded("and not counted, while others are", clients[0], "/older-last")
    world.tap.equal(
        "under no name",
        world.og.metrics().rows("upstream_requests_total", endpoint="/unwatched"),
        {},
    )
    for client in clients:
        client.end()


def test_running_before(world, client):
    world.decoded(
        "a library that was deleted under a process which runs already is probed",
        client,
        "/deleted",
    )
    client.end()


def test_new_file(world):
    library = world.library("fresh")
    client = world.python(library)
    probed = world.wait_log(library + "/libssl.so.3")
    world.tap.within(
        "a library that nobody mapped before is probed at once",
        probed and probed - client.mapped,
        -1,
        ATTACH_SECONDS,
    )
    world.decoded("and its call is decoded", client, "/fresh")
    before = world.pins()
    second = world.python(library)
    world.decoded("a second process with the same file is decoded", second, "/fresh-again")
    world.tap.equal("and the file is not probed a second time", world.pins(), before)
    client.end()
    second.end()


def test_late_load(world):
    library = world.library("late")
    client = world.python(library, late=True)
    client.tell("load")
    mapped = client.wait_mapped()
    probed = world.wait_log(library + "/libssl.so.3")
    world.tap.within(
        "a library that is loaded into a running process is probed at once",
        probed and probed - mapped,
        -1,
        ATTACH_SECONDS,
    )
    world.decoded("and its call is decoded", client, "/late")
    client.end()


def test_other_mount_namespace(world):
    library = world.library("inside")
    hidden = world.directory + "/mount"
    os.mkdir(hidden)
    script = f'mount -t tmpfs none {hidden} && cp {library}/* {hidden}/ && exec "$@"'
    client = Client(
        [
            "unshare",
            "--mount",
            "sh",
            "-c",
            script,
            "sh",
            "env",
            "LD_LIBRARY_PATH=" + hidden,
            "/usr/bin/python3",
            "-c",
            PYTHON_CLIENT,
            str(world.port),
            "now",
        ]
    )
    world.clients.append(client)
    world.wait_log(hidden + "/libssl.so.3")
    world.tap.ok(
        "the file is not there in our mount namespace", not os.path.exists(hidden + "/libssl.so.3")
    )
    world.decoded("a library of another mount namespace is probed", client, "/container")
    client.end()


def test_node(world):
    path = world.directory + "/node-of-its-own"
    os.mkdir(path)
    shutil.copy(
        os.path.realpath(shutil.which("node", path="/usr/local/bin:/usr/bin")), path + "/node"
    )
    with open(path + "/client.js", "w", encoding="utf-8") as file:
        file.write(NODE_CLIENT)
    client = Client([path + "/node", path + "/client.js", str(world.port)])
    world.clients.append(client)
    world.wait_log(path + "/node")
    world.decoded("a Node of its own is probed by its symbols", client, "/node")
    client.end()


def test_garbage(world):
    path = world.directory + "/garbage"
    os.mkdir(path)
    with open(path + "/libssl.so.3", "wb") as file:
        file.write(b"\x7fELF" + os.urandom(100000))
    before = world.og.metrics().by("operaglass_tls_targets", "stack", "state")
    child = subprocess.Popen(
        [sys.executable, "-c", MAP_GARBAGE, path + "/libssl.so.3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    child.stdout.readline()
    client = world.python(world.library("after-garbage"))
    world.wait_log(world.directory + "/after-garbage/libssl.so.3")
    world.decoded(
        "a file that only pretends to be a library does no harm", client, "/after-garbage"
    )
    after = world.og.metrics().by("operaglass_tls_targets", "stack", "state")
    world.tap.equal(
        "and is no target", after[("openssl", "attached")], before[("openssl", "attached")] + 1
    )
    child.communicate()
    client.end()


def test_scope(world):
    """With `tls: scope: agents` a process that is no agent's is measured at the socket only."""
    client = world.python(world.library("stranger"))
    world.wait_log(world.directory + "/stranger/libssl.so.3")
    with open(world.og.directory + "/config.yml", "a", encoding="utf-8") as file:
        file.write(SCOPE)
    world.og.process.send_signal(signal.SIGHUP)
    limit = time.monotonic() + 5
    while "reloaded" not in world.og.logs() and time.monotonic() < limit:
        time.sleep(0.01)
    status = client.call("/stranger")
    client.end()
    metrics = world.og.wait(
        lambda m: m.total("upstream_requests_total", upstream="discovery", endpoint="unknown") == 1
    )
    world.tap.equal(
        "the call of a process outside the scope is timed, not read",
        (
            status,
            metrics.total("upstream_requests_total", upstream="discovery", endpoint="unknown"),
            metrics.total("upstream_requests_total", upstream="discovery", endpoint="/stranger"),
        ),
        ("200", 1, 0),
    )
    agent = world.directory + "/discoverer"
    shutil.copy(os.path.realpath("/usr/bin/python3"), agent)
    client = Client([agent, "-c", PYTHON_CLIENT, str(world.port), "now"])
    world.clients.append(client)
    world.decoded("the call of an agent is read", client, "/agent")
    client.end()


def test_restart(world):
    library = world.library("restart")
    client = world.python(library)
    world.wait_log(library + "/libssl.so.3")
    world.decoded("a call before the observer is killed is decoded", client, "/restart-before")
    before = world.pins()
    os.kill(world.og.process.pid, signal.SIGKILL)
    world.og.process.wait()
    world.tap.equal(
        "a call while nobody watches is answered", client.call("/restart-meanwhile"), "200"
    )
    world.og.start()
    metrics = world.og.metrics()
    world.tap.equal(
        "and is counted with its endpoint",
        metrics.value(
            "upstream_requests_total",
            upstream="discovery",
            endpoint="/restart-meanwhile",
            method="GET",
        ),
        1,
    )
    world.decoded("a call after the restart is counted once", client, "/restart-after")
    world.tap.equal("the same probes are in place", world.pins(), before)
    client.end()


def main():
    tap, port = Tap(), free_port()
    directory = tempfile.mkdtemp(prefix="og-tls-discovery-")
    world = None
    try:
        Server(directory, port).start()
        og = Operaglass(CONFIG.format(host=HOST, port=port))
        world = World(directory, og, tap, port)
        library = world.library("deleted")
        client = world.python(library)
        os.unlink(library + "/libssl.so.3")
        older = [world.python(world.library(f"older{i}")) for i in range(3)]
        for process in older:
            process.call("open")
        with og:
            test_connections_before(world, older)
            test_running_before(world, client)
            for test in (
                test_new_file,
                test_late_load,
                test_other_mount_namespace,
                test_node,
                test_garbage,
                test_restart,
                test_scope,
            ):
                test(world)
            metrics = og.metrics()
            calls = metrics.total("upstream_requests_total", upstream="discovery")
            tap.equal(
                "every connection but one was decoded",
                metrics.by("upstream_connections_total", "visibility", upstream="discovery"),
                {("decoded",): calls - 5, ("encrypted",): 1},
            )
            pins = og.pins
        tap.ok("nothing stays behind", not os.path.exists(pins))
    finally:
        for client in world.clients if world else []:
            client.process.kill()
        shutil.rmtree(directory, ignore_errors=True)
    tap.done()


if __name__ == "__main__":
    main()
