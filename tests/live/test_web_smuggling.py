#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that two servers could read differently, clients that are slow, and a thousand clients:
the exporter alone, with this program as its observer."""
import select
import socket
import time

from exporter import SECONDS, Exporter
from harness import Tap

HEAD_SECONDS, REQUEST_SECONDS = 10, 30  # WEB_HEAD_SECONDS, WEB_REQUEST_SECONDS
CLIENTS_MAX = 512  # WEB_CLIENTS_MAX

tap = Tap()


def read_all(connection):
    """Everything until the server hangs up; a reset is an end, too."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


def statuses(data):
    return [int(part[:3]) for part in data.split(b"HTTP/1.1 ")[1:]]


def refused(exporter, reason):
    with exporter.connect("127.0.0.9") as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        for line in read_all(connection).decode().splitlines():
            if line.startswith(f'operaglass_web_refused_total{{reason="{reason}"}}'):
                return int(line.split()[1])
    return None


HEAD = b"POST /metrics HTTP/1.1\r\nHost: a\r\n"
SECOND = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"
# What is sent, and what is wrong with it. None may let the second request through.
AMBIGUOUS = {
    "two lengths that differ": HEAD + b"Content-Length: 3\r\nContent-Length: 39\r\n\r\nabc",
    "two lengths that agree": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": HEAD + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "a length in hexadecimal": HEAD + b"Content-Length: 0x3\r\n\r\nabc",
    "a length with a blank inside": HEAD + b"Content-Length: 3 3\r\n\r\nabc",
    "an empty length": HEAD + b"Content-Length:\r\n\r\n",
    "a length of 2^64 + 3": HEAD + b"Content-Length: 18446744073709551619\r\n\r\nabc",
    "a length and chunks": HEAD
    + b"Content-Length: 39\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": HEAD
    + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two codings": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding twice": HEAD
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding behind a vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a coding before a colon with a blank": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /metrics HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare line feed after the first line": b"GET /-/healthy HTTP/1.1\nHost: a\r\n\r\n",
    "a bare line feed after a header": b"GET /-/healthy HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "a bare line feed at the end of the head": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\n",
    "only bare line feeds": b"GET /-/healthy HTTP/1.1\nHost: a\n\n",
    "a bare line feed before the request": b"\nGET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n",
    "a bare carriage return": b"GET /-/healthy HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "a folded header": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "a folded length": HEAD + b"Content-Length:\r\n 3\r\n\r\nabc",
    "a NUL in a header": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "a NUL in a name": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n",
    "a NUL in the path": b"GET /-/healthy\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header without a colon": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n",
    "a header without a name": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "a method with a strange letter": b"GE\x7fT /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n",
    "two blanks in the first line": b"GET  /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n",
    "two hosts": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two authorizations": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n"
    b"Authorization: Basic Yjpj\r\n\r\n",
    "a chunk that ends in a line feed": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    "a chunk extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer than it says": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a trailer": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nContent-Length: 3\r\n\r\n",
}
SOUND = {
    "a request": SECOND,
    "one behind an empty line": b"\r\n" + SECOND,
    "a chunked body": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
    "chunks in capitals": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: Chunked\r\n\r\n"
    b"0\r\n\r\n",
    "a body with a length": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n\nabc\n",
    "a header with a tab and Latin-1": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nX:\ta\xe4\t\r\n\r\n",
    "a body that is a request": b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nContent-Length: 36\r\n\r\n"
    + SECOND,
}


def exchange(exporter, data, pieces=1):
    with exporter.connect() as connection:
        step = max(1, (len(data) + pieces - 1) // pieces)
        try:
            for at in range(0, len(data), step):
                connection.sendall(data[at : at + step])
                if pieces > 1:
                    time.sleep(0.001)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it may have hung up
        return statuses(read_all(connection))


def check_ambiguous(exporter):
    before = refused(exporter, "malformed")
    for name, data in AMBIGUOUS.items():
        for pieces in (1, 7):
            got = exchange(exporter, data + SECOND, pieces)
            tap.ok(
                f"{name} in {pieces} piece(s) is refused, and nothing behind it is served",
                # The library writes the head of its own 400 about a length twice.
                got and set(got) <= {400, 405, 413},
                got,
            )
    counted = refused(exporter, "malformed") - before
    tap.within("they are counted", counted, len(AMBIGUOUS), 2 * len(AMBIGUOUS))
    for name, data in SOUND.items():
        tap.equal(
            f"{name} is served, and the next one too", exchange(exporter, data + SECOND), [200, 200]
        )


def check_slow(exporter):
    """Each sends a piece every second: the deadline is absolute, whatever trickles in."""
    cases = {
        "nothing": (b"", b"", HEAD_SECONDS),
        "a byte of the head a second": (b"GET /metrics HTTP/1.1\r\nX: ", b"y", HEAD_SECONDS),
        "an empty line a second": (b"\r\n", b"\r\n", HEAD_SECONDS),
        "a byte of a body a second": (
            b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n",
            b"z",
            REQUEST_SECONDS,
        ),
    }
    begin = time.monotonic()
    open_now, ended = {}, {}
    for name, (first, _, _) in cases.items():
        connection = exporter.connect()
        connection.sendall(first)
        open_now[connection] = name
    later = exporter.connect()
    later.sendall(SECOND)
    later.recv(65536)
    time.sleep(1)
    second_begin = time.monotonic()
    later.sendall(b"GET /metrics HTTP/1.1\r\nX:")
    open_now[later] = "a second request"
    while open_now and time.monotonic() - begin < REQUEST_SECONDS + SECONDS:
        readable = select.select(list(open_now), [], [], 0.2)[0]
        for connection in list(open_now):
            name = open_now[connection]
            try:
                gone = connection in readable and not connection.recv(65536)
                if not gone and name in cases:
                    connection.send(cases[name][1])
            except OSError:
                gone = True
            if gone:
                ended[name] = time.monotonic() - begin
                connection.close()
                del open_now[connection]
    for name, (_, _, limit) in cases.items():
        tap.within(
            f"who sends {name} is cut after {limit} s", ended.get(name), limit - 0.2, limit + 1.5
        )
    tap.within(
        "a second request that stops in its head is cut after 10 s, too",
        ended.get("a second request", 0) - (second_begin - begin),
        HEAD_SECONDS - 0.2,
        HEAD_SECONDS + 1.5,
    )
    tap.within("they are counted", refused(exporter, "too_slow"), len(cases) + 1, len(cases) + 1)


def check_thousand(exporter):
    fds = exporter.fds()
    crowd = []
    kept = exporter.connect("127.0.1.1")
    kept.sendall(SECOND)
    kept.recv(65536)
    for i in range(1000):
        crowd.append(exporter.connect(f"127.0.2.{1 + i % 100}"))
    begin = time.monotonic()
    with exporter.connect("127.0.0.9") as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = read_all(connection)
    took = time.monotonic() - begin
    tap.equal("behind 1,000 silent connections a scrape is answered", statuses(answer), [200])
    tap.within("within a second", took, 0, 1)
    # Those that were cut close when the server comes round to them.
    limit = time.monotonic() + 5
    while exporter.fds() - fds > CLIENTS_MAX + 4 and time.monotonic() < limit:
        time.sleep(0.02)
    tap.within("so many stay open", exporter.fds() - fds, 100, CLIENTS_MAX + 4)
    kept.sendall(SECOND)
    tap.equal("who was served before is not the one to go", statuses(kept.recv(65536)), [200])
    tap.within(
        "those who had to go are counted", refused(exporter, "evicted"), 1000 - CLIENTS_MAX, 1010
    )
    kept.close()
    for connection in crowd:
        connection.close()
    crowd = [exporter.connect() for _ in range(1000)]
    begin = time.monotonic()
    with exporter.connect("127.0.0.9") as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = read_all(connection)
    tap.equal("from one address, too", statuses(answer), [200])
    tap.within("in time", time.monotonic() - begin, 0, 1)
    with exporter.connect() as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        tap.equal("even for one more of that address", statuses(read_all(connection)), [200])
    for connection in crowd:
        connection.close()
    half = []
    for i in range(1000):
        connection = exporter.connect(f"127.0.3.{1 + i % 100}")
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 8000)
        half.append(connection)
    begin = time.monotonic()
    with exporter.connect("127.0.0.9") as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        answer = read_all(connection)
    tap.equal("behind 1,000 half requests, too", statuses(answer), [200])
    tap.within("in time, again", time.monotonic() - begin, 0, 1)
    for connection in half:
        connection.close()


def main():
    with Exporter() as exporter:
        check_ambiguous(exporter)
        tap.equal("it lives", exporter.process.poll(), None)
    with Exporter() as exporter:
        check_thousand(exporter)
        tap.equal("it still lives", exporter.process.poll(), None)
    with Exporter() as exporter:
        check_slow(exporter)
    tap.done()


main()
