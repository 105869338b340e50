/*
 * screen_overview.c - all at a glance: the last minutes as histories, the services that were waited
 * for longest with where their time went, and what the capture itself suffers from.
 *
 * The figures are the model's; histories are its time series: of everything as long as its buckets
 * are narrow, later of the newest (series_recent()).
 */
#include "screens.h"
#include "api/layer.h"
#include "bars.h"
#include "columns.h"
#include "lines.h"
#include "screen.h"
#include "timetravel.h"
#include "under_way.h"
#include "view.h"
#include "base/mem.h"
#include "capture/source.h"
#include "model/series.h"
#include "model/services.h"
#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COMMENTS_HERE 3u
#define CHANGES_HERE  3u

#define COLUMNS 240u

enum { HISTORY_RATE, HISTORY_ERRORS, HISTORY_SLOWEST, HISTORY_OPEN, HISTORIES };

/* One column of a history. */
struct moment {
	uint64_t value[HISTORIES];
};

struct state {
	struct moment moment[COLUMNS];
	unsigned n;     /* columns */
	uint64_t width; /* of one, ns */
	struct series_most most;
	unsigned selected, top;
	int list; /* row of the first service drawn, for the mouse */
};

/* Where the columns of the services are. */
static int name_width(void)
{
	return term_columns() < 60 ? 18 : term_columns() < 100 ? 22 : 34;
}

static void add(struct moment *m, const struct series_bucket *b)
{
	m->value[HISTORY_RATE] += b->ended;
	m->value[HISTORY_ERRORS] += b->errors;
	if (b->slowest > m->value[HISTORY_SLOWEST])
		m->value[HISTORY_SLOWEST] = b->slowest;
	if (b->peak > m->value[HISTORY_OPEN])
		m->value[HISTORY_OPEN] = b->peak;
}

/* So many buckets are a column that all of them, up to now, find room. */
static void collect(struct ui *u, struct screen *s)
{
	struct state *x = s->state ? s->state : (s->state = xcalloc(1, sizeof(struct state)));
	struct series_set *set = model_series(u->shown);
	struct series_view v = series_whole(set);
	uint64_t now = u->mode == MODE_LIVE ? u->now : u->until_time;
	uint64_t first, begin, last, each;
	int room = term_columns() - name_width() - 12;
	unsigned most = room < 10 ? 10 : room > (int)COLUMNS ? COLUMNS : (unsigned)room;

	x->most = series_most(&v);
	if (v.width > SERIES_RECENT)
		v = series_recent(set);
	memset(x->moment, 0, sizeof(x->moment));
	x->n = 0;
	x->width = v.width;
	if (!v.n)
		return;
	begin = first = v.start / v.width;
	last = now / v.width > first + v.n ? now / v.width : first + v.n - 1;
	if (v.width >= SERIES_RECENT && last - first >= SERIES_BUCKETS)
		begin = last - SERIES_BUCKETS + 1;
	for (each = (last - begin) / most + 1; last / each - begin / each >= most; each++)
		;
	x->n = (unsigned)(last / each - begin / each) + 1;
	x->width = each * v.width;
	for (unsigned i = 0; i < v.n; i++)
		if (first + i >= begin)
			add(&x->moment[(first + i) / each - begin / each], &v.bucket[i]);
}

static void history(const struct state *x, int y, int what, const char *name, enum role role)
{
	uint64_t most = 0;
	int left = name_width();
	char text[64];
	struct text t;

	for (unsigned i = 0; i < x->n; i++)
		if (x->moment[i].value[what] > most)
			most = x->moment[i].value[what];
	text_init(&t, text, sizeof(text));
	if (what == HISTORY_SLOWEST)
		text_duration(&t, x->most.slowest ? x->most.slowest : FIELD_ABSENT);
	else if (what == HISTORY_OPEN)
		text_count(&t, x->most.peak);
	else
		text_rate(&t, what == HISTORY_RATE ? x->most.ended : x->most.errors, x->most.width);
	term_put(y, 1, left - 4, name, ROLE_TEXT);
	term_right(y, left - 4, 14, text, ROLE_DIM);
	for (unsigned i = 0; i < x->n; i++) {
		uint64_t v = x->moment[i].value[what];

		term_level(y, left + 11 + (int)i,
			v ? (unsigned)((double)v * 7 / (double)most) + 1 : 0, role);
	}
}

static void name_of(struct text *t, const struct service *x)
{
	if (x->other) {
		text_str(t, "other");
		return;
	}
	text_endpoint(t, &x->ip, x->port);
	text_printf(t, " %s",
		x->protocol                    ? x->protocol
		: x->transport == IP_PROTO_UDP ? "udp"
					       : "tcp");
}

/* Transactions of a service since its beginning. */
static void sparkline(struct ui *u, int y, int column, int width, const struct service *x)
{
	uint64_t since, sums[COLUMNS] = {0}, most = 0;
	struct series_view v = series_of(model_series(u->shown), x, &since);

	if (width < 4 || !v.n)
		return;
	for (unsigned i = 0; i < v.n; i++) {
		unsigned at = v.n <= (unsigned)width ? i : i * (unsigned)width / v.n;

		sums[at] += v.bucket[i].ended;
		most = sums[at] > most ? sums[at] : most;
	}
	for (unsigned i = 0; i < (unsigned)width; i++)
		term_level(y, column + (int)i,
			sums[i] ? (unsigned)((double)sums[i] * 7 / (double)most) + 1 : 0,
			ROLE_GOOD);
}

enum { ANSWERS, ERRORS, RATE, P50, P99, WAITED, FIGURES };

static const struct {
	const char *name;
	int width, from; /* from: columns of the terminal from which on it is there */
} figure[FIGURES] = {
	[ANSWERS] = {"answers", 8, 76},
	[ERRORS] = {"errors", 6, 60},
	[RATE] = {"rate", 9, 100},
	[P50] = {"p50", 8, 100},
	[P99] = {"p99", 8, 60},
	[WAITED] = {"waited", 9, 0},
};

/* Columns of the two drawings behind the figures. */
struct drawings {
	int ledger, ledger_width, history, history_width;
	uint64_t full; /* ns that the width of a bar stands for */
};

static struct drawings drawings(struct ui *u)
{
	int at = name_width(), room;
	struct drawings d = {0};
	const struct service **list;
	unsigned n = services_sorted(model_services(u->shown), &list);

	for (int i = 0; i < FIGURES; i++)
		at += term_columns() >= figure[i].from ? figure[i].width + 1 : 0;
	room = term_columns() - at - 1;
	d.ledger = at;
	d.ledger_width = room;
	if (room >= 50) {
		d.history_width = room / 3 < (int)COLUMNS ? room / 3 : (int)COLUMNS;
		d.ledger_width = room - d.history_width - 1;
		d.history = at + d.ledger_width + 1;
	}
	d.full = n == 1 ? list[0]->sum.total : services_total(model_services(u->shown))->sum.total;
	return d;
}

static void figure_text(struct ui *u, struct text *t, const struct tally *x, int what)
{
	bool any = x->duration.n > 0;

	switch (what) {
	case ANSWERS:
		text_printf(t, "%" PRIu64, tally_answers(x));
		break;
	case ERRORS:
		text_printf(t, "%" PRIu64, x->errors);
		break;
	case RATE:
		tally_put_rate(t, x, ui_listened(u));
		break;
	case P50:
	case P99:
		text_duration(
			t, any ? hist_at(&x->duration, what == P50 ? 0.5 : 0.99) : FIELD_ABSENT);
		break;
	default:
		text_duration(t, x->total);
	}
}

static void figures(struct ui *u, int y, const struct tally *x, enum role role)
{
	int at = name_width();

	for (int i = 0; i < FIGURES; i++) {
		bool bad = i == ERRORS && x->errors && role == ROLE_TEXT;
		char text[32];
		struct text t;

		if (term_columns() < figure[i].from)
			continue;
		text_init(&t, text, sizeof(text));
		figure_text(u, &t, x, i);
		term_right(y, at, figure[i].width, text, bad ? ROLE_BAD : role);
		at += figure[i].width + 1;
	}
}

static void service_line(
	struct ui *u, int y, const struct drawings *d, const struct service *x, bool selected)
{
	const struct tally *t = &x->sum;
	enum role role = selected                           ? ROLE_SELECTED
			 : t->errors * 20 > t->transactions ? ROLE_BAD
							    : ROLE_TEXT;
	char text[128];
	struct text out;

	text_init(&out, text, sizeof(text));
	name_of(&out, x);
	term_put(y, 0, term_columns(), "", selected ? ROLE_SELECTED : ROLE_TEXT);
	term_text(y, 1, name_width() - 2, out.p, out.len, role);
	figures(u, y, t, role);
	bars_ledger(y, d->ledger, d->ledger_width, t->ledger, d->full);
	sparkline(u, y, d->history, d->history_width, x);
}

static void total_line(struct ui *u, int y, const struct drawings *d)
{
	const struct tally *t = &services_total(model_services(u->shown))->sum;

	term_put(y, 1, name_width() - 2, "all of them", ROLE_ACCENT);
	figures(u, y, t, ROLE_ACCENT);
	bars_ledger(y, d->ledger, d->ledger_width, t->ledger, d->full);
}

/* What findings come to, in as many lines as there is room for. */
static int verdict(struct ui *u, int y, int end)
{
	char line[1024];
	struct text t;
	const char *at = line;
	size_t width = term_columns() > 20 ? (size_t)term_columns() - 2 : 18;

	text_init(&t, line, sizeof(line));
	findings_line(u, &t);
	while (*at && y < end) {
		size_t n = lines_break(at, width);

		/* The last line has all the rest, and a mark where that is too long. */
		if (y + 1 == end)
			n = strlen(at);
		term_text(y++, 1, (int)width, at, n, ROLE_WARN);
		at += n;
		at += strspn(at, " ");
	}
	return y;
}

static void count(struct text *t, uint64_t n, const char *what)
{
	if (n)
		text_printf(t, ", %" PRIu64 " %s", n, what);
}

static int health(struct ui *u, int y)
{
	const struct flow_totals *f = services_flows(model_services(u->shown));
	uint64_t drops = source_dropped(u->o.source);
	struct capture_stats st;
	char line[400];
	struct text t;

	frames_stats(u->frames, &st);
	text_init(&t, line, sizeof(line));
	text_printf(&t, "Flows: %" PRIu64 " ended", f->flows - f->open);
	count(&t, f->open, "open");
	count(&t, f->failed, "never connected");
	count(&t, f->reset, "reset");
	count(&t, f->retransmits, "retransmissions");
	if (f->rtos)
		text_printf(&t, " (%" PRIu64 " after a timeout)", f->rtos);
	count(&t, f->zero_windows, "zero windows");
	term_text(
		y, 1, term_columns() - 1, t.p, t.len, f->failed || f->rtos ? ROLE_WARN : ROLE_TEXT);
	text_clear(&t);
	text_printf(&t, "Capture: %" PRIu64 " dropped", drops);
	if (source_dropped_at(u->o.source)) {
		text_str(&t, " (the last at ");
		cell_time(&t, source_dropped_at(u->o.source));
		text_char(&t, ')');
	}
	count(&t, f->lost, "bytes lost");
	count(&t, st.cut_frames, "frames cut short");
	count(&t, f->duplicates, "captured twice");
	count(&t, f->one_way, "flows one way");
	count(&t, f->midstream, "flows begun before");
	term_text(
		y + 1, 1, term_columns() - 1, t.p, t.len, drops || f->lost ? ROLE_BAD : ROLE_TEXT);
	return y + 2;
}

/* What became of interfaces, the last of it. */
static int changes(const struct ui *u, int y)
{
	uint64_t n = source_changes(u->o.source), kept = n < CHANGES_SHOWN ? n : CHANGES_SHOWN;
	char line[200];
	struct text t;

	for (uint64_t i = kept > CHANGES_HERE ? kept - CHANGES_HERE : 0; i < kept; i++) {
		const struct capture_change *c = source_change(u->o.source, i);

		text_init(&t, line, sizeof(line));
		text_str(&t, "Interface: ");
		cell_time(&t, c->time);
		text_char(&t, ' ');
		capture_change_text(c, &t);
		if (i + 1 == kept && n > CHANGES_HERE)
			text_printf(&t, " (of %" PRIu64 " changes)", n);
		term_text(y++, 1, term_columns() - 1, t.p, t.len, ROLE_WARN);
	}
	return y;
}

/* What somebody wrote into the file, the first of it. */
static int comments(const struct ui *u, int y)
{
	uint64_t n = source_comments(u->o.source);
	char line[400];
	struct text t;

	for (uint64_t i = 0; i < n && i < COMMENTS_HERE; i++) {
		const struct capture_comment *c = source_comment(u->o.source, i);

		text_init(&t, line, sizeof(line));
		text_str(&t, "Comment");
		if (c->time) {
			text_str(&t, " on a frame of ");
			cell_time(&t, c->time);
		}
		text_str(&t, ": ");
		text_escape(&t, c->text, strlen(c->text), 200);
		if (i + 1 == COMMENTS_HERE && n > COMMENTS_HERE)
			text_printf(&t, " (and %" PRIu64 " more)", n - COMMENTS_HERE);
		term_text(y++, 1, term_columns() - 1, t.p, t.len, ROLE_ACCENT);
	}
	return y;
}

/* What listening takes of this machine. */
static int own_cost(struct ui *u, int y)
{
	char line[160];
	struct text t;

	if (!source_live(u->o.source) || u->over)
		return y;
	text_init(&t, line, sizeof(line));
	text_printf(&t, "tsumari: %.1f %% of a processor, at most ", u->processor * 100);
	text_bytes(&t, u->cost.memory);
	text_str(&t, " of memory");
	term_text(y, 1, term_columns() - 1, t.p, t.len, ROLE_DIM);
	return y + 1;
}

static void head(int y, const struct drawings *d)
{
	int at = name_width();

	term_put(y, 0, term_columns(), " Service", ROLE_HEAD);
	for (int i = 0; i < FIGURES; i++) {
		if (term_columns() < figure[i].from)
			continue;
		term_right(y, at, figure[i].width, figure[i].name, ROLE_HEAD);
		at += figure[i].width + 1;
	}
	bars_key(y, d->ledger, d->ledger_width);
	if (d->history_width)
		term_put(y, d->history, d->history_width, "answers so far", ROLE_HEAD);
}

/* The last minutes. */
static int histories(const struct state *x, int y)
{
	char line[100];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_str(&t, "The last ");
	text_duration(&t, x->width * x->n);
	text_str(&t, ", peaks at the left");
	term_text(y++, 1, term_columns() - 1, t.p, t.len, ROLE_ACCENT);
	history(x, y++, HISTORY_RATE, "Transactions", ROLE_GOOD);
	history(x, y++, HISTORY_ERRORS, "Errors", ROLE_BAD);
	history(x, y++, HISTORY_SLOWEST, "Slowest", ROLE_WARN);
	history(x, y++, HISTORY_OPEN, "Under way at once", ROLE_SERVER);
	return y;
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct state *x = s->state;
	const struct service **list;
	unsigned n = services_sorted(model_services(u->shown), &list);
	struct drawings d = drawings(u);
	int y = row, end = row + rows;

	if (rows > 15) {
		y = histories(x, y);
		y = under_way_draw(u, y, y + rows / 6);
		y = verdict(u, y + 1, y + 5);
		y = comments(u, changes(u, own_cost(u, health(u, y)))) + 1;
	} else {
		y = verdict(u, y, y + (rows < 8 ? rows / 2 : 4));
		y = under_way_draw(u, y, y + rows / 5);
	}
	head(y++, &d);
	if (n > 1 && end - y > 4)
		total_line(u, y++, &d);
	if (x->selected >= n)
		x->selected = n ? n - 1 : 0;
	if (x->selected < x->top)
		x->top = x->selected;
	if (end > y && x->selected >= x->top + (unsigned)(end - y))
		x->top = x->selected - (unsigned)(end - y) + 1;
	x->list = y;
	for (unsigned i = x->top; i < n && y < end; i++)
		service_line(u, y++, &d, list[i], i == x->selected);
}

static void open_service(struct ui *u, const struct service *x)
{
	char filter[200], label[100], ip[64];
	struct text t;

	if (x->other)
		return;
	text_init(&t, ip, sizeof(ip));
	text_addr(&t, &x->ip);
	snprintf(filter, sizeof(filter), "server.ip == %s and server.port == %u", ip, x->port);
	text_init(&t, label, sizeof(label));
	name_of(&t, x);
	ui_push_scope(u, &transactions_class, filter, label);
}

static bool key(struct ui *u, struct screen *s, int k)
{
	struct state *x = s->state;
	const struct service **list;
	unsigned n = services_sorted(model_services(u->shown), &list);

	if (!x)
		return false;
	switch (k) {
	case KEY_UP:
	case 'k':
		x->selected -= x->selected > 0;
		return true;
	case KEY_DOWN:
	case 'j':
		x->selected += x->selected + 1 < n;
		return true;
	case KEY_HOME:
	case 'g':
		x->selected = 0;
		return true;
	case KEY_END:
	case 'G':
		x->selected = n ? n - 1 : 0;
		return true;
	case '\r':
	case '\n':
	case KEY_ENTER:
		if (x->selected < n)
			open_service(u, list[x->selected]);
		return true;
	default:
		return false;
	}
}

static void click(struct ui *u, struct screen *s, int row)
{
	struct state *x = s->state;
	const struct service **list;
	unsigned n = services_sorted(model_services(u->shown), &list), i;

	if (!x || row < x->list)
		return;
	i = x->top + (unsigned)(row - x->list);
	if (i < n && i == x->selected)
		open_service(u, list[i]);
	else if (i < n)
		x->selected = i;
}

static void release(struct screen *s)
{
	free(s->state);
}

static const struct key_help help[] = {
	{"j k g G", "choose a service"},
	{"Enter", "its transactions"},
	{"(bars)", "as long as the time waited; blue or N: network, magenta or S: server, red or "
		   "X: stalls (loss, closed windows, queues), dim or ?: unknown"},
	{NULL, NULL},
};

const struct screen_class overview_class = {
	.name = "overview",
	.title = "Overview",
	.help = help,
	.collect = collect,
	.draw = draw,
	.key = key,
	.click = click,
	.free = release,
};
