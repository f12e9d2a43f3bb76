#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No token, header, query or body is in a map, a record, a metric, a log line or either process's memory."""
import contextlib
import json
import os
import subprocess

from harness import Child, Operaglass, Tap
from kernel_bytes import map_bytes, process_bytes
from stage import CLIENTS, HERE, HTTP2, Stage

HOST = "api.telegram.org"
# Random, and never written anywhere as a whole but into requests: a piece of eight bytes is a find.
SECRETS = {
    "token": "AAF9xq3ZtK7wVmB2cJ8rYdN5hLpG4sUeQoX",
    "header": "kW6uTz1RbHs9EfCv3MyPaJ7dXgQn5oLi",
    "query": "zB4nVx8KqYw2LmTj6RcHd9FgSpUa3eNo",
    "body": "Qe7RtY5uIoP3aSdF8gHjK1lZxCvB6nMw",
    "argument": "Xm2Pq9LwEr5TyUi8OaSd4FgHj6KlZxCv",
    "segment": "qxjwkzvbnmtyrplgdhcs",
    "early": "Hc8VbN3mKjL6oIuY1tReW9qAsD5fGzXp",
}
PIECE = 8
BOT = f"/bot7000000002:{SECRETS['token']}"
FIELDS = {"Authorization": f"Bearer {SECRETS['header']}"}
BODY = f'{{"text":"{SECRETS["body"]}"}}'
REST = f"Host: {HOST}\r\nAuthorization: Bearer {SECRETS['header']}\r\n"
END = REST + "\r\n"
POST = f"{REST}Content-Length: {len(BODY)}\r\n\r\n{BODY}"


def pieces():
    """{eight bytes: whose}"""
    return {
        secret[at : at + PIECE].encode(): name
        for name, secret in SECRETS.items()
        for at in range(len(secret) - PIECE + 1)
    }


PIECES = pieces()


def find(where, data):
    """What of the secrets is in these bytes, as a text."""
    return [f"{where}: {name}: {piece.decode()}" for piece, name in PIECES.items() if piece in data]


def shapes():
    """Requests as lists of writes: the good ones, every split, and what nobody should send."""
    line = f"POST {BOT}/sendMessage?chat={SECRETS['query']} HTTP/1.1\r\n"
    good = line + POST
    yield [line[:40], line[40:] + POST]
    yield [good]
    yield list(line) + [POST]
    for at in range(1, len(line), 3):
        yield [good[:at], good[at:]]
    yield [line, REST, f"Content-Length: {len(BODY)}\r\n\r\n", BODY]
    yield [good + good + good]
    for path in (
        BOT,
        f"{BOT}/",
        f"{BOT}/{SECRETS['query']}",
        f"/{BOT}/getMe",
        f"/BOT{BOT[4:]}/getMe",
        f"/%62ot{BOT[4:]}/getMe",
        f"{BOT}%2FgetMe",
        f"/file{BOT}/photos/{SECRETS['query']}.jpg",
        f"/v1{BOT}/getMe",
        f"/{SECRETS['token']}",
        f"/{SECRETS['token']}/{SECRETS['query']}",
        f"https://{HOST}{BOT}/getMe",
    ):
        yield [f"GET {path} HTTP/1.1\r\n{END}"]
    yield [f"GET {BOT}/getMe\r\n{END}"]
    yield [f"GET\t{BOT}/getMe HTTP/1.1\r\n{END}"]
    yield [f"{BOT}/getMe GET HTTP/1.1\r\n{END}"]
    yield [f"GET {BOT}/get\0Me{SECRETS['query']} HTTP/1.1\r\n{END}"]
    yield [f"GET {BOT}/get\xff\xfeMe{SECRETS['query']} HTTP/1.1\r\n{END}"]
    yield [f"GET {BOT}/{SECRETS['query'] * 40}/x HTTP/1.1\r\n{END}"]
    yield [f"GET {BOT}/getMe HTTP/1.1\r\nHost: {HOST}\r\nX: {SECRETS['header'] * 500}\r\n\r\n"]
    yield [f"GET {BOT}/getMe HTTP/1.1\r\nHost: {SECRETS['header']}.example\r\n\r\n"]
    yield [f"GET {BOT}/getMe HTTP/1.1\r\nHost:{SECRETS['header']}", f"{SECRETS['header']}\r\n\r\n"]
    yield [f"{SECRETS['body']} {SECRETS['token']} {SECRETS['query']}\r\n\r\n"]
    yield [f"GET {BOT}"]
    yield [SECRETS["body"] * 2000]
    yield [f"POST {BOT}/sendMessage HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n"
           f"{len(BODY):x};x={SECRETS['header']}\r\n{BODY}\r\n0\r\nX: {SECRETS['header']}\r\n\r\n"]  # fmt: skip


def exporter_of(og):
    with open(f"/proc/{og.process.pid}/task/{og.process.pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def search(og):
    """Everything that can be searched: (finds, how many bytes were searched)."""
    found, size = [], 0

    def look(where, data):
        nonlocal size
        size += len(data)
        found.extend(find(where, data))

    for name, data in map_bytes(og.pins):
        look(name, data)
    for who, pid in (("observer", og.process.pid), ("exporter", exporter_of(og))):
        for region, data in process_bytes(pid):
            look(f"memory of the {who}, {region}", data)
    look("/metrics", og.get()[2])
    look("OpenMetrics", og.get(Accept="application/openmetrics-text")[2])
    look("log", og.logs().encode())
    return found, size


def expect_nothing(tap, og, when):
    found, size = search(og)
    tap.ok(f"{when}: no piece of a secret in maps, records, memory, metrics and log", not found,
           "\n".join(sorted(found)[:20]) + f"\n{len(found)} finds")  # fmt: skip
    tap.ok(f"{when}: more than 4 MB were searched", size > 4_000_000, size)


def check_search(tap):
    """The search finds what is there, or it proves nothing."""
    found = [hit for region, data in process_bytes(os.getpid()) for hit in find(region, data)]
    tap.ok("the search finds the secrets in a process that has them", len(found) > 100, len(found))


def client_in(stage, client, plan, stdin=subprocess.DEVNULL):
    plan = {"host": HOST, "port": 443, "ca": stage.ca, "requests": [], **plan}
    return Child(
        stage.network.in_client([*client, json.dumps(plan)]),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def check_libraries(tap, stage, og):
    request = {
        "method": "POST",
        "path": f"{BOT}/sendMessage?q={SECRETS['query']}",
        "body": 100,
        "headers": FIELDS,
    }
    clients = ("python_sync", "python_aiohttp", "curl", "node_https", "s_client")
    before = og.last = og.metrics()
    for client in clients:
        stage.play(client, [request, {**request, "path": request["path"] + "&status=500"}])
    got = og.wait(
        lambda m: m.total("telegram_api_requests_total") >= 2 * len(clients), 10, since=before
    )
    decoded = got.total("telegram_api_requests_total", endpoint="sendMessage")
    tap.equal("calls of curl, Python and Node were decoded", decoded, 2 * len(clients))
    expect_nothing(tap, og, "after real clients")


def check_shapes(tap, stage, og):
    writes = list(shapes())
    script = ["/usr/bin/python3", f"{HERE}/clients/secret.py"]
    # The plan is an argument, and arguments of this client are in its memory only.
    client = client_in(stage, script, {"writes": writes, "pause": 3})
    line = client.line()
    tap.equal("a client stopped in the middle of a request line", line, "paused\n")
    expect_nothing(tap, og, "in the middle of a request line")
    lines = client.stdout.read().splitlines()
    client.wait(60)
    tap.equal("every shape was sent", len(lines), len(writes))
    expect_nothing(tap, og, "after requests of every shape")


def http2_requests():
    """Paths that enter the dynamic table, and come again by their index; a token in a field's value, and in its name."""
    paths = [
        f"{BOT}/sendMessage?chat={SECRETS['query']}",
        f"{BOT}/getMe",
        f"{BOT}/getMe",
        BOT,
        f"{BOT}/{SECRETS['query']}",
        f"//{BOT}/getMe",
        f"/%62ot{BOT[4:]}/getMe",
        f"/file{BOT}/photos/{SECRETS['query']}.jpg",
        f"/{SECRETS['token']}/{SECRETS['query']}",
        f"/{SECRETS['segment']}4242/x",
        SECRETS["token"],
    ]
    fields = {"authorization": FIELDS["Authorization"], SECRETS["header"].lower(): "x"}
    return [{"method": "POST", "path": p, "headers": fields, "body": 50} for p in paths]


def early_http2(stage):
    """A client with HTTP/2 that is connected before the observer starts."""
    stage.network.set_hosts({HOST: [HTTP2]})
    early = {"method": "GET", "path": f"{BOT}/getMe", "headers": FIELDS, "never": [":authority"]}
    requests = [{**row, "never": [":authority"]} for row in http2_requests()]
    plan = {"requests": [early, *requests, *requests], "before": 1, "stay": True, "at_once": 1}
    client = client_in(stage, CLIENTS["python_h2"], plan, stdin=subprocess.PIPE)
    if client.line() != "connected\n":
        raise RuntimeError("the early client did not connect")
    stage.network.set_hosts({})
    return client


def check_early_http2(tap, og, client):
    """Its row and its dynamic table are there while it is searched."""
    requests = 2 * len(http2_requests())
    before = og.metrics()
    client.stdin.write("go\n")
    client.stdin.flush()
    got = og.wait(
        lambda m: m.total("telegram_api_duration_seconds_count") == requests, 10, since=before
    )
    tap.equal(
        "calls over HTTP/2 on a connection that is older than the observer were decoded",
        (got.total("telegram_api_requests_total", endpoint="sendMessage"),
         got.total("telegram_api_requests_total")),
        (2, requests),
    )  # fmt: skip
    expect_nothing(tap, og, "while that connection is open")
    client.communicate()


def check_http2(tap, stage, og):
    """Paths in Huffman's code and in plain, whole and byte by byte, in the dynamic table or not."""
    stage.network.set_hosts({HOST: [HTTP2]})
    requests = http2_requests()
    before = og.metrics()
    plans = ({}, {"plain": True}, {"write": 1, "at_once": 1}, {"write": 9, "plain": True})
    for plan in plans:
        stage.play("python_h2", requests, **plan)
    stage.play("curl", requests[:3], http="2")
    count = len(plans) * len(requests) + 3
    got = og.wait(lambda m: m.total("telegram_api_requests_total") == count, 10, since=before)
    tap.equal(
        "calls over HTTP/2 were decoded",
        got.total("telegram_api_requests_total", endpoint="getMe"),
        3 * len(plans) + 2,
    )
    expect_nothing(tap, og, "after HTTP/2")
    client = client_in(
        stage, CLIENTS["python_h2"], {"requests": requests[:1], "stop": 160, "plain": True}
    )
    tap.equal("a client stopped in the middle of :path", client.line(), "paused\n")
    expect_nothing(tap, og, "in the middle of :path")
    client.stdout.read()
    client.wait(60)
    stage.network.set_hosts({})


def check_segment(tap, stage, og):
    """Letters that may be the beginning of a name, and turn out to be an id only with the next write."""
    line = f"GET /v1/{SECRETS['segment']}"
    script = ["/usr/bin/python3", f"{HERE}/clients/secret.py"]
    host = "api.anthropic.com"
    rest = f"4242/x HTTP/1.1\r\nHost: {host}\r\n\r\n"
    before = og.metrics()
    client = client_in(stage, script, {"host": host, "writes": [[line, rest]], "pause": 3})
    tap.equal(
        "a client stopped in the middle of a segment of letters",
        client.line(),
        "paused\n",
    )
    expect_nothing(tap, og, "in the middle of a segment")
    client.stdout.read()
    client.wait(60)
    labels = {"upstream": "anthropic", "endpoint": "/v1/:id", "method": "GET"}
    got = og.wait(lambda m: m.value("upstream_requests_total", **labels) == 1, 5, since=before)
    tap.equal(
        "its request is counted with an id in place of the segment",
        got.value("upstream_requests_total", **labels),
        1,
    )
    expect_nothing(tap, og, "after it")


def check_arguments(tap, stage, og):
    url = f"https://{HOST}/bot7000000002:{SECRETS['argument']}/getMe"
    before = og.metrics()
    for command in (
        ["curl", "-s", "--cacert", stage.ca, "-H", f"X: {SECRETS['argument']}", url],
        ["/bin/sh", "-c", f": {url}; exit 0"],
        ["/usr/bin/python3", "-c", f"'{url}'", url],
        ["/usr/bin/env", f"TOKEN={SECRETS['argument']}", "/bin/true", url],
        ["node", "-e", f"'{url}'", url],
    ):
        subprocess.run(stage.network.in_client(command), stdout=subprocess.DEVNULL, check=True)
    got = og.wait(lambda m: m.value("telegram_api_requests_total", endpoint="getMe", method="GET") == 1, 5,
                  since=before)  # fmt: skip
    calls = got.value("telegram_api_requests_total", endpoint="getMe", method="GET")
    tap.equal("the call of curl with the token in its arguments was decoded", calls, 1)
    expect_nothing(tap, og, "after programs with secrets in their arguments")


def main():
    tap = Tap()
    check_search(tap)
    # Whoever runs already is looked at through /proc.
    early = [
        Child([*command, f"https://x/bot1:{SECRETS['early']}/y"], stdin=subprocess.PIPE)
        for command in (["/usr/bin/python3", "-c", "input()"], ["/bin/sh", "-c", "read x"])
    ]
    try:
        with contextlib.ExitStack() as stack:
            stage = stack.enter_context(Stage("secrets"))
            client = early_http2(stage)
            stack.callback(client.kill)
            og = stack.enter_context(Operaglass("", ["--log.level", "debug"]))
            expect_nothing(tap, og, "after the start")
            check_early_http2(tap, og, client)
            check_libraries(tap, stage, og)
            check_shapes(tap, stage, og)
            check_segment(tap, stage, og)
            check_http2(tap, stage, og)
            check_arguments(tap, stage, og)
    finally:
        for process in early:
            process.communicate(b"\n")
    tap.done()


if __name__ == "__main__":
    main()
