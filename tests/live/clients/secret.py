#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Requests of every shape, most of them wrong, that hold secrets.

Plan: report.py's, and "writes": lists of texts; each list is one connection, each text one SSL_write. "pause": seconds
to stay in the middle of the first one after its first write. Prints a line for each connection.
"""
import socket
import time

from report import HOST, PLAN, PORT, context, report


def answer(connection):
    """The first line of what comes within half a second."""
    connection.settimeout(0.5)
    try:
        return connection.recv(65536).split(b"\r\n")[0].decode("latin-1")
    except TimeoutError:
        return None


for number, writes in enumerate(PLAN["writes"]):
    plain = socket.create_connection((HOST, PORT))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = context().wrap_socket(plain, server_hostname=HOST)
    try:
        for at, text in enumerate(writes):
            connection.sendall(text.encode("latin-1"))
            if number == 0 and at == 0 and PLAN.get("pause"):
                print("paused", flush=True)
                time.sleep(PLAN["pause"])
        report(answer(connection))
    except OSError as error:
        report(error=error)
    connection.close()
