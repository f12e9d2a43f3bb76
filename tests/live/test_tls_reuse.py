#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Addresses of SSL objects and numbers of descriptors are used again: no call goes to a wrong endpoint.

One program does it all (clients/tls_reuse.c): two upstreams, two endpoints each, every count exact.
"""
import contextlib
import subprocess

from harness import Child, Operaglass, Tap
from scene import TOKEN, Scene
from stage import HERE, NAME, Stage

OPENAI = "api.openai.com"
ROUNDS = 20
HANG = "?end=hang"


class Client:
    def __init__(self, stage):
        program = f"{stage.directory}/tls-reuse"
        subprocess.run(
            ["gcc", "-O2", "-D_GNU_SOURCE", "-o", program, f"{HERE}/clients/tls_reuse.c", "-lssl", "-lcrypto"],
            check=True,
            timeout=60,
        )
        self.process = Child(
            stage.network.in_client([program]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.process.line()

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return int(self.process.line())

    def open(self, slot, host, *like):
        """A new object and connection; the descriptor's number."""
        if self.tell("new", slot, *like) != 1:
            raise RuntimeError("no object came to lie at the address of the old one")
        return self.dial(slot, host)

    def dial(self, slot, host):
        descriptor = self.tell("dial", slot, host)
        if descriptor < 0:
            raise RuntimeError(f"no connection to {host}")
        return descriptor

    def end(self, slot):
        self.tell("close", slot)
        self.tell("free", slot)

    def telegram(self, slot, endpoint, query="", verb="call"):
        return self.tell(verb, slot, "GET", f"{TOKEN}/{endpoint}{query}", NAME)

    def openai(self, slot, path="/v1/models", verb="call"):
        return self.tell(verb, slot, "POST", path, OPENAI)

    def close(self):
        self.process.kill()
        self.process.communicate()


def book(metrics):
    """Every call, every failure, every connection of both upstreams."""
    telegram = metrics.by("telegram_api_requests_total", "endpoint", "method")
    openai = metrics.by("upstream_requests_total", "endpoint", "method", upstream="openai")
    answered = metrics.by("telegram_api_duration_seconds_count", "endpoint", "status_code")
    answered.update(
        metrics.by("upstream_request_duration_seconds_count", "endpoint", "status_code", upstream="openai")
    )
    failures = metrics.by("telegram_api_failures_total", "endpoint", "error_type")
    failures.update(
        metrics.by("upstream_failures_total", "endpoint", "error_type", upstream="openai")
    )
    return {
        "requests": {**telegram, **openai},
        "answered": answered,
        "failures": failures,
        "connections": metrics.by("upstream_connections_total", "upstream", "visibility"),
    }


def expect(scene, sentence, calls, telegram, openai, failures=None):
    """calls: {endpoint: number}, of them those in failures unanswered; telegram, openai: connections."""
    failures = failures or {}
    unanswered = {endpoint: number for (endpoint, _), number in failures.items()}
    want = {
        "requests": {
            (endpoint, "POST" if endpoint.startswith("/") else "GET"): number
            for endpoint, number in calls.items()
        },
        "answered": {
            (endpoint, "200"): number - unanswered.get(endpoint, 0)
            for endpoint, number in calls.items()
            if number > unanswered.get(endpoint, 0)
        },
        "failures": failures,
        "connections": {
            (name, "decoded"): number
            for name, number in (("telegram", telegram), ("openai", openai))
            if number
        },
    }
    scene.tap.equal(sentence, book(scene.wait(lambda m: book(m) == want)), want)


def test_addresses(scene, client):
    """SSL_free, and the next SSL_new gives the same address: another upstream, another endpoint."""
    client.open(0, NAME)
    client.telegram(0, "getMe")
    for number in range(ROUNDS):
        client.end(0)
        if number % 2:
            client.open(0, NAME, 0)
            client.telegram(0, "getChat")
        else:
            client.open(0, OPENAI, 0)
            client.openai(0)
    expect(
        scene,
        f"one address for {ROUNDS + 1} connections in turn: each call has its own endpoint and upstream",
        {"getMe": 1, "getChat": ROUNDS // 2, "/v1/models": ROUNDS // 2},
        1 + ROUNDS // 2,
        ROUNDS // 2,
    )
    client.telegram(0, "getChat", HANG, verb="send")
    client.end(0)
    client.open(0, OPENAI, 0)
    client.openai(0)
    client.openai(0)
    expect(
        scene,
        "an object that is freed while a call waits: that call is a timeout, those of the next one are answered",
        {"getChat": 1, "/v1/models": 2},
        0,
        1,
        {("getChat", "timeout"): 1},
    )
    client.end(0)


def test_clear(scene, client):
    """SSL_clear: the same object on one connection after another."""
    client.open(1, NAME)
    client.telegram(1, "getMe")
    for number in range(ROUNDS):
        client.tell("close", 1)
        client.tell("clear", 1)
        client.dial(1, OPENAI if number % 2 else NAME)
        if number % 2:
            client.openai(1, "/v1/models")
        else:
            client.telegram(1, "sendPhoto")
    client.end(1)
    expect(
        scene,
        f"an object that is cleared {ROUNDS} times: each call has its own endpoint and upstream",
        {"getMe": 1, "sendPhoto": ROUNDS // 2, "/v1/models": ROUNDS // 2},
        1 + ROUNDS // 2,
        ROUNDS // 2,
    )


def test_descriptors(scene, client):
    """close() below a living object: the next connection has its number."""
    same = 0
    for number in range(ROUNDS):
        hosts = (NAME, OPENAI) if number % 2 else (OPENAI, NAME)
        old = client.open(2, hosts[0])
        if number % 2:
            client.telegram(2, "getMe")
        else:
            client.openai(2)
        client.tell("close", 2)
        same += client.open(3, hosts[1]) == old
        if number % 2:
            client.openai(3)
        else:
            client.telegram(3, "sendPhoto")
        client.tell("free", 2)
        if number % 2:
            client.openai(3, "/v1/files")
        else:
            client.telegram(3, "getFile")
        client.end(3)
    scene.tap.equal("every second connection has the descriptor of the first", same, ROUNDS)
    half = ROUNDS // 2
    expect(
        scene,
        "descriptors that are used again while their old objects live: every call is counted where it went",
        {"getMe": half, "/v1/models": ROUNDS, "sendPhoto": half, "/v1/files": half, "getFile": half},
        ROUNDS,
        ROUNDS,
    )
    client.open(4, NAME)
    client.telegram(4, "getMe", HANG, verb="send")
    client.tell("close", 4)
    client.open(5, NAME)
    client.telegram(5, "sendPhoto", verb="send")
    client.tell("free", 4)
    client.tell("answer", 5)
    client.end(5)
    expect(
        scene,
        "a call whose descriptor is closed is a timeout; that of the next connection with it is answered",
        {"getMe": 1, "sendPhoto": 1},
        2,
        0,
        {("getMe", "timeout"): 1},
    )


def main():
    tap = Tap()
    with Stage("reuse") as stage, Operaglass() as operaglass:
        with contextlib.closing(Client(stage)) as client:
            Scene(operaglass, stage, tap).run(
                [
                    lambda scene: test_addresses(scene, client),
                    lambda scene: test_clear(scene, client),
                    lambda scene: test_descriptors(scene, client),
                ]
            )
    tap.done()


if __name__ == "__main__":
    main()
