# SPDX-License-Identifier: Apache-2.0
"""A client of our own over `ssl`, for what well-behaved libraries do not do.

Of a request: field=N (one of its header fields has N bytes). Plan options: split=N (every request head in N
writes), hold (connect, say "connected", and begin at a line of input), pipeline (all requests, then all answers),
warm=N (the first N one after the other all the same, each in one write), offer (names for ALPN), buffer=N
(SO_SNDBUF; says "blocked" when it is full for the first time), read=N (bytes a read), nonblocking (SSL_write is
tried again after WANT_WRITE), order ("host-last"), greet (send the ClientHello, say "greeted", and leave the rest of
the handshake to the first write).
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
    if request.get("field"):
        fields.append(("X-Long", "x" * request["field"]))
    if PLAN.get("order") == "host-last":
        fields.reverse()
    lines = [f"{request['method']} {request['path']} HTTP/1.1"] + [f"{k}: {v}" for k, v in fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def send(sock, data):
    while data:
        try:
            data = data[sock.send(data) :]
        except ssl.SSLWantWriteError:
            if PLAN.pop("buffer", None):
                print("blocked", flush=True)
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


def send_request(sock, request, split=1):
    data = head(request)
    step = -(-len(data) // split)
    for at in range(0, len(data), step):
        send(sock, data[at : at + step])
    send(sock, body(request) or b"")


plain = socket.create_connection((HOST, PORT))
plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
if PLAN.get("buffer"):
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PLAN["buffer"])
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
warm, requests = PLAN["requests"][: PLAN.get("warm", 0)], PLAN["requests"][PLAN.get("warm", 0) :]
for request in warm:
    begin = time.monotonic_ns()
    send_request(connection, request)
    report(answers.next(request["method"]), begin)
if PLAN.get("pipeline") == "one write":
    begins = [time.monotonic_ns()] * len(requests)
    heads = (head(request) + (body(request) or b"") for request in requests)
    send(connection, b"".join(heads))
elif PLAN.get("pipeline"):
    for request in requests:
        begins.append(time.monotonic_ns())
        send_request(connection, request, PLAN.get("split", 1))
for number, request in enumerate(requests):
    if not PLAN.get("pipeline"):
        begins.append(time.monotonic_ns())
        send_request(connection, request, PLAN.get("split", 1))
    report(answers.next(request["method"]), begins[number])
connection.close()
