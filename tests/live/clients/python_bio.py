# SPDX-License-Identifier: Apache-2.0
"""TLS on a memory BIO of our own, and a ClientHello as large and as split as the plan says.

Plan options: alpn=N (bytes of protocol names in the ClientHello), hello=[N, …] (where to cut it),
pause=S (after each answer).
"""
import http.client
import socket
import ssl
import time

from report import HOST, PLAN, PORT, body, context, report


class Connection:
    def __init__(self):
        self.sock = socket.create_connection((HOST, PORT))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        made = context()
        names = [f"x{number:06d}" for number in range(PLAN.get("alpn", 0) // 8)]
        made.set_alpn_protocols([*names, "http/1.1"])
        self.tls = made.wrap_bio(self.incoming, self.outgoing, server_hostname=HOST)

    def flush(self, cuts=()):
        data, begin = self.outgoing.read(), 0
        for cut in [*cuts, len(data)]:
            if begin < cut <= len(data):
                self.sock.sendall(data[begin:cut])
                time.sleep(0.005 if cut < len(data) else 0)
                begin = cut

    def repeat(self, operation, *arguments):
        """Until the operation needs nothing more of the socket."""
        while True:
            try:
                result = operation(*arguments)
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush(PLAN.get("hello", ()))
                data = self.sock.recv(65536)
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()

    # What http.client asks of a socket.
    def sendall(self, data):
        self.repeat(self.tls.write, data)

    def makefile(self, *_):
        return self

    def readline(self, limit):
        line = b""
        while not line.endswith(b"\n") and len(line) < limit:
            line += self.read(1)
        return line

    def read(self, size=65536):
        return self.repeat(self.tls.read, size)

    def close(self):
        pass


connection = Connection()
connection.repeat(connection.tls.do_handshake)


def answer_to(request):
    content = body(request)
    begin = time.monotonic_ns()
    head = f"{request['method']} {request['path']} HTTP/1.1\r\nHost: {HOST}\r\n"
    if content is not None:
        head += f"Content-Length: {len(content)}\r\n"
    connection.sendall(head.encode() + b"\r\n" + (content or b""))
    answer = http.client.HTTPResponse(connection, method=request["method"])
    answer.begin()
    left = int(answer.headers["Content-Length"])
    while left:
        left -= len(connection.read(left))
    report(answer.status, begin)
    time.sleep(PLAN.get("pause", 0))


for one in PLAN["requests"]:
    try:
        answer_to(one)
    except OSError as error:
        report(error=error)
connection.sock.close()
