/* gave_up.c - see gave_up.h. */
#include "base/clock.h"
#include "api/layer.h"
#include "model/gave_up.h"
#include "base/mem.h"
#include "model/keyed.h"
#include <stdlib.h>
#include <string.h>

/* Nobody gives up sooner. */
#define LEAST (SECOND * 9 / 10)
/* So long before it the client opened none. */
#define CALM          (SECOND * 2)
#define CLIENT        65536u /* bytes of memory for each pair of client and service */
#define CLIENTS_LEAST 128u

struct key {
	struct addr client, server;
	uint64_t port; /* of the server */
};

struct starts {            /* of connections */
	uint64_t patience; /* what it waited before; 0: not known */
	struct {
		uint64_t time, flow;
		bool used; /* it is the end of another dead one */
	} at[GAVE_UP_STARTS];
	unsigned n;
};

struct gave_up {
	struct keyed *starts; /* struct starts by struct key; NULL: none yet */
	uint64_t forgotten; /* dead connections whose end may lie among starts that are forgotten */
	char *copy;
	size_t room;
	uint32_t clients; /* that are remembered, at most */
};

struct gave_up *gave_up_new(uint64_t memory)
{
	struct gave_up *g = xcalloc(1, sizeof(*g));
	uint64_t n = memory / CLIENT;

	g->clients = !memory || n > GAVE_UP_CLIENTS ? GAVE_UP_CLIENTS
		     : n < CLIENTS_LEAST            ? CLIENTS_LEAST
						    : (uint32_t)n;
	return g;
}

void gave_up_free(struct gave_up *g)
{
	if (!g)
		return;
	keyed_free(g->starts);
	free(g->copy);
	free(g);
}

static struct starts *starts_of(struct gave_up *g, const struct record *r, bool make)
{
	struct key key;

	memset(&key, 0, sizeof(key));
	key.client = r->client.ip;
	key.server = r->server.ip;
	key.port = r->server.port;
	if (!g->starts && make)
		g->starts = keyed_new(sizeof(key), sizeof(struct starts), g->clients);
	if (!g->starts)
		return NULL;
	return make ? keyed_renew(g->starts, &key) : keyed_find(g->starts, &key);
}

static void began(struct gave_up *g, const struct record *r, uint64_t time)
{
	struct starts *s = starts_of(g, r, true);
	unsigned i;

	for (i = 0; i < GAVE_UP_STARTS && i < s->n; i++)
		if (s->at[i].flow == r->flow_id)
			return;
	i = s->n++ % GAVE_UP_STARTS;
	s->at[i].time = time;
	s->at[i].flow = r->flow_id;
	s->at[i].used = false;
}

/* How much it looks like a timeout: as long as the one before, a number of seconds, or neither. */
static unsigned like_timeout(const struct starts *s, uint64_t ns)
{
	uint64_t slack = ns / 50 + SECOND / 50, more = ns > s->patience ? ns - s->patience : 0;

	if (s->patience && ns + slack / 8 >= s->patience && more <= slack)
		return 2;
	return ns % SECOND <= SECOND / 10;
}

/* When the connection began that ended the wait from `since` on, before `end`; 0: none can be told.
   by_timer: nothing else ends such a wait. */
static uint64_t ended(
	struct gave_up *g, const struct record *r, uint64_t since, uint64_t end, bool by_timer)
{
	struct starts *s = starts_of(g, r, false);
	unsigned n = s && s->n < GAVE_UP_STARTS ? s->n : GAVE_UP_STARTS, best = n, most = 0;
	uint64_t oldest = UINT64_MAX;

	for (unsigned i = 0; s && i < n; i++) {
		uint64_t time = s->at[i].time;
		unsigned like;

		if (s->at[i].flow == r->flow_id)
			continue;
		oldest = oldest < time ? oldest : time;
		if (time <= since && since - time <= CALM)
			return 0;
		if (s->at[i].used || time <= since + LEAST || time >= end)
			continue;
		like = like_timeout(s, time - since);
		if (by_timer && !like)
			continue;
		if (best == n || like > most || (like == most && time < s->at[best].time)) {
			best = i;
			most = like;
		}
	}
	g->forgotten += s && s->n > GAVE_UP_STARTS && oldest > since;
	if (!s || best == n)
		return 0;
	s->at[best].used = true;
	s->patience = s->at[best].time - since;
	return s->at[best].time;
}

static uint64_t connecting(const struct txn_record *t)
{
	return t->ledger[LEDGER_CONNECT_RETRY] + t->ledger[LEDGER_CONNECT_NETWORK];
}

/* Its answer was sent again and again, for as long as nobody waits. */
static bool answer_lost(const struct txn_record *t)
{
	return t->r.quality & 1u << QUALITY_RESENT_END &&
	       t->ledger[LEDGER_STALL_RTO_SERVER] >= 2 * SECOND;
}

static const struct record *shorter(struct gave_up *g, const struct txn_record *t)
{
	uint64_t since = t->stamp[0], end = since + t->total - connecting(t), at, more;
	struct txn_record *copy;

	at = ended(g, &t->r, since, end, !t->unacked);
	if (!at)
		return &t->r;
	if (g->room < t->r.size) {
		g->room = t->r.size;
		g->copy = xrealloc(g->copy, g->room);
	}
	memcpy(g->copy, t, t->r.size);
	copy = (struct txn_record *)(void *)g->copy;
	more = end - at;
	for (int i = LEDGER_STALL_RTO_CLIENT; i <= LEDGER_STALL_RTO_SERVER; i++) {
		uint64_t n = more < copy->ledger[i] ? more : copy->ledger[i];

		copy->ledger[i] -= n;
		copy->total -= n;
		more -= n;
	}
	copy->r.quality &= ~(1u << QUALITY_PENDING);
	copy->ended_by = "client_anew";
	return &copy->r;
}

/* No packet says that it is over. */
static bool no_end(const struct flow_record *f)
{
	return f->close_reason && (strcmp(f->close_reason, "capture_end") == 0 ||
					  strcmp(f->close_reason, "timeout") == 0);
}

/* Of one whose protocol is not read there are its segments only. Its client may go on when nothing
   more has come of it, before the next repetition was due. */
static const struct record *shorter_flow(struct gave_up *g, const struct flow_record *f)
{
	struct flow_record *copy;

	for (int side = 0; side < 2; side++) {
		uint64_t time = f->trouble[side].stuck_time;
		uint64_t due = side == SIDE_CLIENT && f->trouble[side].stuck >= 2 && no_end(f)
				       ? time + time / 8
				       : 0; /* until its next repetition */
		uint64_t at = time && time < f->r.end
				      ? ended(g, &f->r, f->r.end - time, f->r.end + due, false)
				      : 0;

		if (!at)
			continue;
		if (g->room < f->r.size) {
			g->room = f->r.size;
			g->copy = xrealloc(g->copy, g->room);
		}
		memcpy(g->copy, f, f->r.size);
		copy = (struct flow_record *)(void *)g->copy;
		copy->trouble[side].waited = at - (f->r.end - time);
		return &copy->r;
	}
	return &f->r;
}

const struct record *gave_up_record(struct gave_up *g, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	const struct flow_record *f = (const void *)r;

	if (r->kind == RECORD_TXN && r->transport == IP_PROTO_TCP) {
		if (r->quality & 1u << QUALITY_CONNECT && t->stamp[0] != FIELD_ABSENT)
			began(g, r, t->stamp[0] - connecting(t));
		if (t->total != FIELD_ABSENT && (t->unacked || answer_lost(t)))
			return shorter(g, t);
	} else if (r->kind == RECORD_TURN && ((const struct turn_record *)r)->began) {
		began(g, r, ((const struct turn_record *)r)->began);
	} else if (r->kind == RECORD_FLOW && f->tcp_state) {
		if (f->handshake != FIELD_ABSENT || strncmp(f->tcp_state, "syn", 3) == 0)
			began(g, r, r->start);
		if (f->final && !f->usual && !f->transactions)
			return shorter_flow(g, f);
	}
	return r;
}

void gave_up_counters(const struct gave_up *g, struct counters *c)
{
	if (g->starts && keyed_refused(g->starts))
		counters_add(c, "clients that may give up forgotten, too many",
			keyed_refused(g->starts));
	if (g->forgotten)
		counters_add(c, "dead connections whose client made too many others since",
			g->forgotten);
}
