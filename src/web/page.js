// SPDX-License-Identifier: MIT
// Keeps the page fresh and adds the copy buttons; everything else works without it.
"use strict";

var EVERY_MS = 5000;

function bytes(n) {
	var units = ["B", "kB", "MB", "GB", "TB", "PB"], u = 0;
	while (n >= 999.5 && u < units.length - 1) {
		n /= 1000;
		u++;
	}
	return n === 0 ? "0" : (u && n < 9.95 ? n.toFixed(1) : Math.round(n)) + " " + units[u];
}

function duration(s) {
	var parts = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]], out = [];
	for (var i = 0; i < parts.length && out.length < 2; i++) {
		var n = Math.floor(s / parts[i][0]);
		s -= n * parts[i][0];
		if (n) out.push(n + parts[i][1]);
		else if (out.length) break;
	}
	return out.join(" ") || "0s";
}

function fill(item, field, value) {
	var at = item.querySelector("[data-field=" + field + "]");
	if (!at) return;
	if (at.textContent !== value) at.textContent = value;
	(at.tagName === "DD" ? at.parentNode : at).hidden = value === "";
}

function show(item, t) {
	var state = item.querySelector("[data-field=state]"), before = state.textContent;
	if (before !== t.state) {
		if ((before === "needs-login") !== (t.state === "needs-login")) location.reload();
		state.textContent = t.state;
		state.className = "state " + t.state;
		document.getElementById("news").textContent = t.name + " is " + t.state + ".";
	}
	fill(item, "reason", t.reason);
	fill(item, "addresses", t.addresses.join(", "));
	fill(item, "peers", t.peers === null ? "" : t.peers_up + " of " + t.peers + " up");
	fill(item, "clients", t.clients === null ? "" : String(t.clients));
	fill(item, "traffic", t.rx_bytes === null ? "" : bytes(t.rx_bytes) + " in, " + bytes(t.tx_bytes) + " out");
	fill(item, "uptime", t.uptime_s === null ? "" : duration(t.uptime_s));
}

function refresh() {
	if (document.hidden) return;
	fetch("/status.json", {cache: "no-store"}).then(function (r) {
		return r.json();
	}).then(function (status) {
		var items = document.querySelectorAll("[data-tailnet]"), seen = 0;
		for (var i = 0; i < items.length; i++)
			status.tailnets.forEach(function (t) {
				if (t.name !== items[i].dataset.tailnet) return;
				show(items[i], t);
				seen++;
			});
		if (seen !== items.length || seen !== status.tailnets.length) location.reload();
		if (document.body.classList.contains("lost")) {
			document.body.classList.remove("lost");
			document.getElementById("news").textContent = "";
		}
	}).catch(function () {
		document.body.classList.add("lost");
		document.getElementById("news").textContent = "The gateway does not answer; this is how it was.";
	});
}

/* navigator.clipboard is there only on https: and on localhost. */
function copy(text) {
	if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
	return new Promise(function (done, failed) {
		var area = document.createElement("textarea");
		area.value = text;
		area.setAttribute("readonly", "");
		area.style.position = "fixed";
		area.style.opacity = "0";
		document.body.appendChild(area);
		area.select();
		var ok = document.execCommand("copy");
		document.body.removeChild(area);
		if (ok) done();
		else failed();
	});
}

function addCopy(pre) {
	var button = document.createElement("button"), label = pre.getAttribute("aria-labelledby");
	var what = label ? document.getElementById(label).textContent : "Undo";
	button.type = "button";
	button.className = "copy";
	button.textContent = "Copy";
	button.setAttribute("aria-label", "Copy: " + what);
	button.addEventListener("click", function () {
		copy(pre.textContent).then(function () {
			button.textContent = "Copied";
		}, function () {
			getSelection().selectAllChildren(pre);
			button.textContent = "Selected";
		}).then(function () {
			button.focus();
			setTimeout(function () {
				button.textContent = "Copy";
			}, 2000);
		});
	});
	pre.after(button);
}

/* A card that the address names is opened. */
function openTarget() {
	var card = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
	if (card && card.tagName === "DETAILS") card.open = true;
}

document.querySelectorAll("pre").forEach(addCopy);
window.addEventListener("hashchange", openTarget);
openTarget();
document.addEventListener("visibilitychange", refresh);
setInterval(refresh, EVERY_MS);
