/*
 * turns.c - payload that no dissector reads: whose turn it is, how long the other's lasted, and how
 * long each message was in being sent.
 *
 * A message is what a side sends without a pause. Where its sender had nothing under way for longer
 * than the path explains it was over: what comes then is another one, for which nobody need have
 * waited. So an answer ends with its last byte, and what a server tells now and then, unasked, is
 * none. What is unasked, or that nobody answers, counts where there is much of it and the path was
 * what it waited for.
 */
#include "core/turns.h"
#include "api/layer.h"
#include "core/handshake.h"
#include "core/ledger.h"
#include "core/record_of.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/tcp.h"
#include "core/txn.h"
#include <string.h>

#define SHORTEST MS         /* of a message that is told of */
#define APART    (10 * MS)  /* between small segments: each is a message */
#define FULL     (200 * MS) /* behind a full segment, which ends none but by chance; */
#define MOST     (50 * MS)  /* between a short one and a full one, of a long message */
#define PACED    (500 * MS) /* pauses of a client that sends slowly, in a connection's first ... */
#define FIRST    2u         /* ... questions, of which there is ... */
#define MUCH     32768u     /* ... so much */
#define PATIENCE (50 * MS)  /* who closes sooner wanted no answer */
#define ALONE    (200 * MS) /* behind the same side's last word: nobody was asked for it */
#define REMARK   1024u      /* bytes of a server's, at most: an answer may come in parts */
#define GOODBYE  31u        /* bytes of an alert at most: a header, two bytes, a nonce and a tag */

/* A message that is over, or (of a moment) as if it were. */
static void tell(
	struct shard *sh, const struct flow *f, const struct message *m, enum record_open open)
{
	if (m->answered)
		record_of_turn(sh, f, m, open);
	if (m->to - m->from >= SHORTEST)
		record_of_sent(sh, f, m, open);
}

#define HELD_BYTES (TURNS_HELD * sizeof(struct message))

static void held_end(struct shard *sh, struct flow_turns *t)
{
	if (!t->held)
		return;
	pool_put(&sh->messages, t->held);
	t->held = NULL;
	sh->app_bytes -= HELD_BYTES;
}

void turns_tell(struct shard *sh, const struct flow *f, struct flow_turns *t)
{
	for (unsigned i = 0; t && i < t->nheld; i++) {
		tell(sh, f, &t->held[i], RECORD_ENDED);
		ledger_drop(sh, &t->held[i].spent);
	}
	if (!t)
		return;
	t->nheld = 0;
	held_end(sh, t);
}

void turns_forget(struct shard *sh, struct flow_turns *t)
{
	for (unsigned i = 0; t && i < t->nheld; i++)
		ledger_drop(sh, &t->held[i].spent);
	if (!t)
		return;
	ledger_drop(sh, &t->spent);
	held_end(sh, t);
	sh->app_bytes -= sizeof(*t);
	pool_put(&sh->turns, t);
}

/* What it waited for, to its last byte, or behind that. */
static uint64_t kept(const struct spent *s, enum phase ph)
{
	uint64_t sum = 0;

	for (int i = LEDGER_STALL_RTO_CLIENT; s && i < LEDGER_UNKNOWN; i++)
		sum += s->by[ph][i];
	return sum;
}

/* Of one that nobody asked for, or answered: was the path what it took its time for? */
static bool path_took_it(const struct flow_turns *t, bool server)
{
	uint64_t ns = t->last - t->from;

	return t->bytes >= MUCH && t->spent &&
	       (kept(t->spent, PHASE_REQUEST) + t->spent->load[server].time) * 2 >= ns;
}

/* Its client has it when what was sent again has come. */
static void as_response(const struct flow_turns *t, struct message *m)
{
	uint64_t(*by)[LEDGER_COUNT] = m->spent->by;

	if (t->resent_to > m->to)
		m->to = t->resent_to;
	for (int i = LEDGER_STALL_RTO_CLIENT; i < LEDGER_UNKNOWN; i++) {
		bool resent = i == LEDGER_STALL_RTO_SERVER || i == LEDGER_STALL_FAST_SERVER;

		by[PHASE_RESPONSE][i] = by[PHASE_REQUEST][i] + (resent ? by[PHASE_WAIT][i] : 0);
		by[PHASE_REQUEST][i] = by[PHASE_WAIT][i] = 0;
	}
}

/*
 * What is being sent, as if it were over; answered: in the frame that came last (0: not). What kept
 * it is its own now. False: nobody waited for it.
 */
static bool message_of(
	const struct shard *sh, const struct flow_turns *t, uint64_t answered, struct message *m)
{
	bool server = t->of == 2, counts = answered || t->answers || path_took_it(t, server);

	m->server = server;
	m->from = t->from < t->last ? t->from : t->last;
	m->to = t->last;
	m->bytes = t->bytes;
	m->first_frame = t->first_frame;
	m->last_frame = t->last_frame;
	m->frame = sh->key_frame;
	m->first = answered && t->turns == 1;
	m->answered = answered;
	m->spent = t->spent;
	if (server && m->spent)
		as_response(t, m);
	return counts;
}

/* Records of it wait as long as a dissector may still be found. */
static void over(struct shard *sh, const struct flow *f, struct flow_turns *t, uint64_t answered)
{
	const struct session *s = flow_session(f);
	struct message m;
	bool counts = message_of(sh, t, answered, &m);

	t->spent = NULL;
	if (counts && m.to - m.from >= SHORTEST)
		*(m.server ? &t->response : &t->request) += m.to - m.from;
	if (!counts || !sh->engine->config->turns) {
		ledger_drop(sh, &m.spent);
		return;
	}
	if (t->nheld == TURNS_HELD || !s || s->d)
		turns_tell(sh, f, t);
	if (!s || s->d) { /* nobody will read it */
		tell(sh, f, &m, RECORD_ENDED);
		ledger_drop(sh, &m.spent);
		return;
	}
	if (!t->held) {
		t->held = pool_get(&sh->messages);
		sh->app_bytes += HELD_BYTES;
	}
	t->held[t->nheld++] = m;
}

/* The message that goes on, as if it were over; what kept it is copied to `room`. */
static bool message_so_far(
	const struct shard *sh, const struct flow_turns *t, struct message *m, struct spent *room)
{
	struct flow_turns copy;

	if (!t || !t->of)
		return false;
	copy = *t;
	if (t->spent) {
		*room = *t->spent;
		copy.spent = room;
	}
	return message_of(sh, &copy, 0, m);
}

void turns_sums(const struct shard *sh, const struct flow *f, uint64_t *request, uint64_t *response)
{
	const struct flow_turns *t = flow_turns(f);
	struct message m;
	struct spent room;

	*request = t->request;
	*response = t->response;
	if (message_so_far(sh, t, &m, &room) && m.to - m.from >= SHORTEST)
		*(m.server ? response : request) += m.to - m.from;
}

static bool is_short(const struct flow_side *s, const struct flow_side *o, uint32_t len)
{
	uint32_t mss = s->mss && o->mss ? (s->mss < o->mss ? s->mss : o->mss) : 0;

	return len && len < (mss ? mss - 60u : 1200u);
}

/* Is it the same message still? Its sender had something under way, or waited for what it takes. */
static bool goes_on(
	const struct flow *f, const struct flow_turns *t, unsigned dir, uint32_t len, uint64_t now)
{
	const struct flow_side *s = &f->side[dir], *o = &f->side[!dir];
	uint64_t last = f->last[dir] > f->last[!dir] ? f->last[dir] : f->last[!dir];
	uint64_t rtt = flow_rtt(f, !dir) == UINT32_MAX ? 0 : flow_rtt(f, !dir);

	uint64_t pause = now - t->last;

	if (now <= t->last + MS || t->stalled_to > t->last || t->loaded_to >= now)
		return true;
	if (!t->was_short ? pause <= FULL
			  : t->bytes >= MUCH && !is_short(s, o, len) && pause <= MOST)
		return true;
	if (t->of == 1 && t->turns < FIRST && pause <= PACED && !(f->flags & FLOW_MIDWAY) &&
		t->bytes + len >= MUCH / 4)
		return true;
	if (t->was_short && is_short(s, o, len) && pause > APART)
		return false;
	return seq_diff(s->nxt - len, o->ack) > 0 || now <= last + rtt + MS;
}

static void begin(struct shard *sh, struct flow_turns *t, uint64_t now)
{
	t->from = now;
	t->first_frame = sh->key_frame;
	t->bytes = 0;
	t->answers = false;
	t->resent_to = 0;
	ledger_drop(sh, &t->spent);
}

/* Its side goes on: what it waited for since was within it. */
static void go_on(struct flow_turns *t)
{
	uint64_t(*by)[LEDGER_COUNT] = t->spent ? t->spent->by : NULL;

	for (int i = 0; by && i < LEDGER_COUNT; i++) {
		by[PHASE_REQUEST][i] += by[PHASE_WAIT][i];
		by[PHASE_WAIT][i] = 0;
	}
}

static void change(struct shard *sh, const struct flow *f, struct flow_turns *t, uint64_t now)
{
	uint64_t spent = now > t->last ? now - t->last : 0;

	if (t->of == 1) {
		if (!t->turns++) {
			t->first_asked = t->last < now ? t->last : now;
			t->first_answered = now;
		}
		t->wait += spent;
		if (spent > t->wait_max)
			t->wait_max = spent;
		if (t->last > now)
			t->last = now;
		over(sh, f, t, now);
	} else {
		t->think += spent;
		over(sh, f, t, 0);
	}
}

/*
 * What a server says in an encrypted record as short as "the end" (TLS: close_notify, two bytes and
 * what seals them) to a client that has closed its side is no answer.
 */
static bool is_goodbye(const struct flow *f, const struct flow_turns *t, unsigned dir, uint32_t len)
{
	return t->of == 1 && dir != flow_client(f) && len <= GOODBYE &&
	       f->side[!dir].flags & FS_FIN && app_encrypted(flow_app_by(f));
}

/* A side that goes on after a while has not been waiting for the other: a client that never does
   speaks otherwise than in questions, and counts for two. */
static void spoke_again(struct flow_turns *t, uint64_t now)
{
	unsigned n = t->of == 1 ? 2 : t->bytes <= REMARK;

	if (now - t->last >= ALONE && t->last < now && t->unasked < 250)
		t->unasked += (uint8_t)n;
}

void turns_payload(struct shard *sh, const struct flow *f, struct flow_turns **turns, unsigned dir,
	uint32_t len, uint64_t now)
{
	uint8_t who = dir == flow_client(f) ? 1 : 2;
	struct flow_turns *t = *turns;

	if (!t) {
		if (f->ext && f->ext->watch & WATCH_SPLIT)
			return; /* only half of them are here */
		if (shard_is_full(sh, sizeof(*t))) {
			counters_add(&sh->engine->counters, "turns: memory budget used up", 1);
			return;
		}
		t = *turns = pool_get(&sh->turns);
		sh->app_bytes += sizeof(*t);
		memset(t, 0, sizeof(*t));
		t->first = who;
		t->shard = sh;
	}
	if (t->of == who && goes_on(f, t, dir, len, now)) {
		if (t->spent)
			go_on(t);
	} else {
		bool answers = t->of == 1 && who == 2;

		if (is_goodbye(f, t, dir, len))
			answers = false;
		else if (t->of && t->of != who)
			change(sh, f, t, now);
		else if (t->of) {
			spoke_again(t, now);
			over(sh, f, t, 0);
		}
		begin(sh, t, now);
		t->answers = answers;
		t->of = who;
	}
	t->bytes += len;
	t->last_frame = sh->key_frame;
	t->was_short = is_short(&f->side[dir], &f->side[!dir], len);
	t->last = now;
}

void turns_load(const struct flow *f, enum side side, uint64_t from, uint64_t to, uint64_t rtt,
	uint64_t behind)
{
	struct flow_turns *t = flow_turns(f);

	if (!t || t->of != side + 1)
		return;
	ledger_load_of(&ledger_need(t->shard, &t->spent)->load[side], t->from, UINT64_MAX, from, to,
		rtt, behind);
	t->loaded_to = to;
}

/* Does a side's sending wait for it? Within the waiting for an answer only loss and windows are. */
static bool waits_for(const struct flow_turns *t, enum ledger_entry entry)
{
	switch (entry) {
	case LEDGER_STALL_RTO_CLIENT:
	case LEDGER_STALL_FAST_CLIENT:
	case LEDGER_STALL_ZERO_SERVER:
		return t->of == 1;
	case LEDGER_STALL_RTO_SERVER:
	case LEDGER_STALL_FAST_SERVER:
	case LEDGER_STALL_ZERO_CLIENT:
	case LEDGER_STALL_DELAYED_ACK:
		return true;
	default:
		return false;
	}
}

void turns_stall(const struct flow *f, enum ledger_entry entry, uint64_t from, uint64_t to)
{
	struct flow_turns *t = flow_turns(f);
	uint64_t(*by)[LEDGER_COUNT], within;

	if (!t || !t->of || !waits_for(t, entry))
		return;
	from = from > t->from ? from : t->from;
	from = from > t->stalled_to ? from : t->stalled_to;
	if (from >= to)
		return;
	by = ledger_need(t->shard, &t->spent)->by;
	within = from >= t->last ? 0 : (to < t->last ? to : t->last) - from;
	by[PHASE_REQUEST][entry] += within;
	by[PHASE_WAIT][entry] += to - from - within;
	t->stalled_to = to;
	if (t->of == 2 && (entry == LEDGER_STALL_RTO_SERVER || entry == LEDGER_STALL_FAST_SERVER))
		t->resent_to = to;
}

/* Has the client asked, and not been answered by now? */
static bool is_left(const struct shard *sh, const struct flow *f, uint64_t now)
{
	const struct flow_turns *t = flow_turns(f);
	const struct session *s = flow_session(f);

	return t && t->of == 1 && sh->engine->config->turns && now > t->last &&
	       now - t->last >= PATIENCE && !(s && s->d) && !flow_app_by(f) &&
	       f->packets[!flow_client(f)] && flow_unacked(f, flow_client(f)) < UNACKED;
}

void turns_left(struct shard *sh, const struct flow *f, uint64_t now, bool pending)
{
	struct flow_turns *t = flow_turns(f);

	if (t && t->of == 2 && !pending)
		turns_end(sh, f);
	if (!t || !is_left(sh, f, now))
		return;
	over(sh, f, t, 0);
	turns_tell(sh, f, t);
	record_of_open_turn(sh, f, t->last, now, pending, RECORD_ENDED);
	t->of = 0;
}

void turns_open(struct shard *sh, const struct flow *f, uint64_t now)
{
	const struct flow_turns *t = flow_turns(f);
	struct message m;
	struct spent room;

	if (!sh->engine->config->turns)
		return;
	for (unsigned i = 0; t && i < t->nheld; i++)
		tell(sh, f, &t->held[i], RECORD_OF_MOMENT);
	if (message_so_far(sh, t, &m, &room))
		tell(sh, f, &m, RECORD_OF_MOMENT);
	if (is_left(sh, f, now))
		record_of_open_turn(sh, f, t->last, now, true, RECORD_OF_MOMENT);
}

void turns_end(struct shard *sh, const struct flow *f)
{
	struct flow_turns *t = flow_turns(f);

	if (t && t->of)
		over(sh, f, t, 0);
	if (t)
		t->of = 0;
	if (!flow_session(f))
		turns_tell(sh, f, t);
}

struct flow_turns *flow_turns(const struct flow *f)
{
	const struct session *s = flow_session(f);

	if (s)
		return s->turned;
	return f->app && f->app->turns ? (struct flow_turns *)(void *)f->app : NULL;
}

void turns_of_flow(struct shard *sh, struct flow *f, unsigned dir, uint32_t len, uint64_t now)
{
	struct flow_turns *t = flow_turns(f), *was = t;

	turns_payload(sh, f, &t, dir, len, now);
	if (t != was)
		flow_app_put(sh, f, t);
}

void turns_drop(struct shard *sh, struct flow *f)
{
	struct flow_turns *t = flow_turns(f);
	struct flow_app app;

	if (!t || flow_session(f))
		return;
	app = t->app;
	turns_forget(sh, t);
	app.turns = false;
	f->app = flow_app_is_known(&app) ? flow_app_new(sh, &app) : NULL;
}

void tsm_opaque(struct session *s, enum side side, const uint8_t *end)
{
	const struct flow *f = s->flow;
	uint64_t offset;

	if (f->proto != IP_PROTO_TCP)
		return;
	turns_payload(s->shard, f, &s->turned,
		side == SIDE_CLIENT ? flow_client(f) : !flow_client(f), 0,
		txn_stamp(s, side, end ? end - 1 : NULL, &offset).whole);
}
