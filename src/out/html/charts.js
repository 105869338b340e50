/*
 * charts.js - bars to one scale, a heat map, lines and dots, each with its axes. Places are shares of
 * the width, so that nothing is drawn anew when the window changes, but the heat map.
 */

/* Ticks: from 0 on, at steps that people count in; with their unit. */

const TIME_STEPS = [10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400]; /* s */

function decimalStep(least) {
	const ten = Math.pow(10, Math.floor(Math.log10(least)));
	return [1, 2, 5, 10].find((x) => x * ten >= least * 0.9999) * ten;
}

function ticks(most, step, label) {
	const list = [];
	for (let i = 0; i * step <= most * 1.0001; i++)
		list.push({at: i * step, label: i ? label(i * step) : "0"});
	return list;
}

function numberTicks(most, few, unit) {
	const step = decimalStep(most / few);
	return ticks(most, step, (v) => (step < 1 ? String(parseFloat(v.toPrecision(3))) : count(Math.round(v))) + unit);
}

function timeTicks(most, few) {
	const least = most / few, step = least <= 1e10 ? decimalStep(least)
		: 1e9 * (TIME_STEPS.find((x) => x * 1e9 >= least) || 86400 * Math.ceil(least / 86400e9));
	const unit = [[3600e9, "h"], [60e9, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "us"], [1, "ns"]].find((u) =>
		most >= u[0] && (u[0] < 60e9 || step % u[0] === 0)) || [1, "ns"];
	return ticks(most, step, (v) => parseFloat((v / unit[0]).toPrecision(6)) + "\u00a0" + unit[1]);
}

/* A label that would go beyond the end stands before its tick. */
function tickAt(element, part) {
	if (part > 0.92)
		element.classList.add("last");
	return at(element, "left", part);
}

function at(element, side, part) {
	element.style[side] = (100 * part).toFixed(3) + "%";
	return element;
}

/* Bars: rows of a title, a bar and a number, under them the axis of all. */

function piece(from, part, fill, title) {
	const i = h("i", {title: title});
	from = Math.min(Math.max(from, 0), 1);
	part = Math.min(Math.max(part, 0), 1 - from);
	at(i, "left", from);
	at(i, "width", part);
	i.style.background = fill;
	return i;
}

function bars(most) {
	const grid = h("div", {"class": "bars"});
	return {
		element: grid,
		add: function (title, bar, text) {
			grid.append(h("span", {}, title), bar, h("span", {"class": "number"}, text));
		},
		end: function () {
			const axis = h("div", {"class": "ticks", "aria-hidden": "true"});
			for (const t of timeTicks(most, 5))
				axis.append(tickAt(h("span", {}, t.label), t.at / most));
			grid.append(h("span", {"class": "blank"}), axis, h("span", {"class": "blank"}));
			return grid;
		},
	};
}

/* The area of a chart between its axes; x and y: ticks with their place as a share. */
function plot(height, x, y, ...inside) {
	const area = h("div", {"class": "plot"}, inside);
	area.style.height = height + "px";
	for (const t of x)
		area.append(tickAt(h("span", {"class": "x", "aria-hidden": "true"}, t.label), t.part));
	for (const t of y)
		area.append(at(h("span", {"class": "y", "aria-hidden": "true"}, t.label), "bottom", t.part));
	return area;
}

function shares(list, most) {
	return list.map((t) => ({part: t.at / most, label: t.label}));
}

function seriesTicks(series) {
	const whole = series.n * series.width;
	return shares(timeTicks(whole, 5), whole);
}

/* A heat map of latency over time; arrow keys go from cell to cell. */
function heatMap(series) {
	let used = [56, 0], most = 0;
	for (const bucket of series.heat)
		for (let i = 0; i < bucket.length; i += 2) {
			used = [Math.min(used[0], bucket[i]), Math.max(used[1], bucket[i])];
			most = Math.max(most, bucket[i + 1]);
		}
	if (!most)
		return undefined;
	const canvas = h("canvas", {role: "img", tabindex: "0",
		"aria-label": "Latency over time; the arrow keys go from cell to cell"});
	const note = h("p", {"class": "note", "aria-live": "polite"}, "\u00a0");
	const low = Math.max(0, used[0] - 1), rows = Math.max(used[1] + 2 - low, 4), height = Math.min(26 * rows, 300);
	const y = [];
	let cell;
	for (let i = 0; i < rows; i += Math.ceil(rows / 10))
		y.push({part: i / rows, label: duration(series.heat_rows[low + i] || 0)});

	function draw() {
		const width = canvas.clientWidth || 900, ratio = window.devicePixelRatio || 1;
		canvas.width = width * ratio;
		canvas.height = height * ratio;
		const g = canvas.getContext("2d"), from = colour("--heat-low").split(" "), to = colour("--heat-high").split(" ");
		const w = width / series.n, r = height / rows;
		g.scale(ratio, ratio);
		series.heat.forEach(function (bucket, k) {
			for (let i = 0; i < bucket.length; i += 2) {
				const part = Math.log(1 + bucket[i + 1]) / Math.log(1 + most);
				const c = from.map((v, j) => Math.round(+v + (to[j] - v) * part));
				g.fillStyle = "rgb(" + c.join(",") + ")";
				g.fillRect(k * w, (rows - 1 - (bucket[i] - low)) * r, Math.max(w, 3), Math.max(r - 0.5, 1));
			}
		});
		if (cell) {
			g.strokeStyle = colour("--ink");
			g.strokeRect(cell.k * w - 1, (rows - 1 - (cell.row - low)) * r - 1, Math.max(w, 3) + 2, r + 1.5);
		}
	}

	function tell(k, row) {
		const bucket = series.heat[k] || [];
		let n = 0;
		for (let i = 0; i < bucket.length; i += 2)
			if (bucket[i] === row)
				n = bucket[i + 1];
		note.textContent = k < 0 || k >= series.n ? "\u00a0" : "at " + duration(k * series.width) + ": " + count(n) +
			" took " + duration(series.heat_rows[row] || 0) + " and more, " + count(series.ended[k]) + " ended, " +
			count(series.errors[k]) + " of them with an error";
	}

	canvas.addEventListener("mousemove", function (e) {
		const box = canvas.getBoundingClientRect();
		tell(Math.floor((e.clientX - box.left) / (box.width / series.n)),
			low + rows - 1 - Math.floor((e.clientY - box.top) / (box.height / rows)));
	});
	canvas.addEventListener("keydown", function (e) {
		const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[e.key];
		if (!step)
			return;
		e.preventDefault();
		/* Sideways to the next bucket that has something, up and down by rows. */
		cell = cell || {k: step[0] < 0 ? series.n : -1, row: used[1]};
		let k = cell.k + step[0];
		while (step[0] && k >= 0 && k < series.n && !series.heat[k].length)
			k += step[0];
		if (k >= 0 && k < series.n) {
			const filled = series.heat[k].filter((v, i) => i % 2 === 0);
			cell = {k: k, row: step[0] && filled.length ? Math.max(...filled)
				: Math.min(Math.max(cell.row + step[1], low), low + rows - 1)};
		}
		if (cell.k >= 0 && cell.k < series.n)
			tell(cell.k, cell.row);
		draw();
	});
	return {element: h("div", {}, h("p", {"class": "caption"}, "Latency, darker or brighter is more of it"),
		plot(height, seriesTicks(series), y, canvas), note), draw: draw};
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

/* A line of numbers over time; nothing where all of them are 0. */
function line(title, series, values, variable) {
	const most = Math.max(...values, 0);
	if (!most)
		return [];
	const points = values.map((v, i) => (1000 * (i + 0.5) / values.length).toFixed(1) + "," + (100 - 100 * v / most).toFixed(2));
	return [h("p", {"class": "caption"}, title + ", at most " + three(most)),
		plot(70, seriesTicks(series), shares(numberTicks(most, 3, ""), most),
			s("svg", {viewBox: "0 0 1000 100", role: "img", "aria-label": title + " over time", preserveAspectRatio: "none"},
				s("polyline", {points: points.join(" "), fill: "none", stroke: "var(" + variable + ")",
					"stroke-width": 1.5, "vector-effect": "non-scaling-stroke"})))];
}

/* How much was done beside how much was under way: where it bends, it is full. */
function scatter(series) {
	const dots = [];
	for (let k = 0; k < series.n; k++)
		if (series.busy[k] > 0 || series.ended[k])
			dots.push([series.busy[k] / series.width, series.ended[k] / (series.width / 1e9)]);
	const right = Math.max(...dots.map((d) => d[0]), 0), top = Math.max(...dots.map((d) => d[1]), 0);
	if (dots.length < 3 || !right || !top)
		return [];
	const area = plot(260, shares(numberTicks(right, 5, ""), right), shares(numberTicks(top, 5, "/s"), top));
	area.classList.add("dots");
	area.setAttribute("role", "img");
	area.setAttribute("aria-label", "Throughput against concurrency");
	for (const d of dots)
		area.append(at(at(h("i"), "left", d[0] / right), "bottom", d[1] / top));
	return [h("p", {"class": "caption"}, "Throughput (ended a second) against concurrency, a dot for each " + duration(series.width)),
		area, h("p", {"class": "note under"}, "under way at once, on average")];
}
