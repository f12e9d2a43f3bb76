#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A connection that fails to an address which only a chain of CNAMEs names is a failed call of the name in front.

No ClientHello ever says that name. Every address is used once: what is known of it is known from its own chain.
"""
import ledger
import network
from harness import Operaglass, Tap
from scene import SETTLE_SECONDS, UNKNOWN, Scene, call
from stage import NAME, Stage
from test_connect import connection_failure

CONFIG = """
upstreams:
  - {name: wild, kind: https, hosts: ["*.wild.example"]}
"""
LINKS = ("edge.bots.cdn.example", "Pool-7.eu.bots.cdn.example", "h3.other.example")
CLIENTS = ("curl", "python_sync", "go")
DNS = "upstream_dns_duration_seconds"
DELAY_MS = 60
WAYS = {"compressed": {}, "uncompressed": {"uncompressed": True}, "addresses first": {"reversed": True}}


class Addresses:
    """Addresses that nobody has used yet, by the way a connection to them fails: (IPv4, IPv6)."""

    def __init__(self, stage):
        self.client, self.server = (["ip", "-n", name] for name in (stage.network.client, stage.network.server))
        self.number = 100

    def next(self):
        self.number += 1
        return f"10.77.0.{self.number}", f"fd00:77::{self.number}"

    def refuses(self):
        for address, bits in zip(pair := self.next(), (24, 64)):
            network.run(*self.server, "addr", "add", f"{address}/{bits}", "dev", "veth1")
        return pair

    def silent(self):
        for address in (pair := self.next()):
            neighbour = "lladdr 02:00:00:00:00:99 dev veth0 nud permanent".split()
            network.run(*self.client, "neigh", "replace", address, *neighbour)
        return pair

    def without_route(self):
        four, six = self.next()
        network.run(*self.client, "route", "add", "unreachable", f"{six}/128")
        return four.replace("10.77.0", "192.0.2"), six

    def unreachable(self):
        """By word of a router."""
        four = self.next()[0].replace("10.77", "10.80")
        network.run(*self.client, "route", "add", f"{four}/32", "via", network.SERVER4)
        network.run(*self.server, "route", "add", f"{four}/32", "dev", "veth1")
        return four, None


def chain(scene, name, last, **row):
    """name, the links, and the addresses of the last one; row: how the server answers who asks for the name."""
    stage, names = scene.stage, [name, *LINKS]
    for owner, target in zip(names, names[1:]):
        stage.names[owner] = {"cname": target}
    stage.names[name].update(delay_ms=DELAY_MS, **row)
    stage.set_name(names[-1].lower(), **last)


def fails(scene, sentence, error, last, way="compressed", clients=CLIENTS, **plan):
    chain(scene, NAME, last, **WAYS[way])
    before = scene.operaglass.metrics()
    connection_failure(scene, f"{sentence}, {way}", error, clients, rounds=1, **plan)
    delta = scene.operaglass.last - before
    times = delta.value(DNS + "_count", upstream="telegram"), delta.value(DNS + "_sum", upstream="telegram")
    scene.tap.equal(f"{sentence}, {way}: each client's look-up is one", times[0], len(clients))
    scene.tap.within(
        f"{sentence}, {way}: and took as long as the server did", times[1] / len(clients), 0.060, 0.120
    )
    scene.tap.equal(
        f"{sentence}, {way}: no connection has a connect time or a name",
        (
            delta.total("upstream_connect_duration_seconds_count"),
            delta.total("upstream_connections_total"),
        ),
        (0, 0),
    )


def test_refused(scene):
    for way in WAYS:
        clients = ("go",) if way == "addresses first" else CLIENTS  # the C library wants the links in their order
        for index, family in enumerate(("a", "aaaa")):
            last = {family: [scene.addresses.refuses()[index]]}
            fails(scene, f"refused ({family})", "connect_refused", last, way, clients)


def test_others(scene):
    addresses = scene.addresses
    for index, family in enumerate(("a", "aaaa")):
        silent, routeless = addresses.silent()[index], addresses.without_route()[index]
        fails(
            scene,
            f"no answer to SYN ({family})",
            "connect_timeout",
            {family: [silent]},
            clients=("curl",),
            connect_timeout=1,
        )
        fails(scene, f"no route ({family})", "unreachable", {family: [routeless]})
    fails(scene, "a router says unreachable", "unreachable", {"a": [addresses.unreachable()[0]]})


def test_wildcard(scene):
    chain(scene, "a.b.wild.example", {"a": [scene.addresses.refuses()[0]]})
    scene.stage.play("curl", [call("getMe")], host="a.b.wild.example")
    want = {"requests": {UNKNOWN: 1}, "failures": {("unknown", "connect_refused"): 1}}

    def seen(metrics):
        book = ledger.booked(metrics, "wild")
        return {table: book[table] for table in want}

    delta = scene.wait(lambda m: seen(m) == want, SETTLE_SECONDS)
    scene.tap.equal("a name below a wildcard is its upstream's", seen(delta), want)
    scene.tap.equal("and nobody else's", ledger.booked(delta)["requests"], {})


def test_unwatched(scene):
    """The links are those of watched names, and watched by nobody themselves."""
    chain(scene, "shop.example", {"a": [scene.addresses.refuses()[0]]})
    for host in ("shop.example", LINKS[0], LINKS[-1].lower()):
        scene.stage.play("curl", [call("getMe")], host=host)
    fails(scene, "after such of an unwatched name", "connect_refused", {"a": [scene.addresses.refuses()[0]]})


def main():
    tap = Tap()
    with Stage("cnames") as stage, Operaglass(CONFIG) as operaglass:
        scene = Scene(operaglass, stage, tap)
        scene.addresses = Addresses(stage)
        scene.run([test_refused, test_others, test_wildcard, test_unwatched])
    tap.done()


if __name__ == "__main__":
    main()
