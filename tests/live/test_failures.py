#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A call that fails is counted once, with the stage at which it failed; what is no failure is counted as none."""
import json
import signal
import subprocess

import ledger
import network
from harness import Operaglass, Tap
from network import SERVER4, SERVER6
from scene import Scene, call
from stage import BROKEN, Stage

NAME = "api.telegram.org"
UNKNOWN = ("unknown", "unknown")
# A connection's failure is booked when no further address was tried for a second or two.
SETTLE_SECONDS = 8


def expect(scene, sentence, client, requests, failures=None, calls=None, seen=0, statuses=None, **plan):
    """Plays, and compares requests and failures of Telegram with the tables given.

    failures: {(endpoint, error_type): n}; calls: {(endpoint, method): n}, by default the failures as unknown calls;
    seen: how many rows the truth server writes; statuses: what the client must report, by default no answer at all.
    """
    results = scene.stage.play(client, requests, **plan)
    scene.stage.truth(seen)
    got = [result["status"] or None for result in results]
    if got != (statuses or [None] * len(requests)):
        raise RuntimeError(f"{sentence}: {client} says {results}")
    failures = failures or {}
    calls = calls or {UNKNOWN: sum(failures.values())}

    def over(metrics):
        book = ledger.booked(metrics)
        return book["failures"] == failures and book["requests"] == calls

    book = ledger.booked(scene.wait(over, SETTLE_SECONDS))
    scene.tap.equal(f"{sentence}: failures", book["failures"], failures)
    scene.tap.equal(f"{sentence}: calls", book["requests"], calls)
    return book


def connection_failure(scene, sentence, error, clients=("curl", "python_sync", "go"), rounds=2, seen=0, request=None,
                       **plan):
    """Every client fails `rounds` times before it can send anything."""
    for client in clients:
        requests = [request or call("getMe") for _ in range(rounds)]
        expect(scene, f"{sentence} ({client}, {rounds} times)", client, requests, {("unknown", error): rounds},
               seen=seen * rounds, **plan)


def test_dns(scene):
    stage = scene.stage
    del stage.names[NAME]
    stage.set_name("unused.example", a=[SERVER4])
    connection_failure(scene, "the name does not exist", "dns", ("curl", "python_sync", "go", "node_https"))
    stage.set_name(NAME, rcode=2)
    connection_failure(scene, "the name server fails", "dns", ("python_sync", "curl"))
    stage.set_name(NAME, silent=True)
    connection_failure(scene, "the name server does not answer", "dns", ("python_sync",), rounds=1)
    stage.set_name(NAME, a=[SERVER4], aaaa_rcode=3)
    expect(scene, "only the AAAA query fails", "python_sync", [call("getMe")], {}, {("getMe", "GET"): 1}, seen=1,
           statuses=[200])


def test_connect(scene):
    stage = scene.stage
    stage.set_name(NAME, a=[network.REFUSES4])
    connection_failure(scene, "refused", "connect_refused", ("curl", "python_sync", "go", "node_https"))
    stage.set_name(NAME, aaaa=[network.REFUSES6])
    connection_failure(scene, "refused over IPv6", "connect_refused", ("python_sync",))
    stage.set_name(NAME, a=[network.SILENT4])
    connection_failure(scene, "no answer to SYN", "connect_timeout", ("python_sync",), rounds=1)
    connection_failure(scene, "the client's own limit while connecting", "connect_timeout", ("curl",),
                       connect_timeout=0.4)
    stage.set_name(NAME, a=[network.ICMP_UNREACHABLE4])
    connection_failure(scene, "a router says host unreachable", "unreachable", ("curl", "python_sync"))
    stage.set_name(NAME, a=[network.NO_NEIGHBOUR4])
    connection_failure(scene, "no neighbour answers", "unreachable", ("python_sync",), rounds=1)
    for address, what in ((network.NO_ROUTE4, "no route"), (network.UNREACHABLE4, "an unreachable route"),
                          (network.PROHIBITED4, "a prohibited route")):
        stage.set_name(NAME, a=[address])
        connection_failure(scene, what, "unreachable", ("curl", "python_sync"))


def test_several_addresses(scene):
    stage, good = scene.stage, {("getMe", "GET"): 1}
    stage.set_name(NAME, a=[SERVER4], aaaa=[network.REFUSES6])
    for client in ("curl", "python_sync", "node_https", "ruby"):
        expect(scene, f"the first address refuses, the second is fine ({client})", client, [call("getMe")], {}, good,
               seen=1, statuses=[200])
    expect(scene, "the first address refuses, the second is fine (go)", "go", [call("getMe")], {}, {UNKNOWN: 1}, seen=1,
           statuses=[200])
    stage.set_name(NAME, a=[SERVER4], aaaa=[network.SILENT6])
    for client in ("curl", "node_https"):
        expect(scene, f"the first address is silent, the second one wins the race ({client})", client, [call("getMe")],
               {}, good, seen=1, statuses=[200])
    stage.set_name(NAME, a=[network.REFUSES4], aaaa=[network.REFUSES6])
    connection_failure(scene, "both addresses refuse", "connect_refused", ("curl", "python_sync", "go", "node_https"),
                       rounds=1)
    stage.set_name(NAME, a=[network.NO_ROUTE4, network.REFUSES4], aaaa=[network.REFUSES6])
    connection_failure(scene, "three addresses, none works", "connect_refused", ("python_sync",), rounds=1)


def test_handshake(scene):
    stage = scene.stage
    for address, mode in BROKEN.items():
        stage.set_name(NAME, a=[address])
        clients = ("curl", "python_sync") if mode == "handshake-hang" else ("curl", "python_sync", "go", "wget")
        connection_failure(scene, f"the server's {mode}", "tls_handshake", clients, rounds=1, seen=1,
                           request=call("getMe", timeout=0.6 if mode == "handshake-hang" else 30))
    stage.set_name(NAME, a=[SERVER4])
    # wget is not among them: it ends the handshake first and looks at the certificate then.
    connection_failure(scene, "the client does not trust the certificate", "tls_handshake",
                       ("curl", "python_sync", "go", "node_https"), rounds=1, seen=1, ca=False)
    connection_failure(scene, "the same in TLS 1.2", "tls_handshake", ("python_sync",), rounds=1, seen=1, ca=False, tls="1.2")


def test_after_the_request(scene):
    """The request arrived and no whole answer came back."""
    scene.stage.set_name(NAME, a=[SERVER4])
    ways = (("reset before the answer", "end=reset", "reset"),
            ("reset in the middle of the answer", "end=reset&at=body&size=200000&pieces=4", "reset"),
            ("closed before the answer", "end=close", "closed"),
            ("closed in the middle of the answer", "end=close&at=body&size=200000&pieces=4", "closed"),
            ("closed in the middle of a chunked answer", "end=close&at=body&size=9000&pieces=3&as=chunked", "closed"),
            ("the client gives up before the answer", "end=hang", "timeout"),
            ("the client gives up in the middle of the answer", "end=hang&at=body&size=9000&pieces=3", "timeout"))
    for sentence, query, error in ways:
        for client in ("curl", "python_sync", "python_aiohttp", "node_https", "ruby"):
            expect(scene, f"{sentence} ({client})", client,
                   [call("sendMessage", "POST", query, body=200, timeout=0.5 if error == "timeout" else 10)],
                   {("sendMessage", error): 1}, {("sendMessage", "POST"): 1}, seen=1,
                   statuses=[200] if client == "curl" and "at=body" in query else None)
    for sentence, query, error in ways:
        if "at=body" in query:
            continue
        for client in ("wget", "go"):
            expect(scene, f"{sentence}, opaque ({client})", client,
                   [call("sendMessage", "POST", query, body=200, timeout=0.5 if error == "timeout" else 10)],
                   {("unknown", error): 1}, {UNKNOWN: 1}, seen=1)


def test_killed(scene):
    """A client that is killed while it waits has given up."""
    plan = {"host": NAME, "port": 443, "ca": scene.stage.ca, "requests": [call("sendMessage", query="end=hang")]}
    client = subprocess.Popen(scene.stage.network.in_client([*scene.stage.command("python_sync"), json.dumps(plan)]),
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    scene.operaglass.wait(lambda m: m.value("upstream_connections", upstream="telegram", state="active") == 1)
    client.send_signal(signal.SIGKILL)
    client.wait()
    scene.stage.truth(1)
    want = {("sendMessage", "timeout"): 1}
    book = ledger.booked(scene.wait(lambda m: ledger.booked(m)["failures"] == want, SETTLE_SECONDS))
    scene.tap.equal("a client killed while it waits: a timeout", book["failures"], want)


def test_repeated(scene):
    """A failure and its repetition by the same process."""
    for query, error, client in (("end=reset", "reset", "python_sync"), ("end=close", "closed", "ruby"),
                                 ("end=hang", "timeout", "python_sync")):
        requests = [call("sendMessage", "POST", query, body=20, timeout=0.5), call("sendMessage", "POST", body=20)]
        book = expect(scene, f"{error}, then repeated", client, requests, {("sendMessage", error): 1},
                      {("sendMessage", "POST"): 2}, seen=2, statuses=[None, 200])
        scene.tap.equal(f"{error}, then repeated: one retry", book["retries"], {("sendMessage",): 1})


def test_many_at_once(scene):
    requests = [call("sendPhoto", "POST", "end=reset&delay=40" if n % 3 == 0 else "delay=40", body=50) for n in range(30)]
    results = scene.stage.play("python_aiohttp", requests, connections=10)
    truth = scene.stage.truth(30)
    resets = sum(row["ended"] == "reset" for row in truth)
    want = {("sendPhoto", "reset"): resets}
    book = ledger.booked(scene.wait(lambda m: ledger.booked(m)["failures"] == want
                                    and m.total("telegram_api_requests_total") == 30, SETTLE_SECONDS))
    scene.tap.equal("ten connections at once, a third of the calls reset: failures", book["failures"], want)
    scene.tap.equal("ten connections at once: calls", book["requests"], {("sendPhoto", "POST"): 30})
    scene.tap.equal("ten connections at once: answers", book["durations"], {("sendPhoto", "200"): 30 - resets})
    scene.tap.equal("the client saw as many failures", sum(result["status"] is None for result in results), resets)


def test_no_failures(scene):
    """Ends that are none of a call's failures."""
    good = {("getMe", "GET"): 1}
    expect(scene, "the server closes an idle connection", "python_sync", [call("getMe", query="idle=100")], {}, good,
           seen=1, statuses=[200], pause=0.4)
    expect(scene, "the client closes an idle connection", "python_sync", [call("getMe")], {}, good, seen=1, statuses=[200],
           pause=0.2)
    expect(scene, "an answer that ends with the connection", "python_sync", [call("getMe", query="as=close&size=70000")], {},
           good, seen=1, statuses=[200])
    expect(scene, "an opaque answer that ends with the connection", "wget", [call("getMe", query="as=close&size=70000")],
           {}, {UNKNOWN: 1}, seen=1, statuses=[200])
    expect(scene, "an opaque idle connection that the client closes", "go", [call("getMe"), call("getMe")], {}, {UNKNOWN: 2},
           seen=2, statuses=[200, 200])


def test_nothing_is_added_later(scene):
    delta = scene.wait(lambda m: ledger.booked(m)["failures"], 3)
    scene.tap.equal("no failure is added after its time", ledger.booked(delta)["failures"], {})


def main():
    tap = Tap()
    with Stage("failures") as stage, Operaglass() as operaglass:
        scene = Scene(operaglass, stage, tap)
        scene.run([test_dns, test_connect, test_several_addresses, test_handshake, test_after_the_request,
                   test_killed, test_repeated, test_many_at_once, test_no_failures,
                   test_nothing_is_added_later])
    tap.done()


if __name__ == "__main__":
    main()
