#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The exporter alone, with this program as its observer: paths, methods, negotiation, compression,
bad requests, slow and many clients, privileges, what it says when it cannot start."""
import gzip
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from harness import BUILD, Tap

EXPORTER = os.environ.get("OPERAGLASS_EXPORTER", os.path.join(BUILD, "operaglass-exporter"))
MAP, PROGRAM, ITERATOR, COMPLETE, REPLACED, LISTENING, STATUS = range(1, 8)
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
SECONDS = 5  # for everything that has no time of its own
FIRST_REQUEST_SECONDS = 10  # WEB_FIRST_REQUEST_SECONDS
RESIDENT_KIB = 4608
CONNECTIONS_PER_IP = 64

tap = Tap()


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


def check_privileges(exporter):
    tap.equal("it runs as nobody", exporter.status("Uid"), "\t".join(["65534"] * 4))
    tap.equal("it has no supplementary groups", exporter.status("Groups"), "")
    sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
    tap.equal("every capability set is empty", [exporter.status(s) for s in sets], ["0" * 16] * 5)
    tap.equal("it cannot gain privileges", exporter.status("NoNewPrivs"), "1")
    tap.equal("its system calls are filtered", exporter.status("Seccomp"), "2")
    tap.equal("it has one thread", exporter.status("Threads"), "1")
    tap.equal("its directory is /", os.readlink(f"/proc/{exporter.process.pid}/cwd"), "/")


def check_ready(exporter):
    first = exporter.get("/-/ready")
    tap.equal("it is not ready before the observer says so", first.code, 503)
    tap.equal("it is healthy all the same", exporter.get("/-/healthy").code, 200)
    exporter.say(COMPLETE)
    tap.ok(
        "it is ready once everything is attached",
        wait_for(lambda: exporter.get("/-/ready").code == 200),
    )
    exporter.say(REPLACED)
    tap.ok(
        "it is not ready while a generation is replaced",
        wait_for(lambda: exporter.get("/-/ready").code == 503),
    )
    exporter.say(COMPLETE)
    tap.ok("and ready after it", wait_for(lambda: exporter.get("/-/ready").code == 200))


def check_page(exporter):
    page = exporter.get("/")
    tap.equal("the landing page is HTML", page.headers["content-type"], "text/html; charset=utf-8")
    tap.ok("it links the metrics", '<a href="/metrics">' in page.text())
    tap.ok(
        "it allows nothing from elsewhere",
        "default-src 'none'" in page.headers["content-security-policy"],
    )


def check_formats(exporter):
    plain = exporter.get()
    tap.equal("without Accept the format is text 0.0.4", plain.headers["content-type"], TEXT)
    browser = exporter.get(Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    tap.equal("for a browser too", browser.headers["content-type"], TEXT)
    scraper = exporter.get(Accept=PROMETHEUS_ACCEPT)
    tap.equal("Prometheus gets OpenMetrics", scraper.headers["content-type"], OPENMETRICS)
    tap.ok("which ends with # EOF", scraper.text().endswith("\n# EOF\n"))
    tap.ok("and text does not", "# EOF" not in plain.text())
    with exporter.connect() as connection:
        connection.sendall(
            b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: text/plain;q=0.1\r\n"
            b"Accept: application/openmetrics-text\r\n\r\n"
        )
        two = Response(connection)
    tap.equal("two Accept lines are one list", two.headers["content-type"], OPENMETRICS)
    declared = len(re.findall("^# TYPE ", plain.text(), re.M))
    tap.ok("the text parser reads it", list(parse_text(plain.text())))
    in_open = {f.name: f.type for f in parse_openmetrics(scraper.text())}
    tap.equal("the strict OpenMetrics parser reads as many families", len(in_open), declared)
    tap.equal("the build is an info there", in_open["operaglass_build"], "info")
    check = subprocess.run(
        ["promtool", "check", "metrics"], input=plain.body, capture_output=True, check=False
    )
    tap.equal(
        "promtool has nothing to say", (check.returncode, check.stdout + check.stderr), (0, b"")
    )
    tap.ok(
        "no line has a timestamp",
        all(
            len(line.rsplit("} ", 1)[-1].split()) <= 2
            for line in plain.text().splitlines()
            if line[0] != "#"
        ),
    )
    tap.ok("le is a float in both", 'le="1.0"' in plain.text() and 'le="1.0"' in scraper.text())
    tap.ok("nothing is _created", "_created" not in scraper.text())


def check_gzip(exporter):
    for accept, coding in [
        ("gzip", "gzip"),
        ("gzip, deflate, br", "gzip"),
        ("*", "gzip"),
        ("gzip;q=0", None),
        ("deflate", None),
        ("identity;q=1, gzip;q=0.5", None),
    ]:
        response = exporter.get(Accept_Encoding=accept, Accept=PROMETHEUS_ACCEPT)
        good = response.headers.get("content-encoding") == coding and "# EOF" in response.text()
        tap.ok(f"Accept-Encoding: {accept} gives {coding or 'no coding'}", good, response.headers)
    tap.equal(
        "caches are told what it depends on", response.headers["vary"], "Accept, Accept-Encoding"
    )
    small, large = exporter.get(Accept_Encoding="gzip"), exporter.get()
    tap.ok(
        "gzip is at least four times smaller", small.size * 4 < large.size, (small.size, large.size)
    )


def check_methods(exporter):
    for path in ["/", "/metrics", "/-/healthy", "/-/ready"]:
        with exporter.connect() as connection:
            send(connection, path, "HEAD")
            head = Response(connection, "HEAD")
            send(connection, path)
            get = Response(connection)
        close = abs(head.size - get.size) < 200  # numbers of the scrape grow
        good = head.code == get.code == 200 and head.body == b"" and head.size > 0 and close
        tap.ok(
            f"HEAD {path} is GET without the body, on a connection that goes on",
            good,
            (head.headers, get.headers),
        )
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "BREW"]:
            response = exporter.get(path, method, Content_Length=0)
            good = response.code == 405 and response.headers.get("allow") == "GET, HEAD"
            tap.ok(f"{method} {path} is 405 with Allow", good, (response.code, response.headers))
    inner = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"
    for method in ["POST", "DELETE"]:
        upload = exporter.get("/metrics", method, Content_Length=5)
        tap.equal(f"the body of a {method} is not waited for", upload.code, 405)
        with exporter.connect() as connection:
            send(connection, "/metrics", method, Content_Length=len(inner))
            Response(connection)
            try:
                connection.sendall(inner)
                rest = connection.recv(65536)
            except OSError:
                rest = b""
        tap.equal("nor taken for a request", rest, b"")
    for path in [
        "/metrics/",
        "//metrics",
        "/metricsx",
        "/%6detrics",
        "/metrics%00",
        "/-/",
        "/..",
        "*",
        "/favicon.ico",
    ]:
        response = exporter.get(path)
        good = response.code == 404 and response.headers["content-type"].startswith("text/plain")
        tap.ok(f"GET {path} is 404, in plain text", good, response.code)
    tap.equal("another method on an unknown path is 404", exporter.get("/nope", "DELETE").code, 404)
    tap.equal("a query is ignored", exporter.get("/metrics?x=1&y").code, 200)


BAD_REQUESTS = {
    "random bytes": os.urandom(4096),
    "NUL bytes": bytes(1000),
    "only line ends": b"\r\n" * 5000,
    "an endless first line": b"GET /" + b"a" * 300000,
    "an endless header": b"GET / HTTP/1.1\r\nHost: " + b"a" * 300000,
    "ten thousand headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10000 + b"\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
    "two lengths": b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\nabc",
    "a negative length": b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "a gigantic length": b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "a length that is none": b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0x10\r\n\r\n",
    "a length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a chunk of 2^64": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100),
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512),
    "no host": b"GET /metrics HTTP/1.1\r\n\r\n",
    "bytes above ASCII in a path": b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "an Accept of 10 KiB": b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: "
    + b"a/b;q=0.1," * 1000
    + b"\r\n\r\n",
    "a hundred Accept lines": b"GET /metrics HTTP/1.1\r\nHost: a\r\n"
    + b'Accept: a/b,"\r\n' * 100
    + b"\r\n",
    "an end in the middle": b"GET /metr",
}


def check_bad_requests(exporter):
    for name, data in BAD_REQUESTS.items():
        with exporter.connect() as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                pass  # it may hang up early
        alive = exporter.process.poll() is None and exporter.get("/-/healthy").code == 200
        if not tap.ok(f"it lives on after {name}", alive, exporter.read_log()):
            return
    with exporter.connect() as connection:
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        connection.shutdown(socket.SHUT_WR)
        data = b""
        while more := connection.recv(65536):
            data += more
    tap.equal("twenty pipelined requests get twenty answers and an end", data.count(b"200 OK"), 20)


def check_many(exporter, fds):
    crowd = [exporter.connect() for _ in range(3 * CONNECTIONS_PER_IP)]
    tap.ok(
        "a crowd from one address does not shut out another",
        exporter.get(source="127.0.0.2").code == 200,
    )
    tap.ok(
        "and has no more than its share",
        # The other address' connection may still be about to close.
        wait_for(lambda: exporter.fds() <= fds + CONNECTIONS_PER_IP),
        exporter.fds() - fds,
    )
    for connection in crowd:
        connection.close()
    tap.ok(
        "when it is gone, every descriptor is free",
        wait_for(lambda: exporter.fds() == fds),
        (exporter.fds(), fds),
    )
    tap.equal("and its address is served again", exporter.get().code, 200)


def check_slow(exporter):
    """One sends a byte every 50 ms, one connects and says nothing: both are cut, in bounded time."""
    begin = time.monotonic()
    slow, quiet = exporter.connect(), exporter.connect()
    request = iter(b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 10000)
    ended = {}
    while len(ended) < 2 and time.monotonic() - begin < FIRST_REQUEST_SECONDS + SECONDS:
        for connection in select.select([c for c in (slow, quiet) if c not in ended], [], [], 0.05)[
            0
        ]:
            try:
                connection.recv(65536)
            except ConnectionResetError:
                pass
            ended[connection] = time.monotonic() - begin
        if slow not in ended:
            try:
                slow.send(bytes([next(request)]))
            except OSError:
                ended[slow] = time.monotonic() - begin
    low, high = FIRST_REQUEST_SECONDS - 0.1, FIRST_REQUEST_SECONDS + 1.5
    tap.within(
        "a client that sends a byte at a time is cut after ten seconds", ended.get(slow), low, high
    )
    tap.within("a client that says nothing too", ended.get(quiet), low, high)
    slow.close()
    quiet.close()


def check_self(exporter):
    exporter.say(STATUS, 1, "sockets")
    exporter.say(STATUS, 0, 'tls "x"')
    text = exporter.get().text()
    tap.equal("a component that is up is 1", sample(text, 'operaglass_up{component="sockets"}'), 1)
    tap.equal("one that is down is 0", sample(text, 'operaglass_up{component="tls \\"x\\""}'), 0)
    count = "operaglass_scrape_duration_seconds_count"
    before = sample(exporter.get().text(), count)
    exporter.get(method="HEAD")
    exporter.get("/")
    tap.equal("every scrape is counted once", sample(exporter.get().text(), count), before + 2)
    with exporter.connect() as connection:
        send(connection, "/metrics")
        text = Response(connection).text()
        tap.equal("open descriptors are right", sample(text, "process_open_fds"), exporter.fds())
    started = float(
        subprocess.check_output(["stat", "-c", "%.9Y", f"/proc/{exporter.process.pid}"])
    )
    tap.within(
        "the start time is right",
        sample(text, "process_start_time_seconds"),
        started - 2,
        started + 1,
    )
    resident = sample(text, 'operaglass_process_resident_memory_bytes{process="observer"}')
    with open("/proc/self/statm", encoding="ascii") as file:
        mine = int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    tap.within("the observer's memory is this program's", resident, mine * 0.9, mine * 1.1)
    listed = dict(re.findall(r'^operaglass_series{family="([^"]+)"} (\d+)$', text, re.M))
    families = {re.split("[{ ]", line)[0] for line in text.splitlines() if line[0] != "#"}
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in families}
    tap.equal("every family with series is listed", set(listed), families)
    tap.equal("the list counts itself", int(listed["operaglass_series"]), len(listed))


def check_memory(exporter):
    for _ in range(100):
        exporter.get(Accept_Encoding="gzip", Accept=PROMETHEUS_ACCEPT)
    resident = int(exporter.status("VmRSS").split()[0])
    tap.within(
        f"after a hundred scrapes it has at most {RESIDENT_KIB} KiB", resident, 1, RESIDENT_KIB
    )
    print(f"# resident: {resident} KiB")


def check_stop():
    with Exporter() as exporter:
        exporter.process.send_signal(signal.SIGTERM)
        tap.equal("SIGTERM ends it with 0", exporter.process.wait(SECONDS), 0)
    with Exporter("--log.format=json", "--log.level=info") as exporter:
        exporter.process.send_signal(signal.SIGHUP)
        tap.equal("SIGHUP does not", exporter.get("/-/healthy").code, 200)
        exporter.socket.close()
        tap.equal("the end of the observer does", exporter.process.wait(SECONDS), 0)
        lines = [json.loads(line) for line in exporter.read_log().splitlines()]
        good = lines and all(set(line) == {"time", "level", "component", "msg"} for line in lines)
        tap.ok("every log line is JSON with four fields", good, lines)
    with Exporter("--log.level=error") as exporter:
        tap.equal("log.level drops lines below it", exporter.read_log(), "")


def ended(*options, addresses=("127.0.0.1:0",)):
    """Exit code and last message of an exporter that cannot start."""
    exporter = Exporter(*options, addresses=addresses)
    try:
        code = exporter.process.wait(SECONDS)
        message = re.findall(r'msg="(.*)"$', exporter.read_log(), re.M)
        return code, message
    finally:
        exporter.process.kill()
        exporter.process.wait()
        exporter.socket.close()


def check_refusals():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        tap.equal(
            "a taken port is one clear line and exit code 1",
            ended(addresses=[address]),
            (
                1,
                [
                    f"cannot listen on {address}: Address already in use; stop the other process or pass --web.listen-address"
                ],
            ),
        )
    tap.equal(
        "so is an address that is none",
        ended(addresses=["localhost"]),
        (1, ["cannot listen on localhost: not an address; write HOST:PORT, [IPV6]:PORT or :PORT"]),
    )
    tap.equal(
        "so is an unknown user",
        ended("--user=no-such-user"),
        (1, ["cannot become user 'no-such-user': no such user; pass --user=NAME"]),
    )
    tap.equal(
        "it refuses to stay root",
        ended("--user=root"),
        (1, ["cannot become user 'root': it is root; pass --user with another one"]),
    )
    tap.equal(
        "a bad option is one line and exit code 2",
        ended("--log.level=loud"),
        (2, ["--log.level: 'loud' is not allowed; it takes debug, info, warning, error"]),
    )


def check_addresses():
    with Exporter(
        "--web.telemetry-path=/telemetry", addresses=("127.0.0.1:0", "127.0.0.3:0", "[::1]:0")
    ) as exporter:
        listening = subprocess.check_output(["ss", "-Hltnp"], text=True)
        mine = [
            line.split()[3]
            for line in listening.splitlines()
            if f"pid={exporter.process.pid}," in line
        ]
        tap.equal(
            "it listens on every address",
            sorted(a.rsplit(":", 1)[0] for a in mine),
            ["127.0.0.1", "127.0.0.3", "[::1]"],
        )
        for address in mine:
            host, port = address.rsplit(":", 1)
            with socket.create_connection((host.strip("[]"), int(port)), SECONDS) as connection:
                send(connection, "/telemetry")
                tap.equal(f"{host} answers", Response(connection).code, 200)
        tap.equal("the default path is not there then", exporter.get("/metrics").code, 404)
        tap.ok("the page links the other one", '<a href="/telemetry">' in exporter.get("/").text())


def main():
    with Exporter() as exporter:
        check_privileges(exporter)
        check_ready(exporter)
        fds = wait_for(lambda: exporter.get("/-/healthy") and exporter.fds())
        check_page(exporter)
        check_formats(exporter)
        check_gzip(exporter)
        check_methods(exporter)
        check_bad_requests(exporter)
        tap.ok(
            "no descriptor leaked",
            wait_for(lambda: exporter.fds() == fds, FIRST_REQUEST_SECONDS + SECONDS),
            (exporter.fds(), fds),
        )
        check_many(exporter, exporter.fds())
        check_self(exporter)
        check_slow(exporter)
        check_memory(exporter)
        tap.ok("it logged no error", "level=error" not in exporter.read_log(), exporter.read_log())
    check_stop()
    check_refusals()
    check_addresses()
    tap.done()


main()
