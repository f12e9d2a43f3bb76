#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small UDP name server for tests, driven by a table.

usage: dns_server.py ADDRESS PORT TABLE.json

TABLE: {name: {"a": [v4…], "aaaa": [v6…], "cname": name, "rcode": 2|3|5, "aaaa_rcode": n,
               "delay_ms": n, "silent": true, "uncompressed": true, "reversed": true}}.
A name that is not in the table does not exist (NXDOMAIN). CNAMEs are followed inside the table and
the whole chain is answered, from its end if "reversed". SIGHUP reads the table again. Prints "ready" once it listens.
"""
import heapq
import ipaddress
import json
import select
import signal
import socket
import struct
import sys
import time

TYPE_A, TYPE_CNAME, TYPE_AAAA = 1, 5, 28
NXDOMAIN = 3
FLAGS = 0x8180  # response, recursion desired and available


class Message:
    """Builds an answer; a suffix that was written before is replaced by a pointer to it."""

    def __init__(self, head, compress):
        self.data = bytearray(head)
        self.compress = compress
        self.known = {}

    def name(self, name):
        labels = name.split(".")
        while labels:
            suffix = ".".join(labels).lower()
            if self.compress and suffix in self.known:
                self.data += struct.pack("!H", 0xC000 | self.known[suffix])
                return
            self.known.setdefault(suffix, len(self.data))
            label = labels.pop(0).encode("ascii")
            self.data += bytes([len(label)]) + label
        self.data += b"\0"

    def record(self, owner, kind, payload, ttl=60):
        self.name(owner)
        self.data += struct.pack("!HHI", kind, 1, ttl)
        at = len(self.data)
        self.data += b"\0\0"
        if kind == TYPE_CNAME:
            self.name(payload)
        else:
            self.data += ipaddress.ip_address(payload).packed
        struct.pack_into("!H", self.data, at, len(self.data) - at - 2)


def parse_question(query):
    """(name as sent, type, end of the question) of a query; None for anything else."""
    if len(query) < 17 or query[2] & 0x80 or struct.unpack_from("!H", query, 4)[0] != 1:
        return None
    labels, at = [], 12
    while at < len(query) and query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace"))
        at += 1 + query[at]
    if at + 5 > len(query):
        return None
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], at + 5


def answer(table, query):
    """(answer, delay in ms); (None, 0) when there is none."""
    question = parse_question(query)
    if not question:
        return None, 0
    name, kind, end = question
    row = table.get(name.lower())
    if row and row.get("silent"):
        return None, 0
    rcode = NXDOMAIN if row is None else row.get("rcode", 0)
    if row and kind == TYPE_AAAA:
        rcode = row.get("aaaa_rcode", rcode)
    records, owner, at = [], name, row
    while at and not rcode:
        if "cname" in at:
            records.append((owner, TYPE_CNAME, at["cname"]))
            owner, at = at["cname"], table.get(at["cname"].lower())
            continue
        wanted = {TYPE_A: at.get("a", []), TYPE_AAAA: at.get("aaaa", [])}.get(kind, [])
        records += [(owner, kind, address) for address in wanted]
        break
    message = Message(
        query[:2] + struct.pack("!HHHHH", FLAGS | rcode, 1, len(records), 0, 0),
        not (row and row.get("uncompressed")),
    )
    message.name(name)
    message.data += query[end - 4 : end]
    for record in reversed(records) if row and row.get("reversed") else records:
        message.record(*record)
    return bytes(message.data), (row or {}).get("delay_ms", 0)


def main(address, port, path):
    def load():
        with open(path, encoding="utf-8") as table:
            return {name.lower(): row for name, row in json.load(table).items()}

    table = load()
    again = []
    signal.signal(signal.SIGHUP, lambda *_: again.append(1))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((address, int(port)))
    print("ready", flush=True)
    waiting = []
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, message, client = heapq.heappop(waiting)
            server.sendto(message, client)
        timeout = max(0, waiting[0][0] - now) if waiting else 0.2
        readable, _, _ = select.select([server], [], [], min(timeout, 0.2))
        if again:
            again.clear()
            table = load()
            print("loaded", flush=True)
        if not readable:
            continue
        query, client = server.recvfrom(4096)
        message, delay = answer(table, query)
        if message:
            heapq.heappush(
                waiting, (time.monotonic() + delay / 1000, time.monotonic_ns(), message, client)
            )


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
