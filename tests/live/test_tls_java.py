#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Calls of a Java program (JSSE) are counted once, timed at the socket, and it is said why no more is known.

keytool fetches what it is to print, and it can shake hands without saying anything; clients/JavaLines.java makes what
calls it is told to. JSSE makes each record of TLS 1.3 16 bytes longer than it would have to be.
"""
import os
import subprocess
import time

from harness import Operaglass, Tap
from scene import UNKNOWN, Scene, call
from stage import HERE, HTTP2, NAME, Stage

PASSWORD = "changeit"
CLIENT = "JavaLines"
MEGABYTE = 1000000


class Java:
    """The JVM of this host, which trusts the stage's certificates."""

    def __init__(self, stage):
        self.stage, self.store = stage, f"{stage.directory}/trusted"
        command = ["keytool", "-importcert", "-noprompt", "-file", stage.ca, "-keystore", self.store]
        subprocess.run(
            [*command, "-storepass", PASSWORD], check=True, capture_output=True, timeout=60
        )

    def client(self, http, **properties):
        """A program that makes calls over this version of HTTP."""
        directory, program = self.stage.directory, f"{self.stage.directory}/java-{http}-{len(properties)}"
        if not os.path.exists(f"{directory}/{CLIENT}.class"):
            command = ["javac", "-d", directory, f"{HERE}/clients/{CLIENT}.java"]
            subprocess.run(command, check=True, capture_output=True, timeout=60)
        flags = " ".join(f"-D{name}={value}" for name, value in properties.items())
        with open(program, "w", encoding="utf-8") as script:
            print(f'#!/bin/sh\nexec java {flags} -cp {directory} {CLIENT} {http} "$@"', file=script)
        os.chmod(program, 0o755)
        return program

    def keytool(self, *arguments, trusting=True, **properties):
        trust = {"javax.net.ssl.trustStore": self.store, "javax.net.ssl.trustStorePassword": PASSWORD}
        trust = trust if trusting else {}
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


def test_http2(scene, java):
    """Its acknowledgements and windows are no requests, nor are those of the server responses."""
    calls = [
        call("getMe", query="delay=40"),
        call("sendMessage", "POST", "delay=20", body=300),
        call("getChat", query="status=400"),
        call("sendDocument", "POST", body=MEGABYTE),
        call("getFile", query=f"size={30 * MEGABYTE}"),
        call("getMe", query="delay=10"),
    ]
    for sentence, properties in (
        ("HttpClient over HTTP/2", {}),
        ("the same in TLS 1.2", {"jdk.tls.client.protocols": "TLSv1.2"}),
    ):
        program = java.client(2, **properties)
        scene.check(sentence, "lines", calls, opaque=True, reason="java", program=program)


def test_goodbye(scene, java):
    calls = [call("getMe"), call("sendMessage", "POST", "delay=20", body=300), call("getMe")]
    program = java.client(1)
    scene.check("the end of TLS is no call", "lines", calls, opaque=True, reason="java", program=program)


def test_refused(scene, java):
    """Its alert is padded, too, which nobody can know by then."""
    for version in ("TLSv1.2", "TLSv1.3"):
        properties = {"jdk.tls.client.protocols": version, "trusting": False}
        said = java.fetch("/list.crl", **properties)
        seen = scene.stage.truth(1)
        failures, calls = {("unknown", "tls_handshake"): 1}, {UNKNOWN: 1}
        scene.add_up(f"a certificate that it refuses, {version}", failures, calls, (said, seen))


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
                    lambda scene: test_goodbye(scene, java),
                    lambda scene: test_refused(scene, java),
                    lambda scene: test_no_request(scene, java),
                ]
            )
            stage.set_name(NAME, a=[HTTP2], aaaa=[])
            Scene(operaglass, stage, tap).run([lambda scene: test_http2(scene, java)])
    tap.done()


if __name__ == "__main__":
    main()
