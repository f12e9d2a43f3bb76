// SPDX-License-Identifier: Apache-2.0
// Node's https over one keep-alive socket; the OpenSSL is the one inside (or beside) the node program.
"use strict";
const https = require("https");
const fs = require("fs");

const plan = JSON.parse(process.argv[2]);
const agent = new https.Agent({keepAlive: true, maxSockets: 1, ca: plan.ca ? fs.readFileSync(plan.ca) : undefined});
const now = () => process.hrtime.bigint();
const report = (status, ns, error) =>
    console.log(JSON.stringify({status, ns: ns === null ? null : Number(ns), error: error ? String(error) : null}));

function one(request) {
    return new Promise((resolve) => {
        let begin = null;
        const options = {host: plan.host, port: plan.port, agent, path: request.path, method: request.method,
            headers: request.headers || {}};
        const body = request.body === undefined || request.body === null ? null : Buffer.alloc(request.body, "b");
        if (body !== null)
            options.headers["Content-Length"] = body.length;
        const sent = https.request(options, (answer) => {
            answer.on("data", () => {});
            answer.on("end", () => { report(answer.statusCode, now() - begin); resolve(); });
            answer.on("error", (error) => { report(null, null, error); resolve(); });
        });
        sent.on("socket", (socket) => {
            if (socket.secureConnecting || socket.connecting)
                socket.once("secureConnect", () => { begin = now(); });
            else
                begin = now();
        });
        sent.on("error", (error) => { report(null, null, error); resolve(); });
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
