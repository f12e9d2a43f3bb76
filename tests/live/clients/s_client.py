# SPDX-License-Identifier: Apache-2.0
"""openssl s_client: requests go into its standard input, answers come out of its output."""
import http.client
import subprocess
import time

from report import HOST, PLAN, PORT, body, report

process = subprocess.Popen(
    [
        "openssl",
        "s_client",
        "-quiet",
        "-verify_quiet",
        "-connect",
        f"{HOST}:{PORT}",
        "-servername",
        HOST,
        "-CAfile",
        PLAN["ca"],
    ],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL,
)
process.stdout.close_really, process.stdout.close = process.stdout.close, lambda: None


class Answers:
    @staticmethod
    def makefile(*_):
        return process.stdout


for number, request in enumerate(PLAN["requests"]):
    content = body(request) or b""
    head = f"{request['method']} {request['path']} HTTP/1.1\r\nHost: {HOST}\r\n"
    head += f"Content-Length: {len(content)}\r\n\r\n"
    begin = time.monotonic_ns()
    process.stdin.write(head.encode() + content)
    process.stdin.flush()
    answer = http.client.HTTPResponse(Answers, method=request["method"])
    answer.begin()
    answer.read()
    # The first request waits for the handshake, so its time is too long by that.
    report(answer.status, begin)
process.stdin.close()
process.terminate()
process.wait()
