// SPDX-License-Identifier: MIT
// Fetches a URL with one of Node's libraries: fetch.js LIBRARY PROXY URL, prints the answer's text.
"use strict";
const [library, proxy, url] = process.argv.slice(2);
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
process.removeAllListeners("warning");

function agent() {
	const module = require("https-proxy-agent");
	return new (module.HttpsProxyAgent || module)(proxy);
}

function byUndici() {
	const { request, ProxyAgent } = require("undici");
	const dispatcher = new ProxyAgent({ uri: proxy, requestTls: { rejectUnauthorized: false } });
	return request(url, { dispatcher }).then(answer => answer.body.text());
}

function byAgent() {
	const module = require(url.startsWith("https:") ? "https" : "http");
	return new Promise((resolve, reject) => {
		module.get(url, { agent: agent() }, answer => {
			let text = "";
			answer.on("data", part => text += part);
			answer.on("end", () => resolve(text));
		}).on("error", reject);
	});
}

function byWs() {
	const WebSocket = require("ws");
	return new Promise((resolve, reject) => {
		const s = new WebSocket(url, { agent: agent() });
		s.on("open", () => s.send("are you there"));
		s.on("message", text => { s.close(); resolve(String(text)); });
		s.on("error", reject);
	});
}

({ "undici": byUndici, "https-proxy-agent": byAgent, "ws": byWs })[library]().then(
	text => process.stdout.write(text, () => process.exit(0)),
	error => { console.error(error); process.exit(1); });
