#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every way in which OpenSSL reads is seen once: what is peeked at before, and what comes amid a handshake, of which it
tries to read the records twice."""
import subprocess

import ledger
import network
from harness import Operaglass, Tap
from scene import Scene, call
from stage import HERE, NAME, Stage
from test_tls_stacks import conversation

ADDRESS = "10.77.0.9"


def start_server(stage):
    network.run("ip", "-n", stage.network.server, "addr", "add", f"{ADDRESS}/24", "dev", "veth1")
    program = f"{stage.directory}/renegotiating_server"
    command = ["gcc", "-O2", "-o", program, f"{HERE}/clients/renegotiating_server.c", "-lssl", "-lcrypto"]
    subprocess.run(command, check=True, timeout=60)
    certificate, key = f"{stage.directory}/cert.pem", f"{stage.directory}/key.pem"
    stage.start(stage.network.in_server([program, ADDRESS, "443", certificate, key]))


def test_peeking(scene):
    program = f"{scene.stage.directory}/peeks"
    command = ["gcc", "-O2", "-D_GNU_SOURCE", "-DPEEKS", "-o", program, f"{HERE}/clients/tls_client.c"]
    subprocess.run([*command, "-lssl", "-lcrypto"], check=True, timeout=60)
    scene.check("what is peeked at before it is read", "lines", conversation(), program=program)


def test_answers_amid_handshakes(scene):
    calls = [call(("getMe", "getChat", "getFile")[n % 3]) for n in range(30)]
    scene.stage.network.set_hosts({NAME: [ADDRESS]})
    for client in ("python_sync", "python_aiohttp", "curl"):
        results = scene.stage.play(client, calls)
        scene.tap.equal(f"{client}: every answer came", [row["status"] for row in results], [200] * len(calls))
        endpoints = ("getMe", "getChat", "getFile")
        want = (
            {(endpoint, "GET"): 10 for endpoint in endpoints},
            {(endpoint, "200"): 10 for endpoint in endpoints},
            {},
        )

        def got(metrics):
            book = ledger.booked(metrics)
            return (book["requests"], book["durations"], book["failures"])

        scene.tap.equal(
            f"{client}: and every call is counted once, with its endpoint and status",
            got(scene.wait(lambda metrics, want=want: got(metrics) == want)),
            want,
        )


def main():
    tap = Tap()
    with Stage("renegotiation") as stage, Operaglass() as operaglass:
        start_server(stage)
        Scene(operaglass, stage, tap).run([test_peeking, test_answers_amid_handshakes])
    tap.done()


if __name__ == "__main__":
    main()
