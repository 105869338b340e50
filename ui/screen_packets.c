/*
 * screen_packets.c - packets: those of one connection as a ladder in time between its two ends, or
 * frames that something else names. Frames that are not kept any more are read from the file again;
 * of an interface or a pipe they are gone, and that is said.
 */
#include "screens.h"
#include "columns.h"
#include "reread.h"
#include "screen.h"
#include "table.h"
#include "view.h"
#include "base/mem.h"
#include "core/layers.h"
#include "core/order.h"
#include "core/registry.h"
#include "out/packet_text.h"
#include <curses.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX 20000u
#define LIST_MAX    64u
#define LADDER      28

struct row {
	uint64_t frame, order, time, offset, delta, bytes, payload, window, seq, ack;
	struct addr src, dst;
	uint64_t sport, dport;
	uint16_t flags; /* PACKET_ */
	uint8_t tcp_flags, proto;
	uint8_t side; /* who sent it: enum side */
	bool inside;  /* between the stamps of the transaction */
	bool again;   /* bytes that were sent before */
};

struct list {
	struct row *row;
	uint32_t n, cap;
};

/* A frame as records name it: of two at one time the one with the lower number is first. */
struct moment {
	uint64_t time, frame;
};

struct state {
	/* Those read again from the file, then those that were kept. */
	struct list old, kept;
	/* Of one connection ... */
	bool flow;
	struct ends ends;
	uint64_t flow_id;
	struct moment first, last; /* of the transaction; frame 0: none */
	const struct dissector *app;
	/* ... or a list. */
	uint64_t frames[LIST_MAX];
	unsigned nframes;
	struct counters counters;
	char scratch[256];
	/* Reading the file again: for the rows before those that were kept, and for one packet. */
	struct reread *again, *fetch;
	struct frames *store, *fetched;
	uint64_t fetch_frame;
	uint32_t shown; /* rows of `old` that the table has */
};

/* What is made when it is drawn. */
enum { MADE_LADDER = 1 << 20, MADE_FLAGS, MADE_INFO };
#define MADE(which, name, title, help, width)                                                      \
	FIELD_AT(name, title, help, FIELD_STR, width, 0, which, NULL)

static const struct field fields[] = {
	COLUMN(frame, "frame", "Frame", "Number of the frame in the capture.", FIELD_U64, 0, 8),
	COLUMN(time, "time", "Time", "When it was captured.", FIELD_TIME, 0, 12),
	COLUMN(offset, "offset", "Since", "Time since the first one here.", FIELD_DURATION, 0, 9),
	COLUMN(delta, "delta", "Gap", "Time since the one before.", FIELD_DURATION, 0, 9),
	MADE(MADE_LADDER, "ladder", "Client          Server", "Who sent what to whom.", LADDER),
	COLUMN(payload, "payload", "Payload", "Bytes that the last header carries.", FIELD_U64, 0,
		7),
	COLUMN(seq, "seq", "Seq", "TCP: number of the first byte.", FIELD_U64, 0, 10),
	COLUMN(ack, "ack", "Ack", "TCP: number of the byte expected next.", FIELD_U64, 0, 10),
	COLUMN(window, "window", "Window", "TCP: window as on the wire.", FIELD_U64, 0, 6),
	COLUMN(bytes, "bytes", "Length", "Bytes of the frame.", FIELD_U64, 0, 6),
	COLUMN(src, "source", "Source", "Address of the sender.", FIELD_IP, 0, 15),
	COLUMN(sport, "source.port", "Port", "Its port.", FIELD_U64, FIELD_F_NONZERO, 5),
	COLUMN(dst, "destination", "Destination", "Address of the receiver.", FIELD_IP, 0, 15),
	COLUMN(dport, "destination.port", "Port", "Its port.", FIELD_U64, FIELD_F_NONZERO, 5),
	MADE(MADE_FLAGS, "flags", "Flags", "TCP: flags.", 12),
	MADE(MADE_INFO, "info", "What it carries", "First fields of what the packet carries.", 30),
	FIELDS_END,
};

static struct row *row_of(const struct state *x, uint32_t row)
{
	if (row < x->old.n)
		return &x->old.row[row];
	row -= x->old.n;
	return row < x->kept.n ? &x->kept.row[row] : NULL;
}

static bool earlier(uint64_t time, uint64_t frame, const struct moment *than)
{
	return time != than->time ? time < than->time : frame < than->frame;
}

static void add(struct state *x, struct list *to, const struct packet *k)
{
	struct row *r;

	if (to->n == to->cap) {
		to->cap = to->cap ? to->cap * 2 : 256;
		to->row = xrealloc(to->row, to->cap * sizeof(*to->row));
	}
	r = &to->row[to->n++];
	memset(r, 0, sizeof(*r));
	r->frame = k->number;
	r->order = k->order;
	r->time = k->time;
	r->bytes = k->len;
	r->payload = (uint64_t)k->paylen + k->paycut;
	r->flags = k->flags;
	r->proto = k->ip_proto;
	if (k->flags & (PACKET_IP | PACKET_ARP)) {
		r->src = k->src;
		r->dst = k->dst;
	}
	r->sport = k->sport;
	r->dport = k->dport;
	r->inside = x->first.frame && !earlier(k->time, k->number, &x->first) &&
		    (k->number == x->last.frame || earlier(k->time, k->number, &x->last));
	r->side = x->flow && memcmp(&k->src, &x->ends.server, sizeof(k->src)) == 0 &&
				  k->sport == x->ends.sport
			  ? SIDE_SERVER
			  : SIDE_CLIENT;
	r->window = r->seq = r->ack = FIELD_ABSENT;
	if (!(k->flags & PACKET_TCP))
		return;
	r->tcp_flags = k->tcp_flags;
	r->window = k->tcp_window;
	r->seq = k->tcp_seq;
	r->ack = k->tcp_flags & TCP_ACK ? k->tcp_ack : FIELD_ABSENT;
}

/* What a row says of those before it: times, and whether its bytes were sent before. */
static void relate(struct state *x)
{
	uint32_t next[2] = {0, 0}; /* the sequence number behind what a side has sent */
	bool begun[2] = {false, false};
	const struct row *before = NULL, *first = row_of(x, 0);

	for (uint32_t i = 0; i < x->old.n + x->kept.n; i++) {
		struct row *r = row_of(x, i);
		uint32_t end;

		r->offset = r->time > first->time ? r->time - first->time : 0;
		r->delta = before && r->time > before->time ? r->time - before->time : 0;
		before = r;
		if (!(r->flags & PACKET_TCP) ||
			(!r->payload && !(r->tcp_flags & (TCP_SYN | TCP_FIN))))
			continue;
		end = (uint32_t)(r->seq + r->payload +
				 (r->tcp_flags & (TCP_SYN | TCP_FIN) ? 1 : 0));
		r->again = begun[r->side] && (int32_t)(end - next[r->side]) <= 0;
		if (!r->again)
			next[r->side] = end;
		begun[r->side] = true;
	}
}

static bool wanted(const struct state *x, const struct packet *k)
{
	enum side side;

	if (x->flow)
		return ends_meet(&x->ends, k, &side);
	for (unsigned i = 0; i < x->nframes; i++)
		if (x->frames[i] == k->number)
			return true;
	return false;
}

static bool consider(void *arg, const struct packet *frame)
{
	struct state *x = arg;
	struct packet k = *frame;

	layers_dissect(&k, &x->counters);
	if (wanted(x, &k))
		add(x, &x->kept, &k);
	return x->old.n + x->kept.n < PACKETS_MAX;
}

/* The same of a frame that is read again. */
static bool consider_old(void *arg, const struct packet *frame)
{
	struct state *x = arg;
	struct packet k = *frame;

	if (!x->flow && !wanted(x, frame))
		return true;
	layers_dissect(&k, &x->counters);
	if (wanted(x, &k)) {
		add(x, &x->old, &k);
		frames_add(x->store, frame);
	}
	return x->old.n + x->kept.n < PACKETS_MAX;
}

static void collect(struct ui *u, struct screen *s)
{
	struct state *x = s->state;

	if (x->flow) {
		uint64_t from = x->kept.n ? x->kept.row[x->kept.n - 1].order + 1 : 0;

		if (x->old.n + x->kept.n < PACKETS_MAX)
			frames_each(u->frames, from, UINT64_MAX, consider, x);
	} else if (!x->kept.n) {
		for (unsigned i = 0; i < x->nframes; i++)
			frames_find(u->frames, x->frames[i], consider, x);
	}
	relate(x);
	x->shown = x->old.n;
	s->table.n = x->old.n + x->kept.n;
}

static const struct row *row_at(const struct screen *s, uint32_t row)
{
	return s->state ? row_of(s->state, row) : NULL;
}

/* A frame, wherever it is by now. */
static void each_frame(const struct state *x, struct ui *u, uint64_t frame,
	bool (*fn)(void *arg, const struct packet *p), void *arg)
{
	if (!frames_find(u->frames, frame, fn, arg) && x->store)
		frames_find(x->store, frame, fn, arg);
}

static void put_flags(struct text *t, const struct row *r)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	bool any = false;

	for (unsigned i = 0; i < 8; i++)
		if (r->tcp_flags >> i & 1) {
			text_printf(t, "%s%s", any ? "," : "", names[i]);
			any = true;
		}
}

/* |--- SYN ---->|  or  |<-- 1,448 ----| */
static void put_ladder(struct text *t, const struct row *r)
{
	bool utf8 = term_utf8();
	const char *edge = utf8 ? "\u2502" : "|", *dash = utf8 ? "\u2500" : "-";
	char label[32] = "";
	struct text l;
	int room = LADDER - 4, n, left;

	text_init(&l, label, sizeof(label));
	if (r->tcp_flags & TCP_SYN)
		text_str(&l, r->tcp_flags & TCP_ACK ? "SYN,ACK " : "SYN ");
	if (r->tcp_flags & TCP_RST)
		text_str(&l, "RST ");
	if (r->tcp_flags & TCP_FIN)
		text_str(&l, "FIN ");
	if (r->payload)
		text_count(&l, r->payload);
	else if (!l.len && r->tcp_flags & TCP_ACK)
		text_str(&l, "ACK");
	if (r->again)
		text_str(&l, " again");
	while (l.len && label[l.len - 1] == ' ')
		label[--l.len] = '\0';
	n = (int)l.len;
	left = (room - n - 2) / 2;
	text_str(t, edge);
	text_str(t, r->side == SIDE_SERVER ? (utf8 ? "\u25c0" : "<") : dash);
	for (int i = 0; i < left; i++)
		text_str(t, dash);
	text_printf(t, " %s ", label);
	for (int i = left + n + 2; i < room; i++)
		text_str(t, dash);
	text_str(t, r->side == SIDE_CLIENT ? (utf8 ? "\u25b6" : ">") : dash);
	text_str(t, edge);
}

struct info {
	struct ui *u;
	const struct dissector *app;
	enum side side;
	struct text *t;
};

static bool put_info(void *arg, const struct packet *p)
{
	static struct show tree;
	struct info *i = arg;

	show_frame(&tree, p, i->app, i->side);
	packet_info(i->t, &tree);
	return false;
}

static bool value(
	struct ui *u, struct screen *s, uint32_t row, const struct field *f, struct schema_value *v)
{
	struct state *x = s->state;
	const struct row *r = row_at(s, row);
	struct text t;

	if (!r)
		return false;
	if (f->offset < MADE_LADDER)
		return cell_member(f, r, v);
	text_init(&t, x->scratch, sizeof(x->scratch));
	if (f->offset == MADE_LADDER) {
		put_ladder(&t, r);
	} else if (f->offset == MADE_FLAGS) {
		put_flags(&t, r);
	} else if (r->payload || !(r->flags & PACKET_TCP)) {
		struct info i = {u, x->app, (enum side)r->side, &t};

		each_frame(x, u, r->frame, put_info, &i);
	}
	v->p = t.p;
	v->n = t.len;
	return t.len > 0;
}

static uint64_t id(struct screen *s, uint32_t row)
{
	return row_at(s, row)->frame | UINT64_C(1) << 62;
}

static enum role role(struct screen *s, uint32_t row)
{
	const struct row *r = row_at(s, row);

	if (r->again || r->tcp_flags & TCP_RST)
		return ROLE_BAD;
	if (r->inside)
		return ROLE_GOOD;
	return r->tcp_flags & (TCP_SYN | TCP_FIN) ? ROLE_ACCENT : ROLE_TEXT;
}

static bool fetched(void *arg, const struct packet *frame)
{
	struct state *x = arg;

	if (frame->number != x->fetch_frame)
		return true;
	frames_add(x->fetched, frame);
	return false;
}

static const struct row *row_of_frame(const struct state *x, uint64_t frame)
{
	for (uint32_t i = 0; i < x->old.n + x->kept.n; i++)
		if (row_of(x, i)->frame == frame)
			return row_of(x, i);
	return NULL;
}

/* A packet that was kept when the row was made, and is not any more. */
static void fetch(struct ui *u, struct state *x, uint64_t frame)
{
	char err[200];

	reread_free(x->fetch);
	frames_free(x->fetched);
	x->fetched = NULL;
	x->fetch_frame = frame;
	x->fetch = reread_new(u, order_of(frame), frames_last_place(u->frames, frame), fetched, x,
		err, sizeof(err));
	if (x->fetch)
		x->fetched = frames_new(0);
	else
		ui_note(u, true, "frame %" PRIu64 " is not kept any more: %.150s", frame, err);
}

struct begun {
	uint64_t flow_id, time, frame, from; /* from: where its message begins; 0: not known */
	enum side side;
};

/* A packet is explained by its bytes alone; that they go on with a message the records know. */
static bool find_begun(void *arg, uint64_t number, uint64_t when, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct begun *b = arg;
	unsigned i = b->side == SIDE_CLIENT ? 0 : 2; /* t0 to t1, t2 to t3 */

	(void)number;
	(void)when;
	if (r->kind != RECORD_TXN || r->flow_id != b->flow_id)
		return true;
	if (t->frame[i] && earlier(t->stamp[i], t->frame[i], &(struct moment){b->time, b->frame}) &&
		!earlier(t->stamp[i + 1], t->frame[i + 1], &(struct moment){b->time, b->frame}))
		b->from = t->frame[i];
	return !b->from;
}

static void tell_begun(struct ui *u, const struct state *x, const struct row *r)
{
	struct begun b = {x->flow_id, r->time, r->frame, 0, (enum side)r->side};
	struct screen *s = ui_top(u);

	if (!x->flow || !r->payload || s->class != &tree_class)
		return;
	store_each(u->store, 0, UINT64_MAX, find_begun, &b);
	if (b.from)
		snprintf(s->remark, sizeof(s->remark),
			"goes on with the %s that began in frame %" PRIu64,
			b.side == SIDE_CLIENT ? "request" : "response", b.from);
}

static void open_packet(struct ui *u, struct screen *s, uint32_t row)
{
	struct state *x = s->state;
	const struct row *r = row_at(s, row);
	enum side side = (enum side)r->side;

	if (tree_open(u, u->frames, r->frame, x->app, side) ||
		(x->store && tree_open(u, x->store, r->frame, x->app, side)))
		tell_begun(u, x, r);
	else
		fetch(u, x, r->frame);
}

/* The packet that was asked for is there, or is not in the file. */
static void fetch_done(struct ui *u, struct screen *s)
{
	struct state *x = s->state;
	const struct row *r = row_of_frame(x, x->fetch_frame);

	reread_free(x->fetch);
	x->fetch = NULL;
	if (ui_top(u) != s || !r)
		return;
	if (tree_open(u, x->fetched, r->frame, x->app, (enum side)r->side))
		tell_begun(u, x, r);
	else
		ui_note(u, true, "frame %" PRIu64 " is not in the file", r->frame);
}

static void select_first_inside(struct screen *s)
{
	for (uint32_t i = 0; i < s->table.n; i++)
		if (row_at(s, i)->inside) {
			s->table.selected = i;
			s->table.selected_id = id(s, i);
			return;
		}
}

static void reading_done(struct ui *u, struct screen *s)
{
	struct state *x = s->state;
	bool begin = !x->kept.n && !s->table.selected;

	reread_free(x->again);
	x->again = NULL;
	collect(u, s);
	table_collected(u, s);
	if (begin)
		select_first_inside(s);
	if (!s->table.n)
		ui_note(u, true, "its packets are not in the file");
}

static bool work(struct ui *u, struct screen *s)
{
	struct state *x = s->state;

	if (!x->again && !x->fetch)
		return false;
	if (x->again && !reread_step(x->again))
		reading_done(u, s);
	if (x->fetch && !reread_step(x->fetch))
		fetch_done(u, s);
	s->stale |= x->old.n != x->shown;
	s->remark[0] = '\0';
	if (x->again || x->fetch)
		snprintf(s->remark, sizeof(s->remark), "reading the file again: %u %%",
			reread_percent(x->again ? x->again : x->fetch));
	u->dirty = true;
	return x->again || x->fetch;
}

static void release(struct screen *s)
{
	struct state *x = s->state;

	if (!x)
		return;
	reread_free(x->again);
	reread_free(x->fetch);
	frames_free(x->store);
	frames_free(x->fetched);
	free(x->old.row);
	free(x->kept.row);
	free(x);
}

void packets_open_stream(struct ui *u, struct screen *s)
{
	const struct row *r = row_at(s, table_row(&s->table));

	if (!r)
		return;
	if (r->flags & (PACKET_TCP | PACKET_UDP | PACKET_SCTP))
		stream_open_packet(u,
			&(struct ends){
				r->src, r->dst, (uint16_t)r->sport, (uint16_t)r->dport, r->proto},
			r->frame);
	else
		ui_note(u, true, "this packet is of no connection");
}

static bool key(struct ui *u, struct screen *s, int k)
{
	if (k != 'A')
		return false;
	packets_open_stream(u, s);
	return true;
}

static const struct key_help help[] = {
	{"Enter", "the packet, layer by layer, with its bytes"},
	{"A", "what both sides of its connection said, as text; its bytes are marked"},
	{"(colours)", "green: of this transaction; red: sent again, or a reset"},
	{NULL, NULL},
};

const struct screen_class packets_class = {
	.name = "packets",
	.title = "Packets",
	.fields = fields,
	.columns = "frame delta ladder info time payload offset",
	.help = help,
	.collect = collect,
	.value = value,
	.id = id,
	.role = role,
	.open = open_packet,
	.key = key,
	.work = work,
	.free = release,
};

/* Frames from number `from` on, before the first that is kept, are wanted, too. */
static void read_again(struct ui *u, struct screen *s, uint64_t from)
{
	struct state *x = s->state;
	uint64_t first, last;
	char err[200];

	frames_range(u->frames, &first, &last);
	if (!first || order_of(from) >= first)
		return;
	if (!reread_possible(u)) {
		snprintf(s->remark, sizeof(s->remark),
			"packets before frame %" PRIu64 " are gone (--keep)", order_number(first));
		return;
	}
	x->again = reread_new(u, order_of(from), first - 1, consider_old, x, err, sizeof(err));
	if (!x->again) {
		ui_note(u, true, "%.200s", err);
		return;
	}
	x->store = frames_new(AGAIN_MEMORY);
	snprintf(s->remark, sizeof(s->remark), "reading the file again");
}

static const struct dissector *application(const struct record *r)
{
	return r->kind == RECORD_FLOW ? ((const struct flow_record *)r)->app : r->dissector;
}

void packets_open_flow(struct ui *u, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct state *x = xcalloc(1, sizeof(*x));
	struct screen *s;
	char label[SCOPE_MAX];
	struct text text;

	x->flow = true;
	x->flow_id = r->flow_id;
	x->ends = ends_of_record(r);
	x->app = application(r);
	if (r->kind == RECORD_TXN)
		for (int i = 0; i < 4; i++) {
			if (!t->frame[i])
				continue;
			if (!x->first.frame || earlier(t->stamp[i], t->frame[i], &x->first))
				x->first = (struct moment){t->stamp[i], t->frame[i]};
			if (!x->last.frame || !earlier(t->stamp[i], t->frame[i], &x->last))
				x->last = (struct moment){t->stamp[i], t->frame[i]};
		}
	text_init(&text, label, sizeof(label));
	text_endpoint(&text, &r->client.ip, r->client.port);
	text_str(&text, ", ");
	text_endpoint(&text, &r->server.ip, r->server.port);
	s = ui_push(u, &packets_class);
	if (!s) {
		free(x);
		return;
	}
	s->state = x;
	snprintf(s->label, sizeof(s->label), "%s", label);
	collect(u, s);
	table_collected(u, s);
	select_first_inside(s);
	read_again(u, s, r->flow_id);
}

void packets_open_list(struct ui *u, const uint64_t *frames, unsigned n, const char *label)
{
	struct screen *s = ui_push(u, &packets_class);
	uint64_t least = UINT64_MAX;
	struct state *x;

	if (!s)
		return;
	x = s->state = xcalloc(1, sizeof(*x));
	for (unsigned i = 0; i < n && i < LIST_MAX; i++)
		least = (x->frames[x->nframes++] = frames[i]) < least ? frames[i] : least;
	snprintf(s->label, sizeof(s->label), "%s", label);
	table_set_columns(u, s,
		"frame time source source.port destination destination.port flags "
		"payload info");
	read_again(u, s, least);
}
