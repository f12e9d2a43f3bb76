#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 on TLS objects that are joined to no connection is read by its :authority: every call is counted once, also beside
HTTP/1 of the same process and upstream.

No place of a client random is known: the table of known builds is emptied, and what was found in libraries is hidden.
"""
import contextlib
import json

import ledger
import places
from harness import Operaglass, Tap
from scene import UNKNOWN, Scene, call, usual
from stage import HTTP2, NAME, Stage
from test_counted_once import CONFIG, PROGRAM, counted, over, talking, tell
from test_http_versions import mixed, test_curl, test_gnutls

STRANGER = "not-watched.example"


def test_greetings(scene):
    """The preface and the first request leave together, apart, and with the server's settings between them."""
    for tls in ("1.2", "1.3"):
        for greet in range(3):
            sentence = f"TLS {tls}, {greet} turns before the first request"
            scene.check(sentence, "python_h2", usual(), at_once=1, tls=tls, greet=greet)
    scene.check("the preface by itself", "python_h2", usual(), at_once=1, preface=True, greet=2)
    scene.check("the preface in pieces", "python_h2", usual(), at_once=1, write=50)


def test_clients(scene):
    scene.check("Node's nghttp2", "node_http2", usual())
    scene.check("libcurl over GnuTLS", "gnutls_curl", usual(), http="2")
    scene.check("twenty connections of one process", "python_h2_many", [call("getMe")] * 20)
    scene.check("a hundred streams at once", "python_h2", [call("getMe", query="delay=80")] * 100)


def test_stranger(scene):
    """Both versions to a name that is watched and to one that is not, in one process."""
    ours, theirs = mixed(30)[1:], [{**row, "host": STRANGER} for row in mixed(30)]
    for row in theirs:
        row["path"] = "/stranger" + row["path"]
    requests = [row for pair in zip(ours, theirs) for row in pair]
    for sentence, plan in (("one after the other", {}), ("eight at once", {"parallel": 8})):
        results = scene.stage.play("curl", requests, **plan)
        truth = [row for row in scene.stage.truth(len(requests)) if "stranger" not in row["path"]]
        endpoints = {row["path"].split("?")[0]: row["endpoint"] for row in ours}
        want = ledger.expected(truth, endpoints)
        got = ledger.booked(scene.wait(lambda m: ledger.booked(m) == want))
        scene.tap.equal(f"beside calls to a name that is not watched, {sentence}", got, want)
        scene.tap.equal("all were answered", [row["error"] for row in results if row["error"]], [])


@contextlib.contextmanager
def held(scene, requests, **plan):
    """A client of HTTP/2 that has said something; yields once it is seen, and reads all answers."""
    plan = {"host": NAME, "port": 443, "ca": scene.stage.ca, "requests": requests, **plan}
    command = [*scene.stage.command("python_h2"), json.dumps(plan)]
    with talking(scene.stage.network.in_client(command)) as process:
        yield process
        statuses = [json.loads(process.line())["status"] for _ in requests]
    scene.stage.truth(len(requests))
    scene.tap.equal("all were answered", statuses, [200] * len(requests))


def test_made_ahead(scene):
    """Nothing is known of a connection whose client has only said who it is, for as long as it likes. With a curve that
    the server likes less, its extensions say that, too, so that their length does not say HTTP/2."""
    requests, durations = {("getMe", "GET"): 3}, {("getMe", "200"): 3}
    for sentence, plan in (
        ("TLS 1.2", {"tls": "1.2"}),
        ("TLS 1.3", {}),
        ("TLS 1.3 that hides its version of HTTP", {"curve": "secp384r1"}),
    ):
        with held(scene, [call("getMe")] * 3, at_once=1, hold=True, greet=2, **plan) as process:
            scene.operaglass.wait(lambda m: False, 1.5)
            tell(process, "go")
        sentence = f"{sentence}: a connection that was made ahead and used two seconds later"
        counted(scene, sentence, "decoded", requests=requests, durations=durations)
        over(scene)


def test_opaque(scene):
    """A first request whose half was sent a while ago: counted as opaque, and so is all that follows."""
    requests = [call("getMe", query=f"n={n}" * 9) for n in range(3)]
    with held(scene, requests, at_once=1, stop=100, tls="1.2"):
        sentence = "half a request that waits for a second is an opaque one"
        counted(scene, sentence, "encrypted", requests={UNKNOWN: 1})
    requests, durations = {UNKNOWN: 3}, {("unknown", "unknown"): 3}
    sentence = "its connection stays what it is"
    counted(scene, sentence, "encrypted", requests=requests, durations=durations)
    over(scene)


def test_nothing_is_lost(scene):
    lost = scene.operaglass.metrics().by("operaglass_lost_total", "where", "cause")
    scene.tap.equal(
        "no call and no stream was lost",
        {row: n for row, n in lost.items() if row[0] in ("calls", "http", "tls_streams")},
        {},
    )


def main():
    tap = Tap()
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(Stage("http2once"))
        operaglass = stack.enter_context(Operaglass(CONFIG))
        program = stage.tls_client(PROGRAM)
        stack.enter_context(talking([program, NAME, "none"]))
        places.wait_until_found(operaglass)
        places.clear_table(operaglass)
        stack.enter_context(places.Hidden(operaglass))
        stage.network.set_hosts({NAME: [HTTP2], STRANGER: [HTTP2]})
        tests = [test_greetings, test_clients, test_curl, test_gnutls, test_stranger]
        tests += [test_made_ahead, test_opaque, test_nothing_is_lost]
        Scene(operaglass, stage, tap).run(tests)
    tap.done()


if __name__ == "__main__":
    main()
