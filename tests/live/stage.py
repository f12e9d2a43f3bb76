# SPDX-License-Identifier: Apache-2.0
"""The world of an HTTPS test: network, certificates, name server, truth server, clients.

    with Stage("https") as stage:
        results = stage.play("python_sync", [{"method": "GET", "path": "/botT/getMe"}])
        truth = stage.truth(1)
"""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

import certificates
import network
from harness import BUILD, Child, leave_on_sigterm

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "api.telegram.org"
NAMES = (
    "api.telegram.org",
    "api.anthropic.com",
    "api.openai.com",
    "api.slack.com",
    "slack.com",
    "api.twilio.com",
    "not-watched.example",
    "tldr.sh",
)
# Servers that fail the handshake each in its own way, by address.
BROKEN = {
    "10.77.0.4": "handshake-close",
    "10.77.0.5": "handshake-garbage",
    "10.77.0.6": "handshake-reset",
    "10.77.0.7": "handshake-hang",
}
HTTP2 = "10.77.0.8"
DATABASE_PORT = 5432
GO_CLIENT = f"{BUILD}/tools/live/go-client"

# How a client is started; it gets a plan (see `play`) as its only argument.
CLIENTS = {
    "python_sync": ["/usr/bin/python3", f"{HERE}/clients/python_sync.py"],
    "python_urllib": ["/usr/bin/python3", f"{HERE}/clients/python_urllib.py"],
    "python_aiohttp": ["/usr/bin/python3", f"{HERE}/clients/python_aiohttp.py"],
    "python_bio": ["/usr/bin/python3", f"{HERE}/clients/python_bio.py"],
    "python_threads": ["/usr/bin/python3", f"{HERE}/clients/python_threads.py"],
    "python_h2": ["/usr/bin/python3", f"{HERE}/clients/python_h2.py"],
    "python_h2_many": ["/usr/bin/python3", f"{HERE}/clients/python_h2_many.py"],
    "python_raw": ["/usr/bin/python3", f"{HERE}/clients/python_raw.py"],
    "curl": ["/usr/bin/python3", f"{HERE}/clients/curl.py"],
    "wget": ["/usr/bin/python3", f"{HERE}/clients/wget.py"],
    "pool_curl": ["/usr/bin/python3", f"{HERE}/clients/pool_curl.py"],
    "fork": ["/usr/bin/python3", f"{HERE}/clients/fork.py"],
    "gnutls_curl": ["/usr/bin/python3", f"{HERE}/clients/gnutls_curl.py"],
    "nss_curl": ["/usr/bin/python3", f"{HERE}/clients/nss_curl.py"],
    "lines": ["/usr/bin/python3", f"{HERE}/clients/lines.py"],
    "dotnet": ["/usr/bin/python3", f"{HERE}/clients/dotnet.py"],
    "s_client": ["/usr/bin/python3", f"{HERE}/clients/s_client.py"],
    "node_https": ["node", f"{HERE}/clients/node_https.js"],
    "node_http2": ["node", f"{HERE}/clients/node_http2.js"],
    "node_fetch": ["node", f"{HERE}/clients/node_fetch.js"],
    "ruby": ["ruby", f"{HERE}/clients/ruby.rb"],
    "php": ["php", f"{HERE}/clients/php.php"],
    "go": None,
}


def wait_for(condition, seconds, what):
    limit = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise RuntimeError(f"not after {seconds} s: {what}")
        time.sleep(0.01)


class Stage:
    def __init__(self, name, **options):
        self.network = network.Network(name, **options)
        self.directory = None
        self.children = []
        self.seen = 0
        self.last = []  # what truth() said

    def __enter__(self):
        leave_on_sigterm()
        self.directory = tempfile.mkdtemp(prefix="og-stage-")
        os.chmod(self.directory, 0o755)
        try:
            self.network.__enter__()
            self.make_certificates()
            self.names = {
                name: {"a": [network.SERVER4], "aaaa": [network.SERVER6]} for name in NAMES
            }
            self.start_dns()
            self.start_truth()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        for child in reversed(self.children):
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            child.stdout.close()
        self.network.__exit__()
        shutil.rmtree(self.directory, ignore_errors=True)

    def make_certificates(self):
        """A test CA and one certificate for every name."""
        d = self.directory
        self.ca = f"{d}/ca.pem"
        authority = (self.ca, f"{d}/ca.key")
        certificates.self_signed(
            "Operaglass test CA",
            *authority,
            "basicConstraints=critical,CA:TRUE",
            "keyUsage=critical,keyCertSign,cRLSign",
        )
        names = ",".join(f"DNS:{name}" for name in NAMES)
        certificates.signed(
            "server", f"{d}/cert.pem", f"{d}/key.pem", authority, "subjectAltName=" + names
        )

    def start(self, command):
        child = Child(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        self.children.append(child)
        line = child.line()
        if line.strip() != "ready":
            raise RuntimeError(f"{command[-2]}: not ready: {line!r}")
        return child

    def start_dns(self):
        self.write_names()
        self.dns = self.start(
            self.network.in_server(
                [
                    "/usr/bin/python3",
                    f"{HERE}/dns_server.py",
                    network.DNS4,
                    "53",
                    f"{self.directory}/names.json",
                ]
            )
        )

    def write_names(self):
        with open(f"{self.directory}/names.json", "w", encoding="utf-8") as file:
            json.dump(self.names, file)

    def set_name(self, name, **row):
        """Changes what the name server answers; returns when it does."""
        self.names[name] = row
        self.write_names()
        self.dns.send_signal(1)
        self.dns.line()

    def start_truth(self):
        for address in [*BROKEN, HTTP2]:
            network.run(
                "ip", "-n", self.network.server, "addr", "add", f"{address}/24", "dev", "veth1"
            )
        listeners = [
            {"address": address, "port": 443, "mode": "https"}
            for address in (network.SERVER4, network.SERVER6)
        ]
        listeners += [
            {"address": address, "port": 443, "mode": mode} for address, mode in BROKEN.items()
        ]
        listeners.append(
            {"address": HTTP2, "port": 443, "mode": "https", "alpn": ["h2", "http/1.1"]}
        )
        listeners.append({"address": network.SERVER4, "port": DATABASE_PORT, "mode": "tcp"})
        config = {
            "truth": f"{self.directory}/truth.jsonl",
            "certificate": f"{self.directory}/cert.pem",
            "key": f"{self.directory}/key.pem",
            "files": f"{self.directory}/files",
            "listeners": listeners,
        }
        with open(f"{self.directory}/server.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        with open(config["truth"], "w", encoding="utf-8"):
            pass
        self.server = self.start(
            self.network.in_server(
                ["/usr/bin/python3", f"{HERE}/truth_server.py", f"{self.directory}/server.json"]
            )
        )

    def truth(self, count, seconds=10):
        """The next count requests that the server finished since the last call, as they began."""

        def rows():
            with open(f"{self.directory}/truth.jsonl", encoding="utf-8") as file:
                text = file.read()
            # A line that goes beyond a page of the file is there by halves for a moment.
            lines = text[: text.rfind("\n") + 1].splitlines()[self.seen :]
            return [json.loads(line) for line in lines] if len(lines) >= count else None

        if not count:
            return []
        found = wait_for(rows, seconds, f"{count} requests at the truth server")
        self.seen += len(found)
        self.last = sorted(found, key=lambda row: row.get("head_first", row["accepted"]))
        return self.last

    def command(self, client):
        if client == "go":
            return [self.go()]
        if client.startswith("/"):
            return [client]
        return CLIENTS[client]

    def go(self):
        """The Go client, compiled once a version of its source."""
        source = f"{HERE}/clients/client.go"
        binary = f"{GO_CLIENT}-{os.stat(source).st_mtime_ns}"
        if not os.path.exists(binary):
            self.build_go(source, binary)
        return binary

    def build_go(self, source, binary, *flags):
        if not os.path.exists(binary):
            os.makedirs(os.path.dirname(binary), exist_ok=True)
            environment = dict(
                os.environ,
                GO111MODULE="off",
                GOFLAGS="",
                GOPROXY="off",
                CGO_ENABLED="0",
                GOCACHE=f"{GO_CLIENT}-cache",
                PATH="/usr/lib/go/bin:/usr/bin:/bin",
            )
            subprocess.run(
                ["go", "build", *flags, "-o", binary + ".new", source],
                env=environment,
                check=True,
                timeout=180,
            )
            os.rename(binary + ".new", binary)

    def tls_client(self, name, *flags):
        """clients/tls_client.c with a copy of OpenSSL inside, as a program of this name."""
        binary = f"{self.directory}/{name}"
        command = ["gcc", "-O2", "-D_GNU_SOURCE", "-no-pie", *flags, "-o", binary]
        libraries = ["-Wl,-Bstatic", "-lssl", "-lcrypto", "-Wl,-Bdynamic", "-lpthread", "-ldl"]
        subprocess.run(
            [*command, f"{HERE}/clients/tls_client.c", *libraries], check=True, timeout=60
        )
        return binary

    def play(self, client, requests, host="api.telegram.org", seconds=60, ca=True, **options):
        """Runs a client inside; returns its lines, one a request: {"status", "ns", …} or {"error"}.

        A request: {"method", "path", "body": bytes to send, "headers": {}, "timeout": seconds}.
        """
        plan = {
            "host": host,
            "port": 443,
            "ca": self.ca if ca else None,
            "requests": requests,
            **options,
        }
        done = subprocess.run(
            self.network.in_client([*self.command(client), json.dumps(plan)]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            env=dict(os.environ, LC_ALL="C.UTF-8", NODE_EXTRA_CA_CERTS=self.ca if ca else ""),
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        if len(lines) != len(requests):
            raise RuntimeError(
                f"{client}: {len(lines)} of {len(requests)} results, exit {done.returncode}:\n"
                f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return lines

    @contextlib.contextmanager
    def playing(self, command, requests, begin=None, **options):
        """A client in the middle of its requests, once begin(process) returned; killed at the end."""
        plan = {"host": NAME, "port": 443, "ca": self.ca, "requests": requests, **options}
        process = Child(
            self.network.in_client([*command, json.dumps(plan)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            if begin:
                begin(process)
            yield process
        finally:
            process.kill()
            process.communicate()
