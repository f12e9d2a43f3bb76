# SPDX-License-Identifier: Apache-2.0
"""A client of our own over `ssl`, for what well-behaved libraries do not do.

Plan options: split=N (every request head in N writes), hold (connect, say "connected", and begin at a
line of input), pipeline (all requests, then all answers), offer (names for ALPN),
read=N (bytes a read), nonblocking (SSL_write is tried again after WANT_WRITE), order ("host-last"),
greet (send the ClientHello, say "greeted", and leave the rest of the handshake to the first write).
"""
import http.client
import io
import select
import socket
import ssl
import sys
import time

from report import HOST, PLAN, PORT, body, context, report


class Stream(io.RawIOBase):
    """The connection as a file that reads as few bytes at a time as the plan says."""

    def __init__(self, sock):
        super().__init__()
        self.sock = sock

    def readable(self):
        return True

    def readinto(self, buffer):
        while True:
            try:
                data = self.sock.recv(min(len(buffer), PLAN.get("read", 65536)))
                break
            except ssl.SSLWantReadError:
                select.select([self.sock], [], [])
        buffer[: len(data)] = data
        return len(data)


class Answers:
    """Lets http.client parse several answers from one stream."""

    def __init__(self, sock):
        self.file = io.BufferedReader(Stream(sock), PLAN.get("read", 65536))
        self.file.close = lambda: None

    def makefile(self, *_):
        return self.file

    def next(self, method):
        answer = http.client.HTTPResponse(self, method=method)
        answer.begin()
        answer.read()
        return answer.status


def head(request):
    content = body(request)
    fields = [("Host", HOST), ("User-Agent", "raw"), *request.get("headers", {}).items()]
    if content is not None:
        fields.append(("Content-Length", len(content)))
    if PLAN.get("order") == "host-last":
        fields.reverse()
    lines = [f"{request['method']} {request['path']} HTTP/1.1"] + [f"{k}: {v}" for k, v in fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def send(sock, data):
    while data:
        try:
            data = data[sock.send(data) :]
        except ssl.SSLWantWriteError:
            select.select([], [sock], [])
        except ssl.SSLWantReadError:
            select.select([sock], [], [])


def greet(sock):
    """A blocking socket's SSL_write does not come back until the handshake is made."""
    sock.setblocking(False)
    try:
        sock.do_handshake()
    except ssl.SSLWantReadError:
        print("greeted", flush=True)
    sock.setblocking(True)


def send_request(sock, request):
    data = head(request)
    step = -(-len(data) // PLAN.get("split", 1))
    for at in range(0, len(data), step):
        send(sock, data[at : at + step])
    send(sock, body(request) or b"")


plain = socket.create_connection((HOST, PORT))
plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
connection = context().wrap_socket(
    plain, server_hostname=HOST, do_handshake_on_connect=not PLAN.get("greet")
)
if PLAN.get("greet"):
    greet(connection)
connection.setblocking(not PLAN.get("nonblocking"))
answers = Answers(connection)
if PLAN.get("hold"):
    print("connected", flush=True)
    sys.stdin.readline()
begins = []
if PLAN.get("pipeline") == "one write":
    begins = [time.monotonic_ns()] * len(PLAN["requests"])
    heads = (head(request) + (body(request) or b"") for request in PLAN["requests"])
    send(connection, b"".join(heads))
elif PLAN.get("pipeline"):
    for request in PLAN["requests"]:
        begins.append(time.monotonic_ns())
        send_request(connection, request)
for number, request in enumerate(PLAN["requests"]):
    if not PLAN.get("pipeline"):
        begins.append(time.monotonic_ns())
        send_request(connection, request)
    report(answers.next(request["method"]), begins[number])
connection.close()
