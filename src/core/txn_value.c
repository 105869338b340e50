/*
 * txn_value.c - what a dissector says of a transaction: values of its fields, texts, and facts
 * about names and handles, one after the other in the transaction's buffer.
 */
#include "core/session.h"
#include "core/shard.h"
#include "core/txn.h"
#include <stdlib.h>
#include <string.h>

/* A new value without text yet, `text` bytes of room for it behind; NULL: over the limit. */
static struct value *room(struct txn *t, unsigned field, uint32_t text)
{
	uint32_t at = t->len, need = at + (uint32_t)sizeof(struct value) + (text + 7) / 8 * 8;
	struct value *v;

	if (need > VALUES_MAX + 4096 + t->facts) {
		t->quality |= 1u << QUALITY_TRUNCATED;
		return NULL;
	}
	if (need > t->cap) {
		uint32_t cap = t->cap;

		while (cap < need)
			cap *= 2;
		t->session->shard->app_bytes += cap - t->cap;
		t->buf = xrealloc(t->buf, cap);
		t->cap = cap;
	}
	t->len = need;
	t->nvalues++;
	v = (struct value *)(void *)(t->buf + at);
	*v = (struct value){.field = (uint16_t)field, .room = text};
	return v;
}

static uint32_t bounded(struct txn *t, const struct view *v)
{
	size_t n = view_len(v);

	if (n > TEXT_MAX) {
		n = TEXT_MAX;
		t->quality |= 1u << QUALITY_TRUNCATED;
	}
	return (uint32_t)n;
}

static bool may_have(const struct txn *t, unsigned field)
{
	return field >= 64 || t->valued >> field & 1;
}

/*
 * Values are a chain of struct value; one that is set again takes the place of the old one where it
 * fits, and else the old one is marked dead (field 0xffff). The old one stays where there is no
 * room.
 */
static struct value *value_new(struct txn *t, unsigned field, uint32_t text)
{
	bool again = t->d->fields && field != 0xffff && may_have(t, field);
	uint32_t at = 0, old = UINT32_MAX;
	struct value *v;

	for (uint32_t i = 0; again && i < t->nvalues; i++) {
		struct value *o = (struct value *)(void *)(t->buf + at);

		if (o->field == field && o->room >= text)
			return o;
		if (o->field == field)
			old = at;
		at += (uint32_t)sizeof(*o) + (o->room + 7) / 8 * 8;
	}
	if (t->text + text > VALUES_MAX) {
		t->quality |= 1u << QUALITY_TRUNCATED;
		return NULL;
	}
	v = room(t, field, text);
	if (!v)
		return NULL;
	if (old != UINT32_MAX)
		((struct value *)(void *)(t->buf + old))->field = 0xffff;
	t->text += text;
	if (field < 64)
		t->valued |= UINT64_C(1) << field;
	return v;
}

void tsm_u64(struct tsm_txn which, unsigned field, uint64_t value)
{
	struct txn *t = txn_of(which);
	struct value *v = t ? value_new(t, field, 0) : NULL;

	if (v)
		v->u64 = value;
}

void tsm_name(struct tsm_txn which, unsigned field, const char *constant)
{
	struct txn *t = txn_of(which);
	struct value *v = t && constant ? value_new(t, field, 0) : NULL;

	if (v)
		v->name = constant;
}

void tsm_str(struct tsm_txn which, unsigned field, struct view text)
{
	struct txn *t = txn_of(which);
	uint32_t n;
	struct value *v;

	if (!t)
		return;
	n = bounded(t, &text);
	v = value_new(t, field, n);
	if (!v)
		return;
	v->len = (uint16_t)n;
	if (n)
		memcpy(v + 1, text.p, n);
}

static struct value *value_find(struct txn *t, unsigned field)
{
	bool there = may_have(t, field);
	uint32_t at = 0;

	for (uint32_t i = 0; there && i < t->nvalues; i++) {
		struct value *v = (struct value *)(void *)(t->buf + at);

		if (v->field == field)
			return v;
		at += (uint32_t)sizeof(*v) + (v->room + 7) / 8 * 8;
	}
	return NULL;
}

void tsm_count(struct tsm_txn which, unsigned field)
{
	struct txn *t = txn_of(which);
	struct value *v = t ? value_find(t, field) : NULL;

	if (v)
		v->u64++;
	else
		tsm_u64(which, field, 1);
}

void tsm_add(struct tsm_txn which, unsigned field, struct view item)
{
	struct txn *t = txn_of(which);
	struct value *v;
	uint32_t n, old;

	if (!t)
		return;
	v = value_find(t, field);
	n = bounded(t, &item);
	old = v ? v->len : 0;
	if (old + 1 + n > TEXT_MAX) {
		t->quality |= 1u << QUALITY_TRUNCATED;
		return;
	}
	if (!v || old + 1 + n > v->room) { /* twice as much, so that little is given up */
		uint32_t before = v ? (uint32_t)((uint8_t *)v - t->buf) : 0;
		uint32_t room_for = (old + n + 32) * 2;

		v = value_new(t, field, room_for < TEXT_MAX ? room_for : TEXT_MAX);
		if (!v)
			return;
		if (old)
			memcpy(v + 1, t->buf + before + sizeof(*v), old);
		v->len = (uint16_t)old;
	}
	if (old)
		((uint8_t *)(v + 1))[v->len++] = '\n';
	if (n)
		memcpy((uint8_t *)(v + 1) + v->len, item.p, n);
	v->len = (uint16_t)(v->len + n);
}

static void fact(struct txn *t, enum fact_kind kind, uint64_t handle, unsigned k, unsigned field,
	const struct view *name)
{
	uint32_t n = name ? (uint32_t)view_len(name) : 0;
	uint32_t size = (uint32_t)sizeof(struct fact) + n;
	struct value *v;
	struct fact *f;

	if (!t || n > TEXT_MAX)
		return;
	if (t->facts + sizeof(*v) + size + 8 > FACTS_MAX) {
		tsm_note(t->session, "transaction: more names than are learned at once");
		return;
	}
	t->facts += (uint32_t)sizeof(*v) + (size + 7) / 8 * 8;
	v = room(t, VALUE_FACT, size);
	if (!v)
		return;
	v->len = (uint16_t)size;
	f = (struct fact *)(void *)(v + 1);
	*f = (struct fact){handle, k, (uint8_t)kind, (uint8_t)field, (uint16_t)n};
	if (n)
		memcpy(f + 1, name->p, n);
}

void tsm_learn(struct tsm_txn which, unsigned k, uint64_t parent, struct view name)
{
	fact(txn_of(which), FACT_LEARN, parent, k, 0, &name);
}

void tsm_learned(struct tsm_txn which, unsigned k, uint64_t handle)
{
	fact(txn_of(which), FACT_LEARNED, handle, k, 0, NULL);
}

void tsm_moved(struct tsm_txn which, uint64_t to, struct view name)
{
	fact(txn_of(which), FACT_MOVED, to, 0, 0, &name);
}

void tsm_removed(struct tsm_txn which, uint64_t parent, struct view name)
{
	fact(txn_of(which), FACT_REMOVED, parent, 0, 0, &name);
}

void tsm_where(struct tsm_txn which, unsigned field, uint64_t handle, struct view name)
{
	fact(txn_of(which), FACT_WHERE, handle, 0, field, &name);
}

static struct record_text text_value(struct txn *t, const struct view *a, const struct view *b)
{
	struct record_text r = {0, 0};
	uint32_t n = bounded(t, a), m = b ? bounded(t, b) : 0;
	struct value *v;

	if (b && n + m + 1 > TEXT_MAX)
		m = TEXT_MAX > n + 1 ? TEXT_MAX - n - 1 : 0;
	v = value_new(t, 0xffff, b ? n + 1 + m : n);
	if (!v)
		return r;
	r.offset = (uint32_t)((uint8_t *)(v + 1) - t->buf);
	r.len = b ? n + 1 + m : n;
	if (n)
		memcpy(v + 1, a->p, n);
	if (b) {
		((uint8_t *)(v + 1))[n] = ' ';
		if (m)
			memcpy((uint8_t *)(v + 1) + n + 1, b->p, m);
	}
	return r;
}

void tsm_op(struct tsm_txn which, struct view method, struct view object)
{
	struct txn *t = txn_of(which);

	if (!t)
		return;
	t->method = text_value(t, &method, NULL);
	t->object = text_value(t, &object, NULL);
	if (view_len(&method))
		t->query = text_value(t, &method, view_len(&object) ? &object : NULL);
}

void tsm_query(struct tsm_txn which, struct view text)
{
	struct txn *t = txn_of(which);

	if (t)
		t->query = text_value(t, &text, NULL);
}
