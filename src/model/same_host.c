/* same_host.c - see same_host.h. */
#include "model/same_host.h"
#include "base/clock.h"
#include "base/mem.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS   64u /* that are told apart of the waits looked at */
#define PAIRS   64u /* of them that are tried */
#define FEWEST  8u  /* waits of either that must be there */
#define OUTSIDE 20u /* of so many calls one may lie in no request */
#define BITS    48.0
#define FIRST   64u
#define LATER   UINT64_C(65536) /* waits that are passed over at most */
#define REACHES 3

static const uint64_t reach[REACHES] = {MS / 2, 2 * MS, 8 * MS};

struct seen {
	uint8_t client, server;
	bool calls, connects;
	uint64_t asked, start, end;
};

struct same_host {
	struct addr address[SAME_HOST_MAX], of[SAME_HOST_MAX];
	unsigned n;
	struct seen wait[SAME_HOST_WAITS];
	unsigned nwaits, looked; /* of them; how many there were when that was */
	uint64_t skip, pause;    /* waits to pass over; the next time */
	struct addr host[HOSTS];
	unsigned nhosts;
	uint64_t servers, asks[HOSTS]; /* bits by host */
	unsigned calls[HOSTS], requests[HOSTS];
	struct span {
		uint64_t from, to;
	} after[SAME_HOST_WAITS], before[SAME_HOST_WAITS]; /* of calls, while it is looked */
};

struct same_host *same_host_new(void)
{
	struct same_host *s = xcalloc(1, sizeof(*s));

	s->pause = SAME_HOST_WAITS;
	return s;
}

struct same_host *same_host_copy(const struct same_host *s)
{
	struct same_host *copy = xmalloc(sizeof(*copy));

	*copy = *s;
	return copy;
}

void same_host_free(struct same_host *s)
{
	free(s);
}

bool same_host_wants(const struct same_host *s)
{
	return !s->skip;
}

void same_host_pass(struct same_host *s)
{
	s->skip--;
}

static bool same(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* HOSTS: there are too many. */
static unsigned place_of(struct same_host *s, const struct addr *a)
{
	unsigned i = 0;

	while (i < s->nhosts && !same(&s->host[i], a))
		i++;
	if (i == s->nhosts && i < HOSTS)
		s->host[s->nhosts++] = *a;
	return i;
}

static void begin_anew(struct same_host *s)
{
	s->nwaits = s->looked = s->nhosts = 0;
	s->skip = s->pause;
	s->pause = s->pause < LATER / 2 ? s->pause * 2 : LATER;
}

void same_host_add(struct same_host *s, const struct nest_wait *w, bool calls)
{
	unsigned client = place_of(s, &w->client), server = place_of(s, &w->server);

	/* Of so many hosts nothing is found out: later, perhaps. */
	if (client == HOSTS || server == HOSTS) {
		begin_anew(s);
		return;
	}
	s->wait[s->nwaits++] = (struct seen){
		(uint8_t)client, (uint8_t)server, calls, w->connects, w->asked, w->start, w->end};
}

bool same_host_due(const struct same_host *s, bool finally)
{
	unsigned due = s->looked ? s->looked * 4 : FIRST;

	return finally ? s->nwaits > s->looked : s->nwaits >= due;
}

/* Spans in the order of their beginnings, those that touch each other as one; gives how many. */
static int by_from(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->from != y->from ? (x->from < y->from ? -1 : 1)
				  : (x->to > y->to) - (x->to < y->to);
}

static unsigned join(struct span *x, unsigned n)
{
	unsigned last = 0;

	if (!n)
		return 0;
	qsort(x, n, sizeof(*x), by_from);
	for (unsigned i = 1; i < n; i++)
		if (x[i].from <= x[last].to)
			x[last].to = x[i].to > x[last].to ? x[i].to : x[last].to;
		else
			x[++last] = x[i];
	return last + 1;
}

static uint64_t length(const struct span *x, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += x[i].to - x[i].from;
	return sum;
}

static bool within(const struct span *x, unsigned n, uint64_t time)
{
	unsigned from = 0, to = n;

	while (from < to) {
		unsigned mid = (from + to) / 2;

		if (x[mid].to < time)
			from = mid + 1;
		else
			to = mid;
	}
	return from < n && x[from].from <= time;
}

/* That of `of` trials `hits` were met, of which a part `chance` is by chance: at most 2 to the
   minus this. */
static double bits_of(unsigned hits, unsigned of, double chance)
{
	double h = (double)hits / of, bits;

	if (chance <= 0 || chance >= 1 || h <= chance)
		return 0;
	bits = h * log2(h / chance);
	if (hits < of)
		bits += (1 - h) * log2((1 - h) / (1 - chance));
	return bits * of;
}

/* What happened at these times lies in spans that take so much of all time. */
static double follow(
	uint64_t *time, unsigned n, struct span *x, unsigned nspans, uint64_t apart, uint64_t all)
{
	unsigned hits = 0, of = 0;
	uint64_t last = 0;

	nspans = join(x, nspans);
	for (unsigned i = 0; i < n; i++) {
		if (of && time[i] < last + apart)
			continue; /* they are no two chances */
		last = time[i];
		of++;
		hits += within(x, nspans, last);
	}
	return of < FEWEST || hits < FEWEST
		       ? 0
		       : bits_of(hits, of, (double)length(x, nspans) / (double)all);
}

static int by_time(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Was it asked when that had a request in hand, and answered before it answered? */
static bool lies_in_one(const struct same_host *s, const struct seen *call, unsigned server)
{
	for (unsigned i = 0; i < s->nwaits; i++)
		if (s->wait[i].server == server && s->wait[i].calls &&
			s->wait[i].asked <= call->start && s->wait[i].end >= call->end)
			return true;
	return false;
}

static bool lie_within(const struct same_host *s, unsigned client, unsigned server)
{
	unsigned of = 0, outside = 0;

	for (unsigned i = 0; i < s->nwaits; i++) {
		const struct seen *x = &s->wait[i];

		if (x->client != client || x->connects)
			continue;
		of++;
		outside += !lies_in_one(s, x, server);
		if (outside * OUTSIDE > s->nwaits)
			return false;
	}
	return of >= FEWEST && outside * OUTSIDE <= of;
}

/* How surely the calls of the one are for requests to the other. */
static double proof_of(struct same_host *s, unsigned client, unsigned server)
{
	uint64_t asked[SAME_HOST_WAITS], answered[SAME_HOST_WAITS], from = UINT64_MAX, to = 0;
	unsigned n = 0, ncalls;
	double best = 0;

	for (unsigned i = 0; i < s->nwaits; i++) {
		const struct seen *x = &s->wait[i];

		if (x->server != server || !x->calls || x->connects)
			continue;
		asked[n] = x->asked;
		answered[n++] = x->end;
		from = x->asked < from ? x->asked : from;
		to = x->end > to ? x->end : to;
	}
	if (n < FEWEST || to <= from)
		return 0;
	qsort(asked, n, sizeof(asked[0]), by_time);
	qsort(answered, n, sizeof(answered[0]), by_time);
	for (unsigned r = 0; r < REACHES; r++) {
		double its;

		ncalls = 0;
		for (unsigned i = 0; i < s->nwaits; i++) {
			const struct seen *x = &s->wait[i];

			if (x->client != client)
				continue;
			s->after[ncalls] = (struct span){x->end, x->end + reach[r]};
			s->before[ncalls++] = (struct span){x->start - reach[r], x->start};
		}
		its = follow(answered, n, s->after, ncalls, reach[r], to - from) +
		      follow(asked, n, s->before, ncalls, reach[r], to - from);
		best = its > best ? its : best;
	}
	return best;
}

/* Who asked whom, and how often. */
static void count(struct same_host *s)
{
	memset(s->asks, 0, sizeof(s->asks));
	memset(s->calls, 0, sizeof(s->calls));
	memset(s->requests, 0, sizeof(s->requests));
	s->servers = 0;
	for (unsigned i = 0; i < s->nwaits; i++) {
		const struct seen *x = &s->wait[i];

		s->servers |= UINT64_C(1) << x->server;
		s->asks[x->client] |= UINT64_C(1) << x->server;
		s->calls[x->client] += x->connects ? 0 : 1;
		s->requests[x->server] += x->calls && !x->connects ? 1 : 0;
	}
}

/* ns of the server's requests: a tier behind another has less. */
static uint64_t in_hand(const struct same_host *s, unsigned server)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->nwaits; i++)
		if (s->wait[i].server == server && s->wait[i].calls)
			sum += s->wait[i].end - s->wait[i].asked;
	return sum;
}

static bool known(const struct same_host *s, const struct addr *a)
{
	for (unsigned i = 0; i < s->n; i++)
		if (same(&s->address[i], a) || same(&s->of[i], a))
			return true;
	return false;
}

unsigned same_host_look(struct same_host *s)
{
	unsigned had = s->n, pairs = 0;

	count(s);
	for (unsigned c = 0; c < s->nhosts && s->n < SAME_HOST_MAX; c++) {
		unsigned best = HOSTS;

		/* Who is asked himself is known by that. */
		if (s->servers >> c & 1 || s->calls[c] < FEWEST || known(s, &s->host[c]))
			continue;
		for (unsigned k = 0; k < s->nhosts && pairs < PAIRS; k++) {
			if (s->requests[k] < FEWEST || s->asks[c] >> k & 1)
				continue;
			pairs++;
			if (lie_within(s, c, k) && proof_of(s, c, k) >= BITS &&
				(best == HOSTS || in_hand(s, k) < in_hand(s, best)))
				best = k;
		}
		if (best == HOSTS)
			continue;
		s->address[s->n] = s->host[c];
		s->of[s->n++] = s->host[best];
	}
	s->looked = s->nwaits;
	if (s->nwaits == SAME_HOST_WAITS)
		begin_anew(s);
	return s->n - had;
}

unsigned same_host_known(const struct same_host *s)
{
	return s->n;
}

const struct addr *same_host_at(const struct same_host *s, unsigned i, const struct addr **of)
{
	*of = &s->of[i];
	return &s->address[i];
}

const struct addr *same_host(const struct same_host *s, const struct addr *a)
{
	for (unsigned i = 0; i < s->n; i++)
		if (same(&s->address[i], a))
			return &s->of[i];
	return a;
}
