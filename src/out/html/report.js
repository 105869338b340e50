/*
 * report.js - draws the report from the JSON object in the page. It is one script with elements.js and
 * charts.js before it, and live.js behind it.
 */

/* What cannot be seen, or turns round what is read, is shown by its number. */
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
function parse(text) {
	return JSON.parse(text, function (key, value) {
		return typeof value !== "string" ? value : value.replace(HIDDEN,
			(c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
	});
}

let data = parse(document.getElementById("data").textContent);
let map; /* the heat map that is shown */
const app = document.getElementById("app");
const SHOWN = 200; /* rows of a table at once */

const kept = {}; /* what was chosen: of tables, by their id, and the service over time */
const filters = {}; /* of the tables, by their id: a function that filters by a text and goes there */

function section(title, ...children) {
	app.append(h("section", {}, h("h2", {}, title), children));
}

function goTo(element) {
	for (let e = element; e; e = e.parentElement)
		if (e.tagName === "DETAILS")
			e.open = true;
	element.scrollIntoView({block: "start"});
	element.setAttribute("tabindex", "-1");
	element.focus({preventScroll: true});
}

function link(text, go) {
	return h("button", {type: "button", "class": "link", on: {click: go}}, text);
}

function first(text) {
	return text.charAt(0).toUpperCase() + text.slice(1);
}

/* The head. */

function head() {
	const c = data.capture;
	let facts = count(c.frames) + (c.frames === 1 ? " frame, " : " frames, ") + bytes(c.bytes);
	if (c.files)
		facts += " of " + count(c.files.length) + " files";
	if (c.first)
		facts += " in " + duration(c.duration) + ", from " + clock(c.first) + " UTC";
	facts += "; " + count(data.flows.flows) + " connections, " + count(data.total.transactions) +
		" transactions, " + duration(data.total.total) + " of waiting";
	const dropped = c.kernel_dropped + c.interface_dropped;
	if (dropped)
		facts += "; " + count(dropped) + " frames dropped while capturing";
	if (c.drops)
		facts += " (from " + clock(c.drops[0].from) + " to " + clock(c.drops[c.drops.length - 1].to) + " UTC)";
	if (c.cut_frames)
		facts += "; " + count(c.cut_frames) + " frames cut";
	if (c.reordered)
		facts += "; " + count(c.reordered) + " frames put in order of time";
	if (c.time_back)
		facts += "; " + count(c.time_back) + " frames with a time before their predecessor's";
	for (const x of (c.interface_change || []).slice(0, 20))
		facts += "; " + clock(x.time) + " UTC " + x.interface + " " +
			(x.state === "renamed" ? "is called " + x.name + " now" : x.state.replace("_", " "));
	document.getElementById("facts").textContent = facts;
}

/* Findings. */

function term(list, title, ...value) {
	if (value[0])
		list.append(h("dt", {}, title), h("dd", {}, value));
}

function copied(what, text, copy) {
	return [h("code", {}, text), copyButton(what, copy || text)];
}

/* Where the rows of a finding are: its server's, its client's. */
function rowsOf(f) {
	const list = [], host = f.server && f.server.replace(/:\d+$/, "");
	const add = function (id, title, text, n) {
		if (n)
			list.push(link(title, () => filters[id](text)));
	};
	if (f.server) {
		add("services", "service", f.server, data.services.some((x) => x.server === f.server));
		add("operations", "operations", f.server, data.operations.some((x) => x.server === f.server));
		const slow = data.slowest.findIndex((x) => x.server === f.server);
		if (slow >= 0)
			list.push(link("slowest transactions", () => goTo(document.querySelectorAll("details.slow")[slow])));
		add("hosts", "server's host", host, data.hosts.some((x) => x.ip === host));
	}
	add("hosts", "client's host", f.client, f.client && data.hosts.some((x) => x.ip === f.client));
	return list.length ? list : undefined;
}

function finding(f) {
	const list = h("dl");
	term(list, "Evidence", f.saw);
	term(list, "Meaning", f.means);
	term(list, "Next steps", f.next);
	term(list, "Caveats", f.against);
	const whole = f.part_of && data.findings.find((x) => x.id === f.part_of && x !== f);
	term(list, "Part of", whole ? link(f.part_of, () => goTo(whole.element)) : f.part_of);
	if (f.first)
		term(list, "When", clock(f.first) + (f.last && f.last !== f.first ? " to " + clock(f.last) : "") +
			(f.peak ? ", worst at " + clock(f.peak) : ""));
	term(list, "Rows", rowsOf(f));
	if (f.frames.length)
		term(list, "Frames", copied("the frames as a filter of Wireshark", f.frames.join(" "),
			"frame.number in {" + f.frames.join(", ") + "}"));
	if (f.filter)
		term(list, "Display filter", copied("the display filter", f.filter));
	if (f.bpf)
		term(list, "Capture filter", copied("the capture filter", f.bpf));
	const of = f.of ? count(f.count) + " of " + count(f.of) : count(f.count);
	const where = [f.server && "server " + f.server, f.client && "client " + f.client, f.protocol].filter(Boolean).join(", ");
	f.element = h("article", {"class": "finding " + f.severity},
		h("header", {},
			h("h3", {}, f.title),
			h("span", {"class": "severity"}, f.severity),
			h("span", {"class": "mono"}, f.id),
			h("span", {"class": "note"}, where),
			h("span", {"class": "note"}, of + (f.counted ? " " + f.counted : "")),
			f.cost ? h("span", {"class": "cost"}, (f.at_least ? "at least " : "") + duration(f.cost) + ", " + percent(f.share)) : undefined),
		list);
	return f.element;
}

function findings() {
	const list = data.findings || [], few = list.length <= 4;
	const lesser = list.filter((f) => f.severity === "info" && !f.of_capture && !few);
	section("Findings", list.length ? list.filter((f) => !lesser.includes(f)).map(finding)
		: h("p", {"class": "note"}, "Nothing that the packets prove stands out."));
	if (lesser.length)
		app.lastChild.append(h("details", {"data-key": "lesser"}, h("summary", {}, count(lesser.length) + " more that cost little: " +
			[...new Set(lesser.map((f) => f.id))].join(", ")), lesser.map(finding)));
}

/* Over time. */

function time() {
	if (!data.series)
		return;
	const all = [{label: "all transactions", series: data.series}];
	for (const x of data.series_of_services)
		all.push({label: name(x), series: x});
	const place = h("div"), choice = h("select", {"aria-label": "Service"}, all.map((a, i) => h("option", {value: i}, a.label)));

	function show() {
		kept.service = all[choice.value || 0].label;
		const fine = all[choice.value || 0].series, v = wider(fine), seconds = v.width / 1e9;
		map = heatMap(fine);
		const charts = [map && map.element,
			line("Ended a second", v, v.ended.map((n) => n / seconds), "--c-server"),
			line("Under way", v, v.busy.map((n) => n / v.width), "--c-connect"),
			line("Errors a second", v, v.errors.map((n) => n / seconds), "--critical"),
			scatter(v)].flat().filter(Boolean);
		place.replaceChildren(...(charts.length ? charts : [h("p", {"class": "note"}, "No transaction ended.")]));
		drawMap();
	}

	choice.value = Math.max(all.findIndex((a) => a.label === kept.service), 0);
	choice.addEventListener("change", show);
	section("Over time", h("div", {"class": "panel"}, h("div", {"class": "row"}, choice,
		h("span", {"class": "note"}, "time since " + clock(data.series.start) + " UTC")), place));
	show();
}

function drawMap() {
	if (map)
		map.draw();
}

/* What is under way. */

function underWay() {
	const u = data.under_way;
	if (!u)
		return;
	const note = count(u.requests) + (u.requests === 1 ? " request and " : " requests and ") + count(u.connections) +
		(u.connections === 1 ? " connection" : " connections") + " with " + bytes(u.bytes) + " so far";
	if (!u.oldest.length)
		section("Under way now", h("div", {"class": "panel"}, h("p", {"class": "note"}, note)));
	table("under-way", "Under way now", u.oldest, [number("waited so far", (x) => x.waited, duration),
		{title: "most of it", text: (x) => x.cause || "not known", short: true},
		{title: "request", text: (x) => x.protocol + " " + x.operation},
		{title: "server", text: (x) => x.server, short: true}, {title: "client", text: (x) => x.client, short: true},
		number("frame", (x) => x.frame, String)], note);
}

/* The account: all that users felt, cause by cause. */

function account() {
	const a = data.account, FEW = 12;
	if (!a || !a.felt)
		return;
	const most = a.lines.length ? a.lines[0].cost : 1, grid = bars(most);
	const row = function (title, cost, fill, go, open) {
		grid.add(go ? link(title, go) : title, h("div", {"class": "bar"}, piece(0, cost / most, fill, title)),
			(open ? "at least " : "") + duration(cost) + ", " + percent(cost / a.felt));
	};
	for (const l of a.lines.slice(0, FEW)) {
		const same = l.finding ? (data.findings || []).filter((f) => f.id === l.finding) : [];
		const f = same.find((f) => f.server === l.server) || same[0];
		row(first(l.title) + (l.server ? " at " + l.server : "") + (l.protocol ? ", " + l.protocol : ""), l.cost,
			f && f.severity !== "info" ? "var(--" + f.severity + ")" : l.finding ? "var(--soft)" : entryColour(l.entry),
			f && (() => goTo(f.element)), l.at_least);
	}
	const rest = a.lines.slice(FEW);
	if (rest.length)
		row(count(rest.length) + " more", rest.reduce((sum, l) => sum + l.cost, 0), "var(--line)");
	let whole = duration(a.felt) + " of waiting that users felt" + (a.at_least ? " so far" : "");
	if (a.all > a.felt)
		whole += "; " + duration(a.all) + " if what servers waited for behind them counts at each";
	if (a.idle)
		whole += "; " + duration(a.idle) + " on purpose, in neither";
	section("Causes of waiting", h("div", {"class": "panel"}, grid.end(), h("p", {"class": "note"}, whole)));
}

/* The ledger, by service. */

function ledgerBar(ledger, scale) {
	const bar = h("div", {"class": "bar"});
	let at = 0;
	for (const k of Object.keys(ledger)) {
		bar.append(piece(at, ledger[k] / scale, entryColour(k), k + ": " + duration(ledger[k])));
		at += ledger[k] / scale;
	}
	return bar;
}

function ledger() {
	const list = data.services.filter((x) => x.total).slice(0, 20);
	if (!list.length)
		return;
	const most = data.total.total, grid = bars(most);
	grid.add("all", ledgerBar(data.total.ledger, most), duration(most));
	for (const x of list)
		grid.add(name(x), ledgerBar(x.ledger, most), duration(x.total));
	const entries = Object.keys(data.total.ledger).sort((a, b) => data.total.ledger[b] - data.total.ledger[a]);
	const legend = h("div", {"class": "legend"}, entries.map(function (k) {
		const i = h("i");
		i.style.background = entryColour(k);
		return h("span", {}, i, k + " " + duration(data.total.ledger[k]) + ", " + percent(data.total.ledger[k] / data.total.total));
	}));
	section("Where the time went", h("div", {"class": "panel"}, legend, grid.end()));
}

/* What requests waited for behind their server. */

function tiers() {
	const list = data.tiers.filter((t) => t.server_time).slice(0, 20);
	if (!list.length)
		return;
	const classes = [["own", "--c-server"], ["database", "--c-connect"], ["files", "--c-stall"], ["mail", "--c-window"],
		["web", "--c-network"], ["DNS", "--c-tls"], ["other", "--c-unknown"]];
	const most = Math.max(...list.map((t) => t.server_time)), grid = bars(most), used = new Set();
	for (const t of list) {
		const bar = h("div", {"class": "bar"});
		let at = 0;
		for (const c of classes) {
			const part = (t.time[c[0]] || 0) / most;
			if (!part)
				continue;
			used.add(c[0]);
			bar.append(piece(at, part, "var(" + c[1] + ")", c[0] + ": " + duration(t.time[c[0]])));
			at += part;
		}
		grid.add([t.other ? "other" : t.operation, h("span", {"class": "note"}, " " + count(t.requests) +
			(t.requests === 1 ? " request" : " requests"))], bar, duration(t.server_time));
	}
	const legend = h("div", {"class": "legend"}, classes.filter((c) => used.has(c[0])).map(function (c) {
		const i = h("i");
		i.style.background = "var(" + c[1] + ")";
		return h("span", {}, i, c[0]);
	}));
	section("What requests waited for behind their server", h("div", {"class": "panel"}, legend, grid.end()));
	const pairs = [];
	for (const t of data.tiers)
		for (const p of t.pairs)
			pairs.push({parent: t.other ? "other" : t.operation, of: t.requests, p: p});
	table("calls", "Calls of each request", pairs, [{title: "request", text: (x) => x.parent},
		{title: "calls", text: (x) => x.p.other ? "other" : x.p.operation},
		{title: "server", text: (x) => name(x.p), short: true},
		number("calls a request", (x) => x.p.calls / Math.max(x.of, 1), three),
		number("most", (x) => x.p.most, three),
		number("requests with ten or more", (x) => x.p.repeats, count),
		number("time", (x) => x.p.time, duration)]);
}

/* The slowest transactions, with what their servers asked meanwhile. */

function stampBar(x, from, whole) {
	const bar = h("div", {"class": "bar"}), t = x.stamps, known = t.every((v) => v !== null);
	const parts = [["connect", 0, t[0], "--c-connect"], ["request", t[0], t[1], "--c-request"],
		["wait", t[1], t[2], "--c-server"], ["response", t[2], t[3], "--c-response"]];
	if (!known)
		bar.append(piece(from / whole, x.total / whole, "var(--c-unknown)", "not answered in full: " + duration(x.total)));
	else
		for (const p of parts)
			if (p[2] > p[1])
				bar.append(piece((from + p[1]) / whole, (p[2] - p[1]) / whole, "var(" + p[3] + ")", p[0] + ": " + duration(p[2] - p[1])));
	return bar;
}

function waited(x) {
	return duration(x.total) + (x.pending ? " so far" : "");
}

function waterRow(x, from, whole) {
	const label = x.protocol + " " + x.operation;
	return [h("span", {"class": "d" + x.depth, title: label + ", " + x.client + " to " + x.server + ", frame " + x.frame}, label),
		stampBar(x, from, whole), h("span", {"class": "number"}, waited(x))];
}

function waterfall() {
	if (!data.slowest.length)
		return;
	const list = data.slowest.map(function (x, i) {
		const largest = Object.keys(x.ledger).sort((a, b) => x.ledger[b] - x.ledger[a])[0];
		const d = h("details", {"class": "slow", open: i < 3 ? "" : undefined, "data-key": [x.server, x.frame, x.start].join(" ")},
			h("summary", {}, waited(x) + "  ", h("span", {"class": "mono"}, x.operation),
				h("span", {"class": "note"}, "  client " + x.client + " to server " + x.server + ", " + x.protocol + ", " + (x.status || "not known") +
					", frame " + x.frame +
					(largest ? ", most of it " + largest + " " + duration(x.ledger[largest]) : ""))),
			h("div", {"class": "water"}, waterRow(x, 0, x.total), x.calls.map((c) => waterRow(c, c.after, x.total))));
		if (x.calls_left_out)
			d.append(h("p", {"class": "note"}, "and " + count(x.calls_left_out) + " more"));
		return d;
	});
	const legend = h("div", {"class": "legend"}, [["connect", "--c-connect"], ["request", "--c-request"], ["wait", "--c-server"],
		["response", "--c-response"], ["not answered in full", "--c-unknown"]].map(function (p) {
		const i = h("i");
		i.style.background = "var(" + p[1] + ")";
		return h("span", {}, i, p[0]);
	}));
	section("Slowest transactions",
		h("div", {"class": "panel"}, legend, list));
}

/* Tables: columns are {title, text(row), value(row)}; value only where it is a number. */

function table(id, title, rows, columns, note) {
	if (!rows.length)
		return;
	const body = h("tbody"), more = h("p", {"class": "note"}), heads = [];
	const filter = h("input", {type: "search", placeholder: "filter", "aria-label": "Filter " + title});
	const chosen = kept[id] = kept[id] || {text: "", by: -1, down: true};
	filter.value = chosen.text;

	function fits(row) {
		const words = filter.value.toLowerCase().split(/\s+/);
		const text = columns.map((c) => c.text(row)).join(" ").toLowerCase();
		return words.every((w) => text.includes(w));
	}

	function compare(a, b) {
		const c = columns[chosen.by], x = c.value ? c.value(a) : c.text(a), y = c.value ? c.value(b) : c.text(b);
		if (x === undefined || y === undefined)
			return (x === undefined) - (y === undefined);
		const order = x < y ? -1 : x > y ? 1 : 0;
		return chosen.down ? -order : order;
	}

	function show() {
		chosen.text = filter.value;
		const some = rows.filter(fits);
		if (chosen.by >= 0)
			some.sort(compare);
		body.replaceChildren(...some.slice(0, SHOWN).map((row) =>
			h("tr", {}, columns.map((c) => h("td", {"class": c.value ? "n" : c.short ? "short" : ""}, c.text(row))))));
		more.textContent = some.length > SHOWN ? "and " + count(some.length - SHOWN) + " more: filter to see them" : "";
		heads.forEach(function (e, i) {
			if (i === chosen.by)
				e.setAttribute("aria-sort", chosen.down ? "descending" : "ascending");
			else
				e.removeAttribute("aria-sort");
		});
	}

	columns.forEach(function (c, i) {
		heads.push(h("th", {"class": c.value ? "n" : "", scope: "col"}, h("button", {type: "button", on: {click: function () {
			chosen.down = chosen.by === i ? !chosen.down : Boolean(c.value);
			chosen.by = i;
			show();
		}}}, c.title)));
	});
	filter.addEventListener("input", show);
	filters[id] = function (text) {
		filter.value = text;
		show();
		goTo(filter.closest("section").firstChild);
	};
	section(title, h("div", {"class": "panel wide", role: "region", tabindex: "0", "aria-label": title}, h("div", {"class": "row"}, filter, note ? h("span", {"class": "note"}, note) : undefined),
		h("table", {id: id}, h("thead", {}, h("tr", {}, heads)), body), more));
	show();
}

function number(title, value, text) {
	return {title: title, value: value, text: (row) => value(row) === undefined ? "-" : text(value(row))};
}

function tallyColumns() {
	const at = (part) => (x) => x.duration && x.duration[part];
	return [
		number("transactions", (x) => x.transactions, count),
		number("errors", (x) => x.errors, count),
		number("waited", (x) => x.total, duration),
		number("p50", at("p50"), duration),
		number("p90", at("p90"), duration),
		number("p99", at("p99"), duration),
		number("max", at("max"), duration),
	];
}

function tables() {
	table("services", "Services", data.services, [{title: "server", text: name, short: true}, number("flows", (x) => x.flows, count)].concat(
		tallyColumns(), [number("answers a second", (x) => x.answers_per_second, (n) => rate(n, 1e9)), number("bytes", (x) => x.bytes, bytes),
			number("SYN retries", (x) => x.syn_retries, count), number("never opened", (x) => x.failed_connects, count)]));
	table("operations", "Operations", data.operations, [{title: "server", text: name, short: true},
		{title: "operation", text: (x) => x.other ? "other" : x.operation}].concat(tallyColumns(),
		[number("slowest in frame", (x) => x.slowest.length ? x.slowest[0].frame : undefined, String)]),
	data.operations_given_up ? count(data.operations_given_up) + " operations had no place of their own: other has them" : "");
	const place = (x) => [x.city, x.country, x.as_number && "AS" + x.as_number, x.organization].filter(Boolean).join(" ");
	const known = data.hosts.some(place) ? [{title: "place", text: place}] : [];
	table("hosts", "Hosts", data.hosts, [{title: "host", text: (x) => x.other ? "other" : x.ip, short: true}].concat(known, [
		number("sent", (x) => x.sent, bytes), number("received", (x) => x.received, bytes),
		number("requests", (x) => x.requests, count), number("waited", (x) => x.waited, duration),
		number("answers", (x) => x.answers, count), number("errors", (x) => x.errors, count),
		number("kept waiting", (x) => x.kept_waiting, duration),
		number("sent again", (x) => x.retransmits, count)]),
	data.hosts_given_up ? count(data.hosts_given_up) + " hosts had no place of their own: other has them" : "");
	table("counters", "Counters", data.counters, [{title: "what", text: (x) => x.name}, number("times", (x) => x.n, count)]);
}

function draw() {
	app.replaceChildren();
	map = undefined;
	for (const id of Object.keys(filters))
		delete filters[id];
	head();
	account();
	underWay();
	ledger();
	findings();
	time();
	tiers();
	waterfall();
	tables();
}

draw();
window.addEventListener("resize", drawMap);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawMap);
document.documentElement.setAttribute("data-ready", "");
