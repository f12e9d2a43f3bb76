# SPDX-License-Identifier: Apache-2.0
"""aiohttp: asyncio's TLS works on a memory BIO, so the library never sees the socket."""
import asyncio
import time

import aiohttp

from report import PLAN, URL, body, context, report


async def main():
    begin = 0

    async def connected(*_):
        nonlocal begin
        begin = time.monotonic_ns()

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(connected)
    connector = aiohttp.TCPConnector(ssl=context(), limit=PLAN.get("connections", 1))
    async with aiohttp.ClientSession(connector=connector, trace_configs=[trace]) as session:

        async def one(request):
            limit = aiohttp.ClientTimeout(total=request.get("timeout", 30))
            try:
                async with session.request(
                    request["method"],
                    URL + request["path"],
                    data=body(request),
                    headers=request.get("headers"),
                    timeout=limit,
                ) as answer:
                    await answer.read()
                    report(answer.status, begin if "connections" not in PLAN else None)
            except (OSError, aiohttp.ClientError, asyncio.TimeoutError) as error:
                report(error=error)

        if "connections" in PLAN:
            await asyncio.gather(*(one(request) for request in PLAN["requests"]))
        else:
            for request in PLAN["requests"]:
                await one(request)


asyncio.run(main())
