# SPDX-License-Identifier: Apache-2.0
"""The truth server's side of an HTTP/2 connection: every stream is answered in its own time.

A request's query says how, as over HTTP/1 (truth_server.py): status, delay, held, size, retry_after,
info=N (1xx answers before the final one), trailers=1, pad=N (a head of N kB, in CONTINUATIONs),
end=reset (RST_STREAM after the head), end=hang (never answered; both with at=body: after half of the
body), end=goaway (this stream and all after it are refused), end=farewell (a GOAWAY that refuses
nothing, and the answer), end=close, end=abort (the connection is closed, or reset), table=N
(SETTINGS_HEADER_TABLE_SIZE).
"""
import select
import time
from urllib.parse import parse_qsl, urlsplit

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
import hyperframe.frame

now = time.monotonic_ns


class Stream:
    def __init__(self, number, first, fields):
        fields = {name.decode(): value.decode("latin-1") for name, value in fields}
        url = urlsplit(fields[":path"])
        self.number, self.wish, self.left, self.due = number, dict(parse_qsl(url.query)), None, None
        self.row = {
            "method": fields[":method"],
            "path": url.path,
            "host": fields.get(":authority"),
            "received": 0,
            "head_first": first,
            "status": int(self.wish.get("status", 200)),
        }
        if "retry_after" in self.wish:
            self.row["retry_after"] = int(self.wish["retry_after"])


class Http2:
    """connection: receives by receive() and `arrived`, sends by send(), writes down by record()."""

    def __init__(self, connection):
        self.connection, self.streams = connection, {}
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self.h2 = h2.connection.H2Connection(config)

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.connection.send(data)

    def serve(self):
        self.h2.initiate_connection()
        self.flush()
        try:
            while self.turn():
                pass
        finally:
            for stream in list(self.streams.values()):
                self.over(stream, "client_left")

    def turn(self):
        waits = [stream.due - now() for stream in self.streams.values() if stream.due]
        sock = self.connection.sock
        pause = max(0, min(waits)) / 1e9 if waits else None
        if sock.pending() or select.select([sock], [], [], pause)[0]:
            for event in self.h2.receive_data(self.connection.receive()):
                if isinstance(event, h2.events.ConnectionTerminated):
                    return False
                self.take(event)
        going = all([self.answer(stream) for stream in self.ready() if stream.number in self.streams])
        self.flush()
        return going

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            stream = Stream(event.stream_id, self.connection.arrived, event.headers)
            self.streams[event.stream_id] = stream
            return
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if stream:
                stream.row["received"] += len(event.data)
        elif isinstance(event, h2.events.StreamEnded) and stream:
            stream.row["request_done"] = now()
            stream.due = now() + int(stream.wish.get("delay", 0)) * 1_000_000
        elif isinstance(event, h2.events.StreamReset) and stream:
            self.over(stream, "client_left")

    def ready(self):
        for stream in self.streams.values():
            if stream.due and self.connection.held(stream.wish):
                stream.due = max(stream.due, now() + 2_000_000)
        return [
            stream
            for stream in list(self.streams.values())
            if stream.left is not None
            or (stream.due and stream.due <= now() and not self.connection.held(stream.wish))
        ]

    def over(self, stream, ended):
        del self.streams[stream.number]
        self.connection.record({"response_last": now(), **stream.row, "ended": ended})

    def answer(self, stream):
        """Goes on with the answer as far as the windows let it. False: the connection is to end."""
        end, half = stream.wish.get("end"), stream.wish.get("at") == "body"
        stream.due = None
        if end == "hang" and not half:
            return True
        if end == "abort":
            self.connection.reset()
            return False
        if end == "farewell" and stream.left is None:
            self.flush()
            last = max(self.h2.highest_inbound_stream_id, stream.number)
            frame = hyperframe.frame.GoAwayFrame(0, last_stream_id=last)
            self.connection.send(frame.serialize())
        if end == "goaway":
            self.flush()
            frame = hyperframe.frame.GoAwayFrame(0, last_stream_id=stream.number - 2)
            self.connection.send(frame.serialize())
            for refused in [row for row in self.streams.values() if row.number >= stream.number]:
                self.over(refused, "refused")
            return True
        if end == "close":
            return False
        if stream.left is None:
            self.head(stream)
        if end == "reset" and not half:
            self.h2.reset_stream(stream.number, h2.errors.ErrorCodes.INTERNAL_ERROR)
            self.flush()
            self.over(stream, "reset")
            return True
        if stream.number in self.streams:
            self.body(stream)
        return True

    def head(self, stream):
        status, wish = stream.row["status"], stream.wish
        if "table" in wish:
            setting = h2.settings.SettingCodes.HEADER_TABLE_SIZE
            self.h2.update_settings({setting: int(wish["table"])})
        for _ in range(int(wish.get("info", 0))):
            self.h2.send_headers(stream.number, [(":status", wish.get("code", "103"))])
        fields = [(":status", str(status)), ("server", "truth"), ("x-number", str(stream.number))]
        if "retry_after" in wish:
            fields.append(("retry-after", wish["retry_after"]))
        fields += [(f"x-pad-{n}", "p" * 1000) for n in range(int(wish.get("pad", 0)))]
        bodiless = stream.row["method"] == "HEAD" or status in (204, 304)
        body = b"x" * int(wish["size"]) if "size" in wish else b'{"ok":true}'
        stream.left = b"" if bodiless else body[: len(body) // 2] if wish.get("at") else body
        stream.row["response_first"] = stream.row["last_begun"] = now()
        self.h2.send_headers(stream.number, fields, end_stream=bodiless)
        self.flush()
        if bodiless:
            self.over(stream, "complete")

    def body(self, stream):
        number, trailers = stream.number, stream.wish.get("trailers")
        whole = "at" not in stream.wish
        while stream.left:
            size = self.h2.local_flow_control_window(number)
            size = min(size, self.h2.max_outbound_frame_size, len(stream.left))
            if not size:
                return
            stream.row["last_begun"] = now()
            part, stream.left = stream.left[:size], stream.left[size:]
            self.h2.send_data(number, part, end_stream=whole and not stream.left and not trailers)
            self.flush()
        if not whole:
            self.give_up(stream)
            return
        if trailers:
            self.h2.send_headers(number, [("x-sum", "1"), ("grpc-status", "0")], end_stream=True)
            self.flush()
        self.over(stream, "complete")

    def give_up(self, stream):
        """Half of its body was sent."""
        stream.left = None
        if stream.wish["end"] == "reset":
            self.h2.reset_stream(stream.number, h2.errors.ErrorCodes.INTERNAL_ERROR)
            self.flush()
            self.over(stream, "reset")
