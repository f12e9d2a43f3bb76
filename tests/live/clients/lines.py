# SPDX-License-Identifier: Apache-2.0
"""A program that takes a call a line. Plan options: program, fresh (a process for each call)."""
import subprocess

from report import HOST, PLAN


def run(requests):
    with subprocess.Popen(
        [PLAN["program"], HOST, PLAN["ca"]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        client.stdout.readline()
        for request in requests:
            print(request["method"], request["path"], request.get("body") or 0, file=client.stdin)
            client.stdin.flush()
            print(client.stdout.readline(), end="", flush=True)
        client.stdin.close()


if PLAN.get("fresh"):
    for one in PLAN["requests"]:
        run([one])
else:
    run(PLAN["requests"])
