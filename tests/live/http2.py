# SPDX-License-Identifier: Apache-2.0
"""As little HTTP/2 as a client needs to take every stream for answered with 200."""
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Http2:
    """connection: receives by take() and `arrived`, sends by send(), writes down by record()."""

    DATA, HEADERS, SETTINGS, PING, GOAWAY = 0, 1, 4, 6, 7

    def __init__(self, connection):
        self.connection = connection

    def frame(self, kind, flags, stream, payload=b""):
        return (
            struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload
        )

    def serve(self):
        if self.connection.take(len(PREFACE)) != PREFACE:
            return
        self.connection.send(self.frame(self.SETTINGS, 0, 0))
        begin = {}
        while True:
            head = self.connection.take(9)
            size, kind, flags, stream = (
                int.from_bytes(head[:3], "big"),
                head[3],
                head[4],
                int.from_bytes(head[5:], "big"),
            )
            first = self.connection.arrived
            payload = self.connection.take(size)
            if kind == self.SETTINGS and not flags & 1:
                self.connection.send(self.frame(self.SETTINGS, 1, 0))
            elif kind == self.PING and not flags & 1:
                self.connection.send(self.frame(self.PING, 1, 0, payload))
            elif kind == self.GOAWAY:
                return
            if kind == self.HEADERS:
                begin[stream] = first
            if kind in (self.HEADERS, self.DATA) and flags & 1:
                answer = self.frame(self.HEADERS, 4, stream, b"\x88") + self.frame(
                    self.DATA, 1, stream, b'{"ok":true}'
                )
                row = {
                    "head_first": begin.pop(stream),
                    "request_done": time.monotonic_ns(),
                    "response_first": time.monotonic_ns(),
                }
                self.connection.send(answer)
                self.connection.record(
                    {
                        **row,
                        "status": 200,
                        "response_last": time.monotonic_ns(),
                        "ended": "complete",
                    }
                )
