# SPDX-License-Identifier: Apache-2.0
"""curl, all requests in one process and on one connection, but those with a `host` of their own; curl's own clock measures
them."""
import json
import subprocess
import tempfile

from report import HOST, PLAN, report

with tempfile.TemporaryDirectory(prefix="og-curl-") as directory:
    command = ["curl"]
    if "parallel" in PLAN:
        command += ["--parallel", "--parallel-max", str(PLAN["parallel"])]
    for number, request in enumerate(PLAN["requests"]):
        command += ["--next"] if number else []
        command += [
            "-sS",
            "-o",
            "/dev/null",
            "-w",
            "%{json}\n",
            "--max-time",
            str(request.get("timeout", 30)),
        ]
        command += [f"--http{request.get('http', PLAN.get('http', '1.1'))}"]
        command += ["--tls-max", PLAN["tls"]] if PLAN.get("tls") else []
        command += ["--cacert", PLAN["ca"]] if PLAN["ca"] else []
        command += (
            ["--connect-timeout", str(PLAN["connect_timeout"])] if "connect_timeout" in PLAN else []
        )
        command += ["--head"] if request["method"] == "HEAD" else ["-X", request["method"]]
        for name, value in request.get("headers", {}).items():
            command += ["-H", f"{name}: {value}"]
        if request.get("body") is not None:
            with open(f"{directory}/{number}", "wb") as file:
                file.write(b"b" * request["body"])
            command += [
                "--data-binary",
                f"@{directory}/{number}",
                "-H",
                "Content-Type: application/json",
            ]
        command.append(f"https://{request.get('host', HOST)}{request['path']}")
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False
    )
    for line in done.stdout.splitlines():
        said = json.loads(line)
        # curl's "pretransfer" ends when the request was sent, so the connection's end counts.
        connected = said["time_appconnect"] if said["num_connects"] else 0
        seconds = said["time_total"] - connected
        report(said["http_code"], ns=int(seconds * 1e9), error=said["errormsg"])
