# SPDX-License-Identifier: Apache-2.0
"""One step of a live test: a client makes its calls; the metrics must say that and nothing else."""
import subprocess

import ledger
from stage import HERE

TOKEN = "/bot7000000001:AAE-operaglass-test-token"
FILES = "/file" + TOKEN
UNKNOWN = ("unknown", "unknown")
WAIT_SECONDS = 6
# A connection's failure is booked when no further address was tried for a second or two.
SETTLE_SECONDS = 8


def call(endpoint, method="GET", query="", path=None, **request):
    """A request to the Bot API method `endpoint`, or to `path`, to be known as `endpoint`."""
    target = path or f"{TOKEN}/{endpoint}"
    return {
        "method": method,
        "path": target + ("?" + query if query else ""),
        "endpoint": endpoint,
        **request,
    }


def usual():
    """What any bot hears: answers at once and later, refusals of each kind, and what it tries again."""
    return [
        call("getMe"),
        call("sendMessage", "POST", "delay=60", body=120),
        call("sendMessage", "POST", "status=429&retry_after=7&delay=20", body=120),
        call("sendMessage", "POST", body=120),
        call("getChat", query="status=401"),
        call("setWebhook", "POST", "status=409", body=10),
        call("getFile", query="status=400"),
        call("getFile"),
    ]


def held_go(scene):
    """The command of a Go client of this test's own, and what a caller of Stage.playing has it do with Hold=True: to
    wait with its calls until it is read."""
    program = f"{scene.stage.directory}/og-agent-go"
    scene.stage.build_go(f"{HERE}/clients/client.go", program)

    def attached(process):
        process.line()
        scene.operaglass.wait(
            lambda m: m.total("operaglass_tls_targets", stack="go", state="attached") == 1, 5
        )
        process.stdin.close()
        process.stdin = None

    return [program], attached


class Scene:
    """Goes from step to step; what one leaves uncounted or counts twice shows in the next one."""

    def __init__(self, operaglass, stage, tap):
        self.operaglass, self.stage, self.tap = operaglass, stage, tap
        self.before = operaglass.metrics()

    def run(self, tests):
        """Every test, also when one before it could not go to its end."""
        for test in tests:
            try:
                test(self)
            except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
                self.tap.ok(
                    f"{test.__name__} goes to its end", False, f"{type(error).__name__}: {error}"
                )
                self.wait(lambda m: True)

    def wait(self, predicate, seconds=WAIT_SECONDS):
        """What was added since the last step, once predicate of it is true or the time is over."""
        delta = self.operaglass.wait(predicate, seconds, since=self.before)
        self.before = self.operaglass.last
        return delta

    def check(
        self,
        sentence,
        client,
        requests,
        upstream="telegram",
        opaque=False,
        error=None,
        reason=None,
        statuses=True,
        **plan,
    ):
        """Plays, waits and compares calls, failures, retries, durations, connections.

        Returns the difference.

        reason: why an opaque connection could not be decoded; None accepts any reason.
        """
        results = self.stage.play(client, requests, **plan)
        truth = self.stage.truth(len(requests))
        if statuses:
            got = [result["status"] for result in results]
            wanted = [row["status"] if row["ended"] == "complete" else None for row in truth]
            if sorted(got, key=str) != sorted(wanted, key=str):
                raise RuntimeError(f"{client} says {results}, the server {truth}")
        return self.compare(sentence, truth, results, requests, upstream, opaque, error, reason)

    def compare(self, sentence, truth, results, requests, upstream, opaque, error, reason):
        endpoints = {request["path"].split("?")[0]: request["endpoint"] for request in requests}
        want = ledger.expected(truth, endpoints, opaque, error)
        if upstream != "telegram":
            want["retries"], want["retry_after"] = {}, {}
        seen = "encrypted" if opaque else "decoded"
        connections = {(upstream, seen): len({row["connection"] for row in truth})}
        undecoded = connections[(upstream, seen)] if opaque else 0

        def explained(metrics):
            """A connection may say only at its end why it was not decoded."""
            total = metrics.total("upstream_undecoded_connections_total", upstream=upstream)
            return not opaque or total == undecoded

        def over(metrics):
            return (
                ledger.booked(metrics, upstream) == want
                and metrics.by("upstream_connections_total", "upstream", "visibility")
                == connections
                and explained(metrics)
            )

        delta = self.wait(over)
        self.tap.equal(
            f"{sentence}: every call is counted once, with its endpoint and status",
            ledger.booked(delta, upstream),
            want,
        )
        limits = ledger.bounds(truth, results, endpoints, opaque)
        wrong = ledger.differences(delta, limits, upstream)
        self.tap.ok(f"{sentence}: durations are within 2 ms + 5 % of the truth", not wrong, wrong)
        self.tap.equal(
            f"{sentence}: each connection is counted as {seen}",
            delta.by("upstream_connections_total", "upstream", "visibility"),
            connections,
        )
        if opaque:
            reasons = delta.by("upstream_undecoded_connections_total", "reason", upstream=upstream)
            known = (
                reasons == {(reason,): undecoded} if reason else sum(reasons.values()) == undecoded
            )
            self.tap.ok(
                f"{sentence}: each connection has a reason why it was not decoded",
                known,
                f"expected: {undecoded} of {reason or 'any reason'}\n     got: {reasons}",
            )
        return delta

    def expect(
        self, sentence, client, requests, failures=None, calls=None, seen=0, statuses=None, **plan
    ):
        """Plays, and compares requests and failures of Telegram with the tables given.

        failures: {(endpoint, error_type): n}; calls: {(endpoint, method): n}, by default the
        failures as unknown calls; seen: how many rows the truth server writes; statuses: what the
        client must report, by default no answer at all; "any" where clients differ.
        """
        results = self.stage.play(client, requests, **plan)
        truth = self.stage.truth(seen)
        got = [result["status"] or None for result in results]
        if statuses != "any" and got != (statuses or [None] * len(requests)):
            raise RuntimeError(f"{sentence}: {client} says {results}")
        failures = failures or {}
        calls = calls or {UNKNOWN: sum(failures.values())}
        return self.add_up(sentence, failures, calls, (results, truth))

    def add_up(self, sentence, failures, calls, results):
        """Waits until Telegram's failures and calls are these; shows the results when they never are."""

        def over(metrics):
            book = ledger.booked(metrics)
            return book["failures"] == failures and book["requests"] == calls

        book = ledger.booked(self.wait(over, SETTLE_SECONDS))
        good = self.tap.equal(f"{sentence}: failures", book["failures"], failures)
        if not self.tap.equal(f"{sentence}: calls", book["requests"], calls) or not good:
            print(f"# who was there said: {results}", flush=True)
        return book
