/*
 * screen_overview.c - all at a glance: the last minutes as histories, the services that were waited
 * for longest with where their time went, and what the capture itself suffers from.
 *
 * The figures are the model's; histories are its time series: of everything as long as its buckets
 * are narrow, later of the newest (series_recent()).
 */
#include "lines.h"
#include "view.h"
#include "base/mem.h"
#include "base/share.h"
#include "model/series.h"
#include "model/services.h"
#include "run/source.h"
#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COMMENTS_HERE 3u

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
	unsigned selected, top;
};

/* Where the columns of the services are. */
static int name_width(void)
{
	return term_columns() < 100 ? 24 : 34;
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
		text_duration(&t, most ? most : FIELD_ABSENT);
	else if (what == HISTORY_OPEN)
		text_count(&t, most);
	else
		text_rate(&t, most, x->width);
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
	text_printf(t, " %s", x->protocol ? x->protocol : x->transport == 17 ? "udp" : "tcp");
}

static void put_duration(int y, int column, int width, uint64_t ns, enum role role)
{
	char text[32];
	struct text t;

	text_init(&t, text, sizeof(text));
	text_duration(&t, ns);
	term_right(y, column, width, text, role);
}

static void put_number(int y, int column, int width, uint64_t n, enum role role)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, n);
	term_right(y, column, width, text, role);
}

/* Network, server, stalls and what is not known of a service's waiting, one behind the other. */
static void ledger_bar(int y, int column, int width, const struct tally *t)
{
	static const enum role roles[] = {ROLE_NETWORK, ROLE_SERVER, ROLE_STALL, ROLE_DIM};
	int at = 0;

	if (width < 4 || !t->total)
		return;
	for (size_t k = 0; k < sizeof(roles) / sizeof(roles[0]); k++) {
		uint64_t part = 0;
		int n;

		for (int i = 0; i < LEDGER_COUNT; i++)
			part += ledger_role(i) == roles[k] ? t->ledger[i] : 0;
		n = (int)share_of(part, t->total, (unsigned)width);
		if (part && n == 0)
			n = 1;
		term_bar(y, column + at, width - at, n, roles[k]);
		at += n;
	}
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

/* Columns of the two drawings behind the figures. */
struct drawings {
	int ledger, ledger_width, history, history_width;
};

static struct drawings drawings(void)
{
	int at = name_width() + 55, room = term_columns() - at - 1;
	struct drawings d = {at, room, 0, 0};

	if (room >= 50) {
		d.history_width = room / 3 < (int)COLUMNS ? room / 3 : (int)COLUMNS;
		d.ledger_width = room - d.history_width - 1;
		d.history = at + d.ledger_width + 1;
	}
	return d;
}

static void figures(int y, const struct tally *t, enum role role)
{
	int at = name_width();
	uint64_t span = t->last > t->first ? t->last - t->first : 0;
	bool any = t->duration.n > 0;
	char text[32];
	struct text rate;

	put_number(y, at, 8, tally_answers(t), role);
	put_number(y, at + 9, 6, t->errors, t->errors && role == ROLE_TEXT ? ROLE_BAD : role);
	text_init(&rate, text, sizeof(text));
	if (span)
		text_rate(&rate, tally_answers(t), span);
	else
		text_char(&rate, '-');
	term_right(y, at + 16, 9, text, role);
	put_duration(y, at + 26, 8, any ? hist_at(&t->duration, 0.5) : FIELD_ABSENT, role);
	put_duration(y, at + 35, 8, any ? hist_at(&t->duration, 0.99) : FIELD_ABSENT, role);
	put_duration(y, at + 44, 9, t->total, role);
}

static void service_line(struct ui *u, int y, const struct service *x, bool selected)
{
	const struct tally *t = &x->sum;
	struct drawings d = drawings();
	enum role role = selected                           ? ROLE_SELECTED
			 : t->errors * 20 > t->transactions ? ROLE_BAD
							    : ROLE_TEXT;
	char text[128];
	struct text out;

	text_init(&out, text, sizeof(text));
	name_of(&out, x);
	term_put(y, 0, term_columns(), "", selected ? ROLE_SELECTED : ROLE_TEXT);
	term_text(y, 1, name_width() - 2, out.p, out.len, role);
	figures(y, t, role);
	ledger_bar(y, d.ledger, d.ledger_width, t);
	sparkline(u, y, d.history, d.history_width, x);
}

static void total_line(struct ui *u, int y)
{
	const struct tally *t = &services_total(model_services(u->shown))->sum;
	struct drawings d = drawings();

	term_put(y, 1, name_width() - 2, "all of them", ROLE_ACCENT);
	figures(y, t, ROLE_ACCENT);
	ledger_bar(y, d.ledger, d.ledger_width, t);
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

		term_text(y++, 1, term_columns() - 1, at, n, ROLE_WARN);
		at += n;
		at += strspn(at, " ");
	}
	return y;
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
	text_printf(&t,
		"Flows: %" PRIu64 " ended, %" PRIu64 " never connected, %" PRIu64 " reset, %" PRIu64
		" retransmissions (%" PRIu64 " after a timeout), %" PRIu64 " zero windows",
		f->flows, f->failed, f->reset, f->retransmits, f->rtos, f->zero_windows);
	term_text(
		y, 1, term_columns() - 1, t.p, t.len, f->failed || f->rtos ? ROLE_WARN : ROLE_TEXT);
	text_clear(&t);
	text_printf(&t,
		"Capture: %" PRIu64 " dropped, %" PRIu64 " bytes lost, %" PRIu64
		" frames cut short, %" PRIu64 " twice, %" PRIu64 " flows one way, %" PRIu64
		" begun before",
		drops, f->lost, st.cut_frames, f->duplicates, f->one_way, f->midstream);
	term_text(
		y + 1, 1, term_columns() - 1, t.p, t.len, drops || f->lost ? ROLE_BAD : ROLE_TEXT);
	return y + 2;
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

static void head(int y)
{
	static const struct {
		const char *name;
		int column, width;
	} heads[] = {{"answers", 0, 8}, {"errors", 9, 6}, {"rate", 16, 9}, {"p50", 26, 8},
		{"p99", 35, 8}, {"waited", 44, 9}};
	struct drawings d = drawings();

	term_put(y, 0, term_columns(), " Service", ROLE_HEAD);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		term_right(y, name_width() + heads[i].column, heads[i].width, heads[i].name,
			ROLE_HEAD);
	if (d.ledger_width >= 22)
		term_put(y, d.ledger, d.ledger_width, "network, server, stalls", ROLE_HEAD);
	if (d.history_width)
		term_put(y, d.history, d.history_width, "answers so far", ROLE_HEAD);
}

/* The last minutes. */
static int histories(const struct state *x, int y)
{
	char line[100];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_str(&t, "The last ");
	text_duration(&t, x->width * x->n);
	text_str(&t, ", the most at the left");
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
	int y = row, end = row + rows;

	if (rows > 15) {
		y = histories(x, y);
		y = verdict(u, y + 1, y + 4);
		y = comments(u, own_cost(u, health(u, y))) + 1;
	}
	head(y++);
	if (n > 1 && end - y > 4)
		total_line(u, y++);
	if (x->selected >= n)
		x->selected = n ? n - 1 : 0;
	if (x->selected < x->top)
		x->top = x->selected;
	if (end > y && x->selected >= x->top + (unsigned)(end - y))
		x->top = x->selected - (unsigned)(end - y) + 1;
	for (unsigned i = x->top; i < n && y < end; i++)
		service_line(u, y++, list[i], i == x->selected);
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

static void release(struct screen *s)
{
	free(s->state);
}

static const struct key_help help[] = {
	{"j k g G", "choose a service"},
	{"Enter", "its transactions"},
	{NULL, NULL},
};

const struct screen_class overview_class = {
	.name = "overview",
	.title = "Overview",
	.help = help,
	.collect = collect,
	.draw = draw,
	.key = key,
	.free = release,
};
