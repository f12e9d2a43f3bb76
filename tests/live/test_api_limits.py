#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the JSON interface says to who sends too much, and of an exporter that has nothing to show yet."""
import tempfile

from api import Client
from exporter import Exporter, default_settings
from harness import Tap

EVENTS = "/api/v1/events"

tap = Tap()


def main():
    """Five events at once, then one in ten seconds: what is too much says when to come again."""
    settings = default_settings()
    settings.sender_rate, settings.sender_burst = 1, 5
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/api.sock"
        options = [f"--events.stream-socket={path}"]
        with Exporter(*options, settings=settings) as exporter:
            client = Client(exporter.port, path)
            half = client.post(EVENTS, [{"type": "story"}] * 10)
            got = half.status, half.json()["accepted"], half.json()["refused"]
            tap.equal("what the limit allows is taken, the rest refused", got, (207, 5, 5))
            tap.within("with the time to come again", int(half.headers["Retry-After"]), 1, 6)
            none = client.post(EVENTS, [{"type": "story"}] * 4)
            tap.equal("then nothing is", none.error()[:2], (429, "rate_limited"))
            tap.within("likewise", int(none.headers["Retry-After"]), 1, 6)
            off = client.get("/api/audit")
            tap.equal("without a journal there is nothing to read", off.error()[0], 503)
            health = client.get("/health")
            status = health.json()["components"]["observer"]["status"]
            tap.equal(
                "and an observer that attaches yet is no health",
                (health.status, status),
                (503, "down"),
            )
            # They sleep in the server while it is told to end.
            waiting = [client.unix() for _ in range(20)]
            for connection in waiting:
                connection.request(
                    "POST", EVENTS, '{"type":"story"}', {"Content-Type": "application/json"}
                )
            exporter.process.terminate()
            tap.equal("requests that wait do not keep it from ending", exporter.process.wait(5), 0)
    tap.done()


if __name__ == "__main__":
    main()
