/*
 * find_silent.c - servers that stopped answering: each request since a certain moment is waited for
 * still when the capture ends, was given up by its client, or went down with its connection.
 *
 * The host takes connections and bytes for a process that is stopped or hangs, so nothing else
 * shows it. One answer that began after the first of these was asked, and it is none: then some
 * requests are slow, and the server is not. So it may be where nothing of that kind was ever
 * answered, while others were.
 */
#include "findings/find_impl.h"
#include "api/layer.h"

#define LEAST_TIME ((uint64_t)SECOND) /* of the longest wait */
#define LEAST      2u                 /* of connections */
#define KINDS      256u               /* of requests, roughly */

struct silent_state {
	uint64_t began; /* when an answer began last */
	uint64_t answers, slowest;
	uint64_t kinds[KINDS / 64]; /* of these, by bit */
	/* Of what was asked behind that: */
	struct proof p;
	uint64_t first, flow; /* asked first; the connection of the first */
	bool several;         /* connections */
	uint64_t alike;       /* of a kind that was answered before */
	uint64_t pending, given_up;
	uint64_t by_class[CLASS_COUNT]; /* ns */
};

static bool is_idle(uint8_t class)
{
	return class == CLASS_IDLE || class >= CLASS_MAYBE;
}

/* Not a byte came back, and no part of the path is known to be the cause. */
static bool is_silent(const struct txn_record *t)
{
	return t->stamp[1] != FIELD_ABSENT && t->stamp[2] == FIELD_ABSENT && !t->unacked &&
	       !(t->r.quality >> QUALITY_STALE & 1) &&
	       (t->ended_by || t->r.quality >> QUALITY_PENDING & 1);
}

static unsigned place_of(uint32_t kind)
{
	return (kind ^ kind >> 16) % KINDS;
}

static void add_answer(struct findings *f, struct silent_state *c, const struct txn_record *t)
{
	unsigned kind = place_of(kind_of(f, t));

	c->answers++;
	c->kinds[kind / 64] |= UINT64_C(1) << kind % 64;
	if (t->ledger[LEDGER_SERVER] > c->slowest)
		c->slowest = t->ledger[LEDGER_SERVER];
	if (t->stamp[2] > c->began)
		c->began = t->stamp[2];
	if (!c->p.count || c->began <= c->first)
		return;
	memset(&c->p, 0, sizeof(c->p));
	memset(c->by_class, 0, sizeof(c->by_class));
	c->pending = c->given_up = c->alike = 0;
	c->several = false;
}

static bool by_client(const struct txn_record *t)
{
	return t->ended_by && strncmp(t->ended_by, "client", 6) == 0;
}

static void add_silent(struct findings *f, struct silent_state *c, const struct txn_record *t)
{
	uint64_t ns = own_waiting(t);
	unsigned kind = place_of(kind_of(f, t));

	if (t->stamp[1] <= c->began)
		return;
	c->alike += c->kinds[kind / 64] >> kind % 64 & 1;
	if (!c->p.count) {
		c->first = t->stamp[1];
		c->flow = t->r.flow_id;
	}
	c->first = t->stamp[1] < c->first ? t->stamp[1] : c->first;
	c->several |= t->r.flow_id != c->flow;
	proof_add(&c->p, t->r.start, ns, t->frame[1] ? t->frame[1] : t->frame[0]);
	proof_until(&c->p, t->r.start + ns);
	proof_client(&c->p, &t->r.client.ip);
	c->pending += t->r.quality >> QUALITY_PENDING & 1;
	c->given_up += by_client(t);
	c->by_class[f->claimed] += ns;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;

	if (!s || r->kind != RECORD_TXN || r->composite || r->transport != IP_PROTO_TCP ||
		t->total == FIELD_ABSENT || is_idle(f->claimed))
		return;
	if (t->stamp[2] != FIELD_ABSENT)
		add_answer(f, svc_state(s, DETECTOR_SILENT), t);
	else if (is_silent(t))
		add_silent(f, svc_state(s, DETECTOR_SILENT), t);
}

static void take_out(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct silent_state *c = svc_has(s, DETECTOR_SILENT);
	uint64_t *its, ns;

	(void)f;
	if (!c || r->kind != RECORD_TXN || t->total == FIELD_ABSENT || !is_silent(t) ||
		t->stamp[1] <= c->began || !c->p.count)
		return;
	ns = own_waiting(t);
	its = &c->by_class[t->ended_by ? by_client(t) ? CLASS_GAVE_UP : CLASS_CUT : CLASS_SLOW];
	*its -= ns < *its ? ns : *its;
	c->pending -= r->quality >> QUALITY_PENDING & 1;
	c->given_up -= by_client(t);
	proof_take_out(&c->p, r->start, ns, t->frame[1] ? t->frame[1] : t->frame[0]);
}

/* Has it stopped? What went down with its connection is a crash where there is nothing else. */
static bool has_stopped(const struct silent_state *c)
{
	uint64_t waited = c->pending + c->given_up, longest = proof_most(&c->p);

	return c->several && (c->alike || !c->answers) && c->p.count >= LEAST &&
	       waited * 2 >= c->p.count && longest >= LEAST_TIME && longest >= 2 * c->slowest;
}

static uint64_t time_in(const struct silent_state *c, uint32_t classes)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < CLASS_COUNT; i++)
		sum += classes >> i & 1 ? c->by_class[i] : 0;
	return sum;
}

static bool tells_of_waits(const struct finding *x)
{
	static const char *const ids[] = {"slow-server", "client-gave-up", "mysql-slow",
		"reset-storm", "smtp-queue", "saturation", "micro-stall"};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (strcmp(x->id, ids[i]) == 0)
			return true;
	return false;
}

/* What else is told of these waits. */
static void explain(struct findings *f, const struct silent_state *c, struct finding *x)
{
	for (unsigned i = 0; i < f->nlist; i++) {
		struct finding *y = &f->list[i];
		uint64_t its = time_in(c, y->classes);

		if (y == x || y->part_of || y->cells != x->cells || !tells_of_waits(y))
			continue;
		if (its * 5 >= y->local * 4)
			y->part_of = x->id;
		else
			y->local -= its;
	}
}

static void list_stopped(struct findings *f, const struct svc *s, const struct silent_state *c)
{
	struct finding *x = finding_new(f, "no-answer", "The server stopped answering", s, &c->p,
		"tsumari.quality == no_response or tsumari.quality == pending");
	uint32_t classes = 0;

	for (unsigned i = 0; i < CLASS_COUNT; i++)
		classes |= c->by_class[i] ? 1u << i : 0;
	finding_claims(x, s, ALL_ENTRIES, classes);
	finding_at_least(x, SEVERITY_WARNING);
	x->counted = "transactions";
	x->of = s->transactions;
	if (c->answers)
		say(&x->saw, "%C request%1 had been answered, the slowest within %T. Then none of ",
			c->answers, c->answers, c->slowest);
	else
		say(&x->saw, "None of ");
	say(&x->saw, "%C was, for up to %T: ", x->count, x->longest);
	if (c->given_up)
		say(&x->saw, "%C %S given up by the client, ", c->given_up,
			c->given_up == 1 ? "was" : "were");
	if (x->count > c->given_up + c->pending)
		say(&x->saw, "%C went down with the connection, ",
			x->count - c->given_up - c->pending);
	say(&x->saw, "%C waited still when the capture ended.", c->pending);
	say(&x->means, "The host takes connections and requests, but the process does not: it is "
		       "stopped, frozen or deadlocked, or all of its workers hang.");
	say(&x->next, "On the server: the state of the process (ps: T is stopped, D waits for a "
		      "disk or a mount), its stack (gdb -p, /proc/PID/stack, a thread dump), "
		      "whether its container is paused; ss -lnt (Recv-Q: connections that nobody "
		      "accepts); what all of its workers may wait for.");
	say(&x->against, "Where all that was asked is slow, and nothing else was asked meanwhile, "
			 "it looks the same.");
	explain(f, c, x);
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct silent_state *c = svc_has(s, DETECTOR_SILENT);

		if (c && has_stopped(c))
			list_stopped(f, s, c);
	}
}

const struct detector detect_silent = {.service_size = sizeof(struct silent_state),
	.kinds = OF_TXN,
	.record = record,
	.take_out = take_out,
	.list = list};
