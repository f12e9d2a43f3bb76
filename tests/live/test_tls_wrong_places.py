#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A file whose calls do not fit its probes is probed otherwise: outside of its functions, then not at all."""
import struct

import maps
from tls_world import LIBSSL_PROBES, World

SLOT = struct.Struct("=QQIIQQQ")  # the beginning of struct tls_slot, to `misfits`


def bytes_of(row):
    return bytes(int(byte, 16) for byte in row)


def misfit(world, path):
    """As if a call of this file had moved more than it could."""
    slot = int(world.pins(path)[0].split("_")[3], 16)
    rows = {int.from_bytes(bytes_of(row["key"]), "little"): bytes_of(row["value"])
            for row in maps.dump(world.og, "tls_slots")}
    fields = list(SLOT.unpack_from(rows[slot]))
    fields[-1] = 1
    maps.put(world.og, "tls_slots", slot.to_bytes(4, "little"), SLOT.pack(*fields) + rows[slot][SLOT.size:])


def test_wrong_places(world):
    library = world.library("wrong")
    path = library + "/libssl.so.3"
    client = world.python(library)
    world.wait_pins(path)
    world.decoded("a library that anybody may write to is read by its decoded functions", client, "/wrong-decoded")
    world.tap.equal("its reads inside of it", len(world.pins(path)), LIBSSL_PROBES)
    misfit(world, path)
    world.scan()
    world.tap.equal("when calls do not fit, reads are probed at entry and return", len(world.pins(path)),
                    LIBSSL_PROBES - 1)
    world.tap.equal("which is logged once", world.og.logs().count("does not show its reads inside"), 1)
    world.decoded("and it is read as before", client, "/wrong-outside")
    misfit(world, path)
    world.scan()
    world.tap.equal("when calls do not fit then, either, it is not probed any more", world.pins(path), [])
    world.tap.equal("which is logged once, too", world.og.logs().count("is not what it looks like"), 1)
    world.tap.equal("and its calls are made undisturbed", client.call("/wrong-undecoded"), "200")


def main():
    with World() as world:
        with world.og:
            test_wrong_places(world)
    world.tap.done()


if __name__ == "__main__":
    main()
