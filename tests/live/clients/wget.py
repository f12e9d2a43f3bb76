# SPDX-License-Identifier: Apache-2.0
"""wget (GnuTLS): GETs share a process and a connection, anything else gets its own."""
import re
import subprocess

from report import PLAN, URL, report

FIXED = [
    "wget",
    "-S",
    "--tries=1",
    "-O",
    "/dev/null",
    *([f"--ca-certificate={PLAN['ca']}"] if PLAN["ca"] else []),
]
STATUS = re.compile(r"^\s+HTTP/1\.[01] (\d+)", re.M)


def run(requests):
    first = requests[0]
    command = FIXED + [f"--timeout={first.get('timeout', 30)}"]
    command += [f"--header={name}: {value}" for name, value in first.get("headers", {}).items()]
    if first["method"] != "GET":
        command += [f"--method={first['method']}"]
        command += [f"--body-data={'b' * first['body']}"] if first.get("body") is not None else []
    done = subprocess.run(
        command + [URL + request["path"] for request in requests],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    found = [int(code) for code in STATUS.findall(done.stderr) if code[0] != "1"]
    for number in range(len(requests)):
        if number < len(found):
            report(found[number])
        else:
            report(error=f"exit {done.returncode}: {done.stderr[-300:]}")


if all(request["method"] == "GET" for request in PLAN["requests"]):
    run(PLAN["requests"])
else:
    for one in PLAN["requests"]:
        run([one])
