/*
 * find_idle.c - waits that are long on purpose: long polls, workers that wait for a job.
 *
 * They are known by how they are asked, not by what: a client whose long wait is over asks the
 * same again at once, and either all of them last as long, whole seconds, and bring next to nothing
 * (a timer ended them), or another connection to the service spoke just before they ended (what it
 * brought was what they waited for), or some last as long as that timer and the others anything
 * below it (what they waited for came from elsewhere). Where their name says that they are polls it
 * is enough that they bring little and are asked again. An answer that is slow is none of these.
 */
#include "findings/find_impl.h"
#include "api/layer.h"
#include "base/mem.h"
#include "model/operation.h"
#include "model/values.h"
#include <stdlib.h>

#define LEAST  ((uint64_t)SECOND) /* where all are shorter they are no polls */
#define POLLS  ((unsigned)CLASS_MAYBES)
#define SHORT  (POLLS / 2) /* of them that may begin with a shorter one */
#define EMPTY  512u        /* bytes of an answer that says that nothing happened, at most */
#define NEWS   4096u       /* the same of one that says what did */
#define FEW    3u          /* that are no chance */
#define SINCE  (200 * (uint64_t)MS)   /* asked again at once */
#define SOON   (2 * (uint64_t)SECOND) /* when a job was done */
#define WOKEN  (10 * (uint64_t)MS)    /* between what another said and the end of the wait */
#define EVENTS 32u                    /* that are remembered of a service */
#define TEXT   96u
#define FLOWS  4u
#define LOOSE  16u /* connections that are remembered on which sides speak unasked, */
#define SPOKEN 4u  /* so often, at least: a client's words count twice */

struct poll { /* an operation with long waits */
	uint64_t op;
	struct proof p;
	uint64_t most;        /* how long they were */
	uint64_t least;       /* the shortest */
	uint64_t small;       /* that brought no more than some news */
	uint64_t again;       /* asked at once after one that was over */
	uint64_t chances;     /* ones that could have been: its connection had one before */
	uint64_t anew;        /* on another connection of the same client, as a proxy asks */
	uint64_t next;        /* the same, soon: whoever polls by its name may take its time */
	uint64_t soon;        /* on its connection, when something else had been done */
	uint64_t quick;       /* turns as long a question, that were answered at once */
	uint64_t woken;       /* another connection spoke just before they ended */
	uint64_t timed;       /* as long as the longest */
	uint64_t flow[FLOWS]; /* the last connections that waited so, of a protocol that is not read
			       */
	unsigned nflows;
	size_t len;
	char text[TEXT];
};

struct event {
	struct addr client;
	uint64_t time, flow, op;
	bool counted;
};

struct idle {
	unsigned n;
	struct poll poll[POLLS];
	struct event over[EVENTS];  /* long waits */
	struct event asked[EVENTS]; /* requests of any length */
	unsigned nover, nasked;
	uint64_t first, last;  /* when those were asked */
	uint64_t loose[LOOSE]; /* on these what the client says is no question */
	unsigned nloose;
};

/* As long, but for how exact timers are. */
static uint64_t slack(uint64_t ns)
{
	return ns / 50 + 20 * MS;
}

/* Timers are of whole seconds. */
static bool by_timer(const struct record *r, uint64_t ns)
{
	return ns >= LEAST && ns % SECOND <= slack(ns) + 80 * MS &&
	       (r->kind != RECORD_TXN || r->server.bytes == FIELD_ABSENT ||
		       r->server.bytes <= EMPTY);
}

static struct poll *poll_of(struct idle *x, uint64_t op, unsigned most)
{
	unsigned i = 0;

	while (i < x->n && x->poll[i].op != op)
		i++;
	if (i == x->n && i >= most)
		return NULL;
	if (i == x->n) {
		x->n++;
		x->poll[i].op = op;
	}
	return &x->poll[i];
}

/* How long before the end of a wait another must have spoken, so that it is no chance: a fifth of
   what usually lies between what others say. */
static uint64_t woken_within(const struct idle *x)
{
	uint64_t first, last, apart;

	if (x->nasked < EVENTS)
		return WOKEN;
	last = x->asked[(x->nasked - 1) % EVENTS].time;
	first = x->asked[x->nasked % EVENTS].time;
	apart = last > first ? (last - first) / EVENTS / 5 : 0;
	return apart < WOKEN ? apart : WOKEN;
}

/* Another connection spoke at `time`: whom did that wake? */
static void wake(struct idle *x, uint64_t time, uint64_t flow)
{
	for (unsigned i = 0; i < EVENTS && i < x->nover; i++) {
		struct event *e = &x->over[i];
		struct poll *p;

		if (e->counted || e->flow == flow || time > e->time ||
			e->time - time > woken_within(x))
			continue;
		p = poll_of(x, e->op, POLLS);
		e->counted = true;
		p->woken++;
	}
}

/* Of a protocol that is not read: as long a question is the same one, as far as can be told. */
static uint64_t op_of_turn(const struct turn_record *t)
{
	return UINT64_C(14695981039346656037) ^ t->asked * UINT64_C(1099511628211);
}

void idle_asked(struct idle *x, const struct record *r)
{
	if (!x)
		return;
	x->first = !x->nasked || r->start < x->first ? r->start : x->first;
	x->last = r->start > x->last ? r->start : x->last;
	for (unsigned i = 0; r->kind == RECORD_TURN && r->duration < LEAST / 5 && i < x->n; i++)
		x->poll[i].quick += x->poll[i].op == op_of_turn((const void *)r);
	x->asked[x->nasked++ % EVENTS] =
		(struct event){r->client.ip, r->start, r->flow_id, 0, false};
	wake(x, r->start, r->flow_id);
}

static void ask_again(struct idle *x, struct poll *p, const struct record *r)
{
	bool anew = false, soon = false, known = false, ours;

	for (unsigned i = 0; i < EVENTS && i < x->nover; i++) {
		const struct event *e = &x->over[(x->nover - 1 - i) % EVENTS];

		if (e->op != p->op || e->time > r->start)
			continue;
		ours = memcmp(&e->client, &r->client.ip, sizeof(e->client)) == 0;
		anew |= ours && r->start - e->time <= SINCE;
		soon |= ours && r->start - e->time <= SOON;
		if (e->flow != r->flow_id || known)
			continue;
		known = true;
		p->chances++;
		p->again += r->start - e->time <= SINCE;
		p->soon += r->start - e->time <= SOON;
	}
	p->next += soon;
	p->anew += anew && !known;
}

bool waits_on_purpose(const struct txn_record *t)
{
	const struct tsm_model *m = record_model(&t->r);

	return name_listed(m->idle_methods, (const char *)t + t->method.offset, t->method.len) ||
	       (m->idle_values && txn_says(t, m->idle_field, m->idle_values)) ||
	       (m->idle_mark && txn_says(t, m->idle_mark, NULL));
}

static void remember_flow(struct poll *p, uint64_t flow)
{
	unsigned i = 0;

	while (i < p->nflows && i < FLOWS && p->flow[i] != flow)
		i++;
	if (i == FLOWS || i == p->nflows)
		p->flow[p->nflows++ % FLOWS] = flow;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Is a word of its path one of those that ask to be told when there is something? */
static bool names_poll(const struct txn_record *t)
{
	const char *const *words = t ? record_model(&t->r)->poll_words : NULL;
	const char *p = (const char *)t + (words ? t->object.offset : 0);
	uint32_t n = words ? t->object.len : 0, from = 0;

	for (uint32_t i = 0; i < n && p[i] != '?'; i++) {
		if (!is_letter(p[i]))
			from = i + 1;
		else if (i > from && p[i] <= 'Z' && p[i - 1] > 'Z')
			from = i;
		if (i + 1 < n && is_letter(p[i + 1]) && !(p[i + 1] <= 'Z' && p[i] > 'Z'))
			continue;
		if (i >= from && name_listed(words, p + from, i + 1 - from))
			return true;
	}
	return false;
}

#define NAMED 1 /* all that poll by their names are one */

/* What was asked, as a number; text: in words. */
static uint64_t op_of(const struct txn_record *t, struct text *text)
{
	if (t)
		operation_of(t, true, text);
	if (names_poll(t))
		return NAMED;
	return hash_same(0, text->p, text->len);
}

/* One that is still waited for: it may be what others of its kind were, if they were as long. */
static enum wait_class as_others(struct idle *x, const struct txn_record *t, uint64_t ns)
{
	char room[OPERATION_MAX];
	struct text text;
	struct poll *p;
	uint64_t op;

	text_init(&text, room, sizeof(room));
	op = op_of(t, &text);
	for (unsigned i = 0; i < x->n; i++)
		if (x->poll[i].op == op &&
			(op == NAMED || ns <= x->poll[i].most + slack(x->poll[i].most)))
			return (enum wait_class)(CLASS_MAYBE + i);
	p = op == NAMED ? poll_of(x, op, POLLS) : NULL;
	if (!p)
		return CLASS_SLOW;
	return (enum wait_class)(CLASS_MAYBE + (unsigned)(p - x->poll));
}

enum wait_class idle_or_slow(struct idle **at, const struct record *r, const struct txn_record *t,
	uint64_t ns, uint64_t frame)
{
	char room[OPERATION_MAX];
	struct text text;
	struct poll *p;
	struct idle *x;
	uint64_t op;

	/* A name is not waited for on purpose. */
	if (ns < LEAST / 5 || r->transport != IP_PROTO_TCP)
		return CLASS_SLOW;
	if (r->end == FIELD_ABSENT && !(r->quality & 1u << QUALITY_PENDING))
		return CLASS_SLOW;
	if (!*at)
		*at = xcalloc(1, sizeof(**at));
	x = *at;
	if (r->end == FIELD_ABSENT)
		return as_others(x, t, ns);
	text_init(&text, room, sizeof(room));
	op = r->kind == RECORD_TURN ? op_of_turn((const void *)r) : op_of(t, &text);
	p = poll_of(x, op, ns < LEAST ? SHORT : POLLS);
	if (!p)
		return CLASS_SLOW;
	if (!p->len && text.len) {
		p->len = text.len < TEXT ? text.len : TEXT;
		memcpy(p->text, text.p, p->len);
	}
	ask_again(x, p, r);
	if (r->kind == RECORD_TURN)
		remember_flow(p, r->flow_id);
	proof_add(&p->p, r->start, ns, frame);
	proof_until(&p->p, r->end);
	proof_client(&p->p, &r->client.ip);
	if (ns > p->most + slack(p->most))
		p->timed = by_timer(r, ns);
	else
		p->timed += ns + slack(ns) >= p->most && by_timer(r, ns);
	p->most = ns > p->most ? ns : p->most;
	p->least = !p->least || ns < p->least ? ns : p->least;
	p->small +=
		r->kind == RECORD_TXN && r->server.bytes != FIELD_ABSENT && r->server.bytes <= NEWS;
	x->over[x->nover++ % EVENTS] = (struct event){r->client.ip, r->end, r->flow_id, op, false};
	for (unsigned i = 0; i < EVENTS && i < x->nasked; i++) {
		const struct event *e = &x->asked[i];

		if (e->flow != r->flow_id && e->time <= r->end && r->end - e->time <= WOKEN) {
			wake(x, e->time, e->flow);
			break;
		}
	}
	return (enum wait_class)(CLASS_MAYBE + (unsigned)(p - x->poll));
}

/* Do others ask so often that one of them speaks just before many an end? */
static bool by_chance(const struct idle *x)
{
	return x->nasked * WOKEN * 5 > x->last - x->first;
}

/* What ended them: somebody who spoke. */
static bool were_woken(const struct idle *x, const struct poll *p)
{
	return p->p.count >= FEW && p->woken >= FEW && !by_chance(x);
}

/* What ended them is not seen: those that nothing ended last as long as each other, and no one
   longer. */
static bool have_limit(const struct poll *p)
{
	return p->p.count >= 3 * FEW && p->timed >= FEW && p->timed * 10 >= p->p.count &&
	       p->small == p->p.count && p->least * 2 <= p->most;
}

/* Its name says so, and nothing speaks against it. */
static bool is_named(const struct poll *p)
{
	return p->op == NAMED && p->small == p->p.count &&
	       (p->p.count <= FEW || p->next * 2 >= p->p.count);
}

/*
 * Two of a connection and more, one after the other, that a timer or somebody else ended. Of a
 * connection each, which slow ones may be as well, a timer ended most of them, or it is clear who
 * did.
 */
static bool is_loop(const struct idle *x, const struct poll *p)
{
	bool over = (p->woken + p->timed) * 5 >= p->p.count * 4, again;

	if (p->p.count < 2 || p->most < LEAST)
		return false;
	again = p->chances ? p->again * 5 >= p->chances * 4 : p->anew * 3 >= p->p.count * 2;
	/* A worker does what it was woken for before it waits again. */
	if (over && p->nflows && p->quick < p->p.count && were_woken(x, p) &&
		p->soon * 5 >= p->chances * 4)
		return true;
	if (again && (have_limit(p) || (over && (p->chances || were_woken(x, p)))))
		return true;
	return !p->chances && over && p->anew * 2 >= p->p.count && p->timed * 2 >= p->p.count;
}

void idle_loose(struct idle *x, uint64_t flow, uint64_t unasked)
{
	bool waits = false;

	if (!x || unasked < SPOKEN)
		return;
	for (unsigned i = 0; i < LOOSE && i < x->nloose; i++)
		if (x->loose[i] == flow)
			return;
	for (unsigned i = 0; i < x->n && !waits; i++)
		for (unsigned k = 0; k < FLOWS && k < x->poll[i].nflows; k++)
			waits |= x->poll[i].flow[k] == flow;
	if (waits)
		x->loose[x->nloose++ % LOOSE] = flow;
}

/* Streams that both sides speak on as they like (replication): all that waited so were such. */
static bool all_loose(const struct idle *x, const struct poll *p)
{
	unsigned k = 0, i;

	if (!p->nflows || p->nflows > FLOWS)
		return false;
	for (; k < p->nflows; k++) {
		for (i = 0; i < LOOSE && i < x->nloose && x->loose[i] != p->flow[k]; i++)
			;
		if (i == LOOSE || i >= x->nloose)
			return false;
	}
	return true;
}

static bool loops_on(const struct idle *x, uint64_t flow)
{
	for (unsigned i = 0; i < x->n; i++)
		for (unsigned k = 0; k < FLOWS && k < x->poll[i].nflows; k++)
			if (x->poll[i].flow[k] == flow && is_loop(x, &x->poll[i]))
				return true;
	return false;
}

/* Or the first such wait of connections that go on so, where it is asked in other words. */
static bool on_purpose(const struct idle *x, const struct poll *p)
{
	unsigned k = 0;

	if (is_named(p) || is_loop(x, p) || all_loose(x, p))
		return true;
	if (!p->nflows || p->nflows > FLOWS || p->chances || p->woken + p->timed < p->p.count)
		return false;
	while (k < p->nflows && loops_on(x, p->flow[k]))
		k++;
	return k == p->nflows;
}

uint32_t idle_classes(const struct idle *x)
{
	uint32_t classes = 0;

	for (unsigned i = 0; x && i < x->n; i++)
		if (on_purpose(x, &x->poll[i]))
			classes |= 1u << (CLASS_MAYBE + i);
	return classes;
}

uint32_t idle_slow(const struct idle *x, struct proof *slow, struct text *which)
{
	uint32_t classes = 0;

	for (unsigned i = 0; x && i < x->n; i++) {
		const struct poll *p = &x->poll[i];

		if (on_purpose(x, p) || (!p->p.count && p->op != NAMED))
			continue;
		classes |= 1u << (CLASS_MAYBE + i);
		proof_merge(slow, &p->p);
		if (which && p->len)
			say(which, "%S%E (%C, %T)", which->len ? ", " : "", p->text, p->len,
				p->p.count, p->p.cost);
	}
	return classes;
}

static bool has(const struct poll *p, uint64_t frame)
{
	unsigned i = 0;

	while (i < p->p.nbest && p->p.best[i].frame != frame)
		i++;
	return i < p->p.nbest;
}

bool idle_take_out(struct idle *x, const struct record *r, uint64_t ns, uint64_t frame, bool any)
{
	for (unsigned i = 0; x && i < x->n; i++) {
		struct poll *p = &x->poll[i];

		if (any ? p->p.cost < ns || on_purpose(x, p) : !has(p, frame))
			continue;
		proof_take_out(&p->p, r->start, ns, frame);
		return true;
	}
	return false;
}
