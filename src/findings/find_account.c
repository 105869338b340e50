/*
 * find_account.c - whose each nanosecond of waiting is: what records add to the account
 * (account.h), what findings claim of it, and what is left.
 */
#include "findings/find_impl.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/tiers.h"
#include <assert.h>
#include <stdlib.h>

const char *const entry_words[LEDGER_COUNT] = {
	[LEDGER_CONNECT_RETRY] = "connecting again",
	[LEDGER_CONNECT_NETWORK] = "connecting",
	[LEDGER_CONNECT_TLS] = "the TLS handshake",
	[LEDGER_REQUEST] = "sending the request",
	[LEDGER_QUEUED] = "waiting behind another request",
	[LEDGER_RETRY] = "sending a datagram again",
	[LEDGER_NETWORK] = "the way to the server and back",
	[LEDGER_SERVER] = "the server's own time",
	[LEDGER_RESPONSE] = "sending the response",
	[LEDGER_STALL_RTO_CLIENT] = "the client's retransmission timer",
	[LEDGER_STALL_RTO_SERVER] = "the server's retransmission timer",
	[LEDGER_STALL_FAST_CLIENT] = "what the client sent again",
	[LEDGER_STALL_FAST_SERVER] = "what the server sent again",
	[LEDGER_STALL_DELAYED_ACK] = "delayed acknowledgments",
	[LEDGER_STALL_ZERO_CLIENT] = "the client's closed window",
	[LEDGER_STALL_ZERO_SERVER] = "the server's closed window",
	[LEDGER_STALL_H2_CLIENT] = "the client's HTTP/2 window",
	[LEDGER_STALL_H2_SERVER] = "the server's HTTP/2 window",
	[LEDGER_UNKNOWN] = "what the capture lost",
};

/* What a connection was waited for that is in no transaction and no turn; its class. */
static enum wait_class flow_ledger(
	const struct findings *f, const struct flow_record *r, uint64_t *ledger)
{
	uint64_t retry = r->connect_retry != FIELD_ABSENT ? r->connect_retry : 0;
	bool turns = !f->turns_seen && turns_count(r);

	memset(ledger, 0, LEDGER_COUNT * sizeof(*ledger));
	if (turns) {
		ledger[LEDGER_NETWORK] = turn_network(r);
		ledger[LEDGER_SERVER] = turn_server(r);
		ledger[LEDGER_REQUEST] = r->turn_request;
		ledger[LEDGER_RESPONSE] = r->turn_response;
	}
	if (r->transactions && r->connect_untold && r->handshake != FIELD_ABSENT) {
		ledger[LEDGER_CONNECT_RETRY] = retry + r->accept_wait;
		ledger[LEDGER_CONNECT_NETWORK] = r->handshake - retry;
	}
	if (r->transactions)
		return CLASS_NONE;
	if (r->handshake == FIELD_ABSENT && !unacked_time(r, 0) && !unacked_time(r, 1)) {
		if (r->attempt) {
			ledger[LEDGER_CONNECT_RETRY] = retry;
			ledger[LEDGER_CONNECT_NETWORK] = r->attempt - retry;
		}
		return CLASS_NONE;
	}
	if (r->handshake != FIELD_ABSENT) {
		ledger[LEDGER_CONNECT_RETRY] = retry + (r->turns ? 0 : r->accept_wait);
		ledger[LEDGER_CONNECT_NETWORK] = r->handshake - retry;
	}
	ledger[LEDGER_STALL_RTO_CLIENT] = unacked_time(r, SIDE_CLIENT);
	ledger[LEDGER_STALL_RTO_SERVER] = unacked_time(r, SIDE_SERVER);
	if (ledger[LEDGER_STALL_RTO_CLIENT] && r->first_late)
		return strcmp(r->close_reason, "capture_end") == 0 ? CLASS_NOT_TAKEN_OPEN
								   : CLASS_NOT_TAKEN;
	if (ledger[LEDGER_STALL_RTO_CLIENT] || ledger[LEDGER_STALL_RTO_SERVER])
		return CLASS_UNACKED;
	ledger[LEDGER_SERVER] += greeting_waited(r);
	return greeting_waited(r) ? CLASS_GREETING : CLASS_NONE;
}

/* Does the wait last longer than the capture? */
static bool goes_on(const struct record *r)
{
	const struct flow_record *f = (const void *)r;

	return r->quality >> QUALITY_PENDING & 1 ||
	       (r->kind == RECORD_FLOW && strcmp(f->close_reason, "capture_end") == 0 &&
		       (unacked_time(f, 0) || unacked_time(f, 1) || greeting_waited(f)));
}

static uint64_t longest_stuck(const struct flow_record *r)
{
	uint64_t a = r->trouble[0].stuck_time, b = r->trouble[1].stuck_time;

	return a > b ? a : b;
}

/* Connections that stand were waited for at their beginning, dead ones at their end. */
static void add_flow(
	struct findings *f, struct cell **cells, const struct flow_record *r, bool take_out)
{
	uint64_t ledger[LEDGER_COUNT], total = 0, from = r->r.start;
	enum wait_class c;

	if (!r->tcp_state)
		return;
	c = flow_ledger(f, r, ledger);
	for (unsigned i = 0; i < LEDGER_COUNT; i++)
		total += ledger[i];
	if (!total)
		return;
	if (total > f->longest && !take_out)
		f->longest = total;
	if (take_out) {
		account_take_out(cells, ledger,
			f->tiers && total >= MS && !tiers_gone_by(f->tiers, from), goes_on(&r->r));
		return;
	}
	f->nshares = account_shares(cells, ledger, c, CLASS_NONE, f->shares);
	if (total < MS) { /* what it is a part of is not worth looking for */
		f->settled = true;
		return;
	}
	if (c == CLASS_UNACKED)
		from = r->r.end - longest_stuck(r);
	else if (c != CLASS_NONE && r->r.end > total && r->r.end - total > from)
		from = r->r.end - total;
	if (f->tiers)
		tiers_flow(f->tiers, &r->r, from, from + total, f->shares, f->nshares);
}

static unsigned shares_of(struct findings *f, struct cell **cells, const uint64_t *ledger)
{
	return account_shares(
		cells, ledger, (enum wait_class)f->claimed, (enum wait_class)f->stalls, f->shares);
}

static void add_turn(struct findings *f, struct cell **cells, const struct turn_record *r)
{
	f->turns_seen = true;
	if ((r->open && (!f->tiers || f->claimed != CLASS_NO_ANSWER)) || app_read(r->app))
		return;
	if (r->open)
		f->nshares = shares_of(
			f, cells, (uint64_t[LEDGER_COUNT]){[LEDGER_SERVER] = r->r.duration});
	else
		f->nshares = shares_of(f, cells, r->ledger);
	if (f->tiers)
		tiers_turn(f->tiers, r, f->shares, f->nshares);
}

/* A message of a connection that is not read. */
static void add_sent(struct findings *f, struct cell **cells, const struct sent_record *r)
{
	if (app_read(r->app))
		return;
	f->nshares = shares_of(f, cells, r->ledger);
	if (f->tiers)
		tiers_flow(f->tiers, &r->r, r->r.start, r->r.end, f->shares, f->nshares);
}

/* Without tiers all is felt. */
static void settle_shares(struct findings *f, bool open)
{
	for (unsigned i = 0; i < f->nshares && open; i++)
		f->shares[i].cell->open += f->shares[i].ns;
	for (unsigned i = 0; i < f->nshares && (!f->tiers || f->settled); i++)
		account_settle(&f->shares[i], true);
}

void account_record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct cell **cells = s ? &s->cells : &f->others;

	f->nshares = 0;
	f->settled = false;
	if (r->kind == RECORD_TXN && !r->composite && t->total != FIELD_ABSENT &&
		t->total > f->longest && f->claimed < CLASS_IDLE)
		f->longest = t->total;
	if (is_flow_end(r))
		add_flow(f, cells, (const void *)r, false);
	else if (r->kind == RECORD_TURN)
		add_turn(f, cells, (const void *)r);
	else if (r->kind == RECORD_SENT)
		add_sent(f, cells, (const void *)r);
	else if (r->kind == RECORD_TXN && !r->composite && t->total != FIELD_ABSENT)
		f->nshares = shares_of(f, cells, t->ledger);
	if (f->nshares)
		settle_shares(f, goes_on(r));
}

void account_forget(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct cell **cells = s ? &s->cells : &f->others;

	if (r->kind == RECORD_FLOW)
		add_flow(f, cells, (const void *)r, true);
	else if (t->total != FIELD_ABSENT)
		account_take_out(cells, t->ledger,
			f->tiers && !tiers_gone_by(f->tiers, t->stamp[0]), goes_on(r));
}

const struct share *findings_shares(const struct findings *f, unsigned *n)
{
	*n = f->nshares;
	return f->shares;
}

uint64_t svc_waiting(const struct svc *s)
{
	uint64_t sum = 0;

	for (const struct cell *c = s->cells; c; c = c->next)
		sum += c->all;
	return sum;
}

void claim(struct findings *f, enum wait_class c)
{
	if (!f->claimed)
		f->claimed = (uint8_t)c;
}

void claim_later(struct findings *f, struct svc *s, const struct record *of, uint64_t from,
	uint64_t to, enum ledger_entry entry)
{
	uint64_t ledger[LEDGER_COUNT] = {0};
	struct share share;

	ledger[entry] = to - from;
	account_shares(s ? &s->cells : &f->others, ledger, CLASS_NONE, CLASS_NONE, &share);
	if (f->tiers)
		tiers_flow(f->tiers, of, from, to, &share, 1);
	else
		account_settle(&share, true);
}

void finding_claims(struct finding *x, const struct svc *s, uint32_t entries, uint32_t classes)
{
	x->cells = s ? s->cells : NULL;
	x->entries = entries;
	x->classes = classes;
}

/* What was felt; of what is not settled, all. */
static void begin_cells(
	struct findings *f, struct cell *c, uint32_t idle, uint64_t explained, uint64_t over)
{
	uint64_t its;

	for (; c; c = c->next) {
		c->now = c->felt + (c->all > c->settled ? c->all - c->settled : 0);
		if (c->entry == LEDGER_CONNECT_RETRY && c->class == CLASS_NONE) {
			its = over < c->now ? over : c->now;
			c->now -= its;
			c->all -= its;
		}
		c->left = c->now;
		c->idle = c->class == CLASS_IDLE || idle >> c->class & 1;
		if (c->idle) {
			f->idle += c->all;
			continue;
		}
		its = c->entry != LEDGER_SERVER ? 0 : c->now < explained ? c->now : explained;
		explained -= its;
		c->now -= its;
		c->left = c->now;
		f->felt += c->now;
		f->all += c->all;
		f->at_least |= c->open && c->now;
	}
}

static void each_cell(struct findings *f, void each(struct cell *c))
{
	struct svc *s;

	for (struct cell *c = f->others; c; c = c->next)
		each(c);
	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		for (struct cell *c = s->cells; c; c = c->next)
			each(c);
}

static void keep(struct cell *c)
{
	c->before.all = c->all;
	c->before.settled = c->settled;
	c->before.moved = c->moved;
	c->before.felt = c->felt;
}

static void put_back(struct cell *c)
{
	c->all = c->before.all;
	c->settled = c->before.settled;
	c->moved = c->before.moved;
	c->felt = c->before.felt;
}

/* While records come, waits are held back to find what they are a part of: as if these were all. */
void account_begin(struct findings *f)
{
	struct svc *s;

	each_cell(f, keep);
	if (f->tiers)
		tiers_look_ahead(f->tiers);

	f->felt = f->all = f->more;
	f->idle = 0;
	f->at_least = false;
	begin_cells(f, f->others, 0, 0, 0);
	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		s->idle = idle_classes(s->idler) & ~workers_classes(s);
		begin_cells(f, s->cells, s->idle, s->explained, s->over);
	}
}

static uint64_t part(uint64_t a, uint64_t b, uint64_t whole)
{
	return (uint64_t)((hash_product)a * b / whole);
}

static bool matches(const struct finding *x, const struct cell *c)
{
	return !c->idle &&
	       ((x->entries >> c->entry & 1 && x->classes >> c->class & 1) ||
		       (x->more_entries >> c->entry & 1 && x->more_classes >> c->class & 1));
}

static uint64_t all_of(const struct finding *x, const struct cell *c)
{
	uint64_t all = 0;

	for (; c; c = c->next)
		all += matches(x, c) ? c->all : 0;
	return all;
}

/* The same of what those in front felt. */
static uint64_t felt_of(const struct finding *x, const struct cell *c)
{
	uint64_t all = 0;

	for (; c; c = c->next)
		all += matches(x, c) ? c->now : 0;
	return all;
}

/* As much of each cell as the finding's is of all that lies in them. */
static uint64_t cost_of(struct finding *x, struct cell *c, uint64_t all, bool take)
{
	uint64_t cost = 0, local = x->local - x->beyond;

	if (x->own)
		all = felt_of(x, c);
	for (; c; c = c->next) {
		uint64_t its;

		if (!matches(x, c) || !local)
			continue;
		its = local >= all ? c->now : part(c->now, local, all);
		if (take) {
			its = its < c->left ? its : c->left;
			c->left -= its;
		}
		cost += its;
		x->at_least |= its && c->open;
	}
	return cost;
}

/* What those in front felt of a finding's cost. take: nobody else has it. */
void account_cost(struct findings *f, struct finding *x, bool take)
{
	uint64_t all = all_of(x, x->cells);
	struct svc *s;

	if (x->everywhere) {
		all = all_of(x, f->others);
		for (uint32_t i = 0; (s = svc_at(f, i)); i++)
			all += all_of(x, s->cells);
		x->cost = cost_of(x, f->others, all, take);
		for (uint32_t i = 0; (s = svc_at(f, i)); i++)
			x->cost += cost_of(x, s->cells, all, take);
		return;
	}
	x->cost = cost_of(x, x->cells, all, take) + x->beyond;
}

static struct account_line *line_new(struct findings *f)
{
	if (f->nlines == f->line_room) {
		f->line_room = f->line_room ? f->line_room * 2 : 32;
		f->lines = xrealloc(f->lines, f->line_room * sizeof(*f->lines));
	}
	memset(&f->lines[f->nlines], 0, sizeof(f->lines[0]));
	return &f->lines[f->nlines++];
}

/* What no finding has, by entry. */
static void add_rest(struct findings *f, const struct svc *s, const struct cell *cells)
{
	uint64_t left[LEDGER_COUNT] = {0};
	uint32_t open = 0;

	for (const struct cell *c = cells; c; c = c->next) {
		if (c->idle)
			continue;
		left[c->entry] += c->left;
		open |= (uint32_t)(c->open && c->left) << c->entry;
	}
	for (unsigned i = 0; i < LEDGER_COUNT; i++) {
		struct account_line *l;

		if (!left[i])
			continue;
		l = line_new(f);
		l->entry = (uint8_t)i;
		l->cost = left[i];
		l->at_least = open >> i & 1;
		if (!s)
			continue;
		l->server = s->key.ip;
		l->port = s->key.port;
		l->protocol = s->protocol;
	}
}

static int by_cost(const void *a, const void *b)
{
	const struct account_line *x = a, *y = b;
	int c;

	if (x->cost != y->cost)
		return x->cost > y->cost ? -1 : 1;
	if (!x->finding != !y->finding)
		return x->finding ? -1 : 1;
	if (x->finding)
		return x->finding < y->finding ? -1 : 1; /* they are sorted */
	c = memcmp(&x->server, &y->server, sizeof(x->server));
	if (c || x->port != y->port)
		return c ? c : x->port < y->port ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

void account_end(struct findings *f)
{
	uint64_t sum = 0;
	struct svc *s;

	f->nlines = 0;
	for (unsigned i = 0; i < f->nlist; i++) {
		const struct finding *x = &f->list[i];
		struct account_line *l;

		if (x->part_of || !x->cost)
			continue;
		l = line_new(f);
		l->finding = x;
		l->server = x->server;
		l->port = x->port;
		l->protocol = x->protocol;
		l->cost = x->cost;
		l->at_least = x->at_least;
		f->at_least |= x->at_least;
	}
	add_rest(f, NULL, f->others);
	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		add_rest(f, s, s->cells);
	for (unsigned i = 0; i < f->nlines; i++)
		sum += f->lines[i].cost;
	assert(sum == f->felt);
	each_cell(f, put_back);
	if (f->nlines)
		qsort(f->lines, f->nlines, sizeof(*f->lines), by_cost);
}

unsigned findings_account(const struct findings *f, const struct account_line **lines)
{
	*lines = f->lines;
	return f->nlines;
}

struct felt findings_felt(const struct findings *f)
{
	return (struct felt){f->felt, f->all, f->idle, f->at_least};
}
