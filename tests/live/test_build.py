#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Makefile tells the truth: nothing to do means nothing is done, a changed header rebuilds both halves."""
import os
import re
import subprocess

from harness import Tap

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def dry_run(*options):
    """The commands that make would run, were the named files changed."""
    result = subprocess.run(["make", "-n", "V=1", *options, "all"], cwd=TOP, capture_output=True, text=True, check=True)
    return result.stdout


def main():
    tap = Tap()
    tap.equal("a second make runs no compiler", re.findall(r"(?:gcc|clang) ", dry_run()), [])
    changed = dry_run("-W", "include/process.h")
    tap.equal("a changed header rebuilds the BPF objects that include it", "build/process.bpf.o" in changed, True)
    tap.equal("a changed header rebuilds the host objects that include it",
              "-o build/obj/exporter/agents_reader.o" in changed, True)
    tap.equal("a changed header leaves alone what does not include it", "-o build/obj/exporter/text.o" in changed, False)
    changed = dry_run("CFLAGS=-O1")
    tap.equal("a changed flag rebuilds everything", "-o build/obj/exporter/text.o" in changed, True)
    help_text = subprocess.run(["make", "help"], cwd=TOP, capture_output=True, text=True, check=True).stdout
    tap.equal("make help names every target that a person calls",
              [t for t in ("all", "run", "check", "check-kernels", "bench", "lint", "format", "install", "clean", "help")
               if f"make {t} " not in help_text], [])
    tap.done()


if __name__ == "__main__":
    main()
