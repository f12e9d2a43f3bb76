#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every TLS stack that can be read is read: exact counts per endpoint and status, one per call."""

from harness import Operaglass, Tap
from scene import Scene, call
from stage import Stage


def conversation(full=True):
    """Calls of each outcome; full: with bodies and any method."""
    calls = [
        call("getMe"),
        call("getChat", query="status=401"),
        call("getFile", query="status=400"),
        call("getFile"),
        call("getUpdates", query="delay=80"),
        call("sendPhoto", query="status=429&retry_after=7&delay=20"),
        call("getMyCommands", query="size=40000&pieces=4&gap=10"),
        call("getUserProfilePhotos", query="as=chunked&pieces=6&gap=5"),
    ]
    if full:
        calls += [
            call("sendMessage", "POST", "delay=30", body=120),
            call("sendDocument", "POST", body=300000),
            call("editMessageText", "POST", "status=500", body=300),
            call("editMessageText", "POST", body=300),
        ]
    return calls


def test_gnutls(scene):
    """wget, and libcurl as git uses it; joined to their connections by the client random."""
    scene.check("libcurl over GnuTLS", "gnutls_curl", conversation())
    scene.check("wget", "wget", conversation(full=False))
    posts = [call("sendMessage", "POST", "delay=40", body=100 * (n + 1)) for n in range(4)]
    scene.check("wget's POSTs", "wget", posts)


def main():
    tap = Tap()
    with Stage("stacks") as stage, Operaglass() as operaglass:
        Scene(operaglass, stage, tap).run([test_gnutls])
    tap.done()


if __name__ == "__main__":
    main()
