/*
 * find_proxy.c - requests that wait in a proxy before it passes them on: it has so many calls under
 * way to the server behind and lets no more through (maxconn), so that each begins when another
 * ends.
 *
 * A request and its call are known by asking for the same within the same time. Transactions are
 * kept until all that overlap them have come; then the older half is judged.
 */
#include "findings/find_impl.h"
#include "base/mem.h"
#include <stdlib.h>

#define KEPT   4096u
#define SOME   (5 * (uint64_t)MS) /* in a proxy, that counts as waiting */
#define SOON   (3 * (uint64_t)MS) /* from the end of a call to the next */
#define FEW    5u                 /* that are no chance */
#define BEHIND 3u                 /* servers behind a proxy that are told apart */
#define LOOK   256u               /* calls that are looked at for one */

#define AT_ONCE 32u /* transactions behind it that may begin with a call */

struct passed {
	struct svc *at;
	struct addr client;
	uint64_t asked, began, end, frame;
	uint32_t hash; /* of what it asked for */
	uint8_t class; /* enum wait_class */
	uint8_t used;  /* by which a request was passed on: that of the list, or for good */
};
enum { USED_NOW = 1, USED = 2 };

struct proxy_queue {
	const struct svc *behind;
	struct proof p;         /* requests that waited before they were passed on */
	uint64_t soon;          /* of these: when another call had ended */
	uint64_t most, at_most; /* calls under way at a time; of these: who found as many */
	uint64_t calls, busy;   /* all, and ns of them */
};

struct proxy_state {
	unsigned n;
	struct proxy_queue to[BEHIND];
};

struct proxies {
	unsigned n;
	struct passed *passed, *sorted[KEPT]; /* KEPT of them, when first needed */
	uint64_t clients[16];                 /* a bit each, by their hash */
	uint64_t unseen;                      /* requests passed on to servers too many */
};

/* Per service: what was judged for good, and for the list that is made. */
struct proxy_sums {
	struct proxy_state settled, now;
};

static unsigned bit_of(const struct addr *a)
{
	return hash_same(0, a, sizeof(*a)) % 1024;
}

static bool is_client(const struct proxies *all, const struct addr *a)
{
	unsigned bit = bit_of(a);

	return all->clients[bit / 64] >> bit % 64 & 1;
}

static bool same_host(const struct passed *call, const struct passed *front)
{
	return memcmp(&call->client, &front->at->key.ip, sizeof(call->client)) == 0;
}

static uint64_t hash_text(uint64_t h, const struct txn_record *t, struct record_text x)
{
	return hash_same(h ^ x.len, (const char *)t + x.offset, x.len < 256 ? x.len : 256);
}

static int by_asked(const void *a, const void *b)
{
	const struct passed *x = *(struct passed *const *)a, *y = *(struct passed *const *)b;

	if (x->asked != y->asked)
		return x->asked < y->asked ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* The call by which a request was passed on, whose answer began last before its own; NULL: none. i:
   its place. */
static struct passed *call_of(const struct proxies *all, unsigned i)
{
	const struct passed *front = all->sorted[i];
	struct passed *y, *found = NULL;

	for (unsigned k = i + 1; k < all->n && (y = all->sorted[k])->asked <= front->began; k++)
		if (!y->used && y->hash == front->hash && y->began <= front->began &&
			(!found || y->began > found->began) && same_host(y, front) &&
			y->at != front->at)
			found = y;
	return found;
}

/* How many calls of its kind were under way when it began, with itself; ended: when the one that
   ended last before had. */
static uint64_t under_way(
	const struct proxies *all, unsigned at, const struct passed *call, uint64_t *ended)
{
	uint64_t n = 1;

	*ended = 0;
	for (unsigned k = at, left = LOOK; k && left; k--) {
		const struct passed *y = all->sorted[k - 1];

		if (y->at != call->at || memcmp(&y->client, &call->client, sizeof(y->client)) != 0)
			continue;
		left--;
		if (y->end > call->asked)
			n++;
		else if (y->end > *ended)
			*ended = y->end;
	}
	return n;
}

/* The same when those had begun that begin with it: several calls may end at once. */
static uint64_t soon_under_way(const struct proxies *all, unsigned at, const struct passed *call)
{
	uint64_t most = 0, n, ended;

	for (unsigned k = at + 1, left = AT_ONCE; k < all->n && left; k++, left--) {
		const struct passed *y = all->sorted[k];

		if (y->asked > call->asked + SOON)
			break;
		if (y->at != call->at || memcmp(&y->client, &call->client, sizeof(y->client)) != 0)
			continue;
		n = under_way(all, k, y, &ended);
		most = n > most ? n : most;
	}
	return most;
}

static struct proxy_queue *queue_to(struct proxy_state *s, const struct svc *behind)
{
	unsigned i = 0;

	while (i < s->n && s->to[i].behind != behind)
		i++;
	if (i == BEHIND)
		return NULL;
	if (i == s->n)
		s->to[s->n++].behind = behind;
	return &s->to[i];
}

static unsigned place_of(const struct proxies *all, const struct passed *x)
{
	unsigned from = 0, to = all->n;

	while (from < to) {
		unsigned mid = (from + to) / 2;

		if (by_asked(&all->sorted[mid], &x) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static void judge(struct proxies *all, unsigned i, bool settle)
{
	const struct passed *front = all->sorted[i];
	struct passed *call;
	struct proxy_sums *sums;
	struct proxy_queue *q;
	uint64_t n, with, ended, wait;
	unsigned at;

	if (!is_client(all, &front->at->key.ip) || front->class == CLASS_IDLE)
		return;
	call = call_of(all, i);
	if (!call)
		return;
	call->used = settle ? USED : USED_NOW;
	sums = svc_state(front->at, DETECTOR_PROXY);
	q = queue_to(settle ? &sums->settled : &sums->now, call->at);
	if (!q) {
		all->unseen += settle;
		return;
	}
	at = place_of(all, call);
	n = under_way(all, at, call, &ended);
	if (n > q->most) {
		q->most = n;
		q->at_most = 0;
	}
	q->calls++;
	q->busy += call->end - call->asked;
	wait = call->asked - front->asked;
	if (wait < SOME)
		return;
	proof_add(&q->p, front->asked, wait, front->frame);
	proof_until(&q->p, call->asked);
	proof_client(&q->p, &front->client);
	q->soon += ended && ended + SOON >= call->asked;
	with = n < q->most ? soon_under_way(all, at, call) : 0;
	q->at_most += n == q->most || with == q->most;
}

/* The first n of them, in the order in which they were asked. */
static void judge_first(struct proxies *all, unsigned n, bool settle)
{
	for (unsigned i = 0; i < all->n; i++) {
		all->sorted[i] = &all->passed[i];
		all->passed[i].used &= (uint8_t)~USED_NOW;
	}
	if (all->n)
		qsort(all->sorted, all->n, sizeof(all->sorted[0]), by_asked);
	for (unsigned i = 0; i < n; i++)
		judge(all, i, settle);
}

/* The older half is over. */
static void make_room(struct proxies *all)
{
	struct passed *left = xmalloc(KEPT / 2 * sizeof(*left));

	judge_first(all, KEPT / 2, true);
	for (unsigned i = 0; i < KEPT / 2; i++)
		left[i] = *all->sorted[KEPT / 2 + i];
	memcpy(all->passed, left, KEPT / 2 * sizeof(*left));
	free(left);
	all->n = KEPT / 2;
}

static void record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	struct proxies *all = f->state[DETECTOR_PROXY];
	const struct addr *host;
	struct passed *x;
	unsigned bit;

	if (!s || r->kind != RECORD_TXN || r->composite || t->stamp[1] == FIELD_ABSENT ||
		t->stamp[2] == FIELD_ABSENT || r->end == FIELD_ABSENT ||
		record_model(r)->kind != KIND_WEB)
		return;
	if (!all->passed)
		all->passed = xmalloc(KEPT * sizeof(*all->passed));
	if (all->n == KEPT)
		make_room(all);
	host = host_of(f, &r->client.ip);
	bit = bit_of(host);
	all->clients[bit / 64] |= UINT64_C(1) << bit % 64;
	x = &all->passed[all->n++];
	x->at = s;
	x->client = *host;
	x->asked = t->stamp[1];
	x->began = t->stamp[2];
	x->end = r->end;
	x->frame = t->frame[1];
	x->class = f->claimed;
	x->hash = (uint32_t)hash_text(
		hash_text(hash_text(0, t, t->method), t, t->object), t, t->query);
	x->used = 0;
}

static void prepare(struct findings *f)
{
	struct proxies *all = f->state[DETECTOR_PROXY];
	struct proxy_sums *sums;
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		if ((sums = svc_has(s, DETECTOR_PROXY)))
			sums->now = sums->settled;
	for (unsigned i = 0; i < all->n; i++) {
		const struct addr *host = host_of(f, &all->passed[i].client);
		unsigned bit = bit_of(host);

		all->clients[bit / 64] |= UINT64_C(1) << bit % 64;
		all->passed[i].client = *host;
	}
	judge_first(all, all->n, false);
}

/* So many at a time, no more, and nearly all that waited found as many. */
static uint64_t limit_of(const struct proxy_queue *q)
{
	return q->p.count >= FEW && q->soon * 10 >= q->p.count * 7 &&
			       q->at_most * 10 >= q->p.count * 7
		       ? q->most
		       : 0;
}

/* What else is told of the proxy for these waits. */
static void explain(struct findings *f, struct finding *x)
{
	static const char *const ids[] = {"saturation", "micro-stall", "rate-limit", "serialised"};

	for (unsigned i = 0; i < f->nlist; i++)
		for (unsigned k = 0; k < sizeof(ids) / sizeof(ids[0]); k++)
			if (f->list[i].cells == x->cells && !f->list[i].of_capture &&
				strcmp(f->list[i].id, ids[k]) == 0)
				f->list[i].part_of = x->id;
}

static void list_queue(
	struct findings *f, const struct svc *s, const struct proxy_queue *q, uint64_t n)
{
	struct finding *x = finding_new(f, "proxy-queue", "Requests wait in a proxy", s, &q->p,
		"tsumari.ledger.server > 5ms");

	finding_claims(x, s, ENTRY(SERVER), ~CLASS(IDLE));
	x->own = true;
	x->counted = "transactions";
	x->of = s->transactions;
	x->part_of = "slow-server";
	x->stands = true;
	say(&x->saw,
		"%C of %C requests waited %T in all, up to %T, before they were passed on to %A: "
		"no more than %C call%1 to it were under way at a time, and %C began when another "
		"had ended. Each call took %T.",
		x->count, x->of, x->local, x->longest, q->behind, n, n, q->soon,
		q->busy / q->calls);
	say(&x->means,
		"The proxy lets so many requests at a time through to the server behind it and "
		"keeps the others in a queue of its own. It is not slow itself; there are more "
		"requests than that many calls can serve.");
	say(&x->next,
		"The limit (haproxy: maxconn of the server, its queue in \"show stat\": qcur, "
		"qtime, and timeout queue; nginx: max_conns; Envoy: circuit breakers; the "
		"size of a pool towards the server), and whether the server behind has room "
		"for more at a time: a higher limit, more servers, or calls that take less.");
	say(&x->against,
		"A limit that keeps the server behind from worse is right: then it is that "
		"server which wants help.");
	explain(f, x);
}

static void list(struct findings *f)
{
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++) {
		const struct proxy_sums *sums = svc_has(s, DETECTOR_PROXY);

		for (unsigned k = 0; sums && k < sums->now.n; k++)
			if (limit_of(&sums->now.to[k]))
				list_queue(f, s, &sums->now.to[k], limit_of(&sums->now.to[k]));
	}
}

static void release(void *state)
{
	free(((struct proxies *)state)->passed);
}

static void counters(const void *state, struct counters *c)
{
	count_forgotten(c, "findings: requests passed on to servers too many",
		((const struct proxies *)state)->unseen, 0);
}

const struct detector detect_proxy = {.size = sizeof(struct proxies),
	.service_size = sizeof(struct proxy_sums),
	.kinds = OF_TXN,
	.record = record,
	.prepare = prepare,
	.list = list,
	.release = release,
	.counters = counters};
