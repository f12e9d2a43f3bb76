# SPDX-License-Identifier: Apache-2.0
"""Every byte that a set of BPF programs keeps in the kernel, and every byte of a process.

    for name, data in map_bytes(pins): ...        keys and values of every map, also of those that are pinned nowhere
    for name, data in process_bytes(pid): ...     every readable region
"""
import ctypes
import json
import mmap
import os
import platform
import subprocess

SYS_BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]
MAP_LOOKUP_ELEM, MAP_GET_NEXT_KEY, MAP_GET_FD_BY_ID = 1, 4, 14
PER_CPU = {"percpu_hash", "percpu_array", "lru_percpu_hash"}
PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)


class Element(ctypes.Structure):
    _fields_ = [
        ("fd", ctypes.c_uint32),
        ("pad", ctypes.c_uint32),
        ("key", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
        ("flags", ctypes.c_uint64),
    ]


def bpf(command, attributes):
    return libc.syscall(SYS_BPF, command, ctypes.byref(attributes), ctypes.sizeof(attributes))


def bpftool(*arguments):
    done = subprocess.run(["bpftool", "-j", *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def map_ids(pins):
    """The maps that are pinned, and those that the pinned programs use."""
    ids = set()
    for name in os.listdir(f"{pins}/programs"):
        ids.update(bpftool("prog", "show", "pinned", f"{pins}/programs/{name}").get("map_ids", []))
    for name in os.listdir(f"{pins}/maps"):
        ids.add(bpftool("map", "show", "pinned", f"{pins}/maps/{name}")["id"])
    return sorted(ids)


def possible_cpus():
    with open("/sys/devices/system/cpu/possible", encoding="ascii") as file:
        return int(file.read().strip().split("-")[-1]) + 1


def ring_bytes(fd, size):
    """The data pages of a ring buffer; what was consumed is still there until it is written over."""
    with mmap.mmap(fd, PAGE + size, mmap.MAP_SHARED, mmap.PROT_READ, offset=PAGE) as pages:
        return pages[PAGE : PAGE + size]


def element_bytes(fd, key_size, value_size):
    key = ctypes.create_string_buffer(key_size)
    following = ctypes.create_string_buffer(key_size)
    value = ctypes.create_string_buffer(value_size)
    attributes = Element(fd, 0, 0, ctypes.addressof(following), 0)
    parts = []
    while bpf(MAP_GET_NEXT_KEY, attributes) == 0:
        ctypes.memmove(key, following, key_size)
        attributes.key = ctypes.addressof(key)
        found = Element(fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0)
        parts.append(key.raw)
        if bpf(MAP_LOOKUP_ELEM, found) == 0:
            parts.append(value.raw)
    return b"\0".join(parts)


def map_bytes(pins):
    """(name, bytes) of every map; rows may come and go meanwhile."""
    for number in map_ids(pins):
        info = bpftool("map", "show", "id", str(number))
        # The union's member for this command is the id, where an element has its descriptor.
        fd = bpf(MAP_GET_FD_BY_ID, Element(number, 0, 0, 0, 0))
        if fd < 0:
            raise OSError(ctypes.get_errno(), f"map {number}")
        name = f"map {info.get('name', number)}"
        try:
            if info["type"] == "ringbuf":
                yield name, ring_bytes(fd, info["max_entries"])
            elif info["type"] != "prog_array":
                size = info["bytes_value"]
                if info["type"] in PER_CPU:
                    size = (size + 7) // 8 * 8 * possible_cpus()
                yield name, element_bytes(fd, info["bytes_key"], size)
        finally:
            os.close(fd)


def process_bytes(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        regions = [line.split() for line in maps]
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for region in regions:
            begin, end = (int(part, 16) for part in region[0].split("-"))
            if not region[1].startswith("r") or region[-1] in ("[vvar]", "[vsyscall]"):
                continue
            try:
                memory.seek(begin)
                yield f"{region[0]} {region[-1]}", memory.read(end - begin)
            except OSError:
                continue
