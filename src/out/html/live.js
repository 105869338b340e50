/*
 * live.js - asks where the page came from for its data again, while it is captured, and draws it anew: what
 * was chosen, opened and looked at stays. A report in a file asks for nothing.
 */
const every = 1000 * (document.documentElement.getAttribute("data-refresh") || 0);
const state = h("span", {role: "status"});
let paused = false, silent;

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
	return paused || document.hidden || (s && !s.isCollapsed && app.contains(s.anchorNode));
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

async function fetched() {
	try {
		const answer = await fetch("report.json", {cache: "no-store"});
		return answer.ok ? parse(await answer.text()) : undefined;
	} catch (e) {
		return undefined;
	}
}

async function ask() {
	const got = await fetched();
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

function live() {
	const button = h("button", {type: "button", "class": "link", on: {click: function () {
		paused = !paused;
		button.textContent = paused ? "go on" : "pause";
		tell();
		if (!paused)
			ask();
	}}}, "pause");
	document.querySelector("header").append(h("p", {"class": "facts", id: "live"}, state, data.live ? [" ", button] : undefined));
	tell();
	if (data.live)
		setTimeout(again, every);
}

if (every)
	live();
