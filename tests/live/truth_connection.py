# SPDX-License-Identifier: Apache-2.0
"""Connections of the truth server, and those on which no HTTP is spoken."""
import json
import os
import socket
import struct
import threading
import time

NO_LINGER = struct.pack("ii", 1, 0)
now = time.monotonic_ns


class Truth:
    """The file of what happened; one line a request, appended whole."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, row):
        os.write(self.file, (json.dumps(row) + "\n").encode())


class Gone(Exception):
    """The client left."""


class Connection(threading.Thread):
    """One accepted connection; subclasses say what is spoken on it."""

    number = 0

    def __init__(self, sock, peer, listener, truth):
        super().__init__(daemon=True)
        Connection.number += 1
        self.sock, self.listener, self.truth = sock, listener, truth
        self.index = 0
        self.buffer = b""
        self.arrived = 0
        self.about = {
            "connection": Connection.number,
            "client": peer[0],
            "client_port": peer[1],
            "server": listener["address"],
            "port": listener["port"],
            "accepted": now(),
        }

    def run(self):
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.serve()
        except (Gone, OSError):
            pass
        finally:
            self.sock.close()

    def receive(self, size=65536):
        try:
            data = self.sock.recv(size)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        self.arrived = now()
        return data

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone from error

    def take(self, count):
        while len(self.buffer) < count:
            self.buffer += self.receive()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def wait_until_client_leaves(self):
        while True:
            self.receive()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self.sock.close()

    def record(self, row):
        """row: method, path, status, ended, and times in ns of CLOCK_MONOTONIC."""
        self.truth.write({**self.about, "index": self.index, **row})
        self.index += 1


class BrokenHandshake(Connection):
    """Takes the ClientHello and then fails in the way the mode says."""

    def serve(self):
        mode = self.listener["mode"]
        self.receive()
        if mode == "handshake-garbage":
            self.send(b"SSH-2.0-this is not TLS\r\n" * 4)
            time.sleep(0.05)
        elif mode == "handshake-hang":
            try:
                self.wait_until_client_leaves()
            except Gone:
                pass
        elif mode == "handshake-reset":
            self.reset()
        self.record({"ended": mode, "response_last": now()})


class TcpConnection(Connection):
    """Requests of 64 bytes: u32 delay in us, u32 bytes to answer, u32 1 to close instead."""

    def serve(self):
        while True:
            first = not self.buffer
            request = self.take(64)
            begin = self.arrived if first else now()
            delay, size, end = struct.unpack_from("!III", request)
            time.sleep(delay / 1e6)
            row = {"head_first": begin, "request_done": begin, "response_first": now()}
            if end:
                self.record({**row, "ended": "closed"})
                return
            self.send(b"d" * size)
            self.record({**row, "response_last": now(), "ended": "complete", "size": size})
