# SPDX-License-Identifier: Apache-2.0
"""TLS as it looks on the wire, byte by byte and without any TLS: for what no library can be made to send.

    with Listener("127.0.0.1") as listener:
        wire = Wire(listener)
        wire.shake_hands("web.test")
        wire.ask(200)
        wire.answer(900)
"""
import fcntl
import os
import socket
import ssl
import struct
import termios
import time

CCS, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
FINISHED_13, CLOSE_NOTIFY_13, TICKET = 53, 19, 250
RESET = struct.pack("ii", 1, 0)


def record(kind, body):
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def client_hello(name, grow=0, tls12=False, offer=()):
    """A real one, with `grow` bytes of padding in front of the other extensions; offer: names for ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if tls12:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if offer:
        context.set_alpn_protocols(offer)
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    message = bytearray(out.read()[5:])
    at = 39 + message[38]
    at += 2 + struct.unpack_from("!H", message, at)[0]
    at += 1 + message[at]
    if grow:
        extension = struct.pack("!HH", 0x3A3A, grow) + bytes(grow)
        size = struct.unpack_from("!H", message, at)[0] + len(extension)
        message[at : at + 2] = struct.pack("!H", size) + extension
        message[1:4] = struct.pack("!I", len(message) - 4)[1:]
    return bytes(message)


def in_records(message, size=16384):
    return b"".join(record(HANDSHAKE, message[i : i + size]) for i in range(0, len(message), size))


def server_hello(tls12=False):
    suite = 0xC02F if tls12 else 0x1301
    body = b"\x03\x03" + os.urandom(32) + b"\x20" + bytes(32) + struct.pack("!HB", suite, 0)
    return record(HANDSHAKE, b"\x02" + struct.pack("!I", len(body) + 40)[1:] + body + bytes(40))


class Listener:
    def __init__(self, address="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.create_server((address, port), family=family, backlog=256)
        self.address, self.port = address, self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def accept(self):
        return self.socket.accept()[0]


class Wire:
    """Both ends of one connection."""

    def __init__(self, listener, family=None, address=None):
        family = family or listener.socket.family
        self.client = socket.socket(family)
        self.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.client.connect((address or listener.address, listener.port))
        self.server = listener.accept()
        self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for end in (self.client, self.server):
            end.settimeout(5)
        self.tls12 = False

    def up(self, *parts):
        """Each part is one write of the client, and has arrived before the next one."""
        for part in parts:
            self.client.sendall(part)
            self.take(self.server, len(part))

    def down(self, *parts):
        for part in parts:
            self.server.sendall(part)
            self.take(self.client, len(part))

    @staticmethod
    def take(end, size):
        while size:
            got = end.recv(min(size, 1 << 20))
            if not got:
                raise RuntimeError("closed")
            size -= len(got)

    def wait_acknowledged(self):
        """What the client has received is counted when its acknowledgement leaves: 200 ms later at most."""
        limit = time.monotonic() + 5
        while struct.unpack("i", fcntl.ioctl(self.server, termios.TIOCOUTQ, bytes(4)))[0]:
            if time.monotonic() > limit:
                raise RuntimeError("not acknowledged")
            time.sleep(0.01)

    def shake_hands(self, name, tls12=False, tickets=2, hello=None, sealed=900):
        """sealed: bytes of the first record that the server seals in TLS 1.3."""
        self.tls12 = tls12
        self.up(*(hello or [in_records(client_hello(name, tls12=tls12))]))
        if tls12:
            self.down(server_hello(True) + record(HANDSHAKE, bytes(900)))
            self.up(
                record(HANDSHAKE, bytes(37)) + record(CCS, b"\1") + record(HANDSHAKE, bytes(40))
            )
            self.down(
                record(HANDSHAKE, bytes(190)) + record(CCS, b"\1") + record(HANDSHAKE, bytes(40))
            )
            return
        self.down(server_hello() + record(CCS, b"\1") + record(DATA, bytes(sealed)))
        self.up(record(CCS, b"\1") + record(DATA, bytes(FINISHED_13)))
        self.tickets(tickets)

    def tickets(self, count):
        if count:
            self.down(record(DATA, bytes(TICKET)) * count)

    def ask(self, *sizes):
        self.up(*(record(DATA, bytes(size)) for size in sizes))

    def answer(self, *sizes):
        self.down(*(record(DATA, bytes(size)) for size in sizes))

    def close_notify(self, end):
        end.sendall(
            record(ALERT, bytes(26)) if self.tls12 else record(DATA, bytes(CLOSE_NOTIFY_13))
        )

    def close(self, first=None):
        """first: the end that closes first, the client by default."""
        first = first or self.client
        second = self.server if first is self.client else self.client
        first.close()
        try:
            while second.recv(1 << 20):
                pass
        except OSError:
            pass
        second.close()

    def reset(self, end):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close(end)
