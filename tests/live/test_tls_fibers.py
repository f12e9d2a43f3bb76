#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Without return probes nothing is done to a program that switches stacks inside of a call of its TLS library."""
import subprocess
import tempfile

from harness import Operaglass, Tap
from stage import HERE, wait_for

CONFIG = "tls: {return_probes: false}\n"
MESSAGES = 4


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="og-fibers-") as directory, Operaglass(CONFIG) as og:
        program = f"{directory}/fibers"
        command = ["gcc", "-O2", "-o", program, f"{HERE}/clients/fibers.c", "-lssl", "-lcrypto"]
        subprocess.run(command, check=True, timeout=60)
        wait_for(
            lambda: og.metrics().value("operaglass_tls_targets", stack="openssl", state="write_only"),
            10,
            "libssl is probed",
        )
        tap.equal(
            "libssl is probed where it writes",
            og.metrics().value("operaglass_tls_targets", stack="openssl", state="attached"),
            0,
        )
        done = subprocess.run(
            [program], input="go\n", capture_output=True, text=True, timeout=30, check=False
        )
        said = done.stdout.splitlines()
        tap.equal(
            "two fibers inside SSL_read at once come out of it",
            (done.returncode, [sum(f"fiber {i} read" in line for line in said) for i in (0, 1)]),
            (0, [MESSAGES, MESSAGES]),
        )
    tap.done()


if __name__ == "__main__":
    main()
