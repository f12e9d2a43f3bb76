#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bytes that mean nothing, on watched ports and names: counted, and nothing else comes of them."""
import socket
import struct

from book import CONFIG, Book
from harness import Operaglass, Tap, free_port
from wire import HANDSHAKE, Listener, Wire, record


def test_garbage(book, listener):
    """Bytes that mean nothing, from either side, end no counter and no connection of others."""
    lost = book.operaglass.metrics()
    bad = (
        record(HANDSHAKE, b"\1\0\1\0" + bytes(256)),
        b"\x16\x03\x01\x00\x05\x01\x00\xff\xff\xff",
        b"\x16\x03\x01\x00\x00",
        record(HANDSHAKE, bytes(100)),
        bytes(range(256)) * 40,
        b"\x16" + bytes(20000),
        b"GET / HTTP/1.1\r\nHost: web.test\r\n\r\n",
    )
    for data in bad:
        wire = Wire(listener)
        wire.up(data)
        wire.down(data)
        wire.close()
    want = {("malformed",): 4, ("too_long",): 1}
    got = book.operaglass.wait(
        lambda m: m.by("operaglass_lost_total", "cause", where="client_hello") == want, since=lost
    )
    book.tap.equal(
        "each broken ClientHello is counted by its cause, other protocols are not",
        got.by("operaglass_lost_total", "cause", where="client_hello"),
        want,
    )
    wire = Wire(listener)
    wire.shake_hands("web.test")
    wire.ask(300)
    wire.down(bytes(range(256)) * 20)
    wire.up(bytes(range(256)) * 20)
    wire.down(b"\x17\x03\x03\xff\xff" + bytes(9000))
    wire.close()
    delta = book.operaglass.wait(
        lambda m: m.total("upstream_connections_total", upstream="web") == 1, since=book.before
    )
    book.before = book.operaglass.last
    book.tap.equal(
        "garbage behind a handshake is still one connection",
        delta.total("upstream_connections_total", upstream="web"),
        1,
    )
    book.tap.equal(
        "and is counted as out of step in both directions",
        delta.value("operaglass_lost_total", where="tls_records", cause="out_of_step"),
        2,
    )


def test_garbage_dns(book):
    """Broken name service messages, in both directions."""
    before = book.operaglass.metrics()
    name = b"\3web\4test\0"
    head = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0)
    bad = (
        b"",
        b"\0" * 11,
        head + b"\x3f" + bytes(3),
        head + b"\xc0\x0c\0\1\0\1",
        head + name[:-1],
        struct.pack("!HHHHHH", 7, 0x8180, 1, 0xFFFF, 0, 0) + name + b"\0\1\0\1" + b"\xc0\x0c\0",
        struct.pack("!HHHHHH", 7, 0x0100, 9, 0, 0, 0) + name,
        bytes(range(256)) * 8,
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.77", 53))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.77", 53))
            client.settimeout(5)
            for data in bad:
                client.send(data)
                server.sendto(data, server.recvfrom(4096)[1])
                client.recv(4096)
            # An answer to a question that nobody asked teaches nothing.
            query = head + name + b"\0\1\0\1"
            client.send(query[:2] + b"\1\0" + query[4:])
            peer = server.recvfrom(4096)[1]
            answer = struct.pack("!HHHHHH", 8, 0x8180, 1, 1, 0, 0) + name + b"\0\1\0\1"
            answer += b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([127, 0, 0, 78])
            server.sendto(answer, peer)
            client.recv(4096)
    got = book.operaglass.wait(lambda m: m.total("operaglass_lost_total", where="dns") > 0)
    book.tap.ok(
        "broken messages are counted",
        (got - before).value("operaglass_lost_total", where="dns", cause="malformed") >= 8,
        (got - before).by("operaglass_lost_total", "where", "cause"),
    )
    book.tap.equal(
        "a broken or unasked answer is no resolution",
        (got - before).total("upstream_dns_duration_seconds_count"),
        0,
    )
    book.before = book.operaglass.last


def main():
    tap = Tap()
    port = free_port()
    with Listener("127.0.0.1", port) as listener, Operaglass(CONFIG.format(port=port)) as operaglass:
        book = Book(operaglass, tap)
        test_garbage(book, listener)
        test_garbage_dns(book)
    tap.done()


if __name__ == "__main__":
    main()
