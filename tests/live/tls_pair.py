# SPDX-License-Identifier: Apache-2.0
"""Both ends of one TLS connection in this process: each call is one write and one read of each of them."""
import socket
import ssl
import threading

import certificates

NAME = "api.telegram.org"
CONFIG = "upstreams:\n  - {{name: telegram, kind: telegram, hosts: [api.telegram.org], ports: [{port}]}}\n"
REQUEST = f"GET /bot1:A/getMe HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Pair:
    def __init__(self, directory, port):
        pair = certificates.server_pair(directory)
        self.server, self.client = (ssl.SSLContext(kind) for kind in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT))
        self.server.load_cert_chain(*pair)
        self.client.check_hostname, self.client.verify_mode = False, ssl.CERT_NONE
        self.listener = socket.create_server(("127.0.0.1", port))
        thread = threading.Thread(target=self.accept)
        thread.start()
        self.near = self.client.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=NAME)
        thread.join()

    def accept(self):
        self.far = self.server.wrap_socket(self.listener.accept()[0], server_side=True)

    def play(self, count):
        for _ in range(count):
            self.near.sendall(REQUEST)
            if self.far.recv(4096) != REQUEST:
                raise RuntimeError("the request came in parts")
            self.far.sendall(ANSWER)
            if self.near.recv(4096) != ANSWER:
                raise RuntimeError("the answer came in parts")

    def close(self):
        for end in (self.near, self.far, self.listener):
            end.close()
