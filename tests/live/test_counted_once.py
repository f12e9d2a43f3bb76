#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A call is counted once, in one family, though its TLS object is not joined to its connection when the request leaves.

No place of a client random is known: the table of known builds is emptied, and what was found in libraries is hidden.
Or the place is known, but the handshake is made inside of the first write. Or the library is probed only when its
connection has been counted as opaque.
"""
import contextlib
import json
import signal
import subprocess

import ledger
import maps
import places
from harness import Child, Operaglass, Tap
from scene import UNKNOWN, Scene, call
from stage import HERE, HTTP2, NAME, Stage, wait_for
from test_http2_late import AGENTS_ONLY, AUTHORITY, Early, attach
from test_tls_places import CALLS, joined

PROGRAM = "og-agent-once"
CONFIG = f"agents:\n  - {{type: once, names: [{PROGRAM}]}}\n"
NSS = ("-I/usr/include/nss", "-I/usr/include/nspr", "-lssl3", "-lnss3", "-lnspr4")
JAVA = 8  # include/connection.h: enum undecoded_reason
UPSTREAMS = 8  # at least as many as the defaults have
BIG = 48 << 20  # more than all buffers on the way hold
POST = call("sendMessage", "POST", body=20)


def compile_client(scene, source, name, *flags):
    binary = f"{scene.stage.directory}/{name}"
    command = ["gcc", "-O2", "-D_GNU_SOURCE", "-o", binary, f"{HERE}/clients/{source}", *flags]
    subprocess.run(command, check=True, timeout=60)
    return binary


@contextlib.contextmanager
def talking(command):
    """A process that hears and answers lines; it has said that it is ready."""
    process = Child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        process.line()
        yield process
    finally:
        process.kill()
        process.communicate()


def tell(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def ask(process, request):
    """One call of a client that takes a call a line; its status."""
    tell(process, f"{request['method']} {request['path']} {request.get('body') or 0}")
    return json.loads(process.line())["status"]


def connected(scene, client, requests, **options):
    """A client that waits before its first request."""
    plan = {"host": NAME, "port": 443, "ca": scene.stage.ca, "requests": requests, "hold": True}
    command = [*scene.stage.command(client), json.dumps({**plan, **options})]
    return talking(scene.stage.network.in_client(command))


def counted(scene, sentence, visibility, **tables):
    """This, and nothing else, once it is there; it stays so."""
    want = {"requests": {}, "failures": {}, "durations": {}, **tables}
    want["connections"] = {("telegram", visibility): 1}

    def seen(metrics):
        book = ledger.booked(metrics)
        connections = metrics.by("upstream_connections_total", "upstream", "visibility")
        return {table: book.get(table, connections) for table in want}

    scene.operaglass.wait(lambda m: seen(m) == want, 6, since=scene.before)
    for _ in range(3):
        last = scene.operaglass.metrics()
    scene.tap.equal(sentence, seen(last - scene.before), want)


def over(scene):
    scene.before = scene.operaglass.metrics()


def test_handshake_inside(scene):
    """The object is joined at the return of the write that made its handshake."""
    before = joined(scene.operaglass)
    for stack, source, flags in (
        ("OpenSSL", "tls_client.c", ("-lssl", "-lcrypto")),
        ("NSS", "nss_client.c", NSS),
    ):
        program = compile_client(scene, source, f"lazy-{stack}", "-DLAZY", *flags)
        sentence = f"{stack} with the handshake in the first write"
        scene.check(sentence, "lines", CALLS, program=program)
    scene.tap.equal("both objects were joined", joined(scene.operaglass) - before, 2)


def test_executable(scene, program):
    scene.check("an executable", "lines", CALLS, program=program)
    scene.check("processes of one call each", "lines", CALLS, program=program, fresh=True)


def test_libraries(scene):
    for client in ("python_sync", "python_aiohttp", "python_bio", "gnutls_curl", "node_https"):
        scene.check(client, client, CALLS)
    scene.check("a connection for each call", "python_urllib", CALLS)
    scene.check("four first connections at once", "python_threads", [POST] * 8, threads=4)
    scene.check("a head in two writes", "python_raw", CALLS, split=2)
    scene.check("pipelined in one write", "python_raw", CALLS, pipeline="one write")
    scene.check("TLS 1.2", "python_sync", CALLS, tls="1.2")


def test_nss(scene):
    program = compile_client(scene, "nss_client.c", "nss", *NSS)
    scene.check("NSS", "lines", CALLS, program=program)
    program = f"{scene.stage.directory}/lazy-NSS"
    scene.check("NSS, with the handshake in the first write, too", "lines", CALLS, program=program)


def test_number_used_again(scene):
    """An earlier process with the number of this one, which cannot be read, had decoded calls and no socket."""
    command = [scene.stage.tls_client("nothing-can-be-read-here", "-s"), NAME, scene.stage.ca]
    waits = ["sh", "-c", 'echo; read line; exec "$@"', "sh"]
    with talking(scene.stage.network.in_client([*waits, *command])) as process:
        for upstream in range(1, UPSTREAMS + 1):
            name = process.pid.to_bytes(4, "little") + upstream.to_bytes(2, "little") + bytes(2)
            maps.put(scene.operaglass, "decoded_names", name, (1).to_bytes(8, "little"))
        java = JAVA.to_bytes(4, "little") + bytes(4)
        maps.put(scene.operaglass, "tls_processes", process.pid.to_bytes(4, "little"), java)
        tell(process, "go")
        process.line()
        status = ask(process, call("getMe"))
    scene.stage.truth(1)
    scene.tap.equal("a process that has another's number is answered", status, 200)
    requests, durations = {UNKNOWN: 1}, {("unknown", "unknown"): 1}
    counted(scene, "and its call counted", "encrypted", requests=requests, durations=durations)
    reasons = scene.operaglass.metrics().by("upstream_undecoded_connections_total", "reason")
    scene.tap.equal("and is opaque for a reason of its own", reasons.get(("java",), 0), 0)
    over(scene)


def test_endings(scene):
    """Without a socket it is not known who ended it."""
    for sentence, query in (("reset", "end=reset"), ("closed", "end=close")):
        request = call("sendMessage", "POST", query, body=20)
        scene.check(f"{sentence} before the answer", "python_sync", [request], error="timeout")


def test_killed(scene):
    requests = {("sendMessage", "POST"): 1}
    hang = call("sendMessage", "POST", "end=hang", body=20)
    with connected(scene, "python_sync", [hang]) as process:
        tell(process, "go")
        counted(scene, "a call that waits is a request", "decoded", requests=requests)
        process.send_signal(signal.SIGKILL)
    scene.stage.truth(1)
    failures = {("sendMessage", "timeout"): 1}
    counted(scene, "killed: one timeout", "decoded", requests=requests, failures=failures)
    over(scene)


@contextlib.contextmanager
def writing(scene):
    """A client whose first write does not end, as nobody reads: what it was cannot be told before."""
    big = call("sendDocument", "POST", body=BIG)
    with connected(scene, "python_raw", [big], pipeline="one write") as process:
        scene.stage.server.send_signal(signal.SIGSTOP)
        try:
            tell(process, "go")
            sentence = "a write that goes on for a second is an opaque request"
            counted(scene, sentence, "encrypted", requests={UNKNOWN: 1})
            yield process
        finally:
            scene.stage.server.send_signal(signal.SIGCONT)


def test_killed_writing(scene):
    with writing(scene) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    failures = {("unknown", "timeout"): 1}
    counted(scene, "killed: one timeout", "encrypted", requests={UNKNOWN: 1}, failures=failures)
    over(scene)


def test_long_write(scene):
    with writing(scene) as process:
        scene.stage.server.send_signal(signal.SIGCONT)
        status = json.loads(process.line())["status"]
    scene.stage.truth(1)
    scene.tap.equal("it ends, and is answered", status, 200)
    requests, durations = {UNKNOWN: 1}, {("unknown", "unknown"): 1}
    counted(scene, "and was one call", "encrypted", requests=requests, durations=durations)
    over(scene)


def test_found_meanwhile(scene, hiding):
    """The first call cannot be joined, the next ones on its connection can."""
    before = joined(scene.operaglass)
    program = compile_client(scene, "tls_client.c", "patient", "-lssl", "-lcrypto")
    command = scene.stage.network.in_client([program, NAME, scene.stage.ca])
    with talking(command) as process:
        statuses = [ask(process, POST)]
        scene.tap.equal("nothing was joined so far", joined(scene.operaglass), before)
        hiding.close()
        statuses += [ask(process, POST), ask(process, POST)]
        scene.tap.equal("when its place is found, it is", joined(scene.operaglass) - before, 1)
    scene.stage.truth(3)
    scene.tap.equal("three calls are answered", statuses, [200] * 3)
    requests, durations = {("sendMessage", "POST"): 3}, {("sendMessage", "200"): 3}
    counted(scene, "and each counted once", "decoded", requests=requests, durations=durations)
    over(scene)


def test_probed_later(scene, stack):
    """What a connection is counted as it stays: its object is not read when it could be."""
    program = compile_client(scene, "tls_client.c", "early", "-lssl", "-lcrypto")
    command = scene.stage.network.in_client([program, NAME, scene.stage.ca])
    first = stack.enter_context(talking(command))
    before = [ask(first, POST), ask(first, POST)]
    scene.stage.truth(2)
    scene.stage.network.set_hosts({NAME: [HTTP2]})
    calls = [call("getMe", query=f"{n}" * 30, **AUTHORITY) for n in range(5)]
    second = Early(stack, scene.stage, "python_h2", calls[:2], calls[2:], at_once=1)
    attach(scene.operaglass)
    proven = lambda m: m.total("operaglass_tls_probed_files", stack="openssl", trust="proven")
    wait_for(lambda: proven(scene.operaglass.metrics()), 20, "the proof of libssl")
    places.clear_table(scene.operaglass)
    with places.Hidden(scene.operaglass):
        after = [ask(first, POST) for _ in range(3)]
        second.go()
        new = scene.stage.play("python_h2", calls[:1])
    statuses = before + after + [row["status"] for row in new]
    scene.tap.equal("all are answered", statuses, [200] * 6)
    want = {UNKNOWN: 10, ("getMe", "GET"): 1}
    got = lambda m: ledger.booked(m)["requests"]
    scene.tap.equal(
        "HTTP/1 and HTTP/2 on connections that were opaque stay so, and a new one is read",
        got(scene.wait(lambda m: got(m) == want)),
        want,
    )


def probed_later(tap):
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(Stage("oncelater"))
        operaglass = stack.enter_context(Operaglass(AGENTS_ONLY))
        Scene(operaglass, stage, tap).run([lambda scene: test_probed_later(scene, stack)])


def main():
    tap = Tap()
    probed_later(tap)
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(Stage("once"))
        operaglass = stack.enter_context(Operaglass(CONFIG))
        program = stage.tls_client(PROGRAM)
        stack.enter_context(talking([program, NAME, "none"]))
        places.wait_until_found(operaglass)
        hiding = stack.enter_context(contextlib.ExitStack())

        def hide(_):
            places.clear_table(operaglass)
            hiding.enter_context(places.Hidden(operaglass))

        Scene(operaglass, stage, tap).run(
            [
                test_handshake_inside,
                hide,
                lambda scene: test_executable(scene, program),
                test_libraries,
                test_nss,
                test_number_used_again,
                test_endings,
                test_killed,
                test_killed_writing,
                test_long_write,
                lambda scene: test_found_meanwhile(scene, hiding),
            ]
        )
    tap.done()


if __name__ == "__main__":
    main()
