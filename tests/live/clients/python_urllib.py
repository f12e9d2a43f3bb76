# SPDX-License-Identifier: Apache-2.0
"""urllib: a connection for every request, so only the server knows how long each took."""
import urllib.error
import urllib.request

from report import PLAN, URL, body, context, report

for request in PLAN["requests"]:
    wanted = urllib.request.Request(
        URL + request["path"], body(request), request.get("headers", {}), method=request["method"]
    )
    try:
        with urllib.request.urlopen(
            wanted, timeout=request.get("timeout", 30), context=context()
        ) as answer:
            answer.read()
            report(answer.status)
    except urllib.error.HTTPError as error:
        error.read()
        error.close()
        report(error.code)
    except OSError as error:
        report(error=error)
