/*
 * report.js - draws the report from the JSON object in the page. Text goes into the page as text
 * only, never as markup; nothing is fetched.
 */
"use strict";
(function () {
	/* What cannot be seen, or turns round what is read, is shown by its number. */
	const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
	const data = JSON.parse(document.getElementById("data").textContent, function (key, value) {
		return typeof value !== "string" ? value : value.replace(HIDDEN,
			(c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
	});
	const app = document.getElementById("app");
	const SHOWN = 200; /* rows of a table at once */

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

	function s(name, attributes, ...children) {
		const e = document.createElementNS("http://www.w3.org/2000/svg", name);
		for (const k of Object.keys(attributes || {}))
			e.setAttribute(k, attributes[k]);
		e.append(...children);
		return e;
	}

	function section(title, ...children) {
		app.append(h("section", {}, h("h2", {}, title), children));
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
		if (c.cut_frames)
			facts += "; " + count(c.cut_frames) + " frames cut";
		if (c.reordered)
			facts += "; " + count(c.reordered) + " frames put in order of time";
		if (c.time_back)
			facts += "; " + count(c.time_back) + " frames with a time before their predecessor's";
		document.getElementById("facts").textContent = facts;
	}

	/* Findings. */

	function term(list, title, value) {
		if (value)
			list.append(h("dt", {}, title), h("dd", {}, value));
	}

	function finding(f) {
		const list = h("dl");
		term(list, "Evidence", f.saw);
		term(list, "Meaning", f.means);
		term(list, "Next steps", f.next);
		term(list, "Caveats", f.against);
		term(list, "Part of", f.part_of);
		if (f.first)
			term(list, "When", clock(f.first) + (f.last && f.last !== f.first ? " to " + clock(f.last) : "") +
				(f.peak ? ", worst at " + clock(f.peak) : ""));
		if (f.frames.length)
			term(list, "Frames", h("code", {}, f.frames.join(" ")));
		term(list, "Display filter", f.filter && h("code", {}, f.filter));
		term(list, "Capture filter", f.bpf && h("code", {}, f.bpf));
		const of = f.of ? count(f.count) + " of " + count(f.of) : count(f.count);
		return h("article", {"class": "finding " + f.severity},
			h("header", {},
				h("h3", {}, f.title),
				h("span", {"class": "severity"}, f.severity),
				h("span", {"class": "mono"}, f.id),
				h("span", {"class": "note"}, [f.server, f.client, f.protocol].filter(Boolean).join(" ")),
				h("span", {"class": "note"}, of + (f.counted ? " " + f.counted : "")),
				f.cost ? h("span", {"class": "cost"}, duration(f.cost) + ", " + percent(f.share)) : undefined),
			list);
	}

	function findings() {
		const list = data.findings || [], few = list.length <= 4;
		const lesser = list.filter((f) => f.severity === "info" && !f.of_capture && !few);
		section("Findings", list.length ? list.filter((f) => !lesser.includes(f)).map(finding)
			: h("p", {"class": "note"}, "Nothing that the packets prove stands out."));
		if (lesser.length)
			app.lastChild.append(h("details", {}, h("summary", {}, count(lesser.length) + " more that cost little: " +
				[...new Set(lesser.map((f) => f.id))].join(", ")), lesser.map(finding)));
	}

	/* Over time: a heat map of latency, what ended, what was under way. */

	function heatMap(series) {
		const canvas = h("canvas", {role: "img", "aria-label": "Latency over time"});
		const note = h("p", {"class": "note"}, "\u00a0");
		let used = [56, 0], most = 0;
		for (const bucket of series.heat)
			for (let i = 0; i < bucket.length; i += 2) {
				used = [Math.min(used[0], bucket[i]), Math.max(used[1], bucket[i])];
				most = Math.max(most, bucket[i + 1]);
			}
		const low = Math.max(0, used[0] - 1), rows = Math.max(used[1] + 2 - low, 4), LEFT = 62, BOTTOM = 18;

		function draw() {
			const width = canvas.clientWidth || 900, height = Math.min(26 * rows, 300) + BOTTOM;
			const ratio = window.devicePixelRatio || 1;
			canvas.width = width * ratio;
			canvas.height = height * ratio;
			canvas.style.height = height + "px";
			const g = canvas.getContext("2d"), from = colour("--heat-low").split(" "), to = colour("--heat-high").split(" ");
			const w = (width - LEFT) / series.n, r = (height - BOTTOM) / rows;
			g.scale(ratio, ratio);
			series.heat.forEach(function (bucket, k) {
				for (let i = 0; i < bucket.length; i += 2) {
					const part = Math.log(1 + bucket[i + 1]) / Math.log(1 + most);
					const c = from.map((v, j) => Math.round(+v + (to[j] - v) * part));
					g.fillStyle = "rgb(" + c.join(",") + ")";
					g.fillRect(LEFT + k * w, (rows - 1 - (bucket[i] - low)) * r, Math.max(w, 3), Math.max(r - 0.5, 1));
				}
			});
			g.fillStyle = colour("--soft");
			g.font = "11px system-ui, sans-serif";
			g.textBaseline = "middle";
			const step = Math.ceil(rows / 10);
			for (let i = 0; i < rows; i += step)
				g.fillText(duration(series.heat_rows[low + i] || 0), 2, (rows - 1 - i) * r + r / 2);
			g.textBaseline = "alphabetic";
			g.fillText("0", LEFT, height - 4);
			const all = duration(series.n * series.width);
			g.fillText(all, width - g.measureText(all).width, height - 4);
		}

		canvas.addEventListener("mousemove", function (e) {
			const box = canvas.getBoundingClientRect();
			const k = Math.floor((e.clientX - box.left - LEFT) / ((box.width - LEFT) / series.n));
			const row = low + rows - 1 - Math.floor((e.clientY - box.top) / ((box.height - BOTTOM) / rows));
			const bucket = series.heat[k] || [];
			let n = 0;
			for (let i = 0; i < bucket.length; i += 2)
				if (bucket[i] === row)
					n = bucket[i + 1];
			note.textContent = k < 0 || k >= series.n ? "\u00a0" : "at " + duration(k * series.width) + ": " + count(n) +
				" took " + duration(series.heat_rows[row] || 0) + " and more, " + count(series.ended[k]) + " ended, " +
				count(series.errors[k]) + " of them with an error";
		});
		return {element: h("div", {}, canvas, note), draw: draw};
	}

	/* Fewer and wider buckets: a line of one transaction each shows nothing. */
	function wider(series) {
		let by = 1;
		while (series.n / by > 64)
			by *= 2;
		const n = Math.ceil(series.n / by), r = {n: n, width: series.width * by};
		for (const k of ["ended", "errors", "busy"]) {
			r[k] = new Array(n).fill(0);
			series[k].forEach((v, i) => { r[k][Math.floor(i / by)] += v; });
		}
		return r;
	}

	/* A line of numbers over time. */
	function line(title, values, unit, variable) {
		const W = 1000, H = 70, LEFT = 62 / 1.1, most = Math.max(...values, 1e-9);
		const at = (v, i) => (LEFT + (W - LEFT) * (i + 0.5) / values.length).toFixed(1) + "," + (H - 4 - (H - 18) * v / most).toFixed(1);
		return [h("p", {"class": "caption"}, title + ", at most " + unit(most)),
			s("svg", {viewBox: "0 0 " + W + " " + H, role: "img", "aria-label": title, preserveAspectRatio: "none", height: H},
				s("line", {"class": "axis", x1: LEFT, x2: W, y1: H - 4, y2: H - 4}),
				s("polyline", {points: values.map(at).join(" "), fill: "none", stroke: "var(" + variable + ")",
					"stroke-width": 1.5, "vector-effect": "non-scaling-stroke"}))];
	}

	/* How much was done beside how much was under way: where it bends, it is full. */
	function scatter(series) {
		const W = 560, H = 300, LEFT = 56, BOTTOM = 34;
		const dots = [];
		for (let k = 0; k < series.n; k++)
			if (series.busy[k] > 0 || series.ended[k])
				dots.push([series.busy[k] / series.width, series.ended[k] / (series.width / 1e9)]);
		const right = Math.max(...dots.map((d) => d[0]), 1e-3), top = Math.max(...dots.map((d) => d[1]), 1e-3);
		const svg = s("svg", {viewBox: "0 0 " + W + " " + H, role: "img", "aria-label": "Throughput against concurrency"},
			s("line", {"class": "axis", x1: LEFT, x2: W, y1: H - BOTTOM, y2: H - BOTTOM}),
			s("line", {"class": "axis", x1: LEFT, x2: LEFT, y1: 6, y2: H - BOTTOM}));
		for (const d of dots)
			svg.append(s("circle", {cx: (LEFT + (W - LEFT - 8) * d[0] / right).toFixed(1), cy: (H - BOTTOM - (H - BOTTOM - 12) * d[1] / top).toFixed(1),
				r: 3, fill: "var(--accent)", "fill-opacity": 0.5}));
		svg.append(s("text", {x: LEFT, y: H - 18}, "0"), s("text", {x: W - 8, y: H - 18, "text-anchor": "end"}, three(right)),
			s("text", {x: (W + LEFT) / 2, y: H - 4, "text-anchor": "middle"}, "under way at once, on average"),
			s("text", {x: LEFT - 6, y: 14, "text-anchor": "end"}, three(top)), s("text", {x: LEFT - 6, y: 28, "text-anchor": "end"}, "/s"));
		svg.style.maxWidth = W + "px";
		return svg;
	}

	function time() {
		if (!data.series)
			return;
		const all = [{label: "all transactions", series: data.series}];
		for (const x of data.series_of_services)
			all.push({label: name(x), series: x});
		const place = h("div"), choice = h("select", {"aria-label": "Service"}, all.map((a, i) => h("option", {value: i}, a.label)));
		let map;

		function show() {
			const fine = all[choice.value || 0].series, v = wider(fine), seconds = v.width / 1e9;
			map = heatMap(fine);
			place.replaceChildren(map.element,
				...line("Ended a second", v.ended.map((n) => n / seconds), (n) => three(n), "--c-server"),
				...line("Under way", v.busy.map((n) => n / v.width), (n) => three(n), "--c-connect"),
				...line("Errors a second", v.errors.map((n) => n / seconds), (n) => three(n), "--critical"),
				h("p", {"class": "caption"}, "Throughput (ended a second) against concurrency, a dot for each " + duration(v.width)),
				scatter(v));
			map.draw();
		}

		choice.addEventListener("change", show);
		section("Over time", h("div", {"class": "panel"}, h("div", {"class": "row"}, choice,
			h("span", {"class": "note"}, "a row of the map is a latency, darker or brighter is more of it")), place));
		show();
		window.addEventListener("resize", () => map.draw());
		window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => map.draw());
	}

	/* The account: all that users felt, cause by cause. */

	function account() {
		const a = data.account, FEW = 12;
		if (!a || !a.felt)
			return;
		const grid = h("div", {"class": "bars"}), most = a.lines.length ? a.lines[0].cost : 1;
		const row = function (title, cost, fill) {
			grid.append(h("span", {}, title), h("div", {"class": "bar"}, piece(0, cost / most, fill, title)),
				h("span", {"class": "number"}, duration(cost) + ", " + percent(cost / a.felt)));
		};
		for (const l of a.lines.slice(0, FEW)) {
			const f = l.finding && (data.findings || []).find((f) => f.id === l.finding);
			row(l.title + (l.server ? " at " + l.server : "") + (l.protocol ? " " + l.protocol : ""), l.cost,
				f && f.severity !== "info" ? "var(--" + f.severity + ")" : l.finding ? "var(--soft)" : entryColour(l.entry));
		}
		const rest = a.lines.slice(FEW);
		if (rest.length)
			row(count(rest.length) + " more", rest.reduce((sum, l) => sum + l.cost, 0), "var(--line)");
		let whole = duration(a.felt) + " of waiting that users felt";
		if (a.all > a.felt)
			whole += "; " + duration(a.all) + " when what servers waited for behind them counts at each";
		if (a.idle)
			whole += "; " + duration(a.idle) + " on purpose, in neither";
		section("Who has the waiting", h("div", {"class": "panel"}, grid, h("p", {"class": "note"}, whole)));
	}

	/* The ledger, by service. */

	function piece(from, part, fill, title) {
		const i = h("i", {title: title});
		from = Math.min(Math.max(from, 0), 1);
		part = Math.min(Math.max(part, 0), 1 - from);
		i.style.left = (100 * from).toFixed(3) + "%";
		i.style.width = (100 * part).toFixed(3) + "%";
		i.style.background = fill;
		return i;
	}

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
		const grid = h("div", {"class": "bars"}), most = list[0].total;
		grid.append(h("span", {}, "all"), ledgerBar(data.total.ledger, data.total.total),
			h("span", {"class": "number"}, duration(data.total.total)));
		for (const x of list)
			grid.append(h("span", {}, name(x)), ledgerBar(x.ledger, most), h("span", {"class": "number"}, duration(x.total)));
		const entries = Object.keys(data.total.ledger).sort((a, b) => data.total.ledger[b] - data.total.ledger[a]);
		const legend = h("div", {"class": "legend"}, entries.map(function (k) {
			const i = h("i");
			i.style.background = entryColour(k);
			return h("span", {}, i, k + " " + duration(data.total.ledger[k]) + ", " + percent(data.total.ledger[k] / data.total.total));
		}));
		section("Where the time went", h("div", {"class": "panel"}, legend, grid));
	}

	/* What requests waited for behind their server. */

	function tiers() {
		const list = data.tiers.filter((t) => t.server_time).slice(0, 20);
		if (!list.length)
			return;
		const classes = [["own", "--c-server"], ["MySQL", "--c-connect"], ["NFS", "--c-stall"], ["SMTP", "--c-window"],
			["HTTP", "--c-network"], ["DNS", "--c-tls"], ["other", "--c-unknown"]];
		const grid = h("div", {"class": "bars"}), most = Math.max(...list.map((t) => t.server_time)), used = new Set();
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
			grid.append(h("span", {}, t.other ? "other" : t.operation, h("span", {"class": "note"}, " " + count(t.requests) + " requests")),
				bar, h("span", {"class": "number"}, duration(t.server_time)));
		}
		const legend = h("div", {"class": "legend"}, classes.filter((c) => used.has(c[0])).map(function (c) {
			const i = h("i");
			i.style.background = "var(" + c[1] + ")";
			return h("span", {}, i, c[0]);
		}));
		section("Behind the web servers", h("div", {"class": "panel"}, legend, grid));
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

	function waterRow(x, from, whole) {
		const label = x.protocol + " " + x.operation;
		return [h("span", {"class": "d" + x.depth, title: label + ", " + x.client + " to " + x.server + ", frame " + x.frame}, label),
			stampBar(x, from, whole), h("span", {"class": "number"}, duration(x.total))];
	}

	function waterfall() {
		if (!data.slowest.length)
			return;
		const list = data.slowest.map(function (x, i) {
			const largest = Object.keys(x.ledger).sort((a, b) => x.ledger[b] - x.ledger[a])[0];
			const d = h("details", i < 3 ? {"class": "slow", open: ""} : {"class": "slow"},
				h("summary", {}, duration(x.total) + "  ", h("span", {"class": "mono"}, x.operation),
					h("span", {"class": "note"}, "  " + x.server + " " + x.protocol + ", " + (x.status || "not known") + ", frame " + x.frame +
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
		section("The slowest transactions, and what they waited for behind their server",
			h("div", {"class": "panel"}, legend, list));
	}

	/* Tables: columns are {title, text(row), value(row)}; value only where it is a number. */

	function table(id, title, rows, columns, note) {
		if (!rows.length)
			return;
		const body = h("tbody"), more = h("p", {"class": "note"}), heads = [];
		const filter = h("input", {type: "search", placeholder: "filter", "aria-label": "Filter " + title});
		let by = -1, down = true;

		function fits(row) {
			const words = filter.value.toLowerCase().split(/\s+/);
			const text = columns.map((c) => c.text(row)).join(" ").toLowerCase();
			return words.every((w) => text.includes(w));
		}

		function compare(a, b) {
			const c = columns[by], x = c.value ? c.value(a) : c.text(a), y = c.value ? c.value(b) : c.text(b);
			if (x === undefined || y === undefined)
				return (x === undefined) - (y === undefined);
			const order = x < y ? -1 : x > y ? 1 : 0;
			return down ? -order : order;
		}

		function show() {
			const some = rows.filter(fits);
			if (by >= 0)
				some.sort(compare);
			body.replaceChildren(...some.slice(0, SHOWN).map((row) =>
				h("tr", {}, columns.map((c) => h("td", {"class": c.value ? "n" : c.short ? "short" : ""}, c.text(row))))));
			more.textContent = some.length > SHOWN ? "and " + count(some.length - SHOWN) + " more: filter to see them" : "";
			heads.forEach(function (e, i) {
				if (i === by)
					e.setAttribute("aria-sort", down ? "descending" : "ascending");
				else
					e.removeAttribute("aria-sort");
			});
		}

		columns.forEach(function (c, i) {
			heads.push(h("th", {"class": c.value ? "n" : "", scope: "col"}, h("button", {type: "button", on: {click: function () {
				down = by === i ? !down : Boolean(c.value);
				by = i;
				show();
			}}}, c.title)));
		});
		filter.addEventListener("input", show);
		section(title, h("div", {"class": "panel"}, h("div", {"class": "row"}, filter, note ? h("span", {"class": "note"}, note) : undefined),
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
		const whole = data.capture.duration;
		table("services", "Services", data.services, [{title: "server", text: name, short: true}, number("flows", (x) => x.flows, count)].concat(
			tallyColumns(), [number("rate", (x) => x.transactions, (n) => rate(n, whole)), number("bytes", (x) => x.bytes, bytes),
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
		table("counters", "Counted", data.counters, [{title: "what", text: (x) => x.name}, number("times", (x) => x.n, count)]);
	}

	head();
	account();
	findings();
	time();
	ledger();
	tiers();
	waterfall();
	tables();
	document.documentElement.setAttribute("data-ready", "");
})();
