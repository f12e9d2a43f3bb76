// SPDX-License-Identifier: Apache-2.0
// Node's http2 module: libnghttp2 over the OpenSSL that Node brings. One connection, one request after the other.
// The plan's `before`: as python_h2.py.
"use strict";

const fs = require("fs");
const http2 = require("http2");
const readline = require("readline");

const plan = JSON.parse(process.argv[2]);
const session = http2.connect(`https://${plan.host}:${plan.port}`, {ca: fs.readFileSync(plan.ca)});

function one(request) {
	return new Promise((resolve) => {
		const begin = process.hrtime.bigint();
		const stream = session.request({":method": request.method, ":path": request.path});
		const done = (status, error) => resolve({status, ns: Number(process.hrtime.bigint() - begin), error});
		let status = null;
		stream.on("response", (fields) => { status = fields[":status"]; });
		stream.on("error", (error) => done(null, String(error)));
		stream.on("end", () => done(status, null));
		stream.resume();
		stream.end(request.body === undefined ? undefined : Buffer.alloc(request.body, "b"));
	});
}

async function main() {
	const results = [];
	for (const request of plan.requests) {
		if (plan.before && results.length === plan.before) {
			console.log("connected");
			await new Promise((resolve) => readline.createInterface({input: process.stdin}).once("line", resolve));
		}
		results.push(await one(request));
	}
	for (const result of results)
		console.log(JSON.stringify(result));
	process.exit(0);
}

main();
