# SPDX-License-Identifier: Apache-2.0
"""Where libraries keep the client random, as the kernel's programs know it: taken away, and given back."""
import maps
from stage import wait_for

PLACES, PLACE_BYTES = 8, 16  # include/tls.h: tls_random_places
FOUND_AT, PLACE_AT = 48, 16  # struct tls_slot


def wait_until_found(operaglass):
    """Until this host's libraries were looked into, and the program that is linked statically is probed."""
    wait_for(
        lambda: operaglass.metrics().total("operaglass_tls_probed_files", trust="proven") == 2
        and operaglass.metrics().value("operaglass_tls_targets", stack="static", state="attached"),
        20,
        "the proofs of libssl and of GnuTLS, and the probes of the program",
    )


def clear_table(operaglass):
    """Nothing is known of known builds any more."""
    for row in range(PLACES):
        maps.put(operaglass, "tls_random_places", row.to_bytes(4, "little"), bytes(PLACE_BYTES))


class Hidden:
    """While it lasts, nothing is known of what was found in a library on this host, either."""

    def __init__(self, operaglass):
        self.operaglass = operaglass
        self.slots = {}

    def __enter__(self):
        for row in maps.dump(self.operaglass, "tls_slots"):
            key, value = (bytes(int(byte, 16) for byte in row[name]) for name in ("key", "value"))
            if any(value):
                self.slots[key] = value
                hidden = bytearray(value)
                hidden[FOUND_AT : FOUND_AT + PLACE_BYTES] = bytes(PLACE_BYTES)
                hidden[PLACE_AT : PLACE_AT + 4] = bytes(4)
                maps.put(self.operaglass, "tls_slots", key, bytes(hidden))
        return self

    def __exit__(self, *exception):
        for key, value in self.slots.items():
            maps.put(self.operaglass, "tls_slots", key, value)
