/*
 * find_busy.c - whom it kept waiting that a server waited for what is in no record.
 *
 * A lookup that nobody answers is no wait of the account: its records come when it is long over.
 * Where a server had a request in hand meanwhile (a proxy, a resolver, a mail server), its own time
 * is the lookup's. So long waits for servers are remembered, and what lies in them is taken out of
 * what is felt of their service.
 */
#include "findings/find_impl.h"
#include "base/mem.h"
#include <stdlib.h>

#define BUSY 1024u    /* waits that are remembered */
#define NEAR (5 * MS) /* between what happened and what came of it */

#define SERVED 3u /* requests that a server of the web is known by */

struct busy {
	unsigned n;
	struct {
		struct svc *s;
		uint64_t from, to;
		uint64_t explained, lasting; /* ns of it */
	} wait[BUSY];
};

static void add(struct findings *f, struct svc *s, uint64_t from, uint64_t to)
{
	unsigned i;

	if (!f->busy)
		f->busy = xcalloc(1, sizeof(*f->busy));
	i = f->busy->n++ % BUSY;
	memset(&f->busy->wait[i], 0, sizeof(f->busy->wait[i]));
	f->busy->wait[i].s = s;
	f->busy->wait[i].from = from;
	f->busy->wait[i].to = to;
}

void busy_record(struct findings *f, struct svc *s, const struct record *r)
{
	const struct txn_record *t = (const void *)r;
	uint64_t least = f->limit.v[THRESHOLD_SLOW] / 2, from;

	if (!s || f->claimed == CLASS_IDLE)
		return;
	if (r->kind == RECORD_TURN && r->duration >= least)
		add(f, s, r->start, r->end);
	if (r->kind != RECORD_TXN || r->composite || t->total == FIELD_ABSENT ||
		t->ledger[LEDGER_SERVER] < least)
		return;
	from = t->stamp[1] != FIELD_ABSENT ? t->stamp[1] : r->start;
	add(f, s, from, r->end != FIELD_ABSENT ? r->end : from + t->ledger[LEDGER_SERVER]);
}

/* The last one that the host had in hand then; BUSY: none. */
static uint64_t unexplained(const struct busy *b, unsigned i)
{
	return b->wait[i].to - b->wait[i].from - b->wait[i].explained;
}

static bool better(const struct busy *b, unsigned i, unsigned than, uint64_t need)
{
	bool has = unexplained(b, i) >= need, had = unexplained(b, than) >= need;

	return has != had ? has : b->wait[i].from > b->wait[than].from;
}

/* need: of which so much is not explained yet, if there is one. */
static unsigned had(const struct findings *f, const struct addr *host, uint64_t from, uint64_t to,
	uint64_t need)
{
	const struct busy *b = f->busy;
	unsigned found = BUSY;

	host = host_of(f, host);
	for (unsigned i = 0; b && i < BUSY && i < b->n; i++)
		if (b->wait[i].from <= from + NEAR && b->wait[i].to + NEAR >= to &&
			memcmp(&b->wait[i].s->key.ip, host, sizeof(*host)) == 0 &&
			(found == BUSY || better(b, i, found, need)))
			found = i;
	return found;
}

uint64_t busy_until(const struct findings *f, const struct addr *host, uint64_t time)
{
	unsigned i = had(f, host, time, time, 0);

	return i == BUSY ? 0 : f->busy->wait[i].to;
}

bool busy_nobody(const struct findings *f, const struct addr *host, uint64_t from, uint64_t to)
{
	const struct busy *b = f->busy;
	struct svc *s;
	bool serves = false;

	host = host_of(f, host);
	for (uint32_t i = 0; (s = svc_at(f, i)) && !serves; i++)
		serves = s->kind == KIND_WEB && s->transactions >= SERVED &&
			 memcmp(&s->key.ip, host, sizeof(*host)) == 0;
	for (unsigned i = 0; b && serves && i < BUSY && i < b->n; i++) {
		uint64_t begin = b->wait[i].from > from ? b->wait[i].from : from;
		uint64_t end = b->wait[i].to < to ? b->wait[i].to : to;

		if (end > begin && (end - begin) * 2 >= to - from &&
			memcmp(&b->wait[i].s->key.ip, host, sizeof(*host)) == 0)
			return false;
	}
	return serves && !(b && b->n > BUSY);
}

static int by_from(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

uint64_t busy_with(const struct findings *f, const struct addr *host, uint64_t from, uint64_t to,
	uint64_t *requests)
{
	const struct busy *b = f->busy;
	uint64_t spell[BUSY][2], sum = 0, any = 0, done = 0;
	unsigned n = 0;

	host = host_of(f, host);
	for (unsigned i = 0; b && i < BUSY && i < b->n; i++) {
		if (b->wait[i].to <= from || b->wait[i].from >= to ||
			memcmp(&b->wait[i].s->key.ip, host, sizeof(*host)) != 0)
			continue;
		spell[n][0] = b->wait[i].from;
		spell[n][1] = b->wait[i].to;
		sum += spell[n][1] - spell[n][0];
		n++;
	}
	if (n)
		qsort(spell, n, sizeof(spell[0]), by_from);
	for (unsigned i = 0; i < n; i++) {
		uint64_t begin = spell[i][0] > done ? spell[i][0] : done;

		any += spell[i][1] > begin ? spell[i][1] - begin : 0;
		done = spell[i][1] > done ? spell[i][1] : done;
	}
	/* As many as one after the other would have been. */
	*requests = sum ? ((uint64_t)n * any + sum - 1) / sum : 0;
	return any;
}

uint64_t busy_explain(
	struct findings *f, const struct addr *host, uint64_t from, uint64_t to, bool lasting)
{
	unsigned i = had(f, host, from, to, to - from);
	struct busy *b = f->busy;
	uint64_t ns = to - from, left;

	if (i == BUSY)
		return ns;
	left = b->wait[i].to - b->wait[i].from - b->wait[i].explained;
	ns = ns < left ? ns : left;
	b->wait[i].explained += ns;
	b->wait[i].s->explained += ns;
	b->wait[i].lasting += lasting ? ns : 0;
	b->wait[i].s->lasting += lasting ? ns : 0;
	return ns;
}

void busy_begin(struct findings *f)
{
	struct busy *b = f->busy;
	struct svc *s;

	for (uint32_t i = 0; (s = svc_at(f, i)); i++)
		s->explained = s->lasting;
	for (unsigned i = 0; b && i < BUSY && i < b->n; i++)
		b->wait[i].explained = b->wait[i].lasting;
}
