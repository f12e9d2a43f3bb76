// SPDX-License-Identifier: Apache-2.0
// Node's fetch (undici). The test CA comes by NODE_EXTRA_CA_CERTS, which fetch's dispatcher honours.
"use strict";
const channel = require("diagnostics_channel");

const plan = JSON.parse(process.argv[2]);
const now = () => process.hrtime.bigint();
let begin = null;
channel.subscribe("undici:client:sendHeaders", () => { begin = now(); });

(async () => {
    for (const request of plan.requests) {
        begin = null;
        try {
            const answer = await fetch(`https://${plan.host}${request.path}`, {
                method: request.method,
                headers: request.headers || {},
                body: request.body === undefined || request.body === null ? undefined : "b".repeat(request.body),
                signal: AbortSignal.timeout((request.timeout || 30) * 1000),
            });
            await answer.arrayBuffer();
            console.log(JSON.stringify({status: answer.status, ns: begin === null ? null : Number(now() - begin), error: null}));
        } catch (error) {
            console.log(JSON.stringify({status: null, ns: null, error: String(error.cause || error)}));
        }
    }
    process.exit(0);
})();
