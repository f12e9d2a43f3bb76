// SPDX-License-Identifier: Apache-2.0
// Node's https over one keep-alive socket; the OpenSSL is the one inside (or beside) node.
"use strict";
const https = require("https");
const fs = require("fs");

const plan = JSON.parse(process.argv[2]);
const ca = plan.ca ? fs.readFileSync(plan.ca) : undefined;
// Trying a name's other addresses is the default from Node 20 on.
const agent = new https.Agent({keepAlive: true, maxSockets: 1, ca, autoSelectFamily: true});
const now = () => process.hrtime.bigint();

function one(request) {
    return new Promise((resolve) => {
        let begin = null;
        let over = false;
        const finish = (status, error) => {
            if (over)
                return;
            over = true;
            const ns = status === null ? null : Number(now() - begin);
            console.log(JSON.stringify({status, ns, error: error ? String(error) : null}));
            resolve();
        };
        const options = {host: plan.host, port: plan.port, agent, path: request.path,
            method: request.method, headers: request.headers || {}};
        const body = typeof request.body === "number" ? Buffer.alloc(request.body, "b") : null;
        if (body !== null)
            options.headers["Content-Length"] = body.length;
        const sent = https.request(options, (answer) => {
            answer.on("data", () => {});
            answer.on("end", () => finish(answer.statusCode));
            answer.on("error", (error) => finish(null, error));
        });
        sent.on("socket", (socket) => {
            if (socket.secureConnecting || socket.connecting)
                socket.once("secureConnect", () => { begin = now(); });
            else
                begin = now();
        });
        sent.on("error", (error) => finish(null, error));
        if (request.timeout)
            sent.setTimeout(request.timeout * 1000, () => sent.destroy(new Error("timeout")));
        sent.end(body === null ? undefined : body);
    });
}

(async () => {
    for (const request of plan.requests)
        await one(request);
    agent.destroy();
})();
