# SPDX-License-Identifier: Apache-2.0
"""urllib: a new connection for every request."""
import http.client
import time
import urllib.error
import urllib.request

from report import PLAN, URL, body, context, report

begin = 0


class Connection(http.client.HTTPSConnection):
    """Notes when it is connected: the request begins then."""

    def connect(self):
        global begin
        super().connect()
        begin = time.monotonic_ns()


class Handler(urllib.request.HTTPSHandler):
    def https_open(self, req):
        return self.do_open(Connection, req, context=context())


opener = urllib.request.build_opener(Handler)
for request in PLAN["requests"]:
    wanted = urllib.request.Request(
        URL + request["path"], body(request), request.get("headers", {}), method=request["method"]
    )
    try:
        with opener.open(wanted, timeout=request.get("timeout", 30)) as answer:
            answer.read()
            report(answer.status, begin)
    except urllib.error.HTTPError as error:
        error.read()
        error.close()
        report(error.code, begin)
    except OSError as error:
        report(error=error)
