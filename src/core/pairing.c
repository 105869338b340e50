/*
 * pairing.c - which request does a response answer, where answers come in the order of their
 * requests (those with key 0)?
 *
 * Nothing but the order says so: after bytes were lost, what was asked and answered in them is
 * unknown, and a response that is counted wrongly shifts all that follow. So a response is given to
 * a request only where no other can be meant: the requests before a loss are answered in turn,
 * those behind one again from a request on before which all had surely been answered.
 */
#include "core/pairing.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/stream.h"
#include "core/txn.h"

#define FLIGHT         10000000u   /* ns: what is sent within is sent without waiting */
#define DRAINED        1000000000u /* ns of silence after which all have surely been answered */
#define PATIENT        2u /* times that a client has waited for its answer, to be known for it, */
#define PATIENT_OF_ALL 8u /* and for all answers to several requests */

enum { T0, T1, T2, T3 };

/* Does it wait for a response that the order tells? */
static bool is_waiting(const struct session *s, const struct txn *t)
{
	return !t->key && t->by == s->d && !(t->marks & (1u << T2 | 1u << T3));
}

struct counts {
	uint32_t all, fresh; /* fresh: no response has come since that may be its */
};

static struct counts waiting_of(const struct session *s)
{
	struct counts w = {0, 0};

	for (const struct txn *t = s->first; t; t = t->next)
		if (is_waiting(s, t)) {
			w.all++;
			w.fresh += !t->doubtful;
		}
	return w;
}

static void finish_doubtful(struct session *s)
{
	struct txn *next;

	for (struct txn *t = s->first; t; t = next) {
		next = t->next;
		if (t->doubtful && is_waiting(s, t))
			txn_finish(s, t);
	}
}

static uint32_t sum(uint32_t a, uint64_t b)
{
	return b < UINT32_MAX - a ? a + (uint32_t)b : UINT32_MAX;
}

/*
 * All requests before the next one have been answered. Of those that wait, which begin with it, it
 * is known where they stand, up to the next loss.
 */
static void in_step(struct session *s, uint32_t lost)
{
	struct pairing *q = &s->pairing;
	uint32_t n = 0;

	finish_doubtful(s);
	q->lost -= lost;
	for (struct txn *t = s->first; t; t = t->next) {
		if (!is_waiting(s, t))
			continue;
		t->ahead = (int32_t)n++;
		t->lost_ahead -= lost;
		t->beyond = t->lost_ahead != 0;
	}
	q->blind = q->lost != 0;
	q->ahead = (int32_t)n;
}

static void go_blind(struct session *s, int32_t ahead)
{
	s->pairing.blind = true;
	s->pairing.ahead = ahead;
}

/*
 * So many requests can have begun in bytes that were lost, at most, by the shortest that the client
 * has sent: none of them is much shorter.
 */
static int32_t most_in(const struct pairing *q, uint32_t lost)
{
	uint64_t n;

	if (!lost)
		return 0;
	if (!q->least)
		return INT32_MAX / 4;
	n = (uint64_t)lost * 8 / (q->least * 7);
	return n ? (int32_t)n : 1;
}

/* Is it certain that all requests before this one had been answered? */
static bool is_first(const struct pairing *q, const struct txn *t)
{
	return t->ahead + most_in(q, t->lost_ahead) <= 0;
}

/*
 * Bytes of requests were lost since the last one began. May one have been among them that is not
 * answered yet? One that waited for its answers has had as many, or their bytes were lost as well.
 * In a segment that was cut there may be another, too.
 */
static bool may_be_behind(
	const struct pairing *q, const struct counts *w, bool turn, bool patient, bool silent)
{
	if (!q->asking_lost)
		return q->asking_cut && w->fresh;
	if (q->pipelined)
		return true;
	if (!q->between)
		return !turn || w->fresh;
	if (!q->unasked && !q->answers_lost)
		return true;
	return !patient && !silent;
}

/* How many wait before the next request, but for those that nobody saw. */
static int32_t ahead_of_next(const struct pairing *q, const struct counts *w)
{
	if (q->pipelined || !(q->unasked || q->answers_lost))
		return (int32_t)w->all - (int32_t)q->unasked;
	return q->unasked ? -(int32_t)q->unasked : -1;
}

static bool is_patient(const struct pairing *q)
{
	return !q->windowed && q->turns >= (q->pipelined ? PATIENT_OF_ALL : PATIENT);
}

/* The client asks in a segment that does not acknowledge all that the server has sent: then it does
   not wait for all answers, whoever was faster. */
static bool asks_before(const struct session *s, const struct stamp *at)
{
	const struct flow *f = s->flow;
	const struct flow_side *client = &f->side[flow_client(f)],
			       *server = &f->side[!flow_client(f)];

	return at->seen_frame == s->shard->key_frame && client->flags & FS_ACK &&
	       s->pairing.responses &&
	       seq_diff(server->nxt, client->ack) > (server->flags & FS_FIN ? 1 : 0);
}

/* Nobody has answered yet what ended right before now, of a connection begun before the capture. */
static bool behind_rest(const struct session *s, uint64_t now)
{
	const struct flow *f = s->flow;
	uint64_t tail = s->pairing.tail;

	return f->flags & FLOW_MIDWAY && !f->payload[!flow_client(f)] && tail &&
	       now <= tail + FLIGHT;
}

bool tsm_behind_rest(const struct session *s, const uint8_t *at)
{
	return behind_rest(s, tsm_time(s, at));
}

void pairing_request(struct session *s, struct txn *t, const struct stamp *at)
{
	struct pairing *q = &s->pairing;
	uint64_t now = at->seen;
	struct counts w = waiting_of(s);
	bool turn = q->answers_lost || (q->responses && now >= q->responded);
	bool patient;
	bool silent = !w.fresh && now > s->last_response + DRAINED;

	if (!s->first && !q->in_step)
		q->behind = behind_rest(s, now);
	q->windowed |= asks_before(s, at);
	patient = turn && is_patient(q);
	/* As many as were asked, with the one whose rest was seen, or more: none is left. */
	if ((q->blind && (silent || (turn && q->behind && q->responses > w.all))) ||
		(patient && (q->blind || (q->pipelined && w.fresh < w.all)))) {
		in_step(s, q->lost);
		q->behind = false;
		w = waiting_of(s);
	}
	if (!q->blind &&
		(may_be_behind(q, &w, turn, patient, silent) || (q->pipelined && w.fresh < w.all)))
		go_blind(s, ahead_of_next(q, &w));
	if (w.fresh) {
		q->pipelined = true;
		q->windowed |= turn;
	} else if (turn && !w.all && !q->blind && !q->asking_lost && q->turns < PATIENT_OF_ALL) {
		q->turns++;
	}
	if (q->blind) {
		q->lost = sum(q->lost, q->lost_now);
		t->beyond = 1;
		t->ahead = q->ahead++;
		t->lost_ahead = q->lost;
	}
	q->asking_lost = q->asking_cut = q->answers_lost = q->lost_request = false;
	q->responses = q->unasked = q->lost_now = 0;
}

void pairing_request_end(struct session *s, const struct txn *t)
{
	uint64_t size = t->offset[T1] > t->offset[T0] ? t->offset[T1] - t->offset[T0] : 1;

	if (!t->key && !t->cut && !t->lost[SIDE_CLIENT] &&
		(!s->pairing.least || size < s->pairing.least))
		s->pairing.least = size;
}

void pairing_lost(struct session *s, enum side side, uint64_t n, bool cut, bool between)
{
	struct pairing *q = &s->pairing;

	if (side == SIDE_SERVER) {
		q->answers_lost = true;
		/* The answer to what was lost, where nobody shows that more was asked. */
		if (between && q->blind && !q->pipelined && waiting_of(s).all == 1)
			in_step(s, q->lost);
		return;
	}
	if (!q->asking_lost && !q->asking_cut)
		q->between = between;
	*(cut ? &q->asking_cut : &q->asking_lost) = true;
	q->lost_now = sum(q->lost_now, n);
}

/* A response to what waits may have been among bytes that are lost. */
static void in_doubt(struct session *s)
{
	for (struct txn *t = s->first; t; t = t->next)
		if (!(t->marks & 1u << T2)) {
			t->doubtful = 1;
			t->quality |= 1u << QUALITY_GAP;
		}
}

void pairing_passed_over(
	struct session *s, enum side side, const uint8_t *p, size_t n, uint64_t time)
{
	struct pairing *q = &s->pairing;
	size_t blank = 0;

	if (side == SIDE_SERVER) {
		q->answers_lost = true;
		return;
	}
	q->lost_request = true;
	while (blank < n && (p[blank] == '\r' || p[blank] == '\n'))
		blank++;
	/* Lines that are empty may stand before a request. */
	if (blank < n || (blank && *p == '\n'))
		q->tail = time;
}

void pairing_front(struct session *s, enum side side, const uint8_t *end, uint64_t time)
{
	const uint8_t *p = reading_of(s)->base;

	if (side == SIDE_CLIENT && p && end > p)
		pairing_passed_over(s, side, p, (size_t)(end - p), time);
}

void pairing_gap(struct session *s, enum side side)
{
	struct pairing *q = &s->pairing;

	if (side == SIDE_CLIENT) {
		q->lost_request = true;
		return;
	}
	if (q->passed_over) { /* whose answers were lost, nobody can tell */
		if (!q->blind)
			go_blind(s, (int32_t)(s->open + q->passed_over));
		q->passed_over = 0;
	}
	in_doubt(s);
}

/*
 * Of a connection that began before the capture the first response may be to a request that nobody
 * saw, where the client does not wait for its answers: where it has asked more than once, or is
 * still asking. Then all are in doubt until nothing can be under way any more.
 */
static bool is_out_of_step(struct session *s)
{
	const struct txn *t = s->first;

	if (s->pairing.in_step || !(s->flow->flags & FLOW_MIDWAY) || !t)
		return false;
	s->pairing.in_step = true;
	if (!s->pairing.pipelined && (t->marks & 1u << T1 || t->awaits))
		return false;
	in_doubt(s);
	go_blind(s, INT32_MAX / 4);
	return true;
}

/*
 * Right in front of the first request that was seen something else ended, of a connection that
 * began before the capture, and the server had said nothing since: the first response is to that,
 * or to one before it. How many there were nobody knows.
 */
static bool is_of_tail(struct session *s)
{
	struct pairing *q = &s->pairing;

	if (!q->behind || q->in_step)
		return false;
	q->in_step = true;
	in_doubt(s);
	go_blind(s, INT32_MAX / 4);
	return true;
}

/* First in, first out: which open request does a response belong to? */
static struct txn *oldest(struct session *s)
{
	struct txn *doubt = NULL, *sure = NULL;
	struct counts w = {0, 0};

	for (struct txn *t = s->first; t; t = t->next) {
		if (!is_waiting(s, t))
			continue;
		w.all++;
		if (t->doubtful) {
			doubt = doubt ? doubt : t;
		} else {
			sure = sure ? sure : t;
			w.fresh++;
		}
	}
	if (w.fresh == w.all)
		return sure;
	if (w.all == 1 && !s->pairing.lost_request)
		return doubt;
	/* Bytes were lost while several waited: in turn, the newer request was sent because the
	   older ones had been answered; in a pipeline nothing is certain. */
	finish_doubtful(s);
	if (!s->pairing.pipelined && (sure || w.all == 1))
		return sure;
	go_blind(s, (int32_t)w.all);
	in_doubt(s);
	return NULL;
}

/* The same behind a loss. */
static struct txn *certain(struct session *s)
{
	struct pairing *q = &s->pairing;
	struct txn *t = s->first, *first;

	while (t && !is_waiting(s, t))
		t = t->next;
	first = t;
	while (t && (t->doubtful || !is_waiting(s, t)))
		t = t->next;
	if (!t)
		return NULL;
	if (t == first && !t->beyond)
		return t;
	if (!t->beyond || !is_first(q, t))
		return NULL;
	in_step(s, t->lost_ahead);
	return t;
}

bool pairing_response(struct session *s, uint64_t now, struct txn **t)
{
	struct pairing *q = &s->pairing;

	*t = NULL;
	q->responses++;
	q->responded = now;
	if (!q->blind && q->passed_over) {
		q->passed_over--;
		return false;
	}
	if (!q->blind && is_of_tail(s))
		return true;
	if (!q->blind && !is_out_of_step(s))
		*t = oldest(s);
	if (!q->blind) {
		q->unasked += !*t;
		return true;
	}
	if (!*t)
		*t = certain(s);
	if (q->ahead > INT32_MIN / 4)
		q->ahead--;
	if (*t)
		return true;
	/* Whosever it was, it is answered. */
	in_doubt(s);
	tsm_note(s, "transaction: response after a loss, its request not certain");
	return false;
}

void pairing_not_asked(struct session *s, const struct txn *t)
{
	if (s->pairing.blind && is_waiting(s, t))
		s->pairing.ahead--;
}

void pairing_given_up(struct session *s, const struct txn *t)
{
	s->pairing.passed_over += !t->key && !s->pairing.blind;
}
