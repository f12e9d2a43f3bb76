#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Probes sit where they cost little, and what is seen there is proven by calls of a process of our own."""
import glob
import os
import re
import shutil
import subprocess
import tempfile

import test_openssl_1_1 as older
from harness import BUILD, Operaglass, Tap

TOOL = BUILD + "/tools/live/probe_prove"
FUNCTIONS = ["SSL_write", "SSL_read", "SSL_write_ex", "SSL_read_ex", "SSL_free"]
PROVEN = "is probed is proven"


def prove(path, *fault, **environment):
    """{"SSL_write": scheme, ..., "allowed": "yes", "verdict": "right"}"""
    done = subprocess.run([TOOL, path, *fault], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, **environment))
    return dict(line.split() for line in done.stdout.splitlines())


def libssl():
    """What the linker of this host loads."""
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    return os.path.realpath(re.search(r"libssl\.so\.\S+ .* => (\S+)", cache).group(1))


def test_proofs(tap, directory):
    path = libssl()
    got = prove(path)
    tap.equal("this kernel emulates pushes, jumps, branches and calls", got["classes"], "f")
    tap.equal("no probe of libssl is single-stepped", [f for f in FUNCTIONS if got.get(f) in (None, "symbol")], [])
    tap.equal("what only root of this host can have written may be run", got["allowed"], "yes")
    tap.equal("every call of the library is seen as it was", got["verdict"], "right")
    for fault in ("stack", "kind", "place", "result", "missing"):
        tap.equal(f"a wrong plan is found out: {fault}", prove(path, fault)["verdict"], "wrong")

    where = directory + "/older"
    shutil.copytree(older.library(), where)
    os.chmod(where, 0o755)
    old = glob.glob(where + "/libssl.so.1.1")[0]
    got = prove(old, LD_LIBRARY_PATH=where)
    tap.equal("no probe of OpenSSL 1.1 is single-stepped", [f for f in FUNCTIONS if got.get(f) in (None, "symbol")], [])
    tap.equal("every call of OpenSSL 1.1 is seen as it was", got["verdict"], "right")
    tap.equal("a library below a directory that all may write to is not run", got["allowed"], "no")


def test_observer(tap):
    with Operaglass(arguments=["--log.level", "info"]) as og:
        def logged(text, count):
            og.wait(lambda _: subprocess.run(["/bin/true"], check=True) and og.logs().count(text) >= count, 20)
            return og.logs().count(text)

        tap.equal("what this host's libssl shows is proven soon after the start", logged(PROVEN, 1), 1)
        tap.equal("and the metrics say so", og.wait(lambda m: m.total("operaglass_tls_probed_files", trust="proven") == 1)
                  .by("operaglass_tls_probed_files", "stack", trust="proven"), {("openssl",): 1})
        kept = glob.glob(og.directory + "/state/probe-sites/*")
        tap.equal("the verdict is kept, for root alone",
                  [(re.fullmatch("[0-9a-f]{40}", os.path.basename(p)) is not None, os.stat(p).st_mode & 0o777)
                   for p in kept], [(True, 0o600)])
        og.stop()
        og.start()
        tap.equal("after the next start it is remembered", logged("places proven before", 1), 1)
        tap.equal("and not proven again", og.logs().count(PROVEN), 1)
        og.stop()
        with open(kept[0], "a", encoding="ascii") as file:
            file.write("0 0 entry 1+0 leave 2+0 plain\n")
        og.start()
        tap.equal("a verdict that somebody changed is none", logged(PROVEN, 2), 2)


def main():
    tap, directory = Tap(), tempfile.mkdtemp(prefix="og-probe-sites-")
    os.chmod(directory, 0o755)
    try:
        test_proofs(tap, directory)
        test_observer(tap)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    tap.done()


if __name__ == "__main__":
    main()
