# SPDX-License-Identifier: Apache-2.0
"""Python's h2 on a connection of its own for each request; all stay open until the last one is answered."""
import socket
import ssl
import time

import h2.config
import h2.connection
import h2.events
from report import PLAN, report

CONTEXT = ssl.create_default_context(cafile=PLAN["ca"])
CONTEXT.set_alpn_protocols(["h2"])


def one(request):
    plain = socket.create_connection((PLAN["host"], PLAN["port"]))
    sock = CONTEXT.wrap_socket(plain, server_hostname=PLAN["host"])
    peer = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    peer.initiate_connection()
    begin, status, over = time.monotonic_ns(), None, False
    fields = [
        (":method", request["method"]),
        (":authority", PLAN["host"]),
        (":scheme", "https"),
        (":path", request["path"]),
    ]
    peer.send_headers(1, fields, end_stream=True)
    while not over:
        sock.sendall(peer.data_to_send())
        for event in peer.receive_data(sock.recv(65536)):
            if isinstance(event, h2.events.ResponseReceived):
                status = int(dict(event.headers)[":status"])
            over = over or isinstance(event, h2.events.StreamEnded)
    report(status, since=begin)
    return sock


OPEN = [one(request) for request in PLAN["requests"]]
