#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Plain TCP upstreams: turnaround of each query, and how many connections of a pool are at work."""
import time

from book import Book
from harness import Operaglass, Tap, free_port
from wire import Listener, Wire

SOCKET_ERRORS = {
    "dns",
    "connect_refused",
    "connect_timeout",
    "unreachable",
    "tls_handshake",
    "reset",
    "closed",
    "timeout",
}
GREETING, QUERY, ROW = b"g" * 90, b"q" * 120, b"r" * 400


def test_turnaround(book, listener):
    wire = Wire(listener)
    wire.down(GREETING)
    for _ in range(4):
        wire.up(QUERY)
        time.sleep(0.03)
        wire.down(ROW)
    wire.close()
    delta = book.expect("four queries behind a greeting", "db", calls=4, connections={"plain": 1})
    book.tap.within(
        "each took as long as its answer",
        delta.value(
            "upstream_request_duration_seconds_sum",
            upstream="db",
            endpoint="unknown",
            status_code="unknown",
        ),
        0.120,
        0.134,
    )
    wire = Wire(listener)
    wire.up(QUERY, QUERY, QUERY)
    wire.down(ROW, ROW, ROW)
    wire.up(QUERY * 200)
    wire.down(ROW * 1000)
    wire.close()
    book.expect("queries and answers in several packets", "db", calls=2, connections={"plain": 1})


def test_ends(book, listener):
    for sentence, finish, failures in (
        ("the server closes", lambda w: w.close(w.server), {"closed": 1}),
        ("the server resets", lambda w: w.reset(w.server), {"reset": 1}),
        ("the client gives up", lambda w: w.close(w.client), {"timeout": 1}),
    ):
        wire = Wire(listener)
        wire.up(QUERY)
        finish(wire)
        book.expect(
            f"{sentence} instead of an answer",
            "db",
            calls=1,
            failures=failures,
            connections={"plain": 1},
        )
    wire = Wire(listener)
    wire.down(GREETING)
    wire.close(wire.server)
    book.expect("a greeting and nothing else is no call", "db", connections={"plain": 1})


def test_known_in_advance(book):
    """Nobody can be told a status by something that speaks no HTTP."""

    def errors(upstream):
        rows = book.operaglass.metrics().rows("upstream_failures_total", upstream=upstream)
        return {dict(labels)["error_type"] for labels in rows}

    statuses = {"rate_limited", "unauthorized", "conflict", "client_error", "server_error"}
    for upstream, kind in (("db", "a database"), ("cache", "plain TCP")):
        book.tap.equal(f"{kind} can fail as a socket can", errors(upstream), SOCKET_ERRORS)
    book.tap.equal("HTTPS by its status, too", errors("web"), SOCKET_ERRORS | statuses)


def pool(metrics):
    return tuple(
        metrics.value(f"database_connection_pool_{state}", upstream="db")
        for state in ("active", "idle")
    )


def test_pool(book, listener):
    wires = [Wire(listener) for _ in range(10)]

    def expect(sentence, want):
        got = book.operaglass.wait(lambda m: pool(m) == want)
        book.tap.equal(sentence, pool(got), want)

    expect("ten fresh connections are idle", (0, 10))
    for wire in wires[:7]:
        wire.up(QUERY)
    expect("seven of them are active while their queries wait", (7, 3))
    for wire in wires[:4]:
        wire.down(ROW)
    expect("four are idle again when answered", (3, 7))
    for wire in wires[4:7]:
        wire.down(ROW)
    for wire in wires[:2]:
        wire.close()
    expect("two were closed", (0, 8))
    for wire in wires[2:]:
        wire.close()
    expect("the pool is empty", (0, 0))
    book.expect("and its seven queries are counted", "db", calls=7, connections={"plain": 10})


def test_other_tcp(book, listener, listener6):
    for listening in (listener, listener6):
        wire = Wire(listening)
        wire.up(QUERY)
        wire.down(ROW)
        wire.close()
    delta = book.expect("kind tcp, by port alone", "cache", calls=2, connections={"plain": 2})
    book.tap.equal(
        "payload is counted to the byte",
        (
            delta.value("upstream_sent_bytes_total", upstream="cache"),
            delta.value("upstream_received_bytes_total", upstream="cache"),
        ),
        (2 * len(QUERY), 2 * len(ROW)),
    )
    book.tap.ok(
        "only databases have a pool",
        not book.operaglass.last.rows("database_connection_pool_idle", upstream="cache"),
    )


def test_quiet(book, listener):
    """A query that ended is counted although its connection stays open and unused."""
    wire = Wire(listener)
    wire.up(QUERY)
    wire.down(ROW)
    book.expect("an open connection's last query", "db", calls=1, connections={"plain": 1})
    wire.up(QUERY)
    wire.down(ROW)
    wire.close()
    book.expect("its next query, at the close", "db", calls=1)


def main():
    tap = Tap()
    port, other = free_port(), free_port()
    config = f"""
defaults: false
upstreams:
  - {{name: db, kind: database, ports: [{port}], quiet: 500ms}}
  - {{name: cache, kind: tcp, ports: [{other}]}}
  - {{name: web, kind: https, hosts: [nobody.example]}}
"""
    with Listener("127.0.0.1", port) as db, Listener("127.0.0.1", other) as cache:
        with Listener("::1", other) as cache6, Operaglass(config) as operaglass:
            book = Book(operaglass, tap)
            test_known_in_advance(book)
            test_turnaround(book, db)
            test_ends(book, db)
            test_pool(book, db)
            test_other_tcp(book, cache, cache6)
            test_quiet(book, db)
    tap.done()


if __name__ == "__main__":
    main()
