#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One pool of connections to one name speaks HTTP/1.1 and HTTP/2 side by side: every call is counted once."""
import json
import subprocess

import ledger
from harness import Child, Operaglass, Tap
from network import SERVER4
from scene import Scene, call
from stage import HERE, HTTP2, NAME, Stage

CONFIG = """
agents:
  - type: pools
    names: [og-agent-pool]
"""


def mixed(count):
    """Both versions in turn, each with endpoints of its own and one in common."""
    requests = []
    for n in range(count):
        version = "2" if n % 2 else "1.1"
        endpoint = ("getMe", "getChat" if n % 2 else "getFile")[n // 2 % 2]
        status = 400 if n % 5 == 4 else 200
        query = f"delay={n % 7 * 5}&status={status}&size={n * 100 + 10}"
        requests.append(call(endpoint, "POST" if n % 3 else "GET", query, http=version))
    return requests


def expect(scene, sentence, results, requests):
    """Counts by the truth, which also says that both versions were spoken."""
    if sorted(row["status"] or 0 for row in results) != sorted(
        400 if "status=400" in row["path"] else 200 for row in requests
    ):
        raise RuntimeError(f"{sentence}: {results}")
    truth = scene.stage.truth(len(requests))
    endpoints = {row["path"].split("?")[0]: row["endpoint"] for row in requests}
    want = ledger.expected(truth, endpoints)
    connections = {row["connection"]: row["alpn"] for row in truth}
    scene.tap.equal(
        f"{sentence}: both versions were spoken", set(connections.values()), {"h2", "http/1.1"}
    )
    decoded = {("telegram", "decoded"): len(connections)}

    def seen(metrics):
        return metrics.by("upstream_connections_total", "upstream", "visibility")

    delta = scene.wait(lambda m: ledger.booked(m) == want and seen(m) == decoded)
    scene.tap.equal(
        f"{sentence}: every call is counted once, with its endpoint and status",
        ledger.booked(delta),
        want,
    )
    scene.tap.equal(f"{sentence}: every connection is decoded", seen(delta), decoded)


def test_curl(scene):
    """OpenSSL: one process of curl, the versions by turns on two connections that stay open."""
    requests = mixed(25)[1:]  # HTTP/2 first: curl takes an open connection of the older version for both
    expect(scene, "curl, one after the other", scene.stage.play("curl", requests), requests)
    requests = mixed(40)
    results = scene.stage.play("curl", requests, parallel=8)
    expect(scene, "curl --parallel", results, requests)


def test_gnutls(scene):
    requests = mixed(60)
    results = scene.stage.play("pool_curl", requests, at_once=8)
    expect(scene, "libcurl's multi interface over GnuTLS", results, requests)


def test_go(scene):
    """Two addresses, of which one speaks HTTP/1.1 alone; Go takes whichever connection is free."""
    program = f"{scene.stage.directory}/og-agent-pool"
    scene.stage.build_go(f"{HERE}/clients/pool.go", program)
    first = [call("getFile", query="delay=400"), call("getChat", query="delay=400")]
    requests = first + mixed(40)
    plan = {
        "Host": NAME,
        "Ca": scene.stage.ca,
        "Addresses": [SERVER4, HTTP2],
        "AtOnce": 4,
        "Requests": [{"Method": row["method"], "Path": row["path"]} for row in requests],
    }
    process = Child(
        scene.stage.network.in_client([program, json.dumps(plan)]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    process.line()
    scene.operaglass.wait(
        lambda m: m.total("operaglass_tls_targets", stack="go", state="attached") == 1, 5
    )
    output = process.communicate(timeout=60)[0]
    expect(scene, "Go's transport", [json.loads(line) for line in output.splitlines()], requests)


def main():
    tap = Tap()
    with Stage("versions") as stage, Operaglass(CONFIG) as operaglass:
        stage.network.set_hosts({NAME: [HTTP2]})
        Scene(operaglass, stage, tap).run([test_curl, test_gnutls, test_go])
    tap.done()


if __name__ == "__main__":
    main()
