#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 that is not read is timed at the socket: what is no request begins no call, and what is no response ends none.

TLS 1.2 says in clear that HTTP/2 was agreed upon; in TLS 1.3 the length of the server's extensions tells it. No process
here is read, because none is an agent's.
"""
from harness import Operaglass, Tap
from network import SERVER4
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


VERSIONS = ("1.2", "1.3")


def both(scene, sentence, client, calls, **plan):
    for version in VERSIONS:
        scene.check(f"{sentence}, TLS {version}", client, calls, opaque=True, tls=version, **plan)


def test_greetings(scene):
    """The settings of both sides, by themselves or with a request, are neither request nor response."""
    both(scene, "a first request with the client's settings", "python_h2", requests(), at_once=1)
    both(scene, "settings that go ahead", "python_h2", requests(), at_once=1, greet=1)
    both(scene, "settings that wait for the server's", "python_h2", requests(), at_once=1, greet=2)
    ahead = {"at_once": 1, "preface": True}
    both(scene, "a preface, settings and a request", "python_h2", requests(), **ahead)
    both(scene, "a preface, and settings that go ahead", "python_h2", requests(), greet=1, **ahead)
    both(scene, "curl, with frames of its own choice", "curl", requests(), http="2")
    for sentence, greet in (("settings and one request", 1), ("one request with settings", 0)):
        both(scene, sentence, "python_h2", [call("getMe", query="delay=50")], greet=greet)
    for client, plan in (("node_http2", {}), ("go", {"Http": "2"})):
        scene.check(f"{client}, with greetings of its own", client, requests(), opaque=True, **plan)


def test_windows(scene):
    """Who receives gives room; each time it sends two small frames."""
    calls = [call("getFile", query=f"size={400000 + n}") for n in range(3)]
    both(scene, "windows of long answers", "python_h2", calls, at_once=1)
    calls = [call("sendDocument", "POST", "delay=10", body=600000 + n) for n in range(3)]
    both(scene, "windows of long requests", "curl", calls, http="2")


def test_http1(scene):
    """A request as long as settings would be, of a client that offered HTTP/2 to a server that speaks HTTP/1.1."""
    bare = len(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nUser-Agent: raw\r\n\r\n")
    greetings = {24 + 9 + 6 * n + window for n in range(9) for window in (0, 13)}
    scene.stage.set_name(NAME, a=[SERVER4], aaaa=[])
    for size in sorted(size for size in greetings if size > bare):
        calls = [call("short", path="/" + "s" * (size - bare)), call("getMe", query="delay=10")]
        both(scene, f"first {size} bytes", "python_raw", calls, offer=["h2", "http/1.1"])
    scene.stage.set_name(NAME, a=[HTTP2], aaaa=[])


def test_no_request(scene):
    """A connection that is made ahead and never used has no call, and none that failed."""
    for version in VERSIONS:
        before = scene.operaglass.metrics()
        scene.stage.play("python_h2", [], tls=version, greet=2)
        delta = scene.wait(lambda m: m.total("upstream_undecoded_connections_total") == 1)
        scene.tap.equal(
            f"settings and no request are a connection without one, and no call, TLS {version}",
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
            Scene(operaglass, stage, tap).run([test_greetings, test_windows, test_no_request, test_http1])
    tap.done()


if __name__ == "__main__":
    main()
