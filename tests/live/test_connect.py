#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A call whose connection cannot be made is one failure, of the stage at which it failed."""
import concurrent.futures

import network
from harness import Operaglass, Tap
from network import SERVER4
from scene import SETTLE_SECONDS, UNKNOWN, Scene, call
from stage import BROKEN, NAME, Stage


def connection_failure(
    scene,
    sentence,
    error,
    clients=("curl", "python_sync", "go"),
    rounds=2,
    seen=0,
    request=None,
    **plan,
):
    """Every client, all at the same time, fails `rounds` times before it can send anything."""
    stage, requests = scene.stage, [request or call("getMe")] * rounds
    with concurrent.futures.ThreadPoolExecutor() as pool:
        playing = {client: pool.submit(stage.play, client, requests, **plan) for client in clients}
    results = {client: played.result() for client, played in playing.items()}
    truth = stage.truth(seen * rounds * len(clients))
    if any(result["status"] for rows in results.values() for result in rows):
        raise RuntimeError(f"{sentence}: {results}")
    results["server"] = [(row["ended"], row.get("error"), row.get("path")) for row in truth]
    number = rounds * len(clients)
    scene.add_up(
        f"{sentence} ({rounds} times each: {', '.join(clients)})",
        {("unknown", error): number},
        {UNKNOWN: number},
        results,
    )


def test_dns(scene):
    stage = scene.stage
    del stage.names[NAME]
    stage.set_name("unused.example", a=[SERVER4])
    connection_failure(
        scene, "the name does not exist", "dns", ("curl", "python_sync", "go", "node_https")
    )
    stage.set_name(NAME, rcode=2)
    connection_failure(scene, "the name server fails", "dns", ("python_sync", "curl"))
    stage.set_name(NAME, silent=True)
    connection_failure(scene, "the name server does not answer", "dns", ("python_sync",), rounds=1)
    stage.set_name(NAME, a=[SERVER4], aaaa_rcode=3)
    scene.expect(
        "only the AAAA query fails",
        "python_sync",
        [call("getMe")],
        {},
        {("getMe", "GET"): 1},
        seen=1,
        statuses=[200],
    )


def test_connect(scene):
    stage = scene.stage
    stage.set_name(NAME, a=[network.REFUSES4])
    connection_failure(
        scene, "refused", "connect_refused", ("curl", "python_sync", "go", "node_https")
    )
    stage.set_name(NAME, aaaa=[network.REFUSES6])
    connection_failure(scene, "refused over IPv6", "connect_refused", ("python_sync",))
    stage.set_name(NAME, a=[network.SILENT4])
    connection_failure(scene, "no answer to SYN", "connect_timeout", ("python_sync",), rounds=1)
    connection_failure(
        scene,
        "the client's own limit while connecting",
        "connect_timeout",
        ("curl",),
        connect_timeout=0.4,
    )
    stage.set_name(NAME, a=[network.ICMP_UNREACHABLE4])
    connection_failure(
        scene, "a router says host unreachable", "unreachable", ("curl", "python_sync")
    )
    stage.set_name(NAME, a=[network.NO_NEIGHBOUR4])
    connection_failure(scene, "no neighbour answers", "unreachable", ("python_sync",), rounds=1)
    for address, what in (
        (network.NO_ROUTE4, "no route"),
        (network.UNREACHABLE4, "an unreachable route"),
        (network.PROHIBITED4, "a prohibited route"),
    ):
        stage.set_name(NAME, a=[address])
        connection_failure(scene, what, "unreachable", ("curl", "python_sync"))


def test_several_addresses(scene):
    stage, good = scene.stage, {("getMe", "GET"): 1}
    stage.set_name(NAME, a=[SERVER4], aaaa=[network.REFUSES6])
    for client in ("curl", "python_sync", "node_https", "ruby"):
        scene.expect(
            f"the first address refuses, the second is fine ({client})",
            client,
            [call("getMe")],
            {},
            good,
            seen=1,
            statuses=[200],
        )
    scene.expect(
        "the first address refuses, the second is fine (go)",
        "go",
        [call("getMe")],
        {},
        {UNKNOWN: 1},
        seen=1,
        statuses=[200],
    )
    stage.set_name(NAME, a=[SERVER4], aaaa=[network.SILENT6])
    for client in ("curl", "node_https"):
        scene.expect(
            f"the first address is silent, the second one wins the race ({client})",
            client,
            [call("getMe")],
            {},
            good,
            seen=1,
            statuses=[200],
        )
    stage.set_name(NAME, a=[network.REFUSES4], aaaa=[network.REFUSES6])
    connection_failure(
        scene,
        "both addresses refuse",
        "connect_refused",
        ("curl", "python_sync", "go", "node_https"),
        rounds=1,
    )
    stage.set_name(NAME, a=[network.NO_ROUTE4, network.REFUSES4], aaaa=[network.REFUSES6])
    connection_failure(
        scene, "three addresses, none works", "connect_refused", ("python_sync",), rounds=1
    )


def test_handshake(scene):
    stage = scene.stage
    for address, mode in BROKEN.items():
        stage.set_name(NAME, a=[address])
        clients = (
            ("curl", "python_sync")
            if mode == "handshake-hang"
            else ("curl", "python_sync", "go", "wget")
        )
        connection_failure(
            scene,
            f"the server's {mode}",
            "tls_handshake",
            clients,
            rounds=1,
            seen=1,
            request=call("getMe", timeout=0.6 if mode == "handshake-hang" else 30),
        )
    stage.set_name(NAME, a=[SERVER4])
    # wget is not among them: it ends the handshake first and looks at the certificate then.
    connection_failure(
        scene,
        "the client does not trust the certificate",
        "tls_handshake",
        ("curl", "python_sync", "go"),
        rounds=1,
        seen=1,
        ca=False,
    )
    for _ in range(3):
        refused_by_node(scene)
    connection_failure(
        scene,
        "the same in TLS 1.2",
        "tls_handshake",
        ("python_sync",),
        rounds=1,
        seen=1,
        ca=False,
        tls="1.2",
    )


def refused_by_node(scene):
    """Node may have written its request into its own buffer by then, which makes the endpoint known."""
    scene.stage.play("node_https", [call("getMe")], ca=False)
    scene.stage.truth(1)
    delta = scene.wait(lambda m: m.total("telegram_api_failures_total") == 1, SETTLE_SECONDS)
    scene.tap.equal(
        "the client does not trust the certificate (node_https): one call, one failure",
        (
            delta.total("telegram_api_requests_total"),
            delta.by("telegram_api_failures_total", "error_type"),
        ),
        (1, {("tls_handshake",): 1}),
    )


def main():
    tap = Tap()
    with Stage("connect") as stage, Operaglass() as operaglass:
        scene = Scene(operaglass, stage, tap)
        scene.run([test_dns, test_connect, test_several_addresses, test_handshake])
    tap.done()


if __name__ == "__main__":
    main()
