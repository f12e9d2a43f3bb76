#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Probes sit where they cost little, and what is seen there is proven by calls of a process of our own."""
import glob
import os
import re
import shutil
import subprocess
import tempfile

from harness import BUILD, Operaglass, Tap
from packages import unpacked

TOOL = BUILD + "/tools/live/probe_prove"
FUNCTIONS = ["SSL_write", "SSL_read", "SSL_write_ex", "SSL_read_ex", "SSL_free"]
PROVEN = "is probed is proven"


def prove(path, *how, **environment):
    """{"SSL_write": scheme, ..., "allowed": "yes", "verdict": "right", "random": place}"""
    done = subprocess.run([TOOL, path, *how], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, **environment))
    return dict(line.split() for line in done.stdout.splitlines())


def installed(library):
    """What the linker of this host loads."""
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    return os.path.realpath(re.search(rf"{library}\.so\.\S+ .* => (\S+)", cache).group(1))


def test_openssl(tap):
    path = installed("libssl")
    got = prove(path)
    tap.equal("this kernel emulates pushes, jumps, branches and calls", got["classes"], "f")
    tap.equal("what only root of this host can have written may be run", got["allowed"], "yes")
    tap.equal("every call of the library is seen as it was", got["verdict"], "right")
    tap.equal("where its objects keep the client random is found", got["random"], "0+160")
    for fault in ("stack", "kind", "place", "result", "missing", "kept", "once"):
        tap.equal(f"a wrong plan is found out: {fault}", prove(path, "default", fault)["verdict"], "wrong")
    got = prove(path, "outside")
    tap.equal("a file that did not show its reads inside is read at entry and return, and every call is seen as it was",
              (got["SSL_read"], got["SSL_read_ex"], got["verdict"]), ("shared", "inner", "right"))
    got = prove(path, "writes")
    tap.equal("without return probes it is read where it writes",
              {name: got[name] for name in FUNCTIONS},
              {"SSL_write": "entry", "SSL_write_ex": "entry", "SSL_read": "none", "SSL_read_ex": "none",
               "SSL_free": "none"})
    tap.equal("and every write is seen as it was", got["verdict"], "right")
    for fault in ("kind", "missing"):
        tap.equal(f"a wrong plan is found out, too: {fault}", prove(path, "writes", fault)["verdict"], "wrong")


def test_gnutls(tap):
    path = installed("libgnutls")
    got = prove(path)
    tap.equal("every call of GnuTLS is seen as it was", got["verdict"], "right")
    tap.equal("and where its sessions keep the client random is found", got["random"], "0+50")
    for fault in ("stack", "kind", "place", "result", "missing"):
        tap.equal(f"a wrong plan of GnuTLS is found out: {fault}", prove(path, "default", fault)["verdict"], "wrong")


def test_builds(tap, directory):
    """The distribution's builds, of three releases; those of the newest need its libc to be run."""
    shared = {"SSL_write": "shared", "SSL_read": "inside", "SSL_write_ex": "inner", "SSL_read_ex": "shared",
              "SSL_free": "plain"}
    gnutls = {"gnutls_record_send": "return", "gnutls_record_recv": "return", "gnutls_deinit": "plain"}
    table = [
        ("bullseye", "libssl1.1", "libssl.so.1.1", shared, "a8+b8"),
        ("bookworm", "libssl3", "libssl.so.3", shared, "0+160"),
        ("trixie", "libssl3t64", "libssl.so.3",
         {**shared, "SSL_write": "plain", "SSL_write_ex": "return"}, None),
        ("bullseye", "libgnutls30", "libgnutls.so.30", gnutls, "0+50"),
        ("bookworm", "libgnutls30", "libgnutls.so.30", gnutls, "0+50"),
        ("trixie", "libgnutls30t64", "libgnutls.so.30", gnutls, None),
    ]
    for suite, package, library, schemes, random in table:
        where = f"{directory}/{suite}-{package}"
        shutil.copytree(os.path.dirname(glob.glob(f"{unpacked(suite, package)}/usr/lib/*/{library}")[0]), where)
        got = prove(os.path.realpath(f"{where}/{library}"), *([] if random else ["plan"]), LD_LIBRARY_PATH=where)
        tap.equal(f"{package} of {suite} is probed cheaply, and whole", {name: got.get(name) for name in schemes},
                  schemes)
        if random:
            tap.equal(f"{package} of {suite}: every call is seen as it was, and the client random is found",
                      (got["verdict"], got.get("random")), ("right", random))
        tap.equal(f"{package} of {suite}, below a directory that all may write to, is not run", got["allowed"], "no")


def test_observer(tap):
    with Operaglass(arguments=["--log.level", "info"]) as og:
        def logged(text, count):
            og.wait(lambda _: subprocess.run(["/bin/true"], check=True) and og.logs().count(text) >= count, 20)
            return og.logs().count(text)

        tap.equal("what this host's libssl and GnuTLS show is proven soon after the start", logged(PROVEN, 2), 2)
        tap.equal("and the metrics say so", og.wait(lambda m: m.total("operaglass_tls_probed_files", trust="proven") == 2)
                  .by("operaglass_tls_probed_files", "stack", trust="proven"), {("openssl",): 1, ("gnutls",): 1})
        kept = glob.glob(og.directory + "/state/probe-sites/*")
        tap.equal("the verdict is kept, for root alone",
                  [(re.fullmatch("[0-9a-f]{40}", os.path.basename(p)) is not None, os.stat(p).st_mode & 0o777)
                   for p in kept], [(True, 0o600)] * 2)
        og.stop()
        og.start()
        tap.equal("after the next start it is remembered", logged("places proven before", 2), 2)
        tap.equal("and not proven again", og.logs().count(PROVEN), 2)
        og.stop()
        with open(kept[0], "a", encoding="ascii") as file:
            file.write("0 0 entry 1+0 leave 2+0 plain\n")
        og.start()
        tap.equal("a verdict that somebody changed is none", logged(PROVEN, 3), 3)


def main():
    tap, directory = Tap(), tempfile.mkdtemp(prefix="og-probe-sites-")
    os.chmod(directory, 0o755)
    try:
        test_openssl(tap)
        test_gnutls(tap)
        test_builds(tap, directory)
        test_observer(tap)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    tap.done()


if __name__ == "__main__":
    main()
