/*
 * screen_overview.c - all at a glance: the last minutes as histories, the services that were waited
 * for longest with where their time went, and what the capture itself suffers from.
 *
 * The histories are made of the records that are kept, so that they go back in time as the view
 * does.
 */
#include "lines.h"
#include "view.h"
#include "base/mem.h"
#include "model/services.h"
#include "run/source.h"
#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 240u
#define SECOND  UINT64_C(1000000000)
#define NAME    34

struct bucket {
	uint64_t txns, errors, slowest, bytes;
};

struct state {
	struct bucket bucket[BUCKETS];
	unsigned n;
	uint64_t from, width; /* ns */
	unsigned selected, top;
};

static bool count(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct state *x = arg;
	struct bucket *b;

	(void)number;
	if (when < x->from || (when - x->from) / x->width >= x->n)
		return true;
	b = &x->bucket[(when - x->from) / x->width];
	if (r->kind == RECORD_FLOW && ((const struct flow_record *)(const void *)r)->final)
		b->bytes += r->client.bytes + r->server.bytes;
	if (r->kind != RECORD_TXN || r->composite)
		return true;
	b->txns++;
	b->errors += r->status > STATUS_OK ||
		     r->quality & (1u << QUALITY_NO_RESPONSE | 1u << QUALITY_UNFINISHED);
	if (r->duration != FIELD_ABSENT && r->duration > b->slowest)
		b->slowest = r->duration;
	return true;
}

struct filtered {
	struct ui *u;
	struct state *x;
};

static bool count_wanted(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct filtered *f = arg;

	if (!f->u->filter || filter_match(f->u->filter, r))
		count(f->x, number, when, r);
	return true;
}

/* The window is what is kept, or its last ten minutes; a bucket is a column. */
static void collect(struct ui *u, struct screen *s)
{
	struct state *x = s->state ? s->state : (s->state = xcalloc(1, sizeof(struct state)));
	uint64_t to = u->mode == MODE_LIVE ? u->now : u->until_time, span;
	struct filtered f = {u, x};
	int room = term_columns() - NAME - 12;

	memset(x->bucket, 0, sizeof(x->bucket));
	x->n = room < 10 ? 10 : room > (int)BUCKETS ? BUCKETS : (unsigned)room;
	x->from = store_from(u->store);
	if (to > x->from + 600 * SECOND)
		x->from = to - 600 * SECOND;
	span = to > x->from ? to - x->from : SECOND;
	x->width = span / x->n + 1;
	if (x->width < SECOND / 10)
		x->width = SECOND / 10;
	store_each(u->store, 0, ui_until(u), count_wanted, &f);
}

static uint64_t get(const struct bucket *b, int what)
{
	return what == 0 ? b->txns : what == 1 ? b->errors : b->slowest;
}

static void history(const struct state *x, int y, int what, const char *name, enum role role)
{
	uint64_t most = 0;
	char text[64];
	struct text t;

	for (unsigned i = 0; i < x->n; i++)
		if (get(&x->bucket[i], what) > most)
			most = get(&x->bucket[i], what);
	text_init(&t, text, sizeof(text));
	if (what == 2)
		text_duration(&t, most ? most : FIELD_ABSENT);
	else
		text_rate(&t, most, x->width);
	term_put(y, 1, NAME - 2, name, ROLE_TEXT);
	term_right(y, NAME - 4, 14, text, ROLE_DIM);
	for (unsigned i = 0; i < x->n; i++) {
		uint64_t v = get(&x->bucket[i], what);

		term_level(y, NAME + 11 + (int)i,
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

/* Network, server, stalls and the rest of a service's waiting, one behind the other. */
static void ledger_bar(int y, int column, int width, const struct tally *t)
{
	uint64_t part[3] = {0, 0, 0};
	static const enum role roles[3] = {ROLE_NETWORK, ROLE_SERVER, ROLE_STALL};
	int at = 0;

	if (width < 4 || !t->total)
		return;
	for (int i = 0; i < LEDGER_COUNT; i++)
		part[i == LEDGER_SERVER ? 1
			: i <= LEDGER_NETWORK || i == LEDGER_RESPONSE
				? (i == LEDGER_CONNECT_RETRY ? 2 : 0)
				: 2] += t->ledger[i];
	for (int k = 0; k < 3; k++) {
		int n = (int)((double)part[k] / (double)t->total * width + 0.5);

		if (part[k] && n == 0)
			n = 1;
		term_bar(y, column + at, width - at, n, roles[k]);
		at += n;
	}
}

static void service_line(int y, const struct service *x, bool selected)
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
	term_text(y, 1, NAME - 2, out.p, out.len, role);
	snprintf(text, sizeof(text), "%" PRIu64, t->transactions);
	term_right(y, NAME, 8, text, role);
	snprintf(text, sizeof(text), "%" PRIu64, t->errors);
	term_right(y, NAME + 9, 6, text, t->errors && !selected ? ROLE_BAD : role);
	if (t->duration.n) {
		put_duration(y, NAME + 16, 8, hist_at(&t->duration, 0.5), role);
		put_duration(y, NAME + 25, 8, hist_at(&t->duration, 0.99), role);
	}
	put_duration(y, NAME + 34, 9, t->total, role);
	ledger_bar(y, NAME + 45, term_columns() - NAME - 46, t);
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
	char line[400];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_printf(&t,
		"Flows ended %" PRIu64 ", never connected %" PRIu64 ", reset %" PRIu64
		", resent %" PRIu64 " (%" PRIu64 " after a timeout), zero windows %" PRIu64,
		f->flows, f->failed, f->reset, f->retransmits, f->rtos, f->zero_windows);
	term_text(
		y, 1, term_columns() - 1, t.p, t.len, f->failed || f->rtos ? ROLE_WARN : ROLE_TEXT);
	text_clear(&t);
	text_printf(&t, "Capture: %" PRIu64 " dropped by the kernel, ", drops);
	text_bytes(&t, f->lost);
	text_printf(&t,
		" not captured, %" PRIu64 " frames twice, %" PRIu64 " flows one way, %" PRIu64
		" begun before",
		f->duplicates, f->one_way, f->midstream);
	term_text(
		y + 1, 1, term_columns() - 1, t.p, t.len, drops || f->lost ? ROLE_BAD : ROLE_TEXT);
	return y + 3;
}

static void head(int y)
{
	static const struct {
		const char *name;
		int column, width;
	} heads[] = {{"answers", NAME, 8}, {"errors", NAME + 9, 6}, {"p50", NAME + 16, 8},
		{"p99", NAME + 25, 8}, {"waited", NAME + 34, 9}};

	term_put(y, 0, term_columns(), " Service", ROLE_HEAD);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		term_right(y, heads[i].column, heads[i].width, heads[i].name, ROLE_HEAD);
	if (term_columns() > NAME + 76) {
		term_put(y, NAME + 45, 8, "network", ROLE_HEAD);
		term_put(y, NAME + 53, 7, "server", ROLE_HEAD);
		term_put(y, NAME + 60, 15, "stalls, other", ROLE_HEAD);
	}
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct state *x = s->state;
	const struct service **list;
	unsigned n = services_sorted(model_services(u->shown), &list);
	int y = row, end = row + rows;
	char line[100];
	struct text t;

	if (rows > 14) {
		text_init(&t, line, sizeof(line));
		text_str(&t, "The last ");
		text_duration(&t, x->width * x->n);
		text_str(&t, ", the most at the left");
		term_text(y++, 1, term_columns() - 1, t.p, t.len, ROLE_ACCENT);
		history(x, y++, 0, "Transactions", ROLE_GOOD);
		history(x, y++, 1, "Errors", ROLE_BAD);
		history(x, y++, 2, "Slowest", ROLE_WARN);
		y = verdict(u, y + 1, y + 4);
		y = health(u, y);
	}
	head(y++);
	if (x->selected >= n)
		x->selected = n ? n - 1 : 0;
	if (x->selected < x->top)
		x->top = x->selected;
	if (end > y && x->selected >= x->top + (unsigned)(end - y))
		x->top = x->selected - (unsigned)(end - y) + 1;
	for (unsigned i = x->top; i < n && y < end; i++)
		service_line(y++, list[i], i == x->selected);
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
