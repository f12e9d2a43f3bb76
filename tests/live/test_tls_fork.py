#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A child goes on with the connection that its parent opened: its calls are read and counted as any other's.

The server's end of each connection, on the same host and over the same library, is not.
"""
from harness import Operaglass, Tap
from scene import Scene, call
from stage import HTTP2, NAME, Stage


def requests():
    return [
        call("getMe"),
        call("sendMessage", "POST", "delay=20", body=300),
        call("getChat", query="status=400"),
        call("getFile", query="size=30000"),
    ]


def test_children(scene):
    scene.check("a child that makes every call", "fork", requests())
    scene.check("a child that goes on", "fork", requests(), before=2)
    scene.check("a child whose parent has ended", "fork", requests(), daemon=True)
    scene.check("a child that goes on when its parent has ended", "fork", requests(), before=1, daemon=True)
    scene.check("a child over TLS 1.2", "fork", requests(), before=1, tls="1.2")


def test_http2(scene):
    """The tables of both directions go with it: what the parent has said is an index in the child's requests."""
    scene.stage.set_name(NAME, a=[HTTP2], aaaa=[])
    again = requests() + requests()
    scene.check("a child that goes on with HTTP/2", "python_h2", again, fork=4, at_once=1)
    scene.check("a child that says what its parent never said", "python_h2", requests(), fork=1)
    scene.check("HTTP/2 when its parent has ended", "python_h2", again, fork=3, daemon=True)
    scene.check("HTTP/2 over TLS 1.2", "python_h2", again, fork=5, tls="1.2")


def main():
    tap = Tap()
    with Stage("fork") as stage, Operaglass() as operaglass:
        Scene(operaglass, stage, tap).run([test_children, test_http2])
    tap.done()


if __name__ == "__main__":
    main()
