/* moments.c - see moments.h. */
#include "moments.h"
#include "base/mem.h"
#include "core/engine.h"
#include <stdlib.h>
#include <string.h>

/* Seconds that are kept; where moments are too large for that, not each of them is. */
#define REACH 600u

struct moments {
	struct instant *first, *last;
	struct instant *making; /* the one that records come for; NULL: none yet */
	uint64_t bytes, budget, made;
};

struct moments *moments_new(uint64_t budget)
{
	struct moments *m = xcalloc(1, sizeof(*m));

	m->budget = budget;
	return m;
}

struct instant *moment_hold(struct instant *m)
{
	if (m)
		m->refs++;
	return m;
}

void moment_release(struct instant *m)
{
	if (!m || --m->refs)
		return;
	free(m->data);
	free(m);
}

static void drop_first(struct moments *m)
{
	struct instant *x = m->first;

	m->first = x->next;
	if (!m->first)
		m->last = NULL;
	m->bytes -= sizeof(*x) + x->size;
	moment_release(x);
}

void moments_free(struct moments *m)
{
	if (!m)
		return;
	while (m->first)
		drop_first(m);
	moment_release(m->making);
	free(m);
}

static void *room(struct instant *x, size_t n)
{
	void *at;

	if (x->size - x->used < n) {
		x->size = x->size ? 2 * x->size + n : 4096 + n;
		x->data = xrealloc(x->data, x->size);
	}
	at = x->data + x->used;
	x->used += n;
	return at;
}

bool moment_waits(const struct record *r)
{
	return r->kind == RECORD_TXN && r->quality >> QUALITY_PENDING & 1 && !r->composite;
}

static void show_as(struct instant *x, struct record *r)
{
	if (!moment_waits(r))
		return;
	if (!r->status)
		r->status = STATUS_PENDING;
	r->duration = x->time > r->start ? x->time - r->start : 0;
	if (!x->oldest || r->start < x->oldest)
		x->oldest = r->start;
}

/* The time of a moment is known at its end only. */
static void show_all(struct instant *x)
{
	for (size_t at = 0; at < x->used;) {
		struct record *r = (void *)(x->data + at);

		at += r->size;
		show_as(x, r);
	}
}

static bool gives_way(const struct moments *m)
{
	const struct instant *x = m->last;

	return x && x != m->first && x->number % (x->size * REACH / (m->budget + 1) + 1);
}

static void take_out_last(struct moments *m)
{
	struct instant *x = m->first;

	while (x->next != m->last)
		x = x->next;
	m->bytes -= sizeof(*x) + m->last->size;
	moment_release(m->last);
	m->last = x;
	x->next = NULL;
}

static void finish(struct moments *m, uint64_t until)
{
	struct instant *x = m->making;

	m->making = NULL;
	x->until = until;
	if (x->used) {
		x->data = xrealloc(x->data, x->used);
		x->size = x->used;
	}
	show_all(x);
	x->number = ++m->made;
	if (gives_way(m))
		take_out_last(m);
	if (m->last)
		m->last->next = x;
	else
		m->first = x;
	m->last = x;
	m->bytes += sizeof(*x) + x->size;
	while (m->first != m->last && m->bytes > m->budget)
		drop_first(m);
}

bool moments_add(struct moments *m, const struct record *r, uint64_t until)
{
	const struct moment_record *mark = (const void *)r;
	struct instant *x;

	if (!m->making) {
		m->making = xcalloc(1, sizeof(*m->making));
		m->making->refs = 1;
	}
	x = m->making;
	if (r->kind != RECORD_MOMENT) {
		memcpy(room(x, r->size), r, r->size);
		return false;
	}
	x->time = r->start;
	x->flows += mark->flows;
	x->bytes += mark->bytes;
	x->requests += mark->requests;
	x->flows_left_out += mark->flows_left_out;
	x->requests_left_out += mark->requests_left_out;
	if (mark->shard != SHARDS - 1)
		return false;
	finish(m, until);
	return true;
}

struct instant *moments_last(const struct moments *m)
{
	return m->last;
}

struct instant *moments_at(const struct moments *m, uint64_t time)
{
	struct instant *found = NULL;

	for (struct instant *x = m->first; x && x->time <= time; x = x->next)
		found = x;
	return found;
}

void moment_each(const struct instant *m, enum record_kind kind,
	void (*fn)(void *arg, const struct record *r), void *arg)
{
	for (size_t at = 0; m && at < m->used;) {
		const struct record *r = (const void *)(m->data + at);

		at += r->size;
		if (r->kind == kind)
			fn(arg, r);
	}
}

/* In a copy, as what is shown stays as it is. */
void moment_feed(const struct instant *m, void (*fn)(void *arg, const struct record *r), void *arg)
{
	uint8_t *copy = NULL;
	uint32_t most = 0;

	for (size_t at = 0; m && at < m->used;) {
		const struct record *r = (const void *)(m->data + at);
		struct record *x;

		at += r->size;
		if (r->size > most) {
			most = r->size;
			copy = xrealloc(copy, most);
		}
		memcpy(copy, r, r->size);
		x = (void *)copy;
		if (x->kind == RECORD_FLOW) {
			struct flow_record *f = (void *)copy;

			f->final = true;
			if (!f->close_reason)
				f->close_reason = "capture_end";
		} else if (moment_waits(x)) {
			x->duration = FIELD_ABSENT;
			if (x->status == STATUS_PENDING)
				x->status = 0;
		}
		fn(arg, x);
	}
	free(copy);
}
