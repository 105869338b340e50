/*
 * memo.c - texts that a dissector keeps with a connection by a key: bounded in number and bytes,
 * the least recently used is evicted.
 */
#include "core/memo.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/txn.h"
#include <stdlib.h>
#include <string.h>

#define BUCKETS   256u
#define BYTES_MAX 262144u

struct entry {
	uint64_t key;
	struct entry *next; /* in its bucket */
	struct entry *newer, *older;
	uint32_t len;
	uint8_t text[];
};

struct memo {
	struct entry *bucket[BUCKETS], *newest, *oldest;
	uint32_t n, bytes;
};

static struct entry **slot_of(struct memo *m, uint64_t key)
{
	struct entry **p = &m->bucket[key * UINT64_C(0x9e3779b97f4a7c15) >> 56];

	while (*p && (*p)->key != key)
		p = &(*p)->next;
	return p;
}

static void unlink_age(struct memo *m, struct entry *e)
{
	if (e->newer)
		e->newer->older = e->older;
	else
		m->newest = e->older;
	if (e->older)
		e->older->newer = e->newer;
	else
		m->oldest = e->newer;
}

static void link_newest(struct memo *m, struct entry *e)
{
	e->newer = NULL;
	e->older = m->newest;
	if (m->newest)
		m->newest->newer = e;
	else
		m->oldest = e;
	m->newest = e;
}

static void drop(struct session *s, struct entry **p)
{
	struct memo *m = s->memo;
	struct entry *e = *p;

	*p = e->next;
	unlink_age(m, e);
	m->n--;
	m->bytes -= e->len;
	s->shard->app_bytes -= sizeof(*e) + e->len;
	free(e);
}

void tsm_memo(struct session *s, uint64_t key, struct view text)
{
	struct shard *sh = s->shard;
	size_t n = view_len(&text) < TEXT_MAX ? view_len(&text) : TEXT_MAX;
	struct entry *e, **p;

	if (sh->app_bytes + sh->held_bytes > sh->budget / 2) {
		counters_add(&sh->engine->counters, "memo: memory budget used up", 1);
		tsm_forget(s, key);
		return;
	}
	if (!s->memo) {
		s->memo = xcalloc(1, sizeof(*s->memo));
		sh->app_bytes += sizeof(*s->memo);
	}
	/* Before what is kept goes: the text may be one that is kept. */
	e = xmalloc(sizeof(*e) + n);
	e->key = key;
	e->len = (uint32_t)n;
	if (n)
		memcpy(e->text, text.p, n);
	tsm_forget(s, key);
	while (s->memo->n >= TSM_MEMO_MAX || (s->memo->n && s->memo->bytes + n > BYTES_MAX)) {
		counters_add(&sh->engine->counters, "memo: oldest text given up", 1);
		drop(s, slot_of(s->memo, s->memo->oldest->key));
	}
	p = slot_of(s->memo, key);
	e->next = *p;
	*p = e;
	link_newest(s->memo, e);
	s->memo->n++;
	s->memo->bytes += e->len;
	sh->app_bytes += sizeof(*e) + e->len;
}

struct view tsm_recall(struct session *s, uint64_t key)
{
	struct entry *e = s->memo ? *slot_of(s->memo, key) : NULL;
	struct view none = {NULL, NULL, 0, false};

	if (!e)
		return none;
	unlink_age(s->memo, e);
	link_newest(s->memo, e);
	return view_of(e->text, e->len, 0);
}

void tsm_forget(struct session *s, uint64_t key)
{
	struct entry **p = s->memo ? slot_of(s->memo, key) : NULL;

	if (p && *p)
		drop(s, p);
}

void memo_free(struct session *s)
{
	if (!s->memo)
		return;
	while (s->memo->oldest)
		drop(s, slot_of(s->memo, s->memo->oldest->key));
	s->shard->app_bytes -= sizeof(*s->memo);
	free(s->memo);
	s->memo = NULL;
}
