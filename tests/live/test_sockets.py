#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What is seen of a connection from its packets alone: whose it is, its calls, its end."""
import socket
import threading
import time

from book import Book
from harness import Operaglass, Tap, free_port
from wire import (
    CCS,
    DATA,
    FINISHED_13,
    TICKET,
    Listener,
    Wire,
    client_hello,
    in_records,
    record,
    server_hello,
)


def pieces(data, size):
    return [data[i : i + size] for i in range(0, len(data), size)]


def test_names(book, listener):
    """The ClientHello decides, however it arrives."""
    large = client_hello("web.test", grow=1300)
    ways = (
        ("in one packet", [in_records(large)]),
        ("in packets of 500 bytes", pieces(in_records(large), 500)),
        ("with one byte in the first packet", [in_records(large)[:1], in_records(large)[1:]]),
        ("in packets of 7 bytes", pieces(in_records(client_hello("web.test")), 7)),
        ("in records of 200 bytes", [in_records(large, 200)]),
        ("in records of 300 bytes and packets of 11", pieces(in_records(large, 300), 11)),
        ("of 15,000 bytes", [in_records(client_hello("web.test", grow=15000))]),
        ("of 15,000 bytes in pieces", pieces(in_records(client_hello("web.test", 15000)), 1400)),
        ("in capital letters", [in_records(client_hello("WEB.Test"))]),
    )
    for sentence, hello in ways:
        wire = Wire(listener)
        wire.shake_hands("", hello=hello)
        wire.ask(200)
        wire.answer(900)
        wire.close()
        book.expect(f"a ClientHello {sentence}", calls=1, connections={"encrypted": 1})
    wire = Wire(listener)
    wire.shake_hands("a.b.wild.test")
    wire.ask(200)
    wire.answer(900)
    wire.close()
    book.expect("a name below a wildcard", "wild", calls=1, connections={"encrypted": 1})
    for name in ("wild.test", "notweb.test", "web.test.example", "xwild.test"):
        wire = Wire(listener)
        wire.shake_hands(name)
        wire.ask(200)
        wire.answer(900)
        wire.close()
    book.expect("names that nobody watches: nothing of web")
    book.expect("names that nobody watches: nothing of wild", "wild")


def test_addresses(book, listener, listener6, net):
    """IPv6, IPv4 in IPv6, and a network instead of a name."""
    for sentence, wire in (
        ("IPv6", Wire(listener6)),
        ("IPv4 through an IPv6 socket", Wire(listener, socket.AF_INET6, "::ffff:127.0.0.1")),
    ):
        wire.shake_hands("web.test")
        wire.ask(200)
        wire.answer(900)
        wire.close()
        book.expect(sentence, calls=1, connections={"encrypted": 1})
    wire = Wire(net)
    wire.shake_hands("whatever.example")
    wire.ask(200)
    wire.answer(900)
    wire.close()
    book.expect(
        "a watched network, whatever the name", "net", calls=1, connections={"encrypted": 1}
    )


def test_calls(book, listener):
    """One call from the first data sent to the last received before the next is sent."""
    wire = Wire(listener)
    wire.shake_hands("web.test")
    for _ in range(5):
        wire.ask(300, 16000, 900)
        wire.answer(400, 16000, 16000)
    wire.close_notify(wire.client)
    wire.close()
    book.expect("five calls of several records each", calls=5, connections={"encrypted": 1})

    wire = Wire(listener)
    wire.shake_hands("web.test", tls12=True)
    for _ in range(3):
        wire.ask(300)
        wire.answer(400)
    wire.close_notify(wire.client)
    wire.close()
    book.expect("three calls in TLS 1.2", calls=3, connections={"encrypted": 1})

    wire = Wire(listener)
    wire.shake_hands("web.test")
    stream = b"".join(record(DATA, bytes(size)) for size in (300, 700))
    wire.up(*pieces(stream, 3))
    wire.down(*pieces(stream, 3))
    wire.ask(200)
    wire.answer(80)
    wire.close()
    book.expect("records in packets of three bytes", calls=2, connections={"encrypted": 1})

    wire = Wire(listener)
    wire.shake_hands("web.test")
    wire.up(b"".join(record(DATA, bytes(50)) for _ in range(300)))
    wire.answer(400)
    wire.ask(200)
    wire.answer(400)
    wire.close()
    book.expect("300 records in one packet", calls=2, connections={"encrypted": 1})

    wire = Wire(listener)
    wire.shake_hands("web.test")
    wire.ask(26, 30, 34)
    wire.answer(26, 30)
    wire.close()
    book.expect("control frames of HTTP/2 only", calls=0, connections={"encrypted": 1})


def test_tickets(book, listener):
    """Session tickets are no response, whenever they come."""
    for sentence, before, after in (("before", 2, 0), ("after", 0, 2), ("around", 1, 1)):
        wire = Wire(listener)
        wire.shake_hands("web.test", tickets=before)
        wire.ask(300)
        wire.tickets(after)
        time.sleep(0.12)
        wire.answer(700)
        wire.close()
        delta = book.expect(
            f"tickets {sentence} the request", calls=1, connections={"encrypted": 1}
        )
        book.tap.within(
            f"tickets {sentence} the request: the first byte is the answer's",
            delta.value("upstream_time_to_first_byte_seconds_sum", upstream="web"),
            0.118,
            0.140,
        )
        wire = Wire(listener)
        wire.shake_hands("web.test", tickets=before)
        wire.ask(300)
        wire.tickets(after)
        wire.close(wire.server)
        book.expect(
            f"tickets {sentence} the request and no answer",
            calls=1,
            failures={"closed": 1},
            connections={"encrypted": 1},
        )
    wire = Wire(listener)
    wire.shake_hands("web.test", tickets=0)
    wire.ask(300)
    wire.tickets(1)
    wire.ask(300)
    wire.tickets(1)
    wire.answer(900)
    wire.close()
    book.expect("tickets between two halves of a request", calls=1, connections={"encrypted": 1})


def test_ends(book, listener):
    """How a connection ended decides what an unanswered call failed of."""

    def play(sentence, finish, failures, calls=1):
        wire = Wire(listener)
        wire.shake_hands("web.test")
        if calls:
            wire.ask(300)
        finish(wire)
        book.expect(sentence, calls=calls, failures=failures, connections={"encrypted": 1})

    play("reset by the server", lambda w: w.reset(w.server), {"reset": 1})
    play("closed by the server", lambda w: w.close(w.server), {"closed": 1})
    play("closed by the client", lambda w: w.close(w.client), {"timeout": 1})
    play("reset by the client", lambda w: w.reset(w.client), {"timeout": 1})

    def answered(wire, end):
        wire.answer(400)
        wire.close(end(wire))

    play("answered, closed by the server", lambda w: answered(w, lambda x: x.server), {})
    play("answered, closed by the client", lambda w: answered(w, lambda x: x.client), {})

    def alert(wire):
        wire.close_notify(wire.server)
        wire.take(wire.client, 24)
        wire.close(wire.client)

    play("close_notify instead of an answer", alert, {"closed": 1})
    for sentence, end in (("server", "server"), ("client", "client")):
        play(
            f"idle, closed by the {sentence}",
            lambda w, end=end: w.close(getattr(w, end)),
            {},
            calls=0,
        )

    def half(wire):
        wire.client.shutdown(socket.SHUT_WR)
        wire.answer(400)
        wire.close(wire.server)

    play("answered after the client's half was shut", half, {})


def test_handshakes(book, listener):
    """A handshake that is not completed is one failed call."""
    hello = in_records(client_hello("web.test"))

    def play(sentence, act):
        wire = Wire(listener)
        wire.up(hello)
        act(wire)
        book.expect(sentence, calls=1, failures={"tls_handshake": 1}, connections={"encrypted": 1})

    def alert(wire):
        wire.down(record(21, b"\2\x28"))
        wire.close(wire.server)

    def refused(wire):
        wire.down(server_hello() + record(CCS, b"\1") + record(DATA, bytes(900)))
        wire.up(record(CCS, b"\1") + record(DATA, bytes(19)))
        wire.close(wire.client)

    play("the server's alert", alert)
    play("the server closes", lambda w: w.close(w.server))
    play("the server resets", lambda w: w.reset(w.server))
    play("the client refuses the certificate", refused)
    play("the client gives up", lambda w: w.close(w.client))
    wire = Wire(listener)
    wire.close(wire.client)
    wire = Wire(listener)
    wire.up(hello[:100])
    wire.close(wire.client)
    book.expect("no ClientHello, or half of one: nobody's", calls=0)


def test_bytes_while_it_lives(book, listener):
    wire = Wire(listener)
    wire.shake_hands("web.test")
    wire.wait_acknowledged()
    before = book.operaglass.metrics()
    wire.ask(16000, 16000)
    wire.answer(8000)
    wire.wait_acknowledged()
    delta = book.operaglass.metrics() - before
    book.tap.equal(
        "a living connection shows what it sent and received",
        (
            delta.value("upstream_sent_bytes_total", upstream="web"),
            delta.value("upstream_received_bytes_total", upstream="web"),
        ),
        (32010, 8005),
    )
    delta = book.operaglass.wait(
        lambda m: m.total("upstream_request_duration_seconds_count", upstream="web") == 1,
        since=before,
    )
    book.tap.equal(
        "its call is over when it has been quiet for long enough",
        delta.total("upstream_request_duration_seconds_count", upstream="web"),
        1,
    )
    book.tap.ok(
        "and lasted until the last byte, not until then",
        delta.value(
            "upstream_request_duration_seconds_sum",
            upstream="web",
            endpoint="unknown",
            status_code="unknown",
        )
        < 0.2,
    )
    wire.ask(300)
    wire.answer(300)
    wire.close()
    book.expect("and its next call is counted once", calls=2, connections={"encrypted": 1})


def test_many_at_once(book, listener):
    def life():
        wire = Wire(listener)
        wires.append(wire)

    wires = []
    for _ in range(100):
        life()
    hello = in_records(client_hello("web.test"))
    threads = []
    for number, wire in enumerate(wires):
        parts = pieces(hello, 20 + number)

        def talk(wire=wire, parts=parts):
            wire.shake_hands("", hello=parts)
            for _ in range(10):
                wire.ask(200, 300)
                wire.answer(100, 200)

        threads.append(threading.Thread(target=talk))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = book.operaglass.wait(
        lambda m: m.value("upstream_connections", upstream="web", state="idle") == 100
    )
    book.tap.equal(
        "a hundred open connections are idle",
        got.by("upstream_connections", "state", upstream="web"),
        {("idle",): 100},
    )
    for wire in wires:
        wire.close()
    book.expect(
        "a hundred connections at once, ten calls each", calls=1000, connections={"encrypted": 100}
    )


def test_refused(book, port):
    """The same process tries the same address again: each try is a failed call."""
    for _ in range(3):
        with socket.socket() as client:
            client.connect_ex(("127.0.0.9", port))
    book.expect("refused three times", "net", calls=3, failures={"connect_refused": 3})


def test_early_data(book, listener):
    """TLS 1.3 early data, and a client's certificate in the last flight."""
    wire = Wire(listener)
    wire.up(in_records(client_hello("web.test")) + record(DATA, bytes(300)))
    wire.down(server_hello() + record(CCS, b"\1") + record(DATA, bytes(100)))
    wire.up(record(CCS, b"\1") + record(DATA, bytes(21)) + record(DATA, bytes(FINISHED_13)))
    wire.tickets(2)
    wire.answer(700)
    wire.close()
    book.expect("a request in early data", calls=1, connections={"encrypted": 1})
    for sentence, flight in (
        ("three records", (900, 281, FINISHED_13)),
        ("one record", (1250,)),
        ("an empty certificate", (25, FINISHED_13)),
    ):
        wire = Wire(listener)
        wire.up(in_records(client_hello("web.test")))
        wire.down(server_hello() + record(CCS, b"\1") + record(DATA, bytes(100)))
        wire.up(record(CCS, b"\1") + b"".join(record(DATA, bytes(size)) for size in flight))
        wire.ask(300)
        wire.answer(TICKET + 1)
        wire.close()
        book.expect(f"a client's certificate in {sentence}", calls=1, connections={"encrypted": 1})


def main():
    tap = Tap()
    port = free_port()
    net_port = free_port()
    config = f"""
defaults: false
upstreams:
  - {{name: web, kind: https, hosts: [web.test], ports: [{port}], quiet: 1s}}
  - {{name: wild, kind: https, hosts: ["*.wild.test"], ports: [{port}]}}
  - {{name: net, kind: https, cidrs: [127.0.0.9/32], ports: [{net_port}]}}
"""
    with Listener("127.0.0.1", port) as listener, Listener("::1", port) as listener6:
        with Operaglass(config) as operaglass:
            book = Book(operaglass, tap)
            test_names(book, listener)
            with Listener("127.0.0.9", net_port) as net:
                test_addresses(book, listener, listener6, net)
            test_refused(book, net_port)
            test_calls(book, listener)
            test_tickets(book, listener)
            test_early_data(book, listener)
            test_ends(book, listener)
            test_handshakes(book, listener)
            test_bytes_while_it_lives(book, listener)
            test_many_at_once(book, listener)
    tap.done()


if __name__ == "__main__":
    main()
