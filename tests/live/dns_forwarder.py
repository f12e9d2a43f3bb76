#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A name server of the host itself that passes every question on, as systemd-resolved does.

usage: dns_forwarder.py ADDRESS SERVER      Prints "ready" once it listens.
"""
import select
import signal
import socket
import sys


def main(address, server):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    front.bind((address, 53))
    back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    back.connect((server, 53))
    waiting, number = {}, 0
    print("ready", flush=True)
    while True:
        for ready in select.select([front, back], [], [])[0]:
            message, peer = ready.recvfrom(4096)
            if ready is front:
                number = number % 65535 + 1
                waiting[number] = message[:2], peer
                back.send(number.to_bytes(2, "big") + message[2:])
            elif int.from_bytes(message[:2], "big") in waiting:
                asked, peer = waiting.pop(int.from_bytes(message[:2], "big"))
                front.sendto(asked + message[2:], peer)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
