# SPDX-License-Identifier: Apache-2.0
"""A pool of plain TCP connections to a database, told what to do line by line on its input.

open N                        opens N connections
query FIRST N DELAY_US SIZE   N queries, round robin over the pool from connection FIRST
start C DELAY_US SIZE         sends a query on connection C and does not wait
finish C SIZE                 waits for its answer
"""
import socket
import struct
import sys

HOST, PORT = sys.argv[1], int(sys.argv[2])
pool = []


def send(connection, delay, size):
    connection.sendall(struct.pack("!III", delay, size, 0).ljust(64, b"q"))


def finish(connection, size):
    while size:
        size -= len(connection.recv(size))


for line in sys.stdin:
    word, *numbers = line.split()
    numbers = [int(number) for number in numbers]
    if word == "open":
        pool += [socket.create_connection((HOST, PORT)) for _ in range(numbers[0])]
    elif word == "query":
        first, count, delay, size = numbers
        for number in range(count):
            connection = pool[(first + number) % len(pool)]
            send(connection, delay, size)
            finish(connection, size)
    elif word == "start":
        send(pool[numbers[0]], *numbers[1:])
    elif word == "finish":
        finish(pool[numbers[0]], numbers[1])
    print("done", flush=True)
