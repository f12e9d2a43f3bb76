#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Other upstreams than Telegram, and what every one has: stages, bytes, open connections."""
import json
import subprocess
import time

import network
from harness import Child, Operaglass, Tap
from scene import Scene, call
from stage import DATABASE_PORT, HERE, Stage

MEBIBYTE = 1 << 20


def test_other_upstreams(scene):
    def to(path, endpoint, method="POST", query="delay=30", **more):
        return call(endpoint, method, query, path=path, **more)

    scene.check(
        "Anthropic",
        "python_sync",
        [
            to("/v1/messages", "/v1/messages", body=5000),
            to("/v1/messages", "/v1/messages", query="as=chunked&pieces=10&gap=10", body=5000),
            to("/v1/messages/count_tokens", "/v1/messages", query="status=529", body=10),
            to("/v1/models", "/v1/models", "GET", query="status=401"),
        ],
        upstream="anthropic",
        host="api.anthropic.com",
    )
    scene.check(
        "OpenAI by Node",
        "node_fetch",
        [
            to("/v1/chat/completions", "/v1/chat", body=300),
            to("/v1/responses", "/v1/responses", query="status=500", body=300),
        ],
        upstream="openai",
        host="api.openai.com",
    )
    scene.check(
        "Slack by curl",
        "curl",
        [to("/api/chat.postMessage", "/api/chat.postMessage", body=100)],
        upstream="slack",
        host="slack.com",
    )
    scene.check(
        "an opaque client of Anthropic",
        "lines",
        [to("/v1/models", "unknown", "GET"), to("/v1/models", "unknown", "GET")],
        upstream="anthropic",
        host="api.anthropic.com",
        opaque=True,
        program=scene.stage.tls_client("nothing-can-be-read-here", "-s"),
    )


def test_ids_are_replaced(scene):
    """Whatever stands for an id, a thousand of them are one endpoint."""
    ids = [f"/v1/{i:08x}-1d5c-4c8e-9a4e-{i:012x}" for i in range(20)] + [
        f"/v1/{1234567 + i}" for i in range(20)
    ]
    scene.stage.play(
        "python_sync", [call("x", path=path) for path in ids], host="api.anthropic.com"
    )
    scene.stage.truth(len(ids))
    delta = scene.wait(
        lambda m: m.total("upstream_requests_total", upstream="anthropic") == len(ids)
    )
    rows = delta.by("upstream_requests_total", "endpoint", upstream="anthropic")
    scene.tap.ok("forty different ids in the path make one or two endpoints", len(rows) <= 2, rows)
    scene.tap.equal("and every one of their calls is counted", sum(rows.values()), len(ids))


def test_stages(scene):
    """DNS, connect and handshake of a connection, each by its own clock."""
    scene.stage.set_name(
        "api.telegram.org", a=[network.SERVER4], cname="edge.telegram.example", delay_ms=60
    )
    scene.stage.set_name("edge.telegram.example", a=[network.SERVER4])
    calls = [call("getMe") for _ in range(5)]
    results = scene.stage.play("python_urllib", calls)
    truth = scene.stage.truth(5)
    if any(result["status"] != 200 for result in results):
        raise RuntimeError(f"{results}")
    delta = scene.wait(
        lambda m: m.value("telegram_api_requests_total", endpoint="getMe", method="GET") == 5
        and m.total("upstream_round_trip_seconds_count", upstream="telegram") == 5
    )
    for stage in ("connect", "tls_handshake"):
        scene.tap.equal(
            f"each of five connections has its {stage.replace('_', ' ')} time",
            delta.value(f"upstream_{stage}_duration_seconds_count", upstream="telegram"),
            5,
        )
    handshakes = sum(row["handshake_done"] - row["accepted"] for row in truth) / 1e9
    scene.tap.within(
        "handshakes take as long as the server saw, within 2 ms + 5 % each",
        delta.value("upstream_tls_handshake_duration_seconds_sum", upstream="telegram"),
        handshakes - 0.010 - handshakes * 0.05,
        handshakes + 0.010 + handshakes * 0.05,
    )
    scene.tap.within(
        "connecting takes less than 2 ms each here",
        delta.value("upstream_connect_duration_seconds_sum", upstream="telegram"),
        0,
        0.010,
    )
    lookups = delta.value("upstream_dns_duration_seconds_count", upstream="telegram")
    scene.tap.within("five look-ups (an A and an AAAA query each) are seen", lookups, 5, 10)
    mean = delta.value("upstream_dns_duration_seconds_sum", upstream="telegram") / max(lookups, 1)
    scene.tap.within(
        "a look-up that the name server answers after 60 ms takes 60 ms + 2 ms + 5 % at most",
        mean,
        0.060,
        0.065,
    )
    scene.tap.equal(
        "time to first byte is known for each of the five calls",
        delta.value("upstream_time_to_first_byte_seconds_count", upstream="telegram"),
        5,
    )
    scene.stage.set_name("api.telegram.org", a=[network.SERVER4], aaaa=[network.SERVER6])


def test_bytes(scene):
    sent, received = 2 * MEBIBYTE, 3 * MEBIBYTE
    delta = scene.check(
        "an upload and a download",
        "curl",
        [call("sendDocument", "POST", f"size={received}", body=sent)],
    )
    for what, size in (("sent", sent), ("received", received)):
        scene.tap.within(
            f"{what} bytes are the body, its head and TLS around it",
            delta.value(f"upstream_{what}_bytes_total", upstream="telegram"),
            size,
            size * 1.01 + 8192,
        )


def test_gauges(scene):
    """While a call hangs its connection is active; afterwards it is idle; then it is gone."""
    plan = {
        "host": "api.telegram.org",
        "port": 443,
        "ca": scene.stage.ca,
        "pause": 1.0,
        "requests": [call("getMe", query="delay=1000")],
    }
    client = Child(
        scene.stage.network.in_client([*scene.stage.command("python_sync"), json.dumps(plan)]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        for state in ("active", "idle"):
            got = scene.operaglass.wait(
                lambda m, state=state: m.value(
                    "upstream_connections", upstream="telegram", state=state
                )
                == 1,
                4,
            )
            scene.tap.equal(
                f"the connection is {state}",
                got.by("upstream_connections", "state", upstream="telegram"),
                {(state,): 1},
            )
    finally:
        client.wait(10)
    got = scene.operaglass.wait(
        lambda m: not m.total("upstream_connections", upstream="telegram"), 4
    )
    scene.tap.equal(
        "no connection is open after the client ended",
        got.total("upstream_connections", upstream="telegram"),
        0,
    )
    scene.stage.truth(1)
    scene.wait(
        lambda m: m.value("telegram_api_requests_total", endpoint="getMe", method="GET") == 1
    )


def test_state_of_telegram(scene):
    begin = time.time()
    scene.check("a good call", "python_sync", [call("getMe")])
    now = scene.operaglass.metrics()
    scene.tap.within(
        "the time of the last success is the time of that call",
        now.value("telegram_api_last_success_timestamp_seconds", endpoint="getMe"),
        begin - 0.1,
        time.time() + 0.1,
    )
    scene.tap.equal("Telegram is healthy", now.value("telegram_service_health"), 1)


def test_database(scene):
    """The database speaks plain TCP: turnaround and the pool, with no TLS library in sight."""
    client = Child(
        scene.stage.network.in_client(
            ["/usr/bin/python3", f"{HERE}/clients/database.py", network.SERVER4, str(DATABASE_PORT)]
        ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def say(line):
        client.stdin.write(line + "\n")
        client.stdin.flush()
        return client.line()

    try:
        say("open 4")
        say("query 0 12 30000 900")
        got = scene.operaglass.wait(
            lambda m: m.value("database_connection_pool_idle", upstream="postgres") == 4, 4
        )
        scene.tap.equal(
            "a pool of four connections is idle after its queries",
            (
                got.value("database_connection_pool_active", upstream="postgres"),
                got.value("database_connection_pool_idle", upstream="postgres"),
            ),
            (0, 4),
        )
        truth = scene.stage.truth(12)
        delta = scene.wait(
            lambda m: m.total("upstream_request_duration_seconds_count", upstream="postgres") == 12
        )
        scene.tap.equal(
            "its four connections are plain",
            delta.by("upstream_connections_total", "visibility", upstream="postgres"),
            {("plain",): 4},
        )
        scene.tap.equal(
            "twelve queries are twelve calls",
            delta.total("upstream_request_duration_seconds_count", upstream="postgres"),
            12,
        )
        real = sum(row["response_last"] - row["head_first"] for row in truth) / 1e9
        scene.tap.within(
            "their turnaround is the server's, within 2 ms + 5 %",
            delta.total("upstream_request_duration_seconds_sum", upstream="postgres"),
            real - 0.024 - real * 0.05,
            real + 0.024 + real * 0.05,
        )
        say("start 1 1500000 100")
        got = scene.operaglass.wait(
            lambda m: m.value("database_connection_pool_active", upstream="postgres") == 1, 2
        )
        scene.tap.equal(
            "one long query makes one connection of the four active",
            (
                got.value("database_connection_pool_active", upstream="postgres"),
                got.value("database_connection_pool_idle", upstream="postgres"),
            ),
            (1, 3),
        )
        scene.stage.truth(1)
        say("finish 1 100")
    finally:
        client.stdin.close()
        client.wait(10)
        client.stdout.close()
    scene.tap.equal(
        "a pool that was closed is empty",
        scene.operaglass.wait(lambda m: not m.total("database_connection_pool_idle"), 4).total(
            "database_connection_pool_idle"
        ),
        0,
    )


def main():
    tap = Tap()
    with Stage("upstreams") as stage, Operaglass() as operaglass:
        scene = Scene(operaglass, stage, tap)
        scene.run(
            [
                test_other_upstreams,
                test_ids_are_replaced,
                test_stages,
                test_bytes,
                test_gauges,
                test_state_of_telegram,
                test_database,
            ]
        )
    tap.done()


if __name__ == "__main__":
    main()
