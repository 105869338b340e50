/*
 * http2_hpack.c - header blocks (RFC 7541), decoded by libnghttp2 in bounded memory.
 *
 * A block is walked first, one representation at a time, and each is given to the inflater by
 * itself. After bytes were lost the inflater starts with an empty dynamic table: new entries come
 * to its front, so what was added since has the same index in the sender's table and in this one,
 * and an index behind that is not known. The same holds where this table is smaller than the
 * sender's. Such a representation is left out; where its name is unknown and it is added to the
 * table, something of the same place and no longer than it is added instead, so that an entry is
 * never taken for another.
 */
#include "http2.h"

#define TABLE_MAX 16384u /* bytes of dynamic table, by its own count (RFC 7541, 4.1) */
#define INT_MAX_H (1u << 30)

static void *mem_alloc(size_t size, void *s)
{
	return tsm_memory(s, NULL, size ? size : 1);
}

static void mem_free(void *p, void *s)
{
	if (p)
		(void)tsm_memory(s, p, 0);
}

static void *mem_zeroed(size_t n, size_t size, void *s)
{
	void *p;

	if (size && n > TSM_MEMORY_MAX / size)
		return NULL;
	p = mem_alloc(n * size, s);
	if (p)
		memset(p, 0, n * size);
	return p;
}

static void *mem_resize(void *p, size_t size, void *s)
{
	return tsm_memory(s, p, size ? size : 1);
}

void hpack_forget(struct hpack *hp)
{
	if (hp->inflater)
		nghttp2_hd_inflate_del(hp->inflater);
	hp->inflater = NULL;
	hp->whole = false;
}

static bool inflater_new(struct hpack *hp, nghttp2_mem *mem)
{
	if (nghttp2_hd_inflate_new2(&hp->inflater, mem) != 0) {
		hp->inflater = NULL;
		return false;
	}
	return nghttp2_hd_inflate_change_table_size(hp->inflater, TABLE_MAX) == 0;
}

void hpack_alone(struct hpack *hp, nghttp2_mem *mem)
{
	if (!inflater_new(hp, mem))
		hp->inflater = NULL;
}

static bool inflater_start(struct session *s, struct http2 *h, struct hpack *hp)
{
	if (hp->inflater)
		return true;
	h->mem = (nghttp2_mem){s, mem_alloc, mem_free, mem_zeroed, mem_resize};
	return inflater_new(hp, &h->mem);
}

/* An integer (5.1) whose first byte has `bits` of it. */
static uint32_t number(struct view *v, unsigned bits)
{
	uint32_t most = (1u << bits) - 1, n = (uint32_t)view_be(v, 1) & most;

	if (n < most)
		return n;
	for (unsigned shift = 0; shift <= 28; shift += 7) {
		uint32_t b = (uint32_t)view_be(v, 1);

		n += (b & 0x7fu) << shift;
		if (n > INT_MAX_H)
			break;
		if (!(b & 0x80u))
			return n;
	}
	v->bad = true;
	return 0;
}

static void skip_text(struct view *v)
{
	uint32_t n = number(v, 7);

	(void)view_take(v, n);
}

struct walk {
	struct hpack *hp;
	hpack_emit *emit;
	void *arg;
	uint32_t unknown, emitted;
};

/* Gives the inflater these bytes, one representation or a part of one. */
static bool feed(struct walk *w, const uint8_t *p, size_t n)
{
	while (n > 0) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(w->hp->inflater, &nv, &flags, p, n, 0);

		if (used < 0)
			return false;
		p += used;
		n -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT && w->emitted++ < HEADERS_MAX)
			w->emit(w->arg, view_of(nv.name, nv.namelen, 0),
				view_of(nv.value, nv.valuelen, 0));
		if (!used && !(flags & NGHTTP2_HD_INFLATE_EMIT))
			return n == 0;
	}
	return true;
}

static bool known(const struct walk *w, uint32_t index)
{
	return index <= nghttp2_hd_inflate_get_num_table_entries(w->hp->inflater);
}

static bool table_size(struct walk *w, const uint8_t *p, const struct view *v, uint32_t size)
{
	static const uint8_t most[] = {0x3f, 0xe1, 0x7f}; /* TABLE_MAX */

	return size <= TABLE_MAX ? feed(w, p, (size_t)(v->p - p)) : feed(w, most, sizeof(most));
}

/* A literal header field; `bits` of its index are in the first byte. */
static bool literal(struct walk *w, const uint8_t *p, struct view *v, unsigned bits)
{
	static const uint8_t placeholder[] = {0x40, 1, '-'};
	uint32_t index = number(v, bits);
	const uint8_t *value;

	if (!index)
		skip_text(v);
	value = v->p;
	skip_text(v);
	if (v->bad)
		return false;
	if (known(w, index))
		return feed(w, p, (size_t)(v->p - p));
	w->unknown++;
	if (bits != 6)
		return true;
	return feed(w, placeholder, sizeof(placeholder)) && feed(w, value, (size_t)(v->p - value));
}

static bool representation(struct walk *w, struct view *v)
{
	const uint8_t *p = v->p;
	uint32_t index;

	if (*p & 0x80u) {
		index = number(v, 7);
		if (v->bad || !index)
			return false;
		if (known(w, index))
			return feed(w, p, (size_t)(v->p - p));
		w->unknown++;
		return true;
	}
	if (*p & 0x40u)
		return literal(w, p, v, 6);
	if (*p & 0x20u) {
		index = number(v, 5);
		return !v->bad && table_size(w, p, v, index);
	}
	return literal(w, p, v, 4);
}

bool hpack_next(
	struct hpack *hp, struct view *block, hpack_emit *emit, void *arg, uint32_t *unknown)
{
	struct walk w = {hp, emit, arg, 0, 0};
	bool good = representation(&w, block);

	*unknown = w.unknown;
	return good;
}

uint32_t hpack_index(struct view *v)
{
	uint8_t first = view_len(v) ? *v->p : 0;

	return number(v, first & 0x80u ? 7 : first & 0x40u ? 6 : 4);
}

bool hpack_block(struct session *s, struct http2 *h, enum side side, struct view block,
	hpack_emit *emit, void *arg, uint32_t *unknown)
{
	struct hpack *hp = &h->half[side].hpack;
	struct walk w = {hp, emit, arg, 0, 0};
	bool good = true;

	*unknown = 0;
	if (!inflater_start(s, h, hp)) {
		hpack_forget(hp);
		*unknown = 1;
		return true;
	}
	while (good && block.p < block.end)
		good = representation(&w, &block);
	if (good)
		good = nghttp2_hd_inflate_end_headers(hp->inflater) == 0;
	*unknown = w.unknown;
	if (w.emitted > HEADERS_MAX)
		tsm_note(s, "http2: headers over the limit, the rest left unread");
	if (!good) {
		hpack_forget(hp);
		*unknown += 1;
	}
	return good;
}
