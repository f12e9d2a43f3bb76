#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON interface of a running operaglass: every path that openapi.json describes is called, and
every answer is compared with its description."""
import json
import os
import re
import socket
import subprocess
import time

from api import Client, Contract, exposition
from harness import Operaglass, Tap

EVENTS, METRICS, BUDGET = "/api/v1/events", "/api/v1/metrics", "/api/v1/budget"
NDJSON = "application/x-ndjson"
STRANGER = 54321  # a uid that nobody has
BODY_MAX = 1024 * 1024
HEALTH_SECONDS = 0.05
READ_PATHS = [
    "/health",
    "/orchestrate/metrics",
    "/api/metrics",
    "/api/diagnostics/metrics",
    "/api/approvals",
    "/api/audit",
    "/api/cost/report",
    "/api/analytics/agents",
    "/api/openapi.json",
]

tap = Tap()


def wait_for(get, good, seconds=5):
    """Polls until good(get()) holds or the time is over; what came last."""
    limit = time.monotonic() + seconds
    while True:
        value = get()
        if good(value) or time.monotonic() > limit:
            return value
        time.sleep(0.05)


class Checked:
    """A client whose every answer is held against the contract."""

    def __init__(self, client, contract):
        self.client, self.contract, self.problems = client, contract, []

    def get(self, path):
        answer = self.client.get(path)
        self.problems += self.contract.problems("GET", path, answer)
        return answer

    def post(self, path, value, kind="application/json", **more):
        answer = self.client.post(path, value, kind, **more)
        self.problems += self.contract.problems("POST", path, answer)
        return answer


def check_events(api):
    one = api.post(EVENTS, {"type": "sms.received", "id": "one"})
    tap.equal(
        "one object is taken", (one.status, one.json()), (200, {"accepted": 1, "duplicates": 0})
    )
    again = api.post(EVENTS, {"type": "sms.received", "id": "one"})
    tap.equal("and once only", again.json(), {"accepted": 0, "duplicates": 1})
    many = api.post(EVENTS, [{"type": "sms.received"}] * 3)
    tap.equal("an array is taken", many.json(), {"accepted": 3, "duplicates": 0})
    lines = "\n".join(json.dumps({"type": "ai.response", "outcome": "sent"}) for _ in range(4))
    answer = api.post(EVENTS, lines, NDJSON)
    tap.equal("lines are taken", answer.json(), {"accepted": 4, "duplicates": 0})
    mixed = api.post(EVENTS, [{"type": "sms.received"}, {"type": "no.such"}, 7])
    got = [(e["index"], e["field"]) for e in mixed.json()["errors"]]
    tap.equal(
        "the good ones are taken, the others listed",
        (mixed.status, mixed.json()["accepted"], got),
        (207, 1, [(1, "type"), (2, "")]),
    )
    tap.equal(
        "a bad one alone is a 400 that names the field",
        api.post(EVENTS, {"type": "approval.requested"}).error(),
        (400, "missing_field", "approval_id"),
    )
    for body in ["", "{", "[", "nonsense", "[1,2]"]:
        tap.equal(f"the body {body!r} is a 400", api.post(EVENTS, body).status, 400)


def check_refused_bodies(api):
    event = json.dumps({"type": "sms.received"})
    for name, kind, coding in [
        ("another media type", "text/plain", "identity"),
        ("a compressed body", "application/json", "gzip"),
    ]:
        answer = api.post(EVENTS, event, kind, Content_Encoding=coding)
        tap.equal(f"{name} is a 415", answer.error()[:2], (415, "unsupported_media_type"))
    padded = event + " " * (BODY_MAX - len(event))
    tap.equal("a body of 1 MiB is taken", api.post(EVENTS, padded).status, 200)
    tap.equal(
        "one of a byte more is a 413",
        api.post(EVENTS, padded + " ").error()[:2],
        (413, "too_large"),
    )
    large = "\r\n".join(
        [f"POST {EVENTS} HTTP/1.1", "Host: a", "Content-Type: application/json"]
        + [f"Content-Length: {1 << 40}", "", ""]
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect(api.client.path)
        connection.sendall(large.encode())
        tap.ok("one of a terabyte is not waited for", b" 413 " in connection.recv(4096))
    pieces = (b" " * 65536 for _ in range(BODY_MAX // 65536 + 1))
    chunked = api.client.ask("POST", EVENTS, pieces, {"Content-Type": "application/json"})
    tap.equal("so it is in chunks", chunked.error()[:2], (413, "too_large"))
    tap.equal(
        "and for a declaration of more than 16 KiB",
        api.post(METRICS, " " * 16385).error()[:2],
        (413, "too_large"),
    )


def check_senders(api, og):
    command = ["curl", "-sS", "--unix-socket", og.directory + "/api.sock", "-d", '{"type":"story"}']
    command += ["-H", "Content-Type: application/json", "http://localhost" + EVENTS]
    done = subprocess.run(command, user=STRANGER, group=STRANGER, capture_output=True, check=False)
    code = json.loads(done.stdout)["error"]["code"] if done.stdout else done.stderr
    tap.equal("a user who may not report is told so", code, "not_allowed")
    web = api.post(EVENTS, {"type": "sms.received"}, connection=api.client.web())
    tap.ok(
        "without a token nothing is taken by web",
        web.status in (401, 403) and web.json()["error"]["code"],
        (web.status, web.body),
    )


def check_approvals(api):
    names = [f"approval-{n}" for n in range(5)]
    for name in names:
        api.post(EVENTS, {"type": "approval.requested", "approval_id": name, "tool": "Bash"})
    page = api.get("/api/approvals").json()
    tap.equal(
        "what waits is listed, oldest first", [a["approval_id"] for a in page["approvals"]], names
    )
    first = page["approvals"][0]
    tap.equal("with its tool", (first["tool"], first["message"]["state"]), ("Bash", "not_seen"))
    tap.within("and its age", first["age_seconds"], 0, 5)
    part = api.get("/api/approvals?limit=2&offset=1").json()
    got = [a["approval_id"] for a in part["approvals"]], part["more"]
    tap.equal("a page is a part of it", got, (names[1:3], True))
    last = api.get("/api/approvals?offset=3").json()
    tap.equal("the last page says so", (len(last["approvals"]), last["more"]), (2, False))
    api.post(EVENTS, {"type": "approval.accepted", "approval_id": names[0], "actor": "ada"})
    left = [a["approval_id"] for a in api.get("/api/approvals").json()["approvals"]]
    tap.equal("a decided one is gone", left, names[1:])


def check_figures(api):
    def hour(answer):
        return answer["last_hour"]["sms_received"], answer["last_hour"]["ai_responses"]

    # one, three, one of the mixed batch, one of 1 MiB
    figures = wait_for(lambda: api.get("/orchestrate/metrics").json(), lambda f: hour(f) == (6, 4))
    tap.equal("the last hour counts what was reported", hour(figures), (6, 4))
    tap.equal("the shape is exactly the one", sorted(figures), ["last_hour", "today"])
    tap.equal("today counts it too", figures["today"]["total_messages"] > 0, True)
    begin = time.monotonic()
    before = api.get("/orchestrate/metrics").body
    api.post(EVENTS, {"type": "sms.received"})
    after = api.get("/orchestrate/metrics").body
    if time.monotonic() - begin < 1:
        tap.equal("an answer is kept for a second", after, before)
    figures = wait_for(lambda: api.get("/orchestrate/metrics").json(), lambda f: hour(f)[0] == 7)
    tap.equal("and made anew after it", hour(figures)[0], 7)
    now = int(time.time())
    path = f"/orchestrate/metrics?from={now - 600}&to={now + 60}&window=1min"
    figures = api.get(path).json()
    tap.equal("a period is summed", figures["period"]["sms_received"], 7)
    tap.equal("its windows add up to it", sum(w["sms_received"] for w in figures["windows"]), 7)
    for window, seconds in [("5min", 300), ("1hour", 3600), ("1day", 86400)]:
        figures = api.get(f"/orchestrate/metrics?window={window}").json()
        got = figures["window_seconds"], sum(w["sms_received"] for w in figures["windows"])
        tap.equal(f"windows of {window} hold the same", got, (seconds, 7))


def check_reports(api):
    found = api.get("/api/audit?resource=approval-0").json()["entries"]
    tap.equal("a decision is in the audit log", len(found), 1)
    tap.ok("without the name of whoever decided", found and found[0]["actor"] != "ada", found)
    newest = api.get("/api/audit?limit=1").json()
    tap.equal(
        "a page goes on where the last one ended",
        newest["next_before"],
        newest["entries"][0]["seq"],
    )
    model = "claude-sonnet-4-5"
    used = {"type": "tokens.used", "model": model, "input": 1000000, "output": 1000000}
    api.post(EVENTS, used)
    cost = api.get("/api/cost/report").json()
    tap.equal(
        "what was used has a row",
        [(r["model"], r["input_tokens"]) for r in cost["rows"]],
        [(model, 1000000)],
    )
    tap.ok("and a price", cost["total_usd"] > 0 and cost["rows"][0]["share"] == 1, cost)
    api.get("/api/cost/report?by=agent&limit=1")
    tap.equal(
        "a budget is set", api.post(BUDGET, {"monthly_usd": 100.5}).json(), {"monthly_usd": 100.5}
    )
    budget = api.get("/api/cost/report").json()["budget_usd"]
    tap.equal("and is in the report", budget, 100.5)
    bad = api.post(BUDGET, {"monthly_usd": -1})
    tap.equal("a bad one is a 400", bad.error(), (400, "out_of_range", "monthly_usd"))
    done = {"type": "task.completed", "outcome": "success", "duration_seconds": 2}
    api.post(
        EVENTS,
        [
            dict(done, agent_type="codex", model="o3"),
            dict(done, outcome="failure", agent_type="codex", model="o3"),
        ],
    )
    agents = api.get("/api/analytics/agents").json()["agents"]
    got = [
        (a["agent_type"], a["reported"]["runs"], a["reported"]["success_rate"])
        for a in agents
        if a["model"] == "o3"
    ]
    tap.equal("runs are counted by agent and model", got, [("codex", 2, 0.5)])


def check_declarations(api):
    orders = {
        "name": "orders_total",
        "type": "counter",
        "help": "Orders taken.",
        "labels": ["shop"],
    }
    tap.equal("a new metric is a 201", api.post(METRICS, orders).status, 201)
    tap.equal("the same once more is a 200", api.post(METRICS, orders).status, 200)
    other = api.post(METRICS, dict(orders, labels=[]))
    tap.equal("another one of that name is a 409", other.error()[0], 409)
    ours = api.post(METRICS, dict(orders, name="orchestrate_tokens_total"))
    tap.equal("so is one of Operaglass' own names", ours.error()[0], 409)
    for wrong, field in [
        (dict(orders, name="Orders total"), "name"),
        (dict(orders, type="summary"), "type"),
        (dict(orders, labels=["le"]), "labels"),
        (dict(orders, buckets=[1]), "buckets"),
        ({"name": "x"}, "type"),
    ]:
        answer = api.post(METRICS, wrong)
        tap.equal(f"a bad {field} is a 400 that names it", answer.error()[::2], (400, field))
    value = {"type": "metric", "name": "orders_total", "value": 2.5, "labels": {"shop": "a"}}
    tap.equal("its values are taken", api.post(EVENTS, value).status, 200)
    tap.equal("and shown", exposition(api.client).get('orders_total{shop="a"}'), 2.5)
    families = api.get("/api/diagnostics/metrics").json()["families"]
    series = [f["series"] for f in families if f["name"] == "orders_total"]
    tap.equal("as JSON too", series, [[{"labels": {"shop": "a"}, "value": 2.5}]])


def check_health(api):
    times = []
    for _ in range(20):
        begin = time.monotonic()
        health = api.get("/health")
        times.append(time.monotonic() - begin)
    components = health.json()["components"]
    tap.equal(
        "all is well",
        (health.status, {c["status"] for c in components.values()} - {"up"}),
        (200, set()),
    )
    tap.within("and said in less than 50 ms", sorted(times)[10], 0, HEALTH_SECONDS)
    print(f"# /health: median {sorted(times)[10] * 1000:.1f} ms")


BAD_QUERIES = [
    ("/health?x=1", "unknown_parameter", "x"),
    ("/api/diagnostics/metrics?name=x", "unknown_parameter", "name"),
    ("/api/openapi.json?v", "unknown_parameter", "v"),
    ("/orchestrate/metrics?window=2min", "invalid_value", "window"),
    ("/orchestrate/metrics?from=yesterday", "invalid_time", "from"),
    ("/orchestrate/metrics?from=2&to=1", "out_of_range", "to"),
    ("/orchestrate/metrics?from=1&window=1min", "out_of_range", "window"),
    ("/orchestrate/metrics?from=1&from=2", "duplicate_parameter", "from"),
    ("/api/approvals?limit=0", "out_of_range", "limit"),
    ("/api/approvals?limit=1001", "out_of_range", "limit"),
    ("/api/approvals?limit=%zz", "invalid_query", "limit"),
    ("/api/approvals?offset=-1", "out_of_range", "offset"),
    ("/api/audit?since=", "invalid_time", "since"),
    ("/api/audit?text=%20", "invalid_value", "text"),
    ("/api/audit?before=x", "out_of_range", "before"),
    ("/api/audit?actor=" + "a" * 2048, "too_long", ""),
    ("/api/cost/report?month=2026-13", "invalid_value", "month"),
    ("/api/cost/report?month=2026-01&from=1", "invalid_value", "month"),
    ("/api/cost/report?by=colour", "invalid_value", "by"),
    ("/api/analytics/agents?limit=x", "out_of_range", "limit"),
]


def check_refusals(api):
    for path, code, field in BAD_QUERIES:
        tap.equal(f"{path[:60]} is a 400", api.get(path).error(), (400, code, field))
    for path in READ_PATHS:
        answer = api.client.ask("DELETE", path)
        got = answer.error()[:2], answer.headers["Allow"]
        tap.equal(f"DELETE {path} is a 405", got, ((405, "method_not_allowed"), "GET, HEAD"))
        head = api.client.ask("HEAD", path)
        tap.equal(f"HEAD {path} is a GET without the body", (head.status, head.body), (200, b""))
    for path in (EVENTS, METRICS, BUDGET):
        answer = api.client.ask("GET", path)
        tap.equal(f"GET {path} is a 405", (answer.status, answer.headers["Allow"]), (405, "POST"))
    for path in ["/api/", "/api/nothing", "/orchestrate/", "/api/v1/events/"]:
        answer = api.client.get(path)
        tap.equal(f"{path} is a 404 in JSON", answer.error()[:2], (404, "not_found"))


def check_hasty_clients(api, og):
    """They hang up before, while and after their event is written: nothing is left behind."""
    fds = f"/proc/{og.exporter()}/fd"
    before = len(os.listdir(fds))
    body = b'{"type":"story","outcome":"done"}'
    head = f"POST {EVENTS} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    answers = []
    for number in range(200):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5)
            connection.connect(api.client.path)
            connection.sendall(request)
            if number % 2:
                connection.shutdown(socket.SHUT_WR)
                answers.append(connection.recv(4096)[:12])
            else:
                time.sleep(number / 100000)  # up to 2 ms: about as long as the disk takes
    tap.equal("who only says that no more will come is answered", answers, [b"HTTP/1.1 200"] * 100)
    told = exposition(api.client)['stories_total{outcome="done"}']
    tap.within("who hangs up is counted at most once", told, 100, 200)
    left = wait_for(lambda: len(os.listdir(fds)), lambda n: n <= before)
    tap.ok("and leaves nothing behind", left <= before, (left, before))
    print(f"# of 100 events whose sender hung up, {told - 100:.0f} were stored")


def routes():
    """The paths of the exporter's table, but for pages and what only says that it lives."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../exporter/web_routes.c")
    with open(path, encoding="utf-8") as file:
        found = set(re.findall(r'^\t\{"(/[^"]*)", WEB_', file.read(), re.M))
    return found - {"/", "/-/healthy", "/-/ready"}


def check_contract(api):
    described = {path for _, path in api.contract.operations()}
    tap.equal("every route is described, and nothing else", described, routes())
    tap.equal("every answer was as described", api.problems, [])
    called = {(method, path) for method, path, _ in api.contract.seen}
    tap.equal("every path that is described was called", called, api.contract.operations())
    good = {(method, path) for method, path, status in api.contract.seen if status in (200, 201)}
    tap.equal("and answered", good, called)
    statuses = {status for _, _, status in api.contract.seen}
    tap.ok("with every kind of status", statuses >= {200, 201, 207, 400, 409, 413, 415}, statuses)


def main():
    with Operaglass("upstreams: []") as og:
        client = Client(og.port, og.directory + "/api.sock")
        api = Checked(client, Contract(client))
        for path in READ_PATHS:
            api.get(path)
        check_events(api)
        check_refused_bodies(api)
        check_senders(api, og)
        check_approvals(api)
        check_figures(api)
        check_reports(api)
        check_declarations(api)
        check_health(api)
        check_refusals(api)
        check_hasty_clients(api, og)
        check_contract(api)
        tap.ok("it logged no error", "level=error" not in og.logs(), og.logs())
    tap.done()


main()
