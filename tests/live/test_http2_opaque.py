#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 that is not read is timed at the socket: what is no request begins no call, and what is no response ends none.

TLS 1.2 says in clear that HTTP/2 was agreed upon; no process here is read, because none is an agent's.
"""
from harness import Operaglass, Tap
from scene import Scene, call
from stage import HTTP2, NAME, Stage

CONFIG = """
tls:
  scope: agents
"""


def requests():
    return [
        call("getMe", query="delay=30"),
        call("sendMessage", "POST", "delay=20", body=300),
        call("getFile", query="size=30000"),
        call("getChat", query="status=400"),
        call("sendDocument", "POST", body=9000),
        call("getMe", query="delay=10"),
    ]


def check(scene, sentence, client, calls, **plan):
    scene.check(sentence, client, calls, opaque=True, tls="1.2", **plan)


def test_greetings(scene):
    """The settings of both sides, by themselves or with a request, are neither request nor response."""
    check(scene, "a first request with the client's settings", "python_h2", requests(), at_once=1)
    check(scene, "settings that go ahead", "python_h2", requests(), at_once=1, greet=1)
    check(scene, "settings that wait for the server's", "python_h2", requests(), at_once=1, greet=2)
    check(scene, "curl, with frames of its own choice", "curl", requests(), http="2")
    for sentence, greet in (("settings and one request", 1), ("one request with settings", 0)):
        check(scene, sentence, "python_h2", [call("getMe", query="delay=50")], greet=greet)


def test_windows(scene):
    """A client gives room while it receives; each time it sends two small frames."""
    calls = [call("getFile", query=f"size={400000 + n}") for n in range(3)]
    check(scene, "windows of long answers", "python_h2", calls, at_once=1)
    scene.check("the same in TLS 1.3", "python_h2", calls, opaque=True, at_once=1)


def test_no_request(scene):
    """A connection that is made ahead and never used has no call, and none that failed."""
    before = scene.operaglass.metrics()
    scene.stage.play("python_h2", [], tls="1.2", greet=2)
    delta = scene.wait(lambda m: m.total("upstream_undecoded_connections_total") == 1)
    scene.tap.equal(
        "settings and no request are a connection without one, and no call",
        (
            delta.by("upstream_undecoded_connections_total", "upstream", "reason"),
            delta.total("telegram_api_requests_total"),
            (scene.operaglass.last - before).total("telegram_api_failures_total"),
        ),
        ({("telegram", "no_request"): 1}, 0, 0),
    )


def main():
    tap = Tap()
    with Stage("opaque") as stage:
        stage.set_name(NAME, a=[HTTP2], aaaa=[])
        with Operaglass(CONFIG) as operaglass:
            Scene(operaglass, stage, tap).run([test_greetings, test_windows, test_no_request])
    tap.done()


if __name__ == "__main__":
    main()
