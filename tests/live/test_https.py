#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every call that real clients make over HTTPS is counted exactly, timed rightly, and attributed."""
import json
import subprocess
import time

import network
from harness import Operaglass, Tap
from scene import FILES, TOKEN, Scene, call
from stage import DATABASE_PORT, HERE, HTTP2, Stage, wait_for

DECODED = ("curl", "python_sync", "python_urllib", "python_aiohttp", "python_raw", "node_https", "node_fetch", "ruby",
           "php", "s_client")
# These send HEAD and bodies with any method, and take 1xx answers, as they are told to.
FULL = ("curl", "python_sync", "python_aiohttp", "node_https", "ruby")
MEBIBYTE = 1 << 20


def conversation(client):
    """What a bot does in a day, in half a second."""
    calls = [
        call("getMe"),
        call("sendMessage", "POST", "delay=60", body=120),
        call("sendMessage", "POST", "status=429&retry_after=7&delay=20", body=120),
        call("sendMessage", "POST", body=120),
        call("getChat", query="status=401"),
        call("setWebhook", "POST", "status=409", body=10),
        call("getFile", query="status=400"),
        call("getFile"),
        call("editMessageText", "POST", "status=500", body=300),
        call("editMessageText", "POST", "status=502", body=300),
        call("editMessageText", "POST", body=300),
        call("getUpdates", query="delay=150&as=chunked&pieces=3"),
        call("getUpdates", query="delay=80&status=409"),
        call("sendDocument", "POST", "delay=30", body=3 * MEBIBYTE),
        call("getUserProfilePhotos", query="as=chunked&pieces=6&gap=15"),
        call("getStickerSet", query="size=4000&pieces=4&gap=20"),
        call("getMyCommands", query="one=1"),
        call("file", path=FILES + "/photos/file_17.jpg", query="size=300000"),
        call("sendPhoto", "POST", "delay=10", path=TOKEN + "/sendphoto", body=2000),
        call("answerCallbackQuery", "POST", path=TOKEN + "/ANSWERCALLBACKQUERY", body=50),
        call("getChatAdministrators", query=f"size={5 * MEBIBYTE}"),
    ]
    if client in FULL:
        calls += [
            call("getWebhookInfo", "HEAD"),
            call("deleteWebhook", "POST", "status=204", body=5),
            call("getMyName", query="status=304"),
            call("logOut", query="info=2"),
            call("close", query="as=chunked&trailers=1"),
        ]
    if client in ("curl", "python_aiohttp", "node_https"):
        calls.append(call("logOut", query="info=1&code=103"))
    if client != "s_client":
        calls.append(call("getChatMember", query="as=close&size=5000"))
    return calls


def test_clients(scene):
    for client in DECODED:
        scene.check(client, client, conversation(client))
    scene.check("PHP streams", "php", conversation("php")[:12], streams=True)
    scene.check("Python over TLS 1.2", "python_sync", conversation("python_sync"), tls="1.2")


def test_odd_clients(scene):
    some = [call("getMe"), call("sendMessage", "POST", "delay=40", body=500), call("getChat", query="status=400")]
    scene.check("request heads split over seven writes", "python_raw", some, split=7)
    scene.check("requests with Host as the last header", "python_raw", some, order="host-last")
    scene.check("answers read one byte at a time", "python_raw",
                [call("getMe"), call("getChat", query="as=chunked&pieces=3&size=900"), call("getMe", query="size=700")], read=1)
    scene.check("an upload on a non-blocking socket", "python_raw",
                [call("sendVideo", "POST", "delay=50", body=8 * MEBIBYTE), call("getMe")], nonblocking=True)
    for way in ("one write", "a write each"):
        scene.check(f"five pipelined requests ({way})", "python_raw",
                    [call("getMe"), call("sendMessage", "POST", "status=429&retry_after=3", body=10),
                     call("getChat", query="as=chunked"), call("sendPhoto", "POST", body=300), call("getMe")], pipeline=way)
    scene.check("forty requests on eight connections at once", "python_aiohttp",
                [call("getMe" if n % 2 else "sendMessage", "GET", "delay=30") for n in range(40)], connections=8)


def test_opaque(scene):
    calls = [call("getMe"), call("sendMessage", query="delay=60"), call("getChat", query="status=429&retry_after=2"),
             call("getUpdates", query="delay=120"), call("getFile", query="size=300000&delay=30"),
             call("getMe", query="as=chunked&pieces=5&gap=25")]
    scene.check("wget (GnuTLS)", "wget", calls, opaque=True)
    posts = [call("sendMessage", "POST", "delay=40", body=100 * (n + 1)) for n in range(3)]
    scene.check("wget's POSTs", "wget", posts, opaque=True)
    scene.check("Go", "go", calls + posts, opaque=True)


def test_http2(scene):
    scene.stage.network.set_hosts({"api.telegram.org": [HTTP2]})
    scene.check("curl over HTTP/2", "curl", [call("unknown"), call("unknown")], opaque=True, reason="http2", http="2")
    scene.stage.network.set_hosts({})


def test_other_upstreams(scene):
    def to(path, endpoint, method="POST", query="delay=30", **more):
        return call(endpoint, method, query, path=path, **more)

    scene.check("Anthropic", "python_sync", [
        to("/v1/messages", "/v1/messages", body=5000),
        to("/v1/messages", "/v1/messages", query="as=chunked&pieces=10&gap=10", body=5000),
        to("/v1/messages/count_tokens", "/v1/messages", query="status=529", body=10),
        to("/v1/models", "/v1/models", "GET", query="status=401"),
    ], upstream="anthropic", host="api.anthropic.com")
    scene.check("OpenAI by Node", "node_fetch", [
        to("/v1/chat/completions", "/v1/chat", body=300),
        to("/v1/responses", "/v1/responses", query="status=500", body=300),
    ], upstream="openai", host="api.openai.com")
    scene.check("Slack by curl", "curl", [
        to("/api/chat.postMessage", "/api/chat.postMessage", body=100),
    ], upstream="slack", host="slack.com")
    scene.check("an opaque client of Anthropic", "wget",
                [to("/v1/models", "unknown", "GET"), to("/v1/models", "unknown", "GET")],
                upstream="anthropic", host="api.anthropic.com", opaque=True)


def test_ids_are_replaced(scene):
    """Whatever stands for an id, a thousand of them are one endpoint."""
    ids = [f"/v1/{i:08x}-1d5c-4c8e-9a4e-{i:012x}" for i in range(20)] + [f"/v1/{1234567 + i}" for i in range(20)]
    scene.stage.play("python_sync", [call("x", path=path) for path in ids], host="api.anthropic.com")
    scene.stage.truth(len(ids))
    delta = scene.wait(lambda m: m.total("upstream_requests_total", upstream="anthropic") == len(ids))
    rows = delta.by("upstream_requests_total", "endpoint", upstream="anthropic")
    scene.tap.ok("forty different ids in the path make one or two endpoints", len(rows) <= 2, rows)
    scene.tap.equal("and every one of their calls is counted", sum(rows.values()), len(ids))


def test_unwatched(scene):
    scene.stage.play("python_sync", [call("getMe"), call("getMe")], host="not-watched.example")
    scene.stage.truth(2)
    delta = scene.check("a watched call after unwatched ones", "python_sync", [call("getMe")])
    scene.tap.equal("calls to a name nobody watches are not counted", delta.total("upstream_connections_total"), 1)


def test_families(scene):
    for version, addresses in (("IPv4", ["10.77.0.2"]), ("IPv6", ["fd00:77::2"]), ("v4-mapped", ["::ffff:10.77.0.2"])):
        scene.stage.network.set_hosts({"api.telegram.org": addresses})
        scene.check(f"over {version}", "python_sync", [call("getMe", query="delay=20"), call("getMe")])
    scene.stage.network.set_hosts({})


def test_stages(scene):
    """DNS, connect and handshake of a connection, each by its own clock."""
    scene.stage.set_name("api.telegram.org", a=[network.SERVER4], cname="edge.telegram.example", delay_ms=60)
    scene.stage.set_name("edge.telegram.example", a=[network.SERVER4])
    calls = [call("getMe") for _ in range(5)]
    results = scene.stage.play("python_urllib", calls)
    truth = scene.stage.truth(5)
    if any(result["status"] != 200 for result in results):
        raise RuntimeError(f"{results}")
    delta = scene.wait(lambda m: m.value("telegram_api_requests_total", endpoint="getMe", method="GET") == 5
                       and m.total("upstream_round_trip_seconds_count", upstream="telegram") == 5)
    for stage in ("connect", "tls_handshake"):
        scene.tap.equal(f"each of five connections has its {stage.replace('_', ' ')} time",
                        delta.value(f"upstream_{stage}_duration_seconds_count", upstream="telegram"), 5)
    handshakes = sum(row["handshake_done"] - row["accepted"] for row in truth) / 1e9
    scene.tap.within("handshakes take as long as the server saw, within 2 ms + 5 % each",
                     delta.value("upstream_tls_handshake_duration_seconds_sum", upstream="telegram"),
                     handshakes - 0.010 - handshakes * 0.05, handshakes + 0.010 + handshakes * 0.05)
    scene.tap.within("connecting takes less than 2 ms each here",
                     delta.value("upstream_connect_duration_seconds_sum", upstream="telegram"), 0, 0.010)
    lookups = delta.value("upstream_dns_duration_seconds_count", upstream="telegram")
    scene.tap.within("five look-ups (an A and an AAAA query each) are seen", lookups, 5, 10)
    mean = delta.value("upstream_dns_duration_seconds_sum", upstream="telegram") / max(lookups, 1)
    scene.tap.within("a look-up that the name server answers after 60 ms takes 60 ms + 2 ms + 5 % at most",
                     mean, 0.060, 0.065)
    scene.tap.equal("time to first byte is known for each of the five calls",
                    delta.value("upstream_time_to_first_byte_seconds_count", upstream="telegram"), 5)
    scene.stage.set_name("api.telegram.org", a=[network.SERVER4], aaaa=[network.SERVER6])


def test_bytes(scene):
    sent, received = 2 * MEBIBYTE, 3 * MEBIBYTE
    delta = scene.check("an upload and a download", "curl", [call("sendDocument", "POST", f"size={received}", body=sent)])
    for what, size in (("sent", sent), ("received", received)):
        scene.tap.within(f"{what} bytes are the body, its head and TLS around it",
                         delta.value(f"upstream_{what}_bytes_total", upstream="telegram"), size, size * 1.01 + 8192)


def test_gauges(scene):
    """While a call hangs its connection is active; afterwards it is idle; then it is gone."""
    plan = {"host": "api.telegram.org", "port": 443, "ca": scene.stage.ca, "pause": 1.0,
            "requests": [call("getMe", query="delay=1000")]}
    client = subprocess.Popen(scene.stage.network.in_client([*scene.stage.command("python_sync"), json.dumps(plan)]),
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        for state in ("active", "idle"):
            got = scene.operaglass.wait(
                lambda m, state=state: m.value("upstream_connections", upstream="telegram", state=state) == 1, 4)
            scene.tap.equal(f"the connection is {state}", got.by("upstream_connections", "state", upstream="telegram"),
                            {(state,): 1})
    finally:
        client.wait(10)
    got = scene.operaglass.wait(lambda m: not m.total("upstream_connections", upstream="telegram"), 4)
    scene.tap.equal("no connection is open after the client ended", got.total("upstream_connections", upstream="telegram"), 0)
    scene.stage.truth(1)
    scene.wait(lambda m: m.value("telegram_api_requests_total", endpoint="getMe", method="GET") == 1)


def test_state_of_telegram(scene):
    begin = time.time()
    scene.check("a good call", "python_sync", [call("getMe")])
    now = scene.operaglass.metrics()
    scene.tap.within("the time of the last success is the time of that call",
                     now.value("telegram_api_last_success_timestamp_seconds", endpoint="getMe"), begin - 0.1, time.time() + 0.1)
    scene.tap.equal("Telegram is healthy", now.value("telegram_service_health"), 1)


def test_database(scene):
    """The database speaks plain TCP: turnaround and the pool, with no TLS library in sight."""
    client = subprocess.Popen(scene.stage.network.in_client(
        ["/usr/bin/python3", f"{HERE}/clients/database.py", network.SERVER4, str(DATABASE_PORT)]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(line):
        client.stdin.write(line + "\n")
        client.stdin.flush()
        return client.stdout.readline()

    try:
        say("open 4")
        say("query 0 12 30000 900")
        got = scene.operaglass.wait(lambda m: m.value("database_connection_pool_idle", upstream="postgres") == 4, 4)
        scene.tap.equal("a pool of four connections is idle after its queries",
                        (got.value("database_connection_pool_active", upstream="postgres"),
                         got.value("database_connection_pool_idle", upstream="postgres")), (0, 4))
        truth = scene.stage.truth(12)
        delta = scene.wait(lambda m: m.total("upstream_request_duration_seconds_count", upstream="postgres") == 12)
        scene.tap.equal("twelve queries are twelve calls",
                        delta.total("upstream_request_duration_seconds_count", upstream="postgres"), 12)
        real = sum(row["response_last"] - row["head_first"] for row in truth) / 1e9
        scene.tap.within("their turnaround is the server's, within 2 ms + 5 %",
                         delta.total("upstream_request_duration_seconds_sum", upstream="postgres"),
                         real - 0.024 - real * 0.05, real + 0.024 + real * 0.05)
        say("start 1 1500000 100")
        got = scene.operaglass.wait(lambda m: m.value("database_connection_pool_active", upstream="postgres") == 1, 2)
        scene.tap.equal("one long query makes one connection of the four active",
                        (got.value("database_connection_pool_active", upstream="postgres"),
                         got.value("database_connection_pool_idle", upstream="postgres")), (1, 3))
        scene.stage.truth(1)
        say("finish 1 100")
    finally:
        client.stdin.close()
        client.wait(10)
        client.stdout.close()
    delta = scene.wait(lambda m: m.total("upstream_connections_total", upstream="postgres") == 4
                       and m.total("upstream_requests_total", upstream="postgres") == 1)
    scene.tap.equal("its four connections are plain", delta.by("upstream_connections_total", "visibility", upstream="postgres"),
                    {("plain",): 4})
    scene.tap.equal("a pool that was closed is empty", scene.operaglass.wait(
        lambda m: not m.total("database_connection_pool_idle"), 4).total("database_connection_pool_idle"), 0)


def test_nothing_is_added_later(scene):
    wait_for(lambda: not scene.operaglass.metrics().total("upstream_connections"), 10, "every connection is closed")
    delta = scene.wait(lambda m: True)
    scene.tap.equal("nothing was counted after its time",
                    {name: delta.total(name) for name in ("telegram_api_requests_total", "upstream_requests_total",
                                                          "telegram_api_failures_total", "upstream_failures_total")
                     if delta.total(name)}, {})


def main():
    tap = Tap()
    with Stage("https") as stage, Operaglass() as operaglass:
        scene = Scene(operaglass, stage, tap)
        scene.run([test_clients, test_odd_clients, test_opaque, test_http2, test_other_upstreams,
                   test_ids_are_replaced, test_unwatched, test_families, test_stages,
                   test_bytes, test_gauges, test_state_of_telegram, test_database,
                   test_nothing_is_added_later])
    tap.done()


if __name__ == "__main__":
    main()
