# SPDX-License-Identifier: Apache-2.0
"""SslStream's way: memory BIOs, several connections, each call on whatever thread of a pool is free.

Plan options: shim (the library's path), connections. Certificates are not looked at: it is not their test.
"""
import ctypes
import queue
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from report import HOST, PLAN, PORT, report

SHIM = ctypes.CDLL(PLAN["shim"])
for name in ("SslCtxCreate", "SslCreate", "CreateMemoryBio"):
    getattr(SHIM, f"CryptoNative_{name}").restype = ctypes.c_void_p
CONTEXT = ctypes.c_void_p(SHIM.CryptoNative_SslCtxCreate())
WANT_READ = 2
ROOM = 1 << 16


class Stream:
    """One SslStream: whoever uses it holds its lock, as SslStream's user does."""

    def __init__(self):
        self.ssl = ctypes.c_void_p(SHIM.CryptoNative_SslCreate(CONTEXT))
        self.received = ctypes.c_void_p(SHIM.CryptoNative_CreateMemoryBio())
        self.to_send = ctypes.c_void_p(SHIM.CryptoNative_CreateMemoryBio())
        SHIM.CryptoNative_SslSetBio(self.ssl, self.received, self.to_send)
        SHIM.CryptoNative_SslSetTlsExtHostName(self.ssl, HOST.encode())
        SHIM.CryptoNative_SslSetConnectState(self.ssl)
        self.error = ctypes.c_int32()
        self.buffer = ctypes.create_string_buffer(ROOM)
        self.socket = socket.create_connection((HOST, PORT))
        while SHIM.CryptoNative_SslDoHandshake(self.ssl, ctypes.byref(self.error)) != 1:
            self.flush()
            self.fill()
        self.flush()

    def flush(self):
        while True:
            size = SHIM.CryptoNative_BioRead(self.to_send, self.buffer, ROOM)
            if size <= 0:
                return
            self.socket.sendall(self.buffer.raw[:size])

    def fill(self):
        data = self.socket.recv(ROOM)
        if not data:
            raise EOFError("closed by the server")
        SHIM.CryptoNative_BioWrite(self.received, data, len(data))

    def write(self, data):
        while data:
            size = SHIM.CryptoNative_SslWrite(
                self.ssl, data, min(len(data), 16384), ctypes.byref(self.error)
            )
            self.flush()
            data = data[size:]

    def read(self):
        while True:
            size = SHIM.CryptoNative_SslRead(
                self.ssl, self.buffer, ROOM, ctypes.byref(self.error)
            )
            if size > 0:
                return self.buffer.raw[:size]
            if self.error.value != WANT_READ:
                raise EOFError(f"error {self.error.value}")
            self.fill()

    def call(self, request):
        size = request.get("body") or 0
        head = f"{request['method']} {request['path']} HTTP/1.1\r\nHost: {HOST}\r\n"
        begin = time.monotonic_ns()
        self.write(f"{head}Content-Length: {size}\r\n\r\n".encode() + b"b" * size)
        answer = self.read()
        while b"\r\n\r\n" not in answer:
            answer += self.read()
        head, body = answer.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = fields.get(b"content-length")
        while len(body) < int(length) if length else not body.endswith(b"0\r\n\r\n"):
            body += self.read()
        return int(head.split()[1]), time.monotonic_ns() - begin


streams = queue.Queue()
for _ in range(PLAN.get("connections", 1)):
    streams.put(Stream())
printing = threading.Lock()


def one(request):
    stream = streams.get()
    status, ns = stream.call(request)
    streams.put(stream)
    with printing:
        report(status, ns=ns)


with ThreadPoolExecutor(PLAN.get("connections", 1) * 2) as pool:
    list(pool.map(one, PLAN["requests"]))
while not streams.empty():
    SHIM.CryptoNative_SslDestroy(streams.get().ssl)
