# SPDX-License-Identifier: Apache-2.0
"""A program that takes a call a line; plan option: program."""
import subprocess

from report import HOST, PLAN

with subprocess.Popen(
    [PLAN["program"], HOST, PLAN["ca"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
) as client:
    client.stdout.readline()
    for request in PLAN["requests"]:
        print(request["method"], request["path"], request.get("body") or 0, file=client.stdin)
        client.stdin.flush()
        print(client.stdout.readline(), end="", flush=True)
    client.stdin.close()
