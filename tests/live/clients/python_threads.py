# SPDX-License-Identifier: Apache-2.0
"""http.client in several threads of one process, each with a connection of its own."""
import concurrent.futures
import http.client
import threading
import time

from report import HOST, PLAN, PORT, body, context, report

own = threading.local()
speak = threading.Lock()


def one(request):
    if not hasattr(own, "connection"):
        own.connection = http.client.HTTPSConnection(HOST, PORT, timeout=30, context=context())
        own.connection.connect()
    begin = time.monotonic_ns()
    own.connection.request(request["method"], request["path"], body(request))
    answer = own.connection.getresponse()
    answer.read()
    with speak:
        report(answer.status, begin)


with concurrent.futures.ThreadPoolExecutor(PLAN["threads"]) as pool:
    list(pool.map(one, PLAN["requests"]))
