#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""telegram_service_health is 0 from the first call that Telegram itself fails until the next one that it answers."""
import time

import ledger
import network
from harness import Operaglass, Tap, parse_metrics
from network import SERVER4
from scene import SETTLE_SECONDS, TOKEN, Scene, call
from stage import BROKEN, NAME, Stage

HEALTH, SUCCESS = "telegram_service_health", "telegram_api_last_success_timestamp_seconds"
WINDOW_SECONDS = 10  # the shortest that can be configured
MARGIN_SECONDS = 0.05  # of the clocks: the kernel's of a call, and ours of a scrape
GOOD = call("sendMessage", "POST", body=20)
# What is answered, if not well, and the error_type of it: the client's own fault, or Telegram asks to wait.
REFUSED = (("status=400", "client_error"), ("status=404", "client_error"), ("status=429&retry_after=1", "rate_limited"))
FAILED = (
    ("status=401", "unauthorized"),
    ("status=409", "conflict"),
    ("status=500", "server_error"),
    ("status=502", "server_error"),
    ("end=reset", "reset"),
    ("end=close", "closed"),
    ("end=hang", "timeout"),
)
# Where the name leads, and the error_type of a call that never left.
UNREACHED = (
    ({"a": [network.REFUSES4]}, "connect_refused"),
    ({"a": [network.NO_ROUTE4]}, "unreachable"),
    ({"a": [network.SILENT4]}, "connect_timeout"),
    ({"rcode": 2}, "dns"),
    ({"a": [next(address for address, mode in BROKEN.items() if mode == "handshake-reset")]}, "tls_handshake"),
)


def after(scene, sentence, error, health, requests, client="python_sync", seen=1, **plan):
    """These calls, each of this error_type (None: answered well); Telegram's health and last success then."""
    before = scene.before
    scene.stage.play(client, requests, **plan)
    scene.stage.truth(seen)

    def over(metrics):
        calls, failures = ("telegram_api_requests_total", "telegram_api_failures_total")
        ended = metrics.total(failures) + sum(ledger.booked(metrics)["durations"].values())
        return metrics.total(calls) == len(requests) and ended >= len(requests)

    delta = scene.wait(over, SETTLE_SECONDS)
    now = scene.operaglass.last
    moved = now.value(SUCCESS, endpoint="sendMessage") - before.value(SUCCESS, endpoint="sendMessage")
    scene.tap.equal(
        sentence,
        {
            "errors": delta.by("telegram_api_failures_total", "error_type"),
            "health": now.get(HEALTH),
            "the last success moved": moved > MARGIN_SECONDS,
        },
        {
            "errors": {(error,): len(requests)} if error else {},
            "health": {frozenset(): health},
            "the last success moved": error is None,
        },
    )


def good(scene, sentence, **plan):
    after(scene, f"{sentence}, and answers then: healthy", None, 1, [GOOD], **plan)


def test_nothing_known(scene):
    scene.tap.equal("before any call nothing is said", scene.before.get(HEALTH, {}), {})


def test_answers(scene):
    good(scene, "Telegram begins")
    for query, error in REFUSED:
        after(scene, f"{query}: still healthy", error, 1, [call("sendMessage", query=query)])
    for query, error in FAILED:
        request = call("sendMessage", query=query, timeout=0.5 if error == "timeout" else 10)
        after(scene, f"{query}: not healthy", error, 0, [request])
        after(scene, f"{query}, then 400: it is there again", "client_error", 1, [call("sendMessage", query="status=400")])
        after(scene, f"{query} twice: not healthy", error, 0, [request] * 2, seen=2)
        good(scene, query)


def test_connections(scene):
    for row, error in UNREACHED:
        scene.stage.set_name(NAME, **row)
        after(scene, f"{error}: not healthy", error, 0, [call("getMe")], seen=error == "tls_handshake")
        scene.stage.set_name(NAME, a=[SERVER4])
        good(scene, error)


def test_opaque(scene):
    """Calls that nobody can look into count the same."""
    program = scene.stage.tls_client("nothing-can-be-read-here", "-s")
    opaque = {"client": "lines", "program": program}
    after(scene, "an opaque call is reset: not healthy", "reset", 0, [call("getMe", query="end=reset")], **opaque)
    scene.stage.play("lines", [call("getMe", path=TOKEN + "/getMe")], program=program)
    scene.stage.truth(1)
    now = scene.operaglass.wait(lambda m: m.value(HEALTH) == 1)
    scene.tap.equal("an opaque call is answered: healthy", now.value(HEALTH), 1)
    scene.before = now


def test_window(scene):
    """Nothing fails, and nothing is heard for longer than the window."""
    good(scene, "a window begins")
    end = scene.before.value(SUCCESS, endpoint="sendMessage") + WINDOW_SECONDS
    wrong, seen, said, limit = [], set(), set(), time.monotonic() + 3 * WINDOW_SECONDS
    while 0 not in seen and time.monotonic() < limit:
        time.sleep(0.01)
        begun = time.time()
        text = scene.operaglass.get()[2].decode()
        health = parse_metrics(text).value(HEALTH)
        seen.add(health)
        said.update(line for line in text.splitlines() if line.startswith(f'{SUCCESS}{{endpoint="sendMessage"}}'))
        if health != 1 and time.time() < end - MARGIN_SECONDS or health != 0 and begun > end + MARGIN_SECONDS:
            wrong.append((begun - end, health))
    scene.tap.equal("healthy until the window is over, and not a moment longer", (wrong, seen), ([], {0, 1}))
    scene.tap.equal("all the while the last success was the same moment, to the nanosecond", len(said), 1)
    good(scene, "after a long silence")


def main():
    tap = Tap()
    with Stage("health") as stage:
        stage.set_name(NAME, a=[SERVER4])
        with Operaglass() as operaglass:
            Scene(operaglass, stage, tap).run([test_nothing_known, test_answers, test_connections, test_opaque])
        with Operaglass(f"health_window: {WINDOW_SECONDS}s") as operaglass:
            Scene(operaglass, stage, tap).run([test_window])
    tap.done()


if __name__ == "__main__":
    main()
