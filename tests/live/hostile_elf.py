# SPDX-License-Identifier: Apache-2.0
"""Libraries that are made to mislead whoever looks into them: a real libssl, with lies in its tables.

`variants(bytes)` gives {name: (bytes, size of the file, what is said of it)}; behind the bytes the file is a hole.
"""
import random
import struct

MALFORMED = "it contradicts itself: damaged, or made to mislead"
TOO_LARGE = "its symbols are more than is read of one file"
NO_ELF = "it is no 64-bit ELF file of this machine"
ANY = None  # whatever is said of it, it is said soon

GIBIBYTE = 1 << 30
LOAD, DYNAMIC, NOTE = 1, 2, 4
SYMBOL_TABLES = (2, 11)
HASH, STRINGS, SYMBOLS, STRINGS_SIZE = 0x6FFFFEF5, 5, 6, 10
# struct Elf64_Phdr and Elf64_Shdr
SEGMENT = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")
TYPE, OFFSET, ADDRESS, SIZE = 0, 2, 3, 5
SECTION_TYPE, SECTION_OFFSET, SECTION_SIZE = 1, 4, 5
FLIPPED = 40


class Elf:
    def __init__(self, content):
        self.bytes = bytearray(content)
        self.segments_at, self.sections_at = struct.unpack_from("<QQ", content, 32)
        self.segment_count, _, self.section_count = struct.unpack_from("<HHH", content, 56)

    def rows(self, form, at, count):
        return [list(form.unpack_from(self.bytes, at + i * form.size)) for i in range(count)]

    def segments(self):
        return self.rows(SEGMENT, self.segments_at, self.segment_count)

    def sections(self):
        return self.rows(SECTION, self.sections_at, self.section_count)

    def put(self, form, at, rows):
        for number, row in enumerate(rows):
            form.pack_into(self.bytes, at + number * form.size, *row)
        return self

    def word(self, at, form, value):
        struct.pack_into(form, self.bytes, at, value)
        return self

    def each_segment(self, change, kinds=(LOAD,)):
        rows = self.segments()
        for row in rows:
            if row[TYPE] in kinds:
                change(row)
        return self.put(SEGMENT, self.segments_at, rows)

    def each_section(self, change, kinds=SYMBOL_TABLES):
        rows = self.sections()
        for row in rows:
            if row[SECTION_TYPE] in kinds:
                change(row)
        return self.put(SECTION, self.sections_at, rows)

    def place(self, address):
        for row in self.segments():
            if row[TYPE] == LOAD and row[ADDRESS] <= address < row[ADDRESS] + row[SIZE]:
                return address - row[ADDRESS] + row[OFFSET]
        raise ValueError("no such address")

    def dynamic(self, tag, value=None):
        """The value of an entry, or changes it."""
        at = next(row[OFFSET] for row in self.segments() if row[TYPE] == DYNAMIC)
        while True:
            key, was = struct.unpack_from("<QQ", self.bytes, at)
            if key == tag:
                break
            at += 16
        if value is None:
            return was
        return self.word(at + 8, "<Q", value)


def field(index, value):
    def change(row):
        row[index] = value

    return change


def nameless(elf):
    """None of the functions is found, however long one looks."""
    for name in (b"SSL_read", b"SSL_write", b"SSL_free"):
        elf.bytes = elf.bytes.replace(b"\0" + name, b"\0" + name[:4] + b"_" + name[5:])
    return elf


def hole(elf):
    """Where the file's bytes end."""
    return -(-len(elf.bytes) // 4096) * 4096


def endless_chain(elf):
    """One bucket, whose chain goes on through a hole of the file."""
    at = hole(elf)
    elf.each_segment(field(SIZE, 8 * GIBIBYTE)).dynamic(HASH, at)
    elf.bytes += bytes(at - len(elf.bytes)) + struct.pack("<IIIII", 1, 0, 0, 0, 1)
    return elf


def variants(content):
    def elf():
        return Elf(content)

    def whole(made, said, size=None):
        data = bytes(made.bytes)
        return data, size or len(data), said

    hash_at = elf().place(elf().dynamic(HASH))
    made = {
        "forty-bytes": (content[:40], 40, NO_ELF),
        "head-alone": (content[:64], 64, MALFORMED),
        "half": (content[: len(content) // 2], len(content) // 2, ANY),
        "quarter": (content[: len(content) // 4], len(content) // 4, ANY),
        "65535-segments": whole(elf().word(56, "<H", 65535), MALFORMED),
        "segments-behind-the-end": whole(elf().word(32, "<Q", len(content) - 8), MALFORMED),
        "segments-at-the-end-of-numbers": whole(elf().word(32, "<Q", 2**64 - 8), MALFORMED),
        "sections-at-the-end-of-numbers": whole(elf().word(40, "<Q", 2**64 - 8), ANY),
        "four-gigabytes-each": whole(elf().each_segment(field(SIZE, 4 * GIBIBYTE)), ANY),
        "endless-segments": whole(elf().each_segment(field(SIZE, 2**64 - 1)), ANY),
        "segments-over-each-other": whole(
            elf().each_segment(field(OFFSET, 0)).each_segment(field(ADDRESS, 0)), ANY
        ),
        "dynamic-of-four-gigabytes": whole(
            elf().each_segment(field(SIZE, 4 * GIBIBYTE), (DYNAMIC,)), MALFORMED
        ),
        "dynamic-behind-the-end": whole(
            elf().each_segment(field(OFFSET, 2**63), (DYNAMIC,)), MALFORMED
        ),
        "notes-of-four-gigabytes": whole(
            elf().each_segment(field(SIZE, 4 * GIBIBYTE), (NOTE,)), ANY
        ),
        "no-buckets": whole(elf().word(hash_at, "<I", 0), ANY),
        "four-billion-buckets": whole(elf().word(hash_at, "<I", 2**32 - 1), MALFORMED),
        "four-billion-words-of-bloom": whole(elf().word(hash_at + 8, "<I", 2**32 - 1), MALFORMED),
        "chain-without-end": whole(endless_chain(elf()), MALFORMED, 9 * GIBIBYTE),
        "names-without-end": whole(elf().dynamic(STRINGS_SIZE, 2**63), ANY),
        "names-nowhere": whole(elf().dynamic(STRINGS, 2**63), ANY),
        "symbols-nowhere": whole(elf().dynamic(SYMBOLS, 2**62), ANY),
        "symbols-of-four-gigabytes": whole(
            nameless(elf()).each_section(field(SECTION_SIZE, 4 * GIBIBYTE)), MALFORMED
        ),
        "symbols-of-four-gigabytes-of-holes": whole(
            nameless(elf())
            .each_section(field(SECTION_OFFSET, hole(elf())))
            .each_section(field(SECTION_SIZE, 4 * GIBIBYTE)),
            TOO_LARGE,
            9 * GIBIBYTE,
        ),
        "names-of-four-gigabytes-of-holes": whole(
            elf().dynamic(HASH, 2**62).each_section(field(SECTION_SIZE, 4 * GIBIBYTE), (3,)),
            TOO_LARGE,
            9 * GIBIBYTE,
        ),
    }
    dice = random.Random(4)
    for number in range(FLIPPED):
        flipped = bytearray(content)
        for _ in range(60):
            at = dice.choice((dice.randrange(4096), dice.randrange(len(flipped))))
            flipped[at] = dice.randrange(256)
        flipped[:20] = content[:20]
        made[f"flipped-{number}"] = (bytes(flipped), len(flipped), ANY)
    return made
