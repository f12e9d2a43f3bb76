# SPDX-License-Identifier: Apache-2.0
"""A connection that a child inherits. Plan options: before (requests that the parent makes), daemon (it ends then)."""
import os
import socket
import time

from report import HOST, PLAN, PORT, context, report

plain = socket.create_connection((HOST, PORT))
connection = context().wrap_socket(plain, server_hostname=HOST)
file = connection.makefile("rb")


def answer():
    status = int(file.readline().split()[1])
    size = 0
    while line := file.readline().strip():
        name, value = line.split(b":", 1)
        size = int(value) if name.lower() == b"content-length" else size
    file.read(size)
    return status


def play(requests):
    for request in requests:
        begin = time.monotonic_ns()
        head = f"{request['method']} {request['path']} HTTP/1.1\r\nHost: {HOST}\r\n"
        body = b"b" * (request.get("body") or 0)
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        report(answer(), begin)


before = PLAN.get("before", 0)
play(PLAN["requests"][:before])
child = os.fork()
if not child:
    play(PLAN["requests"][before:])
    os._exit(0)
if not PLAN.get("daemon"):
    os.waitpid(child, 0)
os._exit(0)
