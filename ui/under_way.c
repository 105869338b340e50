/*
 * under_way.c - what is under way, in some lines of the overview: how much there is, and the
 * requests that have been waited for longest, with what most of that was.
 */
#include "under_way.h"
#include "timetravel.h"
#include "view.h"
#include "findings/findings.h"
#include "out/schema.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 16u

/* The oldest so far, the oldest first. */
struct oldest {
	struct ui *u;
	const struct txn_record *t[SHOWN];
	unsigned n, most;
};

static void take(void *arg, const struct record *r)
{
	struct oldest *x = arg;
	unsigned at = x->n;

	if (!moment_waits(r) || (x->u->filter && !filter_match(x->u->filter, r)))
		return;
	while (at && x->t[at - 1]->r.start > r->start)
		at--;
	if (at == x->most)
		return;
	if (x->n < x->most)
		x->n++;
	memmove(&x->t[at + 1], &x->t[at], (x->n - at - 1) * sizeof(x->t[0]));
	x->t[at] = (const void *)r;
}

/* What most of the waiting so far was, in plain words; NULL: nobody can tell. */
static const char *cause(const struct txn_record *t)
{
	int most = 0;

	if (t->total == FIELD_ABSENT || !t->total)
		return NULL;
	for (int i = 1; i < LEDGER_COUNT; i++)
		if (t->ledger[i] > t->ledger[most])
			most = i;
	return entry_words[most];
}

static void request(int y, const struct txn_record *t)
{
	int words = term_columns() < 100 ? 24 : 34;
	char line[400];
	struct text x;

	text_init(&x, line, sizeof(line));
	text_duration(&x, t->r.duration);
	term_right(y, 0, 9, x.p, ROLE_WARN);
	text_clear(&x);
	text_printf(&x, "%s ", t->r.type);
	text_escape(&x, (const char *)t + t->query.offset, t->query.len, 200);
	text_str(&x, " at ");
	text_endpoint(&x, &t->r.server.ip, t->r.server.port);
	if (cause(t))
		term_put(y, 10, words, cause(t), ROLE_SERVER);
	term_text(y, 11 + words, term_columns() - 11 - words, x.p, x.len, ROLE_TEXT);
}

static void say_more(struct text *t, uint64_t left_out)
{
	if (left_out)
		text_printf(t, " (%" PRIu64 " of them in no table)", left_out);
}

void under_way_line(const struct ui *u, struct text *t)
{
	const struct instant *m = u->moment;

	if (!m || (!m->flows && !m->requests))
		return;
	text_printf(
		t, "Under way: %" PRIu64 " request%s", m->requests, m->requests == 1 ? "" : "s");
	say_more(t, m->requests_left_out);
	text_printf(t, ", %" PRIu64 " connection%s", m->flows, m->flows == 1 ? "" : "s");
	say_more(t, m->flows_left_out);
	text_str(t, " with ");
	text_bytes(t, m->bytes);
	text_str(t, " so far");
}

/* Where records had to go, what is shown is of those that are left. */
static int window(struct ui *u, int y)
{
	char line[160];
	struct text t;

	if (u->shown == u->live || !store_first(u->store) || !u->moment)
		return y;
	text_init(&t, line, sizeof(line));
	text_str(&t, "All figures are of the last ");
	text_duration(&t, ui_listened(u));
	text_str(&t, ": records before that had to go (--keep)");
	term_text(y, 1, term_columns() - 1, t.p, t.len, ROLE_DIM);
	return y + 1;
}

int under_way_draw(struct ui *u, int y, int end)
{
	struct oldest x = {.u = u, .most = SHOWN};
	char line[200];
	struct text t;

	y = window(u, y);
	text_init(&t, line, sizeof(line));
	under_way_line(u, &t);
	if (!t.len || y >= end)
		return y;
	term_text(y++, 1, term_columns() - 1, t.p, t.len, ROLE_ACCENT);
	if (end - y < (int)SHOWN)
		x.most = (unsigned)(end - y);
	if (x.most)
		moment_each(u->moment, RECORD_TXN, take, &x);
	for (unsigned i = 0; i < x.n; i++)
		request(y++, x.t[i]);
	return y;
}
