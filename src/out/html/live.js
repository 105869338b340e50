/*
 * live.js - asks where the page came from for its data again, while it is captured, and draws it anew: what
 * was chosen, opened and looked at stays. A report in a file asks for nothing.
 */
const every = 1000 * (document.documentElement.getAttribute("data-refresh") || 0);
const state = h("span", {role: "status"});
let paused = false, then = "", silent; /* then: what of the past is shown */

/* Places of an element among its kin, from the top down. */
function pathTo(e) {
	if (!app.contains(e))
		return undefined;
	const path = [];
	for (; e !== app; e = e.parentElement)
		path.unshift(Array.prototype.indexOf.call(e.parentElement.children, e));
	return path;
}

function drawAgain() {
	const open = {}, active = document.activeElement, path = active && pathTo(active), y = window.scrollY;
	const from = active && active.selectionStart, to = active && active.selectionEnd;
	for (const d of document.querySelectorAll("details[data-key]"))
		open[d.getAttribute("data-key")] = d.open;
	draw();
	document.getElementById("verdict").textContent = data.verdict;
	for (const d of document.querySelectorAll("details[data-key]"))
		if (d.getAttribute("data-key") in open)
			d.open = open[d.getAttribute("data-key")];
	const same = path && path.reduce((e, i) => e && e.children[i], app);
	if (path && path.length && same && same.tagName === active.tagName) {
		same.focus({preventScroll: true});
		if (typeof from === "number" && same.setSelectionRange)
			same.setSelectionRange(from, to);
	}
	window.scrollTo(window.scrollX, y);
}

/* Nobody wants a text to go away that is being copied. */
function busy() {
	const s = document.getSelection();
	return paused || then || document.hidden || (s && !s.isCollapsed && app.contains(s.anchorNode));
}

function tell() {
	const now = data.under_way ? clock(data.under_way.time) : data.capture.last && clock(data.capture.last);
	if (!data.live)
		state.textContent = "all that was captured";
	else if (silent)
		state.textContent = "no answer since " + silent + ": this is what was said last";
	else
		state.textContent = (now ? "as of " + now + " UTC" : "no frame so far") + (paused ? ", paused" : "");
}

async function fetched(path) {
	try {
		const answer = await fetch(path, {cache: "no-store"});
		return answer.ok ? parse(await answer.text()) : undefined;
	} catch (e) {
		return undefined;
	}
}

async function ask() {
	const got = await fetched("report.json");
	if (got && busy())
		return;
	silent = got ? undefined : silent || new Date().toISOString().slice(11, 19) + " UTC";
	if (got) {
		data = got;
		drawAgain();
	}
	tell();
}

async function again() {
	if (data.live)
		setTimeout(again, every);
	if (!busy())
		await ask();
}

/* What was before, of the history. */

const RANGES = [["1h", "the last hour"], ["6h", "the last 6 hours"], ["1d", "the last day"], ["7d", "the last 7 days"],
	["30d", "the last 30 days"]];

function minute(n) {
	return clock(new Date(n * 60000).toISOString().slice(0, 16));
}

function drawHistory(d) {
	const v = {n: d.transactions.length, width: d.width}, minutes = d.width / 60e9;
	const server = {title: "server", text: (x) => (x.server + " " + x.protocol).trim(), short: true};
	app.replaceChildren();
	map = undefined;
	const charts = [line("Requests a minute", v, d.transactions.map((n) => n / minutes), "--c-server"),
		line("Errors a minute", v, d.errors.map((n) => n / minutes), "--critical"),
		line("Under way on average", v, d.waited.map((n) => n / d.width), "--c-connect"),
		line("Frames dropped a minute", v, d.dropped.map((n) => n / minutes), "--warning")].flat();
	section("Since " + clock(d.from) + " UTC", h("div", {"class": "panel"},
		charts.length ? charts : h("p", {"class": "note"}, "Nothing is kept of that time.")));
	const most = d.causes.length ? d.causes[0].ns : 1, grid = bars(most);
	for (const c of d.causes)
		grid.add(c.cause, h("div", {"class": "bar"}, piece(0, c.ns / most, entryColour(c.cause), c.cause)), duration(c.ns));
	if (d.causes.length)
		section("Where the time went", h("div", {"class": "panel"}, grid.end()));
	table("then-findings", "Findings", d.findings, [{title: "finding", text: (x) => x.title}, {title: "severity", text: (x) => x.severity, short: true},
		server, number("cost", (x) => x.cost, duration), number("cases", (x) => x.cases, count),
		{title: "first", text: (x) => minute(x.first), short: true}, {title: "last", text: (x) => minute(x.last), short: true}]);
	const sums = [number("transactions", (x) => x.transactions, count), number("errors", (x) => x.errors, count),
		number("waited", (x) => x.waited, duration), number("worst minute's p99", (x) => x.p99, duration)];
	table("then-services", "Services", d.services, [server].concat(sums));
	table("then-operations", "Operations", d.operations, [server, {title: "operation", text: (x) => x.operation}].concat(sums));
}

async function lookBack(which) {
	const got = await fetched("history/" + which + ".json");
	if (then === which && got)
		drawHistory(got);
	else if (then === which)
		state.textContent = "no answer";
}

function choice() {
	const select = h("select", {"aria-label": "Time"}, h("option", {value: ""}, "now"),
		RANGES.map((r) => h("option", {value: r[0]}, r[1])));
	select.addEventListener("change", function () {
		then = select.value;
		document.querySelector("header").classList.toggle("then", then !== "");
		if (then)
			lookBack(then);
		else
			ask();
	});
	return select;
}

function live() {
	const button = h("button", {type: "button", "class": "link", on: {click: function () {
		paused = !paused;
		button.textContent = paused ? "go on" : "pause";
		tell();
		if (!paused)
			ask();
	}}}, "pause");
	document.querySelector("header").append(h("p", {"class": "facts", id: "live"}, state, data.live ? [" ", button] : undefined,
		document.documentElement.hasAttribute("data-history") ? [" ", choice()] : undefined));
	tell();
	if (data.live)
		setTimeout(again, every);
}

if (every)
	live();
