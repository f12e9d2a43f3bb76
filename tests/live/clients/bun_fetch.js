// SPDX-License-Identifier: Apache-2.0
// Bun's fetch; by plan.connections, so many calls at once. With plan.hold it first says "mapped" and waits for a line.
"use strict";

const plan = JSON.parse(process.argv[2]);
const ca = plan.ca ? await Bun.file(plan.ca).text() : undefined;

async function call(request) {
    const begin = process.hrtime.bigint();
    try {
        const answer = await fetch(`https://${plan.host}${request.path}`, {
            method: request.method,
            headers: request.headers || {},
            body: typeof request.body === "number" ? "b".repeat(request.body) : undefined,
            signal: AbortSignal.timeout((request.timeout || 30) * 1000),
            tls: {ca},
        });
        await answer.arrayBuffer();
        return {status: answer.status, ns: Number(process.hrtime.bigint() - begin), error: null};
    } catch (error) {
        return {status: null, ns: null, error: String(error)};
    }
}

if (plan.hold) {
    console.log("mapped");
    for await (const line of console)
        break;
}
const results = [];
const width = plan.connections || 1;
for (let i = 0; i < plan.requests.length; i += width)
    results.push(...await Promise.all(plan.requests.slice(i, i + width).map(call)));
for (const result of results)
    console.log(JSON.stringify(result));
process.exit(0);
