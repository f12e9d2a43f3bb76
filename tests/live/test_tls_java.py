#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Calls of a Java program (JSSE) are counted once, timed at the socket, and it is said why no more is known.

keytool is in every JRE: it fetches what it is to print, and it can shake hands without saying anything.
"""
import subprocess
import time

from harness import Operaglass, Tap
from scene import Scene, call
from stage import NAME, Stage

PASSWORD = "changeit"


class Java:
    """The JVM of this host, which trusts the stage's certificates."""

    def __init__(self, stage):
        self.stage, self.store = stage, f"{stage.directory}/trusted"
        command = ["keytool", "-importcert", "-noprompt", "-file", stage.ca, "-keystore", self.store]
        subprocess.run(
            [*command, "-storepass", PASSWORD], check=True, capture_output=True, timeout=60
        )

    def keytool(self, *arguments, **properties):
        trust = {"javax.net.ssl.trustStore": self.store, "javax.net.ssl.trustStorePassword": PASSWORD}
        flags = [f"-J-D{name}={value}" for name, value in {**trust, **properties}.items()]
        return subprocess.run(
            self.stage.network.in_client(["keytool", *flags, *arguments]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def fetch(self, path, **properties):
        """One GET; that what comes is no list of certificates does not matter."""
        return self.keytool("-printcrl", "-file", f"https://{NAME}{path}", **properties)


def check(scene, java, sentence, query, **properties):
    request = call("file", query=query, path="/list.crl")
    begin = time.monotonic_ns()
    said = java.fetch(f"/list.crl?{query}", **properties)
    truth = scene.stage.truth(1)
    if truth[0]["path"] != "/list.crl":
        raise RuntimeError(f"{said} {truth}")
    results = [{"ns": time.monotonic_ns() - begin}]  # it does not say how long its call took
    scene.compare(sentence, truth, results, [request], "telegram", True, None, "java")


def test_calls(scene, java):
    check(scene, java, "a call over TLS 1.3", "delay=40")
    check(scene, java, "a longer answer", "size=20000&delay=30")
    check(scene, java, "an answer in pieces", "as=chunked&pieces=5&gap=25")
    check(scene, java, "a call over TLS 1.2", "delay=40", **{"jdk.tls.client.protocols": "TLSv1.2"})


def test_no_request(scene, java):
    said = java.keytool("-printcert", "-sslserver", f"{NAME}:443")
    if "Operaglass test CA" not in said.stdout:
        raise RuntimeError(said)
    delta = scene.wait(lambda m: m.total("upstream_undecoded_connections_total") == 1)
    scene.tap.equal(
        "a handshake and no request is a connection without one, and no call",
        (
            delta.by("upstream_undecoded_connections_total", "upstream", "reason"),
            delta.total("telegram_api_requests_total"),
            delta.total("telegram_api_failures_total"),
        ),
        ({("telegram", "no_request"): 1}, 0, 0),
    )


def main():
    tap = Tap()
    with Stage("java") as stage:
        java = Java(stage)
        with Operaglass() as operaglass:
            Scene(operaglass, stage, tap).run(
                [
                    lambda scene: test_calls(scene, java),
                    lambda scene: test_no_request(scene, java),
                ]
            )
    tap.done()


if __name__ == "__main__":
    main()
