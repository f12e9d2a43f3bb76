# SPDX-License-Identifier: Apache-2.0
"""What every live test needs: TAP results, a running operaglass, and its metrics as numbers.

    with Operaglass("upstreams: []") as og:
        before = og.metrics()
        ...
        got = og.wait(lambda m: m.value("x_total", a="b") == 3, 5, since=before)
        tap.equal("x is counted", got.value("x_total", a="b"), 3)
    tap.done()
"""
import fcntl
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("OPERAGLASS_BUILD", os.path.join(TOP, "build")))
BPFFS = "/sys/fs/bpf"
# Every observer sees every connection of the host: two tests at once would count each other's.
LOCK = "/run/lock/operaglass-live-test.lock"
READY_SECONDS, STOP_SECONDS, LOCK_SECONDS = 10, 10, 400
PATIENCE_SECONDS = 60  # with a child that has been told to do something, on a machine under load
SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


class Tap:
    """Results of one program; a failing check prints what was expected and what came."""

    def __init__(self):
        self.number = self.failed = 0

    def ok(self, sentence, good, detail=None):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {sentence}", flush=True)
        if not good and detail is not None:
            for line in str(detail).splitlines():
                print(f"# {line}", flush=True)
        return bool(good)

    def equal(self, sentence, got, expected):
        wanted, came = differing(expected, got)
        return self.ok(
            sentence, got == expected, f"expected: {show(wanted)}\n     got: {show(came)}"
        )

    def within(self, sentence, got, low, high):
        return self.ok(
            sentence,
            got is not None and low <= got <= high,
            f"expected: {low} … {high}\n     got: {got}",
        )

    def done(self):
        print(f"1..{self.number}", flush=True)
        sys.exit(1 if self.failed else 0)


def differing(one, other):
    """Of two dictionaries only what is not the same in both; anything else as it is."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return one, other
    left, right = {}, {}
    for key in {**one, **other}:
        if key in one and key in other and one[key] != other[key]:
            left[key], right[key] = differing(one[key], other[key])
        elif key not in other:
            left[key] = one[key]
        elif key not in one:
            right[key] = other[key]
    return left, right


def show(value):
    """Label sets in a stable order, so that two differing dictionaries can be compared by eye."""
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{show(k)}: {show(v)}" for k, v in value.items())) + "}"
    if isinstance(value, frozenset):
        return "{" + ",".join(f"{k}={v}" for k, v in sorted(value)) + "}"
    return repr(value)


class Metrics(dict):
    """{sample name: {frozenset of (label, value): number}}"""

    def value(self, name, **labels):
        """The number of exactly this series; 0 when it is not there."""
        return self.get(name, {}).get(frozenset(labels.items()), 0)

    def rows(self, name, **labels):
        """Every series of this name that carries these labels."""
        wanted = set(labels.items())
        return {key: value for key, value in self.get(name, {}).items() if wanted <= key}

    def total(self, name, **labels):
        return sum(self.rows(name, **labels).values())

    def by(self, name, *keys, **labels):
        """{(values of keys): sum}, zeros left out: the table that a test writes down."""
        table = {}
        for key, value in self.rows(name, **labels).items():
            row = tuple(dict(key).get(k) for k in keys)
            table[row] = table.get(row, 0) + value
        return {row: value for row, value in table.items() if value}

    def __sub__(self, earlier):
        """What was added since; series that did not change are left out."""
        result = Metrics()
        for name, series in self.items():
            changed = {k: v - earlier.get(name, {}).get(k, 0) for k, v in series.items()}
            result[name] = {k: v for k, v in changed.items() if v}
        return result


def parse_metrics(text):
    """Strict: what is neither comment nor sample, and a series that comes twice, raise ValueError."""
    metrics = Metrics()
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        if not match:
            raise ValueError(f"not a sample: {line!r}")
        name, inside, value = match.groups()
        labels, at = [], 0
        while inside and at < len(inside):
            label = LABEL.match(inside, at)
            if not label:
                raise ValueError(f"bad labels: {line!r}")
            labels.append((label[1], re.sub(r"\\.", lambda m: ESCAPES[m[0]], label[2])))
            at = label.end()
        key = frozenset(labels)
        if key in metrics.setdefault(name, {}):
            raise ValueError(f"twice: {line!r}")
        metrics[name][key] = float(value)
    return metrics


def leave_on_sigterm():
    """The runner ends a program that takes too long by SIGTERM: contexts are to be left then, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def bounded(call, seconds=PATIENCE_SECONDS):
    """What call() returns. What hangs fails its own test, and does not hold up all that wait for the lock."""
    returned = []
    thread = threading.Thread(target=lambda: returned.append(call()), daemon=True)
    thread.start()
    thread.join(seconds)
    if not returned:
        raise TimeoutError(f"{call}: not in {seconds} s")
    return returned[0]


class Child(subprocess.Popen):
    """A process that nobody waits for without a bound."""

    def wait(self, timeout=None):
        return super().wait(PATIENCE_SECONDS if timeout is None else timeout)

    def communicate(self, input=None, timeout=None):
        return super().communicate(input, PATIENCE_SECONDS if timeout is None else timeout)

    def line(self):
        """The next line of its output; empty at the end of it."""
        return bounded(self.stdout.readline)


def quickest(call):
    """The least of five times that it takes, in seconds: what else runs on the machine is in the others."""
    times = []
    for _ in range(5):
        begin = time.monotonic()
        call()
        times.append(time.monotonic() - begin)
    return min(times)


def mount_bpffs():
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        if not any(line.split()[1:3] == [BPFFS, "bpf"] for line in mounts):
            subprocess.run(["mount", "-t", "bpf", "bpf", BPFFS], check=True)


def remove_leftovers():
    """Pins of a test that was killed: its probes are at work until they are removed. For who holds the lock."""
    for pins in glob.glob(f"{BPFFS}/og-test-*"):
        owner = pins.split("-")[2]
        if not os.path.exists(f"/proc/{owner}"):
            shutil.rmtree(pins)


class Operaglass:
    """`operaglass run` with its own pins, state and port; nothing of it is left afterwards."""

    count = 0

    def __init__(self, config="", arguments=(), prefix=()):
        Operaglass.count += 1
        self.config, self.arguments, self.prefix = config, list(arguments), list(prefix)
        self.pins = f"{BPFFS}/og-test-{os.getpid()}-{Operaglass.count}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = self.directory = self.log = self.lock = None
        self.last = Metrics()

    def __enter__(self):
        leave_on_sigterm()
        self.take_lock()
        try:
            mount_bpffs()
            remove_leftovers()
            self.directory = tempfile.mkdtemp(prefix="og-test-")
            os.chmod(self.directory, 0o755)
            with open(self.directory + "/config.yml", "w", encoding="utf-8") as file:
                file.write(self.config)
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception):
        try:
            self.stop()
            if exception and exception[0]:
                print(
                    "# log of operaglass:\n"
                    + "".join(f"#   {line}\n" for line in self.logs().splitlines()[-40:])
                )
        finally:
            if self.directory:
                shutil.rmtree(self.directory, ignore_errors=True)
            if self.lock:
                os.close(self.lock)
                self.lock = None

    def take_lock(self):
        self.lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        limit = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                return fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > limit:
                    raise RuntimeError(
                        f"{LOCK}: another live test holds it for {LOCK_SECONDS} s"
                    ) from None
                time.sleep(0.1)

    def start(self, wait=True):
        """Starts (again, with the same pins and state); returns when /-/ready says 200."""
        command = [
            *("setpriv", "--pdeathsig", "KILL"),  # a test that is killed leaves no observer at work
            *self.prefix,
            f"{BUILD}/operaglass",
            "run",
            "--config.file",
            self.directory + "/config.yml",
            "--web.listen-address",
            f"127.0.0.1:{self.port}",
            "--bpf.pin-path",
            self.pins,
            "--state.dir",
            self.directory + "/state",
            "--events.socket",
            self.directory + "/events.sock",
            "--events.stream-socket",
            self.directory + "/api.sock",
            *self.arguments,
        ]
        self.log = open(self.directory + "/log", "ab")
        self.process = Child(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        if wait:
            self.wait_ready()

    def wait_ready(self):
        limit = time.monotonic() + READY_SECONDS
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"operaglass ended with {self.process.returncode}:\n{self.logs()}"
                )
            try:
                with urllib.request.urlopen(self.url + "/-/ready", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
            if time.monotonic() > limit:
                raise RuntimeError(
                    f"operaglass is not ready after {READY_SECONDS} s:\n{self.logs()}"
                )
            time.sleep(0.01)

    def stop(self):
        """SIGTERM, the end of the process, and nothing left pinned."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        if self.process:
            self.unload()
            self.log.close()
            self.process = None

    def unload(self):
        return subprocess.run(
            [f"{BUILD}/operaglass", "unload", "--bpf.pin-path", self.pins],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STOP_SECONDS,
        )

    def get(self, path="/metrics", method="GET", **headers):
        """(status, header fields, body bytes), whatever the status is."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, method=method, headers=fields)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def metrics(self):
        return parse_metrics(self.get()[2].decode("utf-8"))

    def wait(self, predicate, seconds=5, since=None):
        """Polls until predicate(metrics) is true or the time is over; returns them, less `since`.

        The last metrics stay whole in `last`: the `since` of a next step, so nothing falls between.
        """
        limit = time.monotonic() + seconds
        while True:
            metrics = self.last = self.metrics()
            if since is not None:
                metrics = metrics - since
            if predicate(metrics) or time.monotonic() > limit:
                return metrics
            time.sleep(0.05)

    def probes(self, status=None):
        """Names of all pinned probes, or of those of the file of which os.stat() said this; it may be gone."""
        begin = f"uprobe_{status.st_dev:x}_{status.st_ino:x}_" if status else ""
        return sorted(n for n in os.listdir(self.pins + "/tls") if n.startswith(begin))

    def exporter(self):
        """The exporter's pid: the observer's only child."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return int(children.read().split()[0])

    def resident_kib(self):
        """Resident memory of their own, of the observer and of the exporter: pages of files come and go."""

        def one(pid):
            with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as status:
                return int(re.search(r"^RssAnon:\s*(\d+) kB$", status.read(), re.M)[1])

        return [one(self.process.pid), one(self.exporter())]

    def said(self, *words):
        """What a command that looks at this instance says, as JSON."""
        done = subprocess.run(
            [
                f"{BUILD}/operaglass", *words, "--json",
                "--bpf.pin-path", self.pins, "--state.dir", self.directory + "/state",
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )  # fmt: skip
        return json.loads(done.stdout)

    def tls_list(self, pid):
        """The rows of `operaglass tls list` that are of this process."""
        return [row for row in self.said("tls", "list") if row["pid"] == pid]

    def doctor_names(self, pid):
        """[(verdict, stack and state)] of each file for which `operaglass doctor` names this process."""
        return [
            (check["state"], check["detail"].split(", ")[0].split(": ", 1)[1])
            for check in self.said("doctor")["checks"]
            if check["name"] == "tls_of_process" and check["detail"].startswith(f"{pid} ")
        ]

    def logs(self):
        if not self.directory or not os.path.exists(self.directory + "/log"):
            return ""
        with open(self.directory + "/log", encoding="utf-8", errors="replace") as log:
            return log.read()
