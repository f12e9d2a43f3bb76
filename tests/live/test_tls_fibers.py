#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Nothing is done to a program that switches stacks inside of a call of its TLS library: without return probes, or
where sessions (Linux 6.13) ask for the return of no call to anybody who is not watched."""
import subprocess
import tempfile

from harness import Operaglass, Tap
from stage import HERE, wait_for

CONFIG = "tls: {return_probes: false}\n"
MESSAGES = 4


def run_fibers(tap, sentence, program):
    done = subprocess.run(
        [program], input="go\n", capture_output=True, text=True, timeout=30, check=False
    )
    said = done.stdout.splitlines()
    tap.equal(
        sentence,
        (done.returncode, [sum(f"fiber {i} read" in line for line in said) for i in (0, 1)]),
        (0, [MESSAGES, MESSAGES]),
    )


def wait_probed(og, state):
    """libssl is probed in this way, and in no other."""
    wait_for(
        lambda: og.metrics().value("operaglass_tls_targets", stack="openssl", state=state),
        10,
        f"libssl is {state}",
    )
    return og.metrics().total("operaglass_tls_targets", stack="openssl")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="og-fibers-") as directory:
        program = f"{directory}/fibers"
        command = ["gcc", "-O2", "-o", program, f"{HERE}/clients/fibers.c", "-lssl", "-lcrypto"]
        subprocess.run(command, check=True, timeout=60)
        with Operaglass(CONFIG) as og:
            tap.equal("libssl is probed where it writes", wait_probed(og, "write_only"), 1)
            run_fibers(tap, "two fibers inside SSL_read at once come out of it", program)
        with Operaglass() as og:
            tap.equal("libssl is probed as a whole", wait_probed(og, "attached"), 1)
            run_fibers(tap, "two fibers that speak to nobody who is watched come out of it, too", program)
    tap.done()


if __name__ == "__main__":
    main()
