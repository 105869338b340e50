/*
 * answers.c - datagrams that answer what was not asked yet; see answers.h.
 */
#include "core/answers.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/stream.h"
#include "core/tcp.h"
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX 16u
#define BYTES_MAX   65536u

struct answer {
	struct answer *next;
	struct stamp at;
	uint32_t len, cut;
	uint8_t data[];
};

struct answers {
	struct answers *newer, *older; /* of the shard's sessions that have some */
	struct session *session;
	struct answer *first, *last;
	uint32_t n, bytes;
};

static struct answers *answers_new(struct session *s)
{
	struct shard *sh = s->shard;
	struct answers *q = xcalloc(1, sizeof(*q));

	q->session = s;
	q->older = sh->answers_last;
	if (sh->answers_last)
		sh->answers_last->newer = q;
	else
		sh->answers_first = q;
	sh->answers_last = q;
	s->answers = q;
	return q;
}

static void answers_free(struct session *s)
{
	struct shard *sh = s->shard;
	struct answers *q = s->answers;

	if (q->older)
		q->older->newer = q->newer;
	else
		sh->answers_first = q->newer;
	if (q->newer)
		q->newer->older = q->older;
	else
		sh->answers_last = q->older;
	s->answers = NULL;
	free(q);
}

bool answers_keep(struct session *s, struct view v, const struct stamp *at)
{
	struct shard *sh = s->shard;
	struct answers *q = s->answers;
	uint32_t len = (uint32_t)view_len(&v);
	struct answer *a;

	if (len > BYTES_MAX || sh->held_bytes > sh->budget / 4 ||
		(q && (q->n == ANSWERS_MAX || q->bytes + len > BYTES_MAX)))
		return false;
	if (!q)
		q = answers_new(s);
	a = xmalloc(sizeof(*a) + len);
	a->next = NULL;
	a->at = *at;
	a->len = len;
	a->cut = v.cut;
	if (len)
		memcpy(a->data, v.p, len);
	if (q->last)
		q->last->next = a;
	else
		q->first = a;
	q->last = a;
	q->n++;
	q->bytes += len;
	sh->held_bytes += sizeof(*a) + len;
	return true;
}

/* Takes the first one out, and the list away behind the last one. */
static struct answer *take(struct session *s)
{
	struct answers *q = s->answers;
	struct answer *a = q->first;

	q->first = a->next;
	if (!q->first)
		q->last = NULL;
	q->n--;
	q->bytes -= a->len;
	s->shard->held_bytes -= sizeof(*a) + a->len;
	if (!q->first)
		answers_free(s);
	return a;
}

/* False: the session is gone. again: it may wait once more. */
static bool read_first(struct session *s, bool again)
{
	const struct flow *f = s->flow;
	struct answer *a = take(s);
	struct stamp at = a->at, last = s->side[SIDE_SERVER].last;

	if (again && at.seen < s->side[SIDE_CLIENT].last.seen) /* what it answers came behind it */
		at.seen = at.whole = s->side[SIDE_CLIENT].last.seen;
	s->side[SIDE_SERVER].last = at;
	if (session_datagram(s, SIDE_SERVER, view_of(a->data, a->len, a->cut), &at, again))
		(void)answers_keep(s, view_of(a->data, a->len, a->cut), &a->at);
	free(a);
	if (flow_session(f) != s)
		return false;
	s->side[SIDE_SERVER].last = last;
	return true;
}

bool answers_read(struct session *s)
{
	bool there = true;

	for (uint32_t n = s->answers->n; n && there; n--)
		there = read_first(s, true);
	return there;
}

bool answers_due(struct session *s, uint64_t now)
{
	bool there = true;

	while (there && s->answers && s->answers->first->at.seen + EARLY_GRACE <= now)
		there = read_first(s, false);
	return there;
}

void answers_flush(struct session *s)
{
	bool there = true;

	while (there && s->answers)
		there = read_first(s, false);
}

void answers_drop(struct session *s)
{
	while (s->answers)
		free(take(s));
}

void answers_tick(struct shard *sh, uint64_t now)
{
	for (struct answers *q = sh->answers_first, *next; q; q = next) {
		next = q->newer;
		(void)answers_due(q->session, now);
	}
}
