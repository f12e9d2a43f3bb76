# SPDX-License-Identifier: Apache-2.0
"""http.client over one keep-alive connection (socket BIO, SSL_read_ex and SSL_write_ex).

Plan options: pause=S (after each answer; of a request: after its own), hold (connect, say "connected", and begin
at a line of input), stay (live on after the last answer, until the input ends), then (after the last answer become
this command).
"""
import http.client
import os
import sys
import time

from report import HOST, PLAN, PORT, body, context, report

connection = None
for request in PLAN["requests"]:
    begin = None
    try:
        if connection is None:
            fresh = http.client.HTTPSConnection(
                HOST, PORT, timeout=request.get("timeout", 30), context=context()
            )
            fresh.connect()
            connection = fresh
            if PLAN.get("hold"):
                print("connected", flush=True)
                sys.stdin.readline()
        begin = time.monotonic_ns()
        connection.request(
            request["method"], request["path"], body(request), request.get("headers", {})
        )
        answer = connection.getresponse()
        answer.read()
        report(answer.status, begin)
        time.sleep(request.get("pause", PLAN.get("pause", 0)))
    except (OSError, http.client.HTTPException) as error:
        if connection:
            connection.close()
        connection = None
        report(error=error, since=begin)
if PLAN.get("then"):
    os.execv(PLAN["then"][0], PLAN["then"])
if PLAN.get("stay"):
    sys.stdin.read()
