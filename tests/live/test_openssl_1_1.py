#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""OpenSSL 1.1, which keeps the handshake's random elsewhere: the library of an older suite, unpacked, not installed."""
import glob
import os
import shutil
import subprocess
import tempfile

import certificates
from harness import BUILD, TOP, Child, Operaglass, Tap, free_port
from packages import unpacked

SUITE, PACKAGE = "bullseye", "libssl1.1"
CLIENT = TOP + "/tests/live/clients/openssl_1_1.py"
REQUESTS, ANSWERS = "telegram_api_requests_total", "telegram_api_duration_seconds_count"


def library():
    """The directory of the unpacked library."""
    return os.path.dirname(glob.glob(unpacked(SUITE, PACKAGE) + "/usr/lib/*/libssl.so.1.1")[0])


def main():
    tap, port, directory = Tap(), free_port(), tempfile.mkdtemp(prefix="og-openssl-")
    where = library()
    server = Child([BUILD + "/tools/bench/https_static", "server", str(port), *certificates.server_pair(directory)],
                              stdout=subprocess.PIPE)
    server.line()
    config = f"upstreams:\n  - {{name: telegram, kind: telegram, hosts: [api.telegram.org], ports: [{port}]}}\n"
    try:
        with Operaglass(config) as og:
            before = og.metrics().total("operaglass_tls_targets", stack="openssl", state="attached")
            client = Child(["/usr/bin/python3", CLIENT, where, str(port)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
            client.line()
            got = og.wait(lambda m: m.total("operaglass_tls_targets", stack="openssl", state="attached") > before)
            tap.equal("a library that is mapped late is probed",
                      got.total("operaglass_tls_targets", stack="openssl", state="attached") - before, 1)
            client.communicate("\n", timeout=20)
            tap.equal("every answer is right", client.returncode, 0)
            got = og.wait(lambda m: m.value(ANSWERS, endpoint="getChat", status_code="200") == 7)
            tap.equal("SSL_write and SSL_read of 1.1 are decoded",
                      [got.value(REQUESTS, endpoint="getMe", method="GET"),
                       got.value(ANSWERS, endpoint="getMe", status_code="200")], [5, 5])
            tap.equal("SSL_write_ex and SSL_read_ex of 1.1 are decoded, also byte by byte",
                      [got.value(REQUESTS, endpoint="getChat", method="GET"),
                       got.value(ANSWERS, endpoint="getChat", status_code="200")], [7, 7])
            tap.equal("the object is joined to its connection", got.by("upstream_connections_total", "visibility",
                                                                       upstream="telegram"), {("decoded",): 1})
            tap.equal("nothing is counted twice", got.total(REQUESTS), 12)
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(directory, ignore_errors=True)
    tap.done()


if __name__ == "__main__":
    main()
