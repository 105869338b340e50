/*
 * interleave.c - what a protocol needs that carries several transactions on one connection at a
 * time and has windows of its own: whose bytes come now, what stops one of them, the request that
 * an upgrade leaves to be answered, and memory for a library.
 */
#include "core/interleave.h"
#include "core/ledger.h"
#include "core/session.h"
#include "core/shard.h"
#include "core/txn.h"
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

void tsm_turn(struct session *s, enum side side, struct tsm_txn which)
{
	struct txn *t = txn_of(which);
	s->interleaved = true;
	s->side[side].current = t;
	if (t)
		t->turned[side] = reading_of(s)->now.seen;
}

void tsm_bytes(struct tsm_txn which, enum side side, uint64_t bytes)
{
	struct txn *t = txn_of(which);

	if (!t)
		return;
	t->bytes[side] = bytes;
	t->has_bytes |= (uint8_t)(1u << side);
}

uint64_t tsm_window(
	struct session *s, struct tsm_txn which, enum side side, bool closed, const uint8_t *at)
{
	struct txn *t = txn_of(which);
	uint64_t offset, since, now;

	if (!t)
		return 0;
	now = txn_stamp(s, closed ? !side : side, at ? at - 1 : NULL, &offset).whole;
	since = t->window_since[side];
	if (closed) {
		if (!since)
			t->window_since[side] = now;
		return 0;
	}
	t->window_since[side] = 0;
	if (!since || now <= since)
		return 0;
	txn_stall_one(t, side == SIDE_CLIENT ? LEDGER_STALL_H2_CLIENT : LEDGER_STALL_H2_SERVER,
		since, now);
	return now - since;
}

void tsm_reset(struct session *s, struct tsm_txn which, enum side side, const uint8_t *at)
{
	struct txn *t = txn_of(which);
	uint64_t offset;

	if (!t)
		return;
	if (t->marks & 1u << 1 && !(t->marks & 1u << 3) && !t->doubtful)
		txn_closed_at(t, txn_stamp(s, side, at ? at - 1 : NULL, &offset).whole);
	t->called_off = side == SIDE_CLIENT;
	txn_finish(s, t);
}

void tsm_pass_on(struct session *s, struct tsm_txn which)
{
	struct txn *old = txn_of(which), *t;

	if (s->upgraded || !old || (old->marks & 3u) != 3u)
		return;
	t = txn_new(s, 0);
	if (!t)
		return;
	for (int i = 0; i < 2; i++) {
		t->stamp[i] = old->stamp[i];
		t->frame[i] = old->frame[i];
		t->offset[i] = old->offset[i];
	}
	t->marks = 3;
	ledger_copy(t, old);
	t->quality = old->quality;
	t->connect_retry = old->connect_retry;
	t->connect_network = old->connect_network;
	t->carries_connect = old->carries_connect;
	old->passed_on = 1;
	tsm_op(txn_name(t), view_of(old->buf + old->method.offset, old->method.len, 0),
		view_of(old->buf + old->object.offset, old->object.len, 0));
	s->upgraded = t;
}

struct tsm_txn tsm_upgraded(
	struct session *s, uint64_t key, struct view *method, struct view *object)
{
	struct txn *t = s->upgraded;

	if (!t)
		return TSM_NONE;
	s->upgraded = NULL;
	if (s->open >= TXN_OPEN_MAX) {
		txn_discard(s->shard, t);
		return TSM_NONE;
	}
	t->by = t->d = s->d;
	t->key = key;
	txn_append(s, t);
	*method = view_of(t->buf + t->method.offset, t->method.len, 0);
	*object = view_of(t->buf + t->object.offset, t->object.len, 0);
	return txn_name(t);
}

struct memory { /* before each piece given out */
	alignas(16) struct memory *next;
	struct memory *before;
	size_t size;
};

static void memory_unlink(struct session *s, const struct memory *m)
{
	if (m->before)
		m->before->next = m->next;
	else
		s->memory = m->next;
	if (m->next)
		m->next->before = m->before;
	s->memory_bytes -= sizeof(*m) + m->size;
	s->shard->app_bytes -= sizeof(*m) + m->size;
}

static void memory_link(struct session *s, struct memory *m)
{
	m->before = NULL;
	m->next = s->memory;
	if (m->next)
		m->next->before = m;
	s->memory = m;
	s->memory_bytes += sizeof(*m) + m->size;
	s->shard->app_bytes += sizeof(*m) + m->size;
}

void *tsm_memory(struct session *s, void *old, size_t size)
{
	struct memory *m = old ? (struct memory *)old - 1 : NULL;
	const struct shard *sh = s->shard;
	size_t had = m ? m->size + sizeof(*m) : 0;

	if (!size) {
		if (m)
			memory_unlink(s, m);
		free(m);
		return NULL;
	}
	if (size > TSM_MEMORY_MAX || s->memory_bytes - had + size + sizeof(*m) > TSM_MEMORY_MAX ||
		sh->app_bytes + sh->held_bytes - had + size + sizeof(*m) > sh->budget / 2) {
		tsm_note(s, "session: memory for a library used up");
		return NULL;
	}
	if (m)
		memory_unlink(s, m);
	m = xrealloc(m, sizeof(*m) + size);
	m->size = size;
	memory_link(s, m);
	return m + 1;
}

void session_memory_release(struct session *s)
{
	while (s->memory) {
		struct memory *m = s->memory;

		memory_unlink(s, m);
		free(m);
	}
}
