/*
 * elements.js - elements of the page, and numbers as people read them. Text goes into the page as
 * text only, never as markup.
 */

/* Elements. */

function h(name, attributes, ...children) {
	const e = document.createElement(name);
	for (const k of Object.keys(attributes || {})) {
		if (k === "on")
			for (const type of Object.keys(attributes.on))
				e.addEventListener(type, attributes.on[type]);
		else if (attributes[k] !== undefined)
			e.setAttribute(k, attributes[k]);
	}
	for (const c of children.flat(Infinity))
		if (c !== undefined && c !== null)
			e.append(c);
	return e;
}

/* An element of SVG. */
function s(name, attributes, ...children) {
	const e = document.createElementNS("http://www.w3.org/2000/svg", name);
	for (const k of Object.keys(attributes || {}))
		e.setAttribute(k, attributes[k]);
	e.append(...children);
	return e;
}

/* A button that copies a text; */
function copyButton(what, text) {
	const said = h("span", {"class": "said", role: "status"});
	const tell = function (done) {
		said.textContent = done ? "copied" : "not copied: select it and copy";
		setTimeout(() => { said.textContent = ""; }, 2000);
	};
	return h("span", {"class": "copy"}, h("button", {type: "button", "aria-label": "Copy " + what, on: {click: function () {
		if (navigator.clipboard)
			navigator.clipboard.writeText(text).then(() => tell(true), () => tell(oldCopy(text)));
		else
			tell(oldCopy(text));
	}}}, "copy"), said);
}

/* Where the page has no clipboard of its own (it came by http). */
function oldCopy(text) {
	const area = h("textarea", {"aria-hidden": "true"});
	area.value = text;
	document.body.append(area);
	area.select();
	const done = document.execCommand("copy");
	area.remove();
	return done;
}

/* Numbers as people read them. */

function three(v) {
	return v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2);
}

function duration(ns) {
	if (ns === undefined || ns === null)
		return "-";
	if (ns < 1e3)
		return ns + " ns";
	if (ns < 999.5e3)
		return three(ns / 1e3) + " us";
	if (ns < 999.5e6)
		return three(ns / 1e6) + " ms";
	if (ns < 600e9)
		return three(ns / 1e9) + " s";
	const minutes = Math.floor(ns / 60e9);
	return minutes < 600 ? minutes + " min" : Math.floor(minutes / 60) + " h";
}

function count(n) {
	return n === undefined ? "-" : String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let i = 0;
	for (; n >= 1024 && i + 1 < units.length; i++)
		n /= 1024;
	return i ? three(n) + " " + units[i] : n + " B";
}

function percent(part) {
	return part > 0 && part < 0.001 ? "<0.1 %" : (100 * part).toFixed(1) + " %";
}

function rate(n, ns) {
	return ns > 0 ? three(n / (ns / 1e9)) + " /s" : "-";
}

function clock(text) {
	return text ? text.replace("T", " ").replace(/(\.\d{3})\d*Z/, "$1") : "";
}

function name(x) {
	return x.other ? "other" : x.server + " " + (x.protocol || x.transport || "");
}

function colour(variable) {
	return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}

const COLOURS = [
	[/^server$/, "--c-server"], [/^network$/, "--c-network"], [/^request$/, "--c-request"],
	[/^response$/, "--c-response"], [/retry$/, "--c-retry"], [/^connect\.tls$/, "--c-tls"],
	[/^connect/, "--c-connect"], [/window/, "--c-window"], [/^stall|^queued/, "--c-stall"], [/./, "--c-unknown"],
];

function entryColour(entry) {
	return "var(" + COLOURS.find((c) => c[0].test(entry))[1] + ")";
}
