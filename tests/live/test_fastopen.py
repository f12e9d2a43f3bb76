#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TCP Fast Open: the ClientHello travels in the SYN, or connect() returns before there is one.

usage: test_fastopen.py [PORT]      PORT: play the connections here, inside the test's namespace
"""
import os
import socket
import subprocess
import sys

from book import CONFIG, Book
from harness import Operaglass, Tap, free_port
from network import Network, run
from wire import CCS, DATA, FINISHED_13, Wire, client_hello, in_records, record, server_hello

TCP_FASTOPEN, TCP_FASTOPEN_CONNECT = 23, 30


class Fast(Wire):
    """A connection whose first bytes are handed over together with the address."""

    def __init__(self, server, port, first, deferred):
        self.client = socket.socket()
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if deferred:
            self.client.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
            self.client.connect(("127.0.0.1", port))
            self.client.sendall(first)
        else:
            self.client.sendto(first, socket.MSG_FASTOPEN, ("127.0.0.1", port))
        self.server = server.accept()[0]
        self.tls12 = False
        self.take(self.server, len(first))


def play(port):
    hello = in_records(client_hello("web.test"))
    server = socket.create_server(("127.0.0.1", port))
    server.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 16)
    for deferred in (False, False, True, True):
        wire = Fast(server, port, hello, deferred)
        wire.down(server_hello() + record(CCS, b"\1") + record(DATA, bytes(900)))
        wire.up(record(CCS, b"\1") + record(DATA, bytes(FINISHED_13)))
        wire.tickets(2)
        for _ in range(3):
            wire.ask(300)
            wire.answer(700)
        wire.close()
    with open("/proc/net/netstat", encoding="ascii") as file:
        lines = [line.split() for line in file if line.startswith("TcpExt:")]
    print(dict(zip(*lines))["TCPFastOpenActive"])


def main():
    tap = Tap()
    port = free_port()
    with Network("fastopen") as network, Operaglass(CONFIG.format(port=port)) as operaglass:
        book = Book(operaglass, tap)
        run(*network.in_client(["sysctl", "-qw", "net.ipv4.tcp_fastopen=3"]))
        done = subprocess.run(
            network.in_client(["/usr/bin/python3", os.path.abspath(__file__), str(port)]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
        )
        tap.equal("three of four ClientHellos were in the SYN", done.stdout.strip(), "3")
        delta = book.expect(
            "with fast open every connection and call is counted",
            calls=12,
            connections={"encrypted": 4},
        )
        for stage in ("connect", "tls_handshake"):
            tap.equal(
                f"and each has its {stage.replace('_', ' ')} time",
                delta.value(f"upstream_{stage}_duration_seconds_count", upstream="web"),
                4,
            )
    tap.done()


if __name__ == "__main__":
    if len(sys.argv) == 2:
        play(int(sys.argv[1]))
    else:
        main()
