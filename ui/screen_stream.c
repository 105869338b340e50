/*
 * screen_stream.c - the text of a connection: what both sides said, in order, each marked with who
 * said it and how long that took. Bytes that are no text are escaped, or shown as numbers.
 *
 * Packets that are not kept any more are read from the file again, before those that are.
 */
#include "screens.h"
#include "columns.h"
#include "conversation.h"
#include "lines.h"
#include "reread.h"
#include "screen.h"
#include "view.h"
#include "base/mem.h"
#include "core/order.h"
#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 200000u
#define MARGIN    2 /* "> " and "< ": who said it, without colours */

enum direction { BOTH, CLIENT, SERVER, DIRECTIONS };

struct line {
	uint32_t turn, at, len; /* len 0: the head of the turn */
};

struct state {
	struct conversation *talk;
	struct record *r; /* a copy of what it was opened from; NULL: a packet */
	struct ends ends;
	uint64_t next; /* place of the first frame that is still to be looked at */
	struct reread *again;
	bool gone, whole;
	uint64_t wanted; /* a frame whose bytes are to be in sight; 0: none */
	/* Lines as they were made for a width, and what they were made of. */
	struct line *line;
	uint32_t nlines, lines;
	int width;
	uint32_t bytes;
	enum direction direction;
	bool hex, made_hex;
	enum direction made_direction;
	uint32_t longest;          /* turn that was waited for longest */
	uint32_t found, found_end; /* bytes that are marked */
	struct lines scroll;
};

/* Packets. */

static bool consider(void *arg, const struct packet *frame)
{
	struct state *x = arg;

	x->next = frame->order + 1;
	x->whole = !conversation_add(x->talk, frame);
	return !x->whole;
}

static void tell(struct ui *u, struct screen *s)
{
	struct state *x = s->state;
	struct text t;
	uint64_t left = conversation_left_out(x->talk);

	(void)u;
	text_init(&t, s->remark, sizeof(s->remark));
	if (x->again)
		text_printf(&t, "reading the file again: %u %%", reread_percent(x->again));
	else if (x->gone)
		text_str(&t, "what was before is gone (--keep)");
	if (left) {
		text_str(&t, t.len ? "; " : "");
		text_bytes(&t, left);
		text_str(&t, " more left out");
	}
	if (x->r && x->r->dissector && app_encrypted(x->r->dissector))
		text_printf(&t, "%sencrypted", t.len ? "; " : "");
}

/* Of a file what is not kept comes first, by work(); what is kept is added here. */
static void collect(struct ui *u, struct screen *s)
{
	struct state *x = s->state;

	if (!x || x->again || x->whole)
		return;
	frames_each(u->frames, x->next, UINT64_MAX, consider, x);
	if (u->over)
		conversation_flush(x->talk);
	tell(u, s);
}

static bool work(struct ui *u, struct screen *s)
{
	struct state *x = s->state;
	uint64_t first, last;

	if (!x->again)
		return false;
	/* While the file is read for the first time, more and more is not kept any more. */
	frames_range(u->frames, &first, &last);
	if (!x->whole && first && x->next < first) {
		reread_to(x->again, first - 1);
		if (reread_step(x->again)) {
			tell(u, s);
			return true;
		}
		x->next = x->next < first ? first : x->next;
	}
	reread_free(x->again);
	x->again = NULL;
	collect(u, s);
	return false;
}

/* Lines. */

static void add_line(struct state *x, uint32_t turn, uint32_t at, uint32_t len)
{
	if (x->nlines == LINES_MAX)
		return;
	if (x->nlines == x->lines) {
		x->lines = x->lines ? x->lines * 2 : 256;
		x->line = xrealloc(x->line, x->lines * sizeof(*x->line));
	}
	x->line[x->nlines++] = (struct line){turn, at, len};
}

/* Bytes of a text without line feeds that go into so many columns, escaped. */
static uint32_t fit(const uint8_t *p, uint32_t n, int width)
{
	uint32_t len = n < (uint32_t)width ? n : (uint32_t)width;
	int columns;

	while (len > 1 && (columns = term_text_width((const char *)p, len)) > width) {
		uint32_t less = len * (uint32_t)width / (uint32_t)columns;

		len = less && less < len ? less : len - 1;
	}
	/* No character is parted. */
	while (len > 1 && len < n && (p[len] & 0xc0) == 0x80)
		len--;
	return len;
}

static void text_lines(struct state *x, uint32_t turn, const uint8_t *p, const struct turn *t)
{
	for (uint32_t at = 0; at < t->len;) {
		const uint8_t *from = p + t->at + at;
		uint32_t left = t->len - at;
		const uint8_t *end = memchr(from, '\n', left);
		uint32_t n = end ? (uint32_t)(end - from) : left;
		uint32_t len = n && from[n - 1] == '\r' ? n - 1 : n;
		uint32_t part = len ? fit(from, len, x->width) : 0;

		/* An empty line has its line feed, which is not drawn. */
		add_line(x, turn, t->at + at, part ? part : end ? n + 1 : n);
		at += part < len ? part : end ? n + 1 : n;
	}
}

static uint32_t per_line(const struct state *x)
{
	return x->width >= 75 ? 16 : x->width >= 41 ? 8 : 4;
}

static void hex_lines(struct state *x, uint32_t turn, const struct turn *t)
{
	uint32_t per = per_line(x);

	for (uint32_t at = 0; at < t->len; at += per)
		add_line(x, turn, t->at + at, t->len - at < per ? t->len - at : per);
}

static void make_lines(struct state *x)
{
	const struct turn *turn;
	uint32_t n = conversation_turns(x->talk, &turn), bytes;
	const uint8_t *p = conversation_bytes(x->talk, &bytes);
	int width = term_columns() - MARGIN;

	width = width < 8 ? 8 : width;
	if (x->width == width && x->bytes == bytes && x->made_hex == x->hex &&
		x->made_direction == x->direction)
		return;
	x->nlines = 0;
	x->width = width;
	x->bytes = bytes;
	x->made_hex = x->hex;
	x->made_direction = x->direction;
	x->longest = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (turn[i].wait > turn[x->longest].wait)
			x->longest = i;
		if ((x->direction == CLIENT && turn[i].side != SIDE_CLIENT) ||
			(x->direction == SERVER && turn[i].side != SIDE_SERVER))
			continue;
		add_line(x, i, turn[i].at, 0);
		if (x->hex)
			hex_lines(x, i, &turn[i]);
		else
			text_lines(x, i, p, &turn[i]);
	}
}

static void show_bytes(struct state *x, uint32_t from, uint32_t to)
{
	x->found = from;
	x->found_end = to;
	make_lines(x);
	for (uint32_t i = 0; i < x->nlines; i++)
		if (x->line[i].len && x->line[i].at + x->line[i].len > from) {
			uint32_t head = i && !x->line[i - 1].len ? i - 1 : i;

			x->scroll.top = head;
			x->scroll.count = x->scroll.line = x->nlines;
			return;
		}
}

/* "client 10.0.0.1:4000  02:56:33.480  after 153 us  frame 4  84 bytes" */
static void draw_head(const struct state *x, int y, const struct turn *t, bool longest)
{
	bool client = t->side == SIDE_CLIENT;
	char line[256];
	struct text text;

	text_init(&text, line, sizeof(line));
	text_printf(&text, "%s %s ", client ? ">" : "<", client ? "client" : "server");
	text_endpoint(&text, client ? &x->ends.client : &x->ends.server,
		client ? x->ends.cport : x->ends.sport);
	if (t->wait) {
		text_str(&text, "  after ");
		text_duration(&text, t->wait);
		text_str(&text, longest ? ", the longest" : "");
	}
	text_printf(&text, "  %" PRIu32 " byte%s", t->len, t->len == 1 ? "" : "s");
	if (t->missing)
		text_printf(&text, "  (%" PRIu64 " before are not in the capture)", t->missing);
	text_printf(&text, "  frame %" PRIu64 "  ", t->frame);
	cell_time(&text, t->time);
	term_put(y, 0, term_columns(), line, t->missing ? ROLE_BAD : ROLE_HEAD);
}

static void draw_hex(const struct state *x, int y, const struct line *l, const uint8_t *p,
	uint32_t from, enum role role)
{
	uint32_t per = per_line(x);
	char line[160];
	struct text t;

	text_init(&t, line, sizeof(line));
	text_printf(&t, "%05" PRIx32 "  ", l->at - from);
	for (uint32_t i = 0; i < per; i++)
		if (i < l->len)
			text_printf(&t, "%02x ", p[l->at + i]);
		else
			text_str(&t, "   ");
	text_char(&t, ' ');
	for (uint32_t i = 0; i < l->len; i++) {
		uint8_t b = p[l->at + i];

		text_char(&t, b >= ' ' && b < 0x7f ? (char)b : '.');
	}
	term_put(y, MARGIN, term_columns() - MARGIN, line, role);
}

static void draw_line(const struct state *x, int y, const struct line *l)
{
	const struct turn *turn;
	uint32_t n;
	const uint8_t *p = conversation_bytes(x->talk, &n);
	bool client, marked;
	enum role role;

	conversation_turns(x->talk, &turn);
	client = turn[l->turn].side == SIDE_CLIENT;
	if (!l->len) {
		draw_head(x, y, &turn[l->turn], l->turn == x->longest);
		return;
	}
	marked = l->at < x->found_end && l->at + l->len > x->found;
	role = marked ? ROLE_SELECTED : client ? ROLE_GOOD : ROLE_TEXT;
	term_put(y, 0, MARGIN, client ? ">" : "<", ROLE_DIM);
	if (x->hex) {
		draw_hex(x, y, l, p, turn[l->turn].at, role);
		return;
	}
	n = l->len;
	while (n && (p[l->at + n - 1] == '\n' || (n == 1 && p[l->at] == '\r')))
		n--;
	if (n && l->len > n && p[l->at + n - 1] == '\r')
		n--;
	term_text(y, MARGIN, term_columns() - MARGIN, (const char *)p + l->at, n, role);
}

static void draw(struct ui *u, struct screen *s, int row, int rows)
{
	struct state *x = s->state;
	uint32_t from, to;

	make_lines(x);
	if (x->wanted && conversation_find(x->talk, x->wanted, &from, &to)) {
		show_bytes(x, from, to);
		x->wanted = 0;
	}
	x->scroll.line = x->nlines;
	lines_begin(&x->scroll, row, rows);
	for (int i = 0; i < rows && x->scroll.top + (unsigned)i < x->nlines; i++)
		draw_line(x, row + i, &x->line[x->scroll.top + (unsigned)i]);
	x->scroll.line = x->nlines;
	if (!x->nlines)
		term_put(row + 1, 2, term_columns() - 2,
			x->again || !u->over ? "No bytes so far."
					     : "The capture has no bytes of it.",
			ROLE_DIM);
}

static bool same_letter(uint8_t a, uint8_t b)
{
	a = a >= 'A' && a <= 'Z' ? (uint8_t)(a + 32) : a;
	b = b >= 'A' && b <= 'Z' ? (uint8_t)(b + 32) : b;
	return a == b;
}

static bool holds(const uint8_t *p, const char *text, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		if (!same_letter(p[i], (uint8_t)text[i]))
			return false;
	return true;
}

/* From what was found last on, round and round. */
static bool search(struct ui *u, struct screen *s, const char *text, int direction, bool again)
{
	struct state *x = s->state;
	uint32_t n, len = (uint32_t)strlen(text), at = x->found;
	const uint8_t *p = conversation_bytes(x->talk, &n);

	(void)u;
	if (!len || len > n)
		return false;
	for (uint32_t i = 0, places = n - len + 1; i < places; i++) {
		if (i || again)
			at = direction > 0 ? (at + 1 < places ? at + 1 : 0)
					   : (at && at <= places ? at - 1 : places - 1);
		if (at < places && holds(p + at, text, len)) {
			show_bytes(x, at, at + len);
			return true;
		}
	}
	return false;
}

static bool key(struct ui *u, struct screen *s, int k)
{
	static const char *const names[] = {"both sides", "the client only", "the server only"};
	struct state *x = s->state;

	if (lines_key(&x->scroll, k))
		return true;
	switch (k) {
	case 'x':
		x->hex = !x->hex;
		return true;
	case 'd':
		x->direction = (x->direction + 1) % DIRECTIONS;
		ui_note(u, false, "%s", names[x->direction]);
		return true;
	case '\r':
	case '\n':
	case KEY_ENTER:
	case 'P':
		if (x->r)
			packets_open_flow(u, x->r);
		return true;
	default:
		return false;
	}
}

static void release(struct screen *s)
{
	struct state *x = s->state;

	if (!x)
		return;
	reread_free(x->again);
	conversation_free(x->talk);
	free(x->r);
	free(x->line);
	free(x);
}

static const struct key_help help[] = {
	{"x", "as numbers (hexadecimal), as text"},
	{"d", "both sides, the client only, the server only"},
	{"F3 / n N", "search; again, backwards"},
	{"Enter P", "the packets of the connection"},
	{"j k Space ^F ^B g G", "scroll"},
	{"(marks)", "> the client, < the server; a reversed line: the packet it was opened from"},
	{NULL, NULL},
};

const struct screen_class stream_class = {
	.name = "stream",
	.title = "Text",
	.help = help,
	.collect = collect,
	.draw = draw,
	.key = key,
	.search = search,
	.work = work,
	.free = release,
};

/* From frame number `from` on; the bytes of `wanted` are in sight. */
static void stream_open(
	struct ui *u, const struct ends *e, const struct record *r, uint64_t from, uint64_t wanted)
{
	struct state *x = xcalloc(1, sizeof(*x));
	uint64_t first, last;
	struct screen *s;
	struct text t;
	char err[200];

	x->ends = *e;
	x->talk = conversation_new(e);
	x->next = order_of(from);
	x->wanted = wanted;
	if (r) {
		x->r = xmalloc(r->size);
		memcpy(x->r, r, r->size);
	}
	s = ui_push(u, &stream_class);
	if (!s) {
		release(&(struct screen){.state = x});
		return;
	}
	s->state = x;
	text_init(&t, s->label, sizeof(s->label));
	text_endpoint(&t, &e->client, e->cport);
	text_str(&t, ", ");
	text_endpoint(&t, &e->server, e->sport);
	frames_range(u->frames, &first, &last);
	if (first && x->next < first) {
		if (reread_possible(u))
			x->again = reread_new(u, x->next, first - 1, consider, x, err, sizeof(err));
		if (reread_possible(u) && !x->again)
			ui_note(u, true, "%.200s", err);
		x->gone = !x->again;
	}
	collect(u, s);
}

void stream_open_record(struct ui *u, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct ends e = ends_of_record(r);

	stream_open(u, &e, r, r->flow_id, r->kind == RECORD_TXN ? t->frame[0] : 0);
}

struct owner {
	struct ends ends;
	uint64_t frame;
	const struct record *r;
};

/* The connection that a packet is of: the last one between its ends that had begun. */
static bool is_owner(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	struct owner *o = arg;
	struct packet k = {.flags = PACKET_IP | PACKET_TCP | PACKET_UDP,
		.src = o->ends.client,
		.dst = o->ends.server,
		.sport = o->ends.cport,
		.dport = o->ends.sport,
		.ip_proto = o->ends.proto};
	struct ends e = ends_of_record(r);
	enum side side;

	(void)number;
	(void)when;
	if (r->kind <= RECORD_TXN && r->has_ports && r->flow_id <= o->frame &&
		ends_meet(&e, &k, &side) && (!o->r || r->flow_id >= o->r->flow_id))
		o->r = r;
	return true;
}

void stream_open_packet(struct ui *u, const struct ends *e, uint64_t frame)
{
	struct owner o = {*e, frame, NULL};
	struct ends guess = *e;

	store_each(u->store, 0, UINT64_MAX, is_owner, &o);
	if (o.r) {
		struct ends known = ends_of_record(o.r);

		stream_open(u, &known, o.r, o.r->flow_id, frame);
		return;
	}
	/* Nobody has told of it yet: a server's port is the lower one. */
	if (guess.cport < guess.sport)
		guess = (struct ends){e->server, e->client, e->sport, e->cport, e->proto};
	stream_open(u, &guess, NULL, 0, frame);
}
