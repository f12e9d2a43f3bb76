# SPDX-License-Identifier: Apache-2.0
"""Python's h2 on one TLS connection: all requests at once, or `at_once` at a time.

A request's `cancel`: milliseconds after which its stream is reset by RST_STREAM; `never`: names of fields that
are not to enter the dynamic table. The plan's `window`: bytes of the client's flow control; `read`: bytes of each
read; `write`: of each write; `plain`: no Huffman code; `before`: says "connected" when so many requests are
answered, and makes the others at a line of input; `between`: the same once more; `stop`: bytes after which it says "paused" and waits for three
seconds; `stingy`: gives no more room than `window`; `greet`: says who it is
and reads so often before the first request; `preface`: that goes ahead by itself, as with Rust's h2; `hold`: says "connected" then, and
waits for a line of input; `tls`: "1.2"; `stay`: the connection stays until the input ends; `fork`: after so many
answers a child goes on; `daemon`: its parent ends then.
"""
import os
import select
import socket
import sys
import time

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import hpack
from report import PLAN, context, report

SETTING = h2.settings.SettingCodes.INITIAL_WINDOW_SIZE
PREFACE = 24


class Client:
    def __init__(self):
        tls = context()
        tls.set_alpn_protocols(["h2"])
        plain = socket.create_connection((PLAN["host"], PLAN["port"]))
        self.sock = tls.wrap_socket(plain, server_hostname=PLAN["host"])
        config = h2.config.H2Configuration(client_side=True, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        self.h2.initiate_connection()
        if "window" in PLAN:
            self.h2.update_settings({SETTING: PLAN["window"]})
        if PLAN.get("plain"):
            plain_encode = hpack.Encoder.encode
            encoder = self.h2.encoder
            encoder.encode = lambda fields: plain_encode(encoder, fields, huffman=False)
        self.waiting, self.results, self.alive, self.sent = {}, {}, True, 0
        self.ahead = PREFACE if PLAN.get("preface") else 0
        if PLAN.get("greet"):
            self.flush()
            for _ in range(PLAN["greet"]):
                self.turn()
        if PLAN.get("hold"):
            self.pause()

    @staticmethod
    def pause():
        print("connected", flush=True)
        sys.stdin.readline()

    def flush(self):
        data = self.h2.data_to_send()
        if self.ahead:
            self.sock.sendall(data[: self.ahead])
            data, self.ahead = data[self.ahead :], 0
        step = PLAN.get("write", len(data)) or 1
        stop = PLAN.get("stop", 0) - self.sent
        self.sent += len(data)
        if 0 < stop < len(data):
            self.sock.sendall(data[:stop])
            print("paused", flush=True)
            time.sleep(3)
            data = data[stop:]
        for at in range(0, len(data), step):
            self.sock.sendall(data[at : at + step])

    def request(self, number):
        row = PLAN["requests"][number]
        stream, body = self.h2.get_next_available_stream_id(), row.get("body")
        fields = [
            (":method", row["method"]),
            (":authority", PLAN["host"]),
            (":scheme", "https"),
            (":path", row["path"]),
            *row.get("headers", {}).items(),
        ]
        never = row.get("never", ())
        fields = [
            (hpack.NeverIndexedHeaderTuple if name in never else hpack.HeaderTuple)(name, value)
            for name, value in fields
        ]
        begin = time.monotonic_ns()
        limit = begin + row["cancel"] * 1_000_000 if "cancel" in row else None
        self.waiting[stream] = {"number": number, "begin": begin, "limit": limit, "status": None}
        self.h2.send_headers(stream, fields, end_stream=body is None)
        if body is not None:
            self.h2.send_data(stream, b"b" * body, end_stream=True)
        self.flush()

    def over(self, stream, error=""):
        row = self.waiting.pop(stream, None)
        if row:
            ns = time.monotonic_ns() - row["begin"]
            self.results[row["number"]] = (None if error else row["status"], ns, error)

    def take(self, event):
        stream = getattr(event, "stream_id", None)
        if isinstance(event, h2.events.ResponseReceived) and stream in self.waiting:
            self.waiting[stream]["status"] = int(dict(event.headers)[":status"])
        elif isinstance(event, h2.events.DataReceived) and not PLAN.get("stingy"):
            self.h2.acknowledge_received_data(event.flow_controlled_length, stream)
        elif isinstance(event, h2.events.StreamEnded):
            self.over(stream)
        elif isinstance(event, h2.events.StreamReset):
            self.over(stream, "reset")
        elif isinstance(event, h2.events.ConnectionTerminated):
            for refused in [n for n in self.waiting if n > event.last_stream_id]:
                self.over(refused, "goaway")
            # The library takes any GOAWAY for the end; those below it are still answered.
            self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
            self.alive = bool(self.waiting)

    def turn(self):
        limits = [row["limit"] for row in self.waiting.values() if row["limit"]]
        pause = max(0, min(limits) - time.monotonic_ns()) / 1e9 if limits else 20
        if self.sock.pending() or select.select([self.sock], [], [], pause)[0]:
            data = self.sock.recv(PLAN.get("read", 65536))
            if not data:
                self.alive = False
            for event in self.h2.receive_data(data):
                self.take(event)
        for stream, row in list(self.waiting.items()):
            if row["limit"] and row["limit"] <= time.monotonic_ns():
                self.h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
                self.over(stream, "cancelled")
        if self.alive:
            self.flush()

    def finish(self, numbers):
        """Makes these requests, and waits for what comes of them."""
        left = list(numbers)
        while self.alive and (left or self.waiting):
            while left and len(self.waiting) < PLAN.get("at_once", 1 << 30):
                self.request(left.pop(0))
            self.turn()

    def play(self):
        total, made = len(PLAN["requests"]), 0
        for pause in filter(None, (PLAN.get("before"), PLAN.get("between"))):
            self.finish(range(made, pause))
            made = pause
            self.pause()
        if "fork" in PLAN:
            made = PLAN["fork"]
            self.finish(range(made))
            if os.fork():
                if not PLAN.get("daemon"):
                    os.wait()
                os._exit(0)
        self.finish(range(made, total))
        for number in range(total):
            status, ns, error = self.results.get(number, (None, 0, "closed"))
            report(status, ns=ns, error=error)


CLIENT = Client()
CLIENT.play()
if PLAN.get("stay"):
    sys.stdin.read()
