/*
 * screen_ladder.c - a request with its tiers as a ladder between hosts (ladder.h): what was asked
 * and answered in the order of time, who had it meanwhile, and where the longest wait was.
 */
#include "screens.h"
#include "columns.h"
#include "ladder.h"
#include "screen.h"
#include "timetravel.h"
#include "view.h"
#include "base/mem.h"
#include "model/operation.h"
#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define LEFT      10 /* columns of the time since the beginning */
#define GAP_LEFT  10 /* and since the arrow before, on a wide terminal */
#define STEP      14 /* least columns from host to host */
#define CELLS     (LADDER_ENDS * 200)
#define LABEL_MAX 400

struct cell {
	char text[8];
	enum role role;
};

struct state {
	struct ladder *l;
	uint32_t selected, top, height;
	unsigned first; /* host at the left */
	/* The row that is being drawn, as wide as all hosts need. */
	struct cell cell[CELLS];
	int step, width;
	bool reveal; /* the hosts of the selected row are to be in sight */
	bool gaps;   /* there is room for times between arrows */
	int rungs;   /* row of the first one drawn, for the mouse */
};

/* Cells of one row. */

static void set(struct state *x, int at, const char *text, size_t n, enum role role)
{
	if (at < 0 || at >= x->width || n >= sizeof(x->cell[0].text))
		return;
	memcpy(x->cell[at].text, text, n);
	x->cell[at].text[n] = '\0';
	x->cell[at].role = role;
}

static void put(struct state *x, int at, const char *text, enum role role)
{
	set(x, at, text, strlen(text), role);
}

/* Text from anywhere, escaped, in at most so many cells; gives how many it took. */
static int put_text(struct state *x, int at, int room, const char *p, size_t n, enum role role)
{
	char escaped[LABEL_MAX * 4];
	struct text t;
	int used = 0;

	text_init(&t, escaped, sizeof(escaped));
	text_escape(&t, p, n, SIZE_MAX);
	for (size_t i = 0; i < t.len && used < room;) {
		uint32_t code = 0;
		unsigned len =
			text_utf8((const uint8_t *)t.p + i, (const uint8_t *)t.p + t.len, &code);
		bool plain = len && (code < 0x80 || (term_utf8() && wcwidth((wchar_t)code) == 1));

		if (used + 1 == room && i + (len ? len : 1) < t.len)
			put(x, at + used, term_utf8() ? "\u2026" : "~", role);
		else if (plain)
			set(x, at + used, t.p + i, len, role);
		else
			put(x, at + used, "?", role);
		used++;
		i += len ? len : 1;
	}
	return used;
}

/* Where a host's line stands. */
static int line_at(const struct state *x, unsigned end)
{
	return 1 + (int)end * x->step;
}

static void lay_out(struct state *x)
{
	int columns = term_columns(), room, n = (int)x->l->nends;

	x->gaps = columns >= 100;
	room = columns - LEFT - (x->gaps ? GAP_LEFT : 0);
	x->step = (room - 1) / n;
	if (x->step < STEP)
		x->step = STEP;
	if (x->step > 60)
		x->step = 60;
	x->width = n * x->step + 1;
	while (x->first > 0 && line_at(x, x->l->nends) - line_at(x, x->first - 1) <= room)
		x->first--;
}

static int left_of(const struct state *x)
{
	return LEFT + (x->gaps ? GAP_LEFT : 0);
}

/* Is there more on this side? */
static bool hidden_right(const struct state *x)
{
	return line_at(x, x->l->nends - 1) - line_at(x, x->first) + left_of(x) + STEP - 2 >
	       term_columns();
}

/* Scrolls to the hosts of the selected row. */
static void reveal(struct state *x)
{
	const struct rung *r = &x->l->rung[x->selected];
	unsigned lo = r->from < r->to ? r->from : r->to, hi = r->from < r->to ? r->to : r->from;
	int room = term_columns() - left_of(x) - 1;

	if (!x->reveal || x->selected >= x->l->n)
		return;
	x->reveal = false;
	while (x->first < lo && line_at(x, hi) - line_at(x, x->first) >= room)
		x->first++;
	if (lo < x->first)
		x->first = lo;
}

static void flush(struct state *x, int y, enum role ground)
{
	int from = x->first ? line_at(x, x->first) - 1 : 0, left = left_of(x);

	for (int i = from; i < x->width && left + i - from < term_columns(); i++) {
		const struct cell *c = &x->cell[i];

		if (c->text[0] != ' ' || ground != ROLE_TEXT)
			term_put(y, left + i - from, 1, c->text,
				ground == ROLE_SELECTED && c->role != ROLE_BAD ? ground : c->role);
	}
}

/* The lines of all hosts: those that have a request in hand are thicker. */
static void draw_lines(struct state *x, uint32_t rung)
{
	const struct ladder *l = x->l;
	unsigned busy[LADDER_ENDS] = {0};
	bool utf8 = term_utf8();

	for (int i = 0; i < x->width; i++)
		put(x, i, " ", ROLE_TEXT);
	for (uint32_t i = 0; i < rung; i++) {
		const struct rung *r = &l->rung[i];

		if (r->wait)
			continue;
		if (r->kind == RUNG_REQUEST && ladder_waits(l->hops->hop[r->hop].r))
			busy[r->to]++;
		else if ((r->kind == RUNG_ANSWER || r->kind == RUNG_NONE) && busy[r->from])
			busy[r->from]--;
	}
	for (unsigned i = 0; i < l->nends; i++)
		put(x, line_at(x, i),
			busy[i] ? utf8 ? "\u2503" : "|"
			: utf8  ? "\u2502"
				: ":",
			busy[i] ? ROLE_SERVER : ROLE_DIM);
}

static enum role role_of(const struct ladder *l, const struct rung *r)
{
	const struct record *record = l->hops->hop[r->hop].r;

	if (r->kind == RUNG_NONE || (r->kind >= RUNG_ANSWER && record->status > STATUS_OK))
		return ROLE_BAD;
	if (r->hop == l->hops->asked)
		return ROLE_ACCENT;
	return r->kind == RUNG_CONNECT ? ROLE_DIM : ROLE_TEXT;
}

/* The code that the protocol answers with, where there is one. */
static void put_code(struct ui *u, const struct record *r, struct text *out)
{
	static const char *const names[] = {
		"http.response.status_code", "dns.response_code", "mysql.error_code"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct schema_column *c = schema_find(ui_schema(u, r), names[i]);
		struct schema_value v;

		memset(&v, 0, sizeof(v));
		if (!c || !schema_get(c, r, &u->env, &v))
			continue;
		text_char(out, ' ');
		cell_put(out, c->field, &v);
		return;
	}
}

static void draw_arrow(struct ui *u, struct state *x, const struct rung *r)
{
	bool utf8 = term_utf8(), right = r->to >= r->from, self = r->to == r->from;
	int a = line_at(x, r->from), b = line_at(x, r->to), lo, hi, room, used;
	const char *dash = r->kind == RUNG_CONNECT || r->kind == RUNG_NONE ? (utf8 ? "\u2504" : ".")
			   : utf8                                          ? "\u2500"
									   : "-";
	enum role role = role_of(x->l, r);
	char label[LABEL_MAX];
	struct text t;

	if (self)
		b = a + x->step - 1;
	lo = (a < b ? a : b) + 1;
	hi = (a < b ? b : a) - 1;
	for (int i = lo; i <= hi; i++)
		put(x, i, dash, role);
	text_init(&t, label, sizeof(label));
	ladder_label(x->l, r, &t);
	if (r->kind == RUNG_ANSWER && x->l->hops->hop[r->hop].r->kind == RECORD_TXN)
		put_code(u, x->l->hops->hop[r->hop].r, &t);
	/* From its tail on, where the eye begins. */
	room = hi - lo - 3;
	used = term_text_width(t.p, t.len);
	used = used < room ? used : room;
	if (room > 2)
		put_text(x, right ? lo + 1 : hi - 1 - used, room, t.p, t.len, role);
	put(x, right ? hi : lo, right ? (utf8 ? "\u25b6" : ">") : (utf8 ? "\u25c0" : "<"), role);
	if (self)
		put(x, hi, utf8 ? "\u21a9" : ">", role);
}

static void draw_wait(struct state *x, const struct rung *r, bool longest)
{
	const char *cause = ladder_cause(x->l, r);
	enum role role = longest ? ROLE_BAD : ROLE_WARN;
	char text[128];
	struct text t;
	int at = line_at(x, r->from), room = x->width - at - 2, need;

	text_init(&t, text, sizeof(text));
	text_duration(&t, r->gap);
	if (longest)
		text_str(&t, " longest wait");
	if (cause)
		text_printf(&t, ", %s", cause);
	need = (int)t.len;
	put(x, at, term_utf8() ? "\u2588" : "#", role);
	/* At the left of the line where there is no room at its right. */
	if (need > room && at - 1 - need >= 0)
		put_text(x, at - 1 - need, need, t.p, t.len, role);
	else
		put_text(x, at + 2, room, t.p, t.len, role);
}

static void draw_rung(struct ui *u, struct state *x, int y, uint32_t i)
{
	const struct ladder *l = x->l;
	const struct rung *r = &l->rung[i];
	enum role ground = i == x->selected ? ROLE_SELECTED : ROLE_TEXT;
	char text[64];
	struct text t;

	term_put(y, 0, term_columns(), "", ground);
	draw_lines(x, i);
	if (r->wait) {
		draw_wait(x, r, i == l->longest);
	} else {
		draw_arrow(u, x, r);
		text_init(&t, text, sizeof(text));
		text_duration(&t, r->time - l->start);
		term_right(y, 0, LEFT - 1, text, ground);
		if (x->gaps) {
			text_clear(&t);
			text_char(&t, '+');
			text_duration(&t, r->gap);
			term_right(y, LEFT, GAP_LEFT - 1, text,
				ground == ROLE_TEXT ? ROLE_DIM : ground);
		}
	}
	flush(x, y, ground);
}

/* Addresses of the hosts, and what each speaks. */
static void draw_ends(struct state *x, int y, bool two)
{
	char text[80];
	struct text t;

	for (int line = 0; line < (two ? 2 : 1); line++) {
		for (int i = 0; i < x->width; i++)
			put(x, i, " ", ROLE_HEAD);
		for (unsigned i = 0; i < x->l->nends; i++) {
			const struct ladder_end *e = &x->l->end[i];

			text_init(&t, text, sizeof(text));
			if (line)
				text_str(&t, i == 0 ? "client" : e->protocol ? e->protocol : "?");
			else if (e->port)
				text_endpoint(&t, &e->ip, e->port);
			else
				text_addr(&t, &e->ip);
			put_text(x, line_at(x, i), x->step - 1, t.p, t.len, ROLE_HEAD);
		}
		term_put(y + line, 0, term_columns(),
			line           ? x->gaps ? "    Since      Gap" : "    Since"
			: x->first > 0 ? term_utf8() ? " \u2039" : " <"
				       : "",
			ROLE_HEAD);
		flush(x, y + line, ROLE_HEAD);
		if (!line && hidden_right(x))
			term_put(y, term_columns() - 1, 1, term_utf8() ? "\u203a" : ">", ROLE_KEY);
	}
}

static void put_end(const struct ladder_end *e, struct text *t)
{
	if (!e->port) {
		text_str(t, "the client");
		return;
	}
	text_endpoint(t, &e->ip, e->port);
	if (e->protocol)
		text_printf(t, " %s", e->protocol);
}

/* "50.2 ms of 52.0 ms: 10.0.0.3:3306 mysql; longest wait 50.1 ms  GET /page" */
static void draw_title(const struct state *x, int y)
{
	const struct ladder *l = x->l;
	char line[LABEL_MAX + 200];
	struct text t;

	text_init(&t, line, sizeof(line));
	if (l->end[l->holder].held) {
		text_duration(&t, l->end[l->holder].held);
		text_str(&t, " of ");
	}
	text_duration(&t, l->stop - l->start);
	if (l->longest < l->n) {
		const struct rung *r = &l->rung[l->longest];
		const char *cause = ladder_cause(l, r);

		text_str(&t, ": ");
		put_end(&l->end[l->holder], &t);
		text_str(&t, "; longest wait ");
		text_duration(&t, r->gap);
		if (cause)
			text_printf(&t, ", %s", cause);
		if (r->from != l->holder) {
			text_str(&t, ", ");
			put_end(&l->end[r->from], &t);
		}
	}
	text_str(&t, "  ");
	ladder_label(l, &(struct rung){.hop = 0, .kind = RUNG_REQUEST}, &t);
	term_text(y, 1, term_columns() - 1, t.p, t.len, ROLE_ACCENT);
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct state *x = s->state;
	bool two = rows > 8;
	int head = two ? 3 : 2;

	lay_out(x);
	reveal(x);
	draw_title(x, row);
	draw_ends(x, row + 1, two);
	x->height = rows > head ? (uint32_t)(rows - head) : 1;
	x->rungs = row + head;
	if (x->selected < x->top)
		x->top = x->selected;
	if (x->selected >= x->top + x->height)
		x->top = x->selected - x->height + 1;
	for (uint32_t i = 0;
		i < x->height && x->top + i < x->l->n && row + head + (int)i < row + rows; i++)
		draw_rung(u, x, row + head + (int)i, x->top + i);
}

static void move_to(struct state *x, int64_t to)
{
	if (to >= x->l->n)
		to = x->l->n ? x->l->n - 1 : 0;
	x->selected = to < 0 ? 0 : (uint32_t)to;
	x->reveal = true;
}

static const struct record *selected(const struct state *x)
{
	return x->selected < x->l->n ? x->l->hops->hop[x->l->rung[x->selected].hop].r : NULL;
}

/* What a turn is of has no record of its own, but its connection has packets. */
static bool go(struct ui *u, const struct record *r, int k)
{
	if (!r)
		return false;
	if (k == 'A')
		stream_open_record(u, r);
	else if (k == 'P' || r->kind != RECORD_TXN)
		packets_open_flow(u, r);
	else
		detail_open(u, r);
	return true;
}

static bool key(struct ui *u, struct screen *s, int k)
{
	struct state *x = s->state;
	int64_t at = x->selected, page = x->height > 1 ? x->height - 1 : 1;

	switch (k) {
	case KEY_UP:
	case 'k':
		move_to(x, at - 1);
		return true;
	case KEY_DOWN:
	case 'j':
		move_to(x, at + 1);
		return true;
	case KEY_PPAGE:
	case 2: /* ^B */
		move_to(x, at - page);
		return true;
	case KEY_NPAGE:
	case 6: /* ^F */
		move_to(x, at + page);
		return true;
	case KEY_HOME:
	case 'g':
		move_to(x, 0);
		return true;
	case KEY_END:
	case 'G':
		move_to(x, x->l->n);
		return true;
	case 'm':
		move_to(x, x->l->longest);
		return true;
	case KEY_LEFT:
	case 'h':
		x->first -= x->first > 0;
		return true;
	case KEY_RIGHT:
	case 'l':
		x->first += hidden_right(x) && x->first + 1 < x->l->nends;
		return true;
	case '\r':
	case '\n':
	case KEY_ENTER:
	case 'P':
	case 'A':
		return go(u, selected(x), k);
	default:
		return false;
	}
}

static void click(struct ui *u, struct screen *s, int row)
{
	struct state *x = s->state;
	int64_t to = (int64_t)x->top + row - x->rungs;

	if (row < x->rungs || to >= x->l->n)
		return;
	if (to == x->selected)
		go(u, selected(x), '\n');
	else
		move_to(x, to);
}

static void release(struct screen *s)
{
	struct state *x = s->state;

	if (x)
		ladder_free(x->l);
	free(x);
}

static const struct key_help help[] = {
	{"Enter", "the whole record of the request"},
	{"P A", "the packets of its connection; what both sides said, as text"},
	{"m", "to the longest wait"},
	{"j k g G ^F ^B", "move among the arrows"},
	{"h l", "scroll the hosts"},
	{"(lines)", "thick: it has a request in hand; a block: it lets the others wait"},
	{NULL, NULL},
};

const struct screen_class ladder_class = {
	.name = "ladder",
	.title = "Tiers of a request",
	.help = help,
	.draw = draw,
	.key = key,
	.click = click,
	.free = release,
};

static void tell(const struct hops *h, const struct ladder *l, struct screen *s)
{
	uint64_t left = h->left_out + l->left_out;
	struct text t;

	text_init(&t, s->remark, sizeof(s->remark));
	text_printf(&t, "%" PRIu32 " request%s", h->n, h->n == 1 ? "" : "s");
	if (h->unsure)
		text_printf(&t, "; %" PRIu64 " more may be others' calls", h->unsure);
	if (h->no_parent)
		text_str(&t, "; several may have called it");
	if (left)
		text_printf(&t, "; %" PRIu64 " left out", left);
	if (h->crowded)
		text_str(&t, "; not all records of that time were looked at");
}

void ladder_open(struct ui *u, const struct record *r)
{
	struct hops *h = hops_find(u, r);
	struct screen *s;
	struct state *x;

	if (!h) {
		ui_note(u, true, "there is no request with a time here");
		return;
	}
	s = ui_push(u, &ladder_class);
	if (!s) {
		hops_free(h);
		return;
	}
	x = s->state = xcalloc(1, sizeof(*x));
	x->l = ladder_new(h);
	move_to(x, x->l->longest);
	tell(h, x->l, s);
}

/* The slowest transaction of a connection, of an operation, or that a filter matches. */
struct slowest {
	struct ui *u;
	struct filter *filter; /* NULL: none */
	uint64_t flow_id;      /* 0: any */
	struct addr ip;
	uint16_t port;
	const char *operation;
	size_t noperation;
	const struct record *r;
};

static uint64_t took(const struct record *r)
{
	const struct txn_record *t = (const void *)r;

	return t->total != FIELD_ABSENT ? t->total : r->duration != FIELD_ABSENT ? r->duration : 0;
}

static bool is_slower(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct slowest *x = arg;
	char buffer[OPERATION_MAX];
	struct text t;

	(void)number;
	(void)when;
	if (r->kind != RECORD_TXN || r->composite || (x->r && took(r) <= took(x->r)))
		return true;
	if (x->filter) {
		x->r = filter_match(x->filter, r) ? r : x->r;
		return true;
	}
	if (x->flow_id) {
		x->r = r->flow_id == x->flow_id ? r : x->r;
		return true;
	}
	if (r->server.port != x->port || memcmp(&r->server.ip, &x->ip, sizeof(x->ip)) != 0)
		return true;
	text_init(&t, buffer, sizeof(buffer));
	operation_of((const void *)r, x->u->o.literal, &t);
	if (t.len == x->noperation && memcmp(t.p, x->operation, t.len) == 0)
		x->r = r;
	return true;
}

static void open_slowest(struct ui *u, struct slowest *x)
{
	store_each(u->store, 0, ui_until(u), is_slower, x);
	if (x->r)
		ladder_open(u, x->r);
	else
		ui_note(u, true, "no transaction of it is kept");
}

void ladder_open_flow(struct ui *u, uint64_t flow_id)
{
	open_slowest(u, &(struct slowest){.u = u, .flow_id = flow_id});
}

void ladder_open_matching(struct ui *u, const char *filter)
{
	char err[256];
	struct slowest x = {.u = u, .filter = filter_new(filter, &u->env, err, sizeof(err))};

	if (!x.filter) {
		ui_note(u, true, "%s", err);
		return;
	}
	open_slowest(u, &x);
	filter_free(x.filter);
}

void ladder_open_operation(
	struct ui *u, const struct addr *ip, uint16_t port, const char *operation, size_t n)
{
	open_slowest(u,
		&(struct slowest){
			.u = u, .ip = *ip, .port = port, .operation = operation, .noperation = n});
}
