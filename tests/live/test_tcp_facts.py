#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What TCP knows of a connection is what the kernel tells its owner: round trips, packets sent again, time to connect.

usage: test_tcp_facts.py [server | client]      an end of the connection, inside one of the test's namespaces
"""
import json
import os
import socket
import struct
import subprocess
import sys

import maps
from harness import Child, Operaglass, Tap
from network import SERVER4, Network, run

PORT = 5599
CONFIG = f"defaults: false\nupstreams:\n  - {{name: store, kind: tcp, ports: [{PORT}]}}\n"
# Many segments, which the kernel keeps and sends in larger pieces: sixty of them at most.
SIZE, MUCH = 500, 80_000
# struct tcp_info of linux/tcp.h
RTT_AT, TOTAL_RETRANS_AT, INFO_SIZE = 68, 100, 104
NOBODY = "02:00:00:00:00:98"  # a hardware address that nobody has: what is sent there is lost
STORE = {"upstream": "store"}
RETRANSMITS, TRIPS = "upstream_retransmits_total", "upstream_round_trip_seconds"
CONNECTS = "upstream_connect_duration_seconds"
OPEN, OPENED = "upstream_connections", "upstream_connections_total"
NO_SOCKET = struct.pack("Q", 8)  # an address at which the kernel has nothing


def serve():
    with socket.create_server((SERVER4, PORT)) as server:
        print("ready", flush=True)
        while True:
            connection = server.accept()[0]
            try:
                while data := connection.recv(SIZE, socket.MSG_WAITALL):
                    connection.sendall(data)
            except ConnectionResetError:
                pass
            connection.close()


def facts(connection):
    """(smoothed round trip in microseconds, segments sent again), by the kernel's own word."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_SIZE)
    return struct.unpack_from("I", info, RTT_AT)[0], struct.unpack_from("I", info, TOTAL_RETRANS_AT)[0]


def talk():
    """Does what lines of input say; a line of JSON for each."""
    connection = None
    for line in sys.stdin:
        word, result = line.strip(), None
        if word == "open":
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex((SERVER4, PORT))
        elif word == "send":
            connection.setblocking(True)
            connection.send(bytes(SIZE))
        elif word == "send much":
            connection.setblocking(True)
            connection.sendall(bytes(MUCH))
        elif word == "receive":
            result = len(connection.recv(SIZE, socket.MSG_WAITALL))
        elif word == "receive much":
            result = len(connection.recv(MUCH, socket.MSG_WAITALL))
        elif word == "facts":
            result = facts(connection)
        elif word == "reset":
            # Nothing is acknowledged after it: what was known before is what is known at the end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        print(json.dumps(result), flush=True)


class World:
    def __init__(self, network, operaglass, tap):
        self.network, self.operaglass, self.tap = network, operaglass, tap
        here = ["/usr/bin/python3", os.path.abspath(__file__)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.server = Child(network.in_server([*here, "server"]), **pipes)
        if self.server.line() != "ready\n":
            raise RuntimeError("the server is not ready")
        self.client = Child(network.in_client([*here, "client"]), **pipes)
        link = json.loads(run("ip", "-n", network.server, "-j", "link", "show", "veth1"))
        self.address = link[0]["address"]
        self.neighbour(self.address)

    def end(self):
        for process in (self.client, self.server):
            process.kill()
            process.communicate()

    def neighbour(self, address):
        """Where the client's packets to the server go."""
        where = ("lladdr", address, "dev", "veth0", "nud", "permanent")
        run("ip", "-n", self.network.client, "neigh", "replace", SERVER4, *where)

    def tell(self, word):
        self.client.stdin.write(word + "\n")
        self.client.stdin.flush()
        return json.loads(self.client.line())

    def exchange(self):
        self.tell("send")
        return self.tell("receive")

    def until_sent_again(self, times):
        """Waits until the client's kernel has sent so many segments again."""
        return self.operaglass.wait(lambda m: self.tell("facts")[1] >= times, 10)

    def ends(self, sentence, before):
        """Resets the connection; what is counted of it is what its kernel said."""
        trip, again = self.tell("facts")
        self.tell("reset")
        got = self.operaglass.wait(lambda m: m.value(TRIPS + "_count", **STORE) == 1, 5, since=before)
        self.tap.equal(
            f"{sentence}: its smoothed round trip is the kernel's, to the microsecond",
            (got.value(TRIPS + "_count", **STORE), round(got.value(TRIPS + "_sum", **STORE) * 1e6)),
            (1, trip),
        )
        self.tap.equal(
            f"{sentence}: so is the number of segments that were sent again",
            got.value(RETRANSMITS, **STORE),
            again,
        )
        return got, again


def test_quiet(world):
    before = world.operaglass.metrics()
    world.tell("open")
    world.tap.equal("an answer", world.exchange(), SIZE)
    _, again = world.ends("nothing is lost", before)
    world.tap.equal("which is none", again, 0)


def test_lost_data(world):
    before = world.operaglass.metrics()
    world.tell("open")
    world.exchange()
    world.neighbour(NOBODY)
    world.tell("send")
    world.until_sent_again(3)
    got = world.operaglass.metrics() - before
    world.tap.ok(
        "while packets are lost, a living connection says so",
        got.value(RETRANSMITS, **STORE) >= 3,
        got.value(RETRANSMITS, **STORE),
    )
    world.neighbour(world.address)
    world.tap.equal("the answer comes in the end", world.tell("receive"), SIZE)
    world.ends("data is lost", before)


def test_much_is_lost(world):
    """When it recovers, the kernel sends several segments again as one packet that a device would cut."""
    before = world.operaglass.metrics()
    world.tell("open")
    for _ in range(4):
        world.tell("send much")
        world.tell("receive much")
    world.neighbour(NOBODY)
    world.tell("send much")
    world.until_sent_again(1)
    world.neighbour(world.address)
    world.tap.equal("everything comes in the end", world.tell("receive much"), MUCH)
    _, again = world.ends("a window is lost", before)
    world.tap.ok("which are many", again > 10, again)


def test_lost_syn(world):
    before = world.operaglass.metrics()
    world.neighbour(NOBODY)
    world.tell("open")
    got = world.operaglass.wait(
        lambda m: m.value("upstream_connections", state="connecting", **STORE) == 1, 2
    )
    world.tap.equal(
        "before its SYN is answered a connection is connecting",
        got.by("upstream_connections", "state", **STORE),
        {("connecting",): 1},
    )
    world.neighbour(world.address)
    got = world.operaglass.wait(
        lambda m: m.value("upstream_connections", state="idle", **STORE) == 1, 5
    )
    world.tap.equal(
        "then it is idle", got.by("upstream_connections", "state", **STORE), {("idle",): 1}
    )
    world.tap.equal("and is answered", world.exchange(), SIZE)
    got, again = world.ends("a SYN is lost", before)
    world.tap.equal("which is the one", again, 1)
    # The kernel sends a SYN again after a second.
    world.tap.within(
        "connecting took the second until the next one",
        got.value(CONNECTS + "_sum", **STORE),
        0.99,
        1.2,
    )
    world.tap.equal("and is in no bucket below it", below(got, CONNECTS, 0.9), 0)


def test_missed_end(world):
    """A row that no socket has any more: a copy of a connection's that has yet to say something."""
    before = world.operaglass.metrics()
    world.tell("open")
    world.operaglass.wait(lambda m: m.value(OPEN, state="idle", **STORE) == 1)
    value = bytes(int(byte, 16) for byte in maps.dump(world.operaglass, "connections")[0]["value"])
    maps.put(world.operaglass, "connections", NO_SOCKET, NO_SOCKET + value[len(NO_SOCKET) :])
    got = world.operaglass.wait(lambda m: m.total(OPENED) == 1, 5, since=before)
    world.tap.equal(
        "a connection whose end was missed is counted once, by what its row said",
        got.by(OPENED, "upstream", "visibility"),
        {("store", "plain"): 1},
    )
    world.tap.equal(
        "and its row goes, alone",
        maps.settled(world.operaglass, {"connections": 1}),
        {"connections": 1},
    )
    world.tell("reset")
    got = world.operaglass.wait(lambda m: m.total(OPENED) == 2, 5, since=before)
    world.tap.equal(
        "the other one is counted at its end",
        got.by(OPENED, "upstream", "visibility"),
        {("store", "plain"): 2},
    )


def below(metrics, family, bound):
    """How many values are in buckets up to this bound."""
    rows = metrics.rows(f"{family}_bucket", **STORE).items()
    return max((value for key, value in rows if float(dict(key)["le"]) <= bound), default=0)


def main():
    tap = Tap()
    with Network("facts", syn_retries=3) as network, Operaglass(CONFIG) as operaglass:
        world = World(network, operaglass, tap)
        try:
            for test in (test_quiet, test_lost_data, test_much_is_lost, test_lost_syn, test_missed_end):
                test(world)
        finally:
            world.end()
    tap.done()


if __name__ == "__main__":
    {"server": serve, "client": talk}.get("".join(sys.argv[1:]), main)()
