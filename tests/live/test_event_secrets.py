#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens, passwords, session ids and the texts of events are in no map, metric or log line, also of what is refused."""
import base64
import json
import os
import socket
import sqlite3
import subprocess
import tempfile
import time

from api import Client
from harness import Operaglass, Tap
from kernel_bytes import map_bytes
from stage import wait_for

# Random, and never written anywhere as a whole but into files, requests and events.
SECRETS = {
    "ingestion token": "Vt4KqZ8wLrXm2YbNc6JhPd9s",
    "reading token": "Hg7TzQe3MkWf5RvBx1LyUn8a",
    "wrong token": "Jp2DsXo9GcEi4TlZq6VwKm3h",
    "wrong password": "Fb8NyRu5HtAj1WkSx7CzQe4v",
    "session": "sEs6PlKjMn3BhGvYcFtXdR9zA",
    "reason": "rEa4QwErTyUi8OpAsDfGhJ2kL",
    "details": "dEt5ZxCvBnMa7SdFgHjKl1QwE",
    "actor": "aCt9MnBvCxZl3KjHgFdSa6PoI",
    "approval": "aPp1LkJhGfDs5AqWsEdRf8TgY",
    "refused text": "bAd7YhUjIkOl2PqAzWsXe4DcR",
    "unknown field": "uNk3EdCrFvTg6BYhNuJmI9kOl",
    "datagram": "dAt8WsXeDcRf4TgBVyHnU1jMi",
}
PIECE = 8
EVENTS = "/api/v1/events"

tap = Tap()


def find(where, data, but=()):
    """What of the secrets is in these bytes: a piece of eight is a find."""
    return [
        f"{where}: {name}"
        for name, text in SECRETS.items()
        if name not in but
        and any(text[at : at + PIECE].encode() in data for at in range(len(text) - PIECE + 1))
    ]


def good_events():
    approval = SECRETS["approval"]
    return [
        {
            "type": "approval.requested",
            "approval_id": approval,
            "session_id": SECRETS["session"],
            "tool": "Bash",
        },
        {
            "type": "approval.accepted",
            "approval_id": approval,
            "actor": SECRETS["actor"],
            "session_id": SECRETS["session"],
            "reason": SECRETS["reason"],
        },
        {
            "type": "audit",
            "actor": SECRETS["actor"],
            "action": "try",
            "resource": "it",
            "details": SECRETS["details"],
        },
    ]


def bad_bodies():
    text, unknown = SECRETS["refused text"], SECRETS["unknown field"]
    return [
        json.dumps({"type": "sms.received", "session_id": text, "time": text}),
        json.dumps({"type": text}),
        json.dumps({"type": "sms.received", unknown: text}),
        json.dumps({"type": "approval.accepted", "reason": text}),
        json.dumps({"type": "queue.depth", "queue": text, "depth": text}),
        json.dumps({"type": "metric", "name": "none", "value": 1, "labels": {"a": text}}),
        f'{{"type":"sms.received","{unknown}',
        text,
    ]


def send(og, body):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaker:
        speaker.sendto(
            body if isinstance(body, bytes) else body.encode(), f"{og.directory}/events.sock"
        )


def ask(og, path, authorization, body=None):
    """The status of a request on the web address."""
    command = [
        "curl",
        "-sS",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "-H",
        "Content-Type: application/json",
    ]
    command += [
        "-H",
        "Authorization: " + authorization,
        *(["-d", body] if body else []),
        og.url + path,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def check_requests(og):
    good = "Bearer " + SECRETS["ingestion token"]
    basic = base64.b64encode(("ann:" + SECRETS["wrong password"]).encode()).decode()
    statuses = [ask(og, EVENTS, good, json.dumps(event)) for event in good_events()]
    tap.equal("events are taken by web", statuses, ["200"] * 3)
    statuses = [ask(og, EVENTS, good, body) for body in bad_bodies()]
    tap.equal("bad ones are refused", statuses, ["400"] * len(statuses))
    bearer = "Bearer " + SECRETS["wrong token"]
    statuses = [
        ask(og, path, value, body)
        for value in (bearer, "Basic " + basic, SECRETS["wrong token"])
        for path, body in (("/metrics", None), (EVENTS, "{}"))
    ]
    tap.equal("wrong credentials are refused", statuses, ["401"] * 6)
    tap.equal(
        "the right one reads", ask(og, "/health", "Bearer " + SECRETS["reading token"]), "200"
    )


def check_datagrams(og, client):
    for body in bad_bodies():
        send(og, body.replace(SECRETS["refused text"], SECRETS["datagram"]))
    send(og, json.dumps({"type": "sms.received", "session_id": SECRETS["datagram"] * 1000}))
    send(og, b"\xff" + SECRETS["datagram"].encode())
    send(og, json.dumps({"type": "sms.received", "session_id": SECRETS["session"]}))
    wait_for(
        lambda: b'sms_messages_total{direction="received",outcome="unknown"} 1'
        in client.get("/metrics").body,
        5,
        "the last datagram is counted",
    )
    # Refusals are one line a second: the second one tells the rest.
    time.sleep(1.1)
    send(og, SECRETS["datagram"])
    wait_for(lambda: og.logs().count("by datagram: invalid") >= 2, 5, "a line about datagrams")


def check_search(og, client):
    found, size = [], 0
    for name, data in map_bytes(og.pins):
        found += find(name, data)
        size += len(data)
    tap.equal("they are in no map", found, [])
    tap.ok("more than 400 KB were searched", size > 400_000, size)
    for path in ("/metrics", "/api/diagnostics/metrics", "/health", "/"):
        answer = client.get(path)
        tap.equal(f"{path} is read", answer.status, 200)
        tap.equal(f"nor in {path}", find(path, answer.body), [])
    tap.equal("nor in the log", find("log", og.logs().encode()), [])
    tap.ok("which tells of the refusals", "by datagram: invalid" in og.logs(), og.logs())
    pids = (og.process.pid, og.exporter())
    lines = [
        open(f"/proc/{pid}/{name}", "rb").read() for pid in pids for name in ("cmdline", "environ")
    ]
    tap.equal("nor on a command line", find("cmdline", b"\n".join(lines)), [])


def check_journal(og):
    """What must be kept is kept, and nobody but the exporter's user may read it."""
    path = og.directory + "/state/journal/journal.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as file:
        dump = "\n".join(file.iterdump()).encode()
    stored = {"session", "reason", "details", "approval"}
    tap.equal(
        "the journal has no credentials, names and refused texts", find("journal", dump, stored), []
    )
    kept = {line.split(": ")[1] for line in find("journal", dump)}
    tap.equal("it has what was reported", kept, stored)
    modes = {
        name: os.stat(os.path.dirname(path) + "/" + name).st_mode & 0o77
        for name in os.listdir(os.path.dirname(path))
    }
    tap.equal("none of its files is anybody else's to read", set(modes.values()), {0})


def check_hashed(og, client):
    text = client.get("/metrics").body.decode()
    rows = [
        line
        for line in text.splitlines()
        if line.startswith("escalation_approvals_accepted_total{")
    ]
    tap.equal("a session is a label", len(rows), 1)
    label = [row.split('"')[1] for row in rows if row.endswith(" 1")]
    tap.ok(
        "hashed to sixteen digits",
        len(label) == 1 and len(label[0]) == 16 and int(label[0], 16),
        rows,
    )


def main():
    with tempfile.TemporaryDirectory(prefix="og-secrets-") as directory:
        for name in ("ingestion token", "reading token"):
            path = f"{directory}/{name.split()[0]}"
            with open(path, "w", encoding="ascii") as file:
                file.write(SECRETS[name] + "\n")
            os.chmod(path, 0o600)
        config = f"""
events: {{token_file: {directory}/ingestion}}
web: {{read_token_file: {directory}/reading}}
approvals: {{session_label: hashed}}
"""
        with Operaglass(config) as og:
            client = Client(og.port, og.directory + "/api.sock")
            check_requests(og)
            check_datagrams(og, client)
            check_hashed(og, client)
            check_search(og, client)
            check_journal(og)
    tap.done()


if __name__ == "__main__":
    main()
