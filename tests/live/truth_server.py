#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server that does what the request asks for and writes down what really happened, and when.

usage: truth_server.py CONFIG.json

CONFIG: {"truth": FILE, "certificate": FILE, "key": FILE, "files": DIRECTORY,
         "listeners": [{"address", "port", "mode", "alpn": […]}]}.
Modes: "https"; "tcp" (64-byte requests, see TcpConnection); and servers that fail the handshake:
"handshake-close", "handshake-garbage", "handshake-reset", "handshake-hang". Prints "ready" once
everything listens.

A request says in its query how it wants to be answered:
  status=429 retry_after=5 size=N    what is answered (size: bytes of the body)
  pad=N                              N header fields of a thousand bytes each come first
  delay=MS info=N code=100|103       before the head: wait; then N interim answers
  as=length|chunked|close|none       framing of the body; trailers=1 after the last chunk
  pieces=N gap=MS one=1              the body in N writes, MS between them; all one byte a write
  end=close|reset|hang|notify        give up; `notify` says close_notify and leaves the closing of
  at=head|body                       TCP to the client; instead of the head, or after half the body
  held=NAME                          before the head, or after half the body (at=body), wait until
                                     there is a file of this name in the directory of files
  idle=MS idle_end=reset             close (or reset) the connection when nothing follows for so long
  freeze=1                           after the answer the whole server stands still until SIGCONT
A path whose first segment is in the directory of files is answered with what lies there, else with 404.
One JSON line per request goes to the truth file when it is over (see `record`).
"""
import json
import os
import select
import signal
import socket
import ssl
import sys
import time
from urllib.parse import parse_qsl, urlsplit

from http2 import Http2
from truth_connection import BrokenHandshake, Connection, Gone, TcpConnection, Truth, now

REASONS = {
    200: "OK",
    204: "No Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}
INTERIM = {
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
}


class HttpsConnection(Connection):
    def serve(self):
        try:
            self.sock = self.listener["context"].wrap_socket(self.sock, server_side=True)
        except (ssl.SSLError, OSError) as error:
            self.record({"ended": "handshake-failed", "error": str(error), "response_last": now()})
            return
        self.about |= {
            "handshake_done": now(),
            "sni": getattr(self.sock, "name_asked", None),
            "tls": self.sock.version(),
            "alpn": self.sock.selected_alpn_protocol(),
        }
        self.idle = None
        if self.about["alpn"] == "h2":
            Http2(self).serve()
            return
        while self.one_request():
            pass

    def wait_for_request(self):
        """False when nothing came for as long as the last request asked to wait."""
        if self.idle is None or self.buffer or self.sock.pending():
            return True
        return bool(select.select([self.sock], [], [], self.idle / 1000)[0])

    def one_request(self):
        if not self.wait_for_request():
            self.idle_end()
            return False
        if not self.buffer:
            self.buffer = self.receive()
        begin = self.arrived
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.receive()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        if lines[0].count(" ") < 2:
            return False
        method, target, version = lines[0].split(" ", 2)
        fields = {
            k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])
        }
        if fields.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.read_body(fields)
        url = urlsplit(target)
        wish = dict(parse_qsl(url.query))
        row = {
            "method": method,
            "path": url.path,
            "host": fields.get("host"),
            "received": body,
            "head_first": begin,
            "request_done": now(),
            "status": int(wish.get("status", 200)),
        }
        self.take_file(url.path, wish, row)
        if "retry_after" in wish:
            row["retry_after"] = int(wish["retry_after"])
        keep = fields.get("connection", "").lower() != "close" and version != "HTTP/1.0"
        self.idle = int(wish["idle"]) if "idle" in wish else None
        self.idle_end = self.reset if wish.get("idle_end") == "reset" else self.close_politely
        try:
            ended = self.answer(method, wish, keep, row)
        except Gone:
            ended = "client_left"
        row["ended"] = ended
        row.setdefault("response_last", now())
        self.record(row)
        if "freeze" in wish:
            os.kill(os.getpid(), signal.SIGSTOP)
        if ended == "complete" and wish.get("as") == "close":
            self.close_politely()
            return False
        return ended == "complete" and keep

    def take_file(self, path, wish, row):
        directory, first = self.listener["files"], "".join(path.split("/")[1:2])
        wish.pop("file", None)
        if first in ("", "..") or not os.path.isdir(f"{directory}/{first}"):
            return
        wish.clear()
        if os.path.isfile(directory + path) and ".." not in path:
            wish["file"] = directory + path
        else:
            row["status"] = wish["status"] = 404

    def read_body(self, fields):
        if "chunked" not in fields.get("transfer-encoding", ""):
            left = int(fields.get("content-length", 0))
            total = left
            while left:
                if not self.buffer:
                    self.buffer = self.receive()
                part = min(left, len(self.buffer))
                self.buffer, left = self.buffer[part:], left - part
            return total
        total = 0
        while True:
            while b"\r\n" not in self.buffer:
                self.buffer += self.receive()
            size, self.buffer = self.buffer.split(b"\r\n", 1)
            size = int(size.split(b";")[0], 16)
            self.take(size + 2)
            total += size
            if not size:
                return total

    def answer(self, method, wish, keep, row):
        time.sleep(int(wish.get("delay", 0)) / 1000)
        if wish.get("at", "head") == "head":
            self.wait_until_released(wish)
        for _ in range(int(wish.get("info", 0))):
            self.send(INTERIM[wish.get("code", "100")])
        if "end" in wish and wish.get("at", "head") == "head":
            return self.give_up(wish["end"])
        head, parts = self.build(method, wish, keep)
        if wish.get("one"):
            parts = [bytes([b]) for b in head + b"".join(parts)]
        else:
            parts = [head + parts[0], *parts[1:]] if parts else [head]
        stop = len(parts) // 2 + 1 if "end" in wish else len(parts)
        row["response_first"] = now()
        row["writes"] = stop
        for at, part in enumerate(parts[:stop]):
            if at and "gap" in wish:
                time.sleep(int(wish["gap"]) / 1000)
            if at == len(parts) // 2 and wish.get("at") == "body":
                self.wait_until_released(wish)
            row["last_begun"] = now()
            self.send(part)
        row["response_last"] = now()
        return self.give_up(wish["end"]) if "end" in wish else "complete"

    def held(self, wish):
        return "held" in wish and not os.path.exists(f"{self.listener['files']}/{wish['held']}")

    def wait_until_released(self, wish):
        while self.held(wish):
            time.sleep(0.002)

    @staticmethod
    def build(method, wish, keep):
        """The head, and the writes that carry the body."""
        status = int(wish.get("status", 200))
        lines = [
            f"HTTP/1.1 {status} {REASONS.get(status, 'Some')}",
            "Server: truth",
            "Content-Type: application/json",
        ]
        body = b'{"ok":%s}' % (b"true" if status < 400 else b"false")
        if "size" in wish:
            body = b"x" * int(wish["size"])
        if "file" in wish:
            with open(wish["file"], "rb") as file:
                body = file.read()
        if "pad" in wish:
            lines += [f"X-Pad-{n}: {'p' * 1000}" for n in range(int(wish["pad"]))]
        if "retry_after" in wish:
            lines.append(f"Retry-After: {wish['retry_after']}")
        if not keep or wish.get("as") == "close":
            lines.append("Connection: close")
        bodiless = method == "HEAD" or status in (204, 304)
        framing = "none" if bodiless and status != 200 else wish.get("as", "length")
        count = max(1, int(wish.get("pieces", 1)))
        step = max(1, -(-len(body) // count))
        pieces = [body[i : i + step] for i in range(0, len(body), step)]
        if framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
            pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
            pieces.append(b"0\r\nX-Sum: 1\r\n\r\n" if wish.get("trailers") else b"0\r\n\r\n")
        elif framing == "length":
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode(), [] if bodiless else pieces

    def give_up(self, how):
        if how == "reset":
            self.reset()
        elif how == "hang":
            try:
                self.wait_until_client_leaves()
            except Gone:
                return "client_left"
        elif how == "close":
            self.close_politely()
        elif how == "notify":
            self.sock.unwrap()
        return {"reset": "reset"}.get(how, "closed")

    def close_politely(self):
        """close_notify and FIN, waiting for nothing."""
        self.sock.setblocking(False)
        try:
            self.sock.unwrap()
        except (OSError, ValueError):
            pass
        self.sock.close()


def context_for(listener, config):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config["certificate"], config["key"])
    context.set_alpn_protocols(listener.get("alpn", ["http/1.1"]))

    def note_name(sock, name, _):
        sock.name_asked = name

    context.sni_callback = note_name
    return context


def main(path):
    with open(path, encoding="utf-8") as file:
        config = json.load(file)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    truth = Truth(config["truth"])
    poll, listeners = select.poll(), {}
    for listener in config["listeners"]:
        listener["files"] = config.get("files")
        family = socket.AF_INET6 if ":" in listener["address"] else socket.AF_INET
        server = socket.create_server(
            (listener["address"], listener["port"]), family=family, backlog=512
        )
        if listener["mode"] == "https":
            listener["context"] = context_for(listener, config)
        listeners[server.fileno()] = (server, listener)
        poll.register(server, select.POLLIN)
    print("ready", flush=True)
    speaks = {"https": HttpsConnection, "tcp": TcpConnection}
    while True:
        for fd, _ in poll.poll():
            server, listener = listeners[fd]
            sock, peer = server.accept()
            speaks.get(listener["mode"], BrokenHandshake)(sock, peer, listener, truth).start()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
