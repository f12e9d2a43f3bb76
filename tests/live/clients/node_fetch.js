// SPDX-License-Identifier: Apache-2.0
// Node's fetch (undici). The test CA comes by NODE_EXTRA_CA_CERTS.
"use strict";
const channel = require("diagnostics_channel");

const plan = JSON.parse(process.argv[2]);
const now = () => process.hrtime.bigint();
let begin = null;
channel.subscribe("undici:client:sendHeaders", () => { begin = now(); });

function report(status, error) {
    const ns = status === null || begin === null ? null : Number(now() - begin);
    console.log(JSON.stringify({status, ns, error}));
}

(async () => {
    for (const request of plan.requests) {
        begin = null;
        try {
            const answer = await fetch(`https://${plan.host}${request.path}`, {
                method: request.method,
                headers: request.headers || {},
                body: typeof request.body === "number" ? "b".repeat(request.body) : undefined,
                signal: AbortSignal.timeout((request.timeout || 30) * 1000),
            });
            await answer.arrayBuffer();
            report(answer.status, null);
        } catch (error) {
            report(null, String(error.cause || error));
        }
    }
    process.exit(0);
})();
