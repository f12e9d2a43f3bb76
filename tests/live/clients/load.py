#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Agents and database calls without a pause, and the exact number of both.

usage: load.py AGENT PORT      until SIGTERM; then prints {"agents": N, "calls": N}

Each round starts AGENT and waits for its end, and makes one call to the truth server's mode "tcp" at PORT, always on
the same connection.
"""
import json
import signal
import socket
import struct
import subprocess
import sys
import time

ROUND_SECONDS = 0.05


def call(connection):
    connection.sendall(struct.pack("!III", 0, 100, 0).ljust(64, b"\0"))
    left = 100
    while left:
        data = connection.recv(left)
        if not data:
            sys.exit("load.py: the server is gone")
        left -= len(data)


def main(agent, port):
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    connection = socket.create_connection(("127.0.0.1", int(port)))
    made = {"agents": 0, "calls": 0}
    while not stop:
        begin = time.monotonic()
        if subprocess.call([agent], stdin=subprocess.DEVNULL) != 3:
            sys.exit("load.py: the agent did not end with 3")
        made["agents"] += 1
        call(connection)
        made["calls"] += 1
        time.sleep(max(0.0, begin + ROUND_SECONDS - time.monotonic()))
    connection.close()
    print(json.dumps(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
