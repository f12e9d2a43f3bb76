#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The exporter against bad, many and slow clients: it lives on, and gives back what they took."""
import os
import select
import socket
import time

from exporter import FIRST_REQUEST_SECONDS, SECONDS, Exporter, wait_for
from harness import Tap

CONNECTIONS_PER_IP = 64

tap = Tap()


BAD_REQUESTS = {
    "random bytes": os.urandom(4096),
    "NUL bytes": bytes(1000),
    "only line ends": b"\r\n" * 5000,
    "an endless first line": b"GET /" + b"a" * 300000,
    "an endless header": b"GET / HTTP/1.1\r\nHost: " + b"a" * 300000,
    "ten thousand headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 10000 + b"\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost a\r\n\r\n",
    "two lengths": b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\nabc",
    "a negative length": b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "a gigantic length": b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "a length that is none": b"GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0x10\r\n\r\n",
    "a length and chunks": b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "a chunk of 2^64": b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/9.9": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "an HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100),
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(512),
    "no host": b"GET /metrics HTTP/1.1\r\n\r\n",
    "bytes above ASCII in a path": b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
    "an Accept of 10 KiB": b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: "
    + b"a/b;q=0.1," * 1000
    + b"\r\n\r\n",
    "a hundred Accept lines": b"GET /metrics HTTP/1.1\r\nHost: a\r\n"
    + b'Accept: a/b,"\r\n' * 100
    + b"\r\n",
    "an end in the middle": b"GET /metr",
}


def check_bad_requests(exporter):
    for name, data in BAD_REQUESTS.items():
        with exporter.connect() as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                pass  # it may hang up early
        alive = exporter.process.poll() is None and exporter.get("/-/healthy").code == 200
        if not tap.ok(f"it lives on after {name}", alive, exporter.read_log()):
            return
    with exporter.connect() as connection:
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        connection.shutdown(socket.SHUT_WR)
        data = b""
        while more := connection.recv(65536):
            data += more
    tap.equal("twenty pipelined requests get twenty answers and an end", data.count(b"200 OK"), 20)


def check_many(exporter, fds):
    crowd = [exporter.connect() for _ in range(3 * CONNECTIONS_PER_IP)]
    tap.ok(
        "a crowd from one address does not shut out another",
        exporter.get(source="127.0.0.2").code == 200,
    )
    tap.ok(
        "and has no more than its share",
        # The other address' connection may still be about to close.
        wait_for(lambda: exporter.fds() <= fds + CONNECTIONS_PER_IP),
        exporter.fds() - fds,
    )
    for connection in crowd:
        connection.close()
    tap.ok(
        "when it is gone, every descriptor is free",
        wait_for(lambda: exporter.fds() <= fds),
        (exporter.fds(), fds),
    )
    tap.equal("and its address is served again", exporter.get().code, 200)


def check_slow(exporter):
    """One sends a byte every 50 ms, one connects and says nothing: both are cut, in bounded time."""
    begin = time.monotonic()
    slow, quiet = exporter.connect(), exporter.connect()
    request = iter(b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 10000)
    ended = {}
    while len(ended) < 2 and time.monotonic() - begin < FIRST_REQUEST_SECONDS + SECONDS:
        for connection in select.select([c for c in (slow, quiet) if c not in ended], [], [], 0.05)[
            0
        ]:
            try:
                connection.recv(65536)
            except ConnectionResetError:
                pass
            ended[connection] = time.monotonic() - begin
        if slow not in ended:
            try:
                slow.send(bytes([next(request)]))
            except OSError:
                ended[slow] = time.monotonic() - begin
    low, high = FIRST_REQUEST_SECONDS - 0.1, FIRST_REQUEST_SECONDS + 1.5
    tap.within(
        "a client that sends a byte at a time is cut after ten seconds", ended.get(slow), low, high
    )
    tap.within("a client that says nothing too", ended.get(quiet), low, high)
    slow.close()
    quiet.close()


def main():
    with Exporter() as exporter:
        fds = wait_for(lambda: exporter.get("/-/healthy") and exporter.fds())
        check_bad_requests(exporter)
        tap.ok(
            "no descriptor leaked",
            wait_for(lambda: exporter.fds() == fds, FIRST_REQUEST_SECONDS + SECONDS),
            (exporter.fds(), fds),
        )
        check_many(exporter, exporter.fds())
        check_slow(exporter)
        tap.ok("it logged no error", "level=error" not in exporter.read_log(), exporter.read_log())
    tap.done()


main()
