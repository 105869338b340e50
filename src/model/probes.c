/* probes.c - see probes.h. */
#include "model/probes.h"
#include "api/layer.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/values.h"
#include <stdlib.h>
#include <string.h>

/* Not drawn: which client gives way to another must not be left to chance. */
static const struct hash_key hash = {
	{UINT64_C(0x9e3779b97f4a7c15), UINT64_C(0xd1b54a32d192ed03), UINT64_C(0x8cb92ba72f3d8dd7)}};

#define REFUSED_MAX  64u /* connections that were not let in, held back at a time */
#define FAILED_LEAST 3u  /* of a row */
#define NEAR         8u  /* places for a connection */
#define LOOK         8u  /* watched clients that are looked at, from the place of the hash on */

struct seen { /* a transaction, without its values */
	struct txn_record t;
	struct digest *digest;
	uint32_t id;    /* the digest's; it may have given way to another since */
	uint64_t after; /* the series' number when it was added (series_set_take_out()) */
	uint64_t name;  /* the finder's */
};

struct connection {
	uint64_t sign; /* of its operations */
	unsigned n;
	bool none;                     /* it cannot be a check */
	bool slow, says;               /* says: its user agent does */
	bool named;                    /* what it asks for nobody else does */
	bool failed;                   /* it had no answer, or an error */
	struct seen *txn[PROBES_TXNS]; /* made when first needed */
	struct service *service;       /* of the transactions */
};

struct check { /* a whole connection that may be one */
	struct flow_record flow;
	struct service *flows, *service; /* of the flow, of the transactions */
	uint64_t sign;
	bool slow, says, named, failed;
	unsigned n;
	struct seen txn[];
};

struct watched {
	struct probe p;
	uint64_t sign;
	uint64_t start, end; /* of the last connection; start 0: not in use */
	uint64_t period;     /* of the row that goes on */
	uint64_t pause;      /* in it: from the end of one to the next */
	unsigned run;        /* connections in a row */
	bool known;
	char *text;
	struct check *held[PROBES_LEAST]; /* the last ones of the row */
};

struct probes {
	const struct counted *of;
	struct check *waiting[PROBES_WAITING]; /* a heap, the one that began first on top */
	unsigned most, nwaiting, refused;      /* refused: of these, not let in */
	uint64_t newest;                       /* the latest end of a connection */
	bool ending; /* of the capture: those that are open come in any order */
	struct {
		uint64_t flow[NEAR]; /* 0: free */
		struct connection *of[NEAR];
	} pending[PROBES_PENDING / NEAR];
	struct watched watched[PROBES_MAX];
	const struct probe *list[PROBES_MAX];
};

struct probes *probes_new(const struct counted *c, unsigned waiting)
{
	struct probes *p = xcalloc(1, sizeof(*p));

	p->of = c;
	p->most = waiting;
	return p;
}

static void forget_row(struct watched *w)
{
	for (unsigned i = 0; i < PROBES_LEAST; i++) {
		free(w->held[i]);
		w->held[i] = NULL;
	}
	w->run = 0;
}

void probes_free(struct probes *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < PROBES_PENDING; i++) {
		struct connection *c = p->pending[i / NEAR].of[i % NEAR];

		for (unsigned k = 0; c && k < PROBES_TXNS; k++)
			free(c->txn[k]);
		free(c);
	}
	for (unsigned i = 0; i < p->nwaiting; i++)
		free(p->waiting[i]);
	for (unsigned i = 0; i < PROBES_MAX; i++) {
		forget_row(&p->watched[i]);
		tally_release(&p->watched[i].p.sum);
		free(p->watched[i].text);
	}
	free(p);
}

/* Asks for no more than an answer. */
static bool trivial(const struct txn_record *t, const struct digest *d)
{
	const struct tsm_model *m = record_model(&t->r);

	if (!m->check_methods)
		return app_encrypted(t->r.dissector);
	return name_listed(m->check_methods, (const char *)t + t->method.offset, t->method.len) &&
	       !(m->naming == NAMING_STATEMENT && memmem(d->text, d->len, " from ", 6));
}

/* The request says itself that it is a check. */
static bool says_so(const struct txn_record *t)
{
	const struct tsm_model *m = record_model(&t->r);

	return txn_says(t, m->check_field, m->check_values);
}

/* The last part of its path. */
static struct record_text last_part(const struct txn_record *t)
{
	struct record_text name = t->object;
	const char *p = (const char *)t + name.offset;
	uint32_t n = 0, from = 0;

	while (n < name.len && p[n] != '?') {
		from = p[n] == '/' ? n + 1 : from;
		n++;
	}
	name.offset += from;
	name.len = n - from;
	return name;
}

/* What it asks for is of interest to those who check only. */
static bool is_named(const struct txn_record *t)
{
	const struct tsm_model *m = record_model(&t->r);
	struct record_text part = last_part(t);

	return (m->check_only && name_listed(m->check_only, (const char *)t + t->method.offset,
					 t->method.len)) ||
	       (m->check_objects &&
		       name_listed(m->check_objects, (const char *)t + part.offset, part.len));
}

#define PATIENCE 50000000u /* ns; who closes sooner wanted no answer */

/* An error, or no answer at all. Whoever has seen an answer begin may have seen enough. */
static bool failed(const struct txn_record *t)
{
	uint32_t q = t->r.quality;

	if (txn_unknown(t) || q & (1u << QUALITY_PENDING | 1u << QUALITY_UNFINISHED) ||
		(t->r.status != STATUS_ERROR && t->r.status != STATUS_SERVER_ERROR))
		return false;
	return !(q & 1u << QUALITY_NO_RESPONSE) || !t->ended_by ||
	       strncmp(t->ended_by, "client", 6) != 0 ||
	       (t->total != FIELD_ABSENT && t->ledger[LEDGER_SERVER] >= PATIENCE);
}

static unsigned row_of(uint64_t flow)
{
	return hash_mix(flow, UINT64_C(0x9e3779b97f4a7c15)) % (PROBES_PENDING / NEAR);
}

/* The place in a row of the connection that is remembered; NEAR: it is not. */
static unsigned known_at(const uint64_t *row, uint64_t flow)
{
	unsigned i = 0;

	while (i < NEAR && row[i] != flow)
		i++;
	return i;
}

/* The less of it, the sooner its place is another's: a check is over soon. */
static uint64_t worth(const struct connection *c, uint64_t flow)
{
	if (!flow)
		return c ? 1 : 0;
	return c->none ? 2 : 2 + flow;
}

/* Where a connection is remembered from now on. */
static struct connection *remember(struct probes *p, uint64_t flow)
{
	unsigned row = row_of(flow), best = 0;
	uint64_t *flows = p->pending[row].flow;
	struct connection **of = p->pending[row].of;

	for (unsigned i = 1; i < NEAR; i++)
		if (worth(of[i], flows[i]) < worth(of[best], flows[best]))
			best = i;
	flows[best] = flow;
	if (!of[best])
		of[best] = xcalloc(1, sizeof(**of));
	return of[best];
}

void probes_txn(
	struct probes *p, struct service *s, const struct digest *d, const struct txn_record *t)
{
	unsigned row = row_of(t->r.flow_id), at = known_at(p->pending[row].flow, t->r.flow_id);
	struct connection *c = at < NEAR ? p->pending[row].of[at] : NULL;
	struct seen *x;

	if (!c) {
		c = remember(p, t->r.flow_id);
		c->n = 0;
		c->none = c->slow = c->says = c->failed = false;
		c->named = true;
		c->sign = 0;
		c->service = s;
	}
	if (c->none)
		return;
	if (c->n == PROBES_TXNS || c->service != s || !trivial(t, d)) {
		c->none = true;
		return;
	}
	c->says = c->says || says_so(t);
	c->named = c->named && is_named(t);
	c->slow = c->slow || (t->r.duration != FIELD_ABSENT && t->r.duration > PROBES_SLOW);
	c->failed = c->failed || failed(t);
	c->sign = hash_mix(c->sign + d->id, UINT64_C(0x9e3779b97f4a7c15)) + 1;
	if (!c->txn[c->n])
		c->txn[c->n] = xmalloc(sizeof(*x));
	x = c->txn[c->n];
	x->t = *t;
	x->t.nvalues = 0;
	x->t.method.len = x->t.object.len = x->t.query.len = 0;
	x->name = p->of->finder ? p->of->finder->name(t) : 0;
	x->after = p->of->series ? series_set_number(p->of->series) : 0;
	x->digest = (struct digest *)d;
	x->id = d->id;
	c->n++;
}

static void take_out(const struct counted *of, const struct check *c, const struct seen *x)
{
	struct tally one = {0};

	tally_add(&one, &x->t);
	services_take_out(of->services, c->service, &one);
	digests_take_out(of->digests, x->digest, x->id, &x->t, &one);
	tally_release(&one);
	if (of->series)
		series_set_take_out(of->series, c->service, &x->t, x->after);
	if (of->hosts)
		hosts_take_out(of->hosts, &x->t);
	if (of->slowest)
		slowest_take_out(of->slowest, &x->t);
	if (of->finder)
		of->finder->take_out(of->finder_arg, &x->t.r, x->name);
}

static void tell_failed(struct probes *p, const struct watched *w, const struct check *c)
{
	const struct txn_record *t = NULL;
	bool silent = false;

	for (unsigned i = 0; i < c->n; i++) {
		t = &c->txn[i].t;
		silent = silent || t->r.quality & 1u << QUALITY_NO_RESPONSE;
	}
	if (p->of->finder)
		p->of->finder->check_failed(p->of->finder_arg, &c->flow.r,
			!t       ? CHECK_REFUSED
			: silent ? CHECK_SILENT
				 : CHECK_ERROR,
			w->p.operation, w->p.len,
			!t            ? c->flow.r.flow_id
			: t->frame[2] ? t->frame[2]
				      : t->frame[0]);
}

/* Out of the sums of all, into its own. */
static void keep_apart(struct probes *p, struct watched *w, const struct check *c)
{
	uint64_t bytes = c->flow.r.client.bytes + c->flow.r.server.bytes;

	for (unsigned i = 0; i < c->n; i++) {
		take_out(p->of, c, &c->txn[i]);
		tally_add(&w->p.sum, &c->txn[i].t);
	}
	if (p->of->tiers)
		tiers_take_out(p->of->tiers, c->flow.r.flow_id);
	if (p->of->finder)
		p->of->finder->take_out(p->of->finder_arg, &c->flow.r, 0);
	if (c->failed)
		tell_failed(p, w, c);
	w->p.connections++;
	w->p.bytes += bytes;
	c->flows->flows--;
	c->flows->bytes -= bytes;
	c->flows->checks++;
}

/* Every so often: within a tenth, and what the check before took, as a timer may start at its end:
   then it is the pause that is always the same. */
static bool regular(const struct watched *w, uint64_t start)
{
	uint64_t a = start - w->start, b = start > w->end ? start - w->end : 0,
		 slack = w->period / 10;

	if (start < w->start || a < PROBES_PERIOD)
		return false;
	return !w->period || (a + slack >= w->period && a <= w->period + slack) ||
	       (b + slack >= w->period && b <= w->period + slack) ||
	       (b + w->pause / 10 >= w->pause && b <= w->pause + w->pause / 10);
}

static struct watched *watch(struct probes *p, const struct check *c)
{
	const struct flow_record *f = &c->flow;
	const struct service *s = c->flows;
	uint64_t sign = c->sign;
	uint64_t h = hash_bytes(&hash, sign ^ (uint64_t)s->port << 16 ^ s->transport,
		&f->r.client.ip, sizeof(f->r.client.ip));
	struct watched *w, *oldest = NULL;

	h ^= hash_bytes(&hash, 0, &s->ip, sizeof(s->ip));
	for (unsigned i = 0; i < LOOK; i++) {
		w = &p->watched[(h + i) % PROBES_MAX];
		if (w->start && w->sign == sign && w->p.service == s &&
			memcmp(&w->p.client, &f->r.client.ip, sizeof(w->p.client)) == 0)
			return w;
		if (!w->known && (!oldest || w->start < oldest->start))
			oldest = w;
	}
	if (!oldest)
		return NULL;
	forget_row(oldest);
	free(oldest->text);
	*oldest = (struct watched){.sign = sign};
	oldest->p.client = f->r.client.ip;
	oldest->p.service = s;
	return oldest;
}

static void name(struct watched *w, const struct check *c)
{
	const struct digest *d = c->n ? c->txn[c->n - 1].digest : NULL;

	w->p.len = d && d->id == c->txn[c->n - 1].id ? d->len : 0;
	w->text = xmalloc(w->p.len + 1);
	if (w->p.len)
		memcpy(w->text, d->text, w->p.len);
	w->text[w->p.len] = '\0';
	w->p.operation = w->text;
}

/* A connection that cannot be told from a check yet is held with the others of its row. */
static void hold(struct watched *w, struct check *c)
{
	free(w->held[0]);
	memmove(w->held, w->held + 1, sizeof(w->held) - sizeof(w->held[0]));
	w->held[PROBES_LEAST - 1] = c;
	w->run++;
}

static void found(struct probes *p, struct watched *w, const struct check *c)
{
	w->known = true;
	name(w, c);
	for (unsigned i = 0; i < PROBES_LEAST; i++)
		if (w->held[i])
			keep_apart(p, w, w->held[i]);
	forget_row(w);
}

/* Loss and closed windows are to be proved, whoever met them. */
static bool troubled(const struct flow_record *f)
{
	return f->syn_retries || f->accept_wait || f->trouble[0].retransmits ||
	       f->trouble[1].retransmits || f->trouble[0].zero_windows ||
	       f->trouble[1].zero_windows;
}

/* Does the connection come when the next of a row is due? */
static bool due(struct watched *w, const struct check *c)
{
	uint64_t start = c->flow.r.start;
	bool on_time = w->start && regular(w, start);

	if (!w->known && w->start && (!on_time || (c->slow && !c->failed))) {
		forget_row(w);
		w->period = 0;
	} else if (on_time) {
		if (!w->period)
			w->pause = start > w->end ? start - w->end : start - w->start;
		w->period = w->period ? w->period : start - w->start;
		w->p.period = start - w->start;
	}
	/* One that failed is tried again sooner. */
	on_time = on_time || (w->p.sum.errors && w->start && start >= w->start &&
				     start - w->start >= w->period / 2);
	w->start = start;
	w->end = c->flow.r.end;
	return on_time;
}

/* A connection that was not let in, of a client whose checks are known: it was to be one. */
static void not_let_in(struct probes *p, const struct check *c)
{
	for (unsigned i = 0; i < PROBES_MAX; i++) {
		const struct watched *w = &p->watched[i];

		if (w->known && w->p.service->port == c->flow.r.server.port &&
			memcmp(&w->p.service->ip, &c->flow.r.server.ip, sizeof(w->p.service->ip)) ==
				0 &&
			c->flow.r.start > w->start &&
			memcmp(&w->p.client, &c->flow.r.client.ip, sizeof(w->p.client)) == 0 &&
			c->flow.r.start - w->start >= w->period / 2) {
			tell_failed(p, w, c);
			return;
		}
	}
}

static bool any_failed(const struct watched *w)
{
	for (unsigned i = 0; i < PROBES_LEAST; i++)
		if (w->held[i] && w->held[i]->failed)
			return true;
	return false;
}

/* Requests that fail are a client's, unless it checks another server by the same, or nobody asks
   for such a thing but those who check. */
static bool checks_elsewhere(const struct probes *p, const struct watched *w, const struct check *c)
{
	const struct digest *d = c->n ? c->txn[c->n - 1].digest : NULL;

	for (unsigned i = 0; d && d->id == c->txn[c->n - 1].id && i < PROBES_MAX; i++) {
		const struct probe *x = &p->watched[i].p;

		if (p->watched[i].known && x->service != w->p.service && x->len == d->len &&
			memcmp(x->operation, d->text, d->len) == 0 &&
			memcmp(&x->client, &w->p.client, sizeof(x->client)) == 0)
			return true;
	}
	return false;
}

/* The next of all connections in time. Takes it over. */
static void settle(struct probes *p, struct check *c)
{
	struct watched *w;
	uint64_t others;
	bool on_time;

	if (c->flow.handshake == FIELD_ABSENT) {
		not_let_in(p, c);
		free(c);
		return;
	}
	w = watch(p, c);
	on_time = w && due(w, c);
	if (!w || troubled(&c->flow)) {
		free(c);
		return;
	}
	if (w->known) {
		if (on_time || c->says)
			keep_apart(p, w, c);
		free(c);
		return;
	}
	hold(w, c);
	others = c->flows->flows + c->flows->checks - c->flows->waiting - w->run;
	if (c->says ||
		(any_failed(w) ? w->run >= FAILED_LEAST && ((c->named && w->run >= PROBES_LEAST) ||
								   checks_elsewhere(p, w, c))
			       : w->run >= PROBES_LEAST && (others >= w->run || !c->n)))
		found(p, w, c);
}

static bool before(const struct check *a, const struct check *b)
{
	if (a->flow.r.start != b->flow.r.start)
		return a->flow.r.start < b->flow.r.start;
	return a->flow.r.flow_id < b->flow.r.flow_id;
}

static void push(struct probes *p, struct check *c)
{
	unsigned at = p->nwaiting++;

	c->flows->waiting++;
	p->refused += c->flow.handshake == FIELD_ABSENT;
	for (; at && before(c, p->waiting[(at - 1) / 2]); at = (at - 1) / 2)
		p->waiting[at] = p->waiting[(at - 1) / 2];
	p->waiting[at] = c;
}

static struct check *pop(struct probes *p)
{
	struct check *top = p->waiting[0], *c = p->waiting[--p->nwaiting];
	unsigned at = 0, child;

	while ((child = 2 * at + 1) < p->nwaiting) {
		if (child + 1 < p->nwaiting && before(p->waiting[child + 1], p->waiting[child]))
			child++;
		if (!before(p->waiting[child], c))
			break;
		p->waiting[at] = p->waiting[child];
		at = child;
	}
	p->waiting[at] = c;
	top->flows->waiting--;
	p->refused -= top->flow.handshake == FIELD_ABSENT;
	return top;
}

void probes_finish(struct probes *p)
{
	while (p->nwaiting)
		settle(p, pop(p));
}

static struct check *check_new(
	const struct flow_record *f, struct service *s, const struct connection *from)
{
	unsigned n = from ? from->n : 0;
	struct check *c = xcalloc(1, sizeof(*c) + n * sizeof(c->txn[0]));

	c->flow = *f;
	c->flows = c->service = s;
	c->n = n;
	if (from) {
		c->sign = from->sign;
		c->slow = from->slow;
		c->says = from->says;
		c->named = from->named;
		c->failed = from->failed;
		for (unsigned i = 0; i < n; i++)
			c->txn[i] = *from->txn[i];
	}
	return c;
}

void probes_flow(struct probes *p, struct service *s, const struct flow_record *f)
{
	unsigned row = row_of(f->r.flow_id), at = known_at(p->pending[row].flow, f->r.flow_id);
	struct connection *c = at < NEAR ? p->pending[row].of[at] : NULL;
	uint64_t bytes = f->r.client.bytes + f->r.server.bytes;

	if (c)
		p->pending[row].flow[at] = 0;
	if (f->r.end > p->newest)
		p->newest = f->r.end;
	/* Where the capture's end has cut its handshake there is no status. */
	if (f->handshake == FIELD_ABSENT && f->r.transport == IP_PROTO_TCP && f->r.status &&
		p->refused < REFUSED_MAX)
		push(p, check_new(f, s, NULL));
	else if (f->r.transport == IP_PROTO_TCP && bytes <= PROBES_BYTES &&
		 f->handshake != FIELD_ABSENT && f->transactions == (c ? c->n : 0) &&
		 (c ? !c->none && c->service == s : !f->side[0].payload && !f->side[1].payload))
		push(p, check_new(f, s, c));
	p->ending = p->ending || (f->close_reason && strcmp(f->close_reason, "capture_end") == 0);
	while (p->nwaiting &&
		(p->nwaiting >= p->most ||
			(!p->ending && p->waiting[0]->flow.r.end + PROBES_BACK < p->newest)))
		settle(p, pop(p));
}

static int compare(const void *a, const void *b)
{
	const struct probe *x = *(const struct probe *const *)a,
			   *y = *(const struct probe *const *)b;
	int c = memcmp(&x->client, &y->client, sizeof(x->client));

	c = c ? c : memcmp(&x->service->ip, &y->service->ip, sizeof(x->service->ip));
	c = c ? c : x->service->port - y->service->port;
	return c ? c : strcmp(x->operation, y->operation);
}

unsigned probes_list(struct probes *p, const struct probe ***list)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PROBES_MAX; i++)
		if (p->watched[i].known)
			p->list[n++] = &p->watched[i].p;
	qsort(p->list, n, sizeof(p->list[0]), compare);
	*list = p->list;
	return n;
}
