#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 is read stream by stream: exact counts by endpoint and status, each with its duration."""
import contextlib
import json
import subprocess

import ledger
from harness import Operaglass, Tap
from scene import FILES, TOKEN, Scene, call, usual
from stage import HERE, HTTP2, NAME, Stage
from test_tls_stacks import CONFIG, running

MEBIBYTE = 1 << 20


def some():
    """Every kind of answer, in the order of one client that waits for each."""
    return [
        *usual(),
        call("editMessageText", "POST", "status=502", body=300),
        call("editMessageText", "POST", body=300),
        call("getUpdates", query="delay=150"),
        call("sendDocument", "POST", "delay=30", body=MEBIBYTE),
        call("getStickerSet", query="trailers=1&size=3000"),
        call("getMyName", query="status=304"),
        call("deleteWebhook", "POST", "status=204", body=5),
        call("getWebhookInfo", "HEAD"),
        call("logOut", query="info=2"),
        call("file", path=FILES + "/photos/file_17.jpg", query="size=300000"),
        call("sendPhoto", "POST", "delay=10", path=TOKEN + "/sendphoto", body=2000),
        call("getChatAdministrators", query=f"size={2 * MEBIBYTE}"),
        call("getMyCommands", query="pad=40&status=429&retry_after=3"),
        call("getMe"),
    ]


def shortened(requests, most):
    """With bodies of `most` bytes where they are longer."""
    return [{**row, "body": min(row.get("body") or 0, most) or None} for row in requests]


def many(count, query="delay=80", endpoint="getMe"):
    return [call(endpoint, query=query) for _ in range(count)]


@contextlib.contextmanager
def go_attached(scene):
    """A Go client whose program is read already: another one of it runs."""
    program = f"{scene.stage.directory}/og-agent-go"
    scene.stage.build_go(f"{HERE}/clients/client.go", program)
    with running(scene, [program, json.dumps({"Hold": True})], "go", "attached"):
        yield program


def test_one_after_the_other(scene):
    scene.check("curl --http2", "curl", some(), http="2")
    small = shortened(some(), 16000)
    scene.check("Python's h2", "python_h2", small, at_once=1)
    scene.check("without Huffman's code", "python_h2", small, at_once=1, plain=True)
    scene.check("every write one byte", "python_h2", small[:8], at_once=1, write=1)
    scene.check("every read seven bytes", "python_h2", small[:8], at_once=1, read=7)
    with go_attached(scene) as program:
        scene.check("Go", program, some()[:12], http="2")


def test_gnutls(scene):
    """libnghttp2 in Debian's libcurl-gnutls, which git, and much else, brings.

    Of bodies that wait for a window this libcurl (7.88.1) sends 15 kB twice in about 2 of 100, watched or not, and the
    server hangs up; those are of other clients here.
    """
    requests = [row for row in shortened(some(), 60000) if row["method"] != "HEAD"]
    scene.check("libcurl over GnuTLS", "gnutls_curl", requests, http="2")
    alpn = {row.get("alpn") for row in scene.stage.last}
    scene.tap.equal("it speaks HTTP/2 indeed", alpn, {"h2"})


def test_the_dynamic_table(scene):
    requests = []
    for n in range(150):
        query = f"n={n}"
        if n in (3, 40, 90, 120):
            query += f"&table={(0, 200, 65536, 4096)[(3, 40, 90, 120).index(n)]}"
        requests.append(call(("getMe", "sendPhoto", "getChat")[n % 3], query=query, headers={"x-n": str(n % 9)}))
        requests.append(call("getMe"))
    scene.check("a table that fills, is emptied, shrinks and grows", "python_h2", requests, at_once=1)


def test_concurrent_streams(scene):
    scene.check("a hundred streams at once", "python_h2", many(100))
    scene.check("a hundred streams of curl --parallel", "curl", many(100), http="2", parallel=100)
    mixed = [
        call("sendMessage", "POST", f"delay={(n * 37) % 90}&status={(200, 429, 500)[n % 3]}", body=n)
        for n in range(90)
    ]
    results = scene.stage.play("python_h2", mixed)
    truth = scene.stage.truth(len(mixed))
    want = {("sendMessage", str(status)): 30 for status in (200, 429, 500)}
    delta = scene.wait(lambda m: ledger.booked(m)["durations"] == want)
    scene.tap.equal(
        "ninety streams, answered out of order: each has its own status",
        ledger.booked(delta)["durations"],
        want,
    )
    got = sum(ledger.booked_sums(delta).values())
    least = sum(row["last_begun"] - row["head_first"] for row in truth) / 1e9
    most = sum(row["ns"] for row in results) / 1e9
    scene.tap.within("and its own duration", got, least * 0.95 - 0.18, most * 1.05 + 0.18)


def test_load(scene):
    """nghttp2's own client: 4 connections, 100 streams each, 2,000 requests."""
    command = ["h2load", "-n", "2000", "-c", "4", "-m", "100", f"https://{NAME}{TOKEN}/getMe"]
    done = subprocess.run(
        scene.stage.network.in_client(command), capture_output=True, text=True, timeout=60, check=True
    )
    if "2000 succeeded" not in done.stdout:
        raise RuntimeError(done.stdout)
    scene.stage.truth(2000)
    delta = scene.wait(lambda m: m.total("telegram_api_duration_seconds_count") == 2000)
    book = ledger.booked(delta)
    scene.tap.equal(
        "two thousand requests of h2load: every one is counted once",
        (book["requests"], book["durations"], book["failures"]),
        ({("getMe", "GET"): 2000}, {("getMe", "200"): 2000}, {}),
    )
    lost = delta.by("operaglass_lost_total", "where", "cause")
    scene.tap.equal(
        "no call and no stream was lost",
        {row: n for row, n in lost.items() if row[0] in ("calls", "http", "tls_streams")},
        {},
    )


def test_window_stall(scene):
    requests = [call("getFile", query=f"size={MEBIBYTE}&delay=20"), call("getMe", query="delay=5")]
    scene.check("an answer larger than the window", "python_h2", requests, window=10000)


def failed(scene, sentence, requests, failures, answered, **plan):
    scene.stage.play("python_h2", requests, **plan)
    scene.stage.truth(len(requests))
    calls = {}
    for request in requests:
        ledger.add(calls, (request["endpoint"], request["method"]))
    want = (calls, answered, failures)

    def got(metrics):
        book = ledger.booked(metrics)
        return (book["requests"], book["durations"], book["failures"])

    scene.tap.equal(sentence, got(scene.wait(lambda m: got(m) == want)), want)


def test_broken_streams(scene):
    failed(
        scene,
        "a stream that the client resets is a timeout, the others go on",
        [call("getMe", query="delay=300"), {**call("getChat", query="end=hang"), "cancel": 60}],
        {("getChat", "timeout"): 1},
        {("getMe", "200"): 1},
    )
    failed(
        scene,
        "a stream that the server resets is a reset",
        [call("getMe", query="delay=100"), call("getChat", query="end=reset")],
        {("getChat", "reset"): 1},
        {("getMe", "200"): 1},
    )
    failed(
        scene,
        "streams above a GOAWAY's are closed, those below are answered",
        [
            call("getMe", query="delay=150"),
            call("getFile", query="delay=40&end=goaway"),
            call("getChat", query="delay=500"),
            call("getChat", query="delay=500"),
        ],
        {("getFile", "closed"): 1, ("getChat", "closed"): 2},
        {("getMe", "200"): 1},
    )
    failed(
        scene,
        "all forty streams of a connection that is closed are closed",
        many(39, "end=hang", "getChat") + [call("getMe", query="delay=50&end=close")],
        {("getChat", "closed"): 39, ("getMe", "closed"): 1},
        {},
    )


def main():
    tap = Tap()
    with Stage("http2") as stage, Operaglass(CONFIG) as operaglass:
        stage.network.set_hosts({NAME: [HTTP2]})
        Scene(operaglass, stage, tap).run(
            [
                test_one_after_the_other,
                test_gnutls,
                test_the_dynamic_table,
                test_concurrent_streams,
                test_load,
                test_window_stall,
                test_broken_streams,
            ]
        )
    tap.done()


if __name__ == "__main__":
    main()
